"""`--fail-on`: what makes a run exit 1."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from cdnlog.errors import UsageError
from cdnlog.model import SEVERITIES
from cdnlog.results import Night
from cdnlog.slo import LEAST, SPANS
from cdnlog.text import visible

_BURN = re.compile(rf"burn[:=](\d{{1,6}}(?:\.\d{{1,6}})?)(?:/({'|'.join(SPANS)}))?")
NEVER = "never"


@dataclass(frozen=True, slots=True)
class Severity:
    """A finding as bad as this, or worse."""

    name: str


@dataclass(frozen=True, slots=True)
class Burn:
    """A domain that spends its budget this many times as fast as it lasts, or faster.

    Attributes:
        rate: The burn rate.
        span: The key of `SPANS` it is held against, None for any of them.
    """

    rate: float
    span: str | None = None


Condition = Severity | Burn


def conditions(text: str, *, objective: bool) -> tuple[Condition, ...]:
    """Return what makes a run fail, as it is typed: "high", "burn:14.4", "burn:6/6h", "high,burn:14.4", "never".

    Args:
        text: One or several conditions with commas between them, any of which is enough.
        objective: Whether there is an objective to burn the budget of.

    Raises:
        UsageError: It is none of these, or a burn rate without an objective.
    """
    if text.strip() == NEVER:
        return ()
    return tuple(_condition(part.strip(), objective=objective) for part in text.split(","))


def _condition(text: str, *, objective: bool) -> Condition:
    if text in SEVERITIES:
        return Severity(text)
    match = _BURN.fullmatch(text)
    if match is None or not float(match[1]):
        known = f"one of {', '.join(SEVERITIES)}, a burn rate such as burn:14.4 or burn:6/6h, or {NEVER}"
        raise UsageError(f"fail-on cannot be '{visible(text)}'; it is {known}")
    if not objective:
        raise UsageError(f"fail-on '{text}' needs an objective; add --slo 99.9, or name a severity")
    return Burn(float(match[1]), match[2])


def fails(asked: Sequence[Condition], night: Night) -> bool:
    """Whether a night fails by any of the conditions; what is muted does not count."""
    return any(
        night.diagnosis.at_or_above(one.name) if isinstance(one, Severity) else bool(burning(one, night))
        for one in asked
    )


def burning(condition: Burn, night: Night) -> list[tuple[float, str, str]]:
    """Return what burns as fast as a condition says, the fastest first: rate, span and domain.

    The codes of a domain that are not muted spend together; too few failures tell nothing.
    """
    spent: dict[tuple[str, str], int] = {}
    allowed: dict[tuple[str, str], float] = {}
    for row in night.budget.rows if night.budget else ():
        if condition.span in (None, row.span) and row.status is not None and row.burn is not None:
            key = (row.domain, row.span)
            allowed[key] = row.allowed
            spent[key] = spent.get(key, 0) + (0 if night.muting.covers(row.domain, row.status) else row.failing)
    held = [key for key, failing in spent.items() if failing >= max(LEAST, condition.rate * allowed[key])]
    rates = ((spent[key] / allowed[key] if allowed[key] else inf, key) for key in held)
    return [(rate, span, domain) for rate, (domain, span) in sorted(rates, key=lambda item: (-item[0], item[1]))]
