"""CSV: the result alone, one header line, LF line ends; text that a spreadsheet would run is disarmed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from cdnlog.answers import Answer, Comparison
from cdnlog.declared import Lang
from cdnlog.report.as_json import as_dict
from cdnlog.report.layout import Columns, Listing, blocks, picked
from cdnlog.report.sections import Document
from cdnlog.text import csv_cell, visible

_DISTINCT = 65_536
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
        return _csv(document.headers, blocks(document.rows))
    if isinstance(document, Answer | Comparison):
        data = as_dict(document, lang)
        return _csv(_ANSWER, blocks(picked(_ANSWER, data.get("answers", [data]))))
    from cdnlog.report import measured  # noqa: PLC0415 - brings numpy, which tables do without

    return _csv(*measured.table(document))


def _csv(headers: Iterable[str], parts: Iterable[Columns]) -> Iterator[str]:
    yield _written([list(headers)])
    quoted = lru_cache(_DISTINCT)(_quoted)
    for columns in parts:
        yield _plain(columns, quoted) or _written(map(_cell, row) for row in zip(*columns, strict=True))


def _plain(columns: Columns, quoted: Callable[[str], str]) -> str:
    """Return the lines of columns of whole numbers and of texts, four times as fast as a writer; "" for others."""
    kinds = [set(map(type, column)) for column in columns]
    if len(columns) < 2 or any(kind not in ({int}, {str}) for kind in kinds):  # noqa: PLR2004 - a lone empty text is quoted
        return ""
    line = ",".join("%d" if kind == {int} else "%s" for kind in kinds) + "\n"
    cells = [column if kind == {int} else map(quoted, column) for kind, column in zip(kinds, columns, strict=True)]
    return "".join(map(line.__mod__, zip(*cells, strict=True)))


def _quoted(value: str) -> str:
    """Return a text as the writer writes it among others."""
    return _written([("", _text(value))])[1:-1]


def _written(rows: Iterable[Iterable[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _text(value: str) -> str:
    return csv_cell(visible(value))


def _cell(value: object) -> object:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return _text(" | ".join(map(str, value)))
    return "" if value is None else value
