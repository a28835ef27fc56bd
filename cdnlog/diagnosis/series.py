"""Counts as time series: for each domain its windows with requests, and the failing requests per status in them."""

from __future__ import annotations

from dataclasses import dataclass, field

from cdnlog.counts import Counts, is_error
from cdnlog.errors import UsageError


@dataclass
class DomainSeries:
    """One domain over time.

    Attributes:
        domain: The domain.
        totals: All its requests per window, windows as UTC seconds.
        failing: For each failing status its requests per window.
    """

    domain: str
    totals: dict[int, int] = field(default_factory=dict)
    failing: dict[int, dict[int, int]] = field(default_factory=dict)


def series_of(counts: Counts) -> list[DomainSeries]:
    """Return the series of every domain, by name.

    Raises:
        UsageError: The counts lack window, domain or status.
    """
    if not {"window_start", "domain", "status"} <= set(counts.dims):
        raise UsageError("a diagnosis needs counts by window, domain and status; leave --by out")
    found: dict[str, DomainSeries] = {}
    names = ("window_start", "domain", "status", "requests")
    for window, domain, status, requests in zip(*(counts.columns[name] for name in names), strict=True):
        one = found.setdefault(domain, DomainSeries(domain))
        one.totals[window] = one.totals.get(window, 0) + requests
        if is_error(status):
            by_window = one.failing.setdefault(status, {})
            by_window[window] = by_window.get(window, 0) + requests
    return [found[domain] for domain in sorted(found)]
