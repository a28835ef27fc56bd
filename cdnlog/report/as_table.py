"""Plain text for a terminal or a pipe: no colour, no cursor movement, at most `width` columns where text can wrap."""

from __future__ import annotations

from textwrap import fill

import tabulate

from cdnlog.report.sections import Cell, Document, Section, sections
from cdnlog.text import visible

_NAMES = ("#", "status", "code", "client_port")  # numbers that are names, without thousands separators
tabulate.MIN_PADDING = 0  # its default widens every head by two columns, and 80 are few


def render(document: Document, width: int = 80) -> str:
    """Return the document as text that ends in LF."""
    parts = [part for section in sections(document) for part in _section(section, width)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section, width: int) -> list[str]:
    parts = [visible(section.title)] if section.title else []
    if section.rows:
        rows = [[_cell(cell, head) for cell, head in zip(row, section.headers, strict=True)] for row in section.rows]
        align = ["right" if _is_number(column) else "left" for column in zip(*section.rows, strict=True)]
        table = tabulate.tabulate(rows, section.headers, tablefmt="simple", disable_numparse=True, colalign=align)
        parts = ["\n".join([*parts, "\n".join(line.rstrip() for line in table.split("\n"))])]
    return parts + ["\n".join(_wrapped(paragraph, width)) for paragraph in section.paragraphs]


def _cell(cell: Cell, head: str) -> str:
    if cell is None:
        return "-"
    return visible(str(cell)) if head in _NAMES or not isinstance(cell, int) else f"{cell:,}"


def _is_number(column: tuple[Cell, ...]) -> bool:
    return all(
        isinstance(cell, int | float) or str(cell).replace(".", "", 1).isdigit() or cell in ("-", None)
        for cell in column
    )


def _wrapped(paragraph: tuple[str, ...], width: int) -> list[str]:
    """Wrap the lines of a paragraph; all but the first are indented, continuations a little more."""
    first, *rest = paragraph
    return [_fill(first, width, "", "   "), *(_fill(line, width, "   ", "     ") for line in rest)]


def _fill(line: str, width: int, first: str, others: str) -> str:
    """Wrap at spaces only: a URL or a command must stay in one piece to be copied."""
    return fill(
        visible(line),
        width,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
