"""Service level objective: how much of the budget of failures is spent, and how fast; over counts, and nothing else.

A request spends budget if its status is 500 or above, unless the code table says that a client or an attacker is at
fault or that a policy refused it: that is no broken promise.
The burn rate is the failing share divided by the share that the objective allows: at 1 the budget lasts just as long as
the objective's period. (Site Reliability Workbook, chapter 5.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from cdnlog.catalog import Catalog
from cdnlog.cells import Cells
from cdnlog.counts import Counts
from cdnlog.errors import UsageError
from cdnlog.text import visible

Spends = Callable[[str, int], bool]
"""Whether a status of a domain spends budget."""

SPANS: Mapping[str, int] = {"1h": 3600, "6h": 6 * 3600, "3d": 3 * 86_400}
"""The times over which burn is told, by name, in seconds."""

LEAST = 5
"""Fewer failing requests than this tell nothing: one of two is no burn of 500."""

_PERCENT = re.compile(r"\d{1,2}(\.\d{1,6})?")
_FIRST_SERVER_ERROR = 500
_THEIRS = ("client", "attacker")


@dataclass(frozen=True, slots=True)
class Spent:
    """What one domain spent of its budget over one span, by one code or by all.

    Attributes:
        domain: The domain.
        status: The code, None for all of them together.
        span: A key of `SPANS`.
        failing: Requests that spent budget.
        total: All requests of the domain in the span.
        allowed: Requests that the objective allows to fail among these.
        burn: Failing share / allowed share; None where it is not known: the counts do not reach back far enough.
    """

    domain: str
    status: int | None
    span: str
    failing: int
    total: int
    allowed: float
    burn: float | None


@dataclass(frozen=True, slots=True)
class Budget:
    """An objective and what was spent of it.

    Attributes:
        target: The share of requests that must not fail, in per cent: 99.9.
        end: End of the newest window, in UTC seconds; all spans end here. None without data.
        rows: By domain, then span, each first for all codes, then by code; domains that spend nothing have one row a
            span.
    """

    target: float
    end: int | None
    rows: tuple[Spent, ...]


def target(text: str) -> float:
    """Return an objective as it is typed, in per cent.

    Raises:
        UsageError: It is none.
    """
    number = float(text) if _PERCENT.fullmatch(text.strip()) else 0.0
    if number < 1:
        raise UsageError(f"an objective of '{visible(text)}' cannot be met; write per cent below 100, such as 99.9")
    return number


def spends_by_table(catalog: Catalog, provider: str, providers: Mapping[str, str]) -> Spends:
    """Return what tells by the code tables whether a status spends budget.

    Args:
        catalog: The code tables.
        provider: The table to ask.
        providers: Tables of domains that ask another one.
    """

    @cache
    def by_table(table: str, status: int) -> bool:
        entry = catalog.explain(table, status).entry
        return entry.owner not in _THEIRS and entry.stage != "policy"

    def spends(domain: str, status: int) -> bool:
        return status >= _FIRST_SERVER_ERROR and by_table(providers.get(domain, provider), status)

    return spends


def budget(counts: Counts, percent: float, spends: Spends, end: int | None = None) -> Budget:
    """Return what each domain spent of its budget over the spans that end with the newest data.

    Args:
        counts: By window, domain and status.
        percent: The objective, see `target`.
        spends: What spends budget.
        end: End of the newest data in UTC seconds, where some of the counts may have stray times that are later.
    """
    if not len(counts):
        return Budget(percent, None, ())
    starts = counts.cells.keys[:, counts.dims.index("window_start")]
    first, end = int(starts.min()), int(starts.max()) + counts.window if end is None else end
    share = round(1 - percent / 100, 9)  # without the noise of the subtraction: 14.4 is to be 14.4
    rows: list[Spent] = []
    for span, seconds in SPANS.items():
        known = counts.window <= seconds <= end - first
        for domain, by_code in sorted(_between(counts, end - seconds, end).items()):
            total = sum(by_code.values())
            failing = {code: n for code, n in sorted(by_code.items()) if spends(domain, code)}
            for code, n in [(None, sum(failing.values())), *failing.items()]:
                rows.append(Spent(domain, code, span, n, total, total * share, n / (total * share) if known else None))
    return Budget(percent, end, tuple(sorted(rows, key=lambda row: row.domain)))


def _between(counts: Counts, since: int, end: int) -> dict[str, dict[int, int]]:
    """Return the requests of the windows that begin in a time, by domain and status."""
    at = [counts.dims.index(name) for name in ("domain", "status")]
    starts = counts.cells.keys[:, counts.dims.index("window_start")]
    recent = (starts >= since) & (starts < end)
    kept = Cells(counts.cells.keys[recent][:, at], counts.cells.sums[recent], tuple(counts.cells.values[i] for i in at))
    domains, codes = (values or () for values in kept.values)
    sums: dict[str, dict[int, int]] = {}
    cells = kept.folded()
    for (domain, code), requests in zip(cells.keys.tolist(), cells.sums[:, 0].tolist(), strict=True):
        sums.setdefault(str(domains[domain]), {})[int(codes[code] or 0)] = requests
    return sums
