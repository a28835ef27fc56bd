"""What a person sees of a result, as sections of plain rows; table, Markdown and CSV only set them."""

from __future__ import annotations

from dataclasses import dataclass, field

from cdnlog.catalog import Answer
from cdnlog.counts import Counts, DomainSummary
from cdnlog.declared import Code
from cdnlog.model import Finding, Listing
from cdnlog.results import Diagnosis

Cell = str | int | float | None
Document = Counts | Diagnosis | Answer | Listing


@dataclass(frozen=True)
class Section:
    """A titled table and the paragraphs under it; either may be empty.

    Attributes:
        title: Heading, empty for none.
        headers: Column heads.
        rows: Cells as they are to be read; numbers are set to the right.
        paragraphs: Lines of text, the first of each a heading of its own.
        data: Whether this is the result itself, which CSV keeps, or only a help for the reader.
    """

    title: str = ""
    headers: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    paragraphs: tuple[tuple[str, ...], ...] = ()
    data: bool = field(default=False)


def sections(document: Document) -> list[Section]:
    """Return the sections of any result."""
    if isinstance(document, Counts):
        return [_health(document), _counts(document), *_domains(document)]
    if isinstance(document, Diagnosis):
        return [_health(document.counts), *_diagnosis(document), *_domains(document.counts)]
    if isinstance(document, Answer):
        return [_answer(document)]
    return [Section(document.title, document.headers, document.rows, tuple((n,) for n in document.notes), data=True)]


def _health(counts: Counts) -> Section:
    """One paragraph on the inputs, above everything that stands on them."""
    total, files = counts.inputs.total, counts.inputs.files
    bad = [f for f in files if not f.complete]
    lines = [
        f"{len(files)} {_plural('file', len(files))}, {total.lines:,} {_plural('line', total.lines)}{_span(counts)}"
    ]
    lost = [f"{n:,} {what}" for what in ("filtered", "rejected", "withheld") if (n := getattr(total, what))]
    if lost:
        lines.append(f"not counted: {', '.join(lost)}")
    lines += [f"incomplete: {f.path}: {f.problem or f.verdict}" for f in bad]
    return Section(paragraphs=(tuple(lines),))


def _plural(noun: str, n: int) -> str:
    return noun if n == 1 else noun + "s"


def _span(counts: Counts) -> str:
    if "window_start" not in counts.dims or not len(counts):
        return ""
    starts = [key[counts.dims.index("window_start")] for key in counts.table]
    return f", {_clock(counts.shown(min(starts)))} to {_clock(counts.shown(max(starts) + counts.window), zone=True)}"


def _clock(iso: str, *, zone: bool = False) -> str:
    """Return an ISO time as "2026-11-20 00:05", with its offset if asked for."""
    text = iso[:16].replace("T", " ")
    return f"{text} ({iso[19:]})" if zone else text


def _counts(counts: Counts) -> Section:
    headers = tuple("window" if dim == "window_start" else dim for dim in counts.dims)
    rows = tuple(counts.rows())
    if "window_start" in counts.dims:
        length = len("2026-11-20 00:05:00") if counts.window % 60 else len("2026-11-20 00:05")
        rows = tuple((window[:length].replace("T", " "), *rest) for window, *rest in rows)
    return Section("", (*headers, "requests", "bytes"), rows, data=True)


def _domains(counts: Counts) -> list[Section]:
    headers = ("domain", "requests", "errors", "error %", "hit %", "GB", "Mbit/s", "peak")
    rows = tuple(_domain(row) for row in counts.summary())
    return [Section("Domains", headers, rows)] if rows else []


def _domain(row: DomainSummary) -> tuple[Cell, ...]:
    return (
        row.domain,
        row.requests,
        row.errors,
        _percent(row.errors, row.requests),
        f"{row.hit_ratio:.1%}".removesuffix("%") if row.hit_ratio is not None else "-",
        f"{row.bytes / 1e9:.3f}",
        f"{row.mean_mbps:.2f}",
        f"{row.peak_mbps:.2f}",
    )


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return f"{share:.1f}" if share >= 0.1 or not part else f"{share:.1g}"  # noqa: PLR2004 - keep rare errors above 0.0


def _diagnosis(diagnosis: Diagnosis) -> list[Section]:
    if not diagnosis.items:
        none = "No errors: every counted request was answered with a status below 400."
        return [Section(paragraphs=((none if len(diagnosis.counts) else "Not one request was counted.",),), data=True)]
    headers = ("#", "severity", "domain", "code", "requests", "share %", "since", "owner")
    rows = tuple(
        (
            i,
            f.severity,
            f.domain,
            f.status,
            f.requests,
            _percent(f.requests, f.total),
            _clock(f.start)[5:],
            f.owner,
        )
        for i, f in enumerate(diagnosis, 1)
    )
    paragraphs = tuple(_finding(i, f) for i, f in enumerate(diagnosis, 1) if f.severity != "info")
    quiet = len(diagnosis) - len(paragraphs)
    if quiet:
        paragraphs += ((f"{quiet} more of severity info: few requests; 'cdnlog explain CODE' tells what they mean.",),)
    return [Section("Findings", headers, rows, paragraphs, data=True)]


def _finding(number: int, f: Finding) -> tuple[str, ...]:
    state = "still active" if f.active else f"last seen before {_clock(f.end)}"
    lines = [
        f"{number}. {f.domain}  {f.status}  {f.name}",
        f"{f.requests:,} of {f.total:,} requests since {_clock(f.start)}, {state}; whose: {f.owner}",
        f.meaning,
        *(f"{'do first' if i == 0 else 'then'}: {step}" for i, step in enumerate(f.fix)),
        *(f"avoid: {step}" for step in f.avoid),
    ]
    return tuple(lines)


def _answer(answer: Answer) -> Section:
    entry = answer.entry
    known = "" if answer.answered_by == "provider" else f" (not in the table of {answer.provider}; answered by class)"
    head = f"{answer.code}  {entry.name.en}{known}"
    facts = [f"provider: {answer.provider}", f"whose: {entry.owner}", f"stage: {entry.stage}"]
    facts += [f"causes: {', '.join(entry.causes)}"] if entry.causes else []
    lines = [head, entry.meaning.en, "; ".join(facts)]
    lines += [f"check: {text}" for text in entry.checks.en]
    lines += [f"{'do first' if i == 0 else 'then'}: {text}" for i, text in enumerate(entry.fix.en)]
    if isinstance(entry, Code):
        lines += [f"avoid: {text}" for text in (entry.avoid.en if entry.avoid else ())]
        lines += [f"limit: {name} = {value}" for name, value in entry.limits.items()]
        lines += [f"note: {entry.note.en}"] if entry.note else []
    lines.append(f"source: {answer.source} ({answer.as_of})")
    return Section(paragraphs=(tuple(lines),), data=True)
