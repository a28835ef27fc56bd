"""Batches -> `Counts`: one tally per file, merged when the file's verdict is known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

import numpy as np
import numpy.typing as npt

from cdnlog.columns import Coded, Ints, Numbers, Texts
from cdnlog.counts import MEASURES, MISSING, Cells, Counts
from cdnlog.model import Batch

MICROSECONDS = 1_000_000
QUARTER = 900
"""All time-zone offsets in force since 1995 are multiples of this many seconds, so windows of any zone can be made
of cells that are no longer, whatever the zone turns out to be."""
_FOLD_AT = 100_000


def grid(window: int) -> int:
    """Return the length of the cells, in seconds, from which windows of any zone can be made."""
    return int(np.gcd(window, QUARTER))


def needed(dims: Iterable[str]) -> set[str]:
    """Return the canonical columns that counting by these dimensions reads."""
    return {"time" if dim == "window_start" else dim for dim in dims} | {"bytes", "cache"}


class Tally:
    """Adds batches up by the given dimensions, in cells of `grid` seconds of UTC."""

    def __init__(self, dims: tuple[str, ...], cell: int) -> None:
        self._dims, self._cell = dims, cell
        self._places: list[dict[str | None, int]] = [{} for _ in dims]
        self._is_text = [dim not in ("window_start", "status") for dim in dims]
        self._parts: list[tuple[Ints, npt.NDArray[np.int64]]] = []
        self._rows = 0

    def add(self, batch: Batch) -> None:
        """Count the rows of a batch."""
        if not batch.rows:
            return
        keys = np.empty((batch.rows, len(self._dims)), np.int64)
        for d, dim in enumerate(self._dims):
            keys[:, d] = self._key(d, dim, batch)
        cells = Cells(keys, _measures(batch), ()).folded()
        self._parts.append((cells.keys, cells.sums))
        self._rows += len(cells.keys)
        if self._rows > _FOLD_AT:
            folded = self._folded()
            self._parts, self._rows = [(folded.keys, folded.sums)], len(folded.keys) // 2

    def counts(self) -> Counts:
        """Return what was counted so far."""
        return Counts(self._dims, self._folded(), self._cell, UTC)

    def _key(self, d: int, dim: str, batch: Batch) -> Ints:
        if dim == "window_start":
            time = batch.columns["time"]
            seconds = time.values // MICROSECONDS if isinstance(time, Numbers) else np.zeros(0, np.int64)
            return seconds // self._cell * self._cell
        column = batch.columns.get(dim)
        if column is None:
            self._is_text[d] = dim != "status"
            return np.full(batch.rows, self._places[d].setdefault(None, len(self._places[d])))
        if isinstance(column, Texts | Coded):
            codes, values = column.codes
            place = self._places[d]
            return np.array([place.setdefault(v, len(place)) for v in values], np.int64)[codes]
        self._is_text[d] = False
        return column.values if column.missing is None else np.where(column.missing, MISSING, column.values)

    def _folded(self) -> Cells:
        texts = tuple(tuple(p) if t else None for p, t in zip(self._places, self._is_text, strict=True))
        if not self._parts:
            return Cells(np.empty((0, len(self._dims)), np.int64), np.empty((0, len(MEASURES)), np.int64), texts)
        parts = [Cells(keys, sums, texts) for keys, sums in self._parts]
        wide = any(sums.dtype == object for _, sums in self._parts)
        sums = [sums.astype(object) if wide else sums for _, sums in self._parts]
        return Cells(np.concatenate([p.keys for p in parts]), np.concatenate(sums), texts).folded()


def _measures(batch: Batch) -> npt.NDArray[np.int64]:
    """Return requests, bytes, hits and lookups of each row."""
    sums = np.zeros((batch.rows, len(MEASURES)), np.int64)
    sums[:, 0] = 1
    sent = batch.columns.get("bytes")
    if isinstance(sent, Numbers):
        sums[:, 1] = sent.values
    cache = batch.columns.get("cache")
    if isinstance(cache, Texts | Coded):
        codes, values = cache.codes
        sums[:, 2] = np.array([value == "hit" for value in values])[codes]
        sums[:, 3] = np.array([value is not None for value in values])[codes]
    return sums
