"""Results -> text, by the name of the output; a renderer never computes."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from cdnlog.declared import Lang
from cdnlog.errors import UnknownNameError
from cdnlog.report.sections import Document

if TYPE_CHECKING:
    from cdnlog.model import Finding

__all__ = ["NIGHT_OUTPUTS", "OUTPUTS", "Document", "fragment", "pieces", "render"]

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
    return "".join(pieces(document, output, width, lang))


def pieces(document: Document, output: str, width: int = 80, lang: Lang = "en") -> Iterator[str]:
    """Yield the same text piece by piece: a table of a million rows never is in memory as a whole.

    Raises:
        UnknownNameError: There is no such output.
    """
    known = (*OUTPUTS, *getattr(document, "outputs", ()))
    if output not in known:
        raise UnknownNameError("output", output, known)
    # Each brings a library of its own, for setting tables, writing CSV or filling a page in: only one is loaded.
    renderer = import_module(f"cdnlog.report.as_{output}")
    if hasattr(renderer, "pieces"):
        return iter(renderer.pieces(document, lang))
    arguments: dict[str, tuple[int | Lang, ...]] = {"table": (width, lang), "prometheus": ()}
    return iter([renderer.render(document, *arguments.get(output, (lang,)))])


def fragment(document: Document | Finding, lang: Lang = "en") -> str:
    """Return a result, or one finding, as a piece of HTML for a notebook's cell."""
    from cdnlog.report import as_notebook  # noqa: PLC0415 - the template engine, as above

    return as_notebook.render(document, lang)
