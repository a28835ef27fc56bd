"""Reads one field of a format in all rows: its canonical columns, and the rows in which it is faulty."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timezone, tzinfo
from fnmatch import translate
from functools import cache

import numpy as np

from cdnlog.buffer import Bools, Buffer, Ints
from cdnlog.columns import Column, Numbers, Texts, dictionary
from cdnlog.declared import Regions
from cdnlog.formats import Cut, Delimited, Field, LogFormat
from cdnlog.model import MICROSECONDS
from cdnlog.parse import domains, times, urls, values
from cdnlog.parse.decoding import decoding
from cdnlog.parse.split import Slice
from cdnlog.text import visible
from cdnlog.zones import offsets

OFFSET, DATE, CLOCK = "time.offset", "time.date", "time.clock"
"""What a field gives besides columns: the zone its lines name, the halves of a time."""
MOST_WEIGHT = 1_000_000
_UNFAILING = ("text", "path", "url", "domain", "request")


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
        self._column = declared.column or ""
        self._wanted = frozenset(declared.columns) & wanted
        self._given = given
        self._known = dictionary()
        self._nulls = tuple(null.encode() for null in (*fmt.nulls, *declared.nulls))
        own = tuple(null.encode() for null in declared.nulls)
        self._unanswered = (*values.NO_ANSWER, *own, *({b"-1"} & set(self._nulls)))
        self._cache = CacheWords(fmt.cache)
        self._special, self._means = decoding((*declared.decode, *_wrapping(declared, fmt)))
        self._names = getattr(given.regions, declared.names) if given.regions and declared.names else {}
        self._moments = _moments(declared)
        self._read = {
            "time": self._time, "date": self._half, "clock": self._half, "address": self._address,
            "address-port": self._address_port, "domain": self._domain, "path": self._path, "url": self._url,
            "request": self._request, "text": self._text, "word": self._word, "integer": self._integer,
            "duration": self._duration, "code": self._code, "status": self._status, "cache": self._cache_word,
            "cache-status": self._cache_status,
        }[declared.type]  # fmt: skip

    @property
    def needed(self) -> bool:
        """Whether it matters what the field holds: somebody wants it, or it can make a line faulty."""
        unfailing = self._field.type in _UNFAILING and not self._field.required
        return bool(self._column) and (bool(self._wanted) or not unfailing)

    def read(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        """Read the field of all rows, given where it stands in each."""
        if self._field.pick is not None:
            start, length = urls.picked(buffer, start, length, self._field.pick)
        found = self._read(buffer, start, length)
        if self._field.required:
            missing = buffer.is_null(start, length, self._nulls)
            faults = {**found.faults, self._column: found.faults.get(self._column, missing) | missing}
            return FieldValues(found.columns, faults)
        return found

    def _kept(self, column: Column, faults: Mapping[str, Bools] | None = None) -> FieldValues:
        return FieldValues({self._column: column} if self._column in self._wanted else {}, faults or {})

    def _missing(self, buffer: Buffer, start: Ints, length: Ints, suspects: Bools) -> Bools:
        """Mark the suspects that are null markers."""
        missing = np.zeros(len(start), bool)
        rows = np.flatnonzero(suspects)
        missing[rows] = buffer.is_null(start[rows], length[rows], self._nulls)
        return missing

    def _faulty(self, buffer: Buffer, start: Ints, length: Ints, bad: Bools) -> Bools:
        """Mark what is bad and no null marker; most blocks have nothing bad at all."""
        return bad & ~self._missing(buffer, start, length, bad) if bad.any() else bad

    # Times

    def _time(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        found, faults = self._checked(buffer, start, length)
        if "time" not in self._wanted:
            return FieldValues({}, faults)
        utc, offset = in_utc(found.local, found.offset, self._given.zone)
        return FieldValues({"time": Numbers(utc)} | ({} if offset is None else {OFFSET: Numbers(offset)}), faults)

    def _half(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        found, faults = self._checked(buffer, start, length)
        name = DATE if self._field.type == "date" else CLOCK
        return FieldValues({name: Numbers(found.local)} if "time" in self._wanted else {}, faults)

    def _checked(self, buffer: Buffer, start: Ints, length: Ints) -> tuple[times.Moments, dict[str, Bools]]:
        """Read times; those that are none, or of no log, are 0."""
        found = self._moments(buffer, start, length)
        faults = _named("time", found.bad) | _named("time-range", found.strange)
        for wrong in faults.values():
            found.local[wrong] = 0
        return found, faults

    # Numbers

    def _status(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        numbers, bad = values.status(buffer, start, length, self._unanswered)
        if self._column == "status":
            return self._kept(Numbers(numbers), _named("status", bad))
        missing = self._missing(buffer, start, length, bad)
        none = missing | (numbers == 0)
        numbers[none] = 0
        return self._kept(Numbers(numbers, none if none.any() else None), {self._column: bad & ~missing})

    def _integer(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        numbers, bad = values.unsigned(buffer, start, length)
        missing = None
        if bad.any():  # most blocks have nothing but numbers
            missing = self._missing(buffer, start, length, bad)
            numbers[bad] = 0
            bad &= ~missing
        if self._column == "weight":
            wrong = (numbers < 1) | (numbers > MOST_WEIGHT)
            bad |= wrong if missing is None else wrong & ~missing
        return self._kept(Numbers(numbers, missing), _named(self._column, bad))

    def _duration(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        numbers, bad, negative = values.duration(buffer, start, length, self._field.unit or "ms")
        missing = self._missing(buffer, start, length, bad) | negative
        numbers[bad | missing] = 0
        column = Numbers(numbers, missing if missing.any() else None)
        return self._kept(column, {self._column: bad & ~missing})

    # Words

    def _code(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        _, bad = values.signed(buffer, start, length)
        bad = self._faulty(buffer, start, length, bad)
        names = self._names
        return self._texts(
            buffer, start, length, lambda raw: names.get(raw.decode("ascii", "replace"), visible(raw)), bad
        )

    def _word(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        return self._texts(buffer, start, length, self._means, self._no_word(buffer, start, length))

    def _cache_word(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        bad = self._no_word(buffer, start, length)
        for row in np.flatnonzero(bad).tolist():  # "1" may be one as well
            bad[row] = buffer.text(int(start[row]), int(start[row] + length[row])) not in self._cache
        return self._texts(buffer, start, length, self._cache.get, bad)

    def _cache_status(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        """Read "TCP_MISS/200"."""
        end = start + length
        slash = buffer.last(b"/", start, end)
        numbers, bad = values.status(buffer, slash + 1, np.maximum(end - slash - 1, 0), self._unanswered)
        word = self._texts(buffer, start, np.maximum(slash - start, 0), self._cache.get, None)
        status = {"status": Numbers(numbers)} if "status" in self._wanted else {}
        return FieldValues({**word.columns, **status}, {"status": bad | (slash < start)})

    def _no_word(self, buffer: Buffer, start: Ints, length: Ints) -> Bools:
        return self._faulty(buffer, start, length, values.word(buffer, start, length))

    # Addresses

    def _address(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        bad = self._faulty(buffer, start, length, values.address(buffer, start, length))
        return self._texts(buffer, start, length, self._means, bad)

    def _address_port(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        address, port = urls.port_after(buffer, start, length)
        found = self._address(buffer, *address)
        numbers, bad = values.unsigned(buffer, *port)
        numbers[bad] = 0
        ports = {"client_port": Numbers(numbers, bad)} if "client_port" in self._wanted else {}
        return FieldValues({**found.columns, **ports}, found.faults)

    def _domain(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        return self._kept(self._domains(buffer, (start, length)))

    def _domains(self, buffer: Buffer, host: Slice) -> Texts:
        return Texts(buffer, *host, domains.fold, nulls=self._nulls, null=self._given.domain, known=self._known)

    # Texts

    def _text(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        return self._texts(buffer, start, length, self._means, None)

    def _texts(
        self,
        buffer: Buffer,
        start: Ints,
        length: Ints,
        means: Callable[[bytes], str | None],
        bad: Bools | None,
    ) -> FieldValues:
        texts = Texts(
            buffer, start, length, means, means is self._means, self._nulls, known=self._known, special=self._special
        )
        return self._kept(texts, {} if bad is None else _named(self._column, bad))

    def _verbatim(self, buffer: Buffer, part: Slice, nulls: tuple[bytes, ...]) -> Texts:
        return Texts(buffer, *part, self._means, verbatim=True, nulls=nulls, special=self._special)

    def _path(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        """Split at the first question mark, before anything is decoded."""
        if not self._wanted & {"path", "query"}:
            return FieldValues()
        path, query = urls.path_and_query(buffer, start, length)
        both = {"path": self._verbatim(buffer, path, self._nulls), "query": self._verbatim(buffer, query, ())}
        return FieldValues({name: column for name, column in both.items() if name in self._wanted})

    def _url(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        host, rest = urls.host_and_rest(buffer, start, length, host_first=self._field.host_first)
        found = dict(self._path(buffer, *rest).columns)
        if "domain" in self._wanted:
            found["domain"] = self._domains(buffer, host)
        return FieldValues(found)

    def _request(self, buffer: Buffer, start: Ints, length: Ints) -> FieldValues:
        method, target, protocol = urls.request(buffer, start, length)
        found = dict((self._url if self._field.url else self._path)(buffer, *target).columns)
        for name, slices in (("method", method), ("protocol", protocol)):
            if name in self._wanted:
                found[name] = self._verbatim(buffer, slices, self._nulls)
        return FieldValues(found)


class CacheWords:
    """The vendor's cache words and the classes they mean; exact ones go before those with `*`."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._exact = {word.lower().encode(): cls for word, cls in words.items()}
        self._globs = [(_glob(word.lower()), cls) for word, cls in words.items() if "*" in word]

    def get(self, raw: bytes) -> str | None:
        """Return the class of a word, None if it means nothing."""
        word = raw.lower()
        if word in self._exact:
            return self._exact[word]
        return next((cls for glob, cls in self._globs if glob.fullmatch(word)), None)

    def __contains__(self, raw: bytes) -> bool:
        """Whether a word means something."""
        return self.get(raw) is not None


@cache
def _glob(word: str) -> re.Pattern[bytes]:
    return re.compile(translate(word).encode())


def _named(reason: str, bad: Bools) -> dict[str, Bools]:
    """Return the faulty rows under the reason they are rejected for, nothing if there are none."""
    return {reason: bad} if bad.any() else {}


def in_utc(local: Ints, offset: Ints | None, zone: tzinfo) -> tuple[Ints, Ints | None]:
    """Return the times that clocks show as microseconds of UTC, and the offsets of the clocks if they are named."""
    if offset is None:
        if isinstance(zone, timezone):
            return local - int(zone.utcoffset(None).total_seconds()) * MICROSECONDS, None
        return local - offsets(local // MICROSECONDS, zone, local=True) * MICROSECONDS, None
    unknown = np.flatnonzero(offset == times.NO_ZONE)
    if len(unknown):
        offset = offset.copy()
        offset[unknown] = offsets(local[unknown] // MICROSECONDS, zone, local=True)
    return local - offset * MICROSECONDS, offset


def _moments(declared: Field) -> times.Reader:
    make = {"date": times.dates, "clock": times.clocks}.get(declared.type, times.reader)
    return make(declared.layouts or ("iso",))


def _wrapping(declared: Field, fmt: LogFormat) -> tuple[str, ...]:
    """Return what the escapes of a quoted field are undone by."""
    if isinstance(declared, Cut) and declared.quoted and isinstance(fmt, Delimited) and fmt.escape != "none":
        return (fmt.escape,)
    return ()
