"""The frozen types that flow between the stages, and the law each of them keeps.

A file becomes `Block`s (joined, they are the file), blocks become `Batch`es (every line of a block is in
exactly one place of its `Accounting`), batches become `Counts`, and what became of each file is its
`FileReport`; all of them together are the `Inputs` of a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from cdnlog.buffer import PAD, count_lines
from cdnlog.columns import Column
from cdnlog.errors import EXIT_INCOMPLETE, EXIT_OK, AccountingError
from cdnlog.renderable import piece

MAX_LINE = 64 * 1024
"""Longest line in bytes that is parsed; a longer one is one reject, "too-long"."""

MICROSECONDS = 1_000_000
"""In a second: the unit of the column `time`."""

NO_DOMAIN = "(none)"
"""The domain of lines whose log names none."""

_LF = 10

REJECT_TEXT = 4 * 1024
"""Bytes of a rejected line that are kept in its record."""


class Verdict(StrEnum):
    """How the reading of one file ended."""

    OK = "ok"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    TRAILING_GARBAGE = "trailing-garbage"
    UNREADABLE = "unreadable"
    MISSING = "missing"
    UNKNOWN_FORMAT = "unknown-format"
    AMBIGUOUS_FORMAT = "ambiguous-format"
    DUPLICATE = "duplicate"
    REFUSED = "refused"

    @property
    def counts(self) -> bool:
        """Whether the lines of such a file go into the totals."""
        return self in (Verdict.OK, Verdict.EMPTY, Verdict.TRAILING_GARBAGE)

    @property
    def complete(self) -> bool:
        """Whether nothing of the input is missing: anything else makes the run exit 3."""
        return self in (Verdict.OK, Verdict.EMPTY, Verdict.DUPLICATE)

    @property
    def damaged(self) -> bool:
        """Whether lines were read that only `keep_damaged` lets into the totals."""
        return self in (Verdict.TRUNCATED, Verdict.CORRUPT)


@dataclass(frozen=True)
class Block:
    """Bytes of whole lines; the blocks of a file, joined, are the file.

    Attributes:
        padded: Whole lines with their LF, and `PAD` zero bytes behind them. Only the last block of a file may lack the
            final LF, here it has one all the same. Of a line longer than `MAX_LINE` that did not fit into a block, only
            the head is here.
        size: Bytes of the lines.
        lines: Number of lines.
        line: Number of the first line in its file, from 1.
        offset: Offset of the first byte in the decompressed file.
        length: Bytes of the file this block stands for; more than `size` only for an over-long line.
        torn: The file ended badly within the last line of this block: whatever it says, it is no whole line.
    """

    padded: bytes
    size: int
    lines: int
    line: int
    offset: int
    length: int
    torn: bool = False

    @classmethod
    def of(
        cls, parts: Sequence[bytes | memoryview], line: int, offset: int, lfs: int | None = None, *, torn: bool = False
    ) -> Block:
        """Make a block of bytes that, joined, are whole lines, the last one perhaps without its LF.

        Args:
            parts: The bytes.
            line: Number of the first line in its file.
            offset: Offset of the first byte there.
            lfs: Number of LFs in the bytes, if they were counted.
            torn: Whether the file ended badly within the last line.
        """
        size = sum(map(len, parts))
        whole = not size or parts[-1][-1] == _LF
        lines = sum(map(count_lines, parts)) if lfs is None else lfs
        padded = b"".join([*parts, b"" if size and whole else b"\n", bytes(PAD)])
        return cls(padded, size, lines + (not (size and whole)), line, offset, size, torn)

    @property
    def data(self) -> bytes:
        """The lines as the file has them."""
        return self.padded[: self.size]

    @property
    def whole(self) -> bool:
        """Whether the last line ends in LF."""
        return self.size > 0 and self.padded[self.size - 1] == _LF

    @property
    def cut(self) -> bool:
        """Whether this is the head of one over-long line."""
        return self.length > self.size


@dataclass(frozen=True, slots=True)
class Reject:
    """One line that was not counted: where it stands, why, and its text (safe to print, cut at 4 KiB)."""

    file: str
    line: int
    offset: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Accounting:
    """What became of each line: `lines = counted + filtered + rejected + comments + blank + withheld`."""

    lines: int = 0
    counted: int = 0
    filtered: int = 0
    rejected: int = 0
    comments: int = 0
    blank: int = 0
    withheld: int = 0
    reject_reasons: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Accounting) -> Accounting:
        """Add line by line; associative and commutative, `Accounting()` is the unit."""
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self) if f.type == "int"}
        reasons = dict(self.reject_reasons)
        for reason, n in other.reject_reasons.items():
            reasons[reason] = reasons.get(reason, 0) + n
        return Accounting(**sums, reject_reasons=reasons)

    def withhold(self) -> Accounting:
        """Return the same lines as withheld: read, but kept out of every total."""
        return Accounting(lines=self.lines, withheld=self.lines)

    def check(self, path: str) -> None:
        """Hold the law; a plain `if`, so that it holds under `python -O` too.

        Raises:
            AccountingError: The sum does not add up, which is a bug of ours.
        """
        parts = self.counted + self.filtered + self.rejected + self.comments + self.blank + self.withheld
        if self.lines != parts or self.rejected != sum(self.reject_reasons.values()):
            raise AccountingError(path, str(self))

    def __str__(self) -> str:
        """The law, written out with its numbers."""
        parts = ("counted", "filtered", "rejected", "comments", "blank", "withheld")
        return f"lines {self.lines:,} = " + " + ".join(f"{p} {getattr(self, p):,}" for p in parts)


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one input file.

    Attributes:
        path: The file as it was named, safe to print.
        verdict: How its reading ended.
        problem: One clause on what was seen, empty when nothing was wrong.
        format: Name of the log format, None if none was needed or found.
        provider: Code table that goes with the format.
        accounting: Its lines.
        offset_minutes: UTC offset of its first parsed line, None without one.
        over_budget: More rejected lines than `max_rejects` allows.
    """

    path: str
    verdict: Verdict
    problem: str = ""
    format: str | None = None
    provider: str | None = None
    accounting: Accounting = field(default_factory=Accounting)
    offset_minutes: int | None = None
    over_budget: bool = False

    @property
    def complete(self) -> bool:
        """Whether this file leaves nothing to be fetched again or looked at."""
        return self.verdict.complete and not self.over_budget


@dataclass(frozen=True, slots=True)
class Inputs:
    """All files of a run, in the order they were read.

    Attributes:
        files: What became of each.
        anonymized: Whether what names a person was left out of their rows.
        limits: Of each limit of `cdnlog.limits` that was reached, how much there was.
    """

    files: tuple[FileReport, ...] = ()
    anonymized: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Inputs) -> Inputs:
        """Join two runs."""
        limits = {name: max(self.limits.get(name, 0), n) for name, n in other.limits.items()}
        return Inputs(self.files + other.files, self.anonymized or other.anonymized, {**self.limits, **limits})

    @property
    def total(self) -> Accounting:
        """The lines of all files."""
        return sum((f.accounting for f in self.files), Accounting())

    @property
    def exit_code(self) -> int:
        """3 if any file was damaged, missing, unknown or above the reject budget, else 0."""
        return EXIT_OK if all(f.complete for f in self.files) else EXIT_INCOMPLETE


@dataclass(frozen=True, slots=True)
class Batch:
    """The accepted rows of one block in canonical columns, and where its other lines went.

    Attributes:
        columns: Canonical column name to its values, each `rows` long, in the order of the lines.
        rows: Number of accepted lines.
        accounting: Its lines; nothing is filtered or withheld yet.
        rejects: Records of the rejected lines, in order; empty unless they were asked for.
        offset_minutes: UTC offset that its first row names; None if its lines name none.
    """

    columns: Mapping[str, Column]
    rows: int
    accounting: Accounting
    rejects: tuple[Reject, ...] = ()
    offset_minutes: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Finding:
    """One thing that is wrong, whose it is, and what to do; the fields are those of `diagnose -o json`.

    Attributes:
        id: The same for the same fault every night.
        provider: Code table that was asked.
        domain: Domain with most failing requests.
        status: Code with most failing requests.
        also: Other codes and domains of the same incident.
        start: First window, ISO 8601 with offset.
        end: End of the last window, exclusive.
        active: Whether it goes on in the last window of the data.
        state: "new", "worse", "chronic" (there on three other days of two weeks, or on all that are known) or "better"
            against history, "unknown" without one, or where neither another day nor a time before it is.
        requests: Failing requests.
        total: All requests of the domain from start to end.
        share: requests / total.
        clients: Distinct client addresses among the failing requests (a lower bound where they are a sample), None if
            the log names none.
        severity: "critical", "high", "medium", "low", "info".
        owner: Who has to act.
        cause: A name of the vocabulary of causes.
        cause_title: The cause in a few words.
        confidence: "high", "medium", "low".
        name: The code in a few words.
        meaning: What the code says here.
        fix: What to do, first things first.
        avoid: Tempting first moves that cost.
        needs: What to fetch to decide between the causes.
        ticket: Text for the vendor's support, or None.
        evidence: Rules that were tried, each with verdict and statement.
        affected: The paths, clients and so on that are hit most.
        affected_shares: The share of the failing requests that each of them has.

    Example:
        >>> import cdnlog
        >>> worst = cdnlog.diagnose("sample_logs/*-api.example.com.gz")[0]
        >>> worst.status, worst.cause, worst.affected["paths"][0]
        (509, 'flood-ban', '/v1/search')
    """

    id: str
    provider: str
    domain: str
    status: int
    also: tuple[Mapping[str, object], ...]
    start: str
    end: str
    active: bool
    state: str
    requests: int
    total: int
    share: float
    clients: int | None
    severity: str
    owner: str
    cause: str
    cause_title: str
    confidence: str
    name: str
    meaning: str
    fix: tuple[str, ...]
    avoid: tuple[str, ...]
    needs: tuple[str, ...]
    ticket: str | None
    evidence: tuple[Mapping[str, str], ...]
    affected: Mapping[str, tuple[str, ...]]
    affected_shares: Mapping[str, tuple[float, ...]]

    def __repr__(self) -> str:
        """Say which one it is; a notebook shows its card."""
        return f"<Finding: {self.severity} {self.id}, {self.requests:,} requests from {self.start}>"

    def _repr_html_(self) -> str:
        return piece(self, "en")

    def renamed(self, name: str) -> Finding:
        """Return the same finding under another id."""
        return replace(self, id=name)


@dataclass(frozen=True, slots=True)
class Change:
    """How one code of one domain differs between two sets of logs.

    Attributes:
        domain: The domain.
        status: The code.
        kind: "up", "down", "new", "gone" where it is no chance, "same" otherwise; "only-before" or "only-after" for a
            domain that only one side has.
        before_requests: Requests with the code in the first set.
        before_total: All requests of the domain there.
        before_share: Their share.
        after_requests: The same for the second set.
        after_total: All requests of the domain there.
        after_share: Their share.
        change: after_share - before_share.
        low: Lower end of the 95 % interval of the change.
        high: Upper end.
        chance: Two-sided p-value of no change.
    """

    domain: str
    status: int
    kind: str
    before_requests: int
    before_total: int
    before_share: float
    after_requests: int
    after_total: int
    after_share: float
    change: float
    low: float
    high: float
    chance: float


@dataclass(frozen=True, slots=True)
class LostPath:
    """A path that was served in the first set of logs and fails in the second.

    Attributes:
        domain: The domain.
        path: The path.
        rows: Failing rows kept of it.
        last_served: When it was last seen served, ISO 8601 with offset.
        first_failed: When it was first seen failing.
    """

    domain: str
    path: str
    rows: int
    last_served: str
    first_failed: str


SEVERITIES = ("critical", "high", "medium", "low", "info")
"""Worst first."""

STATES = ("new", "worse", "chronic", "better", "unknown")
"""What a finding is against history, in the order it is told in."""
