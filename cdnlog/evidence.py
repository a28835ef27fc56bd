"""`Evidence`: failing rows kept for the diagnosis, bounded in memory and the same however the input is split.

Every failing row draws a ticket, a hash of what it says. Of each stratum (time cell, domain, status) the rows with the
lowest tickets are kept, at most `PER_STRATUM`, and over all strata the rows that come first by rank in their stratum,
then ticket, at most `ROWS`. Which rows these are depends on the rows alone: any split, order or number of processes
keeps the same ones, so merging is associative and commutative. Up to the caps nothing is left out; beyond them the
kept rows are a uniform sample of each stratum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cdnlog.columns import Bools, Column, Ints, Numbers, Words, hashed, mixed
from cdnlog.counts import Cells, Value, joint, renumbered
from cdnlog.model import MICROSECONDS, Batch

PER_STRATUM = 256
ROWS = 32_768
TEXTS = ("domain", "path", "client_ip", "referer", "user_agent", "region", "isp", "node", "method", "edge_detail")
"""Text columns of the kept rows."""
LONGEST = 256
"""Characters kept of a text; longer ones end in an ellipsis."""

_TICKET_NUMBERS = ("time", "bytes", "duration_ms", "client_port")
_TICKET_TEXTS = ("client_ip", "path", "query", "user_agent")
_FOLD_AT = 8192
_CELL, _STATUS = 0, 1


def needed() -> set[str]:
    """Return the canonical columns that are gathered, or that draw the tickets."""
    return {*TEXTS, *_TICKET_NUMBERS, *_TICKET_TEXTS, "status"}


@dataclass(frozen=True)
class Evidence:
    """Kept failing rows, in no particular order.

    Attributes:
        cell: Length of a time cell in seconds.
        keys: int64, shape (rows, 2): start of the cell in UTC seconds, status.
        codes: int64, shape (rows, len(TEXTS)): place of each text in `values`.
        tickets: uint64, what decides on which rows are kept.
        values: For each of `TEXTS` its distinct values, None for a missing one.
    """

    cell: int
    keys: Ints
    codes: Ints
    tickets: Words
    values: tuple[tuple[Value, ...], ...]

    @classmethod
    def empty(cls, cell: int) -> Evidence:
        """Return the unit of merging."""
        none = np.empty((0, 2), np.int64)
        return cls(cell, none, np.empty((0, len(TEXTS)), np.int64), np.empty(0, np.uint64), ((),) * len(TEXTS))

    def __len__(self) -> int:
        """Number of kept rows."""
        return len(self.keys)

    def column(self, name: str) -> tuple[Ints, tuple[Value, ...]]:
        """Return the code of each row in one text column, and the values of the codes."""
        d = TEXTS.index(name)
        return self.codes[:, d], self.values[d]

    def take(self, rows: Bools | Ints) -> Evidence:
        """Return some of the rows; values that no row has any more are dropped."""
        codes = self.codes[rows]
        values: list[tuple[Value, ...]] = []
        for d, known in enumerate(self.values):
            used, codes[:, d] = np.unique(codes[:, d], return_inverse=True)
            values.append(tuple(known[i] for i in used.tolist()))
        return Evidence(self.cell, self.keys[rows], codes, self.tickets[rows], tuple(values))

    def strata(self) -> Ints:
        """Number the strata: equal numbers for rows of one time cell, domain and status."""
        return stratum_numbers(np.column_stack([self.keys, self.codes[:, :1]]))


def merged(parts: Sequence[Evidence]) -> Evidence:
    """Return the evidence of all parts together; they must have the same cells."""
    cells = [Cells(part.codes, np.empty((len(part), 0), np.int64), part.values) for part in parts]
    codes, values = renumbered(cells)
    whole = Evidence(
        parts[0].cell,
        np.concatenate([part.keys for part in parts]),
        np.concatenate(codes),
        np.concatenate([part.tickets for part in parts]),
        tuple(known or () for known in values),
    )
    rank = ranks(whole.strata(), whole.tickets)
    first = np.lexsort((whole.tickets, rank))[:ROWS]
    return whole.take(first[rank[first] < PER_STRATUM])


def stratum_numbers(keys: Ints) -> Ints:
    """Number equal rows of keys alike."""
    if not len(keys):
        return np.empty(0, np.int64)
    _, numbers = np.unique(joint(keys)[0], return_inverse=True)
    return numbers


def ranks(strata: Ints, tickets: Words) -> Ints:
    """Return the place of each row among those of its stratum, by ticket, from 0."""
    order = np.lexsort((tickets, strata))
    ordered = strata[order]
    begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(ordered) else ordered
    lengths = np.diff(np.append(begins, len(ordered)))
    rank = np.empty(len(strata), np.int64)
    rank[order] = np.arange(len(strata)) - np.repeat(begins, lengths)
    return rank


class Gatherer:
    """Gathers the failing rows of one file's batches.

    Args:
        cell: Length of a time cell in seconds.
    """

    def __init__(self, cell: int) -> None:
        self._held = Evidence.empty(cell)
        self._parts: list[Evidence] = []
        self._rows = 0
        self._limits: dict[tuple[int, int, Value], int] = {}  # of full strata: tickets from here on are too late

    def add(self, batch: Batch) -> None:
        """Take what a batch has of failing rows."""
        status = batch.columns.get("status")
        if not batch.rows or not isinstance(status, Numbers):
            return
        failing = (status.values == 0) | (status.values >= 400)  # noqa: PLR2004 - RFC 9110, section 15
        if not failing.any():
            return
        rows = _Rows({n: c.take(failing) for n, c in batch.columns.items()}, int(failing.sum()), self._held.cell)
        part = rows.evidence(self._limits)
        self._parts.append(part)
        self._rows += len(part)
        if self._rows > _FOLD_AT:
            self._fold()

    def evidence(self) -> Evidence:
        """Return what was gathered so far."""
        self._fold()
        return self._held

    def _fold(self) -> None:
        self._held = merged([self._held, *self._parts])
        self._parts, self._rows = [], 0
        strata = self._held.strata()
        full = np.flatnonzero(np.bincount(strata, minlength=1) >= PER_STRATUM)
        codes, domains = self._held.column("domain")
        for stratum in full.tolist():
            rows = np.flatnonzero(strata == stratum)
            cell, status = self._held.keys[rows[0]].tolist()
            self._limits[cell, status, domains[codes[rows[0]]]] = int(self._held.tickets[rows].max())


class _Rows:
    """The failing rows of one batch."""

    def __init__(self, columns: Mapping[str, Column], rows: int, cell: int) -> None:
        self._columns, self._rows, self._cell = columns, rows, cell

    def evidence(self, limits: Mapping[tuple[int, int, Value], int]) -> Evidence:
        """Return the rows whose tickets may be low enough."""
        keys = np.column_stack(
            [self._number("time") // (MICROSECONDS * self._cell) * self._cell, self._number("status")]
        )
        domain, names = self._codes("domain", self._columns)
        strata = stratum_numbers(np.column_stack([keys, domain]))
        tickets = self._tickets()
        keep = ranks(strata, tickets) < PER_STRATUM
        if limits:
            keep &= tickets <= self._limit(strata, keys, domain, names, limits)
        kept = {name: self._columns[name].take(keep) for name in TEXTS if name in self._columns}
        codes, values = zip(*(self._codes(name, kept, int(keep.sum())) for name in TEXTS), strict=True)
        shown = tuple(tuple(map(_short, known)) for known in values)
        return Evidence(self._cell, keys[keep], np.column_stack(codes), tickets[keep], shown)

    def _limit(
        self,
        strata: Ints,
        keys: Ints,
        domain: Ints,
        names: Sequence[Value],
        limits: Mapping[tuple[int, int, Value], int],
    ) -> Words:
        """Return the highest ticket that each row's stratum still takes."""
        _, firsts = np.unique(strata, return_index=True)
        none = np.iinfo(np.uint64).max
        of = [limits.get((*keys[row].tolist(), names[domain[row]]), none) for row in firsts.tolist()]
        return np.array(of, np.uint64)[strata]

    def _number(self, name: str) -> Ints:
        column = self._columns.get(name)
        return column.values if isinstance(column, Numbers) else np.zeros(self._rows, np.int64)

    def _codes(self, name: str, columns: Mapping[str, Column], rows: int | None = None) -> tuple[Ints, Sequence[Value]]:
        column = columns.get(name)
        if column is None:
            return np.zeros(self._rows if rows is None else rows, np.int64), (None,)
        if not isinstance(column, Numbers):
            return column.codes
        distinct, codes = np.unique(column.values, return_inverse=True)
        return codes, tuple(map(str, distinct.tolist()))

    def _tickets(self) -> Words:
        """Hash what tells rows apart: rows with equal tickets are alike, whichever of them is kept."""
        parts: list[npt.NDArray[np.uint64]] = [self._number(name).view(np.uint64) for name in _TICKET_NUMBERS]
        parts += [hashed(self._columns[name]) for name in _TICKET_TEXTS if name in self._columns]
        return mixed(np.zeros(self._rows, np.int64), parts)


def _short(value: Value) -> Value:
    return value if not isinstance(value, str) or len(value) <= LONGEST else value[: LONGEST - 1] + "…"
