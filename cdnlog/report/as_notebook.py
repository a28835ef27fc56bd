"""A piece of a page for a notebook's cell: no script, nothing fetched, cards to open, no more than fits a screen.

Text goes the way of `as_html`: made visible, then escaped by Jinja2; no attribute has a value that comes from a log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cdnlog.catalog import Catalog
from cdnlog.counts import Counts
from cdnlog.declared import LANGS, Lang
from cdnlog.model import Finding
from cdnlog.report import cards, tables
from cdnlog.report.as_html import file, template
from cdnlog.report.layout import Section, speaker
from cdnlog.report.sections import Document, sections
from cdnlog.results import Diagnosis

_SHOWN = 20


def render(document: Document | Finding, lang: Lang = "en") -> str:
    """Return the document as markup that stands in any page."""
    lang = _language(document) if isinstance(document, Finding) else getattr(document, "lang", lang)
    parts = [_cut(section, lang) for section in _parts(document, lang)]
    piece: str = template("notebook.html").render(sections=parts, style=file("notebook.css"))
    return piece


def _language(finding: Finding) -> Lang:
    """Return the language in which a finding is written."""
    title = Catalog().cause(finding.cause).title
    return next((lang for lang in LANGS if title.of(lang) == finding.cause_title), "en")


def _parts(document: Document | Finding, lang: Lang) -> Iterator[Section]:
    """Yield what a cell has room for; the rest is a method or a frame away."""
    if isinstance(document, Diagnosis):
        yield tables.health(document.counts, lang)
        yield from cards.finding_sections(document)
    elif isinstance(document, Counts):
        yield tables.health(document, lang)
        yield from tables.domains(document, lang) or [tables.counted(document, lang)]
    elif isinstance(document, Finding):
        yield Section(cards=(cards.finding_card(document, lang),))
    else:
        yield from sections(document, lang)


def _cut(section: Section, lang: Lang) -> Section:
    """Leave out the rows and cards that would fill screens, and say how many."""
    more = max(len(section.rows), len(section.cards)) - _SHOWN
    if more <= 0:
        return section
    notes = (speaker(lang)("more", n=f"{more:,}"), *section.notes)
    return replace(section, rows=section.rows[:_SHOWN], cards=section.cards[:_SHOWN], notes=notes)
