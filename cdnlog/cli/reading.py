"""The options that every command has that reads logs, and what such a command says on stderr."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast, get_args, get_type_hints

import cdnlog
from cdnlog.cli import apart, shared
from cdnlog.cli.files import atomic
from cdnlog.cli.guard import guarded, worst
from cdnlog.cli.progress import progress
from cdnlog.cli.screen import many, say
from cdnlog.errors import LOOKS_LIKE, NothingToAnalyse, UsageError, advice
from cdnlog.memory import keep_freed_memory
from cdnlog.model import FileReport, Inputs, Verdict
from cdnlog.options import CHOICE, OF_LOGS, Options, dask, refuse_of_logs
from cdnlog.pipeline import default_jobs
from cdnlog.source import DOCUMENTS, STDIN, UNFINISHED, Found, find, same_content
from cdnlog.windows import seconds, window_name

_NAMED = 3  # names that are told of many
_NAMES = {"fmt": "format"}  # parameters that are called otherwise than their options
_BEYOND = {
    "domains": "only those with most requests are named, all others are (other); --domain and --since leave some out",
    "windows": "they are put together to longer ones; --window and --since make them fewer",
}
"""What becomes of what is beyond a limit."""


@dataclass(frozen=True)
class Reading:
    """The shared options as given; attributes are the parameters of `shared.options`.

    Attributes:
        given: The options by name.
        found: The files to read.
        of_store: Whether a store takes their place.
    """

    given: dict[str, Any]
    found: Found
    of_store: bool = False

    @property
    def window(self) -> str:
        """The window, as given."""
        return str(self.given["window"])

    @property
    def quiet(self) -> bool:
        """Whether only trouble is to be said."""
        return bool(self.given["quiet"])

    @property
    def lang(self) -> str:
        """Language of the texts."""
        return str(self.given["lang"])

    @property
    def out(self) -> Path | None:
        """Where the result goes, None for standard output."""
        out: Path | None = self.given["out"]
        return out

    def options(self, by: list[str] | None = None) -> Options:
        """Return what the library's functions take by keyword; counts of a store are chosen when they are taken out."""
        options = self.choosing(by)
        left_out = CHOICE if self.of_store else ()
        return cast("Options", {name: value for name, value in options.items() if name not in left_out})

    def choosing(self, by: list[str] | None = None) -> Options:
        """Return what those functions take that count, or take counts out of a store."""
        options: dict[str, Any] = {name: self.given[name] for name in Options.__annotations__ if name in self.given}
        options |= {
            "format": self.given["fmt"],
            "processes": True,
            "domain": self.given["domain"] or (),
            "by": by or (),
        }
        left_out = OF_LOGS if self.of_store else ()
        return cast("Options", {name: value for name, value in options.items() if name not in left_out})

    @property
    def logs(self) -> Iterator[tuple[Path, str]]:
        """Yield the files to be read, with what they are."""
        for one in self.found.inputs:
            if one.verdict is None and one.remote is None:
                yield Path(one.path), "one of the logs to be read"

    @property
    def paths(self) -> list[str]:
        """The paths, as given."""
        paths: list[str] = self.given["paths"]
        return paths

    def stored(self, store: Path, by: list[str] | None = None) -> cdnlog.Counts:
        """Return the counts of a store; say so where it keeps less than is asked for."""
        counts = cdnlog.stored(store, self.window, **self.choosing(by))
        if not self.quiet:
            self._tell_aged(counts)
        if not counts.inputs.files:
            say("cdnlog: the store holds nothing there; look at --since and --until, and at 'cdnlog history'")
        return counts

    def _tell_aged(self, counts: cdnlog.Counts) -> None:
        from cdnlog.report.layout import speaker  # noqa: PLC0415 - only a store has what is old
        from cdnlog.report.tables import aged  # noqa: PLC0415 - as above

        for text in aged(counts.aged, speaker("en")):
            say(f"cdnlog: {text}")
        if "window_start" in counts.dims and counts.window > seconds(self.window):
            say(f"cdnlog: windows are {window_name(counts.window)} for that; --since leaves what is old out")

    @contextmanager
    def observed(self) -> Iterator[dict[str, Any]]:
        """Yield `rejects`, `progress` and `client` for a library call; what is wrong with the input `tell` tells."""
        to: Path | None = self.given["rejects"]
        with (
            atomic(to) if to else nullcontext() as rejects,
            self._cluster() as client,
            progress(self.found.size, quiet=self.quiet) as bar,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore", cdnlog.InputWarning)
            yield {"rejects": rejects, "progress": bar, **client}

    @contextmanager
    def _cluster(self) -> Iterator[dict[str, Any]]:
        """Yield `client` if a cluster is asked for, for the time of its use."""
        address: str | None = self.given["cluster"]
        if address is None or not self.paths:
            yield {}
            return
        jobs, debug = self.given["jobs"] or default_jobs(), bool(self.given["debug"])
        with dask().connected(address, jobs, logs=debug) as client:
            yield {"client": client}

    def tell(self, *sets: Inputs) -> int:
        """Say on stderr what became of the input, of each set if there are several; return the exit code of it."""
        inputs = sum(sets, Inputs())
        if not self.quiet:
            _tell_found(self.found, asked=bool(self.paths) and not self.of_store)
        _tell_files(inputs)
        for name, there in inputs.limits.items():
            say(f"cdnlog: limit reached: there are {there:,} {name}; {_BEYOND[name]}")
        if not self.quiet:
            _tell_lines(inputs, asked=self.of_store or self.given["rejects"] is not None)
        empty = [one.total for one in sets if not one.total.counted]
        if any(total.filtered for total in empty):
            say("cdnlog: every line was filtered; look at --since, --until and --domain")
        if self.given["require_data"] and empty:
            say(f"cdnlog: {NothingToAnalyse()}")
            return worst(inputs.exit_code, NothingToAnalyse.exit_code)
        return inputs.exit_code


def _tell_found(found: Found, *, asked: bool) -> None:
    if asked and not found.inputs:
        left_out = ", ".join(f"*{end}" for end in (*UNFINISHED, *DOCUMENTS))
        say(f"cdnlog: there is no file to read; in folders, hidden files and {left_out} are left out")
    if found.skipped:
        names = ", ".join(Path(name).name for name in found.skipped[:_NAMED])
        more = ", ..." if len(found.skipped) > _NAMED else ""
        say(f"cdnlog: left out, as hidden, unfinished, a linked folder or no log: {names}{more}")
    for first, second in same_content(found.inputs):
        say(f"cdnlog: {second}: same checksum and size as {first}; if it is the same log, it is counted twice")


def _tell_files(inputs: Inputs) -> None:
    for report in inputs.files:
        if report.verdict is Verdict.DUPLICATE or not report.complete:
            say(f"cdnlog: {trouble(report, _withheld(report))}")


def trouble(report: FileReport, more: str = "") -> str:
    """Return which file it is, what is wrong with it and why, what else is to be said of that, and what to do."""
    what = "above the reject budget" if report.over_budget else report.verdict
    return f"{report.path}: {what}: {report.problem}{more}{advice(report.verdict, report.problem)}"


def _withheld(report: FileReport) -> str:
    """Say what becomes of the lines of a file that is kept out of the totals."""
    if report.problem.startswith(LOOKS_LIKE):
        return "; nothing of it is counted"  # what is between the line ends of an archive is no line to speak of
    withheld = report.accounting.withheld
    return f"; its {withheld:,} lines are withheld" if withheld > 1 else "; its line is withheld" * withheld


def _tell_lines(inputs: Inputs, *, asked: bool) -> None:
    formats = sorted({report.format for report in inputs.files if report.format})
    total = inputs.total
    if formats:
        say(f"cdnlog: format {', '.join(formats)}; {many(len(inputs.files), 'file')}")
    say(f"cdnlog: {total}")
    if total.rejected:
        reasons = sorted(total.reject_reasons.items(), key=lambda item: (-item[1], item[0]))
        hint = "" if asked else "; --rejects FILE shows them"
        say(f"cdnlog: rejected: {', '.join(f'{reason} {n:,}' for reason, n in reasons)}{hint}")


def reading(
    command: Callable[..., int],
    *,
    helps: Mapping[str, str] | None = None,
    refused: Iterable[str] = (),
    days: bool = False,
) -> Callable[..., Any]:
    """Give a command the shared options: it is called with a `Reading` and its own options by name.

    Args:
        command: The command.
        helps: What shared options mean for this command, where that is something else.
        refused: Shared options that this command has an answer to instead of a use for: its help does not list them.
        days: Whether its paths are days of the store where one is given.
    """
    own = list(inspect.signature(command).parameters.values())[1:]
    hints = get_type_hints(command, include_extras=True)
    common = inspect.signature(shared.options)
    common_hints = get_type_hints(shared.options, include_extras=True)
    common_hints |= {name: _described(common_hints[name], help=text) for name, text in (helps or {}).items()}
    common_hints |= {name: _described(common_hints[name], hidden=True) for name in refused}
    first, *rest = common.parameters.values()
    nightly = any(p.name == "store" and p.default is p.empty for p in own)
    or_store = any(p.name == "store" and p.default is None for p in own)
    paths = first.replace(annotation=common_hints[first.name])
    parameters = [
        paths.replace(default=None) if or_store else paths,
        *(p.replace(annotation=hints[p.name], kind=p.POSITIONAL_OR_KEYWORD) for p in own),
        *(p.replace(annotation=common_hints[p.name]) for p in rest),
    ]

    @functools.wraps(command)
    def run(**given: Any) -> int:  # noqa: ANN401 - what typer parsed
        keep_freed_memory()
        mine = {p.name: given.pop(p.name) for p in own}
        given["paths"] = given["paths"] or []
        stored = or_store and mine["store"] is not None
        if stored:
            _check_stored(given, common.parameters, days=days)
        elif or_store and not given["paths"]:
            raise UsageError("name the logs to read, PATH..., or a store, --store FILE: one of the two")
        if given["paths"] == [STDIN] and sys.stdin is not None and sys.stdin.isatty():
            raise UsageError("standard input is a terminal; pipe a log into 'cdnlog ... -', or name its file")
        # A night is the same in whatever order its logs are named.
        paths = [] if stored else given["paths"]
        job = Reading(given, find(sorted(paths) if nightly else paths), of_store=stored)
        if not nightly:  # it has more to write, and looks at all of it at once
            apart.check((job.given["out"], job.given["rejects"]), [*job.logs, *apart.of_store(mine.get("store"))])
        return command(job, **mine)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return guarded(run)


def _check_stored(given: Mapping[str, Any], known: Mapping[str, inspect.Parameter], *, days: bool) -> None:
    """Refuse what cannot be done with a store instead of logs."""
    if given["paths"] and not days:
        raise UsageError("name the logs to read, PATH..., or a store, --store FILE: one of the two")
    named = {_NAMES.get(name, name): value for name, value in given.items() if value != known[name].default}
    refuse_of_logs(named, lambda name: f"--{name.replace('_', '-')}")


def _described(hint: Any, **told: Any) -> Any:  # noqa: ANN401 - an annotation
    """Return the annotation of an option that is described otherwise."""
    kind, option = get_args(hint)
    described = copy.copy(option)
    vars(described).update(told)
    return cast("Any", Annotated)[kind, described]
