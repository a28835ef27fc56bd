"""Batches as Arrow tables and pandas frames.

Text goes from the block to Arrow without a Python object per row; only rows that hold something other than printable
ASCII pass through `visible` one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cdnlog.buffer import Ints
from cdnlog.columns import Column, Numbers, Texts
from cdnlog.model import Batch
from cdnlog.strings import verbatim

_TIME = pa.timestamp("us", tz="UTC")
_WHOLE = {"status": pa.int16(), "origin_status": pa.int16()}
_PANDAS = {
    pa.string(): pd.StringDtype("pyarrow"),
    pa.large_string(): pd.StringDtype("pyarrow"),
    pa.string_view(): pd.StringDtype("pyarrow"),
    pa.int64(): pd.Int64Dtype(),
    pa.int16(): pd.Int16Dtype(),
}


def arrow_table(batch: Batch, order: Sequence[str]) -> pa.Table:
    """Return a batch as an Arrow table, its columns in the given order; columns the log lacks are absent.

    Types: `time` timestamp[us, UTC], numbers int64, `status` int16, free text string, the rest dictionaries.
    """
    names = [name for name in order if name in batch.columns]
    return pa.table({name: _arrow(name, batch.columns[name]) for name in names})


def frame_of(tables: Iterable[pa.Table]) -> pd.DataFrame:
    """Return Arrow tables as one frame: tz-aware time, Arrow-backed strings, categories, nullable integers."""
    tables = list(tables)
    if not tables:
        return pd.DataFrame()
    table = pa.concat_tables(tables, promote_options="permissive").unify_dictionaries()
    frame: pd.DataFrame = table.to_pandas(types_mapper=_PANDAS.get)
    return frame


def _arrow(name: str, column: Column) -> pa.Array:
    if isinstance(column, Numbers):
        values = pa.array(column.values, mask=column.missing)
        return values.cast(_TIME) if name == "time" else values.cast(_WHOLE.get(name, pa.int64()))
    if isinstance(column, Texts) and column.verbatim and name not in _CATEGORIES:
        return _strings(column)
    codes, words = column.codes
    array = _dictionary(codes, words)
    return array.cast(pa.string()) if name in _FREE else array


_CATEGORIES = frozenset({"method", "protocol", "content_type", "node", "edge_detail"})
_FREE = frozenset({"path", "query", "client_ip", "referer", "user_agent", "range", "request_id"})


def _dictionary(codes: Ints, values: list[str | None]) -> pa.Array:
    """Return a dictionary array without doubles; None is a missing value."""
    place: dict[str, int] = {}
    table = np.array([-1 if v is None else place.setdefault(v, len(place)) for v in values], np.int32)
    rows = table[codes] if len(values) else np.zeros(0, np.int32)
    indices = pa.array(rows, mask=rows < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(place), pa.string()))


def _strings(column: Texts) -> pa.Array:
    """Return text as it stands; what is not printable ASCII is made visible."""
    texts = verbatim(column)
    offsets = np.zeros(len(texts.length) + 1, np.int32)
    np.cumsum(np.maximum(texts.length, 0), out=offsets[1:])
    missing = texts.length < 0
    validity = pa.py_buffer(np.packbits(~missing, bitorder="little")) if missing.any() else None
    return pa.StringArray.from_buffers(len(missing), pa.py_buffer(offsets), pa.py_buffer(texts.data), validity)


def counts_frame(dims: Sequence[str], columns: Mapping[str, list[Any]], zone: tzinfo) -> pd.DataFrame:
    """Return the columns of a `Counts` as a frame; see `Counts.frame`."""
    shown: dict[str, Any] = {name: _shown(name, columns[name], zone) for name in dims}
    return pd.DataFrame(shown | {name: _sums(columns[name]) for name in ("requests", "bytes")})


def _sums(values: list[int]) -> np.ndarray[Any, Any]:
    """Return sums as int64, as Python integers where they are too large for it."""
    try:
        return np.array(values, np.int64)
    except OverflowError:
        return np.array(values, object)


def _shown(name: str, values: Sequence[Any], zone: tzinfo) -> Any:  # noqa: ANN401 - any pandas array
    if name == "window_start":
        times = pd.DatetimeIndex(pd.to_datetime(np.array(values, np.int64), unit="s", utc=True))
        return times.as_unit("us").tz_convert(zone)
    if name == "status":
        return pd.array(values, "Int16")
    if all(isinstance(value, int | None) for value in values) and values:
        return pd.array(values, "Int64")
    return pd.Categorical(values)
