"""The option -o, and where a rendered result goes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cdnlog.catalog import language
from cdnlog.cli.files import atomic
from cdnlog.cli.screen import emit, width
from cdnlog.report import Document, pieces


class Output(StrEnum):
    """How a result is written."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    html = "html"


class Lang(StrEnum):
    """A language of all texts."""

    en = "en"
    ko = "ko"


OutputOption = Annotated[Output, typer.Option("-o", "--output", help="How the result is written.")]


LangOption = Annotated[Lang, typer.Option("--lang", help="Language of the texts; JSON keys and names stay English.")]


def deliver(document: Document, output: Output, out: Path | None = None, lang: str = "en") -> None:
    """Render a result and write it to standard output, or to a file that appears only when it is whole.

    Raises:
        OutputError: It cannot be written.
    """
    text = pieces(document, output.value, width(), language(lang))
    if out is None:
        emit(text)
        return
    with atomic(out) as file:
        file.writelines(piece.encode() for piece in text)
