"""Rules on limits and bans: too many requests of one address, stolen passwords, floods (401, 403, 429, 509, 514)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from cdnlog.diagnosis.case import Case, Reading, Rule, percent
from cdnlog.diagnosis.rules.refused import (
    Crowd,
    Pace,
    addresses,
    both_of,
    browsing,
    crowd,
    effective,
    hurried,
    known,
    measured,
    one_agent,
    pace,
)

LIMITED = frozenset({429, 514})
REFUSED = frozenset({403, 566})
BANNED = 509
STUFFED = 401
_LIMITS = ("rate-limit", "rate-limit-shared-ip", "abusive-client")
_LOGIN = re.compile(r"log-?in|sign-?in|auth|token|session|account|passw|user|member|oauth|sso", re.IGNORECASE)


def frequency(case: Case) -> Reading | None:
    """E19: a limit refuses in busy seconds, and lets the same addresses pass in others."""
    if case.status not in LIMITED:
        return None
    if not known(case, "client_ip"):
        return Reading("E19", "not-measurable", "E19-not-measurable")
    busy = pace(case)
    facts = {"refused": f"{busy.refused + 1:.1f}", "ordinary": f"{busy.ordinary + 1:.1f}"}
    if hurried(case, busy):
        return Reading("E19", "confirms", "E19-confirms", facts, {**dict.fromkeys(_LIMITS, 0.8), "ip-list": -0.8})
    if busy.refused <= case.limits["E19.slower"] * max(busy.ordinary, 1.0):
        return Reading("E19", "refutes", "E19-refutes", facts, {**dict.fromkeys(_LIMITS, -0.8), "ip-list": 0.7})
    return Reading("E19", "weak", "E19-weak", facts)


def who(case: Case) -> Reading | None:
    """E21: offices and carriers hold many kinds of client behind an address, a machine one that never tires."""
    if case.status not in LIMITED | REFUSED | {BANNED}:
        return None
    if not (known(case, "client_ip") and known(case, "user_agent")):
        return Reading("E21", "not-measurable", "E21-not-measurable")
    people, busy, spread = crowd(case), pace(case), effective(case.failing, "client_ip")
    facts = _people(people, busy, spread)
    if _machine(case, people, busy, spread):
        return Reading("E21", "confirms", "E21-machine", facts, _favours(case, "abusive-client", 1.6))
    if case.status not in LIMITED:
        return Reading("E21", "refutes", "E21-no-machine", facts, {"abusive-client": -0.7})
    cause, phrase, sure = _limited(case, people, spread)
    if cause:
        weight = case.limits["E21.sure"] if sure else case.limits["E21.likely"]
        return Reading("E21", "confirms", phrase, facts, _favours(case, cause, weight))
    return Reading("E21", "weak", "E21-weak", facts)


def _limited(case: Case, people: Crowd, spread: float) -> tuple[str, str, bool]:
    """Return for whom a limit is too low, "" where that cannot be told, the sentence, and whether it is clear."""
    limits = case.limits
    always = addresses(case).coverage >= limits["E20.coverage"]
    if always or people.known < limits["E21.known"] or not browsing(case):
        return "", "", False
    shared = people.crowded >= limits["E21.crowded"] and people.homes <= limits["E21.homes"]
    if shared and people.agents >= limits["E21.crowd"]:
        return "rate-limit-shared-ip", "E21-shared", people.homes <= limits["E21.homes"] / 2
    many = case.failing.distinct("client_ip") >= limits["E21.many"] and spread >= limits["E21.spread"]
    low = people.crowded <= limits["E21.single"] and people.homes >= limits["E21.homes"]
    if low and many and not one_agent(case):
        return "rate-limit", "E21-single", people.homes >= 1 - limits["E21.homes"]
    return "", "", False


def _people(people: Crowd, busy: Pace, spread: float) -> Mapping[str, str]:
    return {
        "addresses": f"{max(1.0, spread):,.0f}",
        "crowded": percent(people.crowded),
        "agents": f"{people.agents:.0f}",
        "times": f"{(busy.volume + 1) / (busy.usual + 1):,.0f}",
    }


def _machine(case: Case, people: Crowd, busy: Pace, spread: float) -> bool:
    """Whether few addresses, or one kind of client, ask far more than others do, and not as people browse."""
    limits = case.limits
    strange = not browsing(case) or effective(case.failing, "user_agent") <= limits["E21.kinds"]
    few = spread <= limits["E21.handful"] and people.single >= limits["E21.alone"]
    some = spread <= limits["E21.few"] and strange
    return (
        (few or some or one_agent(case))
        and busy.volume + 1 >= limits["E21.volume"] * (busy.usual + 1)
        and (hurried(case, busy) or case.status == BANNED)
    )


def _favours(case: Case, cause: str, weight: float) -> dict[str, float]:
    against = _LIMITS if case.status in LIMITED else ()
    return {**dict.fromkeys(against, -0.8), cause: weight}


def credentials(case: Case) -> Reading | None:
    """E21: few addresses that try one login again and again, nearly always in vain."""
    if case.status not in {STUFFED, 429} or not known(case, "client_ip"):
        return None
    limits = case.limits
    top = case.failing.top("path")
    if not top:
        return None
    path, share = str(case.failing.text("path", top[0][0])), top[0][1]
    spread = effective(case.failing, "client_ip")
    tries = case.failing.requests / max(1.0, spread)
    facts = {"path": path, "share": percent(share), "tries": f"{tries:,.0f}", "addresses": f"{max(1.0, spread):,.0f}"}
    wide = spread >= limits["E21.wide"] or tries < limits["E21.tries"]
    if share < limits["E21.path"] or wide:
        return Reading("E21", "refutes", "E21-no-tries", facts, {"abusive-client": -0.8})
    busy = pace(case)
    often = busy.volume + 1 >= limits["E21.often"] * (busy.usual + 1)
    if often and (_LOGIN.search(path) or one_agent(case)):
        return Reading("E21", "confirms", "E21-tries", facts, {"abusive-client": 1.6, "origin-denied": -0.8})
    return Reading("E21", "weak", "E21-few-tries", facts)


def in_vain(case: Case) -> Reading | None:
    """E20: at a login, addresses that get in hardly ever while others get in are not the site's users."""
    if case.status != STUFFED or not known(case, "client_ip"):
        return None
    found = addresses(case)
    facts = {"share": percent(found.coverage), "rate": percent(found.rate), "addresses": f"{len(found.names):,}"}
    vain = found.coverage >= case.limits["E20.coverage"] and found.rate >= case.limits["E20.rate"]
    if vain and found.let_in >= case.limits["group.rows"] and measured(case):
        return Reading("E20", "confirms", "E20-vain", facts, {"abusive-client": 0.7, "origin-denied": -0.5})
    return Reading("E20", "refutes", "E20-not-vain", facts, {"abusive-client": -0.5})


def whole_domain(case: Case) -> Reading | None:
    """E26: a ban refuses everybody on the domain; a list of attackers lets other addresses pass."""
    if case.status != BANNED:
        return None
    refused, *passed = both_of(case).parts
    banned = set(refused.codes("client_ip").tolist())
    others = {code for rows in passed for code in rows.codes("client_ip").tolist()} - banned
    through = len(others) / (len(others) + len(banned))
    share = refused.requests / (refused.requests + sum(rows.requests for rows in passed))
    facts = {"share": percent(share), "addresses": f"{len(banned):,}", "through": percent(through)}
    if through <= case.limits["E26.whole"] and share >= case.limits["E26.share"]:
        return Reading("E26", "confirms", "E26-whole", facts, {"flood-ban": 1.0, "abusive-client": -1.0})
    if through >= case.limits["E26.part"]:
        return Reading("E26", "refutes", "E26-part", facts, {"flood-ban": -1.5, "abusive-client": 0.9})
    return Reading("E26", "weak", "E26-weak", facts)


def flood(case: Case) -> Reading | None:
    """E05: a ban comes after a flood: many times the usual requests just before it."""
    if case.status != BANNED:
        return None
    if not case.quiet:
        return Reading("E05", "not-measurable", "E05-flood-not-measurable")
    before = [case.load.requests.get(window, 0) for window in case.quiet]
    first = case.windows[0]
    near = [first - i * case.window for i in range(-1, int(case.limits["E26.lead"] * 60 // case.window) + 1)]
    peak = max(case.load.requests.get(window, 0) for window in near)
    usual = float(np.median(before))
    facts = {"times": f"{peak / max(usual, 1.0):.1f}"}
    if peak >= case.limits["E26.flood"] * max(usual, 1.0):
        return Reading("E05", "confirms", "E05-flood", facts, {"flood-ban": 0.7})
    return Reading("E05", "weak", "E05-no-flood", facts)


RULES: tuple[Rule, ...] = (frequency, who, credentials, in_vain, whole_domain, flood)
