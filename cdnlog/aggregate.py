"""Batches -> `Counts`: one tally per file, merged when the file's verdict is known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cdnlog import kernel
from cdnlog.buffer import Ints
from cdnlog.cells import Cells, Value, stacked
from cdnlog.columns import Coded, Column, Numbers, Texts
from cdnlog.counts import MEASURES, Counts
from cdnlog.model import MICROSECONDS, Batch

QUARTER = 900
"""All time-zone offsets in force since 1995 are multiples of this many seconds, so windows of any zone can be made of
cells that are no longer, whatever the zone turns out to be."""
_FOLD_AT = 100_000
_HIT = 2  # in `Measures.meaning`, as in sums.c


def grid(window: int) -> int:
    """Return the length of the cells, in seconds, from which windows of any zone can be made."""
    return int(np.gcd(window, QUARTER))


def needed(dims: Iterable[str]) -> set[str]:
    """Return the canonical columns that counting by these dimensions reads."""
    return {"time" if dim == "window_start" else dim for dim in dims} | {"bytes", "cache", "weight"}


class Tally:
    """Adds batches up by the given dimensions, in cells of so many seconds of UTC."""

    def __init__(self, dims: tuple[str, ...], cell: int) -> None:
        self._dims, self._cell = dims, cell
        self._units = [MICROSECONDS * cell if dim == "window_start" else 1 for dim in dims]
        self._places: list[dict[Value, int]] = [{} for _ in dims]
        self._status = np.full(1000, -1, np.int64)  # code of each status that was met
        self._sums = kernel.Sums(len(dims)) if kernel.on else None
        self._parts: list[Cells] = []  # what is not in there
        self._rows = 0

    def add(self, batch: Batch) -> None:
        """Count the rows of a batch."""
        if not batch.rows:
            return
        keys = [self._key(d, dim, batch) for d, dim in enumerate(self._dims)]
        measures = Measures.of(batch)
        done = self._sums.add(keys, self._units, *measures) if self._sums is not None else 0
        if done < batch.rows:
            table = np.stack([key[done:] // unit for key, unit in zip(keys, self._units, strict=True)], axis=1)
            self._keep(Cells(table, measures.rows(batch.rows)[done:], ()).folded())

    def counts(self) -> Counts:
        """Return what was counted so far."""
        cells = self._folded()
        if "window_start" in self._dims:
            cells.keys[:, self._dims.index("window_start")] *= self._cell
        return Counts(self._dims, cells, self._cell, UTC)

    def _keep(self, cells: Cells) -> None:
        self._parts.append(cells)
        self._rows += len(cells.keys)
        if self._rows > max(_FOLD_AT, len(self._parts[0].keys)):
            keys = np.concatenate([part.keys for part in self._parts])
            self._parts, self._rows = [Cells(keys, stacked(self._parts), ()).folded()], 0

    def _key(self, d: int, dim: str, batch: Batch) -> Ints:
        """Return the key of each row in one dimension; of windows the times themselves."""
        column = batch.columns.get("time" if dim == "window_start" else dim)
        place = self._places[d]
        if column is None:
            return np.full(batch.rows, place.setdefault(None, len(place)))
        if not isinstance(column, Numbers):
            codes, values = column.codes
            return np.array([place.setdefault(v, len(place)) for v in values], np.int64)[codes]
        if dim == "window_start":
            return column.values
        if dim == "status":
            return self._status_codes(place, column.values)
        return _number_codes(place, column)

    def _status_codes(self, place: dict[Value, int], status: Ints) -> Ints:
        codes = self._status[status]
        if codes.min() < 0:
            for new in np.flatnonzero(np.bincount(status[codes < 0])).tolist():
                self._status[new] = place.setdefault(new, len(place))
            codes = self._status[status]
        return codes

    def _folded(self) -> Cells:
        windows = self._dims.index("window_start") if "window_start" in self._dims else None
        values = tuple(None if d == windows else tuple(place) for d, place in enumerate(self._places))
        parts = self._parts
        if self._sums is not None:
            parts = [Cells(*self._sums.cells, ()), *parts]
        if not parts:
            return Cells(np.empty((0, len(self._dims)), np.int64), np.empty((0, len(MEASURES)), np.int64), values)
        if len(parts) == 1 and self._sums is not None:  # each key is there once
            return Cells(parts[0].keys.copy(), parts[0].sums.copy(), values)
        keys = np.concatenate([part.keys for part in parts])
        return Cells(keys, stacked(parts), values).folded()


class Measures(NamedTuple):
    """What is summed of each row.

    Attributes:
        sent: Bytes, None for 0.
        weight: Requests that a row of a sampled log stands for, None for 1.
        cache: What the cache did, by number, None if the log does not say.
        meaning: Of each such number: 0 for nothing, 1 for a lookup, 2 for a hit.
    """

    sent: Ints | None
    weight: Ints | None
    cache: Ints | None
    meaning: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, batch: Batch) -> Measures:
        """Return the measures of a batch."""
        sent, weight, cache = (batch.columns.get(name) for name in ("bytes", "weight", "cache"))
        codes, values = cache.codes if isinstance(cache, Texts | Coded) else (None, [])
        meaning = np.array([(value is not None) + (value == "hit") for value in values], np.uint8)
        return cls(sent.values if isinstance(sent, Numbers) else None, _weights(weight), codes, meaning)

    def rows(self, count: int) -> npt.NDArray[Any]:
        """Return requests, bytes, hits and lookups of each row, exactly."""
        sums = np.zeros((len(MEASURES), count), np.int64)
        sums[0] = 1
        if self.sent is not None:
            sums[1] = self.sent
        if self.cache is not None:
            sums[2] = (self.meaning == _HIT)[self.cache]
            sums[3] = (self.meaning > 0)[self.cache]
        return (sums if self.weight is None else _weighted(sums, self.weight)).T


def _number_codes(place: dict[Value, int], column: Numbers) -> Ints:
    """Return the codes of whole numbers; a missing one is a value of its own."""
    distinct, codes = np.unique(column.values, return_inverse=True)
    table = np.array([place.setdefault(value, len(place)) for value in distinct.tolist()], np.int64)
    if column.missing is None:
        return table[codes]
    return np.where(column.missing, place.setdefault(None, len(place)), table[codes])


def _weights(weight: Column | None) -> Ints | None:
    """Return how many requests each row stands for; a line without a weight stands for itself."""
    if not isinstance(weight, Numbers):
        return None
    return weight.values if weight.missing is None else np.where(weight.missing, 1, weight.values)


def _weighted(sums: npt.NDArray[np.int64], weights: Ints) -> npt.NDArray[Any]:
    """Return the sums times the weights, as Python integers where they need more than 64 bits."""
    if int(sums.max(initial=0)) * int(weights.max(initial=1)) < np.iinfo(np.int64).max:
        weighted: npt.NDArray[Any] = sums * weights
        return weighted
    large: npt.NDArray[Any] = sums.astype(object) * weights
    return large
