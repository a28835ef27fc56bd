"""Rows go to polars and DuckDB and come back: without a copy where the library allows it, with the right types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_cases import log, run_here

import cdnlog
from cdnlog.catalog import Catalog

SAMPLES = Path(__file__).parent.parent / "sample_logs"
ONE = SAMPLES / "2026112004-api.example.com.gz"
TYPES = {  # of canonical columns: in Arrow, polars and DuckDB
    "timestamp": ("timestamp[us, tz=UTC]", "Datetime(time_unit='us', time_zone='UTC')", "TIMESTAMP WITH TIME ZONE"),
    "status": ("int16", "Int16", "SMALLINT"),
    "integer": ("int64", "Int64", "BIGINT"),
    "text": ("string", "String", "VARCHAR"),
    "category": ("string", "String", "VARCHAR"),
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """The rows of one file."""
    return cdnlog.read(ONE)


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same rows as `cdnlog parse` writes them."""
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    assert run_here(["parse", str(ONE), "--out", str(path)], path.parent).code == 0
    return path


def kinds(columns: list[str], library: int) -> list[str]:
    """Return the types that columns must have in one of the libraries."""
    known = Catalog().columns()
    return [TYPES[known[name].type][library] for name in columns]


def where(values: Any) -> int:  # noqa: ANN401 - pandas' arrays have no common type
    """Return the address of the values of a column as pandas holds them."""
    if isinstance(values, pd.arrays.DatetimeArray):
        return int(values._ndarray.ctypes.data)
    if isinstance(values, pd.Categorical):
        return int(values.codes.ctypes.data)
    return (
        int(values._data.ctypes.data)
        if hasattr(values, "_data")
        else int(values._pa_array.chunk(0).buffers()[2].address)
    )


def test_arrow_takes_frames_without_a_copy(frame: pd.DataFrame) -> None:
    """The values of every column, numbers, times, categories and text, lie where pandas holds them."""
    table = pa.Table.from_pandas(frame)
    for name in frame.columns:
        array = table.column(name).chunk(0)
        values = array.indices if pa.types.is_dictionary(array.type) else array
        text = pa.types.is_large_string(array.type)
        assert values.buffers()[2 if text else 1].address == where(frame[name].array), name


def test_polars_takes_frames_without_a_copy(frame: pd.DataFrame) -> None:
    """Numbers and times lie where pandas holds them, and every column has its type."""
    polars = pytest.importorskip("polars")
    table = polars.from_pandas(frame)
    for name in ("time", "status", "bytes", "client_port"):
        view = table[name].to_physical().to_numpy(allow_copy=False)
        assert view.__array_interface__["data"][0] == where(frame[name].array), name
    expected = [
        "Categorical" if isinstance(frame[name].dtype, pd.CategoricalDtype) else kind
        for name, kind in zip(frame.columns, kinds(list(frame.columns), 1), strict=True)
    ]
    assert [str(kind) for kind in table.dtypes] == expected
    assert cdnlog.count(table) == cdnlog.count(frame)
    assert cdnlog.diagnose(table).items == cdnlog.diagnose(frame).items


def test_duckdb_asks_frames_by_name(frame: pd.DataFrame) -> None:
    """A frame is a table of DuckDB by the name of its variable, with the right types; its answer comes back as rows."""
    duckdb = pytest.importorskip("duckdb")
    asked = duckdb.sql("select * from frame")
    expected = [
        "ENUM" if isinstance(frame[name].dtype, pd.CategoricalDtype) else kind
        for name, kind in zip(frame.columns, kinds(list(frame.columns), 2), strict=True)
    ]
    assert [str(kind).split("(", maxsplit=1)[0] for kind in asked.types] == expected
    refused = duckdb.sql("select * from frame where status = 509")
    assert cdnlog.count(refused) == cdnlog.count(frame[frame["status"] == 509])


def test_parquet_opens_with_the_right_types(parquet: Path, frame: pd.DataFrame) -> None:
    """What `cdnlog parse` writes has the columns and types of the frames, in Arrow, polars and DuckDB."""
    schema = pq.read_schema(parquet)
    assert schema.names == frame.columns.tolist()
    assert [str(kind) for kind in schema.types] == kinds(schema.names, 0)
    polars = pytest.importorskip("polars")
    assert [str(kind) for kind in polars.read_parquet_schema(parquet).values()] == kinds(schema.names, 1)
    duckdb = pytest.importorskip("duckdb")
    assert [str(kind) for kind in duckdb.read_parquet(str(parquet)).types] == kinds(schema.names, 2)
    for rows in (pd.read_parquet(parquet), polars.read_parquet(parquet), duckdb.read_parquet(str(parquet))):
        assert cdnlog.count(rows) == cdnlog.count(frame)


def test_parquet_says_what_its_columns_are(parquet: Path) -> None:
    """Every column carries its unit, meaning, names elsewhere and whether it is personal data."""
    known = Catalog().columns()
    for field in pq.read_schema(parquet):
        facts = {key.decode(): value.decode() for key, value in field.metadata.items()}
        facts.pop("PARQUET:field_id", None)
        entry = known[field.name]
        said = {"unit": entry.unit, "description": entry.description, "otel": entry.otel, "ecs": entry.ecs}
        assert facts == {k: v for k, v in said.items() if v} | {"personal": "true" if entry.personal else "false"}
    assert pq.read_schema(parquet).field("bytes").metadata[b"unit"] == b"bytes"
    assert pq.read_schema(parquet).field("duration_ms").metadata[b"unit"] == b"milliseconds"


def test_parquet_says_where_it_comes_from(parquet: Path, tmp_path: Path) -> None:
    """The file carries the logs, formats and code tables it was made from, and the version of cdnlog."""
    facts = pq.read_metadata(parquet).metadata
    assert facts[b"cdnlog.version"].decode() == cdnlog.__version__
    assert json.loads(facts[b"cdnlog.source"]) == [str(ONE)]
    assert json.loads(facts[b"cdnlog.format"]) == json.loads(facts[b"cdnlog.provider"]) == ["tencent-cdn"]
    (tmp_path / "a.log").write_text(log("200 404 502"), encoding="utf-8")
    assert run_here(["parse", "a.log", "--out", "parts", "--partition", "domain"], tmp_path).code == 0
    part = next((tmp_path / "parts").rglob("*.parquet"))
    assert pq.read_metadata(part).metadata[b"cdnlog.version"].decode() == cdnlog.__version__
    assert pq.read_schema(part).field("bytes").metadata[b"unit"] == b"bytes"
