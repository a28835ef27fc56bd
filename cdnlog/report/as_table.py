"""Plain text for a terminal or a pipe: no colour, no cursor movement, at most `width` columns where text can wrap."""

from __future__ import annotations

from textwrap import fill

from tabulate import tabulate

from cdnlog.report.sections import Cell, Document, Section, sections


def render(document: Document, width: int = 80) -> str:
    """Return the document as text that ends in LF."""
    parts = [part for section in sections(document) for part in _section(section, width)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section, width: int) -> list[str]:
    parts = [section.title] if section.title else []
    if section.rows:
        rows = [[_cell(cell) for cell in row] for row in section.rows]
        align = ["right" if _is_number(column) else "left" for column in zip(*section.rows, strict=True)]
        table = tabulate(rows, section.headers, tablefmt="simple", disable_numparse=True, colalign=align)
        parts = ["\n".join([*parts, "\n".join(line.rstrip() for line in table.split("\n"))])]
    return parts + ["\n".join(_wrapped(paragraph, width)) for paragraph in section.paragraphs]


def _cell(cell: Cell) -> str:
    if cell is None:
        return "-"
    return f"{cell:,}" if isinstance(cell, int) and cell >= 10_000 else str(cell)  # noqa: PLR2004 - codes, years stay bare


def _is_number(column: tuple[Cell, ...]) -> bool:
    return all(isinstance(cell, int | float) or str(cell).replace(".", "", 1).isdigit() or cell in ("-", None) for cell in column)


def _wrapped(paragraph: tuple[str, ...], width: int) -> list[str]:
    """Wrap the lines of a paragraph; all but the first are indented, continuations a little more."""
    first, *rest = paragraph
    options = {"break_long_words": False, "break_on_hyphens": False}
    lines = [fill(first, width, subsequent_indent="   ", **options)]
    return lines + [fill(line, width, initial_indent="   ", subsequent_indent="     ", **options) for line in rest]
