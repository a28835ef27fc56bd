"""What several families compare: where failures sit, how durations lie, what the load was before."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cdnlog.buffer import Ints
from cdnlog.diagnosis.case import Case, Neighbours, once
from cdnlog.diagnosis.rows import Rows
from cdnlog.evidence import MISSING

EDGE_CODES = frozenset({423, 508, 524, 567, 614})
"""Codes that the edge gives whether it holds the file or not."""
_VERSION = re.compile(r"v?\d+(\.\d+)*|api|rest")
_NUMBERS = re.compile(r"\d+")
_PULL = frozenset({*range(531, 541), *range(562, 568)})  # one fault shows under several of these
_HOUR = 3600
_FEW_HITS = 10  # per window; a domain without a cache shows its visitors by all requests
FEW = 10
"""Requests below which a group of paths is judged together with other small ones."""


@lru_cache(maxsize=8192)
def path_group(path: str) -> str:
    """Return the part of a site that a path belongs to: its first telling segment, or its kind of file.

    "/v1/search/12" is of "search", "/logo-2.png" of "*.png", "/" of "".
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


def ran_out(case: Case, found: Pile | None) -> bool:
    """Whether most failures end at one value that is long enough for a timer."""
    shortest = case.limits["E37.shortest"] * 1000
    return bool(found and found.share >= case.limits["E37.share"] and found.at >= shortest)


def hugging(case: Case, found: Pile) -> bool:
    """Whether answers that came in time reach up to the timer: the origin was slow, not out of reach."""
    limits = case.limits
    low, high = (limits[name] * found.at for name in ("E37.near", "E37.under"))
    now, then = ((rows, rows.number("duration_ms")) for rows in (case.misses, case.misses_before))
    near, usual = ((durations >= low) & (durations < high) for _, durations in (now, then))
    late = float(now[0].weights[near].sum())
    middle = now[0].quantile("duration_ms", 0.5) or 0.0
    many = len(now[0]) >= limits["E37.rows"] and now[0].share(near) >= limits["E37.often"]
    if middle >= limits["E37.middle"] * found.at and (many or late >= limits["E37.hugging"] * case.failing.requests):
        return True
    hung = now[0].requests <= limits["E37.hung"] * case.failing.requests  # then only the first minutes show it
    compared = len(then[0]) >= limits["E37.before"] and near.sum() >= limits["E37.few"]
    return bool(hung and compared and now[0].share(near) >= limits["E37.times"] * then[0].share(usual))


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


def compared(case: Case) -> Rows:
    """Return the served requests that could have failed like this: misses, or all where the edge itself says no."""
    return case.served if case.status in EDGE_CODES else case.misses


@once
def from_cache(case: Case) -> bool:
    """Whether a good part of the failures was served from the cache: they tell nothing of the origin now."""
    return case.failing.share(case.failing.hit) >= case.limits["E09.cached"]


@once
def paths(case: Case) -> Concentration | None:
    """Return where the failures sit among the groups of paths."""
    return concentration(case.failing, compared(case), "path", case.limits["E06.hold"], path_group)


@once
def narrow(case: Case) -> bool:
    """Whether some groups of paths hold the failures while misses of others are answered."""
    where = paths(case)
    return bool(
        where
        and len(case.failing) >= case.limits["E06.rows"]
        and where.contrast <= case.limits["E06.contrast"]
        and where.expected >= case.limits["E06.expected"]
        and where.base <= case.limits["E06.base"]
    )


@once
def wide(case: Case) -> bool:
    """Whether the failures are surely not those of a few groups of paths only."""
    where, limits = paths(case), case.limits
    if where is None:
        return False
    even = where.expected >= limits["E06.expected"] and where.contrast >= limits["E06.even"]
    return even or (len(where.names) > 1 and where.base >= limits["E06.base"])


@dataclass(frozen=True)
class Growth:
    """Load of the incident's windows against the last quiet hour, as ratios of means per window.

    Attributes:
        requests: All requests, each retried one counted once.
        hits: Requests served from the cache: retries of what fails do not raise them.
        misses: Requests that needed the origin, each retried one counted once.
        peak: Busiest window, against the busiest quiet one.
        bytes: Bytes sent, busiest window against the busiest quiet one.
        ratio: Hit ratio in the incident.
        ratio_before: The same before.
    """

    requests: float
    hits: float
    misses: float
    peak: float
    bytes: float
    ratio: float
    ratio_before: float


@once
def growth(case: Case) -> Growth | None:
    """Return how the load grew, None without enough quiet time before."""
    quiet = case.quiet[-max(int(_HOUR / case.window), 1) :]
    if not case.onset or len(quiet) * case.window < case.limits["load.quiet"]:
        return None
    load, once = case.load, 1 - 1 / retries(case.failing)
    n = len(case.windows)
    again = once * case.failing.requests / n
    now, then = ([_mean(part, windows) for part in (load.requests, load.hits, load.lookups)]
                 for windows in (case.windows, quiet))  # fmt: skip
    if not (then[0] and now[2] and then[2]):
        return None
    share_again = again / now[0]
    return Growth(
        requests=(now[0] - again) / then[0],
        hits=now[1] / then[1] if then[1] >= _FEW_HITS else (now[0] - again) / then[0],
        misses=max(now[2] - now[1] - again, 0.0) / max(then[2] - then[1], 1.0),
        peak=(1 - share_again) * _most(load.requests, case.windows) / _most(load.requests, quiet),
        bytes=_most(load.bytes, case.windows) / max(_most(load.bytes, quiet), 1.0),
        ratio=now[1] / max(now[2] - again, 1.0),
        ratio_before=then[1] / then[2],
    )


def retries(failing: Rows) -> float:
    """Return how often the same client asks for the same path within a minute; a sample shows less than there is."""
    if not len(failing):
        return 1.0
    minute = failing.number("time") // 60_000_000
    asked = {
        *zip(*(part.tolist() for part in (failing.codes("client_ip"), failing.codes("path"), minute)), strict=True)
    }
    return len(failing) / len(asked)


def _mean(part: Mapping[int, int], windows: Sequence[int]) -> float:
    return sum(part.get(window, 0) for window in windows) / max(len(windows), 1)


def _most(part: Mapping[int, int], windows: Sequence[int]) -> float:
    return float(max((part.get(window, 0) for window in windows), default=0))


@once
def slower(case: Case) -> float | None:
    """Return how much slower than before the origin answers what it answers, None where the log does not tell."""
    return slowdown(case.misses, case.misses_before, int(case.limits["E40.rows"])) if case.onset else None


@once
def sluggish(case: Case) -> bool | None:
    """Whether the origin's answers are slow: against before, else for any site's misses; None if in between."""
    ratio, limits = slower(case), case.limits
    middle = case.misses.quantile("duration_ms", 0.5)
    if middle is None or len(case.misses) < limits["E40.rows"]:
        return None
    slow, quick = middle >= limits["E40.slow"] * 1000, middle <= limits["E40.quick"] * 1000
    if ratio is None:
        return True if slow else False if quick else None
    if ratio >= limits["E40.slower"]:
        return True
    if ratio <= limits["E40.steady"]:
        return None if slow else False  # slow already before the first failure: that is how an overload begins
    return True if slow else None


@once
def together(case: Case) -> Neighbours:
    """Return the other domains on which the same trouble began in the same minutes."""
    related = _PULL if case.status in _PULL else frozenset({case.status})
    return case.neighbours(related, max(case.limits["E11.minutes"] * 60, case.window))


def everywhere(case: Case) -> bool:
    """Whether so many domains began to fail together that it is hardly the origin of each."""
    domains = together(case).domains + 1
    return domains >= case.limits["E11.domains"] and domains >= case.limits["E11.most"] * case.domains
