"""Counts in other shapes: even windows without gaps for tables and pictures, pivots, shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from math import gcd
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from cdnlog.buffer import Ints
from cdnlog.errors import UnknownNameError, UsageError
from cdnlog.windows import LONGER
from cdnlog.zones import floor_to_window

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
MOST = 100_000
"""Windows that are filled in where nothing was counted; a stray year in a log would make millions."""
_QUARTER = 900
_DAY = 86_400


class Grid(NamedTuple):
    """Windows without gaps.

    Attributes:
        edges: Start of each window and end of the last, UTC seconds, rising.
        length: Length of a window in seconds.
    """

    edges: Ints
    length: int

    def place(self, starts: Sequence[int]) -> Ints:
        """Return the number of the window in which each time lies."""
        return np.searchsorted(self.edges, np.asarray(starts, np.int64), "right") - 1

    def instants(self, zone: tzinfo) -> list[datetime]:
        """Return the edges as datetimes on a zone's clock."""
        return [datetime.fromtimestamp(second, zone) for second in self.edges.tolist()]


def grid(starts: Sequence[int], window: int, zone: tzinfo, most: int = MOST) -> Grid:
    """Return the windows from the first to the last start; longer ones than counted if there were more than `most`."""
    first, last = min(starts), max(starts)
    longer = [length for length in LONGER if length > window and length % window == 0]
    length = next((n for n in [window, *longer] if (last - first) // n < most), None)
    if length is None:
        length = _DAY * (1 + (last - first) // (_DAY * most))
    ticks = np.arange(first, last + 1, gcd(length, _QUARTER), dtype=np.int64)
    begins = np.unique(floor_to_window(ticks, length, zone))
    return Grid(np.append(begins, max(int(begins[-1]) + length, last + window)), length)


def starts(counted: Sequence[int], window: int, zone: tzinfo) -> Ints:
    """Return the starts of all windows from the first to the last; if they are too many, of those that were counted."""
    there = np.unique(np.asarray(counted, np.int64))
    even = grid(counted, window, zone) if len(there) else None
    return even.edges[:-1] if even is not None and even.length == window else there


def table(grid: Grid, starts: Sequence[int], rows: Sequence[int], requests: Sequence[int], count: int) -> Floats:
    """Add requests up by row and window.

    Args:
        grid: The windows.
        starts: Window of each cell, UTC seconds.
        rows: Row of each cell, -1 to leave it out.
        requests: What is added up.
        count: Number of rows.

    Returns:
        float64, shape (count, windows).
    """
    sums = np.zeros((count + 1, len(grid.edges) - 1))  # the last row takes what is left out
    np.add.at(sums, (np.asarray(rows, np.int64), grid.place(starts)), np.asarray(requests, np.float64))
    return sums[:count]


def pivot(frame: pd.DataFrame, columns: str, values: str, index: pd.DatetimeIndex) -> pd.DataFrame:
    """Return a frame of `Counts` with one row per window, one column per value of a dimension; see `Counts.pivot`."""
    dims = [name for name in frame.columns if name not in ("window_start", "requests", "bytes")]
    need(frame.columns, "window_start")
    if columns not in dims:
        raise UnknownNameError("dimension", columns, dims)
    if values not in ("requests", "bytes"):
        raise UnknownNameError("measure", values, ("requests", "bytes"))
    keys = ["window_start", columns]
    table = frame.groupby(keys, observed=True, dropna=False)[values].sum().unstack(fill_value=0)  # noqa: PD010
    return table.reindex(index, fill_value=0).rename_axis(index="window_start")


def share(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of `Counts` with the share of each status; see `Counts.share`."""
    need(frame.columns, "status")
    whole = [name for name in frame.columns if name not in ("status", "requests", "bytes")]
    requests = frame["requests"]
    grouped = frame.groupby(whole, observed=True, dropna=False)["requests"] if whole else None
    total = grouped.transform("sum") if grouped is not None else requests.sum()
    return frame.assign(share=(requests / total).astype("float64"))


def need(dims: Iterable[str], *names: str) -> None:
    """Make sure that counts have the dimensions that something is made of.

    Raises:
        UsageError: They lack one.
    """
    lacking = ["window" if name == "window_start" else name for name in names if name not in dims]
    if lacking:
        raise UsageError(f"these counts are not by {' and '.join(lacking)}; count with by={lacking} or without by")
