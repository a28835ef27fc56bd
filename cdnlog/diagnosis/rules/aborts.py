"""Rules on requests that ended before their answer: people, timers, networks and slow origins (0, 499, 408)."""

from __future__ import annotations

from cdnlog.diagnosis.case import Case, Reading, Rule, percent, seconds
from cdnlog.diagnosis.rules.compare import Concentration, pile
from cdnlog.diagnosis.rules.leaving import (
    Agent,
    aborted_misses,
    agent,
    carrier,
    carriers_even,
    crawl,
    hits_too,
    of_sections,
    pulls,
    sections,
    slower,
    timer,
    wait,
)

LEFT = frozenset({0, 499})
"""The client went, or status 0: perhaps the fetch from the origin came to nothing."""
UNFINISHED = LEFT | {408}
_MILLISECONDS = 1000


def slow_origin(case: Case) -> Reading | None:
    """E15: misses of the aborted paths take longer than before, aborted or served."""
    if case.status not in LEFT or hits_too(case) or _network(case) is not None or _pulled(case):
        return None
    if not case.failing.has("duration_ms"):
        return Reading("E15", "not-measurable", "E15-not-measurable")
    found = wait(case)
    if found is None:
        return _slow_now(case)
    facts = {"now": seconds(found.now), "before": seconds(found.before)}
    slow = slower(case)
    if slow:
        much = found.ratio >= case.limits["E15.much"] and found.rows >= case.limits["E15.sure"]
        favours = {"slow-origin-abort": 2.0 if much else 1.4, "client-timeout": -0.7, "client-abort": -1.0}
        return Reading("E15", "confirms", "E15-confirms", facts, favours)
    if slow is None:
        return Reading("E15", "weak", "E15-weak", facts, {"slow-origin-abort": 0.3})
    sure = found.rows >= case.limits["E15.sure"]
    return Reading("E15", "refutes", "E15-refutes", facts, {"slow-origin-abort": -1.0 if sure else -0.5})


def _slow_now(case: Case) -> Reading | None:
    """Without a quiet time: many kinds of client left after a long wait for which they got nothing."""
    gone = aborted_misses(case)
    middle, limits = gone.quantile("duration_ms", 0.5), case.limits
    ended = timer(case)
    one_timer = ended is not None and (ended.share >= limits["E16.most"] or agent(case) is not None)
    if middle is None or len(gone) < limits["E15.rows"] or one_timer or middle < limits["E15.long"] * _MILLISECONDS:
        return None
    empty = gone.share(gone.number("bytes") < limits["E15.empty"])
    if gone.requests < limits["E15.misses"] * case.failing.requests or empty < limits["E15.misses"]:
        return None
    served = of_sections(case.misses, sections(case)).quantile("duration_ms", 0.5)
    slow = served is None or served >= limits["E15.slow"] * _MILLISECONDS
    facts = {"wait": seconds(middle), "served": "-" if served is None else seconds(served)}
    return Reading("E15", "confirms", "E15-now", facts, {"slow-origin-abort": 1.1 if slow else 0.7})


def leg(case: Case) -> Reading | None:
    """E08: aborts of hits have nothing to do with the origin; misses given up later than any usually takes have."""
    if case.status not in LEFT or len(case.failing) < case.limits["E15.rows"] or _pulled(case):
        return None
    if not case.failing.has("cache"):
        return Reading("E08", "not-measurable", "E08-abort-not-measurable")
    failing, served = case.failing.share(case.failing.hit), case.served.share(case.served.hit)
    facts = {"failing": percent(failing), "served": percent(served)}
    if hits_too(case):
        causes = ("slow-origin-abort", "origin-timeout", "origin-unreachable")
        return Reading("E08", "refutes", "E08-abort-hits", facts, dict.fromkeys(causes, -1.0))
    cached = served >= case.limits["E08.cached"]
    return _misses_only(case, facts, cached=cached) if failing <= case.limits["E08.few"] * served else None


def _misses_only(case: Case, facts: dict[str, str], *, cached: bool) -> Reading | None:
    gone, before = aborted_misses(case), of_sections(case.misses_before, sections(case))
    middle, usual = gone.quantile("duration_ms", 0.5), before.quantile("duration_ms", 0.95)
    against = {"client-abort": -0.3} if cached else {}
    if middle is not None and usual is not None and len(before) >= case.limits["E15.rows"] and middle >= usual:
        facts |= {"wait": seconds(middle), "usual": seconds(usual)}
        return Reading("E08", "confirms", "E08-abort-waited", facts, {**against, "slow-origin-abort": 0.8})
    if not cached:
        return None
    return Reading("E08", "weak", "E08-abort-misses", facts, {**against, "slow-origin-abort": 0.3})


def client_timer(case: Case) -> Reading | None:
    """E16: aborts that all end at one value are a timer of the client, unless it is the origin that became slow."""
    if case.status not in LEFT or not len(case.failing) or _pulled(case):
        return None
    if not case.failing.has("duration_ms"):
        return Reading("E16", "not-measurable", "E16-not-measurable")
    found, widest = timer(case), pile(case.failing, case.limits["E16.width"])
    if found is None:
        facts = {"share": percent(widest.share) if widest else "0%", "at": seconds(widest.at) if widest else "-"}
        return Reading("E16", "refutes", "E16-refutes", facts, {"client-timeout": -1.0})
    facts = {"share": percent(found.share), "timer": seconds(found.at)}
    slow, who = slower(case), agent(case)
    if slow:
        return Reading("E16", "weak", "E16-slow", facts, {"slow-origin-abort": 0.2, "client-timeout": 0.2})
    against = {"client-release": -0.7, "client-abort": -1.0, "last-mile": -0.5}
    if who is not None:
        # Where the origin fails on the same paths, its slowness is cut off by the very timer and cannot be seen.
        weight = 0.6 if pulls(case) else 1.6 if slow is False else 1.1
        facts["agent"] = who.name
        return Reading("E16", "confirms", "E16-agent", facts, {**against, "client-timeout": weight})
    weight = 1.0 if slow is False and found.share >= case.limits["E16.most"] else 0.4
    return Reading("E16", "confirms", "E16-confirms", facts, {**against, "client-timeout": weight})


def cancelled(case: Case) -> Reading | None:
    """E17: aborts no later than answers usually end, of all kinds of client, are people who cancel and seek."""
    if case.status not in LEFT or carrier(case) or _willed(case, agent(case)) or timer(case) or slower(case):
        return None
    served = of_sections(case.served, sections(case))
    middle, usual = case.failing.quantile("duration_ms", 0.5), served.quantile("duration_ms", 0.9)
    if middle is None:
        return Reading("E17", "not-measurable", "E17-not-measurable")
    if usual is None or min(len(case.failing), len(served)) < case.limits["E15.rows"]:
        return None
    sent = case.failing.share(case.failing.number("bytes") >= case.limits["E15.empty"])
    facts = {"middle": seconds(middle), "usual": seconds(usual), "sent": percent(sent)}
    large = (served.quantile("bytes", 0.5) or 0.0) >= case.limits["E17.large"]
    partly = sent >= case.limits["E17.sent"]
    if middle <= usual or (large and partly):
        return Reading("E17", "confirms", "E17-confirms", facts, {"client-abort": 1.3 if partly else 1.0})
    if middle > case.limits["E17.longer"] * usual:
        return Reading("E17", "refutes", "E17-refutes", facts, {"client-abort": -0.8})
    return None


def one_network(case: Case) -> Reading | None:
    """E10: one carrier or region holds the aborts while the others are well."""
    if case.status not in UNFINISHED or not len(case.failing):
        return None
    if not (case.failing.has("isp") or case.failing.has("region")):
        return Reading("E10", "not-measurable", "E10-abort-not-measurable")
    place = _network(case)
    if place is None:
        if carriers_even(case):
            return Reading("E10", "refutes", "E10-abort-refutes", {}, {"last-mile": -1.0})
        return None
    facts = {
        "place": place.names[0],
        "held": percent(place.held),
        "base": percent(place.base),
        "inside": percent(place.inside),
        "outside": percent(place.outside),
    }
    others = ("slow-origin-abort", "client-timeout", "client-release", "origin-timeout", "origin-unreachable")
    favours = {**dict.fromkeys(others, -1.0), "client-abort": -0.8, "last-mile": 1.6}
    return Reading("E10", "confirms", "E10-abort-confirms", facts, favours)


def _network(case: Case) -> Concentration | None:
    """Return the carrier or region that stands out, unless a kind of client does so more clearly."""
    place, who = carrier(case), agent(case)
    if place is None or (who is not None and who.held * who.inside > place.held * place.inside):
        return None
    return place


def last_mile(case: Case) -> Reading | None:
    """E18: in the network that is hit, hits suffer as misses do, and what arrives does so slowly."""
    place = _network(case) if case.status in UNFINISHED else None
    if place is None:
        return None
    found, limits = crawl(case, place.names[0]), case.limits
    alike = found.hits >= limits["E18.alike"] * found.misses and found.rows >= limits["E15.rows"]
    crawls = found.usual is not None and (found.slow or 0) >= limits["E18.slower"] * found.usual
    facts = {"place": place.names[0], "hits": percent(found.hits), "misses": percent(found.misses)}
    facts |= {"slow": seconds(found.slow or 0), "usual": seconds(found.usual or 0)}
    if crawls:
        key = "E18-both" if alike else "E18-slow"
        return Reading("E18", "confirms", key, facts, {"last-mile": 1.2 if alike else 0.9})
    return Reading("E18", "confirms", "E18-hits", facts, {"last-mile": 0.7}) if alike else None


def failed_pull(case: Case) -> Reading | None:
    """E18b: aborts beside 5xx of the origin on the same paths: the same failure, or people who left before it."""
    found = pulls(case)
    if found is None:
        return None
    facts = {"codes": found.codes, "gone": seconds(found.gone), "ended": seconds(found.ended)}
    if found.same:
        return Reading("E18b", "confirms", "E18b-confirms", facts, {found.cause: 1.6, "client-abort": -0.8})
    if found.gone < found.ended and found.ended >= case.limits["E15.long"] * _MILLISECONDS:
        return Reading("E18b", "confirms", "E18b-left", facts, {"slow-origin-abort": 0.6, "client-abort": -0.5})
    return None


def _pulled(case: Case) -> bool:
    """Whether the aborts are fetches from the origin that failed, not clients that left."""
    found = pulls(case)
    return found is not None and found.same


def one_release(case: Case) -> Reading | None:
    """E35: one product or version holds the aborts: its timer if they end at one value, else what it does."""
    if case.status not in UNFINISHED or not len(case.failing):
        return None
    if not case.failing.has("user_agent"):
        return Reading("E35", "not-measurable", "E35-abort-not-measurable")
    who = _release(case)
    if who is None:
        return None
    facts = _shown(who)
    if case.status in LEFT and timer(case) is not None:
        return Reading("E35", "confirms", "E35-abort-confirms", facts, {"client-timeout": 0.8, "client-abort": -0.8})
    if not _willed(case, who):
        return Reading("E35", "weak", "E35-abort-confirms", facts, {"client-release": 0.4})
    weight = (1.3 if who.versions else 0.9) + (0.5 if who.fresh else 0.0)
    key = "E35-abort-fresh" if who.fresh else "E35-abort-versions" if who.versions else "E35-abort-confirms"
    return Reading("E35", "confirms", key, facts, {"client-release": weight, "client-abort": -0.8, "last-mile": -0.5})


def whole_release(case: Case) -> Reading | None:
    """E07: nearly all that one version asks for on these paths is aborted: no person does that."""
    if case.status not in UNFINISHED or (case.status in LEFT and timer(case) is not None):
        return None
    who = _release(case)
    if who is None or who.inside < case.limits["E07.aborted"]:
        return None
    return Reading("E07", "confirms", "E07-abort-all", _shown(who), {"client-release": 0.9, "client-abort": -0.5})


def _release(case: Case) -> Agent | None:
    """Return the kind of client that stands out, unless a network does so more clearly or the origin became slow."""
    if case.failing.distinct("client_ip") < case.limits["E35.clients"] or _network(case) is not None or slower(case):
        return None
    return agent(case)


def _willed(case: Case, who: Agent | None) -> bool:
    """Whether a program does it, not the people who use it: other versions do not, or nearly no request is spared."""
    return who is not None and (who.versions or who.fresh or who.inside >= case.limits["E07.aborted"])


def _shown(who: Agent) -> dict[str, str]:
    numbers = {"held": who.held, "inside": who.inside, "outside": who.outside}
    return {"agent": who.name, **{name: percent(share) for name, share in numbers.items()}}


RULES: tuple[Rule, ...] = (
    slow_origin,
    leg,
    client_timer,
    cancelled,
    one_network,
    last_mile,
    failed_pull,
    one_release,
    whole_release,
)
