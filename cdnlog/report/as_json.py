"""JSON: the shapes that scripts rely on (`schemas/*.schema.json`). ASCII only, same input, same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cdnlog.catalog import Answer, Comparison
from cdnlog.counts import Counts
from cdnlog.declared import Lang
from cdnlog.model import Accounting, FileReport, Inputs
from cdnlog.report.sections import Document
from cdnlog.results import Diagnosis, Difference
from cdnlog.windows import window_name
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
    if isinstance(document, Diagnosis):
        findings = [asdict(finding) for finding in document]
        return {"schema": "cdnlog.diagnose/1", **_frame(document.counts), "findings": findings}
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
    rows = [dict(zip(document.headers, row, strict=True)) for row in document.rows]
    return {
        "schema": "cdnlog.listing/1",
        "title": document.title,
        "rows": rows,
        "notes": list(document.notes),
    }


def _frame(counts: Counts) -> dict[str, Any]:
    return {
        "window": window_name(counts.window),
        "timezone": name_of(counts.zone),
        "inputs": _inputs(counts.inputs),
    }


def _counts(counts: Counts) -> list[dict[str, Any]]:
    return [dict(zip(counts.headers, row, strict=True)) for row in counts.rows()]


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
