"""Tables of counts, and the line on the health of the input that stands above everything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import nsmallest
from itertools import islice

from cdnlog.counts import Aged, Counts, DomainSummary, requests_by
from cdnlog.declared import Lang
from cdnlog.model import Verdict
from cdnlog.report.layout import Cell, Say, Section, clock, percent, speaker

_CODES_SHOWN = 40
_AGED = {0: "aged-out", 3600: "aged-hour", 86_400: "aged-day"}
MOST_ROWS = 50_000
"""Rows of a table for people; set side by side they must be in memory, all at once."""


def health(counts: Counts, lang: Lang) -> Section:
    """One note on the inputs: how many files and lines, from when to when, and what of them is missing."""
    say = speaker(lang)
    total, files = counts.inputs.total, counts.inputs.files
    span = _span(counts)
    many = say("file" if len(files) == 1 else "files", n=f"{len(files):,}")
    lines = say("line" if total.lines == 1 else "lines", n=f"{total.lines:,}")
    read = files or total.lines or not span  # counts of a part, or a sum, may come without what was read for them
    notes = [say("health", files=many, lines=lines, span=span).rstrip(", ") if read else span]
    twice = sum(report.accounting.withheld for report in files if report.verdict is Verdict.DUPLICATE)
    lost = {
        "filtered": total.filtered,
        "rejected": total.rejected,
        "repeated": twice,
        "withheld": total.withheld - twice,
    }
    if any(lost.values()):
        notes.append(say("not-counted", what=", ".join(say(what, n=f"{n:,}") for what, n in lost.items() if n)))
    if counts.inputs.anonymized:
        notes.append(say("anonymized"))
    notes += aged(counts.aged, say)
    notes += [
        say("incomplete", path=report.path, problem=report.problem or report.verdict)
        for report in files
        if not report.complete
    ]
    return Section(notes=tuple(notes))


def aged(old: Iterable[Aged], say: Say) -> Iterator[str]:
    """Say what a store keeps less finely, or no longer."""
    for one in old:
        yield say(_AGED[one.window], n=f"{one.requests:,}", before=clock(one.before))


def _span(counts: Counts) -> str:
    if "window_start" not in counts.dims or not len(counts):
        return ""
    starts = counts.cells.keys[:, counts.dims.index("window_start")]
    first, last = counts.shown(int(starts.min())), counts.shown(int(starts.max()) + counts.window)
    return f"{clock(first)} ~ {clock(last, zone=True)}"


def counted(counts: Counts, lang: Lang) -> Section:
    """The counts themselves, as JSON and CSV have them; these have all of them, however many."""
    headers = tuple("window" if dim == "window_start" else dim for dim in counts.dims)
    rows = tuple(islice(counts.rows(), MOST_ROWS))
    if "window_start" in counts.dims:
        length = len("2026-11-20 00:05:00") if counts.window % 60 else len("2026-11-20 00:05")
        rows = tuple((window[:length].replace("T", " "), *rest) for window, *rest in rows)
    return Section("", (*headers, "requests", "bytes"), rows, notes=_rest(len(counts), lang))


def _rest(rows: int, lang: Lang) -> tuple[str, ...]:
    """Say how many rows are not shown."""
    return (speaker(lang)("rows-more", n=f"{rows - MOST_ROWS:,}"),) if rows > MOST_ROWS else ()


def codes(counts: Counts, lang: Lang) -> list[Section]:
    """Every status of every domain over the whole time, the domains with most requests first."""
    say = speaker(lang)
    by_code, totals = counts.by("domain", "status"), requests_by(counts, "domain")
    first = nsmallest(_CODES_SHOWN, by_code.rows(), key=lambda row: (-totals[row[0]], row[0], row[1]))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (domain, str(status), n, percent(n, totals[domain]), sent) for domain, status, n, sent in first
    )
    headers = tuple(say(key) for key in ("domain", "code", "requests", "share", "bytes"))
    more = len(by_code) - _CODES_SHOWN
    notes = (say("codes-more", n=f"{more:,}"),) if more > 0 else ()
    return [Section(say("codes"), headers, rows, notes=notes)] if rows else []


def domains(counts: Counts, lang: Lang) -> list[Section]:
    """One row per domain: load, errors, hit ratio, bandwidth."""
    say = speaker(lang)
    heads = ("domain", "requests", "errors", "error-share", "hit-share")
    headers = (*(say(key) for key in heads), "GB", "Mbit/s", say("peak"))
    rows = tuple(_domain(row) for row in islice(counts.summary(), MOST_ROWS))
    notes = _rest(len(counts.by("domain")), lang) if len(rows) == MOST_ROWS else ()
    return [Section(say("domains"), headers, rows, notes=notes)] if rows else []


def _domain(row: DomainSummary) -> tuple[Cell, ...]:
    return (
        row.domain,
        row.requests,
        row.errors,
        percent(row.errors, row.requests),
        f"{row.hit_ratio:.1%}".removesuffix("%") if row.hit_ratio is not None else "-",
        f"{row.bytes / 1e9:.3f}",
        f"{row.mean_mbps:.2f}",
        f"{row.peak_mbps:.2f}",
    )
