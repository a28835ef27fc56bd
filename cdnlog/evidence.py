"""`Evidence`: rows kept for the diagnosis, bounded in memory and the same however the input is split.

Every row draws a ticket, a hash of what it says. Of each stratum (time cell, domain, status, served from cache or not)
the rows with the lowest tickets are kept: at most `PER_STRATUM`, of served requests a quarter of that; and over all
strata at most `ROWS`, those that come first by rank in their stratum, then by ticket. Which rows these are depends on
the rows alone: any split, order or number of processes keeps the same ones, so merging is associative and commutative.
Up to the caps nothing is left out; beyond them the kept rows are a uniform sample of each stratum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import numpy.typing as npt

from cdnlog.columns import Bools, Column, Ints, Numbers, Words, heads, lengths, mixed
from cdnlog.counts import Cells, Value, joint, renumbered
from cdnlog.model import MICROSECONDS, Batch

PER_STRATUM = 256
ROWS = 32_768
SERVED = 4
"""A row of a served request (status below 400) weighs as much as so many failing ones against the caps."""
TEXTS = (
    "domain", "path", "query", "client_ip", "referer", "user_agent", "region", "isp", "node", "method", "protocol",
    "range", "cache", "edge_detail", "request_id",
)  # fmt: skip
"""Text columns of the kept rows."""
NUMBERS = ("time", "status", "bytes", "duration_ms", "ttfb_ms", "origin_status", "origin_ms", "request_bytes")
"""Number columns of the kept rows; -1 where missing."""
LONGEST = 256
"""Characters kept of a text; longer ones end in an ellipsis."""
MISSING = -1

_TICKET_NUMBERS = ("time", "bytes", "duration_ms", "client_port")
_TICKET_TEXTS = ("client_ip", "path", "user_agent")
_TICKET_WORDS = 2
_LATEST = int(np.iinfo(np.uint64).max)
_PENDING = 16  # batches: their text is read only when it is known which of their rows stay
_FORGET = 8  # texts of rows that are no longer kept are dropped beyond so many times the rows
_FAILING = 400
_URL_LENGTH = len(NUMBERS)


def needed() -> set[str]:
    """Return the canonical columns that are gathered, or that draw the tickets."""
    return {*TEXTS, *NUMBERS, *_TICKET_NUMBERS}


@dataclass(frozen=True)
class Evidence:
    """Kept rows, in no particular order.

    Attributes:
        cell: Length of a time cell in seconds.
        numbers: int64, shape (rows, len(NUMBERS) + 1): `NUMBERS`, then the length of path and query in bytes.
        codes: int64, shape (rows, len(TEXTS)): place of each text in `values`.
        tickets: uint64, what decides on which rows are kept.
        values: For each of `TEXTS` its distinct values, None for a missing one.
    """

    cell: int
    numbers: Ints
    codes: Ints
    tickets: Words
    values: tuple[Sequence[Value], ...]

    @classmethod
    def empty(cls, cell: int) -> Evidence:
        """Return the unit of merging."""
        numbers, codes = np.empty((0, len(NUMBERS) + 1), np.int64), np.empty((0, len(TEXTS)), np.int64)
        return cls(cell, numbers, codes, np.empty(0, np.uint64), ((),) * len(TEXTS))

    def __len__(self) -> int:
        """Number of kept rows."""
        return len(self.tickets)

    def column(self, name: str) -> tuple[Ints, Sequence[Value]]:
        """Return the code of each row in one text column, and the values of the codes."""
        d = TEXTS.index(name)
        return self.codes[:, d], self.values[d]

    def number(self, name: str) -> Ints:
        """Return one number column, `MISSING` where the log has none; "url_length" is one too."""
        return self.numbers[:, _URL_LENGTH if name == "url_length" else NUMBERS.index(name)]

    @property
    def cells(self) -> Ints:
        """Start of each row's time cell, in UTC seconds."""
        return self.number("time") // (MICROSECONDS * self.cell) * self.cell

    @property
    def status(self) -> Ints:
        """Status of each row."""
        return self.number("status")

    @property
    def failing(self) -> Bools:
        """Whether each row's request failed: status 0, or 400 and above."""
        return _failing(self.status)

    def strata(self) -> Ints:
        """Number the strata: equal numbers for rows of one time cell, domain, status and side of the cache."""
        codes, words = self.column("cache")
        hit = np.array([word == "hit" for word in words], np.int64)[codes]
        return _numbered(np.column_stack([self.cells, self.status, self.column("domain")[0], hit]))

    def ordered(self, rows: Ints | Bools) -> Evidence:
        """Return some of the rows, in this order."""
        return replace(self, numbers=self.numbers[rows], codes=self.codes[rows], tickets=self.tickets[rows])

    def compact(self) -> Evidence:
        """Return the same rows; values that no row has any more are dropped."""
        codes = self.codes.copy()
        values: list[tuple[Value, ...]] = []
        for d, known in enumerate(self.values):
            used, codes[:, d] = np.unique(codes[:, d], return_inverse=True)
            values.append(tuple(known[i] for i in used.tolist()))
        return replace(self, codes=codes, values=tuple(values))

    def contents(self) -> Words:
        """Hash what rows of one ticket say, to tell them apart; 0 where no other row has the ticket."""
        order = np.argsort(self.tickets)
        new = _changes(self.tickets[order])
        twins = order[~new | ~np.append(new[1:], True)]
        hashes = np.zeros(len(self), np.uint64)
        if len(twins):
            numbers, rows = self.numbers[twins].T, self.ordered(twins).compact()
            parts = [np.ascontiguousarray(column).view(np.uint64) for column in numbers]
            for codes, known in zip(rows.codes.T, rows.values, strict=True):
                texts = (str(value).encode("utf-8", "surrogateescape") for value in known)
                parts.append(np.array(list(map(crc32, texts)), np.uint64)[codes])
            hashes[twins] = mixed(np.zeros(len(twins), np.int64), parts)
        return hashes


def merged(parts: Sequence[Evidence]) -> Evidence:
    """Return the evidence of all parts together; they must have the same cells."""
    cells = [Cells(part.codes, np.empty((len(part), 0), np.int64), tuple(map(tuple, part.values))) for part in parts]
    codes, values = renumbered(cells)
    known = tuple(value or () for value in values)
    same = [replace(part, codes=own, values=known) for part, own in zip(parts, codes, strict=True)]
    return _chosen(same).compact()


def _chosen(parts: Sequence[Evidence]) -> Evidence:
    """Return the rows of all parts that are kept; the parts must have the same values."""
    whole = replace(
        parts[0],
        numbers=np.concatenate([part.numbers for part in parts]),
        codes=np.concatenate([part.codes for part in parts]),
        tickets=np.concatenate([part.tickets for part in parts]),
    )
    whole = whole.ordered(np.lexsort((whole.contents(), whole.tickets)))
    rank = _ranks(whole.strata(), whole.tickets, tied=False) * _weights(whole.status)
    first = np.lexsort((whole.tickets, rank))[:ROWS]  # stable: rows of one ticket stay in the order of what they say
    return whole.ordered(first[rank[first] < PER_STRATUM])


def _numbered(keys: Ints) -> Ints:
    """Number equal rows of keys alike, from 0."""
    if not len(keys):
        return np.empty(0, np.int64)
    _, numbers = np.unique(joint(keys)[0], return_inverse=True)
    return numbers


def _ranks(strata: Ints, tickets: Words, *, tied: bool) -> Ints:
    """Return the place of each row among those of its stratum, from 0; rows of one ticket share a place if `tied`."""
    if not len(strata):
        return np.empty(0, np.int64)
    order = np.lexsort((tickets, strata))
    places = np.arange(len(strata))
    begins = _changes(strata[order])
    at = np.maximum.accumulate(np.where(begins | _changes(tickets[order]), places, 0)) if tied else places
    rank = np.empty(len(strata), np.int64)
    rank[order] = at - np.maximum.accumulate(np.where(begins, places, 0))
    return rank


def _failing(status: Ints) -> Bools:
    failing: Bools = (status == 0) | (status >= _FAILING)
    return failing


def _weights(status: Ints) -> Ints:
    """Return what each row weighs against the caps."""
    return np.where(_failing(status), 1, SERVED)


def _changes(ordered: npt.NDArray[np.generic]) -> Bools:
    """Mark where a value differs from the one before; the first one does."""
    changes = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=changes[1:])
    return changes


_Stratum = tuple[int, int, bool, Value]


@dataclass(frozen=True)
class _Limits:
    """Tickets from which on a row of a stratum can no longer be kept.

    Attributes:
        full: The highest ticket kept of each stratum that takes no further row.
    """

    full: Mapping[_Stratum, int]

    @classmethod
    def of_held(cls, held: Evidence) -> _Limits:
        """Return the limits that follow from what is kept: they only ever sink when more rows come."""
        if not len(held):
            return cls({})
        strata = held.strata()
        _, first, sizes = np.unique(strata, return_index=True, return_counts=True)
        weights = _weights(held.status[first])
        highest = np.zeros(len(sizes), np.uint64)
        np.maximum.at(highest, strata, held.tickets)
        highest_rank = PER_STRATUM - 1
        if len(held) >= ROWS:  # what ranks behind all kept rows will not be kept
            highest_rank = min(highest_rank, int(((sizes - 1) * weights).max()))
        keys = _stratum_keys(held, first)
        return cls({keys[i]: int(highest[i]) for i in np.flatnonzero(sizes * weights > highest_rank).tolist()})

    def of(self, stratum: _Stratum) -> int:
        """Return the highest ticket that a stratum still takes."""
        return self.full.get(stratum, _LATEST)


def _stratum_keys(held: Evidence, rows: Ints) -> list[_Stratum]:
    domains, names = held.column("domain")
    cache, words = held.column("cache")
    columns = (held.cells, held.status, cache, domains)
    listed = zip(*(column[rows].tolist() for column in columns), strict=True)
    return [(cell, status, words[hit] == "hit", names[domain]) for cell, status, hit, domain in listed]


def _may_stay(strata: Ints, tickets: Words, weights: Ints) -> Bools:
    """Mark the rows that the caps may let stay; of rows with one ticket in a stratum all, until their text is read."""
    lowest = _ranks(strata, tickets, tied=True) * weights
    keep: Bools = lowest < PER_STRATUM
    if len(strata) > ROWS:
        # Which of several rows with one ticket comes first makes no difference to where the last place is.
        weighted = _ranks(strata, tickets, tied=False) * weights
        last = np.lexsort((tickets, weighted))[ROWS - 1]
        keep &= (lowest < weighted[last]) | ((lowest == weighted[last]) & (tickets <= tickets[last]))
    return keep


class Gatherer:
    """Gathers the rows of one file's batches.

    Args:
        cell: Length of a time cell in seconds.
    """

    def __init__(self, cell: int) -> None:
        self._texts = tuple(_Interned() for _ in TEXTS)
        self._held = replace(Evidence.empty(cell), values=tuple(text.values for text in self._texts))
        self._pending: list[_Rows] = []
        self._limits = _Limits({})

    def add(self, batch: Batch) -> None:
        """Take what a batch has of rows that may be kept."""
        if batch.rows and isinstance(batch.columns.get("status"), Numbers):
            self._pending.append(_Rows(batch, self._held.cell, self._texts, self._limits))
        if len(self._pending) >= _PENDING:
            self._fold()

    def evidence(self) -> Evidence:
        """Return what was gathered so far."""
        self._fold()
        return self._held.compact()

    def _fold(self) -> None:
        """Choose among the pending rows by their tickets alone, read the text of those that may stay, and merge."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        keys = np.concatenate([rows.keys for rows in pending])
        tickets = np.concatenate([rows.tickets for rows in pending])
        keep = _may_stay(_numbered(keys), tickets, _weights(keys[:, 1]))
        ends = np.cumsum([len(rows.tickets) for rows in pending])
        parts = [rows.evidence(kept) for rows, kept in zip(pending, np.split(keep, ends[:-1]), strict=True)]
        self._held = _chosen([self._held, *parts])
        self._limits = _Limits.of_held(self._held)
        if len(self._texts[TEXTS.index("path")].values) > _FORGET * ROWS:
            self._forget()

    def _forget(self) -> None:
        """Drop the texts that no kept row has any more."""
        held = self._held.compact()
        self._texts = tuple(_Interned(values) for values in held.values)
        self._held = replace(held, values=tuple(text.values for text in self._texts))


class _Interned:
    """The distinct texts of one column, numbered as they are met; `values` grows."""

    def __init__(self, values: Sequence[Value] = ()) -> None:
        self.values: list[Value] = list(values)
        self._place = {value: i for i, value in enumerate(self.values)}

    def places(self, texts: Sequence[Value]) -> Ints:
        """Return the number of each text."""
        place, values = self._place, self.values
        numbers = []
        for text in texts:
            number = place.get(text)
            if number is None:
                number = place[text] = len(values)
                values.append(text)
            numbers.append(number)
        return np.array(numbers, np.int64)


class _Rows:
    """Rows of one batch that may be kept; none of their text has been read yet.

    Attributes:
        keys: int64, shape (rows, 4): cell, status, place of the domain in `domains`, whether it was a cache hit.
        tickets: Their tickets.
    """

    def __init__(self, batch: Batch, cell: int, texts: tuple[_Interned, ...], limits: _Limits) -> None:
        self._columns, self._rows, self._cell, self._texts = batch.columns, batch.rows, cell, texts
        domain, names = _codes(batch.columns.get("domain"), batch.rows)
        places = texts[TEXTS.index("domain")].places(names)
        cache, words = _codes(batch.columns.get("cache"), batch.rows)
        hit = np.array([word == "hit" for word in words], np.int64)[cache]
        cells = self._number("time") // (MICROSECONDS * cell) * cell
        keys = np.column_stack([cells, self._number("status"), places[domain], hit])
        tickets = self._tickets()
        strata = _numbered(keys)
        keep = _ranks(strata, tickets, tied=True) * _weights(keys[:, 1]) < PER_STRATUM
        if limits.full:
            _, first = np.unique(strata, return_index=True)
            listed = texts[TEXTS.index("domain")].values
            of = [limits.of((c, s, bool(h), listed[d])) for c, s, d, h in keys[first].tolist()]
            keep &= tickets <= np.array(of, np.uint64)[strata]
        self._kept = np.flatnonzero(keep)
        self.keys, self.tickets = keys[keep], tickets[keep]

    def evidence(self, keep: Bools) -> Evidence:
        """Return some of the rows, with their text."""
        rows = self._kept[keep]
        columns = {name: self._columns[name].take(rows) for name in TEXTS if name in self._columns}
        codes = []
        for name, text in zip(TEXTS, self._texts, strict=True):
            own, values = _codes(columns.get(name), len(rows))
            codes.append(text.places([_short(value) for value in values])[own])
        numbers = [self._number(name, MISSING)[rows] for name in NUMBERS]
        table = np.column_stack([*numbers, self._url_length(rows)])
        texts = tuple(text.values for text in self._texts)
        return Evidence(self._cell, table, np.column_stack(codes), self.tickets[keep], texts)

    def _number(self, name: str, missing: int = 0) -> Ints:
        column = self._columns.get(name)
        if not isinstance(column, Numbers):
            return np.full(self._rows, missing)
        return column.values if column.missing is None else np.where(column.missing, missing, column.values)

    def _url_length(self, rows: Ints) -> Ints:
        """Return the length of path and query together, with the question mark between them."""
        path, query = (lengths(self._columns[n])[rows] if n in self._columns else None for n in ("path", "query"))
        if path is None:
            return np.full(len(rows), MISSING)
        return path if query is None else path + query + (query > 0)

    def _tickets(self) -> Words:
        """Hash what is cheap to hash; rows that it does not tell apart are told apart by `Evidence.contents`."""
        parts: list[Words] = [self._number(name).view(np.uint64) for name in _TICKET_NUMBERS]
        for name in _TICKET_TEXTS:
            if name in self._columns:
                parts += heads(self._columns[name], _TICKET_WORDS)
        return mixed(np.zeros(self._rows, np.int64), parts)


def _codes(column: Column | None, rows: int) -> tuple[Ints, Sequence[Value]]:
    if column is None:
        return np.zeros(rows, np.int64), (None,)
    if not isinstance(column, Numbers):
        return column.codes
    distinct, codes = np.unique(column.values, return_inverse=True)
    return codes, tuple(map(str, distinct.tolist()))


def _short(value: Value) -> Value:
    return value if not isinstance(value, str) or len(value) <= LONGEST else value[: LONGEST - 1] + "…"
