"""Which parts each kind of result is told in."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from cdnlog.answers import Answer, Comparison
from cdnlog.declared import Lang
from cdnlog.report.cards import answer_card
from cdnlog.report.layout import Listing, Section

if TYPE_CHECKING:
    from cdnlog.report.measured import Measured

Document: TypeAlias = "Measured | Answer | Comparison | Listing"


def sections(document: Document, lang: Lang, *, pictures: bool = False) -> list[Section]:
    """Return the sections of any result, with pictures where they can be shown; a diagnosis has its own language."""
    if isinstance(document, Answer):
        return [Section(cards=(answer_card(document, lang),))]
    if isinstance(document, Comparison):
        return [Section(cards=tuple(answer_card(answer, lang, among=True) for answer in document.answers))]
    if isinstance(document, Listing):
        return [Section(document.title, document.headers, document.rows, notes=document.notes)]
    from cdnlog.report import measured  # noqa: PLC0415 - brings numpy, which tables do without

    return measured.sections(document, lang, pictures=pictures)
