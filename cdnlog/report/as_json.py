"""JSON: the shapes that scripts rely on (`schemas/*.schema.json`). ASCII only, same input, same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from cdnlog.answers import Answer, Comparison
from cdnlog.declared import Lang
from cdnlog.report.layout import Listing
from cdnlog.report.sections import Document

_AT_A_TIME = 4096


def pieces(document: Document, lang: Lang = "en") -> Iterator[str]:
    """Yield the document as JSON text that ends in LF, piece by piece: a list that is an iterator can be long."""
    mark = "{"
    for key, value in as_dict(document, lang).items():
        yield f"{mark}\n {json.dumps(key)}: "
        mark = ","
        if isinstance(value, Iterator):
            yield from _listed(value)
        else:
            yield _indented(value)
    yield "\n}\n"


def _listed(items: Iterator[Any]) -> Iterator[str]:
    mark = "["
    while some := list(islice(items, _AT_A_TIME)):
        yield mark + _indented(some)[1:-3]  # without its brackets
        mark = ","
    yield "[]" if mark == "[" else "\n ]"


def _indented(value: object) -> str:
    # Without an indent the encoder is the one in C; msgspec indents the text it made as the one in Python would.
    try:
        text = msgspec.json.format(json.dumps(value, ensure_ascii=True), indent=1)
    except msgspec.DecodeError:  # half a surrogate pair, which a caller's own names may hold
        text = json.dumps(value, ensure_ascii=True, indent=1)
    return text.replace("\n", "\n ")


def as_dict(document: Document, lang: Lang = "en") -> dict[str, Any]:
    """Return the document as plain dicts and lists; a list that can be long is an iterator."""
    if isinstance(document, Answer):
        return _answer(document, lang)
    if isinstance(document, Comparison):
        answers = [_answer(answer, lang) for answer in document.answers]
        return {"schema": "cdnlog.explain-all/1", "asked": document.asked, "answers": answers}
    if isinstance(document, Listing):
        rows = [dict(zip(document.headers, row, strict=True)) for row in document.rows]
        return {"schema": "cdnlog.listing/1", "title": document.title, "rows": rows, "notes": list(document.notes)}
    from cdnlog.report import measured  # noqa: PLC0415 - brings numpy, which tables do without

    return measured.as_dict(document)


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
