"""Compares two sets of logs: which codes became more or less frequent, and which paths used to work and now fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cdnlog.counts import Counts, is_error
from cdnlog.diagnosis.statistics import chance, difference, discoveries
from cdnlog.evidence import Evidence
from cdnlog.model import MICROSECONDS, Change, LostPath

FALSE_RATE = 0.01
_LOST_SHARE = 0.95
_LOST_LEAST = 3
_LOST_SHOWN = 50

Side = dict[str, dict[int, int]]


def changes(before: Counts, after: Counts) -> tuple[Change, ...]:
    """Return every code of every domain with its share in both, the largest changes of errors first.

    A change is marked "up", "down", "new" or "gone" only if it is no chance, for all codes and domains together.
    A set without one request is no base to compare with: there are no changes then.
    """
    sides = _by_domain(before), _by_domain(after)
    if not all(sides):
        return ()
    totals = tuple({domain: sum(codes.values()) for domain, codes in side.items()} for side in sides)
    cells = sorted({(domain, status) for side in sides for domain, codes in side.items() for status in codes})
    parts = [(sides[0].get(d, {}).get(s, 0), sides[1].get(d, {}).get(s, 0)) for d, s in cells]
    wholes = [(totals[0].get(d, 0), totals[1].get(d, 0)) for d, _ in cells]
    chances = [chance(k, n) if all(n) else 1.0 for k, n in zip(parts, wholes, strict=True)]
    stand = discoveries(chances, FALSE_RATE)
    found = [
        _change(cell, k, n, p, real=real)
        for cell, k, n, p, real in zip(cells, parts, wholes, chances, stand, strict=True)
    ]
    return tuple(sorted(found, key=_largest_first))


def _by_domain(counts: Counts) -> Side:
    side: Side = {}
    for domain, status, n in zip(*(counts.columns[name] for name in ("domain", "status", "requests")), strict=True):
        codes = side.setdefault(domain, {})
        codes[status] = codes.get(status, 0) + n
    return side


def _change(cell: tuple[str, int], part: tuple[int, int], whole: tuple[int, int], p: float, *, real: bool) -> Change:
    low, high = difference(part, whole)
    shares = [k / n if n else 0.0 for k, n in zip(part, whole, strict=True)]
    kind = "same"
    if not all(whole):
        kind = "only-before" if whole[0] else "only-after"
    elif real:
        kind = "up" if shares[1] > shares[0] else "down"
        kind = "new" if not part[0] else "gone" if not part[1] else kind
    return Change(
        domain=cell[0],
        status=cell[1],
        kind=kind,
        before_requests=part[0],
        before_total=whole[0],
        before_share=round(shares[0], 6),
        after_requests=part[1],
        after_total=whole[1],
        after_share=round(shares[1], 6),
        change=round(shares[1] - shares[0], 6),
        low=round(low, 6),
        high=round(high, 6),
        chance=float(f"{p:.3g}"),
    )


def _largest_first(change: Change) -> tuple[bool, bool, float, str, int]:
    return change.kind == "same", not is_error(change.status), -abs(change.change), change.domain, change.status


def lost_paths(before: Evidence, after: Evidence, counts: Counts) -> tuple[LostPath, ...]:
    """Return paths that were served before and fail now, those with most failing rows first; both sides are samples.

    Args:
        before: Kept rows of the first set.
        after: Kept rows of the second.
        counts: Counts of the second, for its time zone.
    """
    served = dict(_paths(before, failing=False))
    failed_before = {key for key, _ in _paths(before, failing=True)}
    still = dict(_paths(after, failing=False))
    found = []
    for key, times in _paths(after, failing=True):
        # It may have worked for a while in the second set too: what counts is how it is from the first failure on.
        later = sum(moment >= min(times) for moment in still.get(key, ()))
        share = len(times) / (len(times) + later)
        if key in served and key not in failed_before and share >= _LOST_SHARE and len(times) >= _LOST_LEAST:
            worked = [*served[key], *(moment for moment in still.get(key, ()) if moment < min(times))]
            moments = (max(worked), min(times))
            last, first = (counts.shown(moment // MICROSECONDS) for moment in moments)
            found.append(LostPath(key[0], key[1], len(times), last_served=last, first_failed=first))
    return tuple(sorted(found, key=lambda lost: (-lost.rows, lost.domain, lost.path))[:_LOST_SHOWN])


def _paths(evidence: Evidence, *, failing: bool) -> Iterator[tuple[tuple[str, str], Sequence[int]]]:
    """Yield domain and path with the times of their rows."""
    rows = evidence.ordered(evidence.failing == failing)
    (domains, hosts), (codes, paths) = rows.column("domain"), rows.column("path")
    times: dict[tuple[str, str], list[int]] = {}
    for domain, code, moment in zip(domains.tolist(), codes.tolist(), rows.number("time").tolist(), strict=True):
        if paths[code] is not None:
            times.setdefault((str(hosts[domain]), str(paths[code])), []).append(moment)
    yield from times.items()
