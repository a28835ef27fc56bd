"""How results made from logs are told: counts, a diagnosis, a difference. What only asks the tables does without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from cdnlog.counts import Counts, DomainSummary
from cdnlog.declared import Lang
from cdnlog.held import Holdings
from cdnlog.model import Accounting, Change, FileReport, Finding, Inputs
from cdnlog.mute import Mute
from cdnlog.report import cards, differences, nights, stores, tables
from cdnlog.report.layout import Section, picked
from cdnlog.results import Diagnosis, Difference, Night
from cdnlog.slo import Budget
from cdnlog.windows import window_name
from cdnlog.zones import name_of

Measured = Counts | Diagnosis | Night | Difference | Holdings
_FINDING = (
    "severity", "domain", "status", "name", "owner", "cause", "confidence", "requests", "total", "share", "clients",
    "start", "end", "active", "meaning", "fix", "avoid", "needs", "id",
)  # fmt: skip


def sections(document: Measured, lang: Lang, *, pictures: bool = False) -> list[Section]:
    """Return the sections of the result; a diagnosis and a difference are told in their own language."""
    if isinstance(document, Holdings):
        return stores.sections(document, lang)
    if isinstance(document, Night):
        return nights.sections(document, with_pictures=pictures)
    if isinstance(document, Counts):
        return [tables.health(document, lang), tables.counted(document), *tables.domains(document, lang)]
    if isinstance(document, Difference):
        return differences.sections(document)
    counts, lang = document.counts, document.lang
    found = cards.finding_sections(document)
    return [tables.health(counts, lang), *found, *tables.codes(counts, lang), *tables.domains(counts, lang)]


def table(document: Measured) -> tuple[Iterable[str], Iterable[tuple[Any, ...]]]:
    """Return the heads and the rows of the one table that the result is."""
    if isinstance(document, Counts):
        return document.headers, document.rows()
    if isinstance(document, Difference):
        return Change.__slots__, picked(Change.__slots__, as_dict(document)["changes"])
    if isinstance(document, Holdings):
        return stores.FILE, picked(stores.FILE, as_dict(document)["files"])
    return _FINDING, picked(_FINDING, as_dict(document)["findings"])


def as_dict(document: Measured) -> dict[str, Any]:
    """Return the result as plain dicts and lists; a list that can be long is an iterator."""
    if isinstance(document, Counts):
        return {
            "schema": "cdnlog.count/1",
            **_frame(document),
            "counts": _counts(document),
            **_domains(document),
        }
    if isinstance(document, Diagnosis | Night):
        name, more = ("nightly", _night(document)) if isinstance(document, Night) else ("diagnose", {})
        found = document.diagnosis if isinstance(document, Night) else document
        return {
            "schema": f"cdnlog.{name}/1",
            **_frame(found.counts),
            "findings": [_finding(finding) for finding in found],
            **more,
        }
    if isinstance(document, Holdings):
        return stores.as_dict(document)
    return {
        "schema": "cdnlog.diff/1",
        "timezone": name_of(document.after.zone),
        "before": _inputs(document.before.inputs),
        "after": _inputs(document.after.inputs),
        "changes": [asdict(change) for change in document.changes],
        "lost_paths": [asdict(path) for path in document.lost],
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
        "gone": [asdict(one) for one in night.gone],
        "news": [asdict(one) for one in night.news],
        "missing": [asdict(one) for one in night.missing],
        "changed": [asdict(one) for one in night.changed],
        "unknown": list(night.unknown),
        "budget": _budget(night.budget, night.history) if night.budget else None,
        "counts": _counts(night.counts),
    }


def _mute(mute: Mute) -> dict[str, Any]:
    return {"reason": mute.reason, "owner": mute.owner, "until": mute.until.isoformat()}


def _budget(budget: Budget, counts: Counts) -> dict[str, Any]:
    end = None if budget.end is None else counts.shown(budget.end)
    return {"target": budget.target, "end": end, "rows": [asdict(row) for row in budget.rows]}


def _frame(counts: Counts) -> dict[str, Any]:
    return {
        "window": window_name(counts.window),
        "timezone": name_of(counts.zone),
        "inputs": _inputs(counts.inputs),
    }


def _counts(counts: Counts) -> Iterator[dict[str, Any]]:
    return (dict(zip(counts.headers, row, strict=True)) for row in counts.rows())


def _domains(counts: Counts) -> dict[str, Any]:
    return {"domains": ({name: getattr(row, name) for name in DomainSummary.__slots__} for row in counts.summary())}


def _inputs(inputs: Inputs) -> dict[str, Any]:
    anonymized = {"anonymized": True} if inputs.anonymized else {}
    return {"files": [_file(report) for report in inputs.files], **_sums(inputs.total), **anonymized}


def _file(report: FileReport) -> dict[str, Any]:
    head = {
        "path": report.path,
        "format": report.format,
        "provider": report.provider,
        "verdict": report.verdict,
    }
    reasons = dict(sorted(report.accounting.reject_reasons.items()))
    return {**head, **_sums(report.accounting), "reject_reasons": reasons, "problem": report.problem}


def _sums(account: Accounting) -> Mapping[str, int]:
    return {k: v for k, v in asdict(account).items() if k != "reject_reasons"}
