"""`cdnlog explain` and `cdnlog codes`: the code tables, without reading a log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cdnlog.catalog import DEFAULT_PROVIDER, Catalog, language
from cdnlog.cli.guard import guarded
from cdnlog.cli.output import Lang, LangOption, Output, OutputOption, deliver
from cdnlog.model import Listing

ProviderOption = Annotated[str, typer.Option(help="Whose code table to ask.")]
SchemasOption = Annotated[Path | None, typer.Option(help="Folder with code tables of your own.", metavar="DIR")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")]


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


@guarded
def codes(
    provider: ProviderOption = DEFAULT_PROVIDER,
    output: OutputOption = Output.table,
    lang: LangOption = Lang.en,
    schemas: SchemasOption = None,
    debug: DebugOption = False,
) -> int:
    """List the status codes of a provider's table.

    cdnlog codes

    cdnlog codes --provider standard --lang ko

    cdnlog codes -o csv
    """
    del debug  # read by the guard
    catalog, tongue = Catalog(schemas), language(lang)
    table = catalog.codes(provider)
    by_code = ((c.code, c.owner, c.name.of(tongue)) for c in sorted(table.code, key=lambda c: c.code))
    by_word = ((w.word, w.owner, w.name.of(tongue)) for w in table.word)
    notes = (f"source: {table.source} ({table.as_of})", f"providers: {', '.join(catalog.providers())}")
    deliver(Listing(table.title, ("code", "owner", "name"), (*by_code, *by_word), notes), output, lang=lang)
    return 0
