"""What every result can do with itself: be told as text, JSON, Markdown or HTML, and show itself in a notebook."""

from __future__ import annotations

from importlib import import_module

_RENDERERS = "cdnlog.report"
"""By name, as the package finds its public names: renderers know the results, so results must not know them."""


def piece(document: object, lang: str) -> str:
    """Return what a notebook shows of a result or of a part of one: a piece of a page, without script."""
    markup: str = import_module(_RENDERERS).fragment(document, lang)
    return markup


class Renderable:
    """A result that tells itself, by the same renderers as the command line; `print` shows its text."""

    __slots__ = ()

    def to_json(self) -> str:
        """Return what `-o json` prints, byte for byte: ASCII, the same input gives the same text."""
        return self._rendered("json")

    def to_markdown(self) -> str:
        """Return Markdown for a ticket or a chat; text from the log is escaped."""
        return self._rendered("markdown")

    def to_html(self) -> str:
        """Return one self-contained page without script that fetches nothing."""
        return self._rendered("html")

    def __str__(self) -> str:
        """Return the text that the command line prints."""
        return self._rendered("table").rstrip("\n")

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return piece(self, self._language)

    def _rendered(self, output: str) -> str:
        text: str = import_module(_RENDERERS).render(self, output, lang=self._language)
        return text

    @property
    def _language(self) -> str:
        """The language it is told in."""
        return str(getattr(self, "lang", "en"))
