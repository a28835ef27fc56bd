"""Joins incidents, code table and evidence: what failed, since when, whose it is, and what to do first.

What is left of a code outside its incidents is one finding of cause "background": chronic noise that harms nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from cdnlog.answers import Answer
from cdnlog.catalog import Catalog, say
from cdnlog.counts import Counts
from cdnlog.declared import Lang
from cdnlog.diagnosis.affected import Affected
from cdnlog.diagnosis.cases import Library
from cdnlog.diagnosis.correlate import Draft, correlated, decider
from cdnlog.diagnosis.decide import UNDETERMINED, Decision, decide
from cdnlog.diagnosis.incidents import LEAST, gate
from cdnlog.diagnosis.rows import Rows
from cdnlog.diagnosis.series import Traffic
from cdnlog.diagnosis.severity import INFO, severity
from cdnlog.diagnosis.statistics import wilson_low
from cdnlog.diagnosis.stretches import Stretch, stretches
from cdnlog.diagnosis.ticket import ticket
from cdnlog.diagnosis.usual import Usual
from cdnlog.evidence import Evidence
from cdnlog.model import SEVERITIES, Finding

BACKGROUND = "background"
HARMLESS = frozenset({"client-abort"})
"""Causes by which nobody is harmed: people who cancel and seek get what they want."""


@dataclass(frozen=True)
class Tables:
    """What the findings are told with.

    Attributes:
        catalog: The data in force.
        provider: The code table to ask.
        lang: Language of all sentences.
        providers: The code tables of domains that ask for another one.
    """

    catalog: Catalog
    provider: str
    lang: Lang = "en"
    providers: Mapping[str, str] = field(default_factory=dict)


def findings(
    counts: Counts, evidence: Evidence | None, tables: Tables, history: Usual | None = None
) -> tuple[Finding, ...]:
    """Return the findings, worst first; any split of the input gives the same ones.

    Args:
        counts: Counts by window, domain and status at least.
        evidence: Kept rows of the same requests, None if there are only counts.
        tables: What to tell them with.
        history: What is usual at other times, None if only these counts can tell.

    Raises:
        UsageError: The counts lack one of these dimensions.
    """
    traffic = Traffic(counts)
    cut = stretches(traffic, counts.window, history)
    judge = _Judge(counts, traffic, evidence, tables, cut)
    groups = correlated(judge.drafts())
    author = _Author(counts, traffic, tables, judge)
    return tuple(sorted(_named_apart([author.finding(group) for group in groups]), key=_worst_first))


class _Judge:
    """Decides on the cause of every stretch."""

    def __init__(
        self, counts: Counts, traffic: Traffic, evidence: Evidence | None, tables: Tables, cut: Sequence[Stretch]
    ) -> None:
        self._library = Library(counts, traffic, evidence, cut) if evidence is not None and len(evidence) else None
        self._tables, self._cut = tables, cut
        self._explain = cache(tables.catalog.explain)
        self.cause = cache(tables.catalog.cause)
        self.limits = tables.catalog.thresholds()

    @property
    def blind(self) -> bool:
        """Whether there are only counts."""
        return self._library is None

    def rows(self, stretch: Stretch) -> Rows | None:
        """Return the kept failing rows of a stretch, None if there are only counts."""
        return self._library.failing(stretch) if self._library else None

    def drafts(self) -> list[Draft]:
        """Return what there is to know of each stretch."""
        hits = self._library.affected if self._library else [Affected()] * len(self._cut)
        return [self._draft(stretch, hit) for stretch, hit in zip(self._cut, hits, strict=True)]

    def _draft(self, stretch: Stretch, hit: Affected) -> Draft:
        provider = self._tables.providers.get(stretch.series.domain, self._tables.provider)
        answer = self._explain(provider, stretch.status, hit.word)
        decision = self._decision(stretch, answer)
        told = decision.cause in (UNDETERMINED, BACKGROUND)
        owner = answer.entry.owner if told else self.cause(decision.cause).owner
        return Draft(stretch, answer, hit, decision, owner)

    def _decision(self, stretch: Stretch, answer: Answer) -> Decision:
        if stretch.incident is None:
            return Decision(BACKGROUND, "low", ())
        if self._library is None:
            only = answer.entry.causes[0] if len(answer.entry.causes) == 1 else UNDETERMINED
            return Decision(only, "low" if only == UNDETERMINED else "medium", ())
        return decide(self._library.case(stretch, answer.entry, self.limits))


class _Author:
    """Writes the findings of one run."""

    def __init__(self, counts: Counts, traffic: Traffic, tables: Tables, judge: _Judge) -> None:
        self._counts, self._tables, self._judge = counts, tables, judge
        self._say, self._shown = partial(say, tables.lang), cache(counts.shown)
        self._end = int(traffic.window.max(initial=0))
        self._damage = _damage(counts, judge.limits["E14.rejected"])

    def finding(self, group: list[Draft]) -> Finding:
        """Return what there is to say of one incident, or of what is left of a code."""
        counts, lang, main = self._counts, self._tables.lang, group[0]
        stretch, hit, entry, decided = main.stretch, main.hit, main.answer.entry, decider(group)
        cause = decided.decision.cause
        about = self._judge.cause(cause)
        told_by_code = cause == UNDETERMINED or entry.causes == (cause,) or _too_few(stretch)
        advice = entry if told_by_code else about
        first = min(d.stretch.windows[0] for d in group)
        last = max(d.stretch.windows[-1] for d in group)
        total = stretch.series.between(first, last)
        return Finding(
            id=f"{main.answer.provider}/{stretch.series.domain}/{stretch.status}/{cause}",
            provider=main.answer.provider,
            domain=stretch.series.domain,
            status=stretch.status,
            also=tuple(_also(draft) for draft in group[1:]),
            start=self._shown(first),
            end=self._shown(last + counts.window),
            active=last == self._end,
            state="unknown",
            requests=stretch.requests,
            total=total,
            share=round(stretch.requests / total, 6),
            clients=hit.clients,
            severity=min((_severity(draft) for draft in group), key=SEVERITIES.index),
            owner=decided.owner,
            cause=cause,
            cause_title=about.title.of(lang),
            confidence=self._confidence(decided),
            name=entry.name.of(lang),
            meaning=entry.meaning.of(lang),
            fix=advice.fix.of(lang),
            avoid=advice.avoid.of(lang) if advice.avoid and stretch.incident else (),
            needs=entry.checks.of(lang) if cause == UNDETERMINED else (),
            ticket=ticket(group, self._judge.rows(stretch), counts, self._say) if stretch.incident else None,
            evidence=tuple(self._evidence(decided)),
            affected=hit.top,
            affected_shares=hit.shares,
        )

    def _confidence(self, draft: Draft) -> str:
        sure = draft.decision.confidence
        return "medium" if sure == "high" and self._damage else sure

    def _evidence(self, draft: Draft) -> Iterator[Mapping[str, str]]:
        for reading in draft.decision.readings:
            statement = self._say(reading.phrase, **reading.facts)
            yield {"rule": reading.rule, "verdict": reading.verdict, "statement": statement}
        if self._judge.blind:
            yield {"rule": "rows", "verdict": "not-measurable", "statement": self._say("no-rows")}
        yield {"rule": "E01", **self._gate(draft.stretch)}
        if draft.stretch.incident and not draft.stretch.incident.told:
            yield {"rule": "E02", "verdict": "not-measurable", "statement": self._say("no-quiet-time")}
        if self._damage and draft.stretch.incident:
            yield {"rule": "E14", "verdict": "weak", "statement": self._say("E14-weak", **self._damage)}
        if draft.hit.sampled:
            yield {"rule": "sample", "verdict": "weak", "statement": self._say("sampled")}
        yield {"rule": "code-table", "verdict": "weak", "statement": self._told_by(draft.answer)}

    def _gate(self, stretch: Stretch) -> Mapping[str, str]:
        failing, total = stretch.requests, stretch.total
        key = "gate-passed" if stretch.incident else "gate-few" if _too_few(stretch) else "gate-usual"
        facts = {
            "failing": f"{failing:,}",
            "total": f"{total:,}",
            "low": f"{wilson_low(failing, total):.1%}",
            "gate": f"{gate(stretch.status).share:.1%}",
        }
        return {"verdict": "confirms" if stretch.incident else "refutes", "statement": self._say(key, **facts)}

    def _told_by(self, answer: Answer) -> str:
        facts = {"code": str(answer.code), "provider": answer.provider, "word": answer.word or ""}
        return self._say(f"told-by-{answer.answered_by}", **facts)


def _damage(counts: Counts, least: float) -> Mapping[str, str]:
    """Return how much of the input was rejected, nothing if it is a share too small to matter (E14)."""
    total = counts.inputs.total
    if total.rejected <= least * total.lines:
        return {}
    return {"rejected": f"{total.rejected:,}", "lines": f"{total.lines:,}"}


def _too_few(stretch: Stretch) -> bool:
    """Whether nothing can be said of so few failures, not even that they are noise."""
    return stretch.incident is None and stretch.requests < LEAST


def _also(draft: Draft) -> Mapping[str, object]:
    stretch = draft.stretch
    return {"domain": stretch.series.domain, "status": stretch.status, "requests": stretch.requests}


def _severity(draft: Draft) -> str:
    stretch = draft.stretch
    if stretch.incident is None or draft.decision.cause in HARMLESS:
        return INFO
    return severity(stretch.requests, stretch.total, stretch.status, draft.hit.clients, stretch.incident)


def _named_apart(found: list[Finding]) -> Iterator[Finding]:
    """Number the findings of one domain, code and cause, the first one without a number."""
    seen: dict[str, int] = {}
    for finding in found:
        n = seen[finding.id] = seen.get(finding.id, 0) + 1
        yield finding if n == 1 else finding.renamed(f"{finding.id}/{n}")


def _worst_first(finding: Finding) -> tuple[int, int, str, int, str]:
    return SEVERITIES.index(finding.severity), -finding.requests, finding.domain, finding.status, finding.start
