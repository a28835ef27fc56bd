"""What `cdnlog parse` does."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

import cdnlog
from cdnlog.api import tables
from cdnlog.catalog import Catalog
from cdnlog.cli.files import atomic, atomic_folder, is_special
from cdnlog.cli.reading import Reading
from cdnlog.cli.screen import say
from cdnlog.errors import DamagedInput
from cdnlog.model import FileReport, Inputs, Verdict
from cdnlog.report.rows import Origin, Wider, level, write_partitions, writer_for


def write_rows(job: Reading, out: Path, columns: list[str] | None, partition: list[str]) -> Inputs:
    """Write the rows, of all files or none; return what became of the files that were read.

    Logs of several formats are read twice if the first have fewer columns: only then it is known what all have.

    Raises:
        Wider: They cannot be read twice, or what was begun cannot be taken back.
    """
    if columns and partition:
        columns = list(dict.fromkeys([*columns, "time", *(name for name in partition if name != "day")]))
    try:
        return _written(job, out, columns, partition)
    except Wider as wider:
        once = [to for to in (job.given["rejects"], None if partition else out) if to is not None]
        if not job.found.again or any(map(is_special, once)):
            raise
        return _written(job, out, columns, partition, wider.schema)


def _written(
    job: Reading, out: Path, columns: list[str] | None, partition: list[str], schema: pa.Schema | None = None
) -> Inputs:
    reports: list[FileReport] = []
    origin = Origin(cdnlog.__version__, Catalog().columns(), reports, bool(job.given["anonymize"]))
    with job.observed() as observers:
        rows = level(tables(job.found, columns, reports=reports, **job.options(), **observers), schema)
        try:
            if partition:
                with atomic_folder(out) as folder:
                    write_partitions(folder, rows, partition, origin)
            else:
                write = writer_for(out.suffix, origin)
                with atomic(out) as file:
                    write(file, rows)
        except DamagedInput as damage:
            say(_refused(out, damage, len(job.found.inputs) - len(reports)))
    return Inputs(tuple(reports))


def _refused(out: Path, damage: DamagedInput, unread: int) -> str:
    """Say why there are no rows, and what to do."""
    keep = "; --keep-damaged takes what can be read of it" if Verdict(damage.verdict).damaged else ""
    rest = f"; what is named behind it was not read ({unread:,})" if unread else ""
    return f"cdnlog: {out} was not written: {damage.path} is {damage.verdict}; leave that file out{keep}{rest}"
