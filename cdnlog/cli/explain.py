"""`cdnlog explain` and `cdnlog codes`: the code tables, without reading a log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cdnlog.catalog import DEFAULT_PROVIDER, Catalog
from cdnlog.cli.guard import guarded
from cdnlog.cli.output import Output, OutputOption, deliver
from cdnlog.errors import UsageError
from cdnlog.model import Listing
from cdnlog.text import visible

_DIGITS = 3

ProviderOption = Annotated[str, typer.Option(help="Whose code table to ask.")]
SchemasOption = Annotated[Path | None, typer.Option(help="Folder with code tables of your own.", metavar="DIR")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")]


@guarded
def explain(
    code: Annotated[str, typer.Argument(help="A status code, 0 to 999.")],
    provider: ProviderOption = DEFAULT_PROVIDER,
    output: OutputOption = Output.table,
    schemas: SchemasOption = None,
    debug: DebugOption = False,
) -> int:
    """Say what a status code means, whose it is and what to do first.

    cdnlog explain 514

    cdnlog explain 0 -o json
    """
    del debug  # read by the guard
    if not (code.isascii() and code.isdigit() and len(code) <= _DIGITS):
        raise UsageError(f"'{visible(code)}' is no status code; one has three digits, or is 0 where no status was sent")
    deliver(Catalog(schemas).explain(provider, int(code)), output)
    return 0


@guarded
def codes(
    provider: ProviderOption = DEFAULT_PROVIDER,
    output: OutputOption = Output.table,
    schemas: SchemasOption = None,
    debug: DebugOption = False,
) -> int:
    """List the status codes of a provider's table.

    cdnlog codes

    cdnlog codes -o csv
    """
    del debug  # read by the guard
    catalog = Catalog(schemas)
    table = catalog.codes(provider)
    rows = tuple((c.code, c.owner, c.name.en) for c in sorted(table.code, key=lambda c: c.code))
    notes = (f"source: {table.source} ({table.as_of})", f"providers: {', '.join(catalog.providers())}")
    deliver(Listing(table.title, ("code", "owner", "name"), rows, notes), output)
    return 0
