"""Builds the case of each incident: its failing rows, what they are compared with, and what else went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cdnlog.buffer import Ints
from cdnlog.counts import Counts, joint
from cdnlog.declared import Entry
from cdnlog.diagnosis.case import Case, Load, Neighbour
from cdnlog.diagnosis.rows import Rows
from cdnlog.diagnosis.stretches import Stretch
from cdnlog.evidence import Evidence
from cdnlog.zones import floor_to_window


class Library:
    """The kept rows and counts of a run, to be had by domain and window.

    Args:
        counts: Counts by window, domain and status.
        evidence: Kept rows of the same requests.
    """

    def __init__(self, counts: Counts, evidence: Evidence) -> None:
        self._loads = loads_of(counts)
        codes, names = evidence.column("domain")
        order = np.lexsort((evidence.tickets, codes))
        evidence = evidence.ordered(order)
        windows: Ints = floor_to_window(evidence.cells, counts.window, counts.zone)
        self._rows = Rows(evidence, _weights(counts, evidence, windows), windows)
        self._place = {name: i for i, name in enumerate(names)}
        self._domains = codes[order]
        self._known: dict[str, Rows] = {}

    def load(self, domain: str) -> Load:
        """Return what a domain carried."""
        return self._loads[domain]

    def rows(self, domain: str) -> Rows:
        """Return the kept rows of a domain."""
        if domain not in self._known:
            place = self._place.get(domain, -1)
            first, end = np.searchsorted(self._domains, [place, place + 1]).tolist()
            self._known = {domain: self._rows.where(np.arange(first, end))}  # findings come domain by domain
        return self._known[domain]

    def failing(self, stretch: Stretch) -> Rows:
        """Return the kept failing rows of a stretch."""
        rows = self.rows(stretch.series.domain)
        inside = np.isin(rows.windows, stretch.windows)
        return rows.where(np.flatnonzero(inside & (rows.number("status") == stretch.status)))

    def case(
        self, stretch: Stretch, entry: Entry, counts: Counts, others: Sequence[Stretch], limits: Mapping[str, float]
    ) -> Case:
        """Return the case of an incident; `others` are all stretches of the run."""
        domain, status, incident = stretch.series.domain, stretch.status, stretch.incident
        rows = self.rows(domain)
        first, last = stretch.windows[0], stretch.windows[-1]
        mine = [s for s in others if s.incident and s.series.domain == domain and s.status == status]
        raised = {window for s in mine for window in s.windows}
        quiet = tuple(w for w in sorted(stretch.series.totals) if w < first and w not in raised)
        failed = rows.evidence.failing
        inside = (rows.windows >= first) & (rows.windows <= last)
        this = rows.number("status") == status
        return Case(
            domain=domain,
            status=status,
            entry=entry,
            windows=stretch.windows,
            quiet=quiet,
            window=counts.window,
            onset=bool(incident and incident.onset),
            failing=rows.where(np.flatnonzero(inside & this)),
            served=rows.where(np.flatnonzero(inside & ~failed)),
            others=rows.where(np.flatnonzero(inside & failed & ~this)),
            before=rows.where(np.flatnonzero(np.isin(rows.windows, quiet) & ~failed)),
            load=self.load(domain),
            neighbours=_neighbours(stretch, others),
            domains=sum(any(first <= w <= last for w in load.requests) for load in self._loads.values()),
            limits=limits,
        )


def loads_of(counts: Counts) -> dict[str, Load]:
    """Return what every domain carried, per window."""
    loads: dict[str, Load] = {}
    names = ("window_start", "domain", "requests", "hits", "lookups", "bytes")
    for window, domain, *sums in zip(*(counts.columns[name] for name in names), strict=True):
        load = loads.setdefault(domain, Load({}, {}, {}, {}))
        for part, n in zip((load.requests, load.hits, load.lookups, load.bytes), sums, strict=True):
            part[window] = part.get(window, 0) + n  # type: ignore[index]  # being built
    return loads


def _neighbours(stretch: Stretch, others: Sequence[Stretch]) -> tuple[Neighbour, ...]:
    first, last = stretch.windows[0], stretch.windows[-1]
    return tuple(
        Neighbour(s.series.domain, s.status, s.windows[0], s.windows[-1], s.requests, s.requests / s.total)
        for s in others
        if s.incident and s is not stretch and s.windows[0] <= last and s.windows[-1] >= first
    )


def _weights(counts: Counts, evidence: Evidence, windows: Ints) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return how many requests each kept row stands for: those of its window, domain, status and side of the cache."""
    if not len(evidence):
        return np.empty(0, np.float64)
    cells: dict[tuple[int, str, int], list[int]] = {}
    names = ("window_start", "domain", "status", "requests", "hits")
    for window, domain, status, requests, hits in zip(*(counts.columns[name] for name in names), strict=True):
        cell = cells.setdefault((window, domain, status), [0, 0])
        cell[0] += requests
        cell[1] += hits
    codes, domains = evidence.column("domain")
    cache, words = evidence.column("cache")
    hit = np.array([word == "hit" for word in words], np.int64)[cache]
    keys = np.column_stack([windows, codes, evidence.status, hit])
    _, first, place, kept = np.unique(joint(keys)[0], return_index=True, return_inverse=True, return_counts=True)
    stands_for = []
    for window, domain_code, status, is_hit in keys[first].tolist():
        requests, hits = cells[window, str(domains[domain_code]), status]
        stands_for.append(hits if is_hit else requests - hits)
    return (np.array(stands_for, np.float64) / kept)[place]
