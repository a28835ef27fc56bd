"""Rules on codes that tell of the way to the origin: timers, fast failures, names, encryption, redirects."""

from __future__ import annotations

import numpy as np

from cdnlog.diagnosis.case import Case, Reading, Rule, once, percent, seconds
from cdnlog.diagnosis.rows import Rows
from cdnlog.diagnosis.rules import load
from cdnlog.diagnosis.rules.compare import (
    Pile,
    everywhere,
    from_cache,
    growth,
    hugging,
    narrow,
    path_group,
    paths,
    pile,
    ran_out,
    sluggish,
    wide,
)

TIMER_CODES = frozenset({502, 503, 504, 532, 533, 537, 564})
KIND_CODES = frozenset({500, 502, 503, 532, 564})
LOOP_CODES = frozenset({423, 508})
_ANSWERS = frozenset({500, 503})  # the origin's own words; a refused connection is another code
_SAID = {533: "origin-unreachable", 537: "origin-timeout"}  # these codes name the stage themselves
_STAGES = {531: "origin-dns", 538: "origin-tls", 539: "origin-certificate", 540: "origin-certificate-name"}
_SAID_OF_NAMES = ("E43", "E43-paths", "E43-confirms")
_SAID_OF_TLS = ("E44", "E44-paths", "E44-confirms")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MILLISECONDS = 1000


def timer(case: Case) -> Reading | None:
    """E37: durations that pile up at one value are a timer running out; spread ones are not."""
    if case.status not in TIMER_CODES or from_cache(case):
        return None
    found = pile(case.failing, case.limits["E37.width"])
    if found is None:
        return Reading("E37", "not-measurable", "E37-not-measurable")
    facts = {"share": percent(found.share), "timer": seconds(found.at)}
    if not ran_out(case, found):
        against = {"origin-timeout": -1.0, "origin-unreachable": -1.0}
        piled = found.share >= case.limits["E37.share"]
        return Reading("E37", "refutes", "E37-short" if piled else "E37-refutes", facts, against)
    if case.status in _SAID:
        return Reading("E37", "confirms", "E37-confirms", facts, {_SAID[case.status]: 1.0})
    return _which_timer(case, found, facts)


def _which_timer(case: Case, found: Pile, facts: dict[str, str]) -> Reading:
    """Tell the timer of a connect, which nothing gets through, from that of an origin that is reached but slow."""
    close, grown = narrow(case) or hugging(case, found), growth(case)
    if close or sluggish(case):
        slow_by_itself = close or (grown is not None and grown.misses < case.limits["E40.more"])
        favours = {"origin-timeout": 1.2 if slow_by_itself else 0.6, "origin-unreachable": -0.7}
        return Reading("E37", "confirms", "E37-read", facts, favours)
    answered = case.misses.requests / (case.failing.requests + case.misses.requests)
    if wide(case) or answered <= case.limits["E37.answered"]:
        favours = {"origin-unreachable": 1.3, "origin-timeout": -0.3, "origin-overload": -0.5}
        return Reading("E37", "confirms", "E37-connect", facts, favours)
    return Reading("E37", "confirms", "E37-confirms", facts, {"origin-timeout": 0.5, "origin-unreachable": 0.5})


def kind(case: Case) -> Reading | None:
    """E38: how long failures take, against answers of the origin, tells who says no and whether it thought first."""
    if case.status not in KIND_CODES or from_cache(case):
        return None
    found = pile(case.failing, case.limits["E37.width"])
    if found is None:
        return Reading("E38", "not-measurable", "E38-not-measurable")
    return None if ran_out(case, found) else _by_speed(case)


def _by_speed(case: Case) -> Reading | None:
    answers = _answers(case)
    quickest, middle = (answers.quantile("duration_ms", q) for q in (0.1, 0.5))
    failed = case.failing.quantile("duration_ms", 0.5) or 0.0
    facts = {"failed": seconds(failed), "quickest": _told(quickest), "answered": _told(middle)}
    if narrow(case):
        return _application(facts)
    if quickest is None or middle is None:
        instant = failed <= case.limits["E38.instant"] * _MILLISECONDS and _tight(case, middle)
        favours = {} if case.status in _ANSWERS else {"origin-refused": 0.9}
        return Reading("E38", "weak", "E38-alone", facts, favours) if instant else None
    if failed <= quickest and _tight(case, middle):
        if failed > case.limits["E38.far"] * quickest:  # a round trip more or less: both may be the network's
            return Reading("E38", "weak", "E38-between", facts)
        return _at_once(case, facts)
    return _like_answers(case, facts, failed, middle)


def _tight(case: Case, middle: float | None) -> bool:
    """Whether the failures take all the same, as a round trip does and work does not, or are all far below answers."""
    low, high = (case.failing.quantile("duration_ms", q) or 0.0 for q in (0.1, 0.9))
    even = high <= case.limits["E38.tight"] * max(low, 1) or high - low <= case.limits["E38.jitter"] * _MILLISECONDS
    return even or (middle is not None and high <= case.limits["E38.below"] * middle)


def _at_once(case: Case, facts: dict[str, str]) -> Reading:
    if case.status in _ANSWERS:
        return Reading("E38", "confirms", "E38-at-once", facts, {"origin-overload": -0.7, "origin-error": 0.3})
    against = dict.fromkeys(("origin-error", "origin-bad-response", "origin-overload"), -1.0)
    return Reading("E38", "confirms", "E38-fast", facts, {**against, "origin-refused": 1.6})


def _application(facts: dict[str, str]) -> Reading:
    """Some groups of paths fail while others are answered: whatever the speed, it is what lies behind those paths."""
    against = dict.fromkeys(("origin-refused", "origin-bad-response", "origin-overload", "origin-unreachable"), -1.0)
    return Reading("E38", "confirms", "E38-paths", facts, {**against, "origin-error": 1.4})


def _like_answers(case: Case, facts: dict[str, str], failed: float, middle: float) -> Reading | None:
    """Failures on all paths that take their time: the origin took the request, and broke off, or was too busy."""
    if failed < case.limits["E38.like"] * middle:
        return Reading("E38", "weak", "E38-between", facts, {"origin-refused": -0.5})
    slow = sluggish(case)
    favours = {"origin-refused": -1.0}
    if slow is not True and wide(case):
        if case.status == 502:  # noqa: PLR2004 - a bad gateway: what came was no answer; the others are answers
            favours |= {"origin-bad-response": 1.3 if slow is False else 0.7, "origin-error": -0.3}
        else:
            favours |= {"origin-error": 1.0 if slow is False else 0.6}
    return Reading("E38", "confirms", "E38-like", facts, favours)


@once
def _answers(case: Case) -> Rows:
    """Return what the origin answered, in the groups of paths that fail: now, else before."""
    where = paths(case)
    chosen = frozenset(where.names) if where else frozenset()
    for rows in (case.misses, case.misses_before):
        alike = rows if "" in chosen else rows.where(rows.test("path", lambda path: path_group(path) in chosen))
        for some in (alike, rows):
            if len(some) >= case.limits["E38.rows"]:
                return some
    return case.misses.where(np.zeros(len(case.misses), bool))


def _told(milliseconds: float | None) -> str:
    return "?" if milliseconds is None else seconds(milliseconds)


def idle_connections(case: Case) -> Reading | None:
    """E39: few failures, on all paths, at the speed of a round trip: an idle connection closed by the origin."""
    if case.status not in (502, 503) or from_cache(case) or case.share > case.limits["E39.share"] or not wide(case):
        return None
    answers = _answers(case)
    middle, failed = answers.quantile("duration_ms", 0.5), case.failing.quantile("duration_ms", 0.5)
    if middle is None or failed is None or failed > case.limits["E39.quick"] * middle:
        return None
    return Reading("E39", "weak", "E39-weak", {"share": percent(case.share), "failed": seconds(failed)})


def stage(case: Case) -> Reading | None:
    """E43, E44: a name or certificate fails for all misses of one domain, or for those of one of several servers."""
    cause = _STAGES.get(case.status)
    if cause is None or everywhere(case):
        return None
    rule, some, all_ = _SAID_OF_NAMES if cause == "origin-dns" else _SAID_OF_TLS
    asked = case.failing.requests + case.misses.requests
    facts = {"failing": percent(case.failing.requests / asked if asked else 0.0)}
    if narrow(case):
        return Reading(rule, "weak", some, facts)
    facts["failed"] = _told(case.failing.quantile("duration_ms", 0.5))
    return Reading(rule, "confirms", all_, facts, {cause: 1.0})


def loop(case: Case) -> Reading | None:
    """E36: the paths that end in a loop were answered by redirects."""
    if case.status not in LOOP_CODES or everywhere(case):
        return None
    rows = case.served
    turned = rows.where(np.isin(rows.number("status"), sorted(_REDIRECTS)))
    again = np.isin(case.failing.codes("path"), turned.codes("path"))
    facts = {"share": percent(case.failing.share(again)), "redirects": f"{turned.requests:,.0f}"}
    before = case.before.share(np.isin(case.before.number("status"), sorted(_REDIRECTS)))
    now = rows.share(np.isin(rows.number("status"), sorted(_REDIRECTS)))
    facts |= {"before": percent(before), "now": percent(now)}
    if case.failing.share(again) >= case.limits["E36.share"]:
        return Reading("E36", "confirms", "E36-confirms", facts, {"redirect-loop": 1.2})
    return Reading("E36", "weak", "E36-weak", facts)


RULES: tuple[Rule, ...] = (timer, kind, idle_connections, stage, loop, *load.RULES)
