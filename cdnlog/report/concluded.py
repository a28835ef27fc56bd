"""How results are told that are made from counts: a diagnosis, a night, a difference; and what a store holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from cdnlog.counts import Counts
from cdnlog.declared import Lang
from cdnlog.held import Holdings
from cdnlog.model import Change, Finding
from cdnlog.mute import Mute
from cdnlog.report import cards, counted, differences, nights, stores, tables
from cdnlog.report.layout import Section, picked
from cdnlog.results import Diagnosis, Difference, Night
from cdnlog.slo import Budget
from cdnlog.zones import name_of

Concluded = Diagnosis | Night | Difference | Holdings
_FINDING = (
    "severity", "domain", "status", "name", "owner", "cause", "confidence", "requests", "total", "share", "clients",
    "start", "end", "active", "meaning", "fix", "avoid", "needs", "id",
)  # fmt: skip


def sections(document: Concluded, lang: Lang, *, pictures: bool = False) -> list[Section]:
    """Return the sections of the result; a diagnosis and a difference are told in their own language."""
    if isinstance(document, Holdings):
        return stores.sections(document, lang)
    if isinstance(document, Night):
        return nights.sections(document, with_pictures=pictures)
    if isinstance(document, Difference):
        return differences.sections(document)
    counts, lang = document.counts, document.lang
    found = [*cards.without_rows(document), *cards.finding_sections(document)]
    return [tables.health(counts, lang), *found, *tables.codes(counts, lang), *tables.domains(counts, lang)]


def table(document: Concluded) -> tuple[Iterable[str], Iterable[tuple[Any, ...]]]:
    """Return the heads and the rows of the one table that the result is."""
    if isinstance(document, Difference):
        return Change.__slots__, picked(Change.__slots__, as_dict(document)["changes"])
    if isinstance(document, Holdings):
        return stores.FILE, picked(stores.FILE, as_dict(document)["files"])
    return _FINDING, picked(_FINDING, as_dict(document)["findings"])


def as_dict(document: Concluded) -> dict[str, Any]:
    """Return the result as plain dicts and lists; a list that can be long is an iterator."""
    if isinstance(document, Diagnosis | Night):
        name, more = ("nightly", _night(document)) if isinstance(document, Night) else ("diagnose", {})
        found = document.diagnosis if isinstance(document, Night) else document
        return {
            "schema": f"cdnlog.{name}/1",
            **counted.frame(found.counts),
            "findings": [_finding(finding) for finding in found],
            **more,
        }
    if isinstance(document, Holdings):
        return stores.as_dict(document)
    return {
        "schema": "cdnlog.diff/1",
        "timezone": name_of(document.after.zone),
        "before": counted.inputs(document.before),
        "after": counted.inputs(document.after),
        "changes": [asdict(change) for change in document.changes],
        "lost_paths": None if document.lost is None else [asdict(path) for path in document.lost],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in Finding.__slots__}


def _night(night: Night) -> dict[str, Any]:
    mutes = night.muting
    return {
        "night": night.number,
        "days": night.days,
        "known": night.known,
        "muted": [{"finding": _finding(one.finding), **_mute(one.by)} for one in mutes.muted],
        "expired": [_mute(mute) for mute in mutes.expired],
        "unused": [_mute(mute) for mute in mutes.unused],
        "gone": [asdict(one) for one in night.gone],
        "news": [asdict(one) for one in night.news],
        "missing": [asdict(one) for one in night.missing],
        "changed": [asdict(one) for one in night.changed],
        "unknown": list(night.unknown),
        "budget": _budget(night.budget, night.history) if night.budget else None,
        "counts": counted.rows(night.counts),
    }


def _mute(mute: Mute) -> dict[str, Any]:
    return {"reason": mute.reason, "owner": mute.owner, "until": mute.until.isoformat()}


def _budget(budget: Budget, counts: Counts) -> dict[str, Any]:
    end = None if budget.end is None else counts.shown(budget.end)
    return {"target": budget.target, "end": end, "rows": [asdict(row) for row in budget.rows]}
