"""Batches -> `Counts`: one tally per file, merged when the file's verdict is known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any

import numpy as np
import numpy.typing as npt

from cdnlog.buffer import Ints
from cdnlog.columns import Coded, Numbers, Texts
from cdnlog.counts import MEASURES, Cells, Counts, Value, stacked
from cdnlog.model import MICROSECONDS, Batch

QUARTER = 900
"""All time-zone offsets in force since 1995 are multiples of this many seconds, so windows of any zone can be made of
cells that are no longer, whatever the zone turns out to be."""
_FOLD_AT = 100_000


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
        self._places: list[dict[Value, int]] = [{} for _ in dims]
        self._status = np.full(1000, -1, np.int64)  # code of each status that was met
        self._parts: list[Cells] = []
        self._rows = 0

    def add(self, batch: Batch) -> None:
        """Count the rows of a batch."""
        if not batch.rows:
            return
        keys = np.empty((len(self._dims), batch.rows), np.int64)
        for d, dim in enumerate(self._dims):
            keys[d] = self._key(d, dim, batch)
        cells = Cells(keys.T, _measures(batch), ()).folded()
        self._parts.append(cells)
        self._rows += len(cells.keys)
        if self._rows > max(_FOLD_AT, len(self._parts[0].keys)):
            self._parts = [self._folded()]
            self._rows = 0

    def counts(self) -> Counts:
        """Return what was counted so far."""
        cells = self._folded()
        if "window_start" in self._dims:
            cells.keys[:, self._dims.index("window_start")] *= self._cell
        return Counts(self._dims, cells, self._cell, UTC)

    def _key(self, d: int, dim: str, batch: Batch) -> Ints:
        column = batch.columns.get("time" if dim == "window_start" else dim)
        place = self._places[d]
        if column is None:
            return np.full(batch.rows, place.setdefault(None, len(place)))
        if not isinstance(column, Numbers):
            codes, values = column.codes
            return np.array([place.setdefault(v, len(place)) for v in values], np.int64)[codes]
        if dim == "window_start":
            return column.values // (MICROSECONDS * self._cell)
        if dim == "status":
            return self._status_codes(place, column.values)
        return _number_codes(place, column)

    def _status_codes(self, place: dict[Value, int], status: Ints) -> Ints:
        codes = self._status[status]
        if codes.min() < 0:
            for new in np.unique(status[codes < 0]).tolist():
                self._status[new] = place.setdefault(new, len(place))
            codes = self._status[status]
        return codes

    def _folded(self) -> Cells:
        windows = self._dims.index("window_start") if "window_start" in self._dims else None
        values = tuple(None if d == windows else tuple(place) for d, place in enumerate(self._places))
        if not self._parts:
            return Cells(np.empty((0, len(self._dims)), np.int64), np.empty((0, len(MEASURES)), np.int64), values)
        keys = np.concatenate([part.keys for part in self._parts])
        return Cells(keys, stacked(self._parts), values).folded()


def _number_codes(place: dict[Value, int], column: Numbers) -> Ints:
    """Return the codes of whole numbers; a missing one is a value of its own."""
    distinct, codes = np.unique(column.values, return_inverse=True)
    table = np.array([place.setdefault(value, len(place)) for value in distinct.tolist()], np.int64)
    if column.missing is None:
        return table[codes]
    return np.where(column.missing, place.setdefault(None, len(place)), table[codes])


def _measures(batch: Batch) -> npt.NDArray[Any]:
    """Return requests, bytes, hits and lookups of each row; a row of a sampled log counts as often as it stands for."""
    sums = np.zeros((len(MEASURES), batch.rows), np.int64)
    sums[0] = 1
    sent = batch.columns.get("bytes")
    if isinstance(sent, Numbers):
        sums[1] = sent.values
    cache = batch.columns.get("cache")
    if isinstance(cache, Texts | Coded):
        codes, values = cache.codes
        sums[2] = np.array([value == "hit" for value in values])[codes]
        sums[3] = np.array([value is not None for value in values])[codes]
    weight = batch.columns.get("weight")
    return (_weighted(sums, weight) if isinstance(weight, Numbers) else sums).T


def _weighted(sums: npt.NDArray[np.int64], weight: Numbers) -> npt.NDArray[Any]:
    """Return the sums times the weights, exactly; a line without a weight stands for itself."""
    weights = weight.values if weight.missing is None else np.where(weight.missing, 1, weight.values)
    if int(sums.max(initial=0)) * int(weights.max(initial=1)) < np.iinfo(np.int64).max:
        weighted: npt.NDArray[Any] = sums * weights
        return weighted
    large: npt.NDArray[Any] = sums.astype(object) * weights
    return large
