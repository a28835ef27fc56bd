"""Counts as arrays: requests by domain, class of status and window, empty windows too; what pictures are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from cdnlog.buffer import Ints
from cdnlog.catalog import class_of
from cdnlog.counts import Counts
from cdnlog.zones import floor_to_window

CLASSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx", "other")
"""Every class of status codes, see `catalog.class_of`."""
FAILING = ("none", "4xx", "5xx", "other")
"""Those of requests that did not get what they asked for, see `counts.is_error`."""

_STEP = 900  # all zones' windows begin at quarters of an hour


@dataclass(frozen=True)
class Grid:
    """Requests on a grid.

    Attributes:
        domains: The domains, in the order of the first axis.
        edges: The start of each window and the end of the last, on the clock of the counts' zone.
        requests: int64, shape (domains, classes, windows); classes as in `CLASSES`.
        others: How many domains the last row stands for, 0 if it is one like any other.
    """

    domains: tuple[str, ...]
    edges: tuple[datetime, ...]
    requests: Ints
    others: int = 0

    @property
    def total(self) -> Ints:
        """All requests, shape (domains, windows)."""
        total: Ints = self.requests.sum(axis=1)
        return total

    def of(self, *classes: str) -> Ints:
        """Return the requests of some classes together, shape (domains, windows)."""
        sums: Ints = self.requests[:, [CLASSES.index(name) for name in classes]].sum(axis=1)
        return sums

    def share(self, *classes: str) -> npt.NDArray[np.float64]:
        """Return the share of some classes in all requests, NaN where there is no request; shape (domains, windows)."""
        total = self.total
        shares = np.full(total.shape, np.nan)
        np.divide(self.of(*classes), total, out=shares, where=total > 0)
        return shares

    def top(self, most: int) -> Grid:
        """Return the domains with most failing requests, the others added up to one row, "+N" for N of them."""
        failing = self.of(*FAILING).sum(axis=1)
        order = sorted(range(len(self.domains)), key=lambda i: (-int(failing[i]), self.domains[i]))
        names = [self.domains[i] for i in order]
        if len(order) <= most:
            return replace(self, domains=tuple(names), requests=self.requests[order])
        kept, rest = order[: most - 1], order[most - 1 :]
        requests = np.concatenate([self.requests[kept], self.requests[rest].sum(axis=0, keepdims=True)])
        return replace(self, domains=(*names[: most - 1], f"+{len(rest)}"), requests=requests, others=len(rest))


def grid(counts: Counts, *, windows: bool = True) -> Grid:
    """Return counts by window, domain and status as a grid from the first to the last window.

    Args:
        counts: The counts.
        windows: Whether to tell the windows apart; else all of the time is one, however long.
    """
    at = [counts.dims.index(name) for name in ("window_start", "domain", "status")]
    starts, domains, statuses = counts.cells.keys[:, at].T
    names, codes = (counts.cells.values[i] or () for i in at[1:])
    if not len(starts):
        return Grid((), (), np.zeros((0, len(CLASSES), 0), np.int64))
    last = int(starts.max())
    if not windows:
        starts = np.full_like(starts, starts.min())
    steps = np.arange(starts.min(), starts.max() + 1, min(counts.window, _STEP))
    begins = np.unique(floor_to_window(steps, counts.window, counts.zone))
    classes = np.array([CLASSES.index(class_of(int(code or 0))) for code in codes], np.int64)
    requests = np.zeros((len(names), len(CLASSES), len(begins)), np.int64)
    np.add.at(requests, (domains, classes[statuses], np.searchsorted(begins, starts)), counts.cells.sums[:, 0])
    seconds = [*begins.tolist(), last + counts.window]
    edges = tuple(datetime.fromtimestamp(second, counts.zone) for second in seconds)
    return Grid(tuple(map(str, names)), edges, requests)
