"""Weighs what the rules say: one cause, how sure it is, and the evidence for and against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdnlog.diagnosis.case import Case, Reading
from cdnlog.diagnosis.rules import RULES

UNDETERMINED = "undetermined"


@dataclass(frozen=True)
class Decision:
    """The cause of a case.

    Attributes:
        cause: A name of the vocabulary.
        confidence: "high" with two independent rules for it and none that settles another, "medium" with one.
        readings: What the rules said, those for the cause first.
    """

    cause: str
    confidence: str
    readings: tuple[Reading, ...]


def decide(case: Case) -> Decision:
    """Run all rules and choose the cause that most speaks for; without enough, none."""
    readings = [reading for rule in RULES if (reading := rule(case)) is not None]
    scores = _scores(case, readings)
    ranked = sorted(scores, key=lambda cause: (-scores[cause], cause))
    best = ranked[0] if ranked else UNDETERMINED
    lead = scores[best] - scores[ranked[1]] if len(ranked) > 1 else scores.get(best, 0.0)
    alone = len(case.entry.causes) == 1 and best == case.entry.causes[0]
    if not alone and (scores.get(best, 0.0) < case.limits["decide.least"] or lead < case.limits["decide.lead"]):
        return Decision(UNDETERMINED, "low", tuple(_ordered(readings, UNDETERMINED)))
    for_it = {r.rule for r in readings if r.favours.get(best, 0.0) >= case.limits["decide.good"]}
    clear = scores[best] >= case.limits["decide.sure"] and (alone or lead >= case.limits["decide.clear"])
    sure = "high" if len(for_it) > 1 and clear else "medium" if for_it or alone else "low"
    return Decision(best, sure, tuple(_ordered(readings, best)))


def _scores(case: Case, readings: Sequence[Reading]) -> dict[str, float]:
    """Add up what speaks for each cause; the table's order breaks ties, its only cause needs no more."""
    step = case.limits["decide.order"]
    scores: dict[str, float] = {cause: -step * place for place, cause in enumerate(case.entry.causes)}
    if len(scores) == 1:
        scores[case.entry.causes[0]] = case.limits["decide.alone"]
    outside = case.limits["decide.outside"]
    for reading in readings:
        for cause, weight in reading.favours.items():
            scores[cause] = scores.get(cause, -outside) + weight
    return scores


def _ordered(readings: Sequence[Reading], cause: str) -> list[Reading]:
    """Sort what speaks for the cause first, then what speaks against others, then what could not be measured."""
    order = {"confirms": 0, "refutes": 1, "weak": 2, "not-measurable": 3}
    return sorted(readings, key=lambda r: (-r.favours.get(cause, 0.0), order[r.verdict], r.rule))
