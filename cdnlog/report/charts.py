"""Charts as SVG within a page: paths and text alone, without ids, styles or links, in the colours of the page.

matplotlib lays them out, and a renderer of our own writes what it draws: its SVG backend writes `style` attributes and
`url()` references, which the page's policy forbids, and ids that would be the same in every chart of a page.
Importing this module costs 0.3 s; it is imported when a chart is drawn.
"""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Affine2D, Transform

from cdnlog.plots import MISSING, draw_classes, draw_heatmap, draw_timeline
from cdnlog.report.layout import Chart, Heat, Steps, Swatch
from cdnlog.text import visible

_INK, _LINE = "#010203", "#040506"  # stand for the page's colour of text, and for the same one faint
_WIDTH, _SIZE = 360, 13  # of a chart and of its text, in the page's pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 22, 6, 24
_ROWS_LEFT, _ROW = 172, 20  # room for the labels of rows, and the height of one
_LABEL = 21  # letters of a label that fit there
_STYLE: dict[str, Any] = {
    "font.size": _SIZE,
    "text.color": _INK,
    "axes.edgecolor": _LINE,
    "axes.linewidth": 1,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _LINE,
    "grid.linewidth": 1,
    "axes.axisbelow": True,
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "xtick.bottom": False,
    "ytick.left": False,
    "xtick.major.pad": 6,
    "ytick.major.pad": 6,
    "text.parse_math": False,
    "axes.formatter.use_locale": False,
    "timezone": "UTC",
}
_LETTER, _HEIGHT, _DESCENT = 0.6, 0.95, 0.22  # of the size of the text
_ENDS = {"left": "start", "center": "middle", "right": "end"}


def svg(chart: Chart) -> Markup:
    """Return a chart as an `svg` element; the same chart is the same text."""
    with mpl.rc_context():
        mpl.rcdefaults()  # a user's own matplotlibrc must not change a report
        mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]  # its stubs list every name
        left = _LEFT if isinstance(chart, Steps) else _ROWS_LEFT
        inner = 96 if isinstance(chart, Steps) else _ROW * len(chart.rows if isinstance(chart, Heat) else chart.spans)
        height = inner + _TOP + _BOTTOM
        figure = Figure(figsize=(_WIDTH / 72, height / 72), dpi=72, frameon=False)
        place = (left / _WIDTH, _BOTTOM / height, 1 - (left + _RIGHT) / _WIDTH, inner / height)
        axes = figure.add_axes(place, facecolor="none")
        _draw(axes, chart)
        axes.xaxis.get_offset_text().set_visible(False)
        pen = _Pen(_WIDTH, height)
        figure.draw(pen)
    return pen.element()


def swatch(key: Swatch) -> Markup:
    """Return a small square of a colour, its outline if nothing of it is seen; a dash where there is none."""
    shape = Markup('<path d="{}" fill="{}" fill-opacity="{}"{}/>').format(
        "M0 0H12V12H0Z" if key.colour else "M1 5H11V7H1Z",
        key.colour or MISSING,
        f"{key.alpha:g}",
        Markup("") if key.alpha else _paint("stroke", _LINE, None),
    )
    return Markup('<svg viewBox="0 0 12 12" aria-hidden="true">{}</svg>').format(shape)


def _draw(axes: Axes, chart: Chart) -> None:
    if isinstance(chart, Steps):
        draw_classes(axes, chart.windows, chart.series)
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True, min_n_ticks=2))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
        axes.grid(axis="y")
    elif isinstance(chart, Heat):
        draw_heatmap(axes, [_cut(row) for row in chart.rows], chart.columns, chart.values)
    else:
        draw_timeline(axes, [span._replace(label=_cut(span.label)) for span in chart.spans])


def _short(number: float) -> str:
    """Return a count in few letters."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"


def _cut(label: str) -> str:
    """Return a label that fits; its end tells more than its middle."""
    shown = visible(label)
    half = _LABEL // 2
    return shown if len(shown) <= _LABEL else f"{shown[:half]}…{shown[-half:]}"


class _Pen(RendererBase):
    """Writes what matplotlib draws as `path` and `text` elements."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__()
        self._width, self._height = width, height
        self._parts: list[Markup] = []

    def element(self) -> Markup:
        """Return all that was drawn."""
        head = Markup('<svg viewBox="0 0 {} {}" font-size="{}" aria-hidden="true">').format(
            self._width, self._height, _SIZE
        )
        return head + Markup("").join(self._parts) + Markup("</svg>")

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Return the size in the page's pixels."""
        return self._width, self._height

    def points_to_pixels(self, points: float) -> float:  # type: ignore[override]
        """Return points as pixels: a point is one."""
        return points

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: bool | str
    ) -> tuple[float, float, float]:
        """Return about the room of a text: it is the page that has the font, and no font here has every letter."""
        del ismath
        size = float(prop.get_size_in_points())
        return _LETTER * size * len(s), _HEIGHT * size, _DESCENT * size

    def draw_path(
        self,
        gc: GraphicsContextBase,
        path: Path,
        transform: Transform,
        rgbFace: Any = None,  # noqa: N803, ANN401
    ) -> None:
        """Write a path, filled or drawn as a line."""
        flipped = transform + Affine2D().scale(1, -1).translate(0, self._height)
        shape = "".join(
            "Z" if code == Path.CLOSEPOLY else ("M" if code == Path.MOVETO else "L") + _numbers(points)
            for points, code in path.iter_segments(flipped, curves=False, simplify=False)
        )
        fill = _paint("fill", rgbFace, gc.get_alpha()) if rgbFace is not None else Markup(' fill="none"')
        width = gc.get_linewidth()
        line = _paint("stroke", gc.get_rgb(), gc.get_alpha()) if width else Markup("")
        if shape and (line or rgbFace is not None):
            self._parts.append(Markup('<path d="{}"{}{}/>').format(shape, fill, line))

    def draw_text(  # noqa: PLR0913, PLR0917 - matplotlib's
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: bool | str = False,
        mtext: Text | None = None,
    ) -> None:
        """Write text; where it is anchored is told, so that it stands right in any font."""
        del prop, angle, ismath
        end = "start"
        if mtext is not None:
            x = float(mtext.get_transform().transform(mtext.get_unitless_position())[0])
            end = _ENDS[mtext.get_horizontalalignment()]
        fill = _paint("fill", gc.get_rgb(), gc.get_alpha())
        place = Markup('<text x="{}" y="{}" text-anchor="{}"{}>').format(f"{x:.1f}", f"{y:.1f}", end, fill)
        self._parts.append(place + escape(s) + Markup("</text>"))


def _numbers(points: Any) -> str:  # noqa: ANN401 - an array
    return " ".join(f"{value:.1f}".removesuffix(".0") for value in points)


def _paint(what: str, colour: Any, alpha: float | None) -> Markup:  # noqa: ANN401 - what matplotlib takes
    """Return the attributes of a colour; that of the page for what is text."""
    shown, opaque = to_hex(colour), colour[3] if len(colour) > 3 and alpha is None else alpha  # noqa: PLR2004 - rgba
    if shown in (_INK, _LINE):
        shown, opaque = "currentColor", None if shown == _INK else 0.25
    faint = Markup(' {}-opacity="{}"').format(what, f"{opaque:g}") if opaque not in (None, 1) else Markup("")
    return Markup(' {}="{}"').format(what, shown) + faint
