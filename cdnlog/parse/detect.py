"""Tells a file's format from its first lines: the format whose parser accepts most of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cdnlog.model import Accounting, Block, Reject, Verdict
from cdnlog.parse.rows import Parser

# What a file that is no text log begins with, and what to do about it.
_FOREIGN = (
    (0, b"PK\x03\x04", "a zip archive; unpack it first"),
    (0, b"\x1f\x8b", "compressed twice; decompress it once"),
    (0, b"PAR1", "a Parquet file; cdnlog reads text logs"),
    (0, b"\x89PNG", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\xff\xfe", "UTF-16 text; convert it to UTF-8"),
    (0, b"\xfe\xff", "UTF-16 text; convert it to UTF-8"),
    (257, b"ustar\0", "a tar archive; extract it, or: tar -xOf FILE | cdnlog ... -"),
    (257, b"ustar  \0", "a tar archive; extract it, or: tar -xOf FILE | cdnlog ... -"),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """How one format fared on the first lines of a file.

    Attributes:
        name: The format.
        accounting: What became of the lines.
        reject: The first line it rejected, if any.
    """

    name: str
    accounting: Accounting
    reject: Reject | None

    @property
    def data_lines(self) -> int:
        """Lines that are neither blank nor a comment."""
        return self.accounting.counted + self.accounting.rejected

    def __str__(self) -> str:
        """Say how many lines fit, and why the first of the others does not."""
        fit = f"{self.name}: {self.accounting.counted} of the first {self.data_lines} lines fit"
        return fit if self.reject is None else f"{fit}; line {self.reject.line} has a faulty '{self.reject.reason}'"


@dataclass(frozen=True, slots=True)
class Detection:
    """Which format a file is.

    Attributes:
        candidates: All formats that were tried, best first.
        hint: What the file seems to be if it is no text log at all.
    """

    candidates: tuple[Candidate, ...]
    hint: str = ""

    @property
    def format(self) -> str | None:
        """The chosen format, None if none or several fit."""
        return self.candidates[0].name if self.verdict is Verdict.OK and self.data_lines else None

    @property
    def data_lines(self) -> int:
        """Lines that are neither blank nor a comment; without any, no format is needed."""
        return max((c.data_lines for c in self.candidates), default=0)

    @property
    def verdict(self) -> Verdict:
        """`ok`, or why no format could be chosen."""
        best = [c.accounting.counted for c in self.candidates[:2]]
        if self.data_lines and (self.hint or not any(best)):
            return Verdict.UNKNOWN_FORMAT
        if len(best) > 1 and best[0] == best[1] and self.data_lines:
            return Verdict.AMBIGUOUS_FORMAT
        return Verdict.OK

    @property
    def why(self) -> str:
        """One clause for the user: what was chosen and on what grounds, or what came nearest."""
        if self.hint:
            return f"it looks like {self.hint}"
        return "; ".join(str(c) for c in self.candidates[:3])


def detect(sample: Block, parsers: Iterable[Parser]) -> Detection:
    """Try every format on the first lines of a file."""
    batches = [(parser.format.name, parser.parse(sample, keep_rejects=True)) for parser in parsers]
    tried = [Candidate(name, b.accounting, b.rejects[0] if b.rejects else None) for name, b in batches]
    best = tuple(sorted(tried, key=lambda c: (-c.accounting.counted, c.name)))
    return Detection(best, _foreign(sample.data))


def _foreign(data: bytes) -> str:
    return next((what for at, magic, what in _FOREIGN if data[at:].startswith(magic)), "")
