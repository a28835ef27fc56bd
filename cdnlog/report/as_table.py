"""Plain text for a terminal or a pipe: no colour, no cursor movement, at most `width` columns where text can wrap."""

from __future__ import annotations

import wcwidth

from cdnlog.declared import Lang
from cdnlog.report.layout import Card, Cell, Section
from cdnlog.report.sections import Document, sections
from cdnlog.text import visible

_NAMES = ("#", "status", "code", "client_port")  # numbers that are names, without thousands separators


def render(document: Document, width: int = 80, lang: Lang = "en") -> str:
    """Return the document as text that ends in LF."""
    told = sorted(sections(document, lang), key=lambda section: section.folded)  # what a page folds comes last
    parts = [part for section in told for part in _section(section, width)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section, width: int) -> list[str]:
    parts = [visible(section.title)] if section.title else []
    if section.tiles:
        told = (f"{tile.label}: {tile.value} ({tile.note})" for tile in section.tiles)
        parts.append("\n".join(_wrap(line, width, "", "   ") for line in told))
    if section.rows:
        parts = ["\n".join([*parts, *_table(section, width)])]
    parts += [_card(card, width) for card in section.cards]
    return parts + (["\n".join(_wrap(note, width, "", "   ") for note in section.notes)] if section.notes else [])


def _table(section: Section, width: int) -> list[str]:
    from cdnlog.report.grid import NARROW, grid  # noqa: PLC0415 - see there

    rows = [[_cell(cell, head) for cell, head in zip(row, section.headers, strict=True)] for row in section.rows]
    align = ["right" if number else "left" for number in section.numeric]
    lines = _lines(grid(rows, section.headers, "simple", align))
    if _widest(lines) <= width:
        return lines
    narrow = _lines(grid(rows, section.headers, NARROW, align))
    return narrow if _widest(narrow) <= width else lines


def _lines(table: str) -> list[str]:
    return [line.rstrip() for line in table.split("\n")]


def _widest(lines: list[str]) -> int:
    return max(map(wcwidth.width, lines))


def _cell(cell: Cell, head: str) -> str:
    if cell is None:
        return "-"
    return visible(str(cell)) if head in _NAMES or not isinstance(cell, int) else f"{cell:,}"


def _card(card: Card, width: int) -> str:
    """Set the labels in a column of their own; a repeated one is shown once."""
    indent = max(wcwidth.width(visible(label)) for label, _ in card.lines) + 5
    lines, before = [_wrap(card.title, width, "", "   ")], ""
    for label, text in card.lines:
        head = "" if label == before else visible(label)
        lines.append(_wrap(text, width, f"   {wcwidth.ljust(head, indent - 3)}", " " * indent))
        before = label
    return "\n".join(lines)


def _wrap(text: str, width: int, first: str, others: str) -> str:
    """Wrap at spaces only: a URL or a command must stay in one piece to be copied. Hangul is two columns wide."""
    lines = wcwidth.wrap(
        visible(text),
        width,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(line.rstrip() for line in lines) or first.rstrip()
