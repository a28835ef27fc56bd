"""Chooses from a store what is asked for, and accounts for the lines of its files: shown, left out, kept no longer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from fnmatch import fnmatchcase
from functools import cached_property
from math import lcm

import numpy as np

from cdnlog.buffer import Bools, Ints
from cdnlog.counts import DIMENSIONS, Aged, Counts
from cdnlog.errors import UsageError
from cdnlog.filters import microseconds
from cdnlog.history.entry import Entry
from cdnlog.history.ledger import Ledger
from cdnlog.history.tables import DAY, GRAIN, HOUR, Grains, HeldSums, Sums
from cdnlog.model import MICROSECONDS, FileReport, Inputs
from cdnlog.settings import Settings
from cdnlog.zones import floor_to_window, instant, name_of

EVER = 2**62
_LENGTHS = {GRAIN: "5 minutes", HOUR: "the hour", DAY: "the day"}


def chosen(ledger: Ledger, made: Settings) -> Counts:
    """Return the counts that are asked for.

    Raises:
        UsageError: What is kept cannot be cut or put together so.
    """
    grains = ledger.grains
    where = made.tz or grains.zone
    begins, ends = _bounds(made, where, grains)
    words = ledger.words()
    held = ledger.held(begins, ends)
    sums, times = held.sums, held.sums.keys[:, 0]
    wanted = (times >= begins) & (times < ends) & _of_domains(sums.keys[:, 1], words, made)
    files = Files(ledger.counting(begins, ends), held)
    shown = sums.where(wanted)
    asked = [one for one in files.entries if one.domain is None or _asked(words[one.domain], made)]
    old = list(aged(shown, grains, where, *replace(files, entries=asked).dropped()))
    window = made.window
    if DIMENSIONS[0] in made.dimensions:
        _check_zone(shown, grains, where)
        window = lcm(window, *(one.window for one in old if one.window))
    counts = shown.counts(words, window, where).by(*made.dimensions)
    inputs = Inputs(tuple(files.reports(wanted)), made.anonymize or ledger.anonymized)
    coarser = tuple(one for one in old if not one.window or made.window < one.window <= window)
    return replace(counts, inputs=inputs, aged=coarser)


def aged(sums: Sums, grains: Grains, where: tzinfo, dropped: int, until: int) -> Iterator[Aged]:
    """Yield what is kept less finely than it was counted, the oldest first.

    Args:
        sums: Some of what is kept.
        grains: How finely it is kept.
        where: Zone of the times.
        dropped: Requests that are kept no longer.
        until: Time in UTC seconds by which these ended.
    """
    if dropped:
        yield Aged(0, instant(until, where), dropped)
    times, requests = sums.keys[:, 0], sums.sums[:, 0]
    by_day = times < grains.days
    for length, before, old in ((DAY, grains.days, by_day), (HOUR, grains.hours, (times < grains.hours) & ~by_day)):
        if old.any():
            yield Aged(length, instant(before, where), int(requests[old].sum()))


def _bounds(made: Settings, where: tzinfo, grains: Grains) -> tuple[int, int]:
    moments = {"since": made.since, "until": made.until}
    bounds = {name: -EVER if name == "since" else EVER for name in moments}
    for name, moment in moments.items():
        if moment is not None:
            bounds[name] = _bound(name, microseconds(moment, where), where, grains)
    return bounds["since"], bounds["until"]


def _bound(name: str, moment: int, where: tzinfo, grains: Grains) -> int:
    """Return a bound in seconds.

    Raises:
        UsageError: It is within a time that is kept as a whole.
    """
    time = np.array([moment // MICROSECONDS])
    if not 0 <= time[0] < EVER >> 30:
        return EVER if time[0] > 0 else -EVER
    length = grains.finest(time)
    begin = int(floor_to_window(time, length, grains.zone)[0])
    if begin * MICROSECONDS != moment:
        raise UsageError(
            f"the store keeps that time by {_LENGTHS[length]}, and {name} is within one; "
            f"give {instant(begin, where)}, where it begins, or the begin of another"
        )
    return begin


def _of_domains(domains: Ints, words: Mapping[int, str], made: Settings) -> Bools:
    distinct, places = np.unique(domains, return_inverse=True)
    kept: Bools = np.array([_asked(words[number], made) for number in distinct.tolist()], bool)[places]
    return kept


def _asked(domain: str, made: Settings) -> bool:
    """Whether a domain is asked for."""
    return not made.domains or any(fnmatchcase(domain, glob.lower()) for glob in made.domains)


def _check_zone(sums: Sums, grains: Grains, where: tzinfo) -> None:
    """Make sure that what is kept by the hour and the day are hours and days of a zone.

    Raises:
        UsageError: They are not.
    """
    starts = grains.of(np.unique(sums.keys[:, 0]))
    torn = starts[replace(grains, zone=where).of(starts) != starts]
    if len(torn):
        length, end = (DAY, grains.days) if torn[0] < grains.days else (HOUR, grains.hours)
        own, other = name_of(grains.zone), name_of(where)
        raise UsageError(
            f"the store keeps what is before {instant(end, grains.zone)} by {_LENGTHS[length]} of {own}, which begins "
            f"within one of {other}; leave tz out, or leave that time out by since"
        )


@dataclass(frozen=True)
class Files:
    """The files with data in some time.

    Attributes:
        entries: Their rows of the ledger.
        held: What is kept of them.
    """

    entries: Sequence[Entry]
    held: HeldSums

    def reports(self, wanted: Bools) -> Iterator[FileReport]:
        """Yield what became of each file: lines that are not shown, as only some cells are, are filtered."""
        whole, parts = self._whole, self.held.requests(wanted)
        for entry in self.entries:
            shown, report = parts.get(entry.id, 0), entry.report()
            requests, lines = max(entry.requests, whole.get(entry.id, 0)), report.accounting.counted
            # A line of a sampled log stands for several requests: as many of the lines are shown as of the requests.
            counted = -(-lines * shown // requests) if requests else lines
            if counted < lines:
                account = replace(report.accounting, counted=counted, filtered=lines - counted)
                account.check(report.path)
                report = replace(report, accounting=account)
            yield report

    def dropped(self) -> tuple[int, int]:
        """Return how many requests are kept no longer, and by when they ended."""
        lost, until = 0, 0
        for entry in self.entries:
            held = self._whole.get(entry.id, 0)
            if entry.ends is not None and held < entry.requests:
                lost += entry.requests - held
                until = max(until, self.held.first(entry.id) if held else entry.ends)
        return lost, until

    @cached_property
    def _whole(self) -> Mapping[int, int]:
        return self.held.requests(np.ones(len(self.held.sums.keys), bool))
