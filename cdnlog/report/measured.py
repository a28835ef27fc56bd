"""How results made from logs are told. What only asks the tables does without numpy, and counts without the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from cdnlog.counts import Counts
from cdnlog.declared import Lang
from cdnlog.report import counted
from cdnlog.report.layout import Columns, Section, blocks

if TYPE_CHECKING:
    from cdnlog.report.concluded import Concluded

Measured: TypeAlias = "Counts | Concluded"


def sections(document: Measured, lang: Lang, *, pictures: bool = False) -> list[Section]:
    """Return the sections of the result; a diagnosis and a difference are told in their own language."""
    if isinstance(document, Counts):
        return counted.sections(document, lang)
    from cdnlog.report import concluded  # noqa: PLC0415 - takes 15 ms

    return concluded.sections(document, lang, pictures=pictures)


def table(document: Measured) -> tuple[Iterable[str], Iterable[Columns]]:
    """Return the heads and the rows of the one table that the result is, these by columns, some at a time."""
    if isinstance(document, Counts):
        return document.headers, document.blocks()
    from cdnlog.report import concluded  # noqa: PLC0415 - as above

    headers, rows = concluded.table(document)
    return headers, blocks(rows)


def as_dict(document: Measured) -> dict[str, Any]:
    """Return the result as plain dicts and lists; a list that can be long is an iterator."""
    if isinstance(document, Counts):
        return counted.as_dict(document)
    from cdnlog.report import concluded  # noqa: PLC0415 - as above

    return concluded.as_dict(document)
