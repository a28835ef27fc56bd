"""Joins incidents, code table and evidence: what failed, since when, whose it is, and what to do first.

What is left of a code outside its incidents is one finding of cause "background": chronic noise that harms nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial

from cdnlog.catalog import Answer, Catalog
from cdnlog.counts import Counts
from cdnlog.declared import Lang
from cdnlog.diagnosis.affected import Affected, affected
from cdnlog.diagnosis.case import Reading
from cdnlog.diagnosis.cases import Library
from cdnlog.diagnosis.decide import UNDETERMINED, Decision, decide
from cdnlog.diagnosis.incidents import LEAST, gate
from cdnlog.diagnosis.series import series_of
from cdnlog.diagnosis.severity import INFO, severity
from cdnlog.diagnosis.statistics import wilson_low
from cdnlog.diagnosis.stretches import Stretch, stretches
from cdnlog.evidence import Evidence
from cdnlog.model import SEVERITIES, Finding

BACKGROUND = "background"


@dataclass(frozen=True)
class Tables:
    """What the findings are told with.

    Attributes:
        catalog: The data in force.
        provider: The code table to ask.
        lang: Language of all sentences.
    """

    catalog: Catalog
    provider: str
    lang: Lang = "en"


def findings(counts: Counts, evidence: Evidence | None, tables: Tables) -> tuple[Finding, ...]:
    """Return the findings, worst first; any split of the input gives the same ones.

    Args:
        counts: Counts by window, domain and status at least.
        evidence: Kept rows of the same requests, None if there are only counts.
        tables: What to tell them with.

    Raises:
        UsageError: The counts lack one of these dimensions.
    """
    cut = [stretch for one in series_of(counts) for stretch in stretches(one)]
    author = _Author(counts, evidence, tables, cut)
    return tuple(sorted(_named_apart([author.finding(stretch) for stretch in cut]), key=_worst_first))


class _Author:
    """Writes the findings of one run."""

    def __init__(self, counts: Counts, evidence: Evidence | None, tables: Tables, cut: list[Stretch]) -> None:
        self._counts, self._tables, self._cut = counts, tables, cut
        self._library = Library(counts, evidence) if evidence is not None and len(evidence) else None
        self._end = max(counts.columns["window_start"], default=0)
        self._explain = cache(partial(tables.catalog.explain, tables.provider))
        self._about = cache(tables.catalog.cause)
        self._limits = tables.catalog.thresholds()
        self._incidents = [stretch for stretch in cut if stretch.incident]

    def finding(self, stretch: Stretch) -> Finding:
        """Return what there is to say of one stretch."""
        counts, lang = self._counts, self._tables.lang
        hit = affected(self._library.failing(stretch), stretch.requests) if self._library else Affected()
        answer = self._explain(stretch.status, hit.word)
        decision = self._decision(stretch, answer)
        entry, about = answer.entry, self._about(decision.cause)
        told = decision.cause == UNDETERMINED or answer.entry.causes == (decision.cause,)
        advice = entry if told else about
        start, last = stretch.windows[0], stretch.windows[-1]
        return Finding(
            id=f"{answer.provider}/{stretch.series.domain}/{stretch.status}/{decision.cause}",
            provider=answer.provider,
            domain=stretch.series.domain,
            status=stretch.status,
            also=(),
            start=counts.shown(start),
            end=counts.shown(last + counts.window),
            active=last == self._end,
            state="unknown",
            requests=stretch.requests,
            total=stretch.total,
            share=round(stretch.requests / stretch.total, 6),
            clients=hit.clients,
            severity=_severity(stretch, hit.clients),
            owner=entry.owner if told else about.owner,
            cause=decision.cause,
            cause_title=about.title.of(lang),
            confidence=decision.confidence,
            name=entry.name.of(lang),
            meaning=entry.meaning.of(lang),
            fix=advice.fix.of(lang),
            avoid=advice.avoid.of(lang) if advice.avoid and stretch.incident else (),
            needs=entry.checks.of(lang) if decision.cause == UNDETERMINED else (),
            ticket=None,
            evidence=tuple(self._evidence(stretch, answer, hit, decision)),
            affected=hit.top,
            affected_shares=hit.shares,
        )

    def _decision(self, stretch: Stretch, answer: Answer) -> Decision:
        if stretch.incident is None:
            return Decision(BACKGROUND, "low", ())
        if self._library is None:
            only = answer.entry.causes[0] if len(answer.entry.causes) == 1 else UNDETERMINED
            return Decision(only, "low" if only == UNDETERMINED else "medium", ())
        case = self._library.case(stretch, answer.entry, self._counts, self._incidents, self._limits)
        return decide(case)

    def _evidence(
        self, stretch: Stretch, answer: Answer, hit: Affected, decision: Decision
    ) -> Iterator[Mapping[str, str]]:
        say, lang = self._tables.catalog.say, self._tables.lang
        for reading in decision.readings:
            yield self._told(reading)
        yield {"rule": "E01", **self._gate(stretch)}
        if stretch.incident and not stretch.incident.onset:
            yield {"rule": "E02", "verdict": "not-measurable", "statement": say("no-quiet-time", lang)}
        if hit.sampled:
            yield {"rule": "sample", "verdict": "weak", "statement": say("sampled", lang)}
        yield {"rule": "code-table", "verdict": "weak", "statement": self._told_by(answer)}

    def _told(self, reading: Reading) -> Mapping[str, str]:
        statement = self._tables.catalog.say(reading.phrase, self._tables.lang, **reading.facts)
        return {"rule": reading.rule, "verdict": reading.verdict, "statement": statement}

    def _gate(self, stretch: Stretch) -> Mapping[str, str]:
        failing, total = stretch.requests, stretch.total
        key = "gate-passed" if stretch.incident else "gate-few" if failing < LEAST else "gate-usual"
        facts = {
            "failing": f"{failing:,}",
            "total": f"{total:,}",
            "low": f"{wilson_low(failing, total):.1%}",
            "gate": f"{gate(stretch.status).share:.1%}",
        }
        statement = self._tables.catalog.say(key, self._tables.lang, **facts)
        return {"verdict": "confirms" if stretch.incident else "refutes", "statement": statement}

    def _told_by(self, answer: Answer) -> str:
        facts = {"code": str(answer.code), "provider": answer.provider, "word": answer.word or ""}
        return self._tables.catalog.say(f"told-by-{answer.answered_by}", self._tables.lang, **facts)


def _severity(stretch: Stretch, clients: int | None) -> str:
    if stretch.incident is None:
        return INFO
    return severity(stretch.requests, stretch.total, stretch.status, clients, stretch.incident)


def _named_apart(found: list[Finding]) -> Iterator[Finding]:
    """Number the findings of one domain, code and cause, the first one without a number."""
    seen: dict[str, int] = {}
    for finding in found:
        n = seen[finding.id] = seen.get(finding.id, 0) + 1
        yield finding if n == 1 else finding.renamed(f"{finding.id}/{n}")


def _worst_first(finding: Finding) -> tuple[int, int, str, int, str]:
    return SEVERITIES.index(finding.severity), -finding.requests, finding.domain, finding.status, finding.start
