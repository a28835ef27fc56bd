"""`cdnlog count`."""

from __future__ import annotations

from typing import Annotated

import typer

import cdnlog
from cdnlog.cli.commands import application
from cdnlog.cli.output import Output, OutputOption, deliver
from cdnlog.cli.reading import Reading, reading
from cdnlog.cli.shared import StoredOption
from cdnlog.cli.values import Command

app = application()


@app.command(cls=Command)
@reading
def count(
    job: Reading,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Count by this column too (cache, isp, method, region...). Naming window, domain or status keeps only "
            "those of the three that are named. Repeatable.",
        ),
    ] = None,
    store: StoredOption = None,
    output: OutputOption = Output.table,
) -> int:
    """Count status codes per domain and time window.

    cdnlog count logs/ --window 1h

    cdnlog count logs/ --by cache -o csv --out counts.csv

    cdnlog count 'logs/*-www.*.gz' --by status --since 2026-11-20T10:00

    cdnlog count 's3://bucket/logs/2026-11-2*' -o json

    cdnlog count --store history.db --window 1d
    """
    if store is not None:
        counts = job.stored(store, by)
        deliver(counts, output, job.out, job.lang)
        return job.tell(counts.inputs)
    with job.observed() as observers:
        counts = cdnlog.count(job.found, job.window, **job.options(by), **observers)
    deliver(counts, output, job.out, job.lang)
    return job.tell(counts.inputs)
