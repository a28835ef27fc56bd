"""`Case`: all that a rule may look at to tell the cause of one incident; and what a rule says of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any, ClassVar, Concatenate, Literal, ParamSpec, TypeVar

from cdnlog.declared import Code, Entry
from cdnlog.diagnosis.rows import Rows
from cdnlog.diagnosis.series import DomainSeries

P = ParamSpec("P")
T = TypeVar("T")
Verdict = Literal["confirms", "refutes", "weak", "not-measurable"]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Other domains in the same trouble.

    Attributes:
        NAMED: How many names there are at most.
        domains: How many domains.
        names: The first of their names.
    """

    NAMED: ClassVar[int] = 3
    domains: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One incident.

    Attributes:
        domain: The domain.
        status: The code.
        entry: What the tables say of the code; its causes are the candidates.
        windows: Windows of the incident that have requests, UTC seconds, in order.
        quiet: Windows of the domain before the incident that are outside all its incidents of this code.
        window: Length of a window in seconds.
        onset: Whether the log shows the begin.
        failing: Kept rows of the incident.
        served: Kept rows of the domain with a status below 400 at the same time.
        others: Kept failing rows of the domain at the same time with another code.
        before: Kept served rows of the quiet windows.
        load: What the domain carried, all windows.
        neighbours: Returns the other domains on which incidents of some codes overlap with this one and began within so
            many seconds of it.
        domains: Domains of the run that have requests at the time, with this one.
        limits: Thresholds by name, see `schemas/rules/`.
    """

    domain: str
    status: int
    entry: Entry | Code
    windows: tuple[int, ...]
    quiet: tuple[int, ...]
    window: int
    onset: bool
    failing: Rows
    served: Rows
    others: Rows
    before: Rows
    load: DomainSeries
    neighbours: Callable[[frozenset[int], float], Neighbours]
    domains: int
    limits: Mapping[str, float]

    @cached_property
    def measured(self) -> dict[Hashable, Any]:
        """What was measured already, see `once`."""
        return {}

    @cached_property
    def requests(self) -> int:
        """All requests of the domain in the windows of the incident."""
        return sum(self.load.requests.get(window, 0) for window in self.windows)

    @cached_property
    def cached(self) -> bool:
        """Whether the log says what the cache did."""
        return any(self.load.lookups.values())

    @cached_property
    def share(self) -> float:
        """Share of the failing requests in all."""
        return self.failing.requests / self.requests if self.requests else 0.0

    @cached_property
    def misses(self) -> Rows:
        """Served requests of the incident's time that were not served from the cache."""
        return self.served.where(~self.served.hit)

    @cached_property
    def misses_before(self) -> Rows:
        """The same for the quiet time."""
        return self.before.where(~self.before.hit)


def once(measure: Callable[Concatenate[Case, P], T]) -> Callable[Concatenate[Case, P], T]:
    """Return a measurement of a case that is made once, however many rules ask for it."""

    @wraps(measure)
    def measured(case: Case, /, *args: P.args, **options: P.kwargs) -> T:
        key = (measure, args)
        if key not in case.measured:
            case.measured[key] = measure(case, *args, **options)
        made: T = case.measured[key]
        return made

    return measured


@dataclass(frozen=True)
class Reading:
    """What one rule says of a case.

    Attributes:
        rule: Its name, "E37".
        verdict: What it says.
        phrase: Key of its sentence in `schemas/rules/`.
        facts: What goes into the sentence; text from the log only through here.
        favours: For each cause how much this speaks for it: 1 is a good reason, 2 settles it, negative speaks against.
    """

    rule: str
    verdict: Verdict
    phrase: str
    facts: Mapping[str, str] = field(default_factory=dict)
    favours: Mapping[str, float] = field(default_factory=dict)


Rule = Callable[[Case], Reading | None]
"""A rule: returns None where it has nothing to say of such a code."""


def percent(share: float) -> str:
    """Return a share as a sentence shows it."""
    return f"{share:.0%}" if share >= 0.1 or not share else f"{share:.1%}"  # noqa: PLR2004 - two digits are enough


def seconds(milliseconds: float) -> str:
    """Return a duration as a sentence shows it."""
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"  # noqa: PLR2004
