"""JSON: the shapes that scripts rely on (`schemas/*.schema.json`). ASCII only, same input, same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cdnlog.catalog import Answer, Comparison
from cdnlog.counts import Counts
from cdnlog.declared import Lang
from cdnlog.model import Accounting, FileReport, Inputs, Listing
from cdnlog.mute import Mute
from cdnlog.report import stores
from cdnlog.report.sections import Document
from cdnlog.results import Diagnosis, Difference, Holdings, Night
from cdnlog.slo import Budget
from cdnlog.zones import name_of


def render(document: Document, lang: Lang = "en") -> str:
    """Return the document as JSON text that ends in LF."""
    return json.dumps(as_dict(document, lang), ensure_ascii=True, indent=1) + "\n"


def as_dict(document: Document, lang: Lang = "en") -> dict[str, Any]:
    """Return the document as plain dicts and lists."""
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
        findings = [asdict(finding) for finding in found]
        return {"schema": f"cdnlog.{name}/1", **_frame(found.counts), "findings": findings, **more}
    if isinstance(document, Difference):
        return {
            "schema": "cdnlog.diff/1",
            "timezone": name_of(document.after.zone),
            "before": _inputs(document.before.inputs),
            "after": _inputs(document.after.inputs),
            "changes": [asdict(change) for change in document.changes],
            "lost_paths": [asdict(path) for path in document.lost],
        }
    if isinstance(document, Answer):
        return _answer(document, lang)
    if isinstance(document, Comparison):
        answers = [_answer(answer, lang) for answer in document.answers]
        return {"schema": "cdnlog.explain-all/1", "asked": document.asked, "answers": answers}
    return stores.as_dict(document) if isinstance(document, Holdings) else _listing(document)


def _listing(document: Listing) -> dict[str, Any]:
    rows = [dict(zip(document.headers, row, strict=True)) for row in document.rows]
    return {
        "schema": "cdnlog.listing/1",
        "title": document.title,
        "rows": rows,
        "notes": list(document.notes),
    }


def _night(night: Night) -> dict[str, Any]:
    mutes = night.muting
    return {
        "night": night.number,
        "days": night.days,
        "known": night.known,
        "muted": [{"finding": asdict(one.finding), **_mute(one.by)} for one in mutes.muted],
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


def _counts(counts: Counts) -> list[dict[str, Any]]:
    return [dict(zip(counts.headers, row, strict=True)) for row in counts.rows()]


def window_name(seconds: int) -> str:
    """Return a window's length as the command line takes it: "5m", "1h", "1d", else in seconds."""
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _domains(counts: Counts) -> dict[str, Any]:
    return {"domains": [asdict(row) for row in counts.summary()]}


def _inputs(inputs: Inputs) -> dict[str, Any]:
    return {"files": [_file(report) for report in inputs.files], **_sums(inputs.total)}


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


def _answer(answer: Answer, lang: Lang) -> dict[str, Any]:
    entry = answer.entry
    return {
        "schema": "cdnlog.explain/1",
        "provider": answer.provider,
        "code": answer.code,
        "word": answer.word,
        "answered_by": answer.answered_by,
        "name": entry.name.of(lang),
        "meaning": entry.meaning.of(lang),
        "owner": entry.owner,
        "stage": entry.stage,
        "causes": list(entry.causes),
        "checks": list(entry.checks.of(lang)),
        "fix": list(entry.fix.of(lang)),
        "avoid": list(entry.avoid.of(lang)) if entry.avoid else [],
        "limits": entry.limits,
        "note": entry.note.of(lang) if entry.note else None,
        "source": answer.source,
        "as_of": answer.as_of,
        "lang": lang,
    }
