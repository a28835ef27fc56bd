"""Which parts each kind of result is told in."""

from __future__ import annotations

from cdnlog.catalog import Answer, Comparison
from cdnlog.counts import Counts
from cdnlog.declared import Lang
from cdnlog.model import Listing
from cdnlog.report import cards, differences, nights, stores, tables
from cdnlog.report.layout import Section
from cdnlog.results import Diagnosis, Difference, Holdings, Night

Document = Counts | Diagnosis | Night | Difference | Answer | Comparison | Holdings | Listing


def sections(document: Document, lang: Lang) -> list[Section]:
    """Return the sections of any result; a diagnosis is told in its own language."""
    if isinstance(document, Counts):
        return [tables.health(document, lang), tables.counted(document), *tables.domains(document, lang)]
    if isinstance(document, Diagnosis):
        counts, lang = document.counts, document.lang
        found = cards.finding_sections(document)
        return [tables.health(counts, lang), *found, *tables.codes(counts, lang), *tables.domains(counts, lang)]
    if isinstance(document, Night):
        return nights.sections(document)
    if isinstance(document, Difference):
        return differences.sections(document)
    if isinstance(document, Answer | Comparison):
        among = isinstance(document, Comparison)
        answers = document.answers if isinstance(document, Comparison) else (document,)
        return [Section(cards=tuple(cards.answer_card(answer, lang, among=among) for answer in answers))]
    return stores.sections(document, lang) if isinstance(document, Holdings) else [_listing(document)]


def _listing(document: Listing) -> Section:
    return Section(document.title, document.headers, document.rows, notes=document.notes)
