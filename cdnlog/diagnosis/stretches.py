"""Cuts the series of each code into the windows of its incidents and the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cdnlog.diagnosis.incidents import Incident, gate, incidents
from cdnlog.diagnosis.series import DomainSeries
from cdnlog.diagnosis.usual import Usual

_APART = 1800  # seconds at the usual share that part two incidents


@dataclass(frozen=True)
class Stretch:
    """The windows of one finding: those of an incident, or all the others of a code.

    Attributes:
        series: The domain.
        status: The code.
        windows: Its windows, in order; the failing requests of the finding are those in here.
        incident: The incident, None for what is left outside all of them.
    """

    series: DomainSeries
    status: int
    windows: tuple[int, ...]
    incident: Incident | None

    @property
    def failing(self) -> dict[int, int]:
        """Failing requests per window, windows without any left out."""
        by_window = self.series.failing[self.status]
        return {window: by_window[window] for window in self.windows if window in by_window}

    @property
    def requests(self) -> int:
        """Failing requests in all."""
        return sum(self.failing.values())

    @property
    def total(self) -> int:
        """All requests of the domain from the first window to the last."""
        first, last = self.windows[0], self.windows[-1]
        return sum(n for window, n in self.series.totals.items() if first <= window <= last)


def stretches(series: DomainSeries, window: int, history: Usual | None = None) -> Iterator[Stretch]:
    """Yield the incidents of every code of a domain, and after those of a code what is left of it.

    Args:
        series: The domain.
        window: Length of a window in seconds.
        history: What is usual at other times.
    """
    windows = sorted(series.totals)
    totals = [series.totals[window] for window in windows]
    for status in sorted(series.failing):
        by_window = series.failing[status]
        failing = [by_window.get(window, 0) for window in windows]
        rest = set(by_window)
        usual = history.usual(series.domain, status, windows) if history else None
        for one in incidents(failing, totals, gate(status), max(1, _APART // window), usual):
            inside = tuple(windows[one.first : one.last + 1])
            rest -= set(inside)
            yield Stretch(series, status, inside, one)
        if rest:
            yield Stretch(series, status, tuple(sorted(rest)), None)
