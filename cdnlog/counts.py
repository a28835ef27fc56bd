"""`Counts`: requests and bytes per window, domain and status; what the aggregator makes and all else reads.

Merging two of them is associative and commutative, and the empty one changes nothing. That is why one thread, two
threads, a night's increment and a cluster are the same program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from functools import cache, cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from cdnlog.buffer import Bools, Ints
from cdnlog.cells import Cells, Value, joined
from cdnlog.errors import UsageError
from cdnlog.model import Inputs
from cdnlog.views import Views
from cdnlog.windows import seconds, window_name
from cdnlog.zones import floor_to_window, instant, name_of

if TYPE_CHECKING:
    import pandas as pd

DIMENSIONS = ("window_start", "domain", "status")
"""What counts are kept by unless asked otherwise; also the order in which they are sorted."""
MEASURES = ("requests", "bytes", "hits", "lookups")
"""Summed per cell. `lookups` are the requests whose log line says what the cache did, `hits` those it served."""

Key = tuple[Any, ...]
_FOLD_AT = 10_000
_AT_A_TIME = 8192  # rows that are Python objects at the same time


@dataclass(frozen=True, slots=True)
class DomainSummary:
    """One domain over all windows.

    Attributes:
        domain: The domain.
        requests: Number of requests.
        bytes: Bytes sent to clients.
        errors: Requests with status 0, or 400 and above.
        hit_ratio: Share of requests served from cache, None if the log does not say.
        mean_mbps: Mean rate over the windows in which the domain has any request, in 10^6 bit/s.
        peak_mbps: Rate of its busiest window, in 10^6 bit/s.
    """

    domain: str
    requests: int
    bytes: int
    errors: int
    hit_ratio: float | None
    mean_mbps: float
    peak_mbps: float


@dataclass(frozen=True, slots=True)
class Aged:
    """Old requests of a store, which `--keep` lets it keep less finely than it counted them.

    Attributes:
        window: Length in seconds of the windows that they are kept by, 0 for those that are kept no longer.
        before: They were made before this instant, ISO 8601 with offset.
        requests: How many they are. Of a file of several domains all count that are kept no longer: of which domain
            each was is not known any more.
    """

    window: int
    before: str
    requests: int


@dataclass(frozen=True)
class Counts(Views):
    """Requests and bytes per time window, domain and status code, or by the columns asked for.

    Attributes:
        dims: What is counted by, `("window_start", "domain", "status")` unless asked otherwise.
        cells: The table; keys hold UTC seconds for `window_start`.
        window: Length of a window in seconds.
        zone: Time zone that windows are aligned to and shown in.
        inputs: What became of each input file.
        aged: Of a store, what it keeps no longer, or less finely than these windows were asked for.

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
    aged: tuple[Aged, ...] = ()

    def __add__(self, other: Counts) -> Counts:
        """Merge two counts of the same window, dimensions and zone.

        Raises:
            UsageError: They differ in one of these.
        """
        if (self.dims, self.window) != (other.dims, other.window):
            raise UsageError("counts of different windows or dimensions cannot be added; count both alike")
        zone = self.zone if len(self) else other.zone  # nothing was counted, so no log told its zone
        if len(self) and len(other) and name_of(zone) != name_of(other.zone):
            raise UsageError("counts of different time zones cannot be added; give both the same tz")
        cells, inputs, aged = joined([self.cells, other.cells]), self.inputs + other.inputs, self.aged + other.aged
        return replace(self, cells=cells, zone=zone, inputs=inputs, aged=aged)

    def __radd__(self, other: object) -> Counts:
        """Let `sum` begin with 0."""
        return self if other == 0 else NotImplemented

    def __eq__(self, other: object) -> bool:
        """Whether the tables are the same; which files they came from does not matter."""
        if not isinstance(other, Counts):
            return NotImplemented
        return (self.dims, self.window) == (other.dims, other.window) and self.table == other.table

    __hash__ = None  # type: ignore[assignment]  # it compares by content, which is large

    def __repr__(self) -> str:
        """Say how much there is; `.frame` shows it."""
        requests = sum(self.columns["requests"])
        return f"<Counts by {', '.join(self.dims)}: {len(self):,} rows, {requests:,} requests>"

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.cells.keys)

    @cached_property
    def columns(self) -> dict[str, list[Any]]:
        """The table by columns, rows sorted: the dimensions, then `MEASURES`.

        Windows are UTC seconds; a missing value is None and sorts first.
        """
        return self._listed(self._order)

    @cached_property
    def _order(self) -> Ints:
        """The rows, sorted."""
        return np.lexsort([_rank(*column) for column in self._keyed()][::-1])

    def _listed(self, rows: Ints) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {}
        for dim, (keys, values) in zip(self.dims, self._keyed(), strict=True):
            chosen = keys[rows].tolist()
            columns[dim] = chosen if values is None else [values[key] for key in chosen]
        sums = self.cells.sums[rows]
        return columns | {name: sums[:, i].tolist() for i, name in enumerate(MEASURES)}

    def _keyed(self) -> list[tuple[Ints, tuple[Value, ...] | None]]:
        return list(zip(self.cells.keys.T, self.cells.values, strict=True))

    @cached_property
    def table(self) -> Mapping[Key, tuple[int, ...]]:
        """Key to sums (`MEASURES`), sorted; windows as UTC seconds, a missing value as None."""
        keys = zip(*(self.columns[dim] for dim in self.dims), strict=True)
        return dict(zip(keys, zip(*(self.columns[name] for name in MEASURES), strict=True), strict=True))

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows as they are shown: the dimensions, windows as ISO 8601 in the zone; requests and bytes."""
        return chain.from_iterable(zip(*columns, strict=True) for columns in self.blocks())

    def blocks(self) -> Iterator[list[list[Any]]]:
        """Yield the same by columns, some thousand rows at a time."""
        shown = cache(self.shown)  # few windows, many rows
        for first in range(0, len(self), _AT_A_TIME):
            columns = self._listed(self._order[first : first + _AT_A_TIME])
            if "window_start" in columns:
                columns["window_start"] = list(map(shown, columns["window_start"]))
            yield [columns[name] for name in self.headers]

    @property
    def headers(self) -> tuple[str, ...]:
        """Names of what `rows` yields."""
        return (*self.dims, "requests", "bytes")

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

        return counts_frame(self.dims, self.columns, self.zone)

    def resample(self, window: str) -> Counts:
        """Return the same counts in longer windows.

        Args:
            window: A multiple of the window they were counted by, such as "1h".

        Raises:
            UsageError: It is none.

        Example:
            >>> import cdnlog
            >>> cdnlog.count("sample_logs").resample("1h") == cdnlog.count("sample_logs", window="1h")
            True
        """
        length = seconds(window)
        if length % self.window:
            raise UsageError(f"windows of {window_name(self.window)} cannot be put together to windows of {window}")
        return windowed(self, length, self.zone)

    def summary(self) -> Iterator[DomainSummary]:
        """Yield one row per domain, the one with most requests first; none if not counted by domain and window."""
        if not {"window_start", "domain"} <= set(self.dims) or not len(self):
            return
        cells = self.by("domain", "window_start").cells
        domain, names = cells.keys[:, 0], cells.values[0] or ()  # noqa: PD011 - no pandas here
        begins = np.flatnonzero(np.concatenate(([True], domain[1:] != domain[:-1])))
        totals, peaks = np.add.reduceat(cells.sums, begins), np.maximum.reduceat(cells.sums[:, 1], begins)
        lasts, errors = np.diff(np.append(begins, len(domain))) * self.window, self._errors()
        codes = domain[begins]
        for i in np.lexsort((_rank(codes, names), -totals[:, 0])).tolist():
            name = names[codes[i]]
            yield self._summarize(name, errors.get(name, 0), totals[i].tolist(), int(peaks[i]), int(lasts[i]))

    def by(self, *dims: str) -> Counts:
        """Return the sums by some of the dimensions only, in that order."""
        at = [self.dims.index(dim) for dim in dims]
        values = tuple(self.cells.values[d] for d in at)  # noqa: PD011 - no pandas here
        return replace(self, dims=dims, cells=Cells(self.cells.keys[:, at], self.cells.sums, values).folded())

    def _errors(self) -> dict[Value, int]:
        """Return the failing requests of each domain that has any."""
        if "status" not in self.dims:
            return {}
        at = self.dims.index("status")
        statuses = np.array(self.cells.values[at] or (), np.int64)  # noqa: PD011 - no pandas here
        failing = is_error(statuses)[self.cells.keys[:, at]]
        cells = replace(self.cells, keys=self.cells.keys[failing], sums=self.cells.sums[failing])
        return requests_by(replace(self, cells=cells), "domain")

    def _summarize(self, domain: Value, errors: int, sums: list[int], peak: int, lasts: int) -> DomainSummary:
        requests, sent, hits, lookups = sums
        return DomainSummary(
            domain=domain,  # type: ignore[arg-type]  # domains are texts
            requests=requests,
            bytes=sent,
            errors=errors,
            hit_ratio=hits / lookups if lookups else None,
            mean_mbps=sent * 8 / lasts / 1e6,
            peak_mbps=peak * 8 / self.window / 1e6,
        )


def _rank(keys: Ints, values: tuple[Value, ...] | None) -> Ints:
    """Return numbers that sort as the values do."""
    if values is None:
        return keys
    named = [i for i, value in enumerate(values) if value is not None]
    missing = [i for i, value in enumerate(values) if value is None]
    order = missing + sorted(named, key=lambda i: values[i])  # type: ignore[arg-type,return-value]  # none is None
    ranks = np.empty(len(values), np.int64)
    ranks[order] = np.arange(len(values))
    return ranks[keys]


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


def requests_by(counts: Counts, dim: str) -> dict[Value, int]:
    """Return the requests of each value of one dimension (not of windows)."""
    cells = counts.by(dim).cells
    values = cells.values[0] or ()  # noqa: PD011 - no pandas here
    codes, sums = cells.keys[:, 0].tolist(), cells.sums[:, 0].tolist()
    return {values[code]: requests for code, requests in zip(codes, sums, strict=True)}


@overload
def is_error(status: int) -> bool: ...
@overload
def is_error(status: Ints) -> Bools: ...
def is_error(status: int | Ints) -> bool | Bools:
    """Whether a status, or each of many, says that the client got no answer (0) or an error (400 and above)."""
    return (status == 0) | (status >= 400)  # noqa: PLR2004 - RFC 9110, section 15


def windowed(counts: Counts, window: int, zone: tzinfo) -> Counts:
    """Return the same counts in longer windows, aligned to midnight of a zone."""
    cells = counts.cells
    if "window_start" in counts.dims and len(cells.keys):
        keys = cells.keys.copy()
        at = counts.dims.index("window_start")
        keys[:, at] = floor_to_window(keys[:, at], window, zone)
        cells = replace(cells, keys=keys).folded()
    return replace(counts, cells=cells, window=window, zone=zone)
