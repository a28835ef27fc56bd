"""Cuts the series of each code into the windows of its incidents and the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest

import numpy as np

from cdnlog.buffer import Ints
from cdnlog.diagnosis.incidents import LEAST, Incident, gate, incidents, possible
from cdnlog.diagnosis.series import DomainSeries, Traffic
from cdnlog.diagnosis.usual import Usual

NOISE = 1000
"""Most stretches of background noise; the counts have all of it."""
_APART = 1800  # seconds at the usual share that part two incidents


@dataclass(frozen=True, eq=False)
class Stretch:
    """The windows of one finding: those of an incident, or all the others of a code.

    Attributes:
        series: The domain.
        status: The code.
        windows: Its windows, in order; the failing requests of the finding are those in here.
        incident: The incident, None for what is left outside all of them.
        cells: Places of its counts in `Traffic`.
        requests: Failing requests in all.
    """

    series: DomainSeries
    status: int
    windows: tuple[int, ...]
    incident: Incident | None
    cells: Ints
    requests: int

    @cached_property
    def total(self) -> int:
        """All requests of the domain from the first window to the last."""
        return self.series.between(self.windows[0], self.windows[-1])


def stretches(traffic: Traffic, window: int, history: Usual | None = None) -> list[Stretch]:
    """Return the incidents of every code of a domain, and after those of a code what is left of it.

    They come by domain and status. The smallest background noise is left out where there is more than anyone reads:
    names are free to invent.

    Args:
        traffic: The counts.
        window: Length of a window in seconds.
        history: What is usual at other times.
    """
    codes = _Codes(traffic, history)
    found = [part for code in np.flatnonzero(codes.suspect).tolist() for part in codes.cut(code, window)]
    noise = [part for part in found if part.incident is None] + codes.noise()
    kept = nsmallest(NOISE, noise, key=lambda s: (-s.requests, s.series.domain, s.status))
    loud = [part for part in found if part.incident]
    return sorted([*loud, *kept], key=lambda s: (s.series.domain, s.status, s.incident is None, s.windows[0]))


class _Codes:
    """The failing codes of all domains, by number.

    Attributes:
        suspect: Whether each may have an incident.
    """

    def __init__(self, traffic: Traffic, history: Usual | None) -> None:
        self._traffic, self._cells, self._history = traffic, traffic.failing(), history
        domain, status = traffic.domain[self._cells], traffic.status[self._cells]
        first = np.ones(len(self._cells), bool)
        first[1:] = (domain[1:] != domain[:-1]) | (status[1:] != status[:-1])
        self._begins = np.flatnonzero(first)
        self._ends = np.append(self._begins[1:], len(first))
        self._domain, self._status = domain[self._begins], status[self._begins]
        failing, total = (sums[self._cells].astype(np.float64) for sums in (traffic.requests, traffic.total))
        self._requests = np.add.reduceat(failing, self._begins) if len(self._begins) else failing
        shares = self._requests / traffic.whole(self._domain)
        # The bound goes by what is usual in these counts alone; history may find less usual what they are full of.
        alone = possible(failing, total, self._begins, shares, self._status)
        self.suspect = alone if history is None else self._requests >= LEAST

    def cut(self, code: int, window: int) -> Iterator[Stretch]:
        """Yield the incidents of a code, and after them what is left of it."""
        traffic, status, cells = self._traffic, int(self._status[code]), self._of(code)
        series = traffic.series(int(self._domain[code]))
        places = np.searchsorted(series.windows, traffic.window[cells])
        failing = np.zeros(len(series.windows), traffic.requests.dtype)
        failing[places] = traffic.requests[cells]
        windows = series.windows.tolist()
        usual = self._history.usual(str(series.domain), status, windows) if self._history else None
        apart = max(1, _APART // window)
        found = incidents(failing.tolist(), list(series.requests.values()), gate(status), apart, usual)
        left = np.ones(len(cells), bool)
        for one in found:
            inside = (places >= one.first) & (places <= one.last)
            left &= ~inside
            yield Stretch(
                series,
                status,
                tuple(windows[one.first : one.last + 1]),
                one,
                cells[inside],
                int(traffic.requests[cells[inside]].sum()),
            )
        if left.any():
            yield self._rest(code, cells[left])

    def noise(self) -> list[Stretch]:
        """Return the codes without any incident, the largest `NOISE` of them."""
        quiet = np.flatnonzero(~self.suspect)
        if len(quiet) > NOISE:
            requests = self._requests[quiet]
            quiet = quiet[requests >= np.partition(requests, -NOISE)[-NOISE]]
        names, domain, status, requests = self._traffic.names, self._domain, self._status, self._requests
        chosen = nsmallest(NOISE, quiet.tolist(), key=lambda i: (-requests[i], str(names[domain[i]]), status[i]))
        return [self._rest(code, self._of(code)) for code in chosen]

    def _of(self, code: int) -> Ints:
        return self._cells[self._begins[code] : self._ends[code]]

    def _rest(self, code: int, cells: Ints) -> Stretch:
        traffic = self._traffic
        windows, requests = tuple(traffic.window[cells].tolist()), int(traffic.requests[cells].sum())
        return Stretch(traffic.series(int(self._domain[code])), int(self._status[code]), windows, None, cells, requests)
