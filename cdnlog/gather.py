"""Gathers the rows that become `Evidence`: bounded in memory, and the same ones however the input is split.

Every row draws a ticket, a hash of what it says. Of each stratum (time cell, domain, status, served from cache or not)
the rows with the lowest tickets are kept: at most `PER_STRATUM`, of served requests a quarter of that; and over all
strata at most `ROWS`, those that come first by weighted rank in their stratum, then by ticket. Which rows these are
depends on the rows alone: any split, order or number of processes keeps the same ones, so merging is associative and
commutative. Up to the caps nothing is left out; beyond them the kept rows are a uniform sample of each stratum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import Lock

import numpy as np
import numpy.typing as npt

from cdnlog import kernel
from cdnlog.buffer import Bools, Ints, Words, mixed_on
from cdnlog.cells import joint
from cdnlog.columns import Column, Numbers, Texts, heads
from cdnlog.counts import is_error
from cdnlog.evidence import MISSING, NUMBERS, TEXTS, Evidence, url_length
from cdnlog.model import MICROSECONDS, Batch
from cdnlog.privacy import masked
from cdnlog.strings import Strings, joined, strings

PER_STRATUM = 256
ROWS = 32_768
POOL = 2 * ROWS
"""Rows that are held at most, about, before those that stay are chosen."""
FRESH = ROWS // 2
"""Rows that come, about, before the limits are drawn anew."""
SERVED = 4
"""A row of a served request (status below 400) weighs as much as so many failing ones against the caps."""

_TICKET_NUMBERS = ("time", "bytes", "duration_ms", "client_port")
_TICKET_TEXTS = ("client_ip", "path", "user_agent")
_TICKET_WORDS = 2
_PLACE_BITS = 16  # of a stratum, where it is looked up
_STRATUM_BITS = 28  # of a sorting key; the rest is the head of a ticket
_TIME, _STATUS = NUMBERS.index("time"), NUMBERS.index("status")


def gathered_columns() -> set[str]:
    """Return the canonical columns that are gathered, or that draw the tickets."""
    return {*TEXTS, *NUMBERS, *_TICKET_NUMBERS}


@dataclass(frozen=True)
class Kept:
    """Rows of one run, or of a part of it, that may become evidence.

    Attributes:
        cell: Length of a time cell in seconds.
        numbers: As in `Evidence`.
        texts: Each of `TEXTS`.
        strata: uint64, the same for rows of one stratum.
        tickets: uint64.
    """

    cell: int
    numbers: Ints
    texts: tuple[Strings, ...]
    strata: Words
    tickets: Words

    @classmethod
    def empty(cls, cell: int) -> Kept:
        """Return the unit of merging."""
        none = np.empty(0, np.uint64)
        texts = tuple(strings(None, np.empty(0, np.int64)) for _ in TEXTS)
        return cls(cell, np.empty((0, len(NUMBERS) + 1), np.int64), texts, none, none)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.tickets)

    @property
    def times(self) -> Ints:
        """Time of each row, in microseconds of UTC."""
        return self.numbers[:, _TIME]

    @property
    def weights(self) -> Ints:
        """What each row weighs against the caps."""
        return _weights(self.numbers[:, _STATUS])

    def take(self, rows: Ints) -> Kept:
        """Return some of the rows, in this order."""
        texts = tuple(text.take(rows) for text in self.texts)
        return Kept(self.cell, self.numbers[rows], texts, self.strata[rows], self.tickets[rows])

    def evidence(self) -> Evidence:
        """Return the rows with their texts numbered; what reports may quote of them has its query values masked."""
        coded = [_quotable(name, *text.coded()) for name, text in zip(TEXTS, self.texts, strict=True)]
        codes = np.column_stack([codes for codes, _ in coded])
        return Evidence(self.cell, self.numbers, codes, self.tickets, tuple(values for _, values in coded))


def _quotable(name: str, codes: Ints, values: list[str | None]) -> tuple[Ints, list[str | None]]:
    """Mask what stands in the texts of a column; the query itself is looked at by rules and quoted by none."""
    if name in _UNQUOTED:
        return codes, values
    place: dict[str | None, int] = {}
    table = [place.setdefault(None if value is None else masked(value), len(place)) for value in values]
    return np.array(table, np.int64)[codes] if table else codes, list(place)


_UNQUOTED = frozenset({"domain", "query"})


def merged(parts: Sequence[Kept]) -> Kept:
    """Return what is kept of all parts together; they must have the same cells."""
    whole = _Together(parts)
    return whole.take(whole.best(whole.ordered()))


class _Together:
    """Several parts as one; a column is put together when it is asked for, as all of them at once are large."""

    def __init__(self, parts: Sequence[Kept]) -> None:
        self._parts = parts
        self.strata = np.concatenate([part.strata for part in parts])
        self.tickets = np.concatenate([part.tickets for part in parts])

    def number(self, i: int) -> Ints:
        """Return a column of numbers."""
        return np.concatenate([part.numbers[:, i] for part in self._parts])

    def text(self, d: int) -> Strings:
        """Return a column of texts."""
        return joined([part.texts[d] for part in self._parts])

    def take(self, rows: Ints) -> Kept:
        """Return some of the rows, in this order."""
        numbers = np.concatenate([part.numbers for part in self._parts])[rows]
        texts = tuple(self.text(d).take(rows) for d in range(len(TEXTS)))
        return Kept(self._parts[0].cell, numbers, texts, self.strata[rows], self.tickets[rows])

    def best(self, order: Ints) -> Ints:
        """Return the rows that are kept, given the order of all by tickets and contents."""
        rank = _ranks(self._numbers[order]) * _weights(self.number(_STATUS))[order]
        first = _stably(np.minimum(rank, PER_STRATUM + 1))[:ROWS]  # rows of one rank stay in the given order
        return order[first[rank[first] <= PER_STRATUM]]

    def limits(self) -> Limits:
        """Return what can no longer be kept."""
        rows = self.best(np.argsort(self.tickets))
        return Limits(self.strata[rows], self.tickets[rows], _weights(self.number(_STATUS))[rows])

    @cached_property
    def _numbers(self) -> Ints:
        """The strata, numbered."""
        return np.unique(self.strata, return_inverse=True)[1]

    def ordered(self) -> Ints:
        """Return the rows in the order of their tickets, those of one ticket by what they say."""
        order = np.argsort(self.tickets)
        new = _changes(self.tickets[order])
        places = np.flatnonzero(~new | ~np.append(new[1:], True))
        twins = order[places]
        if len(twins):
            order[places] = twins[np.lexsort((self._contents(twins), self.tickets[twins]))]
        return order

    def _contents(self, rows: Ints) -> Words:
        """Hash what some rows say."""
        hashes = np.zeros(len(rows), np.uint64)
        for i in range(len(NUMBERS) + 1):
            hashes = mixed_on(hashes, [self.number(i)[rows].view(np.uint64)])
        for d in range(len(TEXTS)):
            hashes = mixed_on(hashes, [self.text(d).hashes(rows).view(np.uint64)])
        return hashes


class Pool:
    """Merges many parts; now and then only, so that many small files cost no more than few large ones."""

    def __init__(self, cell: int) -> None:
        self._parts = [Kept.empty(cell)]

    def add(self, part: Kept) -> None:
        """Add a part."""
        self._parts.append(part)
        if sum(map(len, self._parts)) > POOL:
            self._parts = [merged(self._parts)]

    def kept(self) -> Kept:
        """Return what is kept of all parts."""
        return merged(self._parts)


def _weights(status: Ints) -> Ints:
    return np.where(is_error(status), 1, SERVED)


def _ranks(strata: Ints) -> Ints:
    """Return the place of each row in its stratum, from 1 on, in the order the rows come in."""
    order = _stably(strata)
    places = np.arange(len(order))
    rank = np.empty(len(order), np.int64)
    rank[order] = places - np.maximum.accumulate(np.where(_changes(strata[order]), places, 0)) + 1
    return rank


def _stably(numbers: Ints) -> Ints:
    """Return the order of numbers, equal ones in the order they come in; small ones are sorted by their digits."""
    return np.argsort(numbers.astype(np.min_scalar_type(numbers.max(initial=0))), kind="stable")


def _changes(ordered: npt.NDArray[np.generic]) -> Bools:
    """Mark where a value differs from the one before; the first one does."""
    changes = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=changes[1:])
    return changes


class Limits:
    """What can no longer be kept, given what is: this only ever sinks when more rows come.

    Args:
        strata: Strata of the rows that are kept so far.
        tickets: Their tickets.
        weights: What they weigh.
    """

    def __init__(self, strata: Words, tickets: Words, weights: Ints) -> None:
        order = np.argsort(strata)
        first = np.flatnonzero(_changes(strata[order]))
        sizes, weights = np.diff(np.append(first, len(order))), weights[order[first]]
        self.rank = PER_STRATUM
        """The highest weighted rank that can be kept."""
        if len(strata) >= ROWS:
            self.rank = min(self.rank, int((sizes * weights).max()))
        full = (sizes + 1) * weights > self.rank
        # Of full strata that share a place one is looked up, rows of the others stay a little longer.
        self._stratum, self._highest = np.zeros((2, 1 << _PLACE_BITS), np.uint64)
        if full.any():
            at = _place(strata[order[first[full]]])
            self._stratum[at] = strata[order[first[full]]]
            self._highest[at] = np.maximum.reduceat(tickets[order], first)[full]

    def allow(self, strata: Words, tickets: Words) -> Bools:
        """Mark the rows that their stratum may still take."""
        at = _place(strata)
        allowed: Bools = (self._stratum[at] != strata) | (tickets <= self._highest[at])
        return allowed


def _place(strata: Words) -> Words:
    return strata >> np.uint64(64 - _PLACE_BITS)


class Gatherer:
    """Gathers the rows of one file's batches; several threads may add at the same time.

    Args:
        cell: Length of a time cell in seconds.
    """

    def __init__(self, cell: int) -> None:
        self._cell, self._lock = cell, Lock()
        self._parts = [Kept.empty(cell)]
        self._held = self._new = 0  # rows in the parts, and those that the limits do not know
        self._limits = _Together(self._parts).limits()

    def add(self, batch: Batch) -> None:
        """Take what a batch has of rows that may be kept."""
        if not batch.rows or not isinstance(batch.columns.get("status"), Numbers):
            return
        part = _picked(batch, self._cell, self._limits)
        with self._lock:
            self._parts.append(part)
            self._held += len(part)
            self._new += len(part)
            if self._held > POOL:
                self._fold()
            if self._new > FRESH:
                self._limits, self._new = _Together(self._parts).limits(), 0

    def kept(self) -> Kept:
        """Return what was gathered so far."""
        self._fold()
        return self._parts[0]

    def _fold(self) -> None:
        self._parts = [merged(self._parts)]
        self._held = len(self._parts[0])


def _picked(batch: Batch, cell: int, limits: Limits) -> Kept:
    """Return the rows of a batch that the limits let stay, with their text."""
    status = _number(batch, "status")
    cells = _number(batch, "time") // (MICROSECONDS * cell)
    domain, names = _codes(batch.columns.get("domain"), batch.rows)
    cache, words = _codes(batch.columns.get("cache"), batch.rows)
    hit = np.array([word == "hit" for word in words], np.int64)[cache]
    tickets = _tickets(batch)
    strata = np.zeros(batch.rows, np.uint64)
    for column in (_name_hashes(names)[domain], cells, status, hit):
        strata = _mixed_numbers(strata, column.view(np.int64))
    rows = np.flatnonzero(limits.allow(strata, tickets))
    # Two codes may mean one domain: then a row may seem to rank higher than it does, and stays a little longer.
    local = joint(np.column_stack([cells[rows], status[rows], domain[rows], hit[rows]]))[0] if len(rows) else rows
    rows = rows[_lowest_ranks(local, tickets[rows], _weights(status[rows])) <= limits.rank]
    texts = tuple(strings(batch.columns.get(name), rows) for name in TEXTS)
    path, query = (_lengths(batch.columns.get(name), rows) for name in ("path", "query"))
    numbers = [_number(batch, name, MISSING)[rows] for name in NUMBERS]
    table = np.column_stack([*numbers, url_length(path, query, len(rows))])
    return Kept(cell, table, texts, strata[rows], tickets[rows])


def _lowest_ranks(strata: Ints, tickets: Words, weights: Ints) -> Ints:
    """Return a weighted place of each row that is not above its own; rows with equal heads of a ticket share theirs."""
    bits = max(int(strata.max(initial=0)).bit_length(), 1)
    if bits > _STRATUM_BITS:  # strata far apart: number them anew
        _, strata = np.unique(strata, return_inverse=True)
        bits = max(len(strata).bit_length(), 1)
    keys = (strata.astype(np.uint64) << np.uint64(64 - bits)) | (tickets >> np.uint64(bits))
    order = np.argsort(keys)
    ordered = keys[order]
    places = np.arange(len(order))
    begins = _changes(ordered >> np.uint64(64 - bits))
    same = np.maximum.accumulate(np.where(_changes(ordered), places, 0))
    rank = np.empty(len(order), np.int64)
    rank[order] = same - np.maximum.accumulate(np.where(begins, places, 0)) + 1
    return rank * weights


def _number(batch: Batch, name: str, missing: int = 0) -> Ints:
    column = batch.columns.get(name)
    if not isinstance(column, Numbers):
        return np.full(batch.rows, missing)
    return column.values if column.missing is None else np.where(column.missing, missing, column.values)


def _codes(column: Column | None, rows: int) -> tuple[Ints, Sequence[str | None]]:
    if column is None:
        return np.zeros(rows, np.int64), (None,)
    if isinstance(column, Numbers):
        numbers, codes = np.unique(column.values, return_inverse=True)
        return codes, list(map(str, numbers.tolist()))
    return column.codes


def _lengths(column: Column | None, rows: Ints) -> Ints | None:
    """Return the length in bytes of some rows' text."""
    return None if column is None else heads(column.take(rows), 0)[0].view(np.int64)


def _name_hashes(names: Sequence[str | None]) -> Words:
    return np.array(list(map(_name_hash, names)), np.uint64)


@lru_cache(maxsize=65_536)
def _name_hash(name: str | None) -> int:
    from hashlib import blake2b  # noqa: PLC0415 - OpenSSL takes 3 ms, which counting does without

    return int.from_bytes(blake2b((name or "").encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _tickets(batch: Batch) -> Words:
    """Hash what is cheap to hash; rows that it does not tell apart are told apart by `Kept.contents`."""
    hashes = np.zeros(batch.rows, np.uint64)
    for name in _TICKET_NUMBERS:
        hashes = _mixed_numbers(hashes, _number(batch, name))
    for name in _TICKET_TEXTS:
        column = batch.columns.get(name)
        if column is not None:
            hashes = _mixed_heads(hashes, column)
    return hashes


def _mixed_numbers(hashes: Words, values: Ints) -> Words:
    if kernel.on:
        return kernel.mix_numbers(values, hashes)
    return mixed_on(hashes, [values.view(np.uint64)])


def _mixed_heads(hashes: Words, column: Column) -> Words:
    if kernel.on and isinstance(column, Texts):
        missing = column.buffer.is_null(column.start, column.length, column.nulls)
        length = np.where(missing, 0, column.length)
        return kernel.mix_heads(column.buffer.address, column.start, length, _TICKET_WORDS, hashes)
    return mixed_on(hashes, heads(column, _TICKET_WORDS))
