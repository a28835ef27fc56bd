"""CSV: the result alone, one header line, LF line ends; text that a spreadsheet would run is disarmed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from cdnlog.catalog import Answer, Comparison
from cdnlog.counts import Counts
from cdnlog.declared import Lang
from cdnlog.model import Change
from cdnlog.report.as_json import as_dict
from cdnlog.report.sections import Document
from cdnlog.report.stores import FILE
from cdnlog.results import Diagnosis, Difference, Holdings, Night
from cdnlog.text import csv_cell, visible

_FINDING = (
    "severity", "domain", "status", "name", "owner", "cause", "confidence", "requests", "total", "share", "clients",
    "start", "end", "active", "meaning", "fix", "avoid", "needs", "id",
)  # fmt: skip
_ANSWER = (
    "provider",
    "code",
    "answered_by",
    "name",
    "meaning",
    "owner",
    "stage",
    "causes",
    "checks",
    "fix",
    "avoid",
)


def render(document: Document, lang: Lang = "en") -> str:
    """Return the document as CSV; lists within a cell are separated by " | "."""
    if isinstance(document, Counts):
        return _csv(document.headers, document.rows())
    data = as_dict(document, lang)
    if isinstance(document, Diagnosis | Night):
        return _csv(_FINDING, _picked(_FINDING, data["findings"]))
    if isinstance(document, Difference):
        return _csv(Change.__slots__, _picked(Change.__slots__, data["changes"]))
    if isinstance(document, Answer | Comparison):
        return _csv(_ANSWER, _picked(_ANSWER, data.get("answers", [data])))
    if isinstance(document, Holdings):
        return _csv(FILE, _picked(FILE, data["files"]))
    return _csv(document.headers, document.rows)


def _picked(names: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    return (tuple(row[name] for name in names) for row in rows)


def _csv(headers: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headers)
    text = cache(_text)  # few distinct texts, many rows
    writer.writerows([text(cell) if isinstance(cell, str) else _cell(cell) for cell in row] for row in rows)
    return out.getvalue()


def _text(value: str) -> str:
    return csv_cell(visible(value))


def _cell(value: object) -> object:
    if isinstance(value, list | tuple):
        return _text(" | ".join(map(str, value)))
    return "" if value is None else value
