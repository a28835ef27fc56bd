"""Results -> text, by the name of the output; a renderer never computes."""

from __future__ import annotations

from cdnlog.declared import Lang
from cdnlog.errors import UnknownNameError
from cdnlog.model import Finding
from cdnlog.report import as_csv, as_json, as_markdown, as_table
from cdnlog.report.sections import Document

__all__ = ["OUTPUTS", "Document", "fragment", "render"]

OUTPUTS = ("table", "json", "csv", "markdown", "html")


def render(document: Document, output: str = "table", width: int = 80, lang: Lang = "en") -> str:
    """Return a result as text that ends in LF.

    Args:
        document: Counts, a diagnosis, an explained code or a listing.
        output: One of `OUTPUTS`.
        width: Columns of the terminal, for "table".
        lang: Language of headings and labels; a diagnosis keeps its own.

    Raises:
        UnknownNameError: There is no such output.
    """
    if output == "table":
        return as_table.render(document, width, lang)
    if output == "html":
        # The template engine costs 50 ms, which the other outputs do not spend.
        from cdnlog.report import as_html  # noqa: PLC0415

        return as_html.render(document, lang)
    renderers = {"json": as_json.render, "csv": as_csv.render, "markdown": as_markdown.render}
    if output not in renderers:
        raise UnknownNameError("output", output, OUTPUTS)
    return renderers[output](document, lang)


def fragment(document: Document | Finding, lang: Lang = "en") -> str:
    """Return a result, or one finding, as a piece of HTML for a notebook's cell."""
    from cdnlog.report import as_notebook  # noqa: PLC0415 - the template engine, as above

    return as_notebook.render(document, lang)
