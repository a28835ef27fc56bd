"""`cdnlog codes`: one provider's code table, without reading a log."""

from __future__ import annotations

from cdnlog.catalog import DEFAULT_PROVIDER, Catalog, language
from cdnlog.cli.commands import application
from cdnlog.cli.guard import guarded
from cdnlog.cli.output import Lang, LangOption, Output, OutputOption, deliver
from cdnlog.cli.shared import DebugOption, ProviderOption, SchemasOption
from cdnlog.cli.values import Command
from cdnlog.report.layout import Listing

app = application()


@app.command(cls=Command)
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
