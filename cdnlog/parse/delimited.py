"""Splits lines of the kind "delimited" into fields: all well-formed lines of a block at once.

A line is regular if it has exactly two quotes per quoted field, these at the edges of that field, and the right number
of separators before, between and behind the quoted fields. The few others (a referer with spaces, a user agent with
quotes) are split one by one; what fits neither way is rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cdnlog.columns import Bools, Bytes, Ints
from cdnlog.formats import Cut, Delimited
from cdnlog.model import Block
from cdnlog.parse.fates import CONTROL, COUNTED, FIELDS, QUOTE, content, ordinary, payload, prejudged
from cdnlog.parse.lines import Lines, scan
from cdnlog.parse.recover import OneByOne
from cdnlog.parse.split import Slices, Span, Split

_QUOTE, _BACKSLASH, _OPEN, _CLOSE = b'"\\[]'
_CLF = "d/b/Y:H:M:S z"  # as many blanks as such a time has


@dataclass(frozen=True)
class DelimitedRows:
    """The lines that were split, in their order, and where their fields are.

    Attributes:
        lines: All lines of the block.
        fields: The fields of the line.
        regular: Numbers of the lines that were split all at once.
        cuts: Where each of their fields ends, shape (fields, regular); an absent field ends with its line.
        opens: Where what follows each cut begins, None where that is the next byte.
        recovered: Numbers of the lines that were split one by one.
        spans: Start and end of each of their fields, shape (recovered, fields, 2).
    """

    lines: Lines
    fields: Sequence[Cut]
    regular: Ints
    cuts: Ints
    opens: Ints | None
    recovered: Ints
    spans: Ints

    @cached_property
    def line(self) -> Ints:
        """Number of the line of each row."""
        return self._merged(self.regular, self.recovered)

    def field(self, j: int) -> Slices:
        """Return where field `j` stands in each row, without its quotes or brackets; an absent field is empty."""
        field, end = self.fields[j], self.cuts[j]
        if not j:
            start = self.lines.start[self.regular]
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
        if len(self.recovered):
            start = self._merged(start, self.spans[:, j, 0])
            end = self._merged(end, self.spans[:, j, 1])
        return self.lines.buffer, start, end - start

    def _merged(self, regular: Ints, recovered: Ints) -> Ints:
        if not len(recovered):
            return regular
        return np.insert(regular, np.searchsorted(self.regular, self.recovered), recovered)


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
        self._quotes = any(field.quoted for field in self._fields)
        self._required = sum(not field.optional for field in self._fields)
        self._most = 2 * sum(bool(field.quoted) for field in self._fields)
        self._least = 2 * sum(field.quoted is True and not field.optional for field in self._fields)
        self._exact = self._least == self._most and not fmt.tail
        self._inner = [_separators_within(field, fmt.separator) for field in self._fields]
        self._one_by_one = OneByOne(fmt, self._fields)

    def split(self, block: Block) -> Split:
        """Take a block apart."""
        lines = self.scan(block.data)
        fate = prejudged(lines, cut=block.cut)
        return Split(lines, fate, self.rows(lines, fate, fate == COUNTED))

    def scan(self, data: bytes) -> Lines:
        """Find the lines of a block and the marks by which they are split."""
        return scan(data, self._separator, quotes=self._quotes, repeated=self._fmt.repeated)

    def rows(self, lines: Lines, fate: Bytes, candidates: Bools) -> DelimitedRows:
        """Split the lines that are candidates; say of the others among them why they are not split."""
        regular, cuts, opens = self._regular(lines, candidates & ordinary(lines, fate, self._comment))
        odd = candidates.copy()
        odd[regular] = False
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
        return DelimitedRows(lines, self._fields, regular, cuts, opens, at, positions)

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

    def _regular(self, lines: Lines, candidates: Bools) -> tuple[Ints, Ints, Ints | None]:
        """Return the candidates that are split all at once, and their cuts and opens, as in `DelimitedRows`."""
        rows, quote, until = self._with_quotes(lines, candidates & ~lines.control)
        stop = lines.stop[rows]
        marks = np.empty((len(self._fields), len(rows)), np.int64)
        good = self._field_ends(lines, rows, (quote, until), marks)
        good &= marks[self._required - 1] <= stop
        if not self._fmt.tail:
            good &= marks[-1] >= stop
        np.minimum(marks, stop, out=marks)
        if not lines.pure or not self._exact:
            good &= ((lines.kind[marks] == self._separator[0]) | (marks == stop)).all(axis=0)
        if not good.all():
            rows, marks = rows[good], marks[:, good]
        return rows, lines.at[marks], None if lines.after is None else lines.after[marks]

    def _with_quotes(self, lines: Lines, candidates: Bools) -> tuple[Ints, Ints, Ints]:
        """Return the lines with as many quotes as their quoted fields ask for, and the range of these quotes."""
        until = np.searchsorted(lines.quotes, lines.stop)
        before = np.concatenate(([0], until[:-1]))
        if self._quotes:
            candidates = candidates & (until - before >= self._least)
            if not self._fmt.tail:
                candidates &= until - before <= self._most
        rows = np.flatnonzero(candidates)
        return rows, before[rows], until[rows]

    def _field_ends(self, lines: Lines, rows: Ints, quotes: tuple[Ints, Ints], marks: Ints) -> Bools:
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
        self, lines: Lines, field: Cut, mark: Ints, quotes: tuple[Ints, Ints], begin: Ints, there: Bools | None
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


def _bracketed(lines: Lines, mark: Ints, begin: Ints, there: Bools | None) -> tuple[Ints, Bools]:
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


def _positions(spans: list[list[Span]], starts: Sequence[int], fields: int) -> Ints:
    """Return recovered spans as positions in the block, shape (lines, fields, 2)."""
    shifted = [[(s + at, e + at) for s, e in line] for line, at in zip(spans, starts, strict=True)]
    return np.array(shifted, np.int64).reshape(len(spans), fields, 2)
