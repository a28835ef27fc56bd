"""Rules for every code: where the failures are, and what other incidents there are."""

from __future__ import annotations

import numpy as np

from cdnlog.diagnosis.case import Case, Reading, Rule, percent, seconds
from cdnlog.diagnosis.rows import Rows
from cdnlog.diagnosis.rules.compare import (
    EDGE_CODES,
    Concentration,
    compared,
    concentration,
    everywhere,
    from_cache,
    narrow,
    path_group,
    paths,
    retries,
    together,
    wide,
)

PULL_CODES = frozenset({500, 502, 503, 504, *range(531, 541), *range(562, 568)})
PLATFORM_CODES = frozenset({562, 563, 567})
VENDOR_CODES = PLATFORM_CODES | {524, 614}
_DENIED = frozenset({401, 403})
_WHERE = ("node", "isp", "region")
_SHOWN = 3


def where_on_the_site(case: Case) -> Reading | None:
    """E06, E07: some groups of paths hold the failures; if nearly all of them fail it is no matter of load."""
    where = paths(case)
    if case.status not in PULL_CODES or where is None:
        return None
    facts = {
        "paths": ", ".join(f"/{name}" if name else "/" for name in where.names[:_SHOWN]),
        "held": percent(where.held),
        "inside": percent(where.inside),
        "outside": percent(where.outside),
    }
    if narrow(case):
        whole = where.inside >= case.limits["E07.all"]
        return Reading("E06", "confirms", "E06-all" if whole else "E06-confirms", facts)
    return Reading("E06", "refutes", "E06-refutes", facts) if wide(case) else None


def leg(case: Case) -> Reading | None:
    """E08: an answer quicker than the origin's quickest was made at the edge, one as slow as its answers was not."""
    if case.status not in _DENIED or from_cache(case) or not len(case.failing):
        return None
    middle, quickest = case.failing.quantile("duration_ms", 0.5), case.misses.quantile("duration_ms", 0.05)
    if middle is None or quickest is None or len(case.misses) < case.limits["E08.rows"]:
        return Reading("E08", "not-measurable", "E08-not-measurable")
    facts = {"failed": seconds(middle), "quickest": seconds(quickest)}
    if middle < case.limits["E08.edge"] * quickest:
        return Reading("E08", "refutes", "E08-edge", facts, {"origin-denied": -0.7})
    if middle >= quickest:
        return Reading("E08", "confirms", "E08-origin", facts, {"origin-denied": 0.4})
    return None


def hits(case: Case) -> Reading | None:
    """E09: what is in the cache is answered while misses fail: the trouble lies behind the cache."""
    served = case.served.requests - case.misses.requests
    if case.status not in PULL_CODES or served < case.limits["E09.enough"]:
        return None
    failing = case.failing.share(case.failing.hit)
    total = case.failing.requests * (1 - failing) + case.misses.requests
    facts = {
        "hits": f"{served:,.0f}",
        "cached": percent(failing),
        "misses": percent(case.failing.requests * (1 - failing) / total if total else 0.0),
    }
    if failing >= case.limits["E09.cached"]:
        return Reading("E09", "refutes", "E09-refutes", facts)
    return Reading("E09", "confirms", "E09-confirms", facts) if failing <= case.limits["E09.none"] else None


def network(case: Case) -> Reading | None:
    """E10: one node, carrier or region holds the failures, the others are well: the CDN's nodes or routes."""
    if case.status not in PULL_CODES | EDGE_CODES or from_cache(case):
        return None
    known = [name for name in _WHERE if case.failing.has(name)]
    if not known:
        return Reading("E10", "not-measurable", "E10-not-measurable")
    likes = _same_paths(case)
    found = [place for name in known if (place := concentration(case.failing, likes, name, case.limits["E10.hold"]))]
    best = min((place for place in found if _alone(case, place)), key=lambda p: p.contrast, default=None)
    if best is not None:
        return _one_network(case, best)
    measured = [p for p in found if p.expected >= case.limits["E10.expected"] and p.names != ("",)]
    if not measured or min(p.contrast for p in measured) < case.limits["E10.even"]:
        return None
    against = {} if case.status in VENDOR_CODES or everywhere(case) else {"platform-fault": -0.4}
    return Reading("E10", "refutes", "E10-refutes", {"count": str(len(measured[0].names))}, against)


def _same_paths(case: Case) -> Rows:
    """Return the requests to compare with, of the same groups of paths: who asks for what differs by carrier."""
    where, served = paths(case), compared(case)
    if where is None or "" in where.names:
        return served
    chosen = frozenset(where.names)
    return served.where(served.test("path", lambda path: path_group(path) in chosen))


def _alone(case: Case, place: Concentration) -> bool:
    """Whether one named place, or surely a few, hold the failures."""
    limits = case.limits
    if "" in place.names or place.contrast > limits["E10.contrast"] or place.expected < limits["E10.expected"]:
        return False
    few = len(place.names) <= limits["E10.few"] and place.base <= limits["E10.half"]
    return len(place.names) == 1 or (few and _chance(case, place) <= limits["E10.chance"] ** 2)


def _chance(case: Case, place: Concentration) -> float:
    """Return how likely it is by chance that all clients hit are of this place."""
    return float(place.base ** case.failing.distinct("client_ip"))


def _one_network(case: Case, place: Concentration) -> Reading:
    facts = {
        "place": ", ".join(place.names),
        "held": percent(place.held),
        "base": percent(place.base),
        "inside": percent(place.inside),
        "outside": percent(place.outside),
    }
    if _chance(case, place) > case.limits["E10.chance"]:
        return Reading("E10", "weak", "E10-weak", facts, _platform(case, 0.6, -1.0))
    sure = (
        len(place.names) == 1 and place.expected >= case.limits["E10.many"] and place.held >= case.limits["E10.nearly"]
    )
    return Reading("E10", "confirms", "E10-confirms", facts, _platform(case, 2.0 if sure else 1.3, -1.0))


def many_domains(case: Case) -> Reading | None:
    """E11: domains with origins of their own begin to fail in the same minutes: what they share is the CDN."""
    if case.status not in PULL_CODES | EDGE_CODES or from_cache(case):
        return None
    others = together(case)
    facts = {"domains": str(others.domains + 1), "all": str(case.domains), "others": ", ".join(others.names)}
    if everywhere(case):
        shared = case.status in (500, 503)  # an application that several domains share says this for all of them
        favours = _platform(case, 0.5, -0.4) if shared else _platform(case, 1.5, -1.6)
        return Reading("E11", "confirms", "E11-confirms", facts, favours)
    if others.domains:
        return Reading("E11", "weak", "E11-weak", facts, {"platform-fault": 0.4})
    if case.domains < case.limits["E11.domains"]:
        return None
    against = {} if case.status in VENDOR_CODES else {"platform-fault": -0.3}
    return Reading("E11", "refutes", "E11-refutes", facts, against)


def _platform(case: Case, weight: float, against: float) -> dict[str, float]:
    """Return what speaks for the platform, and against whatever else the code may mean."""
    favours: dict[str, float] = {cause: against for cause in case.entry.causes if not cause.startswith("platform")}
    return favours | {"platform-fault": weight}


def repeats(case: Case) -> Reading | None:
    """E12: clients that ask again and again make the failures look more than they are."""
    if case.status not in PULL_CODES or not len(case.failing) or case.failing.requests > len(case.failing):
        return None
    factor = retries(case.failing)
    if factor < case.limits["E12.factor"]:
        return None
    facts = {"factor": f"{factor:.1f}", "clients": f"{case.failing.distinct('client_ip'):,}"}
    return Reading("E12", "weak", "E12-weak", facts)


def shape(case: Case) -> Reading | None:
    """E04: a share that is there within one window is a change, an expiry or a breakdown; one that grows is load."""
    if not case.onset or len(case.windows) < case.limits["E04.windows"]:
        return None
    sums = np.bincount(np.searchsorted(case.windows, case.failing.windows), case.failing.weights, len(case.windows))
    shares = [n / case.load.requests[window] for n, window in zip(sums.tolist(), case.windows, strict=True)]
    level = case.limits["E04.level"] * sorted(shares)[len(shares) // 2]
    reached = next(place for place, share in enumerate(shares) if share >= level)
    minutes = f"{(reached + 1) * case.window / 60:g}"
    return Reading("E04", "weak", "E04-step" if reached <= 1 else "E04-ramp", {"minutes": minutes})


RULES: tuple[Rule, ...] = (where_on_the_site, leg, hits, network, many_domains, repeats, shape)
