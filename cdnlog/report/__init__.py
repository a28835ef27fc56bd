"""Results -> text, by the name of the output; a renderer never computes."""

from __future__ import annotations

from cdnlog.declared import Lang
from cdnlog.errors import UnknownNameError
from cdnlog.report import as_csv, as_json, as_markdown, as_prometheus, as_table
from cdnlog.report.sections import Document
from cdnlog.results import Night

__all__ = ["NIGHT_OUTPUTS", "OUTPUTS", "Document", "render"]

OUTPUTS = ("table", "json", "csv", "markdown", "html")
"""What any result can be rendered as."""
NIGHT_OUTPUTS = (*OUTPUTS, "prometheus")
"""What a night can be rendered as."""


def render(document: Document, output: str = "table", width: int = 80, lang: Lang = "en") -> str:
    """Return a result as text that ends in LF.

    Args:
        document: Counts, a diagnosis, a night, an explained code or a listing.
        output: One of `OUTPUTS`, for a night of `NIGHT_OUTPUTS`.
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
    if output == "prometheus" and isinstance(document, Night):
        return as_prometheus.render(document)
    renderers = {"json": as_json.render, "csv": as_csv.render, "markdown": as_markdown.render}
    known = NIGHT_OUTPUTS if isinstance(document, Night) else OUTPUTS
    if output not in known:
        raise UnknownNameError("output", output, known)
    return renderers[output](document, lang)
