"""Tables of sums by integer keys: what counts are made of, and how they are added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from cdnlog import kernel
from cdnlog.buffer import Ints

Value = str | int | None
_DENSE = 8  # places per row up to which adding up in place beats sorting


@dataclass(frozen=True)
class Cells:
    """A table of sums by integer keys; a value is kept once, in `values`, and its place in there is the key.

    Attributes:
        keys: int64, shape (cells, dimensions).
        sums: int64, shape (cells, measures); Python integers where int64 would overflow.
        values: For each dimension its values, None for windows, which are their own keys.
    """

    keys: Ints
    sums: npt.NDArray[Any]
    values: tuple[tuple[Value, ...] | None, ...]

    def folded(self) -> Cells:
        """Return one cell per key."""
        if len(self.keys) == 0:
            return self
        numbers, spans = joint(self.keys)
        size = prod(span for _, span in spans)
        if size <= _DENSE * len(numbers) and _small(self.sums):
            return self._added(numbers, spans, size)
        return self._sorted(numbers)

    def _added(self, joint: Ints, spans: list[tuple[int, int]], size: int) -> Cells:
        """Add up in an array that has a place for every possible key."""
        if kernel.on:
            sums, rows = kernel.add_up(joint, self.sums.T, size)
        else:
            parts = [np.bincount(joint, weights=column, minlength=size).astype(np.int64) for column in self.sums.T]
            sums, rows = np.stack(parts, axis=1), np.bincount(joint, minlength=size)
        used = np.flatnonzero(rows)
        keys, rest = np.empty((len(used), len(spans)), np.int64), used
        for d in range(len(spans) - 1, -1, -1):
            low, span = spans[d]
            keys[:, d] = rest % span + low
            rest = rest // span
        return replace(self, keys=keys, sums=sums[used])

    def _sorted(self, joint: Ints) -> Cells:
        """Sort by key and add up what stands together."""
        order = np.argsort(joint)
        ordered = joint[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        sums = np.add.reduceat(_wide(self.sums)[order], starts, axis=0)
        return replace(self, keys=self.keys[order[starts]], sums=sums)


def _small(sums: npt.NDArray[Any]) -> bool:
    """Whether the sums may be added up as floating-point numbers and stay exact."""
    return sums.dtype != object and int(sums.max(initial=0)) * len(sums) < 2**53


def _wide(sums: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the sums in a type in which adding them all up is exact."""
    if sums.dtype == object or int(sums.max(initial=0)) * len(sums) < np.iinfo(np.int64).max:
        return sums
    return sums.astype(object)


def joint(keys: Ints) -> tuple[Ints, list[tuple[int, int]]]:
    """Number the rows of keys by one integer each, equal rows alike.

    Returns:
        The numbers, and the lowest key and the span of each dimension they were made from. Where the spans are too
        large for one integer the dimensions are numbered anew, and the product of the spans is beyond any use.
    """
    lows, highs = keys.min(axis=0).tolist(), keys.max(axis=0).tolist()
    spans = [(low, high - low + 1) for low, high in zip(lows, highs, strict=True)]
    numbers, size = np.zeros(len(keys), np.int64), 1
    for column, (low, span) in zip(keys.T, spans, strict=True):
        if size * span >= 2**62:
            _, numbers = np.unique(numbers, return_inverse=True)
            size = int(numbers.max()) + 1
        numbers = numbers * span + (column - low) if size > 1 else column - low
        size *= span
    return numbers, spans


def joined(parts: Sequence[Cells]) -> Cells:
    """Return the cells of all parts, values renumbered; parts must have the same dimensions."""
    parts = [part for part in parts if len(part.keys)] or parts[:1]
    if len(parts) == 1:
        return parts[0].folded()
    keys, values = renumbered(parts)
    return Cells(np.concatenate(keys), stacked(parts), values).folded()


def renumbered(parts: Sequence[Cells]) -> tuple[list[Ints], tuple[tuple[Value, ...] | None, ...]]:
    """Return the keys of each part by common values, and these values."""
    values: list[tuple[Value, ...] | None] = []
    keys = [part.keys.copy() for part in parts]
    for d, first in enumerate(parts[0].values):
        if first is None:
            values.append(None)
            continue
        place: dict[Value, int] = {}
        for part, own in zip(parts, keys, strict=True):
            known = part.values[d] or ()
            table = [place.setdefault(value, len(place)) for value in known]
            own[:, d] = np.array(table, np.int64)[own[:, d]] if len(own) else own[:, d]
        values.append(tuple(place))
    return keys, tuple(values)


def stacked(parts: Sequence[Cells]) -> npt.NDArray[Any]:
    """Return the sums of all parts one under the other, as Python integers if those of any part are."""
    wide = any(part.sums.dtype == object for part in parts)
    return np.concatenate([part.sums.astype(object) if wide else part.sums for part in parts])
