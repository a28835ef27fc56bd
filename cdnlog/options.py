"""The options of everything that reads logs, as the user gives them -> `Settings`, or a clear refusal."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, tzinfo
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, cast

from cdnlog.catalog import Catalog, language
from cdnlog.errors import UnknownNameError, UsageError
from cdnlog.filerun import host_key
from cdnlog.pipeline import check_columns, default_jobs
from cdnlog.settings import Settings
from cdnlog.source import BLOCK, MOST
from cdnlog.text import visible
from cdnlog.windows import seconds
from cdnlog.zones import zone

if TYPE_CHECKING:
    from distributed import Client

F = TypeVar("F", bound=Callable[..., Any])


class Options(TypedDict, total=False):
    """What every reading function takes by keyword; all may be left out.

    format: Name of the files' format ("tencent-cdn"), or a server's format string ("nginx:$remote_addr ...",
        "apache:%h ..."); else it is detected per file.
    provider: Code table to ask; else the format's own.
    by: Columns to count by besides window, domain and status; naming one of these three keeps only those named.
    tz: Zone to show times and align windows in; else the offset of the logs, UTC where files differ.
    log_tz: Zone of lines that name none; else the format's own.
    since: First instant, ISO 8601 text, date or datetime; without an offset it is in `tz`.
    until: First instant no longer kept.
    domain: Glob or globs of the domains to keep.
    domain_name: Domain of lines that name none.
    jobs: Files read at the same time; else as many as there are processors.
    max_rejects: Share of rejected lines above which a file is reported as incomplete; else 0.01.
    keep_damaged: Take the lines of truncated and corrupt files too, as far as they can be read.
    anonymize: Cut client addresses to /24 and /48 and drop query strings, ports, fragments and users before anything
        else sees them; of rejected lines only the shape is recorded.
    processes: Read in processes instead of threads: faster, and safe only where no other thread runs.
    schemas: Folder with formats and code tables of your own.
    lang: Language of a diagnosis: "en" or "ko".
    block: Bytes parsed at a time; only tests have a reason to change it.
    client: A `distributed.Client`: read on the workers of its scheduler, which must see the files under the same paths
        (`pip install 'cdnlog[dask]'`). Your own `schemas` travel. Frames are counted here all the same.
    """

    format: str | None
    provider: str | None
    by: Iterable[str]
    tz: str | tzinfo | None
    log_tz: str | tzinfo | None
    since: str | date | None
    until: str | date | None
    domain: str | Iterable[str]
    domain_name: str | None
    jobs: int | None
    max_rejects: float
    keep_damaged: bool
    anonymize: bool
    processes: bool
    schemas: str | os.PathLike[str] | None
    lang: str
    block: int
    client: Client | None


OF_LOGS = frozenset(
    {"format", "log_tz", "domain_name", "keep_damaged", "max_rejects", "rejects", "jobs", "block", "client", "cluster"}
)
"""What tells how logs are read: nothing of it can change what a store counted."""


CHOICE = frozenset({"since", "until", "domain"})
"""What chooses among requests: it must be said where they are counted."""


def refuse_of_logs(given: Mapping[str, Any], spelt: Callable[[str], str] = str) -> None:
    """Refuse options of a store that would change nothing.

    Args:
        given: Options by name; None and False stand for not given.
        spelt: How the user spells a name.

    Raises:
        UsageError: There is one.
    """
    for name, value in given.items():
        if name in OF_LOGS and value is not None and value is not False:
            raise UsageError(
                f"{spelt(name)} is about reading logs, and a store holds only what was counted of them; "
                "leave it out, or name the logs instead of the store"
            )


def spelt_out(function: F) -> F:
    """Name every option in the signature of a function that takes them, for `help` and for completion."""
    signature = inspect.signature(function)
    kept = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    own = {p.name for p in kept}
    named = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind.__forward_arg__)
        for name, kind in Options.__annotations__.items()
        if name not in own
    ]
    function.__signature__ = signature.replace(parameters=[*kept, *named])  # type: ignore[attr-defined]
    return function


def settings(window: str, options: Options, kept: int = 1) -> Settings:
    """Check the options and return the settings.

    Args:
        window: Length of a window.
        options: The options.
        kept: Seconds by which the counts are kept, see `windows.seconds`.

    Raises:
        UsageError: An option cannot work; the message says which and what to give instead.
    """
    options = _checked(options)
    schemas = options.get("schemas")
    client = options.get("client")
    catalog = Catalog(Path(schemas) if schemas is not None else None)
    tz, log_tz = options.get("tz"), options.get("log_tz")
    made = Settings(
        window=seconds(window, kept),
        by=names_of("by", options.get("by")),
        format=options.get("format"),
        provider=options.get("provider"),
        tz=zone(tz) if isinstance(tz, str) else tz,
        log_tz=zone(log_tz) if isinstance(log_tz, str) else log_tz,
        since=_moment("since", options.get("since")),
        until=_moment("until", options.get("until")),
        domains=names_of("domain", options.get("domain")),
        domain_name=options.get("domain_name"),
        jobs=_at_least_one("jobs", jobs if (jobs := options.get("jobs")) is not None else default_jobs()),
        processes=options.get("processes", False),
        max_rejects=options.get("max_rejects", 0.01),
        keep_damaged=options.get("keep_damaged", False),
        anonymize=options.get("anonymize", False),
        catalog=catalog if client is None else catalog.packed(),
        lang=language(options.get("lang", "en")),
        block=min(_at_least_one("block", options.get("block", BLOCK)), MOST),
        cluster=None if client is None else dask().DaskCluster(client),
    )
    _check(made)
    return made


def dask() -> ModuleType:
    """Return the module that runs on a cluster.

    Raises:
        UsageError: What it needs is not installed.
    """
    try:
        return import_module("cdnlog.cluster")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("dask", "distributed"):
            raise
        raise UsageError("a cluster needs dask, which is not installed: pip install 'cdnlog[dask]'") from error


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "format": ((str,), "the name of a format, such as 'tencent-cdn', or 'nginx:...'"),
    "provider": ((str,), "the name of a code table, such as 'tencent-cdn'"),
    "tz": ((str, tzinfo), "a zone, such as '+08:00' or 'Asia/Seoul'"),
    "log_tz": ((str, tzinfo), "a zone, such as '+08:00' or 'Asia/Seoul'"),
    "since": ((str, date), "a time, such as '2026-11-20 10:00', a date or a datetime"),
    "until": ((str, date), "a time, such as '2026-11-20 10:00', a date or a datetime"),
    "domain_name": ((str,), "the name of a domain"),
    "jobs": ((int,), "a whole number"),
    "max_rejects": ((int, float), "a share between 0 and 1"),
    "keep_damaged": ((bool,), "True or False"),
    "anonymize": ((bool,), "True or False"),
    "processes": ((bool,), "True or False"),
    "schemas": ((str, os.PathLike), "a folder"),
    "lang": ((str,), "'en' or 'ko'"),
    "block": ((int,), "a whole number"),
}
"""What an option may be, and how that is said."""


def _checked(options: Options) -> Options:
    """Return the options that are given, each of the kind it must be; None stands for not given."""
    for name, value in options.items():
        if name not in Options.__annotations__:
            raise UnknownNameError("option", name, [*Options.__annotations__, "progress", "rejects", "window"])
        kinds, words = _KINDS.get(name, ((object,), ""))
        if value is not None and not isinstance(value, kinds):
            raise UsageError(f"{name} is {words}, not {visible(repr(value))}")
    return cast("Options", {name: value for name, value in options.items() if value is not None})


def names_of(option: str, value: object) -> tuple[str, ...]:
    """Return one name or several as a tuple.

    Raises:
        UsageError: It is something else.
    """
    names = [value] if isinstance(value, str) else [] if value is None else value
    made = tuple(names) if isinstance(names, Iterable) and not isinstance(names, bytes) else (value,)
    for name in made:
        if not isinstance(name, str):
            raise UsageError(f"{option} is a name or several, such as '{_SUCH[option]}', not {visible(repr(value))}")
    return made


_SUCH = {"by": "cache", "columns": "status", "domain": "www.*"}


def _check(made: Settings) -> None:
    check_columns(made.by, [*made.catalog.columns(), "window"])
    for name in set(made.by) & {"bytes", "time", "weight"}:
        raise UsageError(f"'{name}' is nothing to count by; name a column whose values repeat, or window")
    if made.domain_name is not None and host_key(made.domain_name) is None:
        raise UsageError(f"domain-name '{visible(made.domain_name)}' is no host name or address")
    if made.since and made.until and _same_kind(made.since, made.until) and made.since > made.until:
        raise UsageError(f"since {made.since} is after until {made.until}; nothing is between them")
    if made.format is not None:
        made.catalog.format(made.format)
    if made.provider is not None:
        made.catalog.explain(made.provider, 0)
    if not 0 <= made.max_rejects <= 1:
        raise UsageError(f"max-rejects is a share between 0 and 1, not {made.max_rejects}")


def _same_kind(one: datetime, other: datetime) -> bool:
    return (one.tzinfo is None) == (other.tzinfo is None)


def _moment(name: str, value: str | date | None) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - naive means: in `tz`
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        problem = (
            f"{name} '{visible(value)}' is no time; write 2026-11-20, '2026-11-20 10:00' or 2026-11-20T10:00+08:00"
        )
        raise UsageError(problem) from None


def _at_least_one(name: str, value: int) -> int:
    if not isinstance(value, int) or value < 1:
        raise UsageError(f"{name} must be 1 or more, not {value!r}")
    return value
