"""Reads one field of a format in all rows: its canonical columns, and the rows in which it is faulty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

import numpy as np

from cdnlog.columns import Bools, Buffer, Column, Dictionary, Ints, Numbers, Texts
from cdnlog.declared import Field, LogFormat, Regions
from cdnlog.model import MICROSECONDS
from cdnlog.parse import domains, values
from cdnlog.text import visible
from cdnlog.zones import offsets

_QUESTION_MARK = ord("?")


@dataclass(frozen=True, slots=True)
class FieldValues:
    """What one field gave: canonical columns, and by reason the rows that must be rejected."""

    columns: Mapping[str, Column] = field(default_factory=dict)
    faults: Mapping[str, Bools] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Given:
    """What the lines leave open: their time zone, the names of region numbers, the domain of those without."""

    zone: tzinfo
    regions: Regions | None
    domain: str


class FieldReader:
    """Reads one field of a format.

    Args:
        declared: The field.
        fmt: Its format, for null markers and cache words.
        wanted: Canonical columns that are asked for; others are checked but not kept.
        given: What the lines leave open.
    """

    def __init__(self, declared: Field, fmt: LogFormat, wanted: frozenset[str], given: Given) -> None:
        self._field = declared
        self._wanted = wanted
        self._given = given
        self._known = Dictionary()
        self._nulls = tuple(null.encode() for null in fmt.nulls)
        self._cache = {word.lower().encode(): cls for word, cls in fmt.cache.items()}
        self._names = getattr(given.regions, declared.names) if given.regions and declared.names else {}
        self._read = {
            "time": self._time, "address": self._address, "domain": self._domain, "path": self._path,
            "text": self._text, "integer": self._integer, "code": self._code, "status": self._status,
            "word": self._word, "cache": self._cache_word,
        }[declared.type]  # fmt: skip

    def read(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        """Read the field of all rows, given where it stands in each."""
        return self._read(buffer, start, length)

    def _kept(self, column: Column, faults: Mapping[str, Bools] | None = None) -> FieldValues:
        name = self._field.column
        return FieldValues({name: column} if name in self._wanted else {}, faults or {})

    def _missing(self, buffer: Buffer, start: Ints, length: Ints, suspects: Bools) -> Bools:
        """Mark the suspects that are null markers; most batches have no suspect at all."""
        missing = np.zeros(len(start), bool)
        rows = np.flatnonzero(suspects)
        if len(rows):
            missing[rows] = buffer.is_null(start[rows], length[rows], self._nulls)
        return missing

    def _time(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        local, bad, strange = values.compact_time(buffer, start, length)
        faults = {"time": bad, "time-range": strange}
        if self._field.column not in self._wanted:
            return FieldValues({}, faults)
        local[bad | strange] = 0
        utc = (local - offsets(local, self._given.zone, local=True)) * MICROSECONDS
        return self._kept(Numbers(utc), faults)

    def _status(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        numbers, bad = values.status(buffer, start, length)
        return self._kept(Numbers(numbers), {"status": bad})

    def _integer(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        numbers, bad = values.unsigned(buffer, start, length)
        missing = self._missing(buffer, start, length, bad)
        numbers[bad] = 0
        column = Numbers(numbers, missing if missing.any() else None)
        return self._kept(column, {self._field.column: bad & ~missing})

    def _code(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        _, bad = values.signed(buffer, start, length)
        bad &= ~self._missing(buffer, start, length, bad)
        names = self._names
        return self._texts(
            buffer, start, length, lambda raw: names.get(raw.decode("ascii", "replace"), visible(raw)), bad
        )

    def _word(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        return self._texts(buffer, start, length, visible, self._no_word(buffer, start, length))

    def _cache_word(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        bad = self._no_word(buffer, start, length)
        return self._texts(buffer, start, length, lambda raw: self._cache.get(raw.lower()), bad)

    def _no_word(self, buffer: Buffer, start: Ints, length: Ints) -> Bools:
        bad = values.word(buffer, start, length)
        return bad & ~self._missing(buffer, start, length, bad)

    def _address(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        bad = values.address(buffer, start, length)
        bad &= ~self._missing(buffer, start, length, bad)
        return self._texts(buffer, start, length, visible, bad)

    def _text(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        return self._texts(buffer, start, length, visible, None)

    def _texts(
        self,
        buffer: Buffer,
        start: Ints,
        length: Ints,
        means: Callable[[bytes], str | None],
        bad: Bools | None,
    ) -> FieldValues:
        texts = Texts(buffer, start, length, means, verbatim=means is visible, nulls=self._nulls, known=self._known)
        return self._kept(texts, {} if bad is None else {self._field.column: bad})

    def _domain(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        return self._kept(
            Texts(buffer, start, length, domains.fold, nulls=self._nulls, null=self._given.domain, known=self._known)
        )

    def _path(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        """Split at the first question mark; what the log has there is not decoded."""
        if not self._wanted & {"path", "query"}:
            return FieldValues()
        marks = np.flatnonzero(buffer.bytes == _QUESTION_MARK)
        end = start + length
        mark = np.append(marks, buffer.size)[np.searchsorted(marks, start)]
        stop = np.minimum(mark, end)
        query = np.minimum(stop + 1, end)
        path = Texts(buffer, start, stop - start, visible, verbatim=True, nulls=self._nulls)
        rest = Texts(buffer, query, end - query, visible, verbatim=True, nulls=())
        both = {"path": path, "query": rest}
        return FieldValues({name: column for name, column in both.items() if name in self._wanted})
