"""What was counted of one file, and of many: the sums are the same in whatever order they are added up."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from cdnlog.aggregate import Tally, grid
from cdnlog.counts import Counts, Merger, requests_by
from cdnlog.filerun import within_budget
from cdnlog.gather import Kept, Pool, merged
from cdnlog.model import FileReport, Verdict
from cdnlog.settings import Settings


@dataclass(frozen=True)
class Counted:
    """What came of one file, or of a section of one.

    Attributes:
        report: What became of it.
        counts: None if its lines are withheld.
        kept: The same, and None if no evidence was asked for.
        rejects: The records of its rejected lines, or the file that they are in; None if nobody asked.
    """

    report: FileReport
    counts: Counts | None = None
    kept: Kept | None = None
    rejects: Path | bytes | None = None

    def hand_over_rejects(self, to: IO[bytes] | None) -> None:
        """Write the records of rejected lines; a file that they were in is removed."""
        if to is None or self.rejects is None:
            return
        if isinstance(self.rejects, bytes):
            to.write(self.rejects)
            return
        with self.rejects.open("rb") as file:
            shutil.copyfileobj(file, to)
        self.rejects.unlink()


@dataclass(frozen=True)
class Part:
    """The sum over some files.

    Attributes:
        reports: What became of each file, by its number.
        counts: Without windows of any zone yet.
        kept: Rows that may become evidence.
        providers: For each code table the lines of each domain that ask for it; only gathered with evidence.
    """

    reports: Mapping[int, FileReport]
    counts: Counts
    kept: Kept
    providers: Mapping[str, Mapping[str, int]]


class Total:
    """Adds files and sums of files up.

    Args:
        settings: How they were read.
        gather: Whether evidence was gathered.
    """

    def __init__(self, settings: Settings, *, gather: bool) -> None:
        cell = grid(settings.window)
        self._gather = gather
        self._reports: dict[int, FileReport] = {}
        self._counts = Merger(Tally(settings.dimensions, cell).counts())
        self._kept = Pool(cell)
        self._providers: dict[str, dict[str, int]] = {}

    def add(self, number: int, counted: Counted) -> None:
        """Add a file."""
        self._reports[number] = counted.report
        if counted.counts is not None:
            self._counts.add(counted.counts)
            self._note_provider(counted.report.provider, counted.counts)
        if counted.kept is not None:
            self._kept.add(counted.kept)

    def take(self, part: Part) -> None:
        """Add a sum."""
        self._reports |= part.reports
        self._counts.add(part.counts)
        self._kept.add(part.kept)
        for provider, lines in part.providers.items():
            self._note_lines(provider, lines)

    def part(self) -> Part:
        """Return the sum so far."""
        return Part(self._reports, self._counts.counts(), self._kept.kept(), self._providers)

    def _note_provider(self, provider: str | None, counts: Counts) -> None:
        if provider is not None and self._gather and "domain" in counts.dims:
            lines = requests_by(counts, "domain")
            self._note_lines(provider, {str(domain): requests for domain, requests in lines.items()})

    def _note_lines(self, provider: str, lines: Mapping[str, int]) -> None:
        known = self._providers.setdefault(provider, {})
        for domain, requests in lines.items():
            known[domain] = known.get(domain, 0) + requests


def joined(sections: Sequence[Counted]) -> Counted:
    """Return neighbouring sections of one file, in their order, as one: what follows a bad one was not read."""
    used = list(_up_to_bad(sections))
    reports = [one.report for one in used]
    whole = replace(
        reports[0],
        verdict=reports[-1].verdict,
        problem=reports[-1].problem,
        accounting=sum((report.accounting for report in reports[1:]), reports[0].accounting),
        offset_minutes=next((r.offset_minutes for r in reports if r.offset_minutes is not None), None),
    )
    counts = [one.counts for one in used if one.counts is not None]
    kept = [one.kept for one in used if one.kept is not None]
    if len(counts) < len(used):
        return Counted(whole, rejects=b"")
    return Counted(whole, added(counts), merged(kept) if kept else None, b"".join(_renumbered(used)))


def _up_to_bad(sections: Iterable[Counted]) -> Iterator[Counted]:
    for one in sections:
        yield one
        if one.report.verdict is not Verdict.OK:
            return


def _renumbered(sections: Iterable[Counted]) -> Iterator[bytes]:
    """Yield the records of rejected lines with the number that each line has in all sections together."""
    before = 0
    for one in sections:
        records = one.rejects if isinstance(one.rejects, bytes) else b""
        if before and records:
            found = [json.loads(record) for record in records.splitlines()]
            lines = ({**record, "line": record["line"] + before} for record in found)
            records = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        yield records
        before += one.report.accounting.lines


def whole(sections: Sequence[Counted], settings: Settings) -> Counted:
    """Return all sections of a file as the file.

    Raises:
        AccountingError: Its lines do not add up, a bug of ours.
    """
    found = joined(sections)
    report = found.report
    if found.counts is None:
        report = replace(report, accounting=report.accounting.withhold(), offset_minutes=None)
    report.accounting.check(report.path)
    return replace(found, report=within_budget(report, settings.max_rejects))


def added(parts: Sequence[Counts]) -> Counts:
    """Return the sum of counts of one kind."""
    merger = Merger(parts[0])
    for part in parts[1:]:
        merger.add(part)
    return merger.counts()
