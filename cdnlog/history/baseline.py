"""What is usual, from the nights before: shares of failing requests, whether a finding is new, and what is missing.

The same hours of the day on other days are pooled, hours in which earlier nights found an incident of the same code
left out. From three weeks on, the same hours of the week are taken instead where they hold enough requests.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import numpy as np

from cdnlog.buffer import Ints
from cdnlog.counts import Counts
from cdnlog.diagnosis import difference
from cdnlog.history.tables import DAY, HOUR
from cdnlog.model import Finding
from cdnlog.zones import floor_to_window, offsets

WEEK = 7 * DAY
WEEKS = 3
"""So many weeks must have been seen before hours of the week are compared."""
ENOUGH = 200
"""Requests below which a share is not called usual."""
BACK = 14 * DAY
"""How far back a finding counts as seen before, and how long a domain is missed."""
CHRONIC = 3
"""On so many other days a finding must have been there to be chronic, or on all where fewer are known: what began last
night is none of the usual if a day without it is known."""
_LARGER = 1.5  # a share must differ by so much, and by more than chance, to be worse or better
_REGULAR, _DAYS, _BUSY = 0.8, 3, 10  # present on so many of the days, at least so many, with so many requests an hour
_NUMBERED = re.compile(r"/\d+\Z")
_BACKGROUND = "background"


@dataclass(frozen=True)
class Seen:
    """A finding as a night remembers it.

    Attributes:
        night: Number of the night.
        id: Of the finding, without a number that tells two of one night apart.
        domain: Its domain.
        status: Its code.
        cause: Its cause.
        requests: Failing requests.
        total: All requests of the domain in the night.
        starts: Its begin in UTC seconds.
        ends: Its end.
    """

    night: int
    id: str
    domain: str
    status: int
    cause: str
    requests: int
    total: int
    starts: int
    ends: int


@dataclass(frozen=True)
class Compared:
    """How a finding compares with the nights before.

    Attributes:
        state: "new", "worse", "chronic", "better", or "unknown" where neither another day nor a time
            before it is known.
        days: Other days of the two weeks before on which it was there.
        known: Other days of which that can be told: these, and those with requests of the domain at the same hours.
        first: Begin of the first of `days`, in UTC seconds; 0 without any.
        since: Since when earlier nights told it without a break, in UTC seconds; 0 if none told it right before.
    """

    state: str
    days: int = 0
    known: int = 0
    first: int = 0
    since: int = 0


def base_id(name: str) -> str:
    """Return the id of a finding without the number that tells two of one night apart."""
    return _NUMBERED.sub("", name)


@dataclass(frozen=True)
class Absence:
    """A time without requests of a domain that usually has some then; times in UTC seconds."""

    domain: str
    starts: int
    ends: int
    usual: int
    whole: bool
    state: str = "new"


@dataclass(frozen=True)
class _Hours:
    """Requests of one domain by the hour.

    Attributes:
        starts: Begin of each hour that has any, in order, UTC seconds.
        totals: Requests in it.
    """

    starts: Ints
    totals: Ints


class _Table:
    """Counts by the hour, to be had by domain and code."""

    def __init__(self, counts: Counts) -> None:
        cells = counts.cells
        order = np.lexsort((cells.keys[:, 0], cells.keys[:, 1]))
        self._keys, self._requests = cells.keys[order], cells.sums[order, 0].astype(np.int64)
        names, statuses = cells.values[1] or (), cells.values[2] or ()
        self._place = {str(names[place]): place for place in np.unique(self._keys[:, 1]).tolist()}
        self._statuses = np.array(statuses, np.int64)

    @property
    def names(self) -> list[str]:
        """All domains that have any requests, by name."""
        return sorted(self._place)

    @property
    def starts(self) -> Ints:
        """All hours that have any requests."""
        return np.unique(self._keys[:, 0])

    def hours(self, domain: str) -> _Hours:
        """Return the requests of a domain."""
        rows = self._rows(domain)
        return self._added(self._keys[rows, 0], self._requests[rows])

    def failing(self, domain: str, status: int) -> _Hours:
        """Return the requests of a domain with one code."""
        rows = self._rows(domain)
        codes = np.append(self._statuses, -1)[self._keys[rows, 2]]
        return self._added(self._keys[rows, 0][codes == status], self._requests[rows][codes == status])

    def _rows(self, domain: str) -> slice:
        place = self._place.get(domain, -1)
        first, end = np.searchsorted(self._keys[:, 1], [place, place + 1]).tolist()
        return slice(first, end)

    @staticmethod
    def _added(starts: Ints, requests: Ints) -> _Hours:
        hours, places = np.unique(starts, return_inverse=True)
        totals = np.zeros(len(hours), np.int64)
        np.add.at(totals, places, requests)
        return _Hours(hours, totals)


class Baseline:
    """What is usual.

    Args:
        usually: The nights before by hour, domain and status, without the hours that this night is about.
        seen: Findings of the nights before.

    Attributes:
        seen: As given.
    """

    def __init__(self, usually: Counts, seen: Sequence[Seen]) -> None:
        self.seen, self._zone = seen, usually.zone
        self._table = _Table(usually)
        self._hours = {name: self._table.hours(name) for name in self._table.names}
        self._every = self._table.starts
        self._first = int(self._every.min(initial=0))
        self._excluded: dict[tuple[str, int], set[int]] = {}
        for one in self.seen:
            if one.cause != _BACKGROUND:
                hours = self._hours_of(one.starts, one.ends)
                self._excluded.setdefault((one.domain, one.status), set()).update(hours.tolist())

    def usual(self, domain: str, status: int, windows: Sequence[int]) -> float | None:
        """Return the share of a code that is usual in these windows, None if that is not known."""
        if domain not in self._hours or not windows:
            return None
        of_week = windows[0] - self._first >= WEEKS * WEEK
        for length in (WEEK, DAY) if of_week else (DAY,):
            failing, total = self._pooled(domain, status, windows, length)
            if total >= ENOUGH:
                return failing / total
        return None

    def _pooled(self, domain: str, status: int, windows: Sequence[int], length: int) -> tuple[int, int]:
        """Add up the hours that have the same place in a day or week as the windows, on the zone's clock."""
        places = np.unique(_places(np.array(windows, np.int64), length, self._zone))
        left_out = np.array(sorted(self._excluded.get((domain, status), ())), np.int64)
        sums = []
        for hours in (self._table.failing(domain, status), self._hours[domain]):
            same = np.isin(_places(hours.starts, length, self._zone), places)
            same &= ~np.isin(hours.starts, left_out)
            sums.append(int(hours.totals[same].sum()))
        return sums[0], sums[1]

    def compare(self, found: Sequence[Finding], totals: Mapping[str | int | None, int]) -> list[Compared]:
        """Return how each finding of a night compares with the nights before.

        Args:
            found: All findings of the night: two of one fault are one share of it.
            totals: All requests of the night by domain.
        """
        requests = Counter[str]()
        for one in found:
            requests[base_id(one.id)] += one.requests
        return [self._compared(one, requests[base_id(one.id)], totals[one.domain]) for one in found]

    def _compared(self, finding: Finding, failing: int, total: int) -> Compared:
        """Compare with other days than its own: an earlier run of the same day told of the same incident."""
        if finding.domain not in self._hours:
            return Compared("unknown")
        starts, ends = (int(datetime.fromisoformat(text).timestamp()) for text in (finding.start, finding.end))
        own = self._days(self._hours_of(starts, ends))
        before = [one for one in self._before(finding, starts - BACK) if one.starts < ends]
        days_of = [(one, self._days(self._hours_of(one.starts, one.ends))) for one in before]
        other = [one for one, days in days_of if not own & days]
        days = {day for _, days in days_of if not own & days for day in days}
        known = (days | self._days(self._alike(finding.domain, starts, ends))) - own
        since = _began(self._before(finding, 0), starts)
        state = _trend(other, failing, total)
        if state is None:
            quiet = int(self._hours[finding.domain].starts[0]) < since // HOUR * HOUR
            began = len(days) < CHRONIC if known - days else not days and quiet
            state = "new" if began else "chronic" if known else "unknown"
        return Compared(state, len(days), len(known), min(days, default=0), since if since < starts else 0)

    def _hours_of(self, starts: int, ends: int) -> Ints:
        """Return the begins of the hours that a time reaches into, on the zone's clock."""
        first = int(floor_to_window(np.array([starts]), HOUR, self._zone)[0])
        return np.arange(first, ends, HOUR)

    def _days(self, times: Ints) -> set[int]:
        """Return the midnights that begin the days of some times."""
        return set(floor_to_window(times, DAY, self._zone).tolist()) if len(times) else set()

    def _alike(self, domain: str, starts: int, ends: int) -> Ints:
        """Return the hours of a domain within reach of a time that have its place in the day."""
        hours = self._hours[domain].starts
        places = _places(self._hours_of(starts, ends), DAY, self._zone)
        near: Ints = hours[np.isin(_places(hours, DAY, self._zone), places) & (hours > starts - BACK) & (hours < ends)]
        return near

    def _before(self, finding: Finding, since: int) -> list[Seen]:
        """Return what earlier nights had of a finding, by its id, else by its code: a cause may be told anew."""
        recent = [one for one in self.seen if one.ends > since]
        same = [one for one in recent if one.id == base_id(finding.id)]
        if same or finding.cause == _BACKGROUND:
            return same
        place = (finding.domain, finding.status)
        return [one for one in recent if (one.domain, one.status) == place and one.cause != _BACKGROUND]

    def absences(self, now: Counts, begins: int, ends: int) -> list[Absence]:
        """Return what is missing in a time, by domain.

        Args:
            now: All counts by the hour, this night's included.
            begins: Begin of the time, a whole hour in UTC seconds.
            ends: Its end.
        """
        hours = range(begins, ends, HOUR)
        found: list[Absence] = []
        table = _Table(now)
        for domain in table.names:
            present = table.hours(domain)
            there = set(present.starts.tolist())
            expected = _held(present, hours) | self._expected(domain, hours)
            lacking = [hour for hour in hours if expected.get(hour) and hour not in there]
            whole = any(expected.values()) and not there.intersection(hours)
            state = "chronic" if whole and self._lacked(domain, begins) else "new"
            for first, last in _runs(lacking):
                usual = sum(expected[hour] for hour in range(first, last + HOUR, HOUR))
                found.append(Absence(domain, first, last + HOUR, usual, whole, state))
        return found

    def _lacked(self, domain: str, begins: int) -> bool:
        """Whether a domain that was expected has been missing ever since some hour before a time."""
        past = self._hours.get(domain)
        if past is None:
            return False
        return any(self._expected(domain, range(int(past.starts[-1]) + HOUR, begins, HOUR)).values())

    def _expected(self, domain: str, hours: Sequence[int]) -> dict[int, int]:
        """Return how many requests each hour had until the domain was last seen, if regularly any, 0 if never."""
        past = self._hours.get(domain)
        if past is None or not len(past.starts):
            return {}
        places, first, last = _places(past.starts, DAY, self._zone), int(past.starts[0]), int(past.starts[-1])
        days_at = Counter(_places(self._every[self._every <= last], DAY, self._zone).tolist())
        expected = {}
        for hour, place in zip(hours, _places(np.array(hours, np.int64), DAY, self._zone).tolist(), strict=True):
            seen = past.totals[places == place]
            days = min(max(1, (min(hour, last + DAY) - first) // DAY), days_at[place])
            regular = hour - last <= BACK and len(seen) >= max(_DAYS, _REGULAR * days)
            if regular and np.median(seen) >= _BUSY:
                expected[hour] = int(np.median(seen))
            elif days >= _DAYS and not len(seen):
                expected[hour] = 0
        return expected


def _began(before: Sequence[Seen], starts: int) -> int:
    """Return since when earlier nights told, without a break of an hour, of what begins at a time."""
    for one in sorted(before, key=lambda one: one.ends, reverse=True):
        if one.ends > starts - HOUR:
            starts = min(starts, one.starts)
    return starts


def _trend(before: Sequence[Seen], failing: int, total: int) -> str | None:
    """Return "worse" or "better" than the last night that had it, by the share of all requests, None for neither."""
    if not before:
        return None
    last = max(one.night for one in before)
    parts = [one for one in before if one.night == last]
    low, high = difference((sum(one.requests for one in parts), failing), (parts[0].total, total))
    was, now = sum(one.requests for one in parts) / parts[0].total, failing / total
    if low > 0 and now > _LARGER * was:
        return "worse"
    return "better" if high < 0 and was > _LARGER * now else None


def _places(starts: Ints, length: int, where: tzinfo) -> Ints:
    """Return the hour of the day, or of the week, on the zone's clock of each time."""
    places: Ints = (starts + offsets(starts, where)) % length // HOUR
    return places


def _held(present: _Hours, hours: range) -> dict[int, int]:
    """Return the hours without requests between two busy ones, with what is to be expected."""
    totals = dict(zip(present.starts.tolist(), present.totals.tolist(), strict=True))
    pairs = ((hour + HOUR, before, totals.get(hour + 2 * HOUR, 0)) for hour, before in totals.items())
    return {
        hour: (before + after) // 2
        for hour, before, after in pairs
        if min(before, after) >= _BUSY and hour in hours and hour not in totals
    }


def _runs(hours: Sequence[int]) -> list[tuple[int, int]]:
    """Join hours that follow each other, each run as its first and last."""
    runs: list[tuple[int, int]] = []
    for hour in hours:
        if runs and hour == runs[-1][1] + HOUR:
            runs[-1] = (runs[-1][0], hour)
        else:
            runs.append((hour, hour))
    return runs
