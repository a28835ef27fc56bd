"""How counts are told, and what of them every result made from logs tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from cdnlog.counts import Aged, Counts, DomainSummary
from cdnlog.declared import Lang
from cdnlog.model import Accounting, FileReport
from cdnlog.report import tables
from cdnlog.report.layout import Section
from cdnlog.windows import window_name
from cdnlog.zones import name_of


def sections(counts: Counts, lang: Lang) -> list[Section]:
    """Return the sections of counts."""
    return [tables.health(counts, lang), tables.counted(counts, lang), *tables.domains(counts, lang)]


def as_dict(counts: Counts) -> dict[str, Any]:
    """Return counts as plain dicts and lists; a list that can be long is an iterator."""
    return {"schema": "cdnlog.count/1", **frame(counts), "counts": rows(counts), **_domains(counts)}


def frame(counts: Counts) -> dict[str, Any]:
    """Return what stands above the counts: how they were made, and from what."""
    return {
        "window": window_name(counts.window),
        "timezone": name_of(counts.zone),
        "inputs": inputs(counts),
    }


def aged(old: Iterable[Aged]) -> list[dict[str, Any]]:
    """Return what a store keeps less finely, by the names of windows."""
    return [{**asdict(one), "window": window_name(one.window) if one.window else None} for one in old]


def rows(counts: Counts) -> Iterator[dict[str, Any]]:
    """Yield the rows of counts."""
    return (dict(zip(counts.headers, row, strict=True)) for row in counts.rows())


def _domains(counts: Counts) -> dict[str, Any]:
    return {"domains": ({name: getattr(row, name) for name in DomainSummary.__slots__} for row in counts.summary())}


def inputs(counts: Counts) -> dict[str, Any]:
    """Return what became of the files and their lines."""
    files = counts.inputs
    anonymized = {"anonymized": True} if files.anonymized else {}
    limits = {"limits": dict(files.limits)} if files.limits else {}
    old = {"aged": aged(counts.aged)} if counts.aged else {}
    return {"files": [_file(report) for report in files.files], **_sums(files.total), **anonymized, **limits, **old}


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
