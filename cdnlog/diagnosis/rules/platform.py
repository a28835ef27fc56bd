"""Rules on the CDN's own nodes, routes and capacity."""

from __future__ import annotations

from cdnlog.diagnosis.case import Case, Reading, Rule
from cdnlog.diagnosis.rules.compare import growth
from cdnlog.diagnosis.rules.general import PLATFORM_CODES

OVERLOAD_CODES = frozenset({524, 614})
_IDS = 5


def volume(case: Case) -> Reading | None:
    """E46: overload of the platform needs a surge of requests or bytes; without one it is a fault."""
    if case.status not in OVERLOAD_CODES or "platform-overload" not in case.entry.causes:
        return None
    grown = growth(case)
    if grown is None:
        return Reading("E46", "not-measurable", "E46-not-measurable")
    most = max(grown.peak, grown.bytes)
    facts = {"requests": f"{grown.peak:.1f}", "bytes": f"{grown.bytes:.1f}"}
    if most >= case.limits["E46.surge"]:
        sure = 2.0 if most >= case.limits["E46.great"] else 1.2
        return Reading("E46", "confirms", "E46-confirms", facts, {"platform-overload": sure, "platform-fault": -0.7})
    if most > case.limits["E46.usual"]:
        return Reading("E46", "weak", "E46-weak", facts)
    return Reading("E46", "refutes", "E46-refutes", facts, {"platform-overload": -1.2, "platform-fault": 1.3})


def ticket(case: Case) -> Reading | None:
    """E45: codes of the hops inside the CDN are the vendor's; what the ticket needs is to be had from the log."""
    if case.status not in PLATFORM_CODES or "platform-fault" not in case.entry.causes:
        return None
    named = [str(case.failing.text("request_id", code)) for code, _ in case.failing.top("request_id")[:_IDS]]
    favours = {"platform-fault": 0.8}
    if not named:
        return Reading("E45", "not-measurable", "E45-not-measurable", {}, favours)
    return Reading("E45", "weak", "E45-weak", {"ids": ", ".join(named)}, favours)


RULES: tuple[Rule, ...] = (volume, ticket)
