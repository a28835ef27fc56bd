"""Joins what belongs together: one fault often shows as several codes, and a fault of the platform on several domains.

Two incidents are one if they overlap in time and one of these holds: both have the same platform cause, whatever the
domain; same domain and same cause; same domain and causes of one family (a slow origin makes some clients leave, 499,
and others wait for the timer, 504; a flood meets the rate limit, 514, and then the ban, 509); same domain, and one is
people who leave (0, 499) the very paths on which the origin fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

from cdnlog.answers import Answer
from cdnlog.diagnosis.affected import Affected
from cdnlog.diagnosis.decide import UNDETERMINED, Decision
from cdnlog.diagnosis.stretches import Stretch

T = TypeVar("T")
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
    loud = [draft for draft in drafts if draft.stretch.incident]
    groups = _Groups(len(loud))
    for mine in _alike(draft.stretch.series.domain for draft in loud).values():
        for i, j in combinations(mine, 2):
            if groups.of(i) != groups.of(j) and _belong(loud[i], loud[j]):
                groups.join(i, j)
    for cause, mine in _alike(draft.decision.cause for draft in loud).items():
        if cause in _PLATFORM:
            _join_overlapping(groups, {i: loud[i].stretch for i in mine})
    found = sorted(_alike(map(groups.of, range(len(loud)))).items())
    return [*(sorted((loud[i] for i in mine), key=_main_first) for _, mine in found), *noise]


class _Groups:
    """Which of so many things belong together; a group goes by the number of its last member."""

    def __init__(self, size: int) -> None:
        self._later = list(range(size))

    def of(self, one: int) -> int:
        """Return the group of a thing."""
        while self._later[one] != one:
            self._later[one] = one = self._later[self._later[one]]
        return one

    def join(self, one: int, other: int) -> None:
        """Make one group of those of two things."""
        first, last = sorted((self.of(one), self.of(other)))
        self._later[first] = last


def _alike(keys: Iterable[T]) -> dict[T, list[int]]:
    """Return the places of equal keys."""
    places: dict[T, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    return places


def _join_overlapping(groups: _Groups, parts: Mapping[int, Stretch]) -> None:
    """Join those that overlap in time."""
    order = sorted(parts, key=lambda i: parts[i].windows[0])
    longest = order[0]
    for i in order[1:]:
        if parts[i].windows[0] <= parts[longest].windows[-1]:
            groups.join(longest, i)
        longest = max(longest, i, key=lambda j: parts[j].windows[-1])


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
    """Whether two incidents of one domain are one."""
    if not _overlap(one.stretch, other.stretch):
        return False
    causes = {one.decision.cause, other.decision.cause}
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
