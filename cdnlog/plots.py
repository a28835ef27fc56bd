"""The three pictures of a result, drawn on matplotlib's Axes: classes over time, a heat map, a timeline.

They take plain lists and arrays and set no style of their own but the colours, so that a notebook and a report draw
the same picture. Times are aware datetimes; the axis shows them on the clock of the first one's zone. Labels may hold
text from a log: they are never read as mathematics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

# Okabe and Ito's colours: told apart by all kinds of colour vision, on white and on black.
CLASS_COLOURS: Mapping[str, str] = {
    "none": "#cc79a7",
    "1xx": "#999999",
    "2xx": "#009e73",
    "3xx": "#56b4e9",
    "4xx": "#e69f00",
    "5xx": "#d55e00",
    "other": "#999999",
}
"""Colour of each class of status codes, see `catalog.class_of`."""

SEVERITY_COLOURS: Mapping[str, str] = {
    "critical": "#b3261e",
    "high": "#d9730d",
    "medium": "#b8860b",
    "low": "#3f7cac",
    "info": "#999999",
}
"""Colour of each severity, as on the cards of a report."""

HEAT = "#d55e00"
"""Colour of the heat map; the more, the less of the paper shines through."""
HEAT_STEPS = (0.001, 0.01, 0.05, 0.2, 1.0)
"""Upper ends of the heat map's steps, as shares; a share of 0 has no colour."""
HEAT_ALPHAS = (0.14, 0.3, 0.5, 0.75, 1.0)
"""How opaque each step is."""

MISSING = "#808080"
"""Colour of the dash where there is no data."""

Floats = npt.NDArray[np.float64]
_GAP = 0.08  # of a cell, left free on each side
_BAR = 0.7
_TICKS = 5  # with fewer, nothing divides one and a half hours, days or years
_LETTERS = 5  # times the size of the letters that a time takes, space before the next one included
_DATES = {
    # No names of months or days: they depend on the locale.
    "formats": ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%H:%M:%S"],
    "zero_formats": ["", "%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M"],
    "offset_formats": ["", "%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d %H:%M"],
}


class Span(NamedTuple):
    """One bar of a timeline.

    Attributes:
        label: What it is about.
        start: Where it begins.
        end: Where it ends.
        severity: A key of `SEVERITY_COLOURS`.
        active: Whether it goes on after the data ends; such a bar has an arrow head.
    """

    label: str
    start: datetime
    end: datetime
    severity: str
    active: bool = False


def draw_classes(axes: Axes, windows: Sequence[datetime], series: Mapping[str, Sequence[float] | Floats]) -> None:
    """Draw stacked steps over time, one per class of status codes.

    Args:
        axes: Where to draw.
        windows: The start of each window and the end of the last: n + 1 instants, rising.
        series: Class to its n values, the lowest of the stack first. A missing value (NaN) leaves a gap.
    """
    edges = _time_axis(axes, windows)
    below = np.zeros(len(edges) - 1)
    for name, values in series.items():
        above = below + np.asarray(values, np.float64)
        colour = CLASS_COLOURS.get(name, CLASS_COLOURS["other"])
        axes.stairs(above, edges, baseline=below, fill=True, color=colour, linewidth=0, label=name)
        below = above
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)


def draw_heatmap(
    axes: Axes,
    rows: Sequence[str],
    columns: Sequence[datetime],
    values: Sequence[Sequence[float]] | Floats,
) -> None:
    """Draw shares as cells that are the darker (on dark paper the brighter) the higher they are.

    Args:
        axes: Where to draw.
        rows: Label of each row, the uppermost first.
        columns: The start of each column and the end of the last: n + 1 instants, rising.
        values: float64, shape (rows, n), shares from 0 to 1. A missing value (NaN) is shown as a dash, a share of 0 as
            an empty cell.
    """
    edges = _time_axis(axes, columns)
    table = np.asarray(values, np.float64).reshape(len(rows), len(columns) - 1)
    known = np.where(np.isnan(table), 0, table)
    steps = np.where(known > 0, np.searchsorted(HEAT_STEPS[:-1], known) + 1, 0)
    for step, alpha in enumerate(HEAT_ALPHAS, 1):
        if (steps == step).any():
            _fill(axes, _cells(edges, steps == step, _GAP, _GAP), HEAT, alpha)
    if np.isnan(table).any():
        _fill(axes, _cells(edges, np.isnan(table), 0.3, 0.47), MISSING, 1)
    axes.set_xlim(edges[0], edges[-1])
    _rows(axes, rows)


def draw_timeline(axes: Axes, spans: Sequence[Span]) -> None:
    """Draw a bar from start to end for each thing that lasted, the first one on top, coloured by severity.

    Args:
        axes: Where to draw.
        spans: What lasted when, at least one.
    """
    starts = _time_axis(axes, [span.start for span in spans])
    ends = _time_axis(axes, [span.end for span in spans])
    least = (ends.max() - starts.min()) / 150  # not narrower than can be seen
    for at, (span, start, end) in enumerate(zip(spans, starts, ends, strict=True)):
        colour = SEVERITY_COLOURS[span.severity]
        axes.barh(at, max(end - start, least), left=start, height=_BAR, color=colour, linewidth=0)
        if span.active:
            head = [[end, at - 0.5 * _BAR], [end + 3 * least, at], [end, at + 0.5 * _BAR], [end, at]]
            _fill(axes, np.array([head]), colour, 1).set_clip_on(False)
    axes.set_xlim(starts.min(), ends.max())
    _rows(axes, [span.label for span in spans])


def _cells(edges: Floats, mask: npt.NDArray[np.bool_], side: float, top: float) -> Floats:
    """Return the corners of the cells of a mask, parts of each left free; shape (cells, 4, 2)."""
    y, x = np.nonzero(mask)
    gap = side * (edges[x + 1] - edges[x])
    left, right, high, low = edges[x] + gap, edges[x + 1] - gap, y - 0.5 + top, y + 0.5 - top
    return np.stack([left, high, right, high, right, low, left, low], axis=1).reshape(-1, 4, 2)


def _fill(axes: Axes, corners: Floats, colour: str, alpha: float) -> Patch:
    """Fill shapes of four corners as one: a thousand shapes would make a page ten times as long."""
    from matplotlib.patches import PathPatch  # noqa: PLC0415 - matplotlib costs 0.3 s, only pictures need it
    from matplotlib.path import Path  # noqa: PLC0415

    closed = np.concatenate([corners, corners[:, :1]], axis=1).reshape(-1, 2)
    codes = [Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY] * len(corners)
    return axes.add_patch(PathPatch(Path(closed, codes), facecolor=colour, alpha=alpha, linewidth=0))


def _rows(axes: Axes, labels: Sequence[str]) -> None:
    """Name the rows, the first one on top."""
    axes.set_yticks(range(len(labels)), labels, parse_math=False)
    axes.set_ylim(len(labels) - 0.5, -0.5)


def _time_axis(axes: Axes, times: Sequence[datetime]) -> Floats:
    """Show times on the clock of their zone, the same in every locale; return them in matplotlib's days."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num  # noqa: PLC0415

    zone = times[0].tzinfo
    fit = axes.bbox.width / axes.figure.dpi * 72 / (_LETTERS * float(axes.xaxis.label.get_fontsize()))
    locator = AutoDateLocator(tz=zone, minticks=2, maxticks=max(_TICKS, int(fit)))
    axes.xaxis_date(zone)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone, **_DATES))
    return np.asarray(date2num(list(times)), np.float64)
