"""The nightly job: what is new goes into the store once, is diagnosed against history, and becomes a `Night`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import IO, Unpack, cast

from cdnlog import source
from cdnlog.catalog import DEFAULT_PROVIDER, say
from cdnlog.counts import Counts, requests_by
from cdnlog.declared import Lang
from cdnlog.diagnosis import Tables, findings
from cdnlog.errors import UsageError
from cdnlog.failpoints import failpoint
from cdnlog.filerun import Progress
from cdnlog.history import files_of, real, retention
from cdnlog.history.baseline import CHRONIC, WEEKS, Baseline, Compared, Seen
from cdnlog.history.entry import Entry
from cdnlog.history.ingest import Ingest, Intake
from cdnlog.history.ledger import Ledger
from cdnlog.history.nights import HISTORY, NightData, within
from cdnlog.history.store import temporary_prefix, writing
from cdnlog.history.tables import DAY, GRAIN
from cdnlog.model import FileReport, Finding, Inputs, Verdict
from cdnlog.options import Options, settings
from cdnlog.overlay import below
from cdnlog.results import Changed, Diagnosis, FileNews, Gone, Missing, Night
from cdnlog.settings import Settings
from cdnlog.text import visible
from cdnlog.zones import floor_to_window, name_of

KEEP = "7d,400d,5y"
_DAYS_OF_A_WEEK = 7
_BACKGROUND = "background"
_TAKING = ("grown", "replaced", "forced", "rotated")
"""Kinds of news that speak of the file alone; those lines of others it has besides are told apart."""


def nightly(  # noqa: PLR0913 - all but the first three by name
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | source.Found,
    store: str | os.PathLike[str],
    window: str = "5min",
    *,
    keep: str = KEEP,
    replace_lost: bool = False,
    deliver: Callable[[Night], None] | None = None,
    beside: Iterable[str | os.PathLike[str]] = (),
    rejects: IO[bytes] | None = None,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> Night:
    """Count what is new under some paths once and for all, and diagnose it against the nights before.

    Args:
        paths: Files, folders or globs.
        store: The store; made if it does not exist.
        window: Windows of the diagnosis, a multiple of 5 minutes.
        keep: How long to keep 5 minutes, hours and days, counted from the newest data: "7d,400d,5y".
        replace_lost: Let a file that lost lines since it was counted take the place of what was counted.
        deliver: Called with the night, the store still locked, to write reports; if it fails, the next run goes on.
        beside: Files that are no logs wherever they lie, such as reports.
        rejects: A binary file that gets one JSON line per rejected log line.
        progress: Called with the number of bytes after each read from disk.
        **options: See `cdnlog.options.Options`; without `by`, `since`, `until` and `domain`: whole files are counted.

    Returns:
        The night. The same files and the same store give the same night, however often it is told.

    Raises:
        StoreBusy: Another run has the store.
        StoreError: The store is damaged or cannot be written; what it held, it holds still.
        UsageError: An option cannot work.

    Example:
        >>> import cdnlog, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     night = cdnlog.nightly("sample_logs", f"{folder}/history.db")
        >>> night.number, len(night.counts.inputs.files)
        (1, 24)
    """
    (made, kept), place = planned(window, keep, options), Path(store)
    _check(found := _inputs_of(paths))
    with writing(place) as open_store:
        failpoint()
        ledger = Ledger(open_store)
        _check_zone(made, ledger)
        ingest = Ingest(ledger, made, kept, force=replace_lost, progress=progress)
        with open_store.together():
            with _rejects(rejects, place) as to:
                intake = ingest.run(_logs(found, [*files_of(place), *beside]), to)
            data = NightData(ledger, intake.night, ingest.zone, ingest.grains)
            night = _finished(data, intake, made)
        open_store.tidy()
        if deliver is not None:
            deliver(night)
        data.delivered()
        failpoint()
    return night


def planned(window: str, keep: str, options: Options) -> tuple[Settings, retention.Keep]:
    """Check how a night is to be made, before anything is read or written.

    Raises:
        UsageError: An option cannot work.
    """
    made = settings(window, options, GRAIN)
    if made.by or made.filters:
        raise UsageError("a night counts whole files; filter and group with 'cdnlog count --store' afterwards")
    return made, retention.keep(keep)


def _inputs_of(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | source.Found,
) -> source.Found:
    """Return the files, the same in whatever order the paths are named."""
    if isinstance(paths, source.Found):
        return paths
    named = [paths] if isinstance(paths, str | os.PathLike) else sorted(paths, key=os.fspath)
    return source.find(named)


def _logs(found: source.Found, beside: Iterable[str | os.PathLike[str]]) -> source.Found:
    """Leave out what lies among the logs and is none: the store with what belongs to it, and reports."""
    ours = {os.path.realpath(path) for path in beside}
    inputs = (one for one in found.inputs if one.remote is not None or os.path.realpath(one.path) not in ours)
    return replace(found, inputs=tuple(inputs))


def _check(found: source.Found) -> None:
    if any(one.path == source.STDIN for one in found.inputs):
        raise UsageError("a night is made of files that can be read again; standard input cannot be one")


def _check_zone(made: Settings, ledger: Ledger) -> None:
    own = ledger.setting("zone")
    if made.tz is not None and own is not None and name_of(made.tz) != own:
        raise UsageError(
            f"the days of this store begin at midnight of {own}; leave --tz out, 'cdnlog count --store' shows any zone"
        )


@contextmanager
def _rejects(rejects: IO[bytes] | None, store: Path) -> Iterator[tuple[IO[bytes], Path] | None]:
    """Give a folder for records of rejected lines, which the next run removes if this one is killed."""
    if rejects is None:
        yield None
        return
    folder = real(store).with_name(f"{temporary_prefix(store)}rejects.tmp")
    folder.mkdir()
    try:
        yield rejects, folder
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def _finished(data: NightData, intake: Intake, made: Settings) -> Night:
    """Tell a night, and write down that it is over."""
    how = _how(made)
    night = _told(data, intake, made, data.told(how))
    data.finish(_remembered(night), night.diagnosis, _latest(night.counts), how, anonymized=made.anonymize)
    return night


def _how(made: Settings) -> str:
    """Return what findings depend on besides the store, the user's own data by its content."""
    own = made.catalog.packed().own
    files = sorted(below(own, ".toml"), key=lambda named: named[0]) if own is not None else []
    data = [(name, sha256(file.read_bytes()).hexdigest()) for name, file in files]
    digest = sha256(json.dumps(data).encode()).hexdigest()[:16]
    return json.dumps([made.lang, made.window, made.provider, made.anonymize, digest])


def _found(data: NightData, counts: Counts, intake: Intake, made: Settings, baseline: Baseline) -> tuple[Finding, ...]:
    """Return the findings, each with how it compares with the nights before."""
    own = made.provider or max(sorted(data.providers.values()), key=list(data.providers.values()).count, default=None)
    tables = Tables(made.catalog, own or DEFAULT_PROVIDER, made.lang, {} if made.provider else data.providers)
    found = findings(counts, within(intake.evidence().evidence(), counts), tables, baseline)
    compared = baseline.compare(found, requests_by(counts, "domain"))
    return tuple(
        replace(one, state=how.state, evidence=(*one.evidence, *_compared(how, counts, made)))
        for one, how in zip(found, compared, strict=True)
    )


def _compared(how: Compared, counts: Counts, made: Settings) -> Iterator[dict[str, str]]:
    """Yield since when a finding has gone on, and what stands behind its state if it was there before."""
    if how.since:
        since = counts.shown(how.since)[:16].replace("T", " ")
        yield {"rule": "E02", "verdict": "confirms", "statement": say(made.lang, "history-since", since=since)}
    if how.days:
        facts = {"days": how.days, "known": how.known, "first": counts.shown(how.first)[:10], "least": CHRONIC}
        short = how.state == "chronic" and how.days < CHRONIC
        key, verdict = ("history-short", "not-measurable") if short else ("history-seen", "confirms")
        yield {"rule": "E02", "verdict": verdict, "statement": say(made.lang, key, **facts)}


def _told(data: NightData, intake: Intake, made: Settings, before: tuple[Finding, ...] | None) -> Night:
    """Return what there is to say of a night; what was said of it before is said again."""
    history = data.history()
    counts = replace(data.counts(made.window), inputs=_inputs(data, intake, made))
    baseline = Baseline(data.without(history), data.seen())
    found = _found(data, counts, intake, made, baseline) if before is None else before
    own = {entry.path for entry in _entries(data, intake)}
    lost = before is None and any(row.counts and row.path not in intake.candidates for row in data.entries)
    alone = days if (days := data.alone()) > HISTORY // DAY else 0
    return Night(
        diagnosis=Diagnosis(found, counts, made.lang),
        number=data.number,
        news=tuple(_news(data, intake, made)),
        changed=tuple(Changed(c.domain, counts.shown(c.hour), c.before, c.after) for c in data.changed()),
        missing=tuple(_missing(data, baseline, history)),
        gone=tuple(_gone(data, found, counts, history)),
        unknown=tuple(_unknown(data, history, made, alone=alone, lost=lost)),
        history=history,
        known=len(intake.candidates.keys() - own),
        days=_days(history),
        ends=data.ends,
        alone=alone,
        again=len(intake.candidates) if data.again() else None,
    )


def _seconds(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp())


def _entries(data: NightData, intake: Intake) -> list[Entry]:
    """Return the rows that the night is about: what came in, and what waits to be mended."""
    own = {entry.id: entry for entry in data.entries}
    waiting = data.waiting(intake.candidates)
    return sorted([*own.values(), *(row for row in waiting if row.id not in own)], key=lambda row: (row.path, row.id))


def _inputs(data: NightData, intake: Intake, made: Settings) -> Inputs:
    reports = list(intake.others)
    for entry in _entries(data, intake):
        candidate = intake.candidates.get(entry.path)
        report = entry.report(candidate.found.path if candidate else None)
        reports.append(report if entry.retired is None else _retired(report))
    inputs = Inputs(tuple(sorted(reports, key=lambda report: (report.path, report.verdict))), made.anonymize)
    inputs.total.check("all files")
    return inputs


def _retired(report: FileReport) -> FileReport:
    """Return the report of a file that another one of the same night took the place of."""
    return replace(
        report,
        verdict=Verdict.DUPLICATE,
        problem="all of its lines are in a file that took its place",
        accounting=report.accounting.withhold(),
        over_budget=False,
    )


def _news(data: NightData, intake: Intake, made: Settings) -> Iterator[FileNews]:
    for entry in _entries(data, intake):
        if entry.kind is not None:
            path, other = visible(entry.path), visible(entry.other or "")
            text = _sentence(entry, path, other, made.lang)
            yield FileNews(path, entry.kind, other, entry.before, entry.accounting.lines, text, entry.others)


def _sentence(entry: Entry, path: str, other: str, lang: Lang) -> str:
    """Return what is said of a file."""
    if entry.others:
        other = say(lang, "news-others" if entry.others > 1 else "news-others-one", other=other, n=f"{entry.others:,}")
    lines = entry.accounting.lines
    key = f"news-{entry.kind}"
    if entry.kind == "damaged" and entry.before:
        key = "news-kept"
    elif entry.kind == "redelivered" and entry.before == lines:
        key = "news-reordered"
    facts = {"path": path, "other": other, "before": f"{entry.before:,}", "after": f"{lines:,}"}
    text = say(lang, key, verdict=entry.verdict.value, **facts)
    return f"{text} {say(lang, 'news-besides', other=other)}" if other and entry.kind in _TAKING else text


def _missing(data: NightData, baseline: Baseline, history: Counts) -> Iterator[Missing]:
    span = data.span()
    for one in baseline.absences(history, *span) if span else ():
        yield Missing(one.domain, history.shown(one.starts), history.shown(one.ends), one.usual, one.whole, one.state)


def _gone(data: NightData, found: Iterable[Finding], counts: Counts, history: Counts) -> Iterator[Gone]:
    """Yield the incidents of the nights before that are not there any more, each when there first is later data."""
    present = {(one.domain, one.status) for one in found if one.cause != _BACKGROUND}
    present |= {(str(more["domain"]), cast("int", more["status"])) for one in found for more in one.also}
    told: set[str] = set()
    for one in data.over(_latest(counts)):
        if one.cause != _BACKGROUND and (one.domain, one.status) not in present and one.id not in told:
            told.add(one.id)
            yield Gone(one.id, one.domain, one.status, one.cause, history.shown(one.ends))


def _latest(counts: Counts) -> dict[str, int]:
    """Return the last window of each domain, in UTC seconds."""
    cells = counts.by("domain", "window_start").cells
    names = cells.values[0] or ()
    latest: dict[str, int] = {}
    for code, window in cells.keys.tolist():
        latest[str(names[code])] = max(window, latest.get(str(names[code]), window))
    return latest


def _unknown(data: NightData, history: Counts, made: Settings, *, alone: int, lost: bool) -> Iterator[str]:
    """Yield what cannot be known yet."""
    tell = partial(say, made.lang)
    days = _days(history)
    if data.number == 1:
        yield tell("unknown-first")
    elif days <= CHRONIC:
        yield tell("unknown-few", days=days, least=CHRONIC)
    elif days < _DAYS_OF_A_WEEK:
        yield tell("unknown-days", days=days)
    elif days < WEEKS * _DAYS_OF_A_WEEK:
        yield tell("unknown-weeks", days=days)
    if lost:
        yield tell("unknown-rows")
    if alone:
        yield tell("unknown-alone", days=f"{alone:,}")
    if stray := data.stray():
        yield tell("unknown-stray", requests=f"{stray:,}")


def _days(history: Counts) -> int:
    """Return the number of days with data."""
    starts = history.cells.keys[:, 0]
    return len(set(floor_to_window(starts, DAY, history.zone).tolist())) if len(starts) else 0


def _remembered(night: Night) -> Iterator[Seen]:
    """Yield what later nights compare with."""
    totals = requests_by(night.counts, "domain")
    for one in night.diagnosis:
        times = _seconds(one.start), _seconds(one.end)
        yield Seen(night.number, one.id, one.domain, one.status, one.cause, one.requests, totals[one.domain], *times)
