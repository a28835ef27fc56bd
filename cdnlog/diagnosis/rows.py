"""Kept rows as the rules look at them: each with the number of requests it stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cdnlog.buffer import Bools, Ints
from cdnlog.cells import Value
from cdnlog.evidence import MISSING, Evidence

Weights = npt.NDArray[np.float64]


class Numbered:
    """Rows whose texts are numbered."""

    def codes(self, name: str) -> Ints:
        """Return a text column as numbers."""
        raise NotImplementedError

    def used(self, name: str) -> tuple[Ints, Ints]:
        """Return the codes that occur in a text column, in order, and the place of each row's among them."""
        if name not in self._used:
            used, place = np.unique(self.codes(name), return_inverse=True)
            self._used[name] = used, place
        return self._used[name]

    @cached_property
    def _used(self) -> dict[str, tuple[Ints, Ints]]:
        return {}


@dataclass(frozen=True)
class Rows(Numbered):
    """Some kept rows.

    Attributes:
        evidence: The rows.
        weights: Requests that each row stands for, 1 where all rows of its kind were kept.
        windows: Start of the window of each row, UTC seconds.
    """

    evidence: Evidence
    weights: Weights
    windows: Ints

    def __len__(self) -> int:
        """Number of kept rows."""
        return len(self.weights)

    @cached_property
    def requests(self) -> float:
        """Requests that the rows stand for."""
        return float(self.weights.sum())

    def where(self, rows: Bools | Ints) -> Rows:
        """Return some of the rows."""
        return replace(
            self, evidence=self.evidence.ordered(rows), weights=self.weights[rows], windows=self.windows[rows]
        )

    def has(self, name: str) -> bool:
        """Whether the log has a column: some row has a value in it."""
        if name in ("bytes", "duration_ms", "ttfb_ms", "origin_status", "origin_ms", "request_bytes", "url_length"):
            return bool((self.number(name) != MISSING).any())
        return self.distinct(name) > 0

    def number(self, name: str) -> Ints:
        """Return a number column, -1 where missing; "time" is in microseconds of UTC."""
        numbers = self.evidence.number(name)
        if name == "duration_ms" and len(numbers) and (numbers == MISSING).all():
            # Some logs have the time until the first byte, or the origin's own, in its place.
            for other in ("ttfb_ms", "origin_ms"):
                if (self.evidence.number(other) != MISSING).any():
                    return self.evidence.number(other)
        return numbers

    def test(self, name: str, holds: Callable[[str], bool]) -> Bools:
        """Mark the rows whose text in a column passes a test; it is asked once per distinct value, "" where missing."""
        key = name, holds
        if key not in self._tested:
            values = self.texts(name)
            used, place = self.used(name)
            self._tested[key] = np.array([holds(str(values[code] or "")) for code in used.tolist()], bool)[place]
        return self._tested[key]

    @cached_property
    def _tested(self) -> dict[tuple[str, Callable[[str], bool]], Bools]:
        return {}

    def codes(self, name: str) -> Ints:
        """Return a text column as numbers, equal for equal texts within the run."""
        return self.evidence.column(name)[0]

    def texts(self, name: str) -> Sequence[Value]:
        """Return the text of each code, None for a missing one."""
        return self.evidence.column(name)[1]

    def text(self, name: str, code: int) -> Value:
        """Return the text of a code."""
        return self.texts(name)[code]

    def share(self, rows: Bools) -> float:
        """Return the share of the requests that the marked rows stand for, 0 without rows."""
        return float(self.weights[rows].sum()) / self.requests if self.requests else 0.0

    def top(self, name: str) -> list[tuple[int, float]]:
        """Return the codes of a text column with their shares, most frequent first; missing texts are left out."""
        values = self.texts(name)
        used, place = self.used(name)
        sums = np.bincount(place, weights=self.weights, minlength=len(used)).tolist()
        ranked = [(code, n / self.requests) for code, n in zip(used.tolist(), sums, strict=True)]
        named = [(code, share) for code, share in ranked if values[code] is not None]
        return sorted(named, key=lambda item: (-item[1], str(values[item[0]])))

    def distinct(self, name: str) -> int:
        """Return the number of distinct texts in a column."""
        values = self.texts(name)
        return sum(values[code] is not None for code in self.used(name)[0].tolist())

    def quantile(self, name: str, q: float) -> float | None:
        """Return a weighted quantile of a number column, None without a value."""
        numbers = self.number(name)
        rows = numbers != MISSING
        if not rows.any():
            return None
        order = np.argsort(numbers[rows], kind="stable")
        sums = np.cumsum(self.weights[rows][order])
        place = min(int(np.searchsorted(sums, q * sums[-1])), len(sums) - 1)
        return float(numbers[rows][order][place])

    @cached_property
    def hit(self) -> Bools:
        """Whether each request was served from the cache."""
        return self.test("cache", lambda word: word == "hit")
