"""Splits lines of the kind "delimited" into fields: all well-formed lines of a block at once.

The regular ones are split all at once. The few others (a referer with spaces, a user agent with quotes) are split one
by one; what fits neither way is rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cdnlog.buffer import Bools, Bytes, Ints
from cdnlog.formats import Cut, Delimited
from cdnlog.model import Block
from cdnlog.parse.fates import CONTROL, COUNTED, FIELDS, QUOTE, content, ordinary, payload, prejudged
from cdnlog.parse.lines import Lines
from cdnlog.parse.recover import OneByOne
from cdnlog.parse.regular import Regular, RegularSplitter, Scanned
from cdnlog.parse.split import Slices, Span, Split


@dataclass(frozen=True)
class DelimitedRows:
    """The lines that were split, in their order, and where their fields are.

    Attributes:
        lines: All lines of the block.
        regular: Those that were split all at once.
        recovered: Numbers of the lines that were split one by one.
        spans: Start and end of each of their fields, shape (recovered, fields, 2).
    """

    lines: Lines
    regular: Regular
    recovered: Ints
    spans: Ints

    @cached_property
    def line(self) -> Ints:
        """Number of the line of each row."""
        return self._merged(self.regular.rows, self.recovered)

    def field(self, j: int) -> Slices:
        """Return where field `j` stands in each row, without its quotes or brackets; an absent field is empty."""
        start, length = self.regular.field(j)
        if len(self.recovered):
            length = self._merged(length, self.spans[:, j, 1] - self.spans[:, j, 0])
            start = self._merged(start, self.spans[:, j, 0])
        return self.lines.buffer, start, length

    def _merged(self, regular: Ints, recovered: Ints) -> Ints:
        if not len(recovered):
            return regular
        return np.insert(regular, np.searchsorted(self.regular.rows, self.recovered), recovered)


class DelimitedSplitter:
    """How the lines of one format are split.

    Args:
        fmt: The format.
        fields: The fields of its lines, if they are others than the format says.
    """

    def __init__(self, fmt: Delimited, fields: tuple[Cut, ...] | None = None) -> None:
        self._fields = fields or fmt.fields
        self._fmt = fmt
        self._separator = fmt.separator.encode()
        self._comment = fmt.comment.encode()
        self._regular = RegularSplitter(fmt, self._fields)
        self._quotes = any(field.quoted for field in self._fields)
        self._one_by_one = OneByOne(fmt, self._fields)

    def split(self, block: Block) -> Split:
        """Take a block apart."""
        lines = self.scan(block)
        if (rows := undoubted(lines, block)) is not None:
            return Split(lines, np.zeros(block.lines, np.uint8), rows)
        fate = prejudged(lines, cut=block.cut)
        return Split(lines, fate, self.rows(lines, fate, fate == COUNTED))

    def scan(self, block: Block) -> Lines:
        """Find the lines of a block and the marks by which they are split."""
        return self._regular.scan(block)

    def rows(self, lines: Lines, fate: Bytes, candidates: Bools) -> DelimitedRows:
        """Split the lines that are candidates; say of the others among them why they are not split."""
        regular = self._regular.split(lines, candidates & ordinary(lines, fate, self._comment))
        odd = candidates.copy()
        odd[regular.rows] = False
        recovered: list[int] = []
        spans: list[list[Span]] = []
        for i in np.flatnonzero(odd).tolist():
            split = self._split_one(lines, i)
            if isinstance(split, int):
                fate[i] = split
            else:
                recovered.append(i)
                spans.append(split)
        at = np.array(recovered, np.int64)
        positions = _positions(spans, lines.start[at].tolist(), len(self._fields))
        return DelimitedRows(lines, regular, at, positions)

    def _split_one(self, lines: Lines, i: int) -> list[Span] | int:
        """Split a line that is not regular; return its fate if that cannot be done."""
        line = lines.text(i)
        start, fate = content(line, self._comment)
        if fate != COUNTED:
            return fate
        if lines.control[i]:
            return CONTROL
        prefix = payload(line[start:]) if self._fmt.syslog else 0
        spans = self._one_by_one.split(line[start + prefix :])
        if spans is not None:
            start += prefix
        elif prefix:
            spans = self._one_by_one.split(line[start:])
        if spans is not None:
            return [(first + start, end + start) for first, end in spans]
        return QUOTE if self._quotes and line.count(b'"') % 2 else FIELDS


def undoubted(lines: Lines, block: Block) -> DelimitedRows | None:
    """Return the rows of a block in which every line is a regular one; None if there is anything else."""
    if not isinstance(lines, Scanned) or not lines.all_regular or block.cut:
        return None
    nothing = np.empty(0, np.int64)
    return DelimitedRows(lines, lines.split, nothing, nothing)


def _positions(spans: list[list[Span]], starts: Sequence[int], fields: int) -> Ints:
    """Return recovered spans as positions in the block, shape (lines, fields, 2)."""
    shifted = [[(s + at, e + at) for s, e in line] for line, at in zip(spans, starts, strict=True)]
    return np.array(shifted, np.int64).reshape(len(spans), fields, 2)
