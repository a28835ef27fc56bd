"""Joins what belongs together: one fault often shows as several codes, and a fault of the platform on several domains.

Two incidents are one if they overlap in time and one of these holds: both have the same platform cause, whatever the
domain; same domain and same cause; same domain and causes of one family (a slow origin makes some clients leave, 499,
and others wait for the timer, 504; a flood meets the rate limit, 514, and then the ban, 509); same domain, and one is
people who leave (0, 499) the very paths on which the origin fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdnlog.catalog import Answer
from cdnlog.diagnosis.affected import Affected
from cdnlog.diagnosis.decide import UNDETERMINED, Decision
from cdnlog.diagnosis.stretches import Stretch

_PLATFORM = frozenset({"platform-fault", "platform-overload"})
_FAMILIES = (
    frozenset({"slow-origin-abort", "origin-timeout", "origin-overload", "cache-buster"}),
    frozenset({"abusive-client", "flood-ban"}),
    frozenset({"rate-limit", "rate-limit-shared-ip"}),
    frozenset({"content-removed", "negative-cache"}),
)
_LEAVING = frozenset({0, 499})
_ORIGIN = "origin"
_SAME_PATHS = 0.5
_WAITED = 0.25


@dataclass(frozen=True)
class Draft:
    """What is known of one stretch before it becomes a finding, or a part of one.

    Attributes:
        stretch: Its windows.
        answer: What the tables say of its code.
        hit: Who is affected.
        decision: Its cause.
        owner: Whose the cause is.
    """

    stretch: Stretch
    answer: Answer
    hit: Affected
    decision: Decision
    owner: str


def correlated(drafts: Sequence[Draft]) -> list[list[Draft]]:
    """Return the drafts in groups, each one finding; the one with most failing requests comes first in its group."""
    noise = [[draft] for draft in drafts if draft.stretch.incident is None]
    groups: list[list[Draft]] = []
    for draft in drafts:
        if draft.stretch.incident is None:
            continue
        kin = [group for group in groups if any(_belong(draft, other) for other in group)]
        merged = [draft, *(one for group in kin for one in group)]
        groups = [group for group in groups if group not in kin] + [merged]
    return [*(sorted(group, key=_main_first) for group in groups), *noise]


def decider(group: Sequence[Draft]) -> Draft:
    """Return the part of a finding that tells its cause: the main one, but for people who leave a slow origin.

    Where for every four who left one waited until the edge's timer ran out, the origin had stopped answering in time.
    """
    main = group[0]
    if main.decision.cause == "slow-origin-abort":
        for draft in group[1:]:
            waited = draft.stretch.requests >= _WAITED * main.stretch.requests
            if draft.decision.cause == "origin-timeout" and waited:
                return draft
    return main


def _main_first(draft: Draft) -> tuple[bool, int, str, int, int]:
    stretch = draft.stretch
    undetermined = draft.decision.cause == UNDETERMINED
    return undetermined, -stretch.requests, stretch.series.domain, stretch.status, stretch.windows[0]


def _belong(one: Draft, other: Draft) -> bool:
    if not _overlap(one.stretch, other.stretch):
        return False
    causes = {one.decision.cause, other.decision.cause}
    if len(causes) == 1 and causes <= _PLATFORM:
        return True
    if one.stretch.series.domain != other.stretch.series.domain:
        return False
    if UNDETERMINED not in causes and (len(causes) == 1 or any(causes <= family for family in _FAMILIES)):
        return True
    return _left_it(one, other) or _left_it(other, one)


def _overlap(one: Stretch, other: Stretch) -> bool:
    return one.windows[0] <= other.windows[-1] and other.windows[0] <= one.windows[-1]


def _left_it(leaving: Draft, failing: Draft) -> bool:
    """Whether people leave the very paths on which the origin fails."""
    if leaving.stretch.status not in _LEAVING or failing.stretch.status in _LEAVING or failing.owner != _ORIGIN:
        return False
    if leaving.decision.cause not in (UNDETERMINED, "slow-origin-abort", "client-abort"):
        return False
    paths = set(failing.hit.top["paths"])
    pairs = zip(leaving.hit.top["paths"], leaving.hit.shares["paths"], strict=True)
    return sum(share for path, share in pairs if path in paths) >= _SAME_PATHS
