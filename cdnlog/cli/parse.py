"""`cdnlog parse`."""

from __future__ import annotations

from typing import Annotated

import typer

import cdnlog
from cdnlog.catalog import Catalog
from cdnlog.cli.commands import application
from cdnlog.cli.files import atomic, atomic_folder
from cdnlog.cli.reading import Reading, reading
from cdnlog.cli.screen import say
from cdnlog.cli.values import Command
from cdnlog.errors import DamagedInput, UsageError
from cdnlog.model import FileReport, Inputs

app = application()


@app.command(cls=Command)
@reading
def parse(
    job: Reading,
    columns: Annotated[
        str | None, typer.Option(help="Columns to keep, separated by commas; else all that the log has.")
    ] = None,
    partition: Annotated[
        list[str] | None,
        typer.Option(
            help="Part Parquet files by day (of UTC), domain or another column; --out is a folder then. Repeatable.",
            metavar="COLUMN",
        ),
    ] = None,
) -> int:
    """Write the parsed rows to Parquet, CSV or JSON lines, by the suffix of --out.

    cdnlog parse logs/ --out rows.parquet

    cdnlog parse logs/ --out rows.csv --columns time,status,path

    cdnlog parse logs/ --out rows/ --partition day --partition domain
    """
    if job.out is None:
        raise UsageError("parse needs --out FILE; its suffix says what is written: .parquet, .csv or .jsonl")
    # Arrow costs 0.13 s, which the other commands do not spend.
    from cdnlog.api import tables  # noqa: PLC0415
    from cdnlog.report.rows import Origin, write_partitions, writer_for  # noqa: PLC0415

    reports: list[FileReport] = []
    origin = Origin(cdnlog.__version__, Catalog().columns(), reports, bool(job.given["anonymize"]))
    wanted = [name.strip() for name in columns.split(",")] if columns else None
    if wanted and partition:
        wanted = list(dict.fromkeys([*wanted, "time", *(name for name in partition if name != "day")]))
    try:
        with job.observed() as observers:
            rows = tables(job.found, wanted, reports=reports, **job.options(), **observers)
            if partition:
                with atomic_folder(job.out) as folder:
                    write_partitions(folder, rows, list(dict.fromkeys(partition)), origin)
            else:
                write = writer_for(job.out.suffix, origin)
                with atomic(job.out) as file:
                    write(file, rows)
    except DamagedInput:
        say(f"cdnlog: {job.out} was not written: a row of a damaged file may be wrong")
    return job.tell(Inputs(tuple(reports)))
