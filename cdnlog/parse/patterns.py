"""Splits lines of the kind "regex", by RE2: it never backtracks, so no line takes longer than its length says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cdnlog.buffer import Bools, Buffer, Bytes, Ints
from cdnlog.formats import Pattern
from cdnlog.model import Block
from cdnlog.parse.fates import CONTROL, COUNTED, FIELDS, content, ordinary, payload, prejudged
from cdnlog.parse.lines import Lines, scan
from cdnlog.parse.split import Slices, Split


@dataclass(frozen=True)
class PatternRows:
    """The lines that match.

    Attributes:
        line: Number of the line of each row.
        groups: The Arrow array of each declared field's group.
    """

    line: Ints
    groups: tuple[Any, ...]

    def field(self, j: int) -> Slices:
        """Return what the group of field `j` matched in each row, in Arrow's own bytes."""
        array = self.groups[j]
        _, offsets, data = array.buffers()
        at = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
        return Buffer(data.to_pybytes() if data is not None else b""), at[:-1], np.diff(at)


class PatternSplitter:
    """Splits the blocks of files of one format."""

    def __init__(self, fmt: Pattern) -> None:
        # RE2 finds the expression anywhere in a line; `\A` and `\z` would leave its own anchors alone as well.
        self._pattern = rf"\A(?:{fmt.pattern})\z"
        self._comment = fmt.comment.encode()
        self._syslog = fmt.syslog
        self._groups = [field.keys for field in fmt.fields]

    def split(self, block: Block) -> Split:
        """Take a block apart."""
        lines = scan(block)
        fate = prejudged(lines, cut=block.cut)
        starts = lines.start.copy()
        odd = (fate == COUNTED) & (~ordinary(lines, fate, self._comment) | lines.control)
        for i in np.flatnonzero(odd).tolist():
            start, fate[i] = content(lines.text(i), self._comment)
            starts[i] += start
            if fate[i] == COUNTED and lines.control[i]:
                fate[i] = CONTROL
        numbers = np.flatnonzero(fate == COUNTED)
        return Split(lines, fate, self._rows(lines, starts, fate, numbers))

    def _rows(self, lines: Lines, starts: Ints, fate: Bytes, numbers: Ints) -> PatternRows:
        found, fits = self._matched(lines, starts, numbers)
        if self._syslog and not fits.all():
            again = np.array([payload(lines.text(i)) for i in numbers[~fits].tolist()], np.int64)
            starts[numbers[~fits]] += again
            if again.any():
                found, fits = self._matched(lines, starts, numbers)
        for i in numbers[~fits].tolist():  # blanks are no fields
            fate[i] = content(lines.text(i), self._comment)[1] or FIELDS
        groups = tuple(self._group(found, keys) for keys in self._groups)
        return PatternRows(numbers[fits], groups)

    def _matched(self, lines: Lines, starts: Ints, numbers: Ints) -> tuple[Any, Bools]:
        """Return the groups of the lines that match, as an Arrow array, and which lines these are."""
        import pyarrow as pa  # noqa: PLC0415 - pyarrow costs 0.13 s, the other kinds do without
        import pyarrow.compute as pc  # noqa: PLC0415

        spans = zip(starts[numbers].tolist(), lines.end[numbers].tolist(), strict=True)
        texts = pa.array([lines.buffer.text(s, e) for s, e in spans], pa.binary())
        found = pc.extract_regex(texts, self._pattern)
        fits = np.asarray(found.is_valid(), bool) if len(found) else np.zeros(0, bool)
        return found.filter(pa.array(fits, pa.bool_())), fits

    def _group(self, found: Any, keys: tuple[str, ...]) -> Any:  # noqa: ANN401 - Arrow has no types
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        array = pc.struct_field(found, keys[0])
        for key in keys[1:]:
            other = pc.struct_field(found, key)
            array = pc.if_else(pc.equal(pc.binary_length(array), 0), other, array)
        return pa.concat_arrays([array.cast(pa.binary())])
