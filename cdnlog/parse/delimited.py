"""Splits lines of the kind "delimited" into fields: all well-formed lines of a block at once.

A line is regular if it has exactly two quotes per quoted field, these at the edges of that field, and the right number
of separators before, between and behind the quoted fields. The few others (a referer with spaces, a user agent with
quotes) are split one by one from both ends; what fits neither way is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cdnlog.columns import Bools, Ints
from cdnlog.declared import Field, LogFormat
from cdnlog.parse.lines import Lines

Span = tuple[int, int]


@dataclass(frozen=True)
class Rows:
    """The lines that were split, in their order, and where their fields are.

    Attributes:
        lines: All lines of the block.
        fields: The fields of the format.
        regular: Numbers of the lines that were split all at once.
        cuts: Where each of their fields ends, shape (fields, regular); an absent field ends with its line.
        recovered: Numbers of the lines that were split one by one.
        spans: Start and end of each of their fields, shape (recovered, fields, 2).
    """

    lines: Lines
    fields: Sequence[Field]
    regular: Ints
    cuts: Ints
    recovered: Ints
    spans: Ints

    @cached_property
    def line(self) -> Ints:
        """Number of the line of each row."""
        return self._merged(self.regular, self.recovered)

    def field(self, j: int) -> tuple[Ints, Ints]:
        """Start and length of field `j` in each row, without its quotes; an absent field is empty."""
        end = self.cuts[j]
        start = self.cuts[j - 1] + 1 if j else self.lines.start[self.regular]
        if self.fields[j].quoted:
            start, end = start + 1, end - 1
        if self.fields[j].optional:
            start = np.minimum(start, end)
        if len(self.recovered):
            start = self._merged(start, self.spans[:, j, 0])
            end = self._merged(end, self.spans[:, j, 1])
        return start, end - start

    def _merged(self, regular: Ints, recovered: Ints) -> Ints:
        if not len(recovered):
            return regular
        return np.insert(regular, np.searchsorted(self.regular, self.recovered), recovered)


@dataclass(frozen=True)
class Splitter:
    """How the lines of one format are split; made once per format.

    Attributes:
        fields: Its fields, in order.
        separator: The byte between two fields.
        required: Number of fields that no line lacks.
        nulls: What stands for a missing value.
    """

    fields: tuple[Field, ...]
    separator: bytes
    required: int
    nulls: tuple[bytes, ...]

    @classmethod
    def of(cls, fmt: LogFormat) -> Splitter:
        """Make the splitter of a format."""
        required = sum(not field.optional for field in fmt.fields)
        return cls(fmt.fields, fmt.separator.encode(), required, tuple(n.encode() for n in fmt.nulls))

    def regular(self, lines: Lines, candidates: Bools) -> tuple[Ints, Ints]:
        """Return the candidates that are split all at once, and where their fields end, as in `Rows`."""
        rows, quotes = self._with_quotes(lines, candidates & ~lines.control)
        stop = lines.stop[rows]
        marks = np.empty((len(self.fields), len(rows)), np.int64)
        good = self._field_ends(lines, rows, quotes, marks)
        good &= (marks[self.required - 1] <= stop) & (marks[-1] >= stop)
        np.minimum(marks, stop, out=marks)
        if not lines.pure:
            good &= ((lines.kind[marks] == ord(self.separator)) | (marks == stop)).all(axis=0)
        cuts = lines.at[marks]
        return (rows, cuts) if good.all() else (rows[good], cuts[:, good])

    def _with_quotes(self, lines: Lines, candidates: Bools) -> tuple[Ints, Ints]:
        """Return the lines with as many quotes as their quoted fields ask for, and these quotes, a row for each."""
        count = 2 * sum(field.quoted for field in self.fields)
        until = np.searchsorted(lines.quotes, lines.stop)
        before = np.concatenate(([0], until[:-1]))
        rows = np.flatnonzero(candidates & (until - before == count))
        return rows, lines.quotes[before[rows] + np.arange(count)[:, None]]

    def _field_ends(self, lines: Lines, rows: Ints, quotes: Ints, marks: Ints) -> Bools:
        """Fill in the mark that ends each field; return the lines whose quotes are where a field has its own."""
        at, good, last = lines.at, np.ones(len(rows), bool), len(lines.at) - 1
        following, pairs = lines.first[rows], iter(range(0, len(quotes), 2))
        for j, field in enumerate(self.fields):
            if field.quoted:
                opening, closing = quotes[(pair := next(pairs))], quotes[pair + 1]
                begin = at[np.minimum(marks[j - 1], last)] + 1 if j else lines.start[rows]
                good &= (opening == following) & (at[opening] == begin)
                following = closing + 1
                good &= at[np.minimum(following, last)] == at[closing] + 1
            marks[j] = following  # of a short line this is beyond its end, and may be beyond the block's
            following = marks[j] + 1
        return good

    def recover(self, line: bytes) -> list[Span] | None:
        """Split one line from both ends; None if it cannot be the format's.

        The fields before the first free one are taken from the left, those behind the last free one from the
        right; between them each free field ends at the first place from which the next fields fit.
        """
        return self._recover(line) or self._recover(line.rstrip(self.separator))

    def _recover(self, line: bytes) -> list[Span] | None:
        free = [j for j, field in enumerate(self.fields) if field.free]
        if not free or not (left := self._from_left(line, free[0])):
            return None
        for count in range(len(self.fields), self.required - 1, -1):
            right = self._from_right(line, free[-1] + 1, count)
            if right is None:
                continue
            end = right[0][0] - 1 - int(self.fields[free[-1] + 1].quoted) if right else len(line)
            middle = self._between(line, left[-1][1] + 1, end, free)
            if middle is not None:
                absent = [(len(line), len(line))] * (len(self.fields) - count)
                return left + middle + right + absent
        return None

    def _from_left(self, line: bytes, count: int) -> list[Span] | None:
        spans, start = [], 0
        for _ in range(count):
            end = line.find(self.separator, start)
            if end < 0:
                return None
            spans.append((start, end))
            start = end + 1
        return spans

    def _from_right(self, line: bytes, first: int, count: int) -> list[Span] | None:
        """Take fields `first` to `count` from the end; only fields without inner quotes stand there."""
        spans: list[Span] = []
        end = len(line)
        for field in reversed(self.fields[first:count]):
            mark = b'"' if field.quoted else self.separator
            stop = end - int(field.quoted)
            start = line.rfind(mark, 0, max(stop, 0)) + 1
            before = start - 1 - int(field.quoted)
            if before < 0 or line[before : before + 1] != self.separator:
                return None
            if line[stop:end] != mark[: end - stop] or b'"' in line[start:stop]:
                return None
            spans.append((start, stop))
            end = before
        return spans[::-1]

    def _between(self, line: bytes, start: int, end: int, free: list[int]) -> list[Span] | None:
        """Split `line[start:end]` into the fields from the first free one to the last."""
        spans: list[Span] = []
        for j, after in zip(free, [*free[1:], None], strict=True):
            start += int(self.fields[j].quoted)
            if self.fields[j].quoted and line[start - 1 : start] != b'"':
                return None
            if after is None:
                stop = end - int(self.fields[j].quoted)
                fits = start <= stop and line[stop:end] == b'"' * (end - stop)
                return [*spans, (start, stop)] if fits else None
            match = self._bridge(j, after).search(line, start, end)
            if match is None:
                return None
            spans += [(start, match.start()), *match.regs[1:]]
            start = match.end() - int(self.fields[after].quoted)
        return None

    def _bridge(self, free: int, after: int) -> re.Pattern[bytes]:
        """The pattern that stands between two free fields: linear to search, it has no open-ended part."""
        separator = re.escape(self.separator)
        integer = rb"|".join([rb"-?[0-9]{1,18}", *map(re.escape, self.nulls), rb""])
        parts = [rb'"' if self.fields[free].quoted else rb""]
        for field in self.fields[free + 1 : after]:
            token = integer if field.type in ("integer", "code") else rb'[^"' + separator + rb"]{0,256}"
            parts.append(separator + (rb'"(' + token + rb')"' if field.quoted else rb"(" + token + rb")"))
        parts.append(separator + (rb'"' if self.fields[after].quoted else rb""))
        return re.compile(b"".join(parts))  # `re` keeps compiled patterns


def spans_array(spans: list[list[Span]], starts: Sequence[int], fields: int) -> Ints:
    """Return recovered spans as positions in the block, shape (lines, fields, 2)."""
    shifted = [[(s + at, e + at) for s, e in line] for line, at in zip(spans, starts, strict=True)]
    return np.array(shifted, np.int64).reshape(len(spans), fields, 2)
