"""Splits the regular lines of a delimited format, all of a block at once: by numpy, or by the kernel.

A line is regular if it has exactly two quotes per quoted field, these at the edges of that field, and the right number
of separators before, between and behind the quoted fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cdnlog import kernel
from cdnlog.buffer import Bools, Buffer, Ints
from cdnlog.formats import Cut, Delimited
from cdnlog.model import MAX_LINE, Block
from cdnlog.parse.lines import Lines, Marked, marked
from cdnlog.parse.split import Slice

_QUOTE, _BACKSLASH, _OPEN, _CLOSE = b'"\\[]'
_CLF = "d/b/Y:H:M:S z"  # as many blanks as such a time has
_QUOTED, _MAYBE, _BRACKETS = 1, 2, 4  # as in lines.c


class Regular(Protocol):
    """The regular lines of a block, and where their fields are."""

    @property
    def rows(self) -> Ints:
        """Their numbers."""

    def field(self, j: int) -> Slice:
        """Return where field `j` stands in each, without its quotes or brackets; an absent field is empty."""


@dataclass(frozen=True)
class Fields:
    """Regular lines as the kernel splits them.

    Attributes:
        rows: Their numbers.
        starts: Where each field starts, shape (fields, rows).
        lengths: How long each is.
    """

    rows: Ints
    starts: Ints
    lengths: Ints

    def of(self, candidates: Bools) -> Fields:
        """Return those of the candidates among all lines."""
        kept = candidates[self.rows]
        return self if kept.all() else Fields(self.rows[kept], self.starts[:, kept], self.lengths[:, kept])

    def field(self, j: int) -> Slice:
        """Return where field `j` stands in each line."""
        return self.starts[j], self.lengths[j]


@dataclass(frozen=True)
class Scanned(Lines):
    """Lines as the kernel finds them, the regular ones split already; comments and the like are not regular."""

    split: Fields

    @property
    def all_regular(self) -> bool:
        """Whether nothing is left to judge one by one."""
        return len(self.split.rows) == len(self.start)


@dataclass(frozen=True)
class Cuts:
    """Regular lines as numpy splits them.

    Attributes:
        rows: Their numbers.
        lines: All lines of the block.
        fields: The fields of a line.
        cuts: Where each field ends, shape (fields, rows); an absent field ends with its line.
        opens: Where what follows each cut begins, None where that is the next byte.
    """

    rows: Ints
    lines: Marked
    fields: Sequence[Cut]
    cuts: Ints
    opens: Ints | None

    def field(self, j: int) -> Slice:
        """Return where field `j` stands in each line."""
        field, end = self.fields[j], self.cuts[j]
        if not j:
            start = self.lines.start[self.rows]
        else:
            start = self.cuts[j - 1] + 1 if self.opens is None else self.opens[j - 1]
        if field.quoted == "maybe":
            wrapped = (self.lines.buffer.bytes[start] == _QUOTE) & (start < end)
            start, end = start + wrapped, end - wrapped
        elif field.quoted or field.brackets:
            start, end = start + 1, end - 1
        if field.optional:
            end = np.maximum(end, self.cuts[j - 1])
            start = np.minimum(start, end)
        return start, end - start


class RegularSplitter:
    """How the regular lines of one format are split.

    Args:
        fmt: The format.
        fields: The fields of its lines.
    """

    def __init__(self, fmt: Delimited, fields: tuple[Cut, ...]) -> None:
        self._fmt, self._fields = fmt, fields
        self._separator = fmt.separator.encode()
        self._quotes = any(field.quoted for field in fields)
        self._required = sum(not field.optional for field in fields)
        self._most = 2 * sum(bool(field.quoted) for field in fields)
        self._least = 2 * sum(field.quoted is True and not field.optional for field in fields)
        self._exact = self._least == self._most and not fmt.tail
        self._inner = [_separators_within(field, fmt.separator) for field in fields]
        kinds = [_BRACKETS if f.brackets else {True: _QUOTED, "maybe": _MAYBE}.get(f.quoted, 0) for f in fields]
        self._layout = kernel.layout(
            kinds, self._inner, self._required, self._separator[0], fmt.comment.encode(), MAX_LINE,
            quotes=self._quotes, backslash=fmt.escape == "backslash", tail=fmt.tail,
        )  # fmt: skip

    def scan(self, block: Block) -> Lines:
        """Find the lines of a block, and what is needed to split them."""
        buffer = Buffer(block.padded, padded=True)
        if kernel.on and len(self._separator) == 1 and not self._fmt.repeated:
            lines, fields = kernel.scan(buffer.address, block.lines, self._layout)
            return Scanned(buffer, *lines, Fields(*fields))
        return marked(buffer, self._separator, quotes=self._quotes, repeated=self._fmt.repeated)

    def split(self, lines: Lines, candidates: Bools) -> Regular:
        """Split the regular ones among the candidates; the lines must come from `scan`."""
        if isinstance(lines, Scanned):
            return lines.split.of(candidates)
        if isinstance(lines, Marked):
            return self._cut(lines, candidates & ~lines.control)
        raise TypeError(type(lines).__name__)

    def _cut(self, lines: Marked, candidates: Bools) -> Cuts:
        rows, quote, until = self._with_quotes(lines, candidates)
        stop = lines.stop[rows]
        marks = np.empty((len(self._fields), len(rows)), np.int64)
        good = self._field_ends(lines, rows, (quote, until), marks)
        good &= marks[self._required - 1] <= stop
        if not self._fmt.tail:
            good &= marks[-1] >= stop
        np.minimum(marks, stop, out=marks)
        if not (lines.pure and self._exact):  # a control, or a stray quote where quotes are not counted
            good &= ((lines.kind[marks] == self._separator[0]) | (marks == stop)).all(axis=0)
        if not good.all():
            rows, marks = rows[good], marks[:, good]
        opens = None if lines.after is None else lines.after[marks]
        return Cuts(rows, lines, self._fields, lines.at[marks], opens)

    def _with_quotes(self, lines: Marked, candidates: Bools) -> tuple[Ints, Ints, Ints]:
        """Return the lines with as many quotes as their quoted fields ask for, and the range of these quotes."""
        until = np.searchsorted(lines.quotes, lines.stop)
        before = np.concatenate(([0], until[:-1]))
        if self._quotes:
            candidates = candidates & (until - before >= self._least)
            if not self._fmt.tail:
                candidates &= until - before <= self._most
        rows = np.flatnonzero(candidates)
        return rows, before[rows], until[rows]

    def _field_ends(self, lines: Marked, rows: Ints, quotes: tuple[Ints, Ints], marks: Ints) -> Bools:
        """Fill in the mark that ends each field; return the lines whose quotes are where a field has its own."""
        last, good = len(lines.at) - 1, np.ones(len(rows), bool)
        mark, (quote, until) = lines.first[rows], quotes
        for j, field in enumerate(self._fields):
            if field.quoted or field.brackets:
                before = np.minimum(marks[j - 1], last)
                begin = lines.begins(before) if j else lines.start[rows]
                there = before < lines.stop[rows] if field.optional else None
                if field.quoted:
                    mark, quote, fine = self._quoted(lines, field, mark, (quote, until), begin, there)
                else:
                    mark, fine = _bracketed(lines, mark + self._inner[j], begin, there)
                good &= fine
            marks[j] = mark  # of a short line this is beyond its end, and may be beyond the block's
            mark = marks[j] + 1
        if not self._exact and not self._fmt.tail:
            good &= quote == until
        return good

    def _quoted(  # noqa: PLR0913, PLR0917 - the state of one walk through all lines
        self, lines: Marked, field: Cut, mark: Ints, quotes: tuple[Ints, Ints], begin: Ints, there: Bools | None
    ) -> tuple[Ints, Ints, Bools]:
        """Return the mark that ends a quoted field, the quote that follows it, and the lines where all is well."""
        quote, until = quotes
        if len(lines.quotes) == 0:
            return mark, quote, np.full(len(mark), field.quoted == "maybe") if there is None else ~there
        at, last = lines.at, len(lines.at) - 1
        opening = lines.quotes[np.minimum(quote, len(lines.quotes) - 1)]
        closing = lines.quotes[np.minimum(quote + 1, len(lines.quotes) - 1)]
        end = closing + 1
        fine = (opening == mark) & (at[opening] == begin)
        bare = ~fine if field.quoted == "maybe" else None
        fine &= at[np.minimum(end, last)] == at[closing] + 1
        if not self._exact:
            fine &= quote + 1 < until
        if self._fmt.escape == "backslash":
            fine &= lines.buffer.bytes[at[closing] - 1] != _BACKSLASH
        if there is not None:
            bare = ~there if bare is None else bare | ~there
        if bare is None:
            return end, quote + 2, fine
        return np.where(bare, mark, end), quote + np.where(bare, 0, 2), fine | bare


def _bracketed(lines: Marked, mark: Ints, begin: Ints, there: Bools | None) -> tuple[Ints, Bools]:
    """Return the mark that ends a field in brackets, and the lines where it has them."""
    end = lines.at[np.minimum(mark, len(lines.at) - 1)]
    fine: Bools = (lines.buffer.bytes[begin] == _OPEN) & (lines.buffer.bytes[end - 1] == _CLOSE) & (end > begin + 1)
    return mark, fine if there is None else fine | ~there


def _separators_within(field: Cut, separator: str) -> int:
    """Return how many separators stand within a field in brackets."""
    if not field.brackets or not field.layouts:
        return 0
    layout = field.layouts[0]
    return (_CLF if layout == "clf" else layout).count(separator)
