"""Results -> text, by the name of the output; a renderer never computes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from cdnlog.declared import Lang
from cdnlog.errors import UnknownNameError
from cdnlog.report.sections import Document

if TYPE_CHECKING:
    from cdnlog.model import Finding

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
    if output not in OUTPUTS:
        raise UnknownNameError("output", output, OUTPUTS)
    # Each brings a library of its own, for setting tables, writing CSV or filling a page in: only one is loaded.
    renderer = import_module(f"cdnlog.report.as_{output}")
    text: str = renderer.render(document, width, lang) if output == "table" else renderer.render(document, lang)
    return text


def fragment(document: Document | Finding, lang: Lang = "en") -> str:
    """Return a result, or one finding, as a piece of HTML for a notebook's cell."""
    from cdnlog.report import as_notebook  # noqa: PLC0415 - the template engine, as above

    return as_notebook.render(document, lang)
