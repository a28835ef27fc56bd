"""Markdown for a ticket or a chat: tables and lists; text from the log is escaped."""

from __future__ import annotations

from cdnlog.declared import Lang
from cdnlog.report.grid import grid
from cdnlog.report.layout import Card, Section, Tile
from cdnlog.report.sections import Document, sections
from cdnlog.text import markdown_cell


def render(document: Document, lang: Lang = "en") -> str:
    """Return the document as Markdown that ends in LF."""
    told = sorted(sections(document, lang), key=lambda section: section.folded)  # what a page folds comes last
    return "\n\n".join(part for section in told for part in _section(section)) + "\n"


def _section(section: Section) -> list[str]:
    parts = [f"## {markdown_cell(section.title)}"] if section.title else []
    if section.tiles:
        parts.append("\n".join(_tile(tile) for tile in section.tiles))
    if section.rows:
        rows = [["-" if cell is None else markdown_cell(str(cell)) for cell in row] for row in section.rows]
        headers = [markdown_cell(head) for head in section.headers]
        parts.append(grid(rows, headers, "pipe"))
    parts += [part for card in section.cards for part in _card(card)]
    return parts + [markdown_cell(note) for note in section.notes]


def _tile(tile: Tile) -> str:
    return f"- {markdown_cell(tile.label)}: **{markdown_cell(tile.value)}** ({markdown_cell(tile.note)})"


def _card(card: Card) -> list[str]:
    lines = (f"- {markdown_cell(label)}: {markdown_cell(text)}" for label, text in card.lines)
    return [f"**{markdown_cell(card.title)}**", "\n".join(lines)]
