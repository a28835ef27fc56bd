"""`cdnlog explain`: what the code tables say of one code, without reading a log."""

from __future__ import annotations

from typing import Annotated

import typer

from cdnlog.catalog import DEFAULT_PROVIDER, Catalog
from cdnlog.cli.commands import application
from cdnlog.cli.guard import guarded
from cdnlog.cli.output import Lang, LangOption, Output, OutputOption, deliver
from cdnlog.cli.shared import DebugOption, ProviderOption, SchemasOption
from cdnlog.cli.values import Command

app = application()


@app.command(cls=Command)
@guarded
def explain(  # noqa: PLR0913, PLR0917 - one parameter per option, typer passes them by name
    code: Annotated[str, typer.Argument(help="A status code, 0 to 999, or an error word of the vendor.")],
    provider: ProviderOption = DEFAULT_PROVIDER,
    all_providers: Annotated[
        bool, typer.Option("--all-providers", help="Show every provider that has an entry of its own.")
    ] = False,
    output: OutputOption = Output.table,
    lang: LangOption = Lang.en,
    schemas: SchemasOption = None,
    debug: DebugOption = False,
) -> int:
    """Say what a status code means, whose it is and what to do first.

    cdnlog explain 514

    cdnlog explain 514 --lang ko

    cdnlog explain 503 --all-providers

    cdnlog explain 0 -o json
    """
    del debug  # read by the guard
    catalog = Catalog(schemas)
    found = catalog.compared(code) if all_providers else catalog.asked(provider, code)
    deliver(found, output, lang=lang)
    return 0
