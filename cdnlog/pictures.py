"""What surrounds the drawings of `plots`: Axes of the right size, titles, legends, shaded incidents.

Text from outside is never read as mathematics, and long names are cut. matplotlib is loaded only here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from cdnlog import plots
from cdnlog.catalog import say
from cdnlog.model import Finding
from cdnlog.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _AROUND, _ROW = 10.0, 1.2, 0.24  # inches
_LANE, _LANES = 0.05, 4  # of the Axes' height
_LONGEST = 44


def axes_of(ax: Axes | None, rows: float) -> Axes:
    """Return the Axes to draw on; new ones are high enough for so many rows of text."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt  # noqa: PLC0415 - costs 0.5 s, only pictures need it

    return plt.subplots(figsize=(_WIDTH, _AROUND + _ROW * max(rows, 4)), layout="constrained")[1]


def nothing(axes: Axes, phrase: str) -> Axes:
    """Say in the middle of the Axes that there is nothing to draw."""
    axes.text(0.5, 0.5, say("en", phrase), transform=axes.transAxes, ha="center", va="center")
    axes.set_xticks([])
    axes.set_yticks([])
    return axes


def title(axes: Axes, text: str) -> None:
    """Set the title, as it stands."""
    axes.set_title(short(text), parse_math=False)


def short(text: str) -> str:
    """Return a name that fits beside a picture; what is cut out is in the middle."""
    text = visible(text)
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[: half - 1]}…{text[-half:]}"


def shortened(texts: Sequence[str]) -> list[str]:
    """Return names that fit beside a picture and stay as many different ones as they were."""
    shown = [short(text) for text in texts]
    if len(set(shown)) == len(set(texts)):
        return shown
    kept = _alike([visible(text) for text in texts])
    cut = [f"…{visible(text)[max(kept - 1, 0) :]}" for text in texts]
    shown = [text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…" for text in cut]
    return shown if len(set(shown)) == len(set(texts)) else [f"{i + 1} {text}" for i, text in enumerate(shown)]


def _alike(texts: Sequence[str]) -> int:
    """Return how many characters all texts begin with: they tell nothing apart."""
    first, last = min(texts), max(texts)
    return next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))


def shade(axes: Axes, findings: Iterable[Finding]) -> None:
    """Shade the incidents among findings, each with its code above; what lies outside the Axes is left out."""
    from matplotlib.dates import date2num  # noqa: PLC0415 - as above

    left, right = axes.get_xlim()
    free = [left] * _LANES  # where each lane of codes is free again
    width = (right - left) / 25  # of a code
    for finding in sorted(incidents(findings), key=lambda finding: (finding.start, finding.status)):
        start, end = (float(date2num(datetime.fromisoformat(text))) for text in (finding.start, finding.end))
        if start >= right or end <= left:
            continue
        lane = next((i for i, at in enumerate(free) if at <= start), _LANES - 1)
        free[lane] = start + width
        axes.axvspan(start, end, color=plots.MISSING, alpha=0.2, linewidth=0, zorder=0)
        axes.text(
            max(start, left),
            0.98 - _LANE * lane,
            f" {finding.status}",
            transform=axes.get_xaxis_transform(),
            va="top",
            fontsize="small",
        )
    axes.set_xlim(left, right)


def timeline(axes: Axes, numbered: Sequence[tuple[int, Finding]], span: tuple[datetime, datetime]) -> None:
    """Draw one bar per incident in the given order, with its number among all; severity is told in words too."""
    from matplotlib.dates import date2num  # noqa: PLC0415 - as above

    names = dict(zip(of := sorted({found.domain for _, found in numbered}), shortened(of), strict=True))
    spans = [
        plots.Span(
            f"{number}  {found.severity}  {names[found.domain]}  {found.status}  {found.cause}",
            datetime.fromisoformat(found.start),
            datetime.fromisoformat(found.end),
            found.severity,
            found.active,
        )
        for number, found in numbered
    ]
    plots.draw_timeline(axes, spans)
    axes.set_xlim(*(float(date2num(end)) for end in span))
    axes.set_axisbelow(True)
    axes.grid(axis="x", alpha=0.3)


def heat_legend(axes: Axes) -> None:
    """Say beside the Axes what the colours of the heat map stand for."""
    from matplotlib.patches import Patch  # noqa: PLC0415 - as above

    steps = zip(plots.HEAT_STEPS, plots.HEAT_ALPHAS, strict=True)
    patches = [
        Patch(color=plots.HEAT, alpha=alpha, linewidth=0, label=f"up to {share * 100:.3g} %") for share, alpha in steps
    ]
    axes.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)


def incidents(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that harm somebody."""
    return [finding for finding in findings if finding.severity != "info"]
