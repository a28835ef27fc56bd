"""Markdown for a ticket or a chat: tables and lists; text from the log is escaped."""

from __future__ import annotations

from tabulate import tabulate

from cdnlog.report.sections import Document, Section, sections
from cdnlog.text import markdown_cell


def render(document: Document) -> str:
    """Return the document as Markdown that ends in LF."""
    return "\n\n".join(part for section in sections(document) for part in _section(section)) + "\n"


def _section(section: Section) -> list[str]:
    parts = [f"## {markdown_cell(section.title)}"] if section.title else []
    if section.rows:
        rows = [["-" if cell is None else markdown_cell(str(cell)) for cell in row] for row in section.rows]
        headers = [markdown_cell(head) for head in section.headers]
        parts.append(tabulate(rows, headers, tablefmt="pipe", disable_numparse=True))
    for first, *rest in section.paragraphs:
        head = f"**{markdown_cell(first)}**" if rest else markdown_cell(first)
        parts.append("\n".join([head, *([""] if rest else []), *(f"- {markdown_cell(line)}" for line in rest)]))
    return parts
