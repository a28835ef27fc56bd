"""Counts as series: the requests of each domain per window, and those of each failing code of a domain."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from cdnlog.buffer import Ints
from cdnlog.cells import Cells, Value
from cdnlog.counts import MEASURES, Counts, is_error
from cdnlog.errors import UsageError

Sums = npt.NDArray[Any]
"""int64, or Python integers where int64 would overflow."""
_KEYS = ("domain", "window_start", "status")
_REQUESTS, _BYTES, _HITS, _LOOKUPS = range(len(MEASURES))
_STATUSES = 1000


@dataclass(frozen=True, eq=False)
class DomainSeries:
    """One domain over time.

    Attributes:
        domain: The domain.
        windows: Its windows with requests, UTC seconds, in order.
        sums: What it carried in each of them, shape (windows, len(MEASURES)).
    """

    domain: str
    windows: Ints
    sums: Sums

    @cached_property
    def requests(self) -> dict[int, int]:
        """All requests per window."""
        return self._by_window(_REQUESTS)

    @cached_property
    def hits(self) -> dict[int, int]:
        """Requests per window that were served from the cache."""
        return self._by_window(_HITS)

    @cached_property
    def lookups(self) -> dict[int, int]:
        """Requests per window of which the log says what the cache did."""
        return self._by_window(_LOOKUPS)

    @cached_property
    def bytes(self) -> dict[int, int]:
        """Bytes sent to clients per window."""
        return self._by_window(_BYTES)

    def between(self, first: int, last: int) -> int:
        """Return all requests from one window to another, both included."""
        begin, end = bisect_left(self._windows, first), bisect_right(self._windows, last)
        return self._until[end] - self._until[begin]

    @cached_property
    def _windows(self) -> list[int]:
        windows: list[int] = self.windows.tolist()
        return windows

    @cached_property
    def _until(self) -> list[int]:
        return list(accumulate(self.sums[:, _REQUESTS].tolist(), initial=0))

    def _by_window(self, measure: int) -> dict[int, int]:
        return dict(zip(self._windows, self.sums[:, measure].tolist(), strict=True))


class Traffic:
    """The counts of a run by domain, window and status, sorted so; domains by number, as names are free to invent.

    Args:
        counts: Counts by these dimensions at least.

    Attributes:
        names: The domains by number.
        domain: int64, number of the domain of each cell.
        window: int64, start of its window in UTC seconds.
        status: int64, its status.
        requests: Its requests.
        hits: Those served from the cache.
        total: All requests of its domain in its window.

    Raises:
        UsageError: The counts lack window, domain or status.
    """

    def __init__(self, counts: Counts) -> None:
        if not set(_KEYS) <= set(counts.dims):
            raise UsageError("a diagnosis needs counts by window, domain and status; leave --by out")
        at = [counts.dims.index(name) for name in _KEYS]
        self.names, _, statuses = (counts.cells.values[d] or () for d in at)
        keys = counts.cells.keys[:, at]
        keys[:, 2] = np.array(statuses, np.int64)[keys[:, 2]]
        cells = Cells(keys, counts.cells.sums, ()).folded()
        self.domain, self.window, self.status = cells.keys.T
        # Of bytes beyond 64 bits all sums are Python integers; requests are never so many.
        self.requests, self.hits = (cells.sums[:, measure].astype(np.int64) for measure in (_REQUESTS, _HITS))
        first = _changes(self.domain) | _changes(self.window)
        begins = np.flatnonzero(first)
        self._owner, self._at = self.domain[begins], self.window[begins]
        self._loads: Sums = np.add.reduceat(cells.sums, begins, axis=0) if len(begins) else cells.sums
        self.total = self._loads[np.cumsum(first) - 1, _REQUESTS].astype(np.int64)
        self._windows = np.unique(self._at)
        self._series: dict[int, DomainSeries] = {}
        self._carrying: dict[tuple[int, int], int] = {}

    def series(self, domain: int) -> DomainSeries:
        """Return a domain over time, always the same object for the same number."""
        if domain not in self._series:
            mine = slice(*np.searchsorted(self._owner, [domain, domain + 1]).tolist())
            self._series[domain] = DomainSeries(str(self.names[domain]), self._at[mine], self._loads[mine])
        return self._series[domain]

    def whole(self, domains: Ints) -> Sums:
        """Return all requests of some domains."""
        if not len(domains):
            return self._loads[:0, _REQUESTS]
        begins = np.flatnonzero(_changes(self._owner))
        sums: Sums = np.add.reduceat(self._loads[:, _REQUESTS], begins).astype(np.int64)
        return sums[np.searchsorted(self._owner[begins], domains)]

    def carrying(self, first: int, last: int) -> int:
        """Return how many domains have requests from one window to another, both included."""
        key = first, last
        if key not in self._carrying:
            inside = self._owner[(self._at >= first) & (self._at <= last)]
            self._carrying[key] = int(np.count_nonzero(_changes(inside)))
        return self._carrying[key]

    def numbers(self, names: Iterable[Value]) -> Ints:
        """Return the numbers of domains that occur in the counts."""
        wanted = dict.fromkeys(names, 0)
        wanted |= {name: i for i, name in enumerate(self.names) if name in wanted}
        return np.array(list(wanted.values()), np.int64)

    def places(self, domain: Ints, window: Ints, status: Ints) -> Ints:
        """Return the places of cells that occur in the counts."""
        return np.searchsorted(self._cells, self._joint(domain, window, status))

    def failing(self) -> Ints:
        """Return the places of the failing cells, by domain, then by status, then by window."""
        places = np.flatnonzero(is_error(self.status))
        return places[np.argsort(self.domain[places] * _STATUSES + self.status[places], kind="stable")]

    @cached_property
    def _cells(self) -> Ints:
        return self._joint(self.domain, self.window, self.status)

    def _joint(self, domain: Ints, window: Ints, status: Ints) -> Ints:
        """Number cells in their order."""
        place = np.searchsorted(self._windows, window)
        return (domain * len(self._windows) + place) * _STATUSES + status


def _changes(ordered: Ints) -> npt.NDArray[np.bool_]:
    """Mark where a value differs from the one before; the first one does."""
    changes = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=changes[1:])
    return changes
