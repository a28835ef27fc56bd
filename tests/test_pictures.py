"""Pictures and tables of counts: what they show is what was counted, and they stay readable whatever the log holds."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

import cdnlog
from cdnlog import plots
from cdnlog.text import visible
from cdnlog.views import CLASSES

SAMPLES = Path(__file__).parent.parent / "sample_logs"
WIDE = [f"{'very-long-name-' * 3}{n}.shop.example.com" for n in range(60)]


@pytest.fixture(autouse=True)
def no_screen() -> Iterator[None]:
    """Draw without a screen, and close what was drawn."""
    with mpl.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


@pytest.fixture(scope="module")
def diagnosis() -> cdnlog.Diagnosis:
    """The diagnosis of the sample logs."""
    return cdnlog.diagnose(SAMPLES)


def requests(times: list[datetime], domains: list[str], statuses: list[int]) -> pd.DataFrame:
    """Return rows: each domain and status once at each time."""
    rows = list(itertools.product(times, domains, statuses))
    time, domain, status = zip(*rows, strict=True)
    return pd.DataFrame({"time": pd.to_datetime(list(time), utc=True), "domain": domain, "status": status})


def minutes(count: int, step: int = 5) -> list[datetime]:
    """Return so many times, so many minutes apart."""
    return [datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=step * n) for n in range(count)]


def saved(axes: Axes) -> Axes:
    """Draw in earnest: only then are texts laid out."""
    axes.figure.canvas.draw()
    return axes


def labels(axes: Axes) -> list[str]:
    """Return the labels of the rows."""
    return [label.get_text() for label in axes.get_yticklabels()]


def test_a_plot_shows_what_was_counted(diagnosis: cdnlog.Diagnosis) -> None:
    """The stack of classes has the heights of the pivot, errors at the bottom, the incidents shaded."""
    axes = saved(diagnosis.plot("www.example.com"))
    table = cdnlog.count(SAMPLES, domain="www.example.com").pivot()
    drawn = {patch.get_label(): patch for patch in axes.patches if patch.get_label() in CLASSES}
    assert list(drawn) == ["5xx", "4xx", "3xx", "2xx"]
    for name, patch in drawn.items():
        heights = patch.get_data().values - patch.get_data().baseline
        of_class = [status for status in table.columns if f"{status // 100}xx" == name]
        assert np.array_equal(heights, table[of_class].sum(axis=1))
    incidents = [one for one in diagnosis if one.domain == "www.example.com" and one.severity != "info"]
    assert sorted(text.get_text().strip() for text in axes.texts) == sorted(str(one.status) for one in incidents)
    assert axes.get_xlabel() == "+08:00"


def test_classes_can_be_chosen(diagnosis: cdnlog.Diagnosis) -> None:
    """Only the classes asked for are drawn; one that does not exist is refused."""
    axes = diagnosis.counts.plot(classes=["4xx", "5xx"])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["4xx", "5xx"]
    with pytest.raises(cdnlog.UnknownNameError, match="did you mean 4xx"):
        diagnosis.counts.plot(classes=["4x"])


def test_a_heatmap_shows_shares(diagnosis: cdnlog.Diagnosis) -> None:
    """Every domain is a row, the one with most errors on top, each cell its share of errors."""
    axes = saved(diagnosis.counts.heatmap())
    assert labels(axes) == ["api.example.com", "www.example.com", "img.example.com", "video.example.com"]
    assert [text.get_text() for text in axes.get_legend().get_texts()][-1] == "up to 100 %"


def test_a_timeline_has_every_incident(diagnosis: cdnlog.Diagnosis) -> None:
    """Every incident is a bar, with its number on the cards and its severity in words, over the whole time."""
    axes = saved(diagnosis.timeline())
    loud = [one for one in diagnosis if one.severity != "info"]
    numbered = {f"{n}  {one.severity}  {one.domain}  {one.status}  {one.cause}" for n, one in enumerate(loud, 1)}
    assert set(labels(axes)) == numbered
    assert len(axes.containers) == len(loud)
    left, right = (mpl.dates.num2date(day) for day in axes.get_xlim())
    assert right - left == timedelta(hours=6)


@pytest.mark.parametrize("kind", ["heatmap", "timeline"])
def test_labels_survive_many_domains(kind: str, diagnosis: cdnlog.Diagnosis) -> None:
    """Of 60 domains with long names 50 are drawn, no label lies over another or out of the picture, and it is said."""
    found = replace(diagnosis, items=tuple(replace(diagnosis[0], domain=name) for name in WIDE))
    counts = cdnlog.count(requests(minutes(12), WIDE, [200, 200, 502]))
    axes = saved(counts.heatmap() if kind == "heatmap" else found.timeline())
    assert len(labels(axes)) == 50
    assert "50 of" in axes.get_title()
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert all(above.y0 >= below.y1 - 1 for above, below in itertools.pairwise(boxes))
    assert min(box.x0 for box in boxes) >= 0
    assert axes.get_window_extent().width > axes.figure.bbox.width / 3


@pytest.mark.parametrize("text", ["$x^2$ $$y$$ \\frac{", "a$b", "$\\undefined$", "\x1b[2J", "_^{}%#&~"])
def test_text_is_never_mathematics(text: str) -> None:
    """Titles and labels are shown as they stand, whatever is in them."""
    counts = cdnlog.count(requests(minutes(3), ["a.example"], [200, 502]))
    axes = counts.plot(text)
    plots.draw_timeline(counts.heatmap(ax=plt.figure().gca()), [plots.Span(visible(text), *minutes(2), "high")])
    for one in plt.get_fignums():
        plt.figure(one).canvas.draw()
    assert axes.get_title() == visible(text)


def test_classes_are_told_apart_without_red_and_green() -> None:
    """The colours of any two classes that are stacked differ in lightness or in blue, not in red and green alone."""
    rgb = {name: np.array(mpl.colors.to_rgb(colour)) for name, colour in plots.CLASS_COLOURS.items()}
    seen = {name: np.array([0.3 * r + 0.6 * g + 0.1 * b, b]) for name, (r, g, b) in rgb.items()}
    for one, other in itertools.combinations([n for n in CLASSES if n not in ("1xx", "other")], 2):
        assert np.abs(seen[one] - seen[other]).max() > 0.1, (one, other)


def test_pictures_go_where_they_are_put(diagnosis: cdnlog.Diagnosis) -> None:
    """With Axes of one's own no other figure is made, and the same Axes come back."""
    figure, (one, two, three) = plt.subplots(3)
    assert diagnosis.plot(ax=one) is one
    assert diagnosis.counts.heatmap(ax=two) is two
    assert diagnosis.timeline(ax=three) is three
    assert plt.get_fignums() == [figure.number]


def test_nothing_is_drawn_as_nothing() -> None:
    """Without a request, without the domain or without an incident a picture says so."""
    none = cdnlog.diagnose([])
    quiet = cdnlog.diagnose(requests(minutes(3), ["a.example"], [200]))
    for axes in (none.plot(), none.counts.heatmap(), quiet.plot("gone"), quiet.counts.heatmap("gone")):
        assert saved(axes).texts[0].get_text() == "Not one request was counted."
    assert saved(quiet.timeline()).texts[0].get_text().startswith("No errors")


def test_what_was_not_counted_cannot_be_drawn() -> None:
    """A picture or a table of a dimension that the counts lack is refused."""
    counts = cdnlog.count(requests(minutes(3), ["a.example"], [200]), by=["domain"])
    for look in (counts.plot, counts.heatmap, counts.pivot, counts.share):
        with pytest.raises(cdnlog.UsageError, match="these counts are not by"):
            look()
    full = cdnlog.count(requests(minutes(3), ["a.example"], [200]))
    for wrong in ({"columns": "cache"}, {"values": "hits"}):
        with pytest.raises(cdnlog.UnknownNameError):
            full.pivot(**wrong)


def test_a_pivot_has_every_window() -> None:
    """Windows in which nothing was counted are rows of zeros, of whatever length, in the zone of the counts."""
    rows = requests([minutes(1)[0], minutes(50)[-1]], ["a.example", "b.example"], [200, 404])
    table = cdnlog.count(rows, tz="+05:45").pivot()
    assert len(table) == 50
    assert table.to_numpy().tolist() == [[2, 2], *[[0, 0]] * 48, [2, 2]]
    assert table.columns.tolist() == [200, 404]
    assert str(table.index[0]) == "2026-11-20 05:45:00+05:45"
    assert cdnlog.count(rows).pivot(columns="domain").sum().to_dict() == {"a.example": 4, "b.example": 4}
    assert cdnlog.count([]).pivot().empty


def test_days_follow_the_clock_of_the_zone() -> None:
    """Windows of a day stay days of the zone where the clock changes."""
    times = [datetime(2026, 10, 31, 12, tzinfo=UTC) + timedelta(days=n) for n in (0, 3)]
    table = cdnlog.count(requests(times, ["a.example"], [200]), "1d", tz="America/St_Johns").pivot()
    assert [str(at) for at in table.index] == [
        "2026-10-31 00:00:00-02:30", "2026-11-01 00:00:00-02:30", "2026-11-02 00:00:00-03:30",
        "2026-11-03 00:00:00-03:30",
    ]  # fmt: skip
    assert table[200].tolist() == [1, 0, 0, 1]


def test_a_stray_year_costs_nothing() -> None:
    """A line of 1970 among those of today makes no table of millions of windows and no endless picture."""
    rows = requests([datetime(1970, 1, 1, tzinfo=UTC), *minutes(3)], ["a.example"], [200, 502])
    counts = cdnlog.count(rows, "1min")
    began = time.monotonic()
    assert len(counts.pivot()) == 4
    saved(counts.plot())
    saved(counts.heatmap())
    assert time.monotonic() - began < 10


def test_long_times_are_drawn_in_longer_windows() -> None:
    """More than 300 windows are put together, and the label says how long they are; nothing is lost."""
    counts = cdnlog.count(requests(minutes(1500), ["a.example"], [200]))
    axes = counts.plot()
    assert axes.get_ylabel() == "requests per 30m"
    assert sum(axes.patches[0].get_data().values) == 1500


def test_shares_add_up(diagnosis: cdnlog.Diagnosis) -> None:
    """The shares of the statuses of a window and domain add up to one; the rest is the frame of the counts."""
    frame = diagnosis.counts.share()
    sums = frame.groupby(["window_start", "domain"], observed=True)["share"].sum()
    assert np.allclose(sums, 1)
    assert frame.drop(columns="share").equals(diagnosis.counts.frame)
    assert cdnlog.count(SAMPLES, by=["status"]).share()["share"].sum() == pytest.approx(1)


def test_resampling_is_counting_anew(diagnosis: cdnlog.Diagnosis) -> None:
    """Counts in longer windows are those counted so; windows that are no multiple are refused."""
    for window in ("5m", "15m", "1h", "1d"):
        assert diagnosis.counts.resample(window) == cdnlog.count(SAMPLES, window)
    for wrong in ("1m", "8m"):
        with pytest.raises(cdnlog.UsageError, match="put together"):
            diagnosis.counts.resample(wrong)
