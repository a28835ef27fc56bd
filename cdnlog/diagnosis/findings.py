"""Joins the incidents with the code table: what failed, since when, whose it is, and what to do first.

A cause is named where the table has a single one for the code; where it has several, the finding says what to look at.
What is left of a code outside its incidents is one finding of cause "background": chronic noise that harms nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from cdnlog.catalog import Answer, Catalog
from cdnlog.columns import Ints
from cdnlog.counts import Counts
from cdnlog.declared import Lang
from cdnlog.diagnosis.affected import Affected, affected
from cdnlog.diagnosis.incidents import LEAST, Incident, gate, incidents
from cdnlog.diagnosis.series import DomainSeries, series_of
from cdnlog.diagnosis.severity import INFO, severity
from cdnlog.diagnosis.statistics import wilson_low
from cdnlog.evidence import Evidence
from cdnlog.model import SEVERITIES, Finding
from cdnlog.zones import floor_to_window

BACKGROUND, UNDETERMINED = "background", "undetermined"
_STATUSES = 1000


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


@dataclass(frozen=True)
class Stretch:
    """The windows of one finding: those of an incident, or all the others of a code.

    Attributes:
        series: The domain.
        status: The code.
        windows: Its windows, in order; the failing requests of the finding are those in here.
        incident: The incident, None for what is left outside all of them.
    """

    series: DomainSeries
    status: int
    windows: list[int]
    incident: Incident | None

    @property
    def failing(self) -> dict[int, int]:
        """Failing requests per window, windows without any left out."""
        by_window = self.series.failing[self.status]
        return {window: by_window[window] for window in self.windows if window in by_window}


def findings(counts: Counts, evidence: Evidence | None, tables: Tables) -> tuple[Finding, ...]:
    """Return the findings, worst first; any split of the input gives the same ones.

    Args:
        counts: Counts by window, domain and status at least.
        evidence: Failing rows of the same requests, None if there are only counts.
        tables: What to tell them with.

    Raises:
        UsageError: The counts lack one of these dimensions.
    """
    rows = _Rows(evidence, counts) if evidence is not None and len(evidence) else None
    end_of_data = max(counts.columns["window_start"], default=0) if "window_start" in counts.dims else 0
    author = _Author(counts, tables, rows, end_of_data)
    found = [author.finding(stretch) for one in series_of(counts) for stretch in _stretches(one)]
    return tuple(sorted(_named_apart(found), key=_worst_first))


def _stretches(series: DomainSeries) -> Iterator[Stretch]:
    windows = sorted(series.totals)
    totals = [series.totals[window] for window in windows]
    for status in sorted(series.failing):
        by_window = series.failing[status]
        failing = [by_window.get(window, 0) for window in windows]
        rest = set(by_window)
        for one in incidents(failing, totals, gate(status)):
            inside = windows[one.first : one.last + 1]
            rest -= set(inside)
            yield Stretch(series, status, inside, one)
        if rest:
            yield Stretch(series, status, sorted(rest), None)


class _Rows:
    """The kept rows, sorted so that those of a domain and status stand together."""

    def __init__(self, evidence: Evidence, counts: Counts) -> None:
        codes, names = evidence.column("domain")
        order = np.lexsort((evidence.tickets, evidence.status, codes))
        self._evidence = evidence.ordered(order)
        self._windows: Ints = floor_to_window(self._evidence.cells, counts.window, counts.zone)
        self._place = {name: i for i, name in enumerate(names)}
        self._keys: Ints = codes[order] * _STATUSES + self._evidence.status

    def of(self, stretch: Stretch) -> tuple[Evidence, Ints]:
        """Return the rows of a stretch and the windows they are in."""
        key = self._place.get(stretch.series.domain, -1) * _STATUSES + stretch.status
        first, end = np.searchsorted(self._keys, [key, key + 1]).tolist()
        rows = first + np.flatnonzero(np.isin(self._windows[first:end], stretch.windows))
        return self._evidence.ordered(rows), self._windows[rows]


class _Author:
    """Writes the findings of one run."""

    def __init__(self, counts: Counts, tables: Tables, rows: _Rows | None, end_of_data: int) -> None:
        self._counts, self._tables, self._rows, self._end = counts, tables, rows, end_of_data
        self._explain = cache(partial(tables.catalog.explain, tables.provider))
        self._about = cache(tables.catalog.cause)

    def finding(self, stretch: Stretch) -> Finding:
        """Return what there is to say of one stretch."""
        counts, lang, incident = self._counts, self._tables.lang, stretch.incident
        hit = self._affected(stretch)
        answer = self._explain(stretch.status, hit.word)
        entry, failing = answer.entry, sum(stretch.failing.values())
        start, last = stretch.windows[0], stretch.windows[-1]
        total = sum(n for window, n in stretch.series.totals.items() if start <= window <= last)
        cause = _cause(answer, incident)
        about = self._about(cause)
        return Finding(
            id=f"{answer.provider}/{stretch.series.domain}/{stretch.status}/{cause}",
            provider=answer.provider,
            domain=stretch.series.domain,
            status=stretch.status,
            also=(),
            start=counts.shown(start),
            end=counts.shown(last + counts.window),
            active=last == self._end,
            state="unknown",
            requests=failing,
            total=total,
            share=round(failing / total, 6),
            clients=hit.clients,
            severity=_severity(stretch, failing, total, hit.clients),
            owner=entry.owner,
            cause=cause,
            cause_title=about.title.of(lang),
            confidence="low" if cause in (UNDETERMINED, BACKGROUND) else "medium",
            name=entry.name.of(lang),
            meaning=entry.meaning.of(lang),
            fix=(about if cause == BACKGROUND else entry).fix.of(lang),
            avoid=entry.avoid.of(lang) if entry.avoid and incident else (),
            needs=entry.checks.of(lang) if cause == UNDETERMINED else (),
            ticket=None,
            evidence=tuple(self._evidence(stretch, failing, total, answer, hit)),
            affected=hit.top,
            affected_shares=hit.shares,
        )

    def _affected(self, stretch: Stretch) -> Affected:
        if self._rows is None:
            return Affected()
        return affected(*self._rows.of(stretch), stretch.failing)

    def _evidence(
        self, stretch: Stretch, failing: int, total: int, answer: Answer, hit: Affected
    ) -> Iterator[Mapping[str, str]]:
        say, lang = self._tables.catalog.say, self._tables.lang
        numbers = {
            "failing": f"{failing:,}",
            "total": f"{total:,}",
            "low": f"{wilson_low(failing, total):.1%}",
            "gate": f"{gate(stretch.status).share:.1%}",
        }
        if stretch.incident is None:
            key = "gate-few" if failing < LEAST else "gate-usual"
            yield {"rule": "E01", "verdict": "refutes", "statement": say(key, lang, **numbers)}
        else:
            yield {"rule": "E01", "verdict": "confirms", "statement": say("gate-passed", lang, **numbers)}
            if not stretch.incident.onset:
                yield {"rule": "E02", "verdict": "not-measurable", "statement": say("no-quiet-time", lang)}
        if hit.sampled:
            yield {"rule": "sample", "verdict": "weak", "statement": say("sampled", lang)}
        yield {"rule": "code-table", "verdict": "weak", "statement": self._told_by(answer)}

    def _told_by(self, answer: Answer) -> str:
        names = {"code": str(answer.code), "provider": answer.provider, "word": answer.word or ""}
        return self._tables.catalog.say(f"told-by-{answer.answered_by}", self._tables.lang, **names)


def _cause(answer: Answer, incident: Incident | None) -> str:
    if incident is None:
        return BACKGROUND
    return answer.entry.causes[0] if len(answer.entry.causes) == 1 else UNDETERMINED


def _severity(stretch: Stretch, failing: int, total: int, clients: int | None) -> str:
    one = stretch.incident
    if one is None:
        return INFO
    return severity(failing, total, stretch.status, clients, one)


def _named_apart(found: list[Finding]) -> Iterator[Finding]:
    """Number the findings of one domain, code and cause, the first one without a number."""
    seen: dict[str, int] = {}
    for finding in found:
        n = seen[finding.id] = seen.get(finding.id, 0) + 1
        yield finding if n == 1 else finding.renamed(f"{finding.id}/{n}")


def _worst_first(finding: Finding) -> tuple[int, int, str, int, str]:
    return SEVERITIES.index(finding.severity), -finding.requests, finding.domain, finding.status, finding.start
