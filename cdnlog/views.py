"""Counts as people look at them in a notebook: frames of other shapes, and pictures.

Pictures are drawn on matplotlib's Axes, which are returned for more to be drawn on; matplotlib is loaded only then.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from cdnlog import pictures, plots, shapes
from cdnlog.catalog import class_of
from cdnlog.errors import UnknownNameError, UsageError
from cdnlog.model import Finding
from cdnlog.renderable import Renderable
from cdnlog.windows import window_name
from cdnlog.zones import name_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

CLASSES = ("5xx", "4xx", "none", "other", "3xx", "2xx", "1xx")
"""From the bottom of the stack: errors stand on the ground, where they can be read off."""
_ERRORS = frozenset(CLASSES[:4])
_ROWS, _WINDOWS = 50, 300  # most that a picture has
_NEEDED = ("window_start", "domain", "status")


class Views(Renderable, ABC):
    """What there is to see in `Counts`."""

    dims: tuple[str, ...]
    window: int
    zone: tzinfo

    @property
    @abstractmethod
    def columns(self) -> dict[str, list[Any]]:
        """The table by columns."""

    @property
    @abstractmethod
    def frame(self) -> pd.DataFrame:
        """The table as a frame."""

    def pivot(self, columns: str = "status", values: str = "requests") -> pd.DataFrame:
        """Return a table with one row per window and one column per status.

        Args:
            columns: What stands across: "status", "domain" or another dimension; the others are summed up.
            values: "requests" or "bytes" (sent to clients).

        Returns:
            int64; the index are the windows from the first to the last in the zone of the counts, 0 where nothing was
            counted. (Without the empty ones where there would be more than 100,000.)

        Raises:
            UsageError: The counts have no such dimension, or are not by window.

        Example:
            >>> import cdnlog
            >>> table = cdnlog.count("sample_logs", window="1h").pivot()
            >>> int(table[514].sum()), len(table)
            (462, 6)
        """
        import pandas as pd  # noqa: PLC0415 - costs 0.4 s, only frames need it

        shapes.need(self.dims, "window_start")
        starts = shapes.starts(self.columns["window_start"], self.window, self.zone)
        index = pd.DatetimeIndex(pd.to_datetime(starts, unit="s", utc=True)).as_unit("us").tz_convert(self.zone)
        return shapes.pivot(self.frame, columns, values, index)

    def share(self) -> pd.DataFrame:
        """Return `.frame` with one more column: the share of the row's status.

        Returns:
            `.frame` with `share` (float64, 0 to 1): requests / all requests of the same window, domain and so on.

        Raises:
            UsageError: The counts are not by status.

        Example:
            >>> import cdnlog
            >>> shares = cdnlog.count("sample_logs", by=["domain", "status"]).share()
            >>> shares.query("domain == 'api.example.com' and status == 509")["share"].round(3).tolist()
            [0.144]
        """
        return shapes.share(self.frame)

    def plot(
        self,
        domain: str | None = None,
        *,
        classes: Iterable[str] | None = None,
        incidents: Iterable[Finding] = (),
        ax: Axes | None = None,
    ) -> Axes:
        """Draw requests per window over time, stacked by class of status codes, errors at the bottom.

        Args:
            domain: Glob of the domains to draw; all if None.
            classes: Classes to draw, such as ["4xx", "5xx"]; all that occur if None. "none" is status 0.
            incidents: Findings to shade, a `Diagnosis` for instance; those of other domains are left out.
            ax: Where to draw; a new figure if None.

        Returns:
            The Axes. More than 300 windows are drawn in longer ones; the label says how long they are.

        Raises:
            UsageError: The counts are not by window, domain and status, or there is no such class.

        Example:
            >>> import cdnlog
            >>> diagnosis = cdnlog.diagnose("sample_logs/*-www.example.com.gz")
            >>> ax = diagnosis.counts.plot("www.*", classes=["4xx", "5xx"], incidents=diagnosis)
            >>> ax.get_ylabel()
            'requests per 5m'
        """
        shapes.need(self.dims, *_NEEDED)
        wanted = _known(classes)
        place = {name: i for i, name in enumerate(wanted)}
        rows = [place.get(class_of(status), -1) for status in self.columns["status"]]
        rows = [-1 if out else row for row, out in zip(rows, self._outside(domain), strict=True)]
        axes = pictures.axes_of(ax, 10)
        pictures.title(axes, domain or "")
        if max(rows, default=-1) < 0:
            return pictures.nothing(axes, "nothing")
        grid, sums = self._sums(rows, len(wanted))
        there = {name: row for name, row in zip(wanted, sums, strict=True) if row.any()}
        plots.draw_classes(axes, grid.instants(self.zone), there)
        axes.set_ylabel(f"requests per {window_name(grid.length)}")
        axes.set_xlabel(name_of(self.zone))
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, reverse=True)
        pictures.shade(axes, (finding for finding in incidents if _is_of(finding.domain, domain)))
        return axes

    def heatmap(self, domain: str | None = None, *, ax: Axes | None = None) -> Axes:
        """Draw the share of errors (status 0, or 400 and above) of every domain over time.

        Args:
            domain: Glob of the domains to draw; all if None.
            ax: Where to draw; a new figure if None.

        Returns:
            The Axes, the domain with most errors on top, a dash where a domain had no request. Of more than 50 domains
            those with fewer errors are left out, more than 300 windows are drawn in longer ones; title and label say
            so.

        Raises:
            UsageError: The counts are not by window, domain and status.

        Example:
            >>> import cdnlog
            >>> ax = cdnlog.count("sample_logs").heatmap()
            >>> ax.get_yticklabels()[0].get_text()
            'api.example.com'
        """
        shapes.need(self.dims, *_NEEDED)
        failing = self._failing(domain)
        shown = sorted(failing, key=lambda name: (-failing[name], name))[:_ROWS]
        axes = pictures.axes_of(ax, len(shown))
        left_out = f" ({len(shown)} of {len(failing):,} domains)" if len(failing) > len(shown) else ""
        pictures.title(axes, f"errors per request{left_out}")
        if not shown:
            return pictures.nothing(axes, "nothing")
        place = {name: i for i, name in enumerate(shown)}
        rows = [place.get(name, -1) for name in self.columns["domain"]]
        errors = [row if class_of(s) in _ERRORS else -1 for row, s in zip(rows, self.columns["status"], strict=True)]
        grid, whole = self._sums(rows, len(shown))
        _, failed = self._sums(errors, len(shown))
        shares = np.divide(failed, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
        plots.draw_heatmap(axes, pictures.shortened(shown), grid.instants(self.zone), shares)
        axes.set_xlabel(f"{name_of(self.zone)}, a cell is {window_name(grid.length)}")
        pictures.heat_legend(axes)
        return axes

    @property
    def span(self) -> tuple[datetime, datetime]:
        """Start of the first window and end of the last, in the zone of the counts.

        Raises:
            UsageError: The counts are not by window, or nothing was counted.
        """
        shapes.need(self.dims, "window_start")
        starts = self.columns["window_start"]
        if not starts:
            raise UsageError("nothing was counted, which has no span of time")
        edges = shapes.Grid(np.array([min(starts), max(starts) + self.window]), self.window).instants(self.zone)
        return edges[0], edges[1]

    def _outside(self, domain: str | None) -> list[bool]:
        """Say of each row whether its domain is not meant."""
        meant = {name: _is_of(name, domain) for name in set(self.columns["domain"])}
        return [not meant[name] for name in self.columns["domain"]]

    def _failing(self, domain: str | None) -> dict[str, int]:
        """Return the number of errors of each domain that is meant."""
        errors: dict[str, int] = {}
        cells = zip(
            *(self.columns[name] for name in ("domain", "status", "requests")), self._outside(domain), strict=True
        )
        for name, status, requests, out in cells:
            if not out:
                errors[name] = errors.get(name, 0) + (requests if class_of(status) in _ERRORS else 0)
        return errors

    def _sums(self, rows: Sequence[int], count: int) -> tuple[shapes.Grid, shapes.Floats]:
        """Return even windows over all that was counted, and the requests of each row in them."""
        starts = self.columns["window_start"]
        grid = shapes.grid(starts, self.window, self.zone, _WINDOWS)
        return grid, shapes.table(grid, starts, rows, self.columns["requests"], count)


def _known(classes: Iterable[str] | None) -> list[str]:
    """Return the classes to draw, in the order of the stack."""
    wanted = CLASSES if classes is None else [classes] if isinstance(classes, str) else list(classes)
    for name in wanted:
        if name not in CLASSES:
            raise UnknownNameError("class", str(name), CLASSES)
    return [name for name in CLASSES if name in wanted]


def _is_of(name: str, domain: str | None) -> bool:
    return domain is None or fnmatchcase(name, domain.lower())
