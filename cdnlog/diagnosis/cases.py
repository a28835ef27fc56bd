"""Builds the case of each incident: its failing rows, what they are compared with, and what else went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from itertools import pairwise

import numpy as np

from cdnlog.buffer import Ints
from cdnlog.counts import Counts
from cdnlog.declared import Entry
from cdnlog.diagnosis.affected import affected
from cdnlog.diagnosis.case import Case, Neighbours
from cdnlog.diagnosis.rows import Rows, Weights
from cdnlog.diagnosis.series import Traffic
from cdnlog.diagnosis.stretches import Stretch
from cdnlog.evidence import Evidence
from cdnlog.zones import floor_to_window

_KEPT = 64
"""Answers on who else began to fail at a time that are kept."""


class Library:
    """The kept rows and counts of a run, to be had by domain and by stretch.

    Args:
        counts: Counts by window, domain and status.
        traffic: The same counts, sorted.
        evidence: Kept rows of the same requests.
        cut: All stretches of the run.

    Attributes:
        affected: Who is hit by each of them.
    """

    def __init__(self, counts: Counts, traffic: Traffic, evidence: Evidence, cut: Sequence[Stretch]) -> None:
        self._traffic, self._window = traffic, counts.window
        codes, names = evidence.column("domain")
        order = np.lexsort((evidence.tickets, codes))
        evidence, self._domains = evidence.ordered(order), codes[order]
        windows: Ints = floor_to_window(evidence.cells, counts.window, counts.zone)
        cells = traffic.places(traffic.numbers(names)[self._domains], windows, evidence.status)
        self._rows = Rows(evidence, _weights(traffic, evidence, cells), windows)
        self._place = {name: i for i, name in enumerate(names)}
        self._known: dict[str, Rows] = {}
        self._incidents = _Incidents(cut)
        self._shelve(cells, cut)

    def _shelve(self, cells: Ints, cut: Sequence[Stretch]) -> None:
        """Put the failing rows in order, stretch by stretch."""
        owner = np.full(len(self._traffic.domain), -1, np.int64)
        for i, stretch in enumerate(cut):
            owner[stretch.cells] = i
        mine = owner[cells]
        order = np.argsort(mine, kind="stable")
        bounds = np.searchsorted(mine[order], np.arange(len(cut) + 1))
        self._shelf = {id(stretch): order[a:b] for stretch, (a, b) in zip(cut, pairwise(bounds), strict=True)}
        rows = self._rows.where(order[bounds[0] :])
        self.affected = affected(rows, bounds - bounds[0], [stretch.requests for stretch in cut])

    def failing(self, stretch: Stretch) -> Rows:
        """Return the kept failing rows of a stretch."""
        return self._rows.where(self._shelf[id(stretch)])

    def case(self, stretch: Stretch, entry: Entry, limits: Mapping[str, float]) -> Case:
        """Return the case of an incident."""
        series, status, incident = stretch.series, stretch.status, stretch.incident
        rows = self._of(series.domain)
        first, last = stretch.windows[0], stretch.windows[-1]
        raised = self._incidents.raised(stretch)
        quiet = tuple(w for w in series.windows[: np.searchsorted(series.windows, first)].tolist() if w not in raised)
        failed = rows.evidence.failing
        inside = (rows.windows >= first) & (rows.windows <= last)
        return Case(
            domain=series.domain,
            status=status,
            entry=entry,
            windows=stretch.windows,
            quiet=quiet,
            window=self._window,
            onset=bool(incident and incident.onset),
            failing=self.failing(stretch),
            served=rows.where(np.flatnonzero(inside & ~failed)),
            others=rows.where(np.flatnonzero(inside & failed & (rows.number("status") != status))),
            before=rows.where(np.flatnonzero(np.isin(rows.windows, quiet) & ~failed)),
            load=series,
            neighbours=partial(self._incidents.neighbours, stretch),
            domains=self._traffic.carrying(first, last),
            limits=limits,
        )

    def _of(self, domain: str) -> Rows:
        """Return the kept rows of a domain."""
        if domain not in self._known:
            place = self._place.get(domain, -1)
            first, end = np.searchsorted(self._domains, [place, place + 1]).tolist()
            self._known = {domain: self._rows.where(np.arange(first, end))}  # findings come domain by domain
        return self._known[domain]


class _Incidents:
    """The incidents of a run, by domain and code, and by time."""

    def __init__(self, cut: Sequence[Stretch]) -> None:
        self._all = [stretch for stretch in cut if stretch.incident]
        self._status = np.array([stretch.status for stretch in self._all], np.int64)
        self._first, self._last = (np.array([s.windows[end] for s in self._all], np.int64) for end in (0, -1))
        self._names = sorted({stretch.series.domain for stretch in self._all})
        self._number = {name: i for i, name in enumerate(self._names)}
        self._domain = np.array([self._number[stretch.series.domain] for stretch in self._all], np.int64)
        self._near = lru_cache(_KEPT)(self._begun)  # a fault of many domains is asked of at each of them
        self._of_code: dict[tuple[str, int], list[Stretch]] = {}
        for stretch in self._all:
            self._of_code.setdefault((stretch.series.domain, stretch.status), []).append(stretch)

    def raised(self, stretch: Stretch) -> set[int]:
        """Return the windows of all incidents of a domain and code."""
        return {w for one in self._of_code[stretch.series.domain, stretch.status] for w in one.windows}

    def neighbours(self, stretch: Stretch, codes: frozenset[int], reach: float) -> Neighbours:
        """Return the other domains with incidents of some codes that overlap, and began within so many seconds."""
        own = self._number[stretch.series.domain]
        near = self._near(stretch.windows[0], stretch.windows[-1], codes, reach)
        first = [self._names[i] for i in near[: Neighbours.NAMED + 1].tolist() if i != own]
        place = int(np.searchsorted(near, own))
        mine = place < len(near) and near[place] == own
        return Neighbours(len(near) - mine, tuple(first[: Neighbours.NAMED]))

    def _begun(self, first: int, last: int, codes: frozenset[int], reach: float) -> Ints:
        """Return the numbers of the domains with such incidents, in order."""
        near = (self._first <= last) & (self._last >= first) & (np.abs(self._first - first) <= reach)
        found = np.flatnonzero(near)
        return np.unique(self._domain[found[np.isin(self._status[found], list(codes))]])


def _weights(traffic: Traffic, evidence: Evidence, cells: Ints) -> Weights:
    """Return how many requests each kept row stands for: those of its window, domain, status and side of the cache."""
    cache, words = evidence.column("cache")
    hit = np.array([word == "hit" for word in words], bool)[cache]
    hits = traffic.hits[cells]
    requests = np.where(hit, hits, traffic.requests[cells] - hits).astype(np.float64)
    _, place, kept = np.unique(cells * 2 + hit, return_inverse=True, return_counts=True)
    weights: Weights = requests / kept[place]
    return weights
