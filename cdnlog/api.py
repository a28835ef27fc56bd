"""The public functions. The command line only parses options, calls these, and renders what they return."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from operator import index
from typing import IO, TYPE_CHECKING, Any, SupportsIndex, Unpack

from cdnlog import source
from cdnlog.aggregate import Tally, grid
from cdnlog.answers import Answer
from cdnlog.catalog import DEFAULT_PROVIDER
from cdnlog.counts import Counts, windowed
from cdnlog.errors import UsageError
from cdnlog.evidence import Evidence
from cdnlog.filerun import Progress
from cdnlog.filters import filtered
from cdnlog.gather import Gatherer
from cdnlog.given import PROVIDER, Paths, batches, check_rejects, paths_of, told_apart
from cdnlog.model import FileReport, Inputs
from cdnlog.options import Options, names_of, settings, spelt_out
from cdnlog.pipeline import Counter, check_columns
from cdnlog.pipeline import stream as stream_batches
from cdnlog.progressbar import observer
from cdnlog.settings import Settings
from cdnlog.zones import UTC_ZONE

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from cdnlog.given import Frames
    from cdnlog.results import Diagnosis, Difference

_LAST_CODE = 999
_ALL = ""  # among the providers of domains: of all that are not named


class InputWarning(UserWarning):
    """Some input is missing, damaged or largely unreadable; the result is right for the rest.

    Example:
        >>> import warnings, cdnlog
        >>> with warnings.catch_warnings(record=True, action="always") as told:
        ...     counts = cdnlog.count(["sample_logs/2026112003-api.example.com.gz", "gone.log"])
        >>> print(told[0].category.__name__, told[0].message)
        InputWarning gone.log: missing: no such file
    """


@spelt_out
def count(
    paths_or_frames: Paths | Frames,
    window: str = "5min",
    *,
    rejects: IO[bytes] | None = None,
    progress: Progress | bool | None = None,
    **options: Unpack[Options],
) -> Counts:
    """Count requests and bytes per domain, time window and status.

    Args:
        paths_or_frames: A file, folder, glob or "-", several of them, or frames made by `read` or `stream`. A frame's
            times are UTC: without `tz` its windows, and bounds without offset, are UTC too.
        window: Length of a window, a divisor of a day: "1m", "5min", "1h", "1d".
        rejects: A binary file that gets one JSON line per rejected log line.
        progress: True for a line on stderr, or what is called with the number of bytes after each read from disk,
            from several threads.
        **options: See `cdnlog.options.Options`.

    Returns:
        The counts; `Counts.inputs` says what became of every file and line. Times are UTC inside and shown in
        `tz`, bytes are those sent to clients.

    Raises:
        UsageError: An option cannot work, or a frame lacks a column.
        InputWarning: As a warning, when input is incomplete: damaged files are kept out of the totals.

    Example:
        >>> import cdnlog
        >>> cdnlog.count("sample_logs/2026112000-www.example.com.gz", window="1h").frame["status"].dtype
        Int16Dtype()
    """
    counts, *_ = _counted(paths_or_frames, settings(window, options), rejects, progress, gather=False)
    return counts


@spelt_out
def diagnose(
    source_of_counts: Paths | Frames | Counts,
    window: str = "5min",
    *,
    rejects: IO[bytes] | None = None,
    progress: Progress | bool | None = None,
    **options: Unpack[Options],
) -> Diagnosis:
    """Say which errors occurred, whose they are and what to do first, worst first.

    Args:
        source_of_counts: What `count` takes, or counts by window, domain and status.
        window: As in `count`; counts that are given keep their own.
        rejects: As in `count`.
        progress: As in `count`.
        **options: See `cdnlog.options.Options`.

    Returns:
        The findings with the counts they stand on.

    Raises:
        UsageError: An option cannot work (counts that are given are not cut by `since`, `until` and `domain`), or the
            counts lack a dimension.

    Example:
        >>> import cdnlog
        >>> [f.status for f in cdnlog.diagnose("sample_logs", domain="api.example.com")][:2]
        [509, 502]
    """
    # Together 35 ms, which counting does without.
    from cdnlog.diagnosis import Tables, findings  # noqa: PLC0415
    from cdnlog.results import Diagnosis  # noqa: PLC0415

    made = settings(window, options)
    if isinstance(source_of_counts, Counts):
        _check_whole(made)
        counts, evidence = source_of_counts, None
        providers: dict[str, str] = {}
    else:
        counts, evidence, providers = _counted(source_of_counts, made, rejects, progress, gather=True)
    own = made.provider or providers.pop(_ALL, None) or _provider(counts)
    tables = Tables(made.catalog, own, made.lang, {} if made.provider else providers)
    return Diagnosis(findings(counts, evidence, tables), counts, made.lang, rows=evidence is not None)


@spelt_out
def diff(
    before: Paths | Frames | Counts,
    after: Paths | Frames | Counts,
    *,
    rejects: IO[bytes] | None = None,
    progress: Progress | bool | None = None,
    **options: Unpack[Options],
) -> Difference:
    """Compare two sets of logs: which codes became more or less frequent, which paths were lost.

    Args:
        before: The first set, as in `count`, or counts by domain and status; then no paths are compared.
        after: The second.
        rejects: As in `count`; both sets go into one file.
        progress: As in `count`.
        **options: See `cdnlog.options.Options`; `by` has no effect.

    Returns:
        The changes with their 95 % intervals; a change is named only where it is no chance, and there are none where
        one of the sets has not one request.

    Raises:
        UsageError: An option cannot work; counts that are given are not cut by `since`, `until` and `domain`.

    Example:
        >>> import cdnlog
        >>> made = cdnlog.diff("sample_logs/2026112002-api.example.com.gz", "sample_logs/2026112003-api.example.com.gz")
        >>> [change.kind for change in made.changes if change.status == 502]
        ['new']
    """
    # As above.
    from cdnlog.diagnosis import changes, lost_paths  # noqa: PLC0415
    from cdnlog.results import Difference  # noqa: PLC0415

    made = settings("5min", {**options, "by": ()})
    if isinstance(before, Counts) or isinstance(after, Counts):
        _check_whole(made)
    (first, old), (second, new) = (
        (side, None) if isinstance(side, Counts) else _counted(side, made, rejects, progress, gather=True)[:2]
        for side in (before, after)
    )
    lost = None if old is None or new is None else lost_paths(old, new, second)
    return Difference(changes(first, second), lost, first, second, made.lang)


@spelt_out
def stream(
    paths: Paths,
    columns: Iterable[str] | None = None,
    *,
    progress: Progress | bool | None = None,
    **options: Unpack[Options],
) -> Iterator[pd.DataFrame]:
    """Yield frames of canonical columns, in the order of files and lines, a few thousand rows each.

    Args:
        paths: A file, folder, glob or "-", or several of them.
        columns: Canonical columns wanted, all that the format has if None; absent ones are absent, never invented.
        progress: As in `count`.
        **options: See `cdnlog.options.Options`; `window`, `by` and `jobs` have no effect.

    Yields:
        Frames: `time` datetime64[us, UTC], `status` Int16, numbers Int64 (bytes in bytes, durations in ms), `domain`
        and other repeating words as categories, free text as Arrow-backed strings with control characters escaped.

    Raises:
        DamagedInput: At the end of a file that is truncated, corrupt, missing or of unknown format; frames that
            came before may hold wrong rows. Not with `keep_damaged`.
        UsageError: An option cannot work.

    Example:
        >>> import cdnlog
        >>> sum(len(f) for f in cdnlog.stream("sample_logs/2026112000-api.example.com.gz", ["time", "status"])) > 0
        True
    """
    from cdnlog.frames import frame_of  # noqa: PLC0415 - pandas costs 0.4 s, counting does without

    for table in tables(paths, columns, progress=progress, **options):
        if table.num_rows:
            yield frame_of([table])


@spelt_out
def read(
    paths: Paths,
    columns: Iterable[str] | None = None,
    *,
    progress: Progress | bool | None = None,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Read all rows into one frame; arguments, columns and errors are those of `stream`.

    Returns:
        One frame of all files, in the order of files and lines, with a fresh index.

    Example:
        >>> import cdnlog
        >>> cdnlog.read("sample_logs/2026112000-api.example.com.gz", ["status", "bytes"]).dtypes.astype(str).tolist()
        ['Int16', 'Int64']
    """
    from cdnlog.frames import frame_of  # noqa: PLC0415 - pandas costs 0.4 s, counting does without

    reports: list[FileReport] = []
    frame = frame_of(tables(paths, columns, progress=progress, reports=reports, **options))
    provider = most_asked(reports)
    return frame if provider is None else _marked(frame, provider)


def tables(
    paths: Paths,
    columns: Iterable[str] | None = None,
    *,
    rejects: IO[bytes] | None = None,
    progress: Progress | bool | None = None,
    reports: list[FileReport] | None = None,
    **options: Unpack[Options],
) -> Iterator[pa.Table]:
    """Yield the rows as Arrow tables, empty ones too, what `stream` turns into frames; fill `reports` file by file."""
    from cdnlog.frames import arrow_table  # noqa: PLC0415 - pyarrow costs 0.13 s, counting does without

    made = settings("5m", options)
    known = list(made.catalog.columns())
    wanted = known if columns is None else list(names_of("columns", columns))
    check_columns(wanted, known)
    done: list[FileReport] = reports if reports is not None else []
    found = source.find(paths_of(paths))
    with observer(progress, found.size) as told:
        table = partial(arrow_table, order=wanted)
        for item in stream_batches(found, made, wanted, table, check_rejects(rejects), told):
            if isinstance(item, FileReport):
                done.append(item)
                _warn([item] if item.verdict.counts else [])
            else:
                yield item


def explain(
    code: SupportsIndex | str,
    provider: str = DEFAULT_PROVIDER,
    *,
    lang: str = "en",
    schemas: str | os.PathLike[str] | None = None,
) -> Answer:
    """Say what a status code means at a provider, whose it is and what to do first.

    Args:
        code: 0 (no status) to 999, codes that no table knows are answered by their class; or one of the vendor's own
            error words.
        provider: Name of a code table.
        lang: Language it is told in: "en" or "ko".
        schemas: Folder with code tables of your own.

    Returns:
        The answer, with its source; it prints as text, and is a card in a notebook.

    Raises:
        UsageError: The code is no status and no word, or there is no such provider.

    Example:
        >>> import cdnlog
        >>> cdnlog.explain(514).entry.owner
        'cdn-config'
    """
    made = settings("5min", {"schemas": schemas, "provider": provider, "lang": lang})
    if isinstance(code, str):
        found = made.catalog.asked(provider, code)
    elif not isinstance(code, SupportsIndex) or isinstance(code, bool) or not 0 <= index(code) <= _LAST_CODE:
        raise UsageError(f"{code} is no status code; one has three digits, or is 0 where no status was sent")
    else:
        found = made.catalog.explain(provider, index(code))
    return replace(found, language=made.lang)


def _counted(
    given: Paths | Frames, made: Settings, rejects: IO[bytes] | None, progress: Progress | bool | None, *, gather: bool
) -> tuple[Counts, Evidence, dict[str, str]]:
    """Count paths or frames, and gather evidence if asked for; return also which code table each domain asks for."""
    frames, paths = told_apart(given)
    if frames is not None:
        return _counted_frames(frames, made, gather=gather)
    found = source.find(paths)
    with observer(progress, found.size) as told:
        counter = Counter(made, check_rejects(rejects), told, gather=gather)
        counts = counter.run(found)
    _warn(counts.inputs.files)
    return counts, counter.evidence, counter.providers


def _check_whole(made: Settings) -> None:
    """Refuse to choose among requests that are counted already.

    Raises:
        UsageError: It is asked for.
    """
    for name, value in {"since": made.since, "until": made.until, "domain": made.domains}.items():
        if value:
            raise UsageError(f"counts that are given are taken whole; give {name} to what makes them: count or stored")


def _counted_frames(frames: Iterable[Any], made: Settings, *, gather: bool) -> tuple[Counts, Evidence, dict[str, str]]:
    cell = grid(made.window)
    tally, gatherer = Tally(made.dimensions, cell), Gatherer(cell)
    providers: dict[str, str] = {}
    for rows, provider in batches(frames, made):
        if provider is not None:
            providers.setdefault(_ALL, provider)
        batch = filtered(rows, made, UTC_ZONE)
        tally.add(batch)
        if gather:
            gatherer.add(batch)
    counts = windowed(tally.counts(), made.window, made.tz or UTC_ZONE)
    return replace(counts, inputs=Inputs((), made.anonymize)), gatherer.kept().evidence(), providers


def _provider(counts: Counts) -> str:
    """Return the code table of most counted lines."""
    return most_asked(counts.inputs.files) or DEFAULT_PROVIDER


def most_asked(reports: Iterable[FileReport]) -> str | None:
    """Return the code table of most counted lines, None without any."""
    lines: dict[str, int] = {}
    for report in reports:
        if report.provider:
            lines[report.provider] = lines.get(report.provider, 0) + report.accounting.counted
    return max(lines, key=lambda name: (lines[name], name), default=None)


def _marked(frame: pd.DataFrame, provider: str) -> pd.DataFrame:
    frame.attrs[PROVIDER] = provider
    return frame


def _warn(files: Iterable[FileReport]) -> None:
    for report in files:
        if not report.complete:
            warnings.warn(f"{report.path}: {report.verdict}: {report.problem}", InputWarning, stacklevel=4)


__all__ = [
    "Counts",
    "InputWarning",
    "count",
    "diagnose",
    "diff",
    "explain",
    "read",
    "stream",
]
