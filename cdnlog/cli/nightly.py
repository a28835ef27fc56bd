"""`cdnlog nightly`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Self

import typer

import cdnlog
from cdnlog.catalog import DEFAULT_PROVIDER, Catalog
from cdnlog.cli import apart
from cdnlog.cli.commands import application
from cdnlog.cli.files import check
from cdnlog.cli.guard import INTERRUPTED, TERMINATED, Terminated, worst
from cdnlog.cli.output import Output, OutputOption, deliver
from cdnlog.cli.reading import Reading, reading, trouble
from cdnlog.cli.screen import many, say, width
from cdnlog.cli.shared import StoreOption
from cdnlog.cli.values import Command
from cdnlog.errors import EXIT_FINDING, NothingToAnalyse, UsageError
from cdnlog.failon import Burn, Condition, Severity, burning, conditions, fails
from cdnlog.failpoints import passed
from cdnlog.mute import Mute, read
from cdnlog.report import NIGHT_OUTPUTS, render
from cdnlog.results import FileNews, Night
from cdnlog.slo import spends_by_table, target

_ROLLED_BACK = "the file that was being counted is rolled back, what was finished stays; run again to go on"


_HELPS = {
    "paths": "Files, folders or globs.",
    "window": "Windows of the diagnosis, whole fives of minutes that divide a day: 5m, 15m, 1h, 1d.",
    "require_data": "Exit 4 if nothing new came since the last night was told, or not one line was counted.",
    "tz": "Zone that days begin in and times are shown in, from the first night on; else the logs' own.",
}
app = application()

ReportOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Write a report: html=FILE, markdown=FILE, json=FILE, prometheus=FILE. Repeatable; without one the "
        "result goes to standard output.",
        metavar="KIND=FILE",
    ),
]
FailOnOption = Annotated[
    str,
    typer.Option(
        help="Exit 1 if a finding is as bad as this severity or worse, or, with --slo, at or above this burn rate: "
        "high,burn:14.4/1h; or never.",
        metavar="CONDITIONS",
    ),
]


@app.command(cls=Command)
@partial(reading, helps=_HELPS, refused=("domain", "since", "until"))
def nightly(  # noqa: PLR0913, PLR0917 - one parameter per option, typer passes them by name
    job: Reading,
    store: StoreOption,
    report: ReportOption = None,
    keep: Annotated[
        str,
        typer.Option(
            help="How long to keep 5 minutes, hours and days, counted from the newest data.", metavar="LENGTHS"
        ),
    ] = "7d,400d,5y",
    replace: Annotated[
        bool, typer.Option("--replace", help="Let files that lost lines take the place of what was counted of them.")
    ] = False,
    slo: Annotated[
        str | None,
        typer.Option("--slo", help="Objective in per cent of requests that do not fail: 99.9.", metavar="PERCENT"),
    ] = None,
    mutes: Annotated[
        Path | None, typer.Option("--mute", help="Known findings to silence, with reason and end date.", metavar="FILE")
    ] = None,
    fail_on: FailOnOption = "high",
    output: OutputOption = Output.table,
) -> int:
    """Count what is new exactly once, compare with the nights before, write reports. For cron and systemd.

    cdnlog nightly logs/ --store history.db --report html=report.html

    cdnlog nightly logs/ --store history.db --report prometheus=/var/lib/node_exporter/cdnlog.prom --fail-on never

    cdnlog nightly s3://bucket/logs/ --store history.db

    Says nothing when all is well, and one line otherwise. Run it again after whatever went wrong: what was counted is
    counted once. Exit codes: 0 well, 1 a finding at or above --fail-on, 2 wrong usage, 3 input incomplete, 4 nothing
    new came or could be counted (--require-data), 70 a bug of ours, 74 output or store not written, 75 another run has
    the store, 130 interrupted, 143 terminated.
    """
    from cdnlog.cli.reports import wanted  # noqa: PLC0415 - only nightly and history need SQLite
    from cdnlog.night import planned  # noqa: PLC0415 - as above

    reports = wanted(report or (), NIGHT_OUTPUTS)
    planned(job.window, keep, job.options())
    aims = _Aims.of(slo, mutes, fail_on)
    options = {"keep": keep, "replace_lost": replace}
    _check(job, store, mutes, reports, output)

    def work() -> int:
        night = _night(job, store, reports, aims, options, output)
        if not reports and job.out is None:
            deliver(night, output, None, job.lang)
        return _exit(night, aims, require_data=bool(job.given["require_data"]))

    return _stoppable(work)


def _night(  # noqa: PLR0913, PLR0917 - what a night is made from, and where it goes
    job: Reading,
    store: Path,
    reports: Mapping[Path, str],
    aims: _Aims,
    options: Mapping[str, Any],
    output: Output,
) -> Night:
    """Count and tell a night; what is written of it to files is written while the store is locked."""
    from cdnlog.cli.reports import put  # noqa: PLC0415 - as above

    told: list[Night] = []

    def hand_out(night: Night) -> None:
        told.append(aims.applied(night, job))
        if rejects is not None:
            rejects.flush()  # what cannot be written must fail before the night passes for told
        put({path: render(told[0], kind, width(), night.lang) for path, kind in reports.items()}, store)
        if job.out is not None:
            deliver(told[0], output, job.out, job.lang)

    beside = [*reports, *_aside(job)]
    with job.observed() as observers:
        rejects = observers["rejects"]
        cdnlog.nightly(
            job.found, store, job.window, deliver=hand_out, beside=beside, **options, **job.options(), **observers
        )
    return told[0]


def _aside(job: Reading) -> Iterator[Path]:
    return (path for path in (job.out, job.given["rejects"]) if path is not None)


def _check(job: Reading, store: Path, mutes: Path | None, reports: Collection[Path], output: Output) -> None:
    """Refuse outputs that would be lost, that something else would be lost by, or that cannot be written."""
    if reports and (job.out is not None or output is not Output.table):
        raise UsageError("--out and -o tell where the result goes without --report; name that file as a report too")
    mine = [(mutes, "the list of mutes")] if mutes is not None else []
    apart.check([*reports, *_aside(job)], [*job.logs, *apart.of_store(store), *mine])
    for path in [*reports, *_aside(job)]:
        check(path)


def _stoppable(work: Callable[[], int]) -> int:
    """Do the work; if a signal stops it, say what that means for the store."""
    try:
        return work()
    except KeyboardInterrupt:
        say(f"cdnlog: interrupted; {_ROLLED_BACK}")
        return INTERRUPTED
    except Terminated:
        say(f"cdnlog: terminated; {_ROLLED_BACK}")
        return TERMINATED


@dataclass(frozen=True)
class _Aims:
    """What a night is held to.

    Attributes:
        percent: The objective, None without one.
        mutes: Findings to silence.
        conditions: What makes the night fail.
    """

    percent: float | None
    mutes: tuple[Mute, ...]
    conditions: tuple[Condition, ...]

    @classmethod
    def of(cls, slo: str | None, mutes: Path | None, fail_on: str) -> Self:
        """Read the options, before any log is read."""
        percent = target(slo) if slo is not None else None
        return cls(
            percent, read(mutes) if mutes is not None else (), conditions(fail_on, objective=percent is not None)
        )

    def applied(self, night: Night, job: Reading) -> Night:
        """Return the night with mutes and budget."""
        if self.mutes:
            night = night.muted(self.mutes)
        if self.percent is None:
            return night
        # Only an objective needs to know whose codes count against it.
        from cdnlog.api import most_asked  # noqa: PLC0415

        provider = job.given["provider"] or most_asked(night.counts.inputs.files) or DEFAULT_PROVIDER
        return night.held_to(self.percent, spends_by_table(Catalog(job.given["schemas"]), provider, {}))


def _exit(night: Night, aims: _Aims, *, require_data: bool) -> int:
    """Say in one line what is not well, nothing if all is; return the exit code."""
    failing = fails(aims.conditions, night)
    empty = require_data and (night.again is not None or not night.counts.cells.sums[:, 0].sum())
    code = worst(
        night.counts.inputs.exit_code, EXIT_FINDING if failing else 0, NothingToAnalyse.exit_code if empty else 0
    )
    if code or _worrying(night):
        troubles = [*_came(night, empty=empty), *_findings(night, aims.conditions, failing=failing), *_lacking(night)]
        which = f"night {night.number}{' again' if night.again is not None and night.ends else ''}"
        say(f"cdnlog: {which}: {'; '.join(troubles)}; exit {code}")
    if (points := passed()) is not None:
        say(f"cdnlog: failpoints: {points}")
    return code


def _worrying(night: Night) -> bool:
    """Whether something is to be said that no exit code stands for: no log at all, or numbers that cannot be right."""
    if night.again is not None:
        return night.again == 0  # the rest is told when it is new
    return bool(night.missing or night.alone or _twice(night))


def _twice(night: Night) -> list[FileNews]:
    """Return the files that share lines with others, all of which count."""
    return [one for one in night.news if one.kind == "overlap"]


def _came(night: Night, *, empty: bool) -> Iterator[str]:
    """Tell that nothing came, and what there was before."""
    if night.again is not None:
        found = f"{many(night.again, 'file')} found and known already" if night.again else "no log found"
        last = f", the last data ends {night.history.shown(night.ends)}" if night.ends else ""
        yield f"nothing new came: {found}{last}"
    elif empty:
        yield "nothing to analyse: not one line was counted"


def _findings(night: Night, asked: Sequence[Condition], *, failing: bool) -> Iterator[str]:
    """Tell of the findings that make the night fail."""
    for burn in [one for one in asked if isinstance(one, Burn)]:
        for rate, span, domain in burning(burn, night)[:1]:
            yield f"burn {rate:.1f} over {span} on {domain}"
    worst_of = [one for one in asked if isinstance(one, Severity)]
    if failing and any(night.diagnosis.at_or_above(one.name) for one in worst_of):
        first = night.diagnosis.items[0]
        more = sum(one.severity == first.severity for one in night.diagnosis) - 1
        others = f" and {more:,} more {first.severity}" if more else ""
        yield f"{first.severity}: {first.status} on {first.domain}, {first.cause} ({first.state}){others}"


def _lacking(night: Night) -> Iterator[str]:
    """Tell what of the input is not there, why, and what to do."""
    files = [report for report in night.counts.inputs.files if not report.complete]
    if files:
        of = f"{len(files):,} of {many(len(night.counts.inputs.files), 'file')} incomplete"
        yield f"{of}, {'first ' if len(files) > 1 else ''}{trouble(files[0])}"
    if twice := _twice(night):
        shares, first = ("share", "first ") if twice[1:] else ("shares", "")
        yield f"{many(len(twice), 'file')} {shares} lines with another one that counts: {first}{twice[0].path}"
    if gaps := night.gaps:
        first = f"{'first ' if gaps[1:] else ''}{gaps[0].domain} from {gaps[0].start}"
        yield f"{many(len(gaps), 'gap')} in the data, {first}{' (chronic)' if gaps[0].state == 'chronic' else ''}"
    if night.alone:
        yield f"a wrong clock? the newest day is {night.alone:,} days after the one before, older data may be dropped"
