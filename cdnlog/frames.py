"""Batches as Arrow tables and pandas frames.

Text goes from the block to Arrow without a Python object per row, as views into the block's bytes; only rows that
hold something other than printable ASCII pass through `visible` one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cdnlog.columns import Bools, Column, Ints, Numbers, Texts
from cdnlog.model import Batch

_INLINE = 12  # bytes a string view holds within itself
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
    return _dictionary(codes, words)


_CATEGORIES = frozenset({"method", "protocol", "content_type", "node", "edge_detail"})


def _dictionary(codes: Ints, values: list[str | None]) -> pa.Array:
    """Return a dictionary array without doubles; None is a missing value."""
    place: dict[str, int] = {}
    table = np.array([-1 if v is None else place.setdefault(v, len(place)) for v in values], np.int32)
    rows = table[codes] if len(values) else np.zeros(0, np.int32)
    indices = pa.array(rows, mask=rows < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(place), pa.string()))


def _strings(column: Texts) -> pa.Array:
    """Return text as it stands; what is not printable ASCII is made visible."""
    missing = column.buffer.is_null(column.start, column.length, column.nulls)
    raw = pa.Array.from_buffers(
        pa.binary_view(),
        len(column.start),
        [_validity(missing), pa.py_buffer(_views(column)), _bytes(column)],
    )
    odd = np.flatnonzero(column.odd & ~missing)
    if len(odd) == 0:
        return raw.cast(pa.binary()).cast(pa.string())
    mask = np.zeros(len(column.start), bool)
    mask[odd] = True
    spans = zip(column.start[odd].tolist(), column.length[odd].tolist(), strict=True)
    shown = pa.array([column.translate(column.buffer.text(s, s + n)) for s, n in spans], pa.string())
    plain = pc.if_else(pa.array(mask), pa.scalar(b"", pa.binary()), raw.cast(pa.binary())).cast(pa.string())
    return pc.replace_with_mask(plain, pa.array(mask), shown)


def _bytes(column: Texts) -> pa.Buffer:
    return pa.py_buffer(column.buffer.bytes)


def _validity(missing: Bools) -> pa.Buffer:
    return pa.py_buffer(np.packbits(~missing, bitorder="little"))


def _views(column: Texts) -> np.ndarray[Any, Any]:
    """Return Arrow's 16-byte views: length, then the text itself if it is short, else its prefix and place."""
    start, length = column.start, column.length
    head = column.buffer.word(start, length)
    views = np.empty((len(start), 2), np.uint64)
    views[:, 0] = length.astype(np.uint64) | (head << np.uint64(32))
    tail = column.buffer.word(start + 4, np.maximum(length - 4, 0))
    views[:, 1] = np.where(length <= _INLINE, tail, start.astype(np.uint64) << np.uint64(32))
    return views


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
