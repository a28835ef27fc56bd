"""Joins the error counts with the code table: one finding per domain and status, worst first.

This is the code table's word alone. A cause is named only where the table has a single one, confidence is never
above medium, and `evidence` says that nothing in the log was tested.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

from cdnlog.catalog import Answer
from cdnlog.counts import Counts, is_error
from cdnlog.declared import Code, LocalizedList
from cdnlog.errors import UsageError
from cdnlog.model import SEVERITIES, Finding

# Lower bounds of the failing share from which on a severity holds, and the requests it takes at least.
_SEVERITY = ((0.5, 20, "critical"), (0.1, 10, "high"), (0.02, 5, "medium"), (0.005, 3, "low"))
_Z = 1.96  # two-sided 95 %
AFFECTED = ("paths", "client_ips", "referers", "user_agents", "regions", "isps", "nodes", "methods")

Explain = Callable[[int], Answer]


def findings(counts: Counts, explain: Explain) -> tuple[Finding, ...]:
    """Return the findings, worst first; any split of the input gives the same ones.

    Args:
        counts: Counts by window, domain and status at least.
        explain: Looks a status up in the code table.

    Raises:
        UsageError: The counts lack one of these dimensions.
    """
    if not {"window_start", "domain", "status"} <= set(counts.dims):
        raise UsageError("a diagnosis needs counts by window, domain and status; leave --by out")
    table = _requests(counts)
    end_of_data = max((window for window, _, _ in table), default=0)
    series: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for (window, domain, status), requests in table.items():
        if is_error(status):
            series.setdefault((domain, status), []).append((window, requests))
    totals = _totals(table)
    found = [
        _finding(counts, explain(status), _Series(domain, windows, totals[domain]), end_of_data)
        for (domain, status), windows in series.items()
    ]
    return tuple(sorted(found, key=_worst_first))


def _requests(counts: Counts) -> dict[tuple[int, str, int], int]:
    places = [counts.dims.index(dim) for dim in ("window_start", "domain", "status")]
    table: dict[tuple[int, str, int], int] = {}
    for key, sums in counts.table.items():
        window, domain, status = (key[place] for place in places)
        table[window, domain, status] = table.get((window, domain, status), 0) + sums[0]
    return table


def _totals(table: dict[tuple[int, str, int], int]) -> dict[str, dict[int, int]]:
    totals: dict[str, dict[int, int]] = {}
    for (window, domain, _), requests in table.items():
        by_window = totals.setdefault(domain, {})
        by_window[window] = by_window.get(window, 0) + requests
    return totals


class _Series(NamedTuple):
    """One status of one domain: its requests by window, and all requests of the domain by window."""

    domain: str
    windows: list[tuple[int, int]]
    totals: dict[int, int]


def _finding(counts: Counts, answer: Answer, series: _Series, end_of_data: int) -> Finding:
    domain = series.domain
    start, last = min(series.windows)[0], max(series.windows)[0]
    failing = sum(requests for _, requests in series.windows)
    total = sum(requests for window, requests in series.totals.items() if start <= window <= last)
    entry = answer.entry
    cause = entry.causes[0] if len(entry.causes) == 1 else "undetermined"
    return Finding(
        id=f"{answer.provider}/{domain}/{answer.code}",
        provider=answer.provider,
        domain=domain,
        status=answer.code,
        also=(),
        start=counts.shown(start),
        end=counts.shown(last + counts.window),
        active=last == end_of_data,
        state="unknown",
        requests=failing,
        total=total,
        share=round(failing / total, 6),
        severity=severity(failing, total),
        owner=entry.owner,
        cause=cause,
        confidence="medium" if cause != "undetermined" else "low",
        name=entry.name.en,
        meaning=entry.meaning.en,
        fix=entry.fix.en,
        avoid=_list(entry.avoid if isinstance(entry, Code) else None),
        needs=entry.checks.en if cause == "undetermined" else (),
        ticket=None,
        evidence=({"rule": "code-table", "verdict": "weak", "statement": _source(answer)},),
        affected=dict.fromkeys(AFFECTED, ()),
    )


def _list(texts: LocalizedList | None) -> tuple[str, ...]:
    return texts.en if texts is not None else ()


def _source(answer: Answer) -> str:
    if answer.answered_by == "class":
        return f"{answer.code} is not in the code table of {answer.provider}; this is what its class means"
    return "From the code table alone; nothing else in the log was tested."


def severity(failing: int, total: int) -> str:
    """Return how bad it is that so many of so many requests fail, judged by the surely failing share."""
    share = wilson_low(failing, total)
    return next((name for low, least, name in _SEVERITY if share >= low and failing >= least), SEVERITIES[-1])


def wilson_low(failing: int, total: int) -> float:
    """Return the lower end of the 95 % Wilson score interval of failing / total (E. B. Wilson, 1927)."""
    if total == 0:
        return 0.0
    share = failing / total
    middle = share + _Z**2 / (2 * total)
    half = _Z * sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2))
    return max(0.0, (middle - half) / (1 + _Z**2 / total))


def _worst_first(finding: Finding) -> tuple[int, int, str, int]:
    return SEVERITIES.index(finding.severity), -finding.requests, finding.domain, finding.status
