"""Truth and diagnosis -> verdict -> figures. Knows findings only by the fields of the contract."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scenarios.build import Truth

ALARMING = ("critical", "high", "medium")
_CHRONIC = {"client-abort", "broken-link", "scanner", "background"}  # right of the noise that every log here has
_HARMLESS = {"client-abort", "background"}

Finding = Any  # cdnlog.model.Finding, or whatever has its fields


@dataclass(frozen=True)
class Verdict:
    """How a diagnosis fares against the truth.

    Attributes:
        judged: The best-ranked finding of the planted incident, by its own code before side codes; None if missed.
        rank: 1 if a finding of the planted incident stands first; None if there is none.
        onset_error: Minutes between the judged finding's start and the first failing row.
        false_alarms: Findings of medium or worse where all is well.
        bold: Findings with a wrong cause and high confidence.
    """

    truth: Truth
    seed: int
    situation: str
    first: Finding | None
    judged: Finding | None
    rank: int | None
    onset_error: float | None
    false_alarms: tuple[Finding, ...]
    bold: tuple[Finding, ...]

    @property
    def incident(self) -> bool:
        """Whether there is something to find."""
        return bool(self.truth.scenario.cause) and not self.truth.scenario.benign

    @property
    def said(self) -> str:
        """The cause that was said."""
        return self.judged.cause if self.judged else "(missed)"

    @property
    def cause_right(self) -> bool:
        """Whether the cause was said; where nobody has to act, also whether nothing or "background" was."""
        if not self.truth.scenario.cause:
            return not self.false_alarms
        if self.truth.scenario.benign:
            return self.judged is None or self.judged.cause in _HARMLESS
        return self.said == self.truth.scenario.cause

    @property
    def owner_right(self) -> bool:
        """Whether the right one is told to act."""
        if self.truth.scenario.benign and (self.judged is None or self.judged.cause == "background"):
            return True
        return self.judged is not None and self.judged.owner == self.truth.scenario.owner

    @property
    def fell_for(self) -> bool:
        """Whether a cause was said that this scenario is the near miss of."""
        return self.said in self.truth.scenario.unlike


def judge(truth: Truth, findings: Sequence[Finding], seed: int, situation: str) -> Verdict:
    """Holds the findings, worst first, against the truth."""
    scenario = truth.scenario
    own = [finding for finding in findings if _names(finding, truth, {scenario.code})]
    any_code = [finding for finding in findings if _names(finding, truth, {scenario.code, *scenario.side})]
    judged = next(iter(own or any_code), None)
    alarming = [finding for finding in findings if finding.severity in ALARMING]
    quiet = not scenario.cause or scenario.benign
    error = abs(_seconds(judged.start) - truth.onset) / 60 if judged and truth.onset and not scenario.benign else None
    return Verdict(
        truth, seed, situation, findings[0] if findings else None, judged,
        findings.index(any_code[0]) + 1 if any_code else None, error,
        tuple(f for f in alarming if quiet or f.domain not in truth.domains),
        tuple(f for f in findings if f.confidence == "high" and _wrong(f, truth, judged)),
    )  # fmt: skip


def _names(finding: Finding, truth: Truth, codes: set[int]) -> bool:
    places = [(finding.domain, finding.status), *((also["domain"], also["status"]) for also in finding.also)]
    return any(domain in truth.domains and status in codes for domain, status in places)


def _wrong(finding: Finding, truth: Truth, judged: Finding | None) -> bool:
    """Tells whether a high-confidence finding is wrong; chronic noise is called by its own names, below medium."""
    if finding.cause == truth.scenario.cause:
        return False
    return finding is judged or finding.severity in ALARMING or finding.cause not in _CHRONIC


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def line(verdict: Verdict) -> str:
    """Returns one line for people."""
    truth, judged, first = verdict.truth, verdict.judged, verdict.first
    fine = verdict.cause_right and (verdict.rank == 1 or not verdict.incident) and not verdict.false_alarms
    planted = f"{truth.scenario.cause or 'healthy'}/{truth.scenario.owner or '-'}"
    said = f"{judged.cause}/{judged.owner} {judged.severity} {judged.confidence}" if judged else "(nothing on it)"
    other = "" if first is judged or first is None else f"  first: {first.domain} {first.status} {first.cause}"
    other += f"/{first.owner} {first.severity} {first.confidence}" if other else ""
    error = "-" if verdict.onset_error is None else f"{verdict.onset_error:.0f}"
    return (
        f"{'ok' if fine else '--'} {truth.scenario.name:28} {verdict.seed:>4} {verdict.situation:5}"
        f" {truth.failing:>6} failing  {planted} -> {said}  rank {verdict.rank or '-'}  onset {error} min"
        f"  false {len(verdict.false_alarms)}  bold {len(verdict.bold)}{other}"
    )


def totals(verdicts: Sequence[Verdict], title: str = "all") -> str:
    """Returns the figures of the bars, a line each."""
    some = [verdict for verdict in verdicts if verdict.truth.scenario.cause]
    incidents = [verdict for verdict in some if verdict.incident]
    errors = [verdict.onset_error for verdict in incidents if verdict.onset_error is not None]
    beside = sum(len(verdict.false_alarms) for verdict in incidents)
    figures = {
        "cause right": _share(some, lambda v: v.cause_right),
        "owner right": _share(some, lambda v: v.owner_right),
        "ranked first": _share(incidents, lambda v: v.rank == 1),
        "median onset error": f"{statistics.median(errors):.1f} min" if errors else "-",
        "false alarms on healthy logs": str(sum(len(v.false_alarms) for v in verdicts if not v.incident)),
        "false alarms on healthy domains beside an incident": str(beside),
        "high-confidence wrong": _share(verdicts, lambda v: bool(v.bold)),
        "taken for what it is a near miss of": _share(some, lambda v: v.fell_for),
    }
    return "\n".join([f"{title}: {len(verdicts)} logs", *(f"  {value:>9}  {name}" for name, value in figures.items())])


def _share(verdicts: Iterable[Verdict], holds: Callable[[Verdict], bool]) -> str:
    results = [holds(verdict) for verdict in verdicts]
    return f"{sum(results) / len(results):6.1%}" if results else "     -"


def confusion(verdicts: Iterable[Verdict]) -> str:
    """Returns a line per cause: how often it was said, and what was said instead."""
    by_cause: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.truth.scenario.cause:
            by_cause.setdefault(verdict.truth.scenario.cause, []).append(verdict)
    lines = []
    for cause, group in sorted(by_cause.items()):
        instead = Counter(verdict.said for verdict in group if not verdict.cause_right).most_common()
        told = ", ".join(f"{name} {count}" for name, count in instead)
        owner, first = _share(group, lambda v: v.owner_right), _share(group, lambda v: v.rank == 1)
        lines.append(f"{cause:24} {_share(group, lambda v: v.cause_right)}  owner {owner}  first {first}  {told}")
    return "\n".join(lines)
