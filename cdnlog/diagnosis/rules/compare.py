"""What several families compare: where failures sit, how durations lie, what the load was before."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cdnlog.columns import Ints
from cdnlog.diagnosis.rows import Rows
from cdnlog.evidence import MISSING

_VERSION = re.compile(r"v?\d+(\.\d+)*|api|rest")
_NUMBERS = re.compile(r"\d+")
FEW = 10
"""Requests below which a group of paths is judged together with other small ones."""


def path_group(path: str) -> str:
    """Return the part of a site that a path belongs to: its first telling segment, or its kind of file.

    >>> path_group("/v1/search"), path_group("/product/12/reviews"), path_group("/logo-2.png"), path_group("/")
    ('search', 'product', '*.png', '')
    """
    parts = [part for part in path.split("/") if part]
    while len(parts) > 1 and _VERSION.fullmatch(parts[0]):
        parts = parts[1:]
    if not parts:
        return ""
    name, dot, kind = parts[0].rpartition(".")
    return f"*.{kind}" if len(parts) == 1 and dot and name else _NUMBERS.sub("#", parts[0])


def _labels(rows: tuple[Rows, Rows], column: str, label: Callable[[str], str]) -> tuple[list[str], Ints, Ints]:
    """Return the distinct labels of a column in two sets of rows, and the place of each row's."""
    codes = [part.codes(column) for part in rows]
    used, place = np.unique(np.concatenate(codes), return_inverse=True)
    source = rows[0] if len(rows[0]) else rows[1]
    names = [label(str(source.text(column, code) or "")) for code in used.tolist()]
    known, of_code = np.unique(np.array(names, object), return_inverse=True)
    places = of_code[place]
    return known.tolist(), places[: len(codes[0])], places[len(codes[0]) :]


@dataclass(frozen=True)
class Concentration:
    """Where the failures sit, among the elements of one column.

    Attributes:
        names: The elements that hold them, most failures first; small groups together are "".
        held: Their share of the failures.
        base: Their share of all that is compared, failing or not.
        inside: Share of failures within them.
        outside: Share of failures elsewhere.
        expected: Failures to be expected elsewhere if nothing were special about the elements.
    """

    names: tuple[str, ...]
    held: float
    base: float
    inside: float
    outside: float
    expected: float

    @property
    def contrast(self) -> float:
        """How much rarer failures are outside: 0 is all inside, 1 or more is nothing special."""
        return self.outside / self.inside if self.inside else 1.0


def concentration(
    failing: Rows, served: Rows, column: str, hold: float, label: Callable[[str], str] = str
) -> Concentration | None:
    """Return the fewest elements of a column that hold a share of the failures, None without rows."""
    if not len(failing):
        return None
    names, bad, good = _labels((failing, served), column, label)
    k = np.bincount(bad, weights=failing.weights, minlength=len(names))
    n = k + np.bincount(good, weights=served.weights, minlength=len(names))
    small = n < FEW
    if small.any():  # a group of its own: single rows say nothing, and picking among them would find anything
        names = [name for name, one in zip(names, small, strict=True) if not one] + [""]
        k, n = (np.append(sums[~small], sums[small].sum()) for sums in (k, n))
    order = np.argsort(-k, kind="stable")
    count = int(np.searchsorted(np.cumsum(k[order]), hold * k.sum() - 1e-9)) + 1
    mine, rest = order[:count], order[count:]
    inside = float(k[mine].sum() / n[mine].sum())
    beside = float(n[rest].sum())
    return Concentration(
        tuple(names[i] for i in mine.tolist()),
        float(k[mine].sum() / k.sum()),
        float(n[mine].sum() / n.sum()),
        inside,
        float(k[rest].sum() / beside) if beside else 0.0,
        inside * beside,
    )


@dataclass(frozen=True)
class Pile:
    """The value that most durations lie close to.

    Attributes:
        at: Its middle, in milliseconds.
        share: Share of the durations within a width of it.
    """

    at: float
    share: float


def pile(rows: Rows, width: float) -> Pile | None:
    """Return where most durations lie within a relative width, None without durations."""
    numbers = rows.number("duration_ms")
    known = numbers != MISSING
    if not known.any():
        return None
    order = np.argsort(numbers[known], kind="stable")
    sums = np.append(0.0, np.cumsum(rows.weights[known][order]))
    values = numbers[known][order].astype(np.float64)
    ends = np.searchsorted(values, values * (1 + width) / (1 - width), side="right")
    first = int(np.argmax(sums[ends] - sums[:-1]))
    middle = float(np.median(values[first : ends[first]]))
    return Pile(middle, float((sums[ends[first]] - sums[first]) / sums[-1]))


def slowdown(now: Rows, before: Rows, least: int) -> float | None:
    """Return how much slower the same groups of paths are than before, None where nothing can be compared."""
    names, here, there = _labels((now, before), "path", path_group)
    ratios, weights = [], []
    for group in range(len(names)):
        mine, earlier = now.where(here == group), before.where(there == group)
        if min(len(mine), len(earlier)) >= least:
            a, b = mine.quantile("duration_ms", 0.5), earlier.quantile("duration_ms", 0.5)
            if a is not None and b:
                ratios.append(a / b)
                weights.append(mine.requests)
    if not ratios:
        return None
    order = np.argsort(ratios)
    sums = np.cumsum(np.array(weights)[order])
    return float(np.array(ratios)[order][np.searchsorted(sums, sums[-1] / 2)])
