"""One row of the ledger: a file that was read, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cdnlog.model import Accounting, FileReport, Verdict
from cdnlog.text import visible

COUNTED, DUPLICATE, COVERED, REFUSED, DAMAGED = "counted", "duplicate", "covered", "refused", "damaged"


@dataclass(frozen=True)
class Entry:
    """One row of the ledger.

    Attributes:
        path: The file's absolute path.
        size: Its size when it was read; with `mtime` (ns) and `inode` what tells that it was not touched since.
        mtime: When it was last changed, as the file system says.
        inode: Its inode; 0 when the path holds another log now, begun after this one ended.
        state: "counted"; "duplicate" or "covered": its lines count through another file; "refused"; "damaged".
        night: Number of the night that it came in.
        retired: Number of the night in which it ceased to count, None while it does.
        kind: What is to be said of it, see `cdnlog.results.FileNews`; None if nothing.
        other: Path of the file that this is about.
        others: How many more there are.
        before: Lines that counted in its place before.
        sha: SHA-256 of its content, decompressed; None if it could not be read whole.
        length: Bytes of the content.
        format: Name of its format.
        provider: Code table of its lines.
        verdict: How its reading ended.
        problem: What was seen.
        accounting: Its lines; withheld are those that count through other files. Of a covered file what was read.
        offset: UTC offset of its first line in minutes.
        over: Whether more lines were rejected than allowed.
        domain: Number of its domain's word, None for several or none.
        begins: Begin of its data, UTC seconds; None without any.
        ends: End of its data.
        grain: Length of its finest cells in seconds, 0 if none are kept.
        requests: How many its lines stood for when they were counted; older versions took them for as many as lines.
        id: Of the row.
    """

    path: str
    size: int
    mtime: int
    inode: int
    state: str
    night: int
    verdict: Verdict
    accounting: Accounting
    retired: int | None = None
    kind: str | None = None
    other: str | None = None
    others: int = 0
    before: int = 0
    sha: bytes | None = None
    length: int = 0
    format: str | None = None
    provider: str | None = None
    problem: str = ""
    offset: int | None = None
    over: bool = False
    domain: int | None = None
    begins: int | None = None
    ends: int | None = None
    grain: int = 0
    requests: int = 0
    id: int = 0

    @property
    def counts(self) -> bool:
        """Whether its lines are in the totals."""
        return self.state == COUNTED and self.retired is None

    @property
    def own(self) -> int:
        """How many lines are its own: those of it that do not count through other files, or would not."""
        return self.accounting.lines - self.accounting.withheld

    @property
    def told(self) -> Accounting:
        """Its lines as they are told: what was read of a covered file is kept, and all withheld."""
        return self.accounting.withhold() if self.state == COVERED else self.accounting

    def without(self, parts: Iterable[Entry]) -> Entry:
        """Return the same row, those lines withheld that became of some parts of it what became of them here."""
        own, part = self.accounting, sum((entry.accounting for entry in parts), Accounting())
        left = {name: max(0, getattr(own, name) - getattr(part, name)) for name in ("counted", "comments", "blank")}
        reasons = {why: n - part.reject_reasons.get(why, 0) for why, n in own.reject_reasons.items()}
        reasons = {why: n for why, n in reasons.items() if n > 0}
        left["rejected"] = sum(reasons.values())
        withheld = own.lines - sum(left.values())
        return replace(self, accounting=Accounting(own.lines, **left, withheld=withheld, reject_reasons=reasons))

    def report(self, path: str | None = None) -> FileReport:
        """Return what became of the file, under the path that it was named by."""
        return FileReport(
            path=visible(self.path if path is None else path),
            verdict=self.verdict,
            problem=self.problem,
            format=self.format,
            provider=self.provider,
            accounting=self.told,
            offset_minutes=self.offset,
            over_budget=self.over,
        )
