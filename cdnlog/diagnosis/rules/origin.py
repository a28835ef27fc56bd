"""Rules on codes that tell of the way to the origin: timers, fast failures, load."""

from __future__ import annotations

from cdnlog.diagnosis.case import Case, Reading, Rule, percent, seconds

ORIGIN_CODES = frozenset({500, 502, 503, 504, 532, 533, 537, 564})
_MILLISECONDS = 1000


def timer(case: Case) -> Reading | None:
    """E37: durations that pile up at one value are a timer running out; spread ones are not."""
    if case.status not in ORIGIN_CODES:
        return None
    if not case.failing.has("duration_ms"):
        return Reading("E37", "not-measurable", "E37-not-measurable")
    middle = case.failing.quantile("duration_ms", 0.5) or 0.0
    width = case.limits["E37.width"] * middle
    durations = case.failing.number("duration_ms")
    share = case.failing.share((durations >= middle - width) & (durations <= middle + width))
    facts = {"share": percent(share), "timer": seconds(middle)}
    if share >= case.limits["E37.share"] and middle >= case.limits["E37.shortest"] * _MILLISECONDS:
        return Reading("E37", "confirms", "E37-confirms", facts, {"origin-timeout": 1.0, "origin-unreachable": 1.0})
    against = {"origin-timeout": -1.0, "origin-unreachable": -1.0}
    return Reading("E37", "refutes", "E37-refutes", facts, against)


RULES: tuple[Rule, ...] = (timer,)
