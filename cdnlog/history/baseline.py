"""What is usual, from the nights before: shares of failing requests, whether a finding is new, and what is missing.

The same hours of the day on other days are pooled, hours in which earlier nights found an incident of the same code
left out. From three weeks on, the same hours of the week are taken instead where they hold enough requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from statistics import median

import numpy as np

from cdnlog.counts import Counts
from cdnlog.diagnosis import DomainSeries, difference, series_of
from cdnlog.history.tables import DAY, HOUR
from cdnlog.model import Finding
from cdnlog.zones import floor_to_window, offsets

WEEK = 7 * DAY
WEEKS = 3
"""So many weeks must have been seen before hours of the week are compared."""
ENOUGH = 200
"""Requests below which a share is not called usual."""
BACK = 14 * DAY
"""How far back a finding counts as seen before."""
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


@dataclass
class Baseline:
    """What is usual.

    Attributes:
        usually: The nights before by hour, domain and status, without the hours that this night is about.
        seen: Findings of the nights before.
        zone: Zone that hours of the day are told in.
    """

    usually: Counts
    seen: Sequence[Seen]
    zone: tzinfo
    _series: Mapping[str, DomainSeries] = field(init=False)
    _first: int = field(init=False)

    def __post_init__(self) -> None:
        """Put the counts in order by domain."""
        self._series = {one.domain: one for one in series_of(self.usually)}
        self._first = min((hour for one in self._series.values() for hour in one.totals), default=0)
        self._excluded: dict[tuple[str, int], set[int]] = {}
        for one in self.seen:
            if one.cause != _BACKGROUND:
                hours = range(one.starts // HOUR * HOUR, one.ends, HOUR)
                self._excluded.setdefault((one.domain, one.status), set()).update(hours)

    def usual(self, domain: str, status: int, windows: Sequence[int]) -> float | None:
        """Return the share of a code that is usual in these windows, None if that is not known."""
        series = self._series.get(domain)
        if series is None or not windows:
            return None
        of_week = windows[0] - self._first >= WEEKS * WEEK
        for length in (WEEK, DAY) if of_week else (DAY,):
            failing, total = self._pooled(series, status, windows, length)
            if total >= ENOUGH:
                return failing / total
        return None

    def _pooled(self, series: DomainSeries, status: int, windows: Sequence[int], length: int) -> tuple[int, int]:
        """Add up the hours that have the same place in a day or week as the windows, on the zone's clock."""
        places = set(_places(windows, length, self.zone))
        left_out = self._excluded.get((series.domain, status), set())
        hours = list(series.totals)
        failing = series.failing.get(status, {})
        part, whole = 0, 0
        for hour, place in zip(hours, _places(hours, length, self.zone), strict=True):
            if place in places and hour // HOUR * HOUR not in left_out:
                part += failing.get(hour, 0)
                whole += series.totals[hour]
        return part, whole

    def state(self, finding: Finding, starts: int, total: int) -> str:
        """Return how a finding compares with the last night that had it, by its share of all requests of the night.

        Args:
            finding: The finding.
            starts: Its begin in UTC seconds.
            total: All requests of its domain in the night.
        """
        if finding.domain not in self._series:
            return "unknown"
        name = base_id(finding.id)
        before = [one for one in self.seen if one.id == name and one.ends > starts - BACK]
        if not before:
            return "new"
        last = max(one.night for one in before)
        parts = [one for one in before if one.night == last]
        failing = (sum(one.requests for one in parts), finding.requests)
        whole = (parts[0].total, total)
        low, high = difference(failing, whole)
        shares = [k / n for k, n in zip(failing, whole, strict=True)]
        if low > 0 and shares[1] > _LARGER * shares[0]:
            return "worse"
        return "better" if high < 0 and shares[0] > _LARGER * shares[1] else "chronic"

    def absences(self, now: Counts, begins: int, ends: int) -> list[Absence]:
        """Return what is missing in a time, by domain.

        Args:
            now: All counts by the hour, this night's included.
            begins: Begin of the time, a whole hour in UTC seconds.
            ends: Its end.
        """
        hours = list(range(begins, ends, HOUR))
        found: list[Absence] = []
        present = {one.domain: one.totals for one in series_of(now)}
        for domain in sorted(present):
            totals = present[domain]
            expected = self._expected(domain, hours) | _held(totals, hours)
            lacking = [hour for hour in hours if hour in expected and hour not in totals]
            whole = bool(expected) and not any(hour in totals for hour in hours)
            for first, last in _runs(lacking):
                usual = sum(expected[hour] for hour in range(first, last + HOUR, HOUR))
                found.append(Absence(domain, first, last + HOUR, usual, whole))
        return found

    def _expected(self, domain: str, hours: Sequence[int]) -> dict[int, int]:
        """Return for each hour that regularly has requests how many."""
        series = self._series.get(domain)
        if series is None:
            return {}
        by_place: dict[int, list[int]] = {}
        past = list(series.totals)
        for hour, place in zip(past, _places(past, DAY, self.zone), strict=True):
            by_place.setdefault(place, []).append(series.totals[hour])
        first = min(past)
        expected = {}
        for hour, place in zip(hours, _places(hours, DAY, self.zone), strict=True):
            seen = by_place.get(place, [])
            days = max(1, (hour - first) // DAY)
            if len(seen) >= max(_DAYS, _REGULAR * min(days, len(self._days(place)))) and median(seen) >= _BUSY:
                expected[hour] = int(median(seen))
        return expected

    def _days(self, place: int) -> set[int]:
        """Return the hours of one place in the day that have any data at all."""
        if not hasattr(self, "_by_place"):
            self._by_place: dict[int, set[int]] = {}
            every = sorted({hour for one in self._series.values() for hour in one.totals})
            for hour, at in zip(every, _places(every, DAY, self.zone), strict=True):
                self._by_place.setdefault(at, set()).add(hour)
        return self._by_place.get(place, set())


def _places(starts: Sequence[int], length: int, where: tzinfo) -> list[int]:
    """Return the hour of the day, or of the week, on the zone's clock of each time."""
    times = np.array(starts, np.int64)
    places: list[int] = ((times + offsets(times, where)) % length // HOUR).tolist()
    return places


def _held(totals: Mapping[int, int], hours: Sequence[int]) -> dict[int, int]:
    """Return the hours without requests between two busy ones, with what is to be expected."""
    pairs = ((hour, totals.get(hour - HOUR, 0), totals.get(hour + HOUR, 0)) for hour in hours if hour not in totals)
    return {hour: (before + after) // 2 for hour, before, after in pairs if min(before, after) >= _BUSY}


def _runs(hours: Sequence[int]) -> list[tuple[int, int]]:
    """Join hours that follow each other, each run as its first and last."""
    runs: list[tuple[int, int]] = []
    for hour in hours:
        if runs and hour == runs[-1][1] + HOUR:
            runs[-1] = (runs[-1][0], hour)
        else:
            runs.append((hour, hour))
    return runs


def hours_of(starts: Sequence[int], where: tzinfo) -> list[int]:
    """Return the begin of the hour of each time, in UTC seconds."""
    hours: list[int] = floor_to_window(np.array(starts, np.int64), HOUR, where).tolist()
    return hours
