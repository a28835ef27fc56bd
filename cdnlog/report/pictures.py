"""Which charts a night is shown in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import cast

from cdnlog.counts import Counts, windowed
from cdnlog.grids import FAILING, Grid, grid
from cdnlog.model import Finding
from cdnlog.plots import CLASS_COLOURS, HEAT, HEAT_ALPHAS, HEAT_STEPS, Floats, Span
from cdnlog.report.layout import Chart, Heat, Say, Section, Steps, Swatch, Timeline, percent
from cdnlog.results import Night

_HOUR, _DAY = 3600, 86_400
_LONGEST = 7 * _DAY  # shown at most, by the hour up to two days
_STEPS_SHOWN, _ROWS_SHOWN, _SPANS_SHOWN = 6, 15, 12


def failures(night: Night, say: Say) -> list[Section]:
    """Failing requests over time per domain, and their share by domain, hour and class of codes."""
    shown = grid(_recent(night))
    used = tuple(name for name in FAILING if shown.of(name).sum())
    if not used:
        return []
    few, many = shown.top(_STEPS_SHOWN), shown.top(_ROWS_SHOWN)
    steps = tuple(_steps(few, row, used, say) for row in range(len(few.domains)) if few.of(*FAILING)[row].sum())
    heat = tuple(Heat(say(f"class-{name}"), many.domains, many.edges, many.share(name)) for name in used)
    return [
        Section(say("failures"), charts=steps, swatches=_classes(used, say), notes=_rest(few, say)),
        Section(say("heat"), charts=cast("tuple[Chart, ...]", heat), swatches=_shares(say), notes=_rest(many, say)),
    ]


def timeline(findings: Sequence[Finding], say: Say) -> tuple[Chart, ...]:
    """When the worst findings began and ended."""
    spans = tuple(
        Span(
            f"{one.domain} {one.status}",
            datetime.fromisoformat(one.start),
            datetime.fromisoformat(one.end),
            one.severity,
            one.active,
        )
        for one in findings[:_SPANS_SHOWN]
    )
    return (Timeline(say("timeline"), spans),) if spans else ()


def _recent(night: Night) -> Counts:
    """Return the counts of the hours that the night is about; of a day at least, where there is one."""
    history, starts = night.history, night.counts.columns.get("window_start", ())
    if not starts or not len(history):
        return history
    keys = history.cells.keys[:, history.dims.index("window_start")]
    end = int(keys.max()) + history.window
    first = max(min(starts[0], end - _DAY), end - _LONGEST)
    recent = keys >= first
    cells = replace(history.cells, keys=history.cells.keys[recent], sums=history.cells.sums[recent])
    length = _HOUR if end - first <= 2 * _DAY else 6 * _HOUR
    return windowed(replace(history, cells=cells), max(length, history.window), history.zone)


def _steps(shown: Grid, row: int, used: Sequence[str], say: Say) -> Steps:
    total, failing = int(shown.total[row].sum()), int(shown.of(*FAILING)[row].sum())
    title = say("chart-domain", domain=shown.domains[row], failing=f"{failing:,}", share=percent(failing, total))
    series = {name: shown.of(name)[row].astype(float) for name in used}
    return Steps(title, shown.edges, cast("dict[str, Floats]", series))


def _classes(used: Sequence[str], say: Say) -> tuple[Swatch, ...]:
    return tuple(Swatch(CLASS_COLOURS[name], 1, say(f"class-{name}")) for name in used)


def _shares(say: Say) -> tuple[Swatch, ...]:
    bounds = [f"{100 * step:g}" for step in HEAT_STEPS]
    steps = [say("heat-up-to", share=bounds[0])]
    steps += [say("heat-between", low=low, high=high) for low, high in pairwise(bounds)]
    known = tuple(Swatch(HEAT, alpha, label) for alpha, label in zip(HEAT_ALPHAS, steps, strict=True))
    return (Swatch(HEAT, 0, say("heat-zero")), *known, Swatch("", 1, say("heat-none")))


def _rest(shown: Grid, say: Say) -> tuple[str, ...]:
    """Say what a row of added up domains is."""
    return (say("chart-rest", rest=shown.domains[-1]),) if shown.others else ()
