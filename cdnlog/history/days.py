"""Whole days by the hour, kept beside the files that they are made of: a night needs four weeks of them.

A day is dropped in the transaction in which a file with data in it begins or ceases to count (`Ledger.add`, `retire`),
and kept anew in the one that finishes a night.
"""

from __future__ import annotations

import itertools
from datetime import tzinfo

import numpy as np

from cdnlog.buffer import Ints
from cdnlog.history.ledger import Ledger
from cdnlog.history.tables import DAY, Sums
from cdnlog.zones import floor_to_window


class Days:
    """The days of a store, by the hour.

    Args:
        ledger: Of the open store.
        where: Zone of the store, whose midnights part the days.
    """

    def __init__(self, ledger: Ledger, where: tzinfo) -> None:
        self._ledger, self._zone = ledger, where
        self._made: dict[int, Sums] = {}
        self._first, self._end = 0, 0

    def between(self, first: int, end: int) -> Sums:
        """Return all that counts between two midnights, by the hour.

        Args:
            first: The first midnight, in UTC seconds.
            end: The other one.
        """
        starts = self._starts(first, end)
        self._first, self._end = int(starts[0]), int(starts[-1])
        kept = dict(self._ledger.days(self._first, self._end))
        for start, following in itertools.pairwise(starts.tolist()):
            if start not in kept:
                self._made[start] = self._of_files(start, following)
        return Sums.joined([Sums.unpack(kept.values()), *self._made.values()])

    def keep(self) -> None:
        """Keep what had to be made, and nothing outside of the time that was asked for; within a transaction."""
        self._ledger.keep_days({start: sums.pack() for start, sums in self._made.items()}, self._first, self._end)

    def _of_files(self, start: int, end: int) -> Sums:
        sums = self._ledger.sums(start, end)
        return sums.where((sums.keys[:, 0] >= start) & (sums.keys[:, 0] < end)).by_hour(self._zone)

    def _starts(self, first: int, end: int) -> Ints:
        """Return the midnights from the first one to the last: clocks change."""
        noons = np.arange(first + DAY // 2, max(first, end) + DAY, DAY)
        starts: Ints = np.unique(floor_to_window(noons, DAY, self._zone))
        return starts
