"""Whole days by the hour, kept beside the files that they are made of: a night needs four weeks of them.

A day is dropped in the transaction in which a file with data in it begins or ceases to count (`Ledger.add`, `retire`),
and kept anew in the one that finishes a night.
"""

from __future__ import annotations

from datetime import tzinfo

import numpy as np

from cdnlog.buffer import Ints
from cdnlog.history.ledger import Ledger
from cdnlog.history.tables import DAY, Sums
from cdnlog.zones import floor_to_window

_LARGEST = 2**62


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

    def since(self, first: int, newest: int) -> Sums:
        """Return all that counts from a midnight on, by the hour; days after the newest one may hold stray times.

        Args:
            first: The midnight, in UTC seconds.
            newest: A time in the newest day.
        """
        starts = self._starts(first, newest)
        self._first, self._end = int(starts[0]), int(starts[-1])
        kept = dict(self._ledger.days(self._first, self._end))
        for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            if start not in kept:
                self._made[start] = self._of_files(start, end)
        later = self._of_files(self._end, _LARGEST)
        return Sums.joined([Sums.unpack(kept.values()), *self._made.values(), later])

    def keep(self) -> None:
        """Keep what had to be made, and nothing outside of the time that was asked for; within a transaction."""
        self._ledger.keep_days({start: sums.pack() for start, sums in self._made.items()}, self._first, self._end)

    def _of_files(self, start: int, end: int) -> Sums:
        sums = self._ledger.sums(start, end)
        return sums.where((sums.keys[:, 0] >= start) & (sums.keys[:, 0] < end)).by_hour(self._zone)

    def _starts(self, first: int, newest: int) -> Ints:
        """Return the midnights from the first one on, and the one that ends the newest day: clocks change."""
        noons = np.arange(first + DAY // 2, max(first, newest) + 2 * DAY, DAY)
        starts: Ints = np.unique(floor_to_window(noons, DAY, self._zone))
        last = np.searchsorted(starts, max(first, newest), side="right")
        return starts[: last + 1]
