"""Finds the incidents in the series of one status of one domain: when its share rose above what is usual there.

What is usual is what other times show, where there is a history; else it is estimated from the windows outside any
incident, but never above what anyone would accept as usual: a download that holds nothing but the incident has no quiet
time to compare with. An incident is a run of windows whose
failures are too many for the usual share (a scan for maximal scoring runs, then a likelihood ratio), enough to speak of
(`LEAST`), and surely a share worth speaking of (Wilson's lower bound against `Gate.share`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from cdnlog.buffer import Bools, Ints
from cdnlog.diagnosis.statistics import best_runs, surprise, wilson_low

Floats = npt.NDArray[np.float64]
LEAST = 5
"""Failing requests below which nothing is an incident."""
SURPRISE = 12.0
"""Log-likelihood ratio from which on a run is no chance: e^-12 per run, and a night of many domains has many runs."""
APART = 6
"""Windows at the usual share that part two incidents; shorter lulls belong to one that comes and goes."""
_ROUNDING = 1e-6
_RATIO = 3.0  # how far above the usual share the first scan looks
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Gate:
    """What counts as an incident for one kind of status.

    Attributes:
        share: Share of failing requests that an incident surely exceeds.
        chronic: Highest share that is ever taken for usual.
        floor: Lowest share that is taken for usual: below it a few failures are no news.
    """

    share: float
    chronic: float
    floor: float


_SERVER = Gate(share=0.001, chronic=0.005, floor=0.0002)
_REFUSED = Gate(share=0.02, chronic=0.025, floor=0.002)
_RARE = Gate(share=0.005, chronic=0.005, floor=0.001)
_ABORTED = Gate(share=0.02, chronic=0.02, floor=0.002)
_CLIENT_CLOSED = 499
_COMMON = frozenset({401, 403, 404, 410, 416, 429})
"""Refusals that healthy sites have all day; the others are rare."""


def gate(status: int) -> Gate:
    """Return the gate of a status: server errors weigh more than refusals, and those more than people who leave."""
    if status in (0, _CLIENT_CLOSED):
        return _ABORTED
    if status >= 500:  # noqa: PLR2004 - RFC 9110, section 15.6
        return _SERVER
    return _REFUSED if status in _COMMON else _RARE


@dataclass(frozen=True, slots=True)
class Incident:
    """A run of windows.

    Attributes:
        first: Place of its first window in the series.
        last: Place of its last window.
        usual: Share of failing requests that is usual there.
        onset: Whether the series shows its begin: windows before it that are quiet.
        told: Whether it is known what is usual: by its begin, or by a history.
    """

    first: int
    last: int
    usual: float
    onset: bool
    told: bool = False


def possible(failing: Floats, total: Floats, begins: Ints, share: Floats, status: Ints) -> Bools:
    """Return which codes may have an incident; for all others there is no need to look for one.

    A run can be no more surprising than those of its windows together that are above what is usual (the log-likelihood
    ratio is convex), and has one with at least its own share.

    Args:
        failing: Requests of each code per window in which it occurs, one code after the other.
        total: All requests of the domain in that window.
        begins: Place of the first window of each code.
        share: Share of each code in all requests of its domain.
        status: Status of each code.
    """
    if not len(begins):
        return np.empty(0, bool)
    known, place = np.unique(status, return_inverse=True)
    gates = [gate(code) for code in known.tolist()]
    least, chronic, floor = np.array([(one.share, one.chronic, one.floor) for one in gates])[place].T
    usual = np.repeat(np.maximum(floor, np.minimum(share, chronic)), np.diff(begins, append=len(failing)))
    expected = np.minimum(total * usual, failing)  # no surprise where it is above what was seen
    surprises = failing * np.log(failing / expected) - (failing - expected)
    highest = np.maximum.reduceat(failing / total, begins)
    sums, surprised = (np.add.reduceat(part, begins) for part in (failing, surprises))
    passed: Bools = (sums >= LEAST) & (surprised >= SURPRISE - _ROUNDING) & (highest >= least)
    return passed


def incidents(
    failing: Sequence[int], total: Sequence[int], bounds: Gate, apart: int = APART, usually: float | None = None
) -> list[Incident]:
    """Return the incidents in order of time, none touching another.

    Args:
        failing: Requests with the status, per window that has any request.
        total: All requests of the domain in the same windows, none zero.
        bounds: What counts as an incident.
        apart: Windows at the usual share that part two incidents.
        usually: Share that other times show to be usual, None if only this series can tell.
    """
    if usually is not None:
        usual = _clamped(usually, bounds)
        found = _runs(_Series(failing, total, usual, apart, told=True), bounds)
        return [Incident(first, last, usual, onset=first > 0, told=True) for first, last in found]
    usual = _clamped(_median_share(failing, total), bounds)
    found = []
    for _ in range(_ROUNDS):
        found = _runs(_Series(failing, total, usual, apart), bounds)
        before, usual = usual, _clamped(_outside(failing, total, found), bounds)
        if usual == before:
            break
    return [Incident(first, last, usual, onset=first > 0, told=first > 0) for first, last in found]


def _clamped(share: float | None, bounds: Gate) -> float:
    return bounds.chronic if share is None else min(max(share, bounds.floor), bounds.chronic)


def _median_share(failing: Sequence[int], total: Sequence[int]) -> float:
    """Return the share that half of the requests met at least: robust against anything that lasts less than half."""
    shares = sorted((k / n, n) for k, n in zip(failing, total, strict=True))
    half, done = sum(total) / 2, 0
    for share, n in shares:
        done += n
        if done >= half:
            return share
    return 0.0


def _outside(failing: Sequence[int], total: Sequence[int], runs: list[tuple[int, int]]) -> float | None:
    """Return the share in the windows outside all runs, None if there are none."""
    inside = {place for first, last in runs for place in range(first, last + 1)}
    rest = [place for place in range(len(total)) if place not in inside]
    requests = sum(total[place] for place in rest)
    return sum(failing[place] for place in rest) / requests if requests else None


@dataclass(frozen=True, slots=True)
class _Series:
    """A series and what is usual in it."""

    failing: Sequence[int]
    total: Sequence[int]
    usual: float
    apart: int
    told: bool = False

    def share(self, first: int, last: int) -> float:
        """Return the share of failing requests in a run."""
        return sum(self.failing[first : last + 1]) / sum(self.total[first : last + 1])

    def scores(self, first: int, last: int, raised: float) -> list[float]:
        """Return how much each window speaks for the raised share against the usual one (Poisson log-likelihoods)."""
        weight, cost = log(raised / self.usual), raised - self.usual
        inside = slice(first, last + 1)
        return [k * weight - n * cost for k, n in zip(self.failing[inside], self.total[inside], strict=True)]


def _runs(series: _Series, bounds: Gate) -> list[tuple[int, int]]:
    last = len(series.total) - 1
    # A single window has nothing to stand out from: it is judged as a whole.
    whole = best_runs(series.scores(0, last, _RATIO * series.usual)) if last else [(0, 0)]
    refined = [run for first, last in whole for run in _refined(series, first, last)]
    return [run for run in refined if _is_incident(series, bounds, *run)]


def _refined(series: _Series, first: int, last: int) -> list[tuple[int, int]]:
    """Return the runs within a run, now that its share is known: noise beside it and long lulls are no part of it."""
    raised = series.share(first, last)
    if raised <= series.usual:
        return []
    scores = series.scores(first, last, raised)
    parts = [(first + a, first + b) for run in best_runs(scores) for a, b in _parted(scores, *run, series.apart)]
    if parts == [(first, last)]:
        return parts
    return [run for part in parts for run in _refined(series, *part)]


def _parted(scores: list[float], first: int, last: int, apart: int) -> list[tuple[int, int]]:
    """Cut a run at every lull that is long, and surely one."""
    parts, begin, lull = [], first, 0.0
    quiet_since: int | None = None
    for place in range(first, last + 1):
        if scores[place] <= 0:
            quiet_since = place if quiet_since is None else quiet_since
            lull += scores[place]
            continue
        if quiet_since is not None and place - quiet_since >= apart and lull <= -SURPRISE:
            parts.append((begin, quiet_since - 1))
            begin = place
        quiet_since, lull = None, 0.0
    return [*parts, (begin, last)]


def _is_incident(series: _Series, bounds: Gate, first: int, last: int) -> bool:
    k, n = sum(series.failing[first : last + 1]), sum(series.total[first : last + 1])
    # Sparse noise makes runs that reach over nearly everything; against the share of the whole they are no surprise.
    whole = 0.0 if series.told else min(series.share(0, len(series.total) - 1), bounds.chronic)
    if k < LEAST or surprise(k, n * max(series.usual, whole)) < SURPRISE:
        return False
    return wilson_low(k, n) >= bounds.share
