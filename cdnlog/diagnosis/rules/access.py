"""Rules on refusals: lists, signatures, and the origin's own (401, 403, 405, 514); limits and bans are in `limits`."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

import numpy as np

from cdnlog.diagnosis.case import Case, Reading, Rule, Verdict, once, percent, seconds
from cdnlog.diagnosis.rules import limits
from cdnlog.diagnosis.rules.refused import (
    Split,
    addresses,
    agents,
    both_of,
    effective,
    hurried,
    known,
    measured,
    network,
    one_agent,
    pace,
    pair,
    places,
    referer_host,
    section,
    split,
)
from cdnlog.diagnosis.rules.signed import Compared, compared

LISTED = frozenset({403, 566})
RULED = frozenset({401, 403, 405, 451, 566})
SIGNED = frozenset({401, 403})
DENIED = frozenset({401, 403})
LIMITED = 514
_AT_EDGE = ("hotlink-protection", "user-agent-list", "ip-list", "access-rule", "url-signature")
_SAID = {
    "E07": ("E07-listed", "E07-not-listed"),
    "E22": ("E22-listed", "E22-not-listed"),
    "E23": ("E23-listed", "E23-not-listed"),
}
_SHOWN = 3


def hotlink(case: Case) -> Reading | None:
    """E22: referers, or requests without one, that are always refused while others pass."""
    if case.status not in LISTED:
        return None
    if not known(case, "referer"):
        return Reading("E22", "not-measurable", "E22-not-measurable")
    mine = split(case, "referer", referer_host)
    return _listed(case, "E22", "hotlink-protection", mine, (agents(case), *_grouped(case)))


def agent_list(case: Case) -> Reading | None:
    """E23: kinds of User-Agent that are always refused while others pass."""
    if case.status not in LISTED:
        return None
    if not known(case, "user_agent"):
        return Reading("E23", "not-measurable", "E23-not-measurable")
    rivals = (split(case, "referer", referer_host), *_grouped(case))
    return _listed(case, "E23", "user-agent-list", agents(case), rivals)


def access_rule(case: Case) -> Reading | None:
    """E07: a method, region, carrier or folder that is always refused while others pass."""
    if case.status not in RULED:
        return None
    found = [one for one in _grouped(case) if one.explains(case)]
    if found:
        best = max(found, key=lambda one: (one.coverage, one.rate))
        return _listed(case, "E07", "access-rule", best, (split(case, "referer", referer_host), agents(case)))
    folder = split(case, "path", section)
    if not folder.explains(case):
        return Reading("E07", "refutes", "E07-not-listed", favours={"access-rule": -0.7})
    return Reading("E07", "weak", "E07-folder", _facts(folder), {"access-rule": case.limits["group.folder"]})


@once
def _grouped(case: Case) -> tuple[Split, ...]:
    """Return the groups that a rule on methods, regions or carriers would make; each name for several addresses."""
    single = tuple(split(case, name) for name in ("method", "region", "isp"))
    both = pair(case, "region", "isp")
    limit = min(case.limits["group.names"], case.failing.distinct("client_ip") / case.limits["group.each"])
    return tuple(one for one in (*single, both) if len(one.names) <= limit)


def _listed(case: Case, rule: str, cause: str, mine: Split, rivals: tuple[Split, ...]) -> Reading:
    """Return what a group of refused requests says; less where other properties tell it as well, or few addresses."""
    facts = _facts(mine)
    if not mine.explains(case):
        return Reading(rule, "refutes", _SAID[rule][1], facts, {cause: -0.7})
    close = mine.coverage - case.limits["group.close"]
    tied = (rule == "E07" and one_agent(case)) or any(one.explains(case) and one.coverage >= close for one in rivals)
    few = effective(case.failing, "client_ip") < case.limits["group.addresses"]
    if tied or few:
        return Reading(rule, "weak", _SAID[rule][0], facts, {cause: 0.6})
    return Reading(rule, "confirms", _SAID[rule][0], facts, {cause: 1.5 if mine.sharp(case) else 0.9})


def _facts(mine: Split) -> Mapping[str, str]:
    names = ", ".join(mine.names[:_SHOWN]) + (", ..." if len(mine.names) > _SHOWN else "")
    return {
        "names": names or "-",
        "share": percent(mine.coverage),
        "rate": percent(mine.rate),
        "outside": percent(mine.outside),
    }


def address_list(case: Case) -> Reading | None:
    """E20: addresses that get nothing but refusals at an ordinary pace are on a list."""
    if case.status not in LISTED | {LIMITED}:
        return None
    if not known(case, "client_ip"):
        return Reading("E20", "not-measurable", "E20-not-measurable")
    found, bounds = addresses(case), case.limits
    facts = {"share": percent(found.coverage), "rate": percent(found.rate), "addresses": f"{len(found.names):,}"}
    mixed = found.coverage < bounds["E20.coverage"] or found.rate < bounds["E20.rate"]
    if mixed and split(case, "client_ip", network).coverage < bounds["E20.coverage"]:
        return Reading("E20", "refutes", "E20-refutes", facts, {"ip-list": -1.5})
    if mixed or found.let_in < bounds["group.rows"] or not measured(case):
        return Reading("E20", "weak", "E20-weak", facts)
    phrase, weight = _address_listed(case)
    return Reading("E20", "confirms" if weight > 0 else "weak", phrase, facts, {"ip-list": weight})


def _address_listed(case: Case) -> tuple[str, float]:
    if hurried(case, pace(case)):
        return "E20-hurried", -0.3
    if case.status in LISTED and _told_otherwise(case):
        return "E20-otherwise", -0.5
    return "E20-confirms", 1.5


def _told_otherwise(case: Case) -> bool:
    """Whether something coarser than addresses tells who is refused."""
    coarse = (
        split(case, "referer", referer_host),
        agents(case),
        split(case, "path", section),
        *_grouped(case),
    )
    signed = _signatures(case)
    return (
        any(one.explains(case) for one in coarse)
        or _all_signed(case, signed)
        or _bad(signed) > case.limits["E24.share"]
    )


def signatures(case: Case) -> Reading | None:
    """E24: the refused lack the signature that others carry, or name a time that never passes, or all signed fail."""
    if case.status not in SIGNED:
        return None
    found = _signatures(case)
    if found.nowhere:
        return Reading("E24", "refutes", "E24-nowhere", favours={"url-signature": -0.7})
    facts = {
        "share": percent(_bad(found)),
        "carry": percent(found.carry),
        "rate": percent(found.refused),
        "age": _span(found.age),
    }
    phrase, weight = _signed(case, found)
    verdict: Verdict = "confirms" if weight > 1 else "weak" if weight > 0 else "refutes"
    return Reading("E24", verdict, phrase, facts, {"url-signature": weight})


def _signed(case: Case, found: Compared) -> tuple[str, float]:
    """Return what is wrong with the signatures, and how much it says."""
    bounds = case.limits
    if found.untimely >= bounds["E24.share"]:
        return "E24-ahead" if found.age < 0 else "E24-late", 1.8
    if _bad(found) >= bounds["E24.share"]:
        return "E24-lacking", 1.7
    if _all_signed(case, found):
        return "E24-all", 1.5
    if _bad(found) >= bounds["E24.some"]:
        return "E24-some", 0.4
    return ("E24-unknown", 0.4) if found.carry >= bounds["E24.some"] and not found.passed else ("E24-refutes", -1.2)


@once
def _signatures(case: Case) -> Compared:
    return compared(case, both_of(case).parts[1:])


def _bad(found: Compared) -> float:
    return found.lack + found.untimely


def _all_signed(case: Case, found: Compared) -> bool:
    """Whether signed requests fail, all of them, and others do not."""
    bounds = case.limits
    return (
        found.carry >= bounds["group.coverage"]
        and found.refused >= bounds["group.inside"]
        and found.unsigned <= bounds["group.outside"]
        and found.free >= bounds["group.rows"]
    )


def _span(age: float) -> str:
    minutes = 0.0 if isnan(age) else abs(age) / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"  # noqa: PLR2004


def at_edge(case: Case) -> Reading | None:
    """E25: refusals at once are the edge's own; those that take as long as a fetch from the origin are the origin's."""
    if case.status not in DENIED:
        return None
    low, middle, high = (case.failing.quantile("duration_ms", q) for q in (0.25, 0.5, 0.75))
    if low is None or middle is None or high is None:
        return Reading("E25", "not-measurable", "E25-not-measurable")
    bounds, fetched, hits = case.limits, _fetch(case), case.failing.share(case.failing.hit)
    facts = {"middle": seconds(middle), "fetch": seconds(fetched) if fetched else "-", "hits": percent(hits)}
    if high <= max(bounds["E25.instant"], bounds["E25.quicker"] * (fetched or 0.0)):
        return Reading(
            "E25", "refutes", "E25-refutes", facts, {"origin-denied": -1.5, **dict.fromkeys(_edge(case), 0.7)}
        )
    slow = max(bounds["E25.far"], bounds["E25.part"] * fetched) if fetched else bounds["E25.alone"]
    if low >= slow and 1 - hits >= bounds["E25.missed"]:
        favours = {"origin-denied": 1.5, **dict.fromkeys(_edge(case), -1.0)}
        return Reading("E25", "confirms", "E25-confirms", facts, favours)
    return Reading("E25", "weak", "E25-weak", facts)


def _fetch(case: Case) -> float | None:
    """Return how long a quick fetch of something small takes: a refusal is small, and a large answer takes its time."""
    for rows in (case.misses, case.misses_before):
        size = rows.number("bytes")
        small = rows.where((size >= 0) & (size <= case.limits["E25.small"] * 1024))
        if len(small) >= case.limits["E25.rows"]:
            return small.quantile("duration_ms", case.limits["E25.quick"])
    return None


def _edge(case: Case) -> list[str]:
    return [cause for cause in _AT_EDGE if cause in case.entry.causes]


def only_misses(case: Case) -> Reading | None:
    """E09: hits of a folder pass while everything fetched from the origin is refused: the origin refuses."""
    if case.status not in DENIED:
        return None
    if not known(case, "cache"):
        return Reading("E09", "not-measurable", "E09-denied-not-measurable")
    both = both_of(case)
    place = places(both)
    weights, refused = both.weights, both.refused
    hit = np.concatenate([part.hit for part in both.parts])
    failing = np.bincount(place, weights * refused * ~hit)
    fetched = np.bincount(place, weights * ~refused * ~hit)
    cached = np.bincount(place, ~refused & hit)
    denied = (failing > 0) & (failing >= case.limits["E09.inside"] * (failing + fetched))
    share = float(failing[denied].sum()) / case.failing.requests
    kept = int(cached[denied].sum())
    facts = {"share": percent(share), "hits": f"{kept:,}"}
    if share >= case.limits["E09.share"] and kept >= case.limits["E09.hits"]:
        return Reading("E09", "confirms", "E09-denied-confirms", facts, {"origin-denied": 0.8})
    if share < case.limits["E09.mixed"]:
        return Reading("E09", "refutes", "E09-denied-refutes", facts, {"origin-denied": -0.4})
    return Reading("E09", "weak", "E09-denied-weak", facts)


RULES: tuple[Rule, ...] = (
    hotlink,
    agent_list,
    access_rule,
    address_list,
    signatures,
    at_edge,
    only_misses,
    *limits.RULES,
)
