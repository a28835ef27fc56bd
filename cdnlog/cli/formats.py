"""`cdnlog formats` and `cdnlog formats detect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cdnlog.catalog import Catalog
from cdnlog.cli.commands import application
from cdnlog.cli.guard import guarded
from cdnlog.cli.output import Output, OutputOption, deliver
from cdnlog.cli.shared import AnonymizeOption, DebugOption, SchemasOption
from cdnlog.cli.values import Command
from cdnlog.report.layout import Listing

app = application(group=True)


@app.callback()
def formats(
    context: typer.Context,
    output: OutputOption = Output.table,
    schemas: SchemasOption = None,
    debug: DebugOption = False,
) -> None:
    """List the log formats, or tell which one a file is.

    cdnlog formats

    cdnlog formats detect logs/2026112000-www.example.com.gz
    """
    if context.invoked_subcommand is None:
        _list(output=output, schemas=schemas, debug=debug)


@guarded
def _list(*, output: Output, schemas: Path | None, debug: bool) -> int:
    del debug  # read by the guard
    found = Catalog(schemas).formats().values()
    rows = tuple((f.name, f.provider, f.zone or "in the line", f.title) for f in found)
    deliver(Listing("Log formats", ("name", "provider", "zone", "title"), rows), output)
    return 0


@app.command("detect", cls=Command)
@guarded
def detect(
    path: Annotated[str, typer.Argument(help="A log file, its URL, or - for standard input.")],
    output: OutputOption = Output.table,
    schemas: SchemasOption = None,
    anonymize: AnonymizeOption = False,
    debug: DebugOption = False,
) -> int:
    """Say which format a file is, why, and show three parsed lines.

    cdnlog formats detect logs/2026112000-www.example.com.gz

    cdnlog formats detect access.log --anonymize
    """
    # The library loads numpy, which listing formats does not need.
    from cdnlog.inspect import inspect  # noqa: PLC0415

    del debug  # read by the guard
    listing, code = inspect(path, Catalog(schemas), anonymize=anonymize)
    deliver(listing, output)
    return code
