"""Finds the incidents in the series of one status of one domain: when its share rose above what is usual there.

What is usual is estimated from the windows outside any incident, but never above what anyone would accept as usual:
a download that holds nothing but the incident has no quiet time to compare with. An incident is a run of windows whose
failures are too many for the usual share (a scan for maximal scoring runs, then a likelihood ratio), enough to speak of
(`LEAST`), and surely a share worth speaking of (Wilson's lower bound against `Gate.share`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from cdnlog.diagnosis.statistics import best_runs, surprise, wilson_low

LEAST = 5
"""Failing requests below which nothing is an incident."""
SURPRISE = 12.0
"""Log-likelihood ratio from which on a run is no chance: e^-12 per run, and a night of many domains has many runs."""
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
_ABORTED = Gate(share=0.02, chronic=0.02, floor=0.002)
_CLIENT_CLOSED = 499


def gate(status: int) -> Gate:
    """Return the gate of a status: server errors weigh more than refusals, and those more than people who leave."""
    if status in (0, _CLIENT_CLOSED):
        return _ABORTED
    return _SERVER if status >= 500 else _REFUSED  # noqa: PLR2004 - RFC 9110, section 15.6


@dataclass(frozen=True, slots=True)
class Incident:
    """A run of windows.

    Attributes:
        first: Place of its first window in the series.
        last: Place of its last window.
        usual: Share of failing requests that is usual there.
        onset: Whether the series shows its begin: windows before it that are quiet.
    """

    first: int
    last: int
    usual: float
    onset: bool


def incidents(failing: Sequence[int], total: Sequence[int], bounds: Gate) -> list[Incident]:
    """Return the incidents in order of time, none touching another.

    Args:
        failing: Requests with the status, per window that has any request.
        total: All requests of the domain in the same windows, none zero.
        bounds: What counts as an incident.
    """
    usual = _clamped(_median_share(failing, total), bounds)
    found: list[tuple[int, int]] = []
    for _ in range(_ROUNDS):
        found = _runs(failing, total, usual, bounds)
        before, usual = usual, _clamped(_outside(failing, total, found), bounds)
        if usual == before:
            break
    return [Incident(first, last, usual, onset=first > 0) for first, last in found]


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


def _runs(failing: Sequence[int], total: Sequence[int], usual: float, bounds: Gate) -> list[tuple[int, int]]:
    runs = []
    for first, last in best_runs(_scores(failing, total, usual, _RATIO * usual)):
        trimmed = _trimmed(failing, total, usual, first, last)
        if _is_incident(failing, total, usual, bounds, trimmed):
            runs.append(trimmed)
    return runs


def _scores(failing: Sequence[int], total: Sequence[int], usual: float, raised: float) -> list[float]:
    """Return how much each window speaks for the raised share against the usual one (Poisson log-likelihoods)."""
    weight, cost = log(raised / usual), raised - usual
    return [k * weight - n * cost for k, n in zip(failing, total, strict=True)]


def _trimmed(failing: Sequence[int], total: Sequence[int], usual: float, first: int, last: int) -> tuple[int, int]:
    """Return the best run within a run, now that its share is known: noise beside it does not move its ends."""
    inside = slice(first, last + 1)
    raised = sum(failing[inside]) / sum(total[inside])
    if raised <= usual:
        return first, last
    scores = _scores(failing[inside], total[inside], usual, raised)
    return max(
        ((first + a, first + b) for a, b in best_runs(scores)),
        key=lambda run: sum(scores[run[0] - first : run[1] - first + 1]),
        default=(first, last),
    )


def _is_incident(
    failing: Sequence[int], total: Sequence[int], usual: float, bounds: Gate, run: tuple[int, int]
) -> bool:
    k, n = sum(failing[run[0] : run[1] + 1]), sum(total[run[0] : run[1] + 1])
    # Sparse noise makes runs that reach over nearly everything; against the share of the whole they are no surprise.
    whole = min(sum(failing) / sum(total), bounds.chronic)
    if k < LEAST or surprise(k, n * max(usual, whole)) < SURPRISE:
        return False
    return wilson_low(k, n) >= bounds.share
