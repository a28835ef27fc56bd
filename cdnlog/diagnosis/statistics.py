"""Plain formulas that hold at low counts, each with its source."""

from __future__ import annotations

from math import erfc, exp, lgamma, log, sqrt

_Z = 1.96  # two-sided 95 %
_EXACT = 3000  # events up to which the exact sum is cheap
_ROUNDING = 1e-7  # of logarithms, so that equally likely outcomes count as such


def wilson_low(part: float, whole: float) -> float:
    """Return the lower end of the 95 % Wilson score interval of part / whole (E. B. Wilson, 1927)."""
    if part == 0 or whole == 0:
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


def wilson(part: float, whole: float) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of part / whole."""
    return wilson_low(part, whole), 1 - wilson_low(whole - part, whole) if whole else 1.0


def difference(part: tuple[int, int], whole: tuple[int, int]) -> tuple[float, float]:
    """Return the 95 % interval of part[1]/whole[1] - part[0]/whole[0] (R. G. Newcombe, 1998, hybrid score method)."""
    shares = [k / n if n else 0.0 for k, n in zip(part, whole, strict=True)]
    (low0, high0), (low1, high1) = (wilson(k, n) for k, n in zip(part, whole, strict=True))
    change = shares[1] - shares[0]
    down = sqrt((shares[1] - low1) ** 2 + (high0 - shares[0]) ** 2)
    up = sqrt((high1 - shares[1]) ** 2 + (shares[0] - low0) ** 2)
    return max(-1.0, change - down), min(1.0, change + up)


def chance(part: tuple[int, int], whole: tuple[int, int]) -> float:
    """Return the two-sided p-value of two counts having one rate.

    Given their sum, the second count is binomial (J. Przyborowski, H. Wilenski, 1940): exact up to a few thousand, by
    the likelihood-ratio test with one degree of freedom beyond.
    """
    n, share = sum(part), whole[1] / sum(whole)
    if not n or share in (0.0, 1.0):
        return 1.0
    if n > _EXACT:
        expected = (n * (1 - share), n * share)
        ratio = 2 * sum(k * log(k / e) for k, e in zip(part, expected, strict=True) if k)
        return erfc(sqrt(max(ratio, 0.0) / 2))
    logs = [lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(share) + (n - k) * log(1 - share)
            for k in range(n + 1)]  # fmt: skip
    return min(1.0, sum(exp(value) for value in logs if value <= logs[part[1]] + _ROUNDING))


def discoveries(chances: list[float], rate: float) -> list[bool]:
    """Return which p-values stand when so many were looked at (Y. Benjamini, Y. Hochberg, 1995).

    Args:
        chances: The p-values.
        rate: Share of false ones accepted among those that stand.
    """
    ranked = sorted(chances)
    limit = max((p for i, p in enumerate(ranked, 1) if p <= rate * i / len(ranked)), default=-1.0)
    return [p <= limit for p in chances]
