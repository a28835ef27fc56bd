"""`cdnlog history`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import cdnlog
from cdnlog.cli import apart
from cdnlog.cli.commands import application
from cdnlog.cli.guard import guarded
from cdnlog.cli.output import Lang, LangOption, Output, OutputOption, deliver
from cdnlog.cli.shared import DebugOption
from cdnlog.cli.values import Command

app = application()


@app.command(cls=Command)
@guarded
def history(
    store: Annotated[Path, typer.Option(help="The store to look into, made by 'cdnlog nightly'.", metavar="FILE")],
    output: OutputOption = Output.table,
    out: Annotated[
        Path | None, typer.Option(help="Write the result here instead of to standard output.", metavar="FILE")
    ] = None,
    lang: LangOption = Lang.en,
    debug: DebugOption = False,
) -> int:
    """Show what a store holds: domains, days, files and what became of each.

    cdnlog history --store history.db

    cdnlog history --store history.db -o csv --out files.csv
    """
    del debug  # read by the guard
    apart.check([out], apart.of_store(store))
    deliver(cdnlog.holdings(store), output, out, lang)
    return 0
