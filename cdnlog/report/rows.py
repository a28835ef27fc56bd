"""Parsed rows -> Parquet, CSV or JSON lines, block by block: memory does not grow with the log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet

from cdnlog.declared import ColumnEntry
from cdnlog.errors import UnknownNameError, UsageError
from cdnlog.model import FileReport
from cdnlog.text import csv_cell, visible

Write = Callable[[IO[bytes], Iterable[pa.Table]], None]
_ROW_GROUP = 128 * 1024
_MOST_PARTITIONS = 100_000
_LONGEST_NAME, _NAME_HEAD = 255, 100  # bytes of the name of a folder, and of the beginning of one that is too long
# What a spreadsheet may run begins with one of these, behind any spaces (RE2, on the distinct values only).
_SUSPECT = r"^[\s\pZ]*[=+\-@|%＝＋－＠]"  # noqa: RUF001 - full-width signs are formulas too


@dataclass(frozen=True)
class Origin:
    """Where rows come from, to be kept with them.

    Attributes:
        version: Of cdnlog.
        columns: What is known of the columns.
        reports: What became of each file; complete when the rows are through.
        anonymized: Whether what names a person was left out.
    """

    version: str
    columns: Mapping[str, ColumnEntry]
    reports: Sequence[FileReport]
    anonymized: bool = False

    def described(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema with what the columns mean: unit, description, names elsewhere, personal data."""
        fields = [
            field.with_metadata(_meaning(self.columns[field.name])) if field.name in self.columns else field
            for field in schema
        ]
        anonymized = {"cdnlog.anonymized": "true"} if self.anonymized else {}
        return pa.schema(fields, metadata={"cdnlog.version": self.version} | anonymized)

    def facts(self) -> dict[str, str]:
        """Return the files that were read, their formats and code tables."""
        read = [report for report in self.reports if report.verdict.counts or report.accounting.counted]
        return {
            "cdnlog.source": json.dumps([report.path for report in read]),
            "cdnlog.format": json.dumps(sorted({report.format for report in read if report.format})),
            "cdnlog.provider": json.dumps(sorted({report.provider for report in read if report.provider})),
        }


def _meaning(entry: ColumnEntry) -> dict[str, str]:
    facts = {"unit": entry.unit, "description": entry.description, "otel": entry.otel, "ecs": entry.ecs}
    return {name: text for name, text in facts.items() if text} | {"personal": str(entry.personal).lower()}


def writer_for(suffix: str, origin: Origin) -> Write:
    """Return what writes rows to a file with this suffix; Parquet keeps their origin.

    Raises:
        UnknownNameError: Nothing is written under it.
    """
    writers: dict[str, Write] = {
        ".parquet": partial(_parquet, origin),
        ".csv": _csv,
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
    }
    if suffix.lower() not in writers:
        raise UnknownNameError("suffix of --out", visible(suffix), writers)
    return writers[suffix.lower()]


def write_partitions(folder: Path, tables: Iterable[pa.Table], by: Sequence[str], origin: Origin) -> None:
    """Write Parquet files below a folder, one subfolder per value: `day=2026-11-20/domain=www.example.com/`.

    Args:
        folder: An empty folder.
        tables: The rows, with `time` and whatever they are parted by.
        by: "day" (of UTC) and columns, in the order of the folders. A value that is too long for the name of a folder
            is told by its beginning and a hash.
        origin: Where they come from; what the columns mean is kept with them.

    Raises:
        UnknownNameError: The rows have no such column.
    """
    schema, groups = _first(_with_day(tables, by))
    if not len(schema):
        return
    for name in by:
        if name not in schema.names:
            raise UnknownNameError("column of --partition", visible(name), schema.names)
    parquet = pa.dataset.ParquetFileFormat()
    pa.dataset.write_dataset(
        (batch for group in groups for batch in _nameably(group, by).to_batches()),
        folder,
        schema=origin.described(schema),
        format=parquet,
        file_options=parquet.make_write_options(compression="zstd", write_page_checksum=True),
        partitioning=pa.dataset.partitioning(pa.schema([schema.field(name) for name in by]), flavor="hive"),
        max_partitions=_MOST_PARTITIONS,
    )


def _with_day(tables: Iterable[pa.Table], by: Sequence[str]) -> Iterator[pa.Table]:
    for table in tables:
        day = pc.strftime(table.column("time"), format="%Y-%m-%d") if "day" in by else None
        yield table if day is None else table.append_column("day", day)


def _nameable(name: str, value: str | None) -> str | None:
    """Return a value that a folder can be named after: one that is too long for that becomes its beginning and hash."""
    if value is None or len(quote(f"{name}={value}", safe="")) <= _LONGEST_NAME:
        return value
    return f"{re.sub('[^A-Za-z0-9._-]', '', value)[:_NAME_HEAD]}~{sha256(value.encode()).hexdigest()[:12]}"


def _grouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Join small tables to row groups."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(part.num_rows for part in held) >= _ROW_GROUP:
            yield pa.concat_tables(held).combine_chunks()
            held = []
    if held:
        yield pa.concat_tables(held).combine_chunks()


class Wider(UsageError):  # noqa: N818 - what the rows are
    """Later rows have columns that the first ones lack, and what is written begins with all there are.

    Attributes:
        schema: All columns of all rows.
        lacking: Those that only some rows have.
    """

    def __init__(self, schema: pa.Schema, lacking: Iterable[str]) -> None:
        super().__init__(schema, lacking)
        self.schema, self.lacking = schema, sorted(lacking)

    def __str__(self) -> str:
        """Say it to somebody whose logs cannot be read again."""
        return (
            f"the logs are of several formats, and only some have {visible(', '.join(self.lacking))}; to write them "
            "together they are read and written twice, which a pipe cannot be: name the columns that all have by "
            "--columns, or write the logs of each format by themselves"
        )


def level(tables: Iterable[pa.Table], schema: pa.Schema | None = None) -> Iterator[pa.Table]:
    """Yield the tables with one schema, that of the first or a given one; columns that a log lacks are null.

    Raises:
        Wider: There are more columns than the schema has; known when all tables were looked at.
    """
    tables = map(_plain, tables)
    for table in tables:
        schema = table.schema if schema is None else schema
        if not set(table.schema.names) <= set(schema.names):
            wide = _union(schema, chain([table], tables))
            raise Wider(wide, set(wide.names) - set(schema.names))
        yield table if table.schema.equals(schema) else _filled(table, schema)


def _union(schema: pa.Schema, tables: Iterable[pa.Table]) -> pa.Schema:
    for table in tables:
        if not set(table.schema.names) <= set(schema.names):
            schema = pa.unify_schemas([schema, table.schema])
    return schema


def _filled(table: pa.Table, schema: pa.Schema) -> pa.Table:
    there = set(table.schema.names)
    columns = [
        table.column(field.name) if field.name in there else pa.nulls(table.num_rows, field.type) for field in schema
    ]
    return pa.table(columns, schema=schema)


def _plain(table: pa.Table) -> pa.Table:
    """Return a table with repeating words as plain strings."""
    columns = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    return pa.table(columns, names=table.column_names)


def _first(tables: Iterable[pa.Table]) -> tuple[pa.Schema, Iterator[pa.Table]]:
    """Return the schema, and all tables; without any row there is an empty one."""
    groups = _grouped(tables)
    first = next(groups, pa.table({}))
    return first.schema, chain([first], groups)


def _parquet(origin: Origin, file: IO[bytes], tables: Iterable[pa.Table]) -> None:
    schema, groups = _first(tables)
    options = {"compression": "zstd", "write_page_checksum": True}  # else a flipped byte is read as different data
    with pa.parquet.ParquetWriter(file, origin.described(schema), **options) as writer:
        for group in groups:
            writer.write_table(group)
        writer.add_key_value_metadata(origin.facts())


def _csv(file: IO[bytes], tables: Iterable[pa.Table]) -> None:
    schema, groups = _first(tables)
    options = pa.csv.WriteOptions(quoting_style="needed")
    with pa.csv.CSVWriter(file, schema, write_options=options) as writer:
        for group in groups:
            writer.write_table(_disarmed(group))


def _nameably(table: pa.Table, by: Sequence[str]) -> pa.Table:
    for name in by:
        place = table.schema.get_field_index(name)
        if pa.types.is_string(table.schema.field(place).type):
            words = _encoded(table.column(place))
            names = [_nameable(name, word) for word in words.dictionary.to_pylist()]
            table = _with_words(table, place, words.indices, names)
    return table


def _disarmed(table: pa.Table) -> pa.Table:
    """Put an apostrophe before text that a spreadsheet would run; numbers stay numbers."""
    for i, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            words = _encoded(table.column(i))
            if pc.any(pc.match_substring_regex(words.dictionary, _SUSPECT)).as_py():
                table = _with_words(table, i, words.indices, map(csv_cell, words.dictionary.to_pylist()))
    return table


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    words = column.combine_chunks().dictionary_encode()
    return words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words


def _with_words(table: pa.Table, place: int, indices: pa.Array, words: Iterable[str | None]) -> pa.Table:
    cells = pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string())).cast(pa.string())
    return table.set_column(place, table.schema.field(place), cells)


def _json_lines(file: IO[bytes], tables: Iterable[pa.Table]) -> None:
    for group in _grouped(tables):
        for row in group.to_pylist():
            file.write(json.dumps(row, default=_iso).encode() + b"\n")


def _iso(value: Any) -> str:  # noqa: ANN401 - what json cannot write itself
    if not isinstance(value, datetime):
        raise TypeError(f"a {type(value).__name__} in a row")
    return value.isoformat()
