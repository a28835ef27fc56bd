"""`cdnlog parse`."""

from __future__ import annotations

from typing import Annotated

import typer

from cdnlog.cli.commands import application
from cdnlog.cli.reading import Reading, reading
from cdnlog.cli.values import Command
from cdnlog.errors import UsageError

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

    Logs of several formats get the columns of all of them, empty where a log lacks one. A damaged, missing or unknown
    file leaves no output at all.

    cdnlog parse logs/ --out rows.parquet

    cdnlog parse logs/ --out rows.csv --columns time,status,path

    cdnlog parse logs/ --out rows/ --partition day --partition domain
    """
    if job.out is None:
        raise UsageError("parse needs --out FILE; its suffix says what is written: .parquet, .csv or .jsonl")
    # Arrow costs 0.13 s, which the other commands do not spend.
    from cdnlog.cli.rows import write_rows  # noqa: PLC0415

    wanted = [name.strip() for name in columns.split(",")] if columns else None
    return job.tell(write_rows(job, job.out, wanted, list(dict.fromkeys(partition or ()))))
