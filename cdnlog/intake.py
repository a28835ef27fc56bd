"""Frames that a user brings -> batches, to be counted and judged like the rows of a log; what cannot be is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from cdnlog.columns import Coded, Column, Numbers
from cdnlog.declared import ColumnEntry
from cdnlog.errors import UsageError
from cdnlog.frames import frame_of
from cdnlog.model import NO_DOMAIN, Accounting, Batch
from cdnlog.text import visible

_EPOCH = pd.Timestamp(0, tz="UTC")
_NUMBERS = ("integer", "status")
_TOO_LARGE = 2**63


def pandas_frame(frame: Any) -> pd.DataFrame:  # noqa: ANN401 - whatever speaks Arrow
    """Return rows of any library that hands out Arrow data (polars, DuckDB, pyarrow) as a pandas frame."""
    return frame if isinstance(frame, pd.DataFrame) else frame_of([pa.table(frame)])


def batch_of(frame: pd.DataFrame, known: Mapping[str, ColumnEntry], fold: Callable[[str], str]) -> Batch:
    """Return a frame with canonical columns as a batch, to be counted like any other.

    Args:
        frame: The rows; columns of other names are left alone.
        known: The canonical columns.
        fold: Makes the key of a domain.

    Raises:
        UsageError: It lacks `time` or `status`, its time has no zone, or a value is none that a log can have.
    """
    if not len(frame.columns):
        return Batch({}, 0, Accounting())  # what `read` makes of no line at all
    _check_columns(frame)
    kinds = {name: entry.type for name, entry in known.items() if name in frame.columns}
    _check_values(frame, [name for name, kind in kinds.items() if kind in _NUMBERS])
    columns = {name: _column(kind, frame[name]) for name, kind in kinds.items()}
    rows = len(frame)
    columns["domain"] = _domains(columns.get("domain"), rows, fold)
    return Batch(columns, rows, Accounting(lines=rows, counted=rows))


def _check_columns(frame: pd.DataFrame) -> None:
    lacking = [name for name in ("time", "status") if name not in frame.columns]
    if lacking:
        raise UsageError(
            f"the frame lacks {' and '.join(lacking)}; give one made by cdnlog.read, or rename its columns"
        )
    double = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
    if double:
        raise UsageError(f"the frame has two columns named {visible(' and '.join(double))}; drop or rename one")
    if getattr(frame["time"].dtype, "tz", None) is None:
        raise UsageError("the frame's time has no zone; use frame['time'].dt.tz_localize(...)")


def _check_values(frame: pd.DataFrame, numbers: list[str]) -> None:
    status = pd.to_numeric(frame["status"], errors="coerce")
    if not ((status == 0) | status.between(100, 999) & (status % 1 == 0)).fillna(value=False).all():
        raise UsageError("the frame has a status that no log can have; it is 0 or 100 to 999, and never missing")
    if frame["time"].isna().any():
        raise UsageError("the frame has rows without a time; drop them first")
    for name in numbers:
        if name != "status":
            _check_numbers(name, frame[name].dropna())


def _check_numbers(name: str, values: pd.Series[Any]) -> None:
    """Refuse what is no whole number of at least 0 (a weight: 1); missing values are allowed."""
    if not len(values):
        return
    if not pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        raise UsageError(f"the frame's {name} are no numbers; convert them with pandas.to_numeric")
    least = 1 if name == "weight" else 0
    if (values < least).any():
        told = "less than 1" if least else "negative"
        raise UsageError(f"the frame has {told} {name} ({values.min()}); leave such values missing instead")
    odd = values[(values % 1 != 0) | (values >= _TOO_LARGE)]  # infinity is no whole number either
    if len(odd):
        raise UsageError(f"the frame has {name} of {odd.iloc[0]}, which is no whole number; round it first")


def _column(kind: str, series: pd.Series[Any]) -> Column:
    if kind == "timestamp":
        since = (series - _EPOCH) // pd.Timedelta(microseconds=1)
        return Numbers(since.to_numpy(np.int64).astype(np.int64, copy=False))
    if kind in _NUMBERS:
        missing = series.isna().to_numpy(bool)
        return Numbers(pd.to_numeric(series).fillna(0).to_numpy(np.int64), missing if missing.any() else None)
    codes, values = pd.factorize(series)
    known = [*(visible(str(value)) for value in values), None]
    return Coded((np.where(codes < 0, len(known) - 1, codes).astype(np.int64), known))


def _domains(column: Column | None, rows: int, fold: Callable[[str], str]) -> Coded:
    """Return the domains as the tables have them; where there is none, the one that says so."""
    codes, values = column.codes if isinstance(column, Coded) else (np.zeros(rows, np.int64), [None])
    return Coded((codes, [NO_DOMAIN if value is None else fold(value) for value in values]))
