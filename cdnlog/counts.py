"""`Counts`: requests and bytes per window, domain and status; what the aggregator makes and all else reads.

Merging two of them is associative and commutative, and the empty one changes nothing. That is why one thread, two
threads, a night's increment and a cluster are the same program.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cdnlog.columns import Ints
from cdnlog.errors import UsageError
from cdnlog.model import Inputs
from cdnlog.zones import floor_to_window, instant, name_of

if TYPE_CHECKING:
    import pandas as pd

DIMENSIONS = ("window_start", "domain", "status")
"""What counts are kept by unless asked otherwise; also the order in which they are sorted."""
MEASURES = ("requests", "bytes", "hits", "lookups")
"""Summed per cell. `lookups` are the requests whose log line says what the cache did, `hits` those it served."""
MISSING = np.iinfo(np.int64).min
"""Stands for a missing whole number in a key."""

Key = tuple[Any, ...]
_FOLD_AT = 10_000


@dataclass(frozen=True)
class Cells:
    """A table of sums by integer keys; text is kept once, in `texts`, and its place in there is the key.

    Attributes:
        keys: int64, shape (cells, dimensions).
        sums: int64, shape (cells, measures); Python integers where int64 would overflow.
        texts: For each dimension its values, None for a dimension of whole numbers.
    """

    keys: Ints
    sums: npt.NDArray[Any]
    texts: tuple[tuple[str | None, ...] | None, ...]

    def folded(self) -> Cells:
        """Return one cell per key."""
        if len(self.keys) == 0:
            return self
        joint = _joint(self.keys)
        order = np.argsort(joint)
        ordered = joint[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        sums = np.add.reduceat(_wide(self.sums)[order], starts, axis=0)
        return replace(self, keys=self.keys[order[starts]], sums=sums)


def _wide(sums: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the sums in a type in which adding them all up is exact."""
    if sums.dtype == object or int(sums.max(initial=0)) * len(sums) < np.iinfo(np.int64).max:
        return sums
    return sums.astype(object)


def _joint(keys: Ints) -> Ints:
    """Number the rows of keys by one integer each, equal rows alike."""
    joint, size = np.zeros(len(keys), np.int64), 1
    for column in keys.T:
        low = column.min()
        span = int(column.max()) - int(low) + 1
        if span > 2**40:  # a missing number among the others, or microseconds: number the distinct ones
            _, column = np.unique(column, return_inverse=True)  # noqa: PLW2901
            low, span = np.int64(0), int(column.max()) + 1
        if size * span >= 2**62:
            _, joint = np.unique(joint, return_inverse=True)
            size = int(joint.max()) + 1
        joint, size = joint * span + (column - low), size * span
    return joint


def joined(parts: Sequence[Cells]) -> Cells:
    """Return the cells of all parts, texts renumbered; parts must have the same dimensions."""
    parts = [part for part in parts if len(part.keys)] or parts[:1]
    texts: list[tuple[str | None, ...] | None] = []
    keys = [part.keys.copy() for part in parts]
    for d, first in enumerate(parts[0].texts):
        if first is None:
            texts.append(None)
            continue
        place: dict[str | None, int] = {}
        for part, own in zip(parts, keys, strict=True):
            table = [place.setdefault(value, len(place)) for value in part.texts[d] or ()]
            own[:, d] = np.array(table, np.int64)[own[:, d]] if len(own) else own[:, d]
        texts.append(tuple(place))
    wide = any(part.sums.dtype == object for part in parts)
    sums = np.concatenate([part.sums.astype(object) if wide else part.sums for part in parts])
    return Cells(np.concatenate(keys), sums, tuple(texts)).folded()


@dataclass(frozen=True)
class DomainSummary:
    """One domain over all windows.

    Attributes:
        domain: The domain.
        requests: Number of requests.
        bytes: Bytes sent to clients.
        errors: Requests with status 0 or 400 to 599.
        hit_ratio: Share of requests served from cache, None if the log does not say.
        mean_mbps: Mean rate from the first to the last window of the run, in 10^6 bit/s.
        peak_mbps: Rate of its busiest window, in 10^6 bit/s.
    """

    domain: str
    requests: int
    bytes: int
    errors: int
    hit_ratio: float | None
    mean_mbps: float
    peak_mbps: float


@dataclass(frozen=True)
class Counts:
    """Requests and bytes per time window, domain and status code, or by the columns asked for.

    Attributes:
        dims: What is counted by, `("window_start", "domain", "status")` unless asked otherwise.
        cells: The table; keys hold UTC seconds for `window_start`.
        window: Length of a window in seconds.
        zone: Time zone that windows are aligned to and shown in.
        inputs: What became of each input file.

    Example:
        >>> import cdnlog
        >>> counts = cdnlog.count("sample_logs", window="1h")
        >>> int(counts.frame["requests"].sum()) == counts.inputs.total.counted
        True
    """

    dims: tuple[str, ...]
    cells: Cells
    window: int
    zone: tzinfo = UTC
    inputs: Inputs = field(default_factory=Inputs)

    def __add__(self, other: Counts) -> Counts:
        """Merge two counts of the same window, dimensions and zone.

        Raises:
            UsageError: They differ in one of these.
        """
        if (self.dims, self.window) != (other.dims, other.window):
            raise UsageError("counts of different windows or dimensions cannot be added; count both alike")
        if name_of(self.zone) != name_of(other.zone):
            raise UsageError("counts of different time zones cannot be added; give both the same tz")
        return replace(self, cells=joined([self.cells, other.cells]), inputs=self.inputs + other.inputs)

    def __eq__(self, other: object) -> bool:
        """Whether the tables are the same; which files they came from does not matter."""
        if not isinstance(other, Counts):
            return NotImplemented
        return (self.dims, self.window) == (other.dims, other.window) and self.table == other.table

    __hash__ = None  # type: ignore[assignment]  # it compares by content, which is large

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.cells.keys)

    @cached_property
    def table(self) -> Mapping[Key, tuple[int, ...]]:
        """Key to sums (`MEASURES`), sorted; windows as UTC seconds, a missing value as None."""
        columns = [
            [None if v == MISSING else v for v in column.tolist()] if text is None else [text[v] for v in column]
            for column, text in zip(self.cells.keys.T, self.cells.texts, strict=True)
        ]
        rows = zip(zip(*columns, strict=True), map(tuple, self.cells.sums.tolist()), strict=True)
        return dict(sorted(rows, key=lambda row: [(v is not None, v) for v in row[0]]))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of `count -o json`: one dict per cell, windows as ISO 8601 in the zone."""
        names = (*self.dims, "requests", "bytes")
        shown = cache(self.shown)  # few windows, many rows
        for key, sums in self.table.items():
            row = dict(zip(names, (*key, sums[0], sums[1]), strict=True))
            if "window_start" in row:
                row["window_start"] = shown(row["window_start"])
            yield row

    def shown(self, seconds: int) -> str:
        """Return a time, in UTC seconds, as ISO 8601 in the zone of these counts."""
        return instant(seconds, self.zone)

    @property
    def frame(self) -> pd.DataFrame:
        """The table as a frame, sorted.

        Columns: `window_start` (timestamp in the zone), `domain` (category), `status` (Int16), the columns it was
        counted by, `requests` (int64), `bytes` (int64, sent to clients).
        """
        from cdnlog.frames import counts_frame  # noqa: PLC0415 - pandas costs 0.4 s, only frames need it

        return counts_frame(self.dims, self.table, self.zone)

    def summary(self) -> list[DomainSummary]:
        """Return one row per domain, the one with most requests first; empty if not counted by domain and window."""
        if not {"window_start", "domain"} <= set(self.dims) or not len(self):
            return []
        at, by = self.dims.index("window_start"), self.dims.index("domain")
        windows = [key[at] for key in self.table]
        span = max(windows) - min(windows) + self.window
        status = self.dims.index("status") if "status" in self.dims else None
        groups: dict[str, list[tuple[Key, tuple[int, ...]]]] = {}
        for key, sums in self.table.items():
            groups.setdefault(key[by], []).append((key, sums))
        rows = [self._summarize(name, rows, at, status, span) for name, rows in groups.items()]
        return sorted(rows, key=lambda row: (-row.requests, row.domain))

    def _summarize(
        self, domain: str, rows: Iterable[tuple[Key, tuple[int, ...]]], at: int, status: int | None, span: int
    ) -> DomainSummary:
        by_window: dict[int, int] = {}
        total, errors = [0] * len(MEASURES), 0
        for key, sums in rows:
            by_window[key[at]] = by_window.get(key[at], 0) + sums[1]
            total = [a + b for a, b in zip(total, sums, strict=True)]
            errors += sums[0] if status is not None and is_error(key[status]) else 0
        requests, sent, hits, lookups = total
        return DomainSummary(
            domain=domain,
            requests=requests,
            bytes=sent,
            errors=errors,
            hit_ratio=hits / lookups if lookups else None,
            mean_mbps=sent * 8 / span / 1e6,
            peak_mbps=max(by_window.values()) * 8 / self.window / 1e6,
        )


class Merger:
    """Adds many counts up; they are folded now and then, so that many small files cost no more than few large ones."""

    def __init__(self, first: Counts) -> None:
        self._first = first
        self._parts = [first.cells]
        self._held = 0

    def add(self, counts: Counts) -> None:
        """Add counts of the same kind as the first."""
        self._parts.append(counts.cells)
        self._held += len(counts)
        if self._held > max(len(self._parts[0].keys), _FOLD_AT):
            self._parts, self._held = [joined(self._parts)], 0

    def counts(self) -> Counts:
        """Return the sum."""
        return replace(self._first, cells=joined(self._parts))


def is_error(status: int) -> bool:
    """Whether a status says that the client did not get what it asked for: 0 (no answer) or 400 and above."""
    return status == 0 or status >= 400  # noqa: PLR2004 - RFC 9110, section 15


def windowed(counts: Counts, window: int, zone: tzinfo) -> Counts:
    """Return the same counts in longer windows, aligned to midnight of a zone."""
    cells = counts.cells
    if "window_start" in counts.dims and len(cells.keys):
        keys = cells.keys.copy()
        at = counts.dims.index("window_start")
        keys[:, at] = floor_to_window(keys[:, at], window, zone)
        cells = replace(cells, keys=keys).folded()
    return replace(counts, cells=cells, window=window, zone=zone)
