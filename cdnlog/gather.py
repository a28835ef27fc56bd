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
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from cdnlog import kernel
from cdnlog.buffer import Bools, Ints, Words, mixed, mixed_on
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
SERVED = 4
"""A row of a served request (status below 400) weighs as much as so many failing ones against the caps."""

_TICKET_NUMBERS = ("time", "bytes", "duration_ms", "client_port")
_TICKET_TEXTS = ("client_ip", "path", "user_agent")
_TICKET_WORDS = 2
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

    def contents(self) -> Words:
        """Hash what rows of one ticket say, to tell them apart; 0 where no other row has the ticket."""
        order = np.argsort(self.tickets)
        new = _changes(self.tickets[order])
        twins = order[~new | ~np.append(new[1:], True)]
        hashes = np.zeros(len(self), np.uint64)
        if len(twins):
            columns = [*self.numbers[twins].T, *(text.hashes(twins) for text in self.texts)]
            parts = [np.ascontiguousarray(column).view(np.uint64) for column in columns]
            hashes[twins] = mixed(np.zeros(len(twins), np.int64), parts)
        return hashes

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
    texts = tuple(joined([part.texts[d] for part in parts]) for d in range(len(TEXTS)))
    whole = Kept(
        parts[0].cell,
        np.concatenate([part.numbers for part in parts]),
        texts,
        np.concatenate([part.strata for part in parts]),
        np.concatenate([part.tickets for part in parts]),
    )
    order = np.lexsort((whole.contents(), whole.tickets))
    rank = _ranks(whole.strata[order], whole.weights[order])
    first = np.argsort(rank, kind="stable")[:ROWS]  # rows of one rank stay in the order of tickets and contents
    return whole.take(order[first[rank[first] <= PER_STRATUM]])


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


def _ranks(strata: Words, weights: Ints) -> Ints:
    """Return the weighted place of each row in its stratum, from its weight on, in the order the rows come in."""
    order = np.argsort(strata, kind="stable")
    places = np.arange(len(order))
    rank = np.empty(len(order), np.int64)
    rank[order] = places - np.maximum.accumulate(np.where(_changes(strata[order]), places, 0)) + 1
    return rank * weights


def _changes(ordered: npt.NDArray[np.generic]) -> Bools:
    """Mark where a value differs from the one before; the first one does."""
    changes = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=changes[1:])
    return changes


class Limits:
    """What can no longer be kept, given what is: this only ever sinks when more rows come.

    Args:
        kept: What is kept so far.
    """

    def __init__(self, kept: Kept) -> None:
        order = np.argsort(kept.strata)
        first = np.flatnonzero(_changes(kept.strata[order]))
        sizes = np.diff(np.append(first, len(order)))
        weights = kept.weights[order[first]] if len(order) else np.empty(0, np.int64)
        self.rank = PER_STRATUM
        """The highest weighted rank that can be kept."""
        if len(kept) >= ROWS:
            self.rank = min(self.rank, int((sizes * weights).max()))
        full = (sizes + 1) * weights > self.rank
        highest = np.maximum.reduceat(kept.tickets[order], first) if len(order) else kept.tickets
        self._strata, self._highest = kept.strata[order[first[full]]], highest[full]

    def allow(self, strata: Words, tickets: Words) -> Bools:
        """Mark the rows that their stratum may still take."""
        if not len(self._strata):
            return np.ones(len(strata), bool)
        at = np.minimum(np.searchsorted(self._strata, strata), len(self._strata) - 1)
        allowed: Bools = (self._strata[at] != strata) | (tickets <= self._highest[at])
        return allowed


class Gatherer:
    """Gathers the rows of one file's batches.

    Args:
        cell: Length of a time cell in seconds.
    """

    def __init__(self, cell: int) -> None:
        self._cell = cell
        self._parts = [Kept.empty(cell)]
        self._held = 0
        self._limits = Limits(self._parts[0])

    def add(self, batch: Batch) -> None:
        """Take what a batch has of rows that may be kept."""
        if not batch.rows or not isinstance(batch.columns.get("status"), Numbers):
            return
        part = _picked(batch, self._cell, self._limits)
        self._parts.append(part)
        self._held += len(part)
        if self._held > POOL:
            self._fold()

    def kept(self) -> Kept:
        """Return what was gathered so far."""
        self._fold()
        return self._parts[0]

    def _fold(self) -> None:
        self._parts = [merged(self._parts)]
        self._held = len(self._parts[0])
        self._limits = Limits(self._parts[0])


def _picked(batch: Batch, cell: int, limits: Limits) -> Kept:
    """Return the rows of a batch that the limits let stay, with their text."""
    status = _number(batch, "status")
    cells = _number(batch, "time") // (MICROSECONDS * cell)
    domain, names = _codes(batch.columns.get("domain"), batch.rows)
    cache, words = _codes(batch.columns.get("cache"), batch.rows)
    hit = np.array([word == "hit" for word in words], np.int64)[cache]
    tickets, weights = _tickets(batch), _weights(status)
    # Two codes may mean one domain: then a row may seem to rank higher than it does, and stays a little longer.
    local = joint(np.column_stack([cells, status, domain, hit]))[0]
    rows = np.flatnonzero(_lowest_ranks(local, tickets, weights) <= limits.rank)
    named = np.array([_name_hash(name) for name in names], np.uint64)[domain[rows]]
    parts = [named, *(np.ascontiguousarray(column[rows]).view(np.uint64) for column in (cells, status, hit))]
    strata = mixed(np.zeros(len(rows), np.int64), parts)
    allowed = limits.allow(strata, tickets[rows])
    rows = rows[allowed]
    texts = tuple(strings(batch.columns.get(name), rows) for name in TEXTS)
    path, query = (_lengths(batch.columns.get(name), rows) for name in ("path", "query"))
    numbers = [_number(batch, name, MISSING)[rows] for name in NUMBERS]
    table = np.column_stack([*numbers, url_length(path, query, len(rows))])
    return Kept(cell, table, texts, strata[allowed], tickets[rows])


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


@lru_cache(maxsize=65_536)
def _name_hash(name: str | None) -> int:
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
