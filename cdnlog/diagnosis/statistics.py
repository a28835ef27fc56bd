"""Plain formulas that hold at low counts, each with its source."""

from __future__ import annotations

from math import log, sqrt

_Z = 1.96  # two-sided 95 %


def wilson_low(part: float, whole: float) -> float:
    """Return the lower end of the 95 % Wilson score interval of part / whole (E. B. Wilson, 1927)."""
    if whole == 0:
        return 0.0
    share = part / whole
    middle = share + _Z**2 / (2 * whole)
    half = _Z * sqrt(share * (1 - share) / whole + _Z**2 / (4 * whole**2))
    return max(0.0, (middle - half) / (1 + _Z**2 / whole))


def surprise(seen: float, expected: float) -> float:
    """Return the log-likelihood ratio of a Poisson count against the expected one, 0 if it is not above it.

    The chance of a count at least as high is at most exp(-surprise) (Chernoff's bound).
    """
    if seen <= expected:
        return 0.0
    return seen * log(seen / expected) - (seen - expected)


def best_runs(scores: list[float]) -> list[tuple[int, int]]:
    """Return the maximal scoring runs, each as first and last place, in order (W. L. Ruzzo, M. Tompa, 1999).

    A run's sum is the highest among all runs that touch it; dips that what follows makes up for do not split it.
    """
    runs: list[tuple[int, int, float, float]] = []  # first, last, sum before the run, sum at its end
    total = 0.0
    for place, score in enumerate(scores):
        if score <= 0:
            total += score
            continue
        first, before = place, total
        total += score
        while (j := next((j for j in range(len(runs) - 1, -1, -1) if runs[j][2] < before), None)) is not None:
            if runs[j][3] >= total:
                break
            first, before = runs[j][0], runs[j][2]
            del runs[j:]
        runs.append((first, place, before, total))
    return [(first, last) for first, last, _, _ in runs]
