"""Which day is the newest that a store holds: ages are counted from it, not from a clock.

A machine with a wrong clock, or one garbled line in a file of its own, dates requests years ahead. Were that the newest
data, all the rest would be too old to be kept; so a day counts only if it has its share of what is usual. The first
hours of a day have less; they count if they are as full as hours usually are, and the days without data before them are
few enough for a sync that had stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

import numpy as np

from cdnlog.buffer import Ints
from cdnlog.history.tables import DAY
from cdnlog.zones import floor_to_window

_SHARE = 0.1
"""Share of the requests of a usual day that a day must have to be the newest. A day that has just begun may have less,
and nothing is lost: ages move on a day later."""
_SHARE_OF_HOUR = 0.5
"""Share of the requests of a usual hour that makes one hour enough, up to `_DAYS` after the newest such day."""
_DAYS = 28
"""So many latest days say what is usual: a site that lost most of its traffic is judged by itself after a while."""
_FEW = 10
"""So many requests it needs in any case, where the usual day has more: of a small site one line is a tenth."""
_LEAST = 0.01  # of the usual day ever: below that the latest days are strays that stand side by side
_NEARLY_ALL = 0.9


@dataclass(frozen=True)
class Volume:
    """How many of the requests that count are of which time.

    Attributes:
        hours: Begin of each hour that has any, in order, UTC seconds.
        requests: Requests in it.
    """

    hours: Ints
    requests: Ints

    def newest(self, where: tzinfo) -> int | None:
        """Return the last hour of the newest day, None without any requests."""
        if not len(self.hours):
            return None
        return int(self.hours[self._of_day(where) == self._believed(where)[-1]].max())

    def alone(self, where: tzinfo) -> int:
        """Return how many days the newest day is after the one before it, 0 without one before."""
        days = self._believed(where) if len(self.hours) else self.hours
        return round((days[-1] - days[-2]) / DAY) if len(days) > 1 else 0

    def _believed(self, where: tzinfo) -> Ints:
        """Return the begins of the days that have their share, and of later ones that have begun."""
        of_day = self._of_day(where)
        days, sizes = self._days(where)
        latest = _latest(days)
        usual = _usual(sizes, sizes[latest])
        full = days[sizes >= max(_SHARE * usual, min(_FEW, usual))]
        usual = _usual(self.requests, self.requests[np.isin(of_day, days[latest])])
        begun = (of_day > full[-1]) & (of_day <= full[-1] + _DAYS * DAY) & (self.requests >= _SHARE_OF_HOUR * usual)
        return np.append(full, np.unique(of_day[begun]))

    def nearly_all(self, where: tzinfo) -> int | None:
        """Return an hour that the newest one will hardly be before, however much is still to come; None without any."""
        newest = self.newest(where)
        if newest is None:
            return None
        done = np.cumsum(self.requests)
        return min(newest, int(self.hours[np.searchsorted(done, _NEARLY_ALL * done[-1])]))

    def _of_day(self, where: tzinfo) -> Ints:
        return floor_to_window(self.hours, DAY, where)

    def _days(self, where: tzinfo) -> tuple[Ints, Ints]:
        """Return each day's begin and requests."""
        days, places = np.unique(self._of_day(where), return_inverse=True)
        sizes = np.zeros(len(days), np.int64)
        np.add.at(sizes, places, self.requests)
        return days, sizes


def _latest(days: Ints) -> Ints:
    """Return the places of the latest days that have another one beside them: strays of many years stand alone."""
    joined = np.diff(days) < 2 * DAY - DAY // 2  # days are 23 to 25 hours long where clocks change
    beside = np.append(joined, False) | np.append(False, joined)
    return np.flatnonzero(beside if beside.any() else ~beside)[-_DAYS:]


def _usual(sizes: Ints, latest: Ints) -> float:
    """Return what is usual of late."""
    return max(_middle(latest), _LEAST * _middle(sizes))


def _middle(sizes: Ints) -> int:
    """Return the size of the day, or hour, that the middle one of all requests is in: many of a few do not count."""
    ordered = np.sort(sizes)
    done = np.cumsum(ordered)
    return int(ordered[np.searchsorted(done * 2, done[-1])])
