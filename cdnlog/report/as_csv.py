"""CSV: the result alone, one header line, LF line ends; text that a spreadsheet would run is disarmed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from cdnlog.answers import Answer, Comparison
from cdnlog.declared import Lang
from cdnlog.report.as_json import as_dict
from cdnlog.report.layout import Listing, picked
from cdnlog.report.sections import Document
from cdnlog.text import csv_cell, visible

_AT_A_TIME, _DISTINCT = 8192, 65_536
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


def pieces(document: Document, lang: Lang = "en") -> Iterator[str]:
    """Yield the document as CSV, piece by piece; lists within a cell are separated by " | "."""
    if isinstance(document, Listing):
        return _csv(document.headers, document.rows)
    if isinstance(document, Answer | Comparison):
        data = as_dict(document, lang)
        return _csv(_ANSWER, picked(_ANSWER, data.get("answers", [data])))
    from cdnlog.report import measured  # noqa: PLC0415 - brings numpy, which tables do without

    return _csv(*measured.table(document))


def _csv(headers: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headers)
    text = lru_cache(_DISTINCT)(_text)  # few distinct texts, many rows
    rest = iter(rows)
    while some := list(islice(rest, _AT_A_TIME)):
        writer.writerows([text(cell) if isinstance(cell, str) else _cell(cell) for cell in row] for row in some)
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _text(value: str) -> str:
    return csv_cell(visible(value))


def _cell(value: object) -> object:
    if isinstance(value, list | tuple):
        return _text(" | ".join(map(str, value)))
    return "" if value is None else value
