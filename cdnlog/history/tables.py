"""Counts <-> the packed cells of the ledger.

A packed row is window (UTC seconds), domain (number of the word), status, and the sums of `MEASURES` in two limbs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

import numpy as np
import numpy.typing as npt

from cdnlog.buffer import Bools, Ints
from cdnlog.cells import Cells, Value, joint
from cdnlog.counts import DIMENSIONS, MEASURES, Counts
from cdnlog.history.packed import limbs, packed, unpacked, whole
from cdnlog.zones import floor_to_window

GRAIN = 300
"""Length in seconds of the finest cells that are kept: windows of any zone can be made of them."""
HOUR, DAY = 3600, 86_400
_KEYS = len(DIMENSIONS)
_LOOKUPS = MEASURES.index("lookups")
_COLUMNS = _KEYS + 2 * len(MEASURES)


@dataclass(frozen=True)
class Grains:
    """How finely data of some age is kept; ages are counted from the newest data.

    Attributes:
        zone: Zone that hours and days are aligned to.
        hours: Data before this instant, in UTC seconds, is kept by the hour.
        days: Before this one by the day.
        nothing: Before this one not at all.
        end: Where the day after the newest one ends, in UTC seconds; 0 without any data. That day may have just begun;
            what is later has stray times.
    """

    zone: tzinfo = UTC
    hours: int = 0
    days: int = 0
    nothing: int = 0
    end: int = 0

    def of(self, starts: Ints) -> Ints:
        """Return the begins of the cells that cells are kept in."""
        kept = starts.copy()
        for before, length in ((self.hours, HOUR), (self.days, DAY)):
            old = np.flatnonzero(starts < before)
            kept[old] = floor_to_window(starts[old], length, self.zone)
        return kept

    def finest(self, starts: Ints) -> int:
        """Return the length of the finest cell among some, 0 without any."""
        newest = int(starts.max(initial=-1))
        if newest < self.nothing or not len(starts):
            return 0
        return GRAIN if newest >= self.hours else HOUR if newest >= self.days else DAY


@dataclass(frozen=True)
class Sums:
    """Requests and so on by window, domain and status; domains as numbers of words.

    Attributes:
        keys: int64, shape (cells, 3).
        sums: Shape (cells, measures); Python integers where int64 is too small.
    """

    keys: Ints
    sums: npt.NDArray[np.int64] | npt.NDArray[np.object_]

    @classmethod
    def of(cls, counts: Counts, number: Callable[[str], int]) -> Sums:
        """Return counts by window, domain and status as sums; words are numbered in the order of their text."""
        keys = counts.cells.keys.copy()
        for d, name in enumerate(DIMENSIONS):
            values = counts.cells.values[d]
            if values is None or not len(keys):
                continue
            used = np.unique(keys[:, d]).tolist()
            table = np.zeros(len(values), np.int64)
            for at in sorted(used, key=lambda i: str(values[i])):
                table[at] = number(str(values[at])) if name == "domain" else values[at]
            keys[:, d] = table[keys[:, d]]
        return cls(keys, counts.cells.sums).folded()

    @classmethod
    def unpack(cls, blobs: Iterable[bytes]) -> Sums:
        """Return what was packed, cells of the same key not yet added up."""
        return cls.unpack_sized(blobs)[0]

    @classmethod
    def unpack_sized(cls, blobs: Iterable[bytes]) -> tuple[Sums, list[int]]:
        """Return the same, and how many cells each blob had."""
        rows, sizes = unpacked(blobs, _COLUMNS)
        sums = whole(rows[:, _KEYS:])
        sums[:, _LOOKUPS] = sums[:, 0] - sums[:, _LOOKUPS]
        return cls(rows[:, :_KEYS], sums), sizes

    @classmethod
    def joined(cls, parts: Sequence[Sums]) -> Sums:
        """Return the cells of all parts, those of the same key not yet added up."""
        wide = any(part.sums.dtype == object for part in parts)
        sums = [part.sums.astype(object) if wide else part.sums for part in parts]
        return cls(np.concatenate([part.keys for part in parts]), np.concatenate(sums))

    def pack(self) -> bytes:
        """Return them as bytes."""
        sums = self.sums.copy()
        sums[:, _LOOKUPS] = sums[:, 0] - sums[:, _LOOKUPS]  # mostly nothing, which takes no room
        return packed(np.hstack([self.keys, limbs(sums)]))

    def folded(self) -> Sums:
        """Return one cell per key, in order."""
        cells = Cells(self.keys, self.sums, (None, None, None)).folded()
        order = np.lexsort(cells.keys.T[::-1])
        return Sums(cells.keys[order], cells.sums[order])

    def where(self, rows: npt.NDArray[np.bool_]) -> Sums:
        """Return some of the cells."""
        return Sums(self.keys[rows], self.sums[rows])

    def without(self, part: Sums) -> Sums:
        """Return what is left without a part; nothing less than nothing, should a part be told by a sample of lines."""
        left = Sums.joined([self, Sums(part.keys, -part.sums)]).folded()
        return Sums(left.keys, np.maximum(left.sums, 0)).where(left.sums[:, 0] > 0)

    def equal(self, other: Sums) -> bool:
        """Whether both count the same, something at least."""
        mine, theirs = self.folded(), other.folded()
        return (
            bool(len(mine.keys)) and np.array_equal(mine.keys, theirs.keys) and np.array_equal(mine.sums, theirs.sums)
        )

    def beside(self, other: Sums) -> Sums:
        """Return what others count in the windows and domains that are among these."""
        if not len(self.keys):
            return other.where(np.zeros(len(other.keys), bool))
        places, _ = joint(np.vstack([self.keys[:, :2], other.keys[:, :2]]))
        return other.where(np.isin(places[len(self.keys) :], places[: len(self.keys)]))

    def rolled_up(self, grains: Grains) -> Sums:
        """Return the same, each cell as finely as its age is kept."""
        kept = self.where(self.keys[:, 0] >= grains.nothing)
        keys = kept.keys.copy()
        keys[:, 0] = grains.of(keys[:, 0])
        return Sums(keys, kept.sums).folded()

    def by_hour(self, zone: tzinfo) -> Sums:
        """Return the same by the hour."""
        keys = self.keys.copy()
        keys[:, 0] = floor_to_window(keys[:, 0], HOUR, zone)
        return Sums(keys, self.sums).folded()

    def until(self, percent: int) -> int:
        """Return the window that so many per cent of the requests do not exceed: stray times hardly move it."""
        order = np.argsort(self.keys[:, 0], kind="stable")
        done = np.cumsum(self.sums[order, 0])
        return int(self.keys[order[np.searchsorted(done * 100, done[-1] * percent)], 0])

    def counts(self, words: Mapping[int, str], window: int, zone: tzinfo) -> Counts:
        """Return them as counts."""
        keys = self.keys.copy()
        if len(keys):
            keys[:, 0] = floor_to_window(keys[:, 0], window, zone)
        domains, keys[:, 1] = np.unique(keys[:, 1], return_inverse=True)
        statuses, keys[:, 2] = np.unique(keys[:, 2], return_inverse=True)
        names: tuple[Value, ...] = tuple(words[number] for number in domains.tolist())
        cells = Cells(keys, self.sums, (None, names, tuple(statuses.tolist())))
        return Counts(DIMENSIONS, cells.folded(), window, zone)


@dataclass(frozen=True)
class HeldSums:
    """What is kept of some files.

    Attributes:
        sums: The cells, file by file.
        sizes: How many of them each file has.
        rows: Its row.
    """

    sums: Sums
    sizes: Sequence[int]
    rows: Sequence[int]

    def requests(self, cells: Bools) -> dict[int, int]:
        """Return the requests in some of the cells by row."""
        requests = self.sums.sums[:, 0].astype(np.float64) * cells  # exact: no file has 2**53 lines
        sums = np.bincount(np.repeat(np.arange(len(self.rows)), self.sizes), requests, len(self.rows))
        return dict(zip(self.rows, map(int, sums.tolist()), strict=True))

    def first(self, row: int) -> int:
        """Return when the first requests of a row were made, in UTC seconds."""
        at = self.rows.index(row)
        begin = sum(self.sizes[:at])
        return int(self.sums.keys[begin : begin + self.sizes[at], 0].min())


def rolled_up(grains: Grains, blobs: Sequence[bytes]) -> list[tuple[bytes | None, int]]:
    """Return many packed tables, each cell as finely as its age is kept, and the length of the finest cell of each.

    They are made coarser all at once: one at a time, a day of many files costs seconds.
    """
    if not blobs:
        return []
    rows, sizes = unpacked(blobs, _COLUMNS)
    owner = np.repeat(np.arange(len(blobs)), sizes)
    kept = rows[:, 0] >= grains.nothing
    keys = np.column_stack([owner, grains.of(rows[:, 0]), rows[:, 1:_KEYS]])[kept]
    cells = Cells(keys, whole(rows[:, _KEYS:])[kept], (None,) * (_KEYS + 1)).folded()
    order = np.lexsort(cells.keys.T[::-1])
    keys, table = cells.keys[order], np.hstack([cells.keys[order, 1:], limbs(cells.sums[order])])
    ends = np.searchsorted(keys[:, 0], np.arange(len(blobs) + 1)).tolist()
    parts = [table[first:end] for first, end in itertools.pairwise(ends)]
    return [(packed(part) if len(part) else None, grains.finest(part[:, 0])) for part in parts]
