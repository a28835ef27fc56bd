"""What is told apart at most: windows beyond the limit are put together to longer ones, domains beyond it to `OTHER`.

Both depend on the sums alone: any order and any split of the input gives the same. Nothing is lost from a total.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cdnlog.counts import Counts, windowed
from cdnlog.model import NO_DOMAIN
from cdnlog.windows import LONGER

DOMAINS = 1_000_000
"""Domains that are named, at most: those with most requests, of equal ones the first by name."""
WINDOWS = 1_000_000
"""Windows with requests, at most: five minutes for nine and a half years."""
OTHER = "(other)"
"""The domain of what belongs to none of those that are named."""


def within(counts: Counts) -> tuple[Counts, Mapping[str, int]]:
    """Return counts within the limits, and of each limit that was reached how much there was."""
    reached: dict[str, int] = {}
    for name, most, bound in (("windows", WINDOWS, _fewer_windows), ("domains", DOMAINS, _fewer_domains)):
        if len(counts) > most:
            counts, there = bound(counts, most)
            reached |= {name: there} if there > most else {}
    return counts, reached


def _fewer_windows(counts: Counts, most: int) -> tuple[Counts, int]:
    if "window_start" not in counts.dims:
        return counts, 0
    at = counts.dims.index("window_start")
    there = len(np.unique(counts.cells.keys[:, at]))
    longer = (length for length in LONGER if length > counts.window and length % counts.window == 0)
    while len(np.unique(counts.cells.keys[:, at])) > most and (length := next(longer, 0)):
        counts = windowed(counts, length, counts.zone)
    return counts, there


def _fewer_domains(counts: Counts, most: int) -> tuple[Counts, int]:
    if "domain" not in counts.dims:
        return counts, 0
    at = counts.dims.index("domain")
    cells = counts.cells
    names = cells.values[at] or ()
    if len(names) <= most:
        return counts, len(names)
    requests = np.zeros(len(names), cells.sums.dtype)
    np.add.at(requests, cells.keys[:, at], cells.sums[:, 0])
    sums = requests.tolist()
    order = sorted(range(len(names)), key=lambda i: (names[i] != NO_DOMAIN, -sums[i], str(names[i])))
    place = np.full(len(names), most, np.int64)
    place[order[:most]] = np.arange(most)
    keys = cells.keys.copy()
    keys[:, at] = place[keys[:, at]]
    kept = (*(names[i] for i in order[:most]), OTHER)
    values = (*cells.values[:at], kept, *cells.values[at + 1 :])
    return replace(counts, cells=replace(cells, keys=keys, values=values).folded()), len(names)
