"""pandas: only the columns needed, text as categories, a thread per processor; JSON by Arrow's reader."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

import pandas as pd

from benchmarks.layouts import JSON_KEYS, LAYOUTS, NO_DOMAIN

CELL = ["window", "domain", "status"]
FORMATS = {"combined": "[%d/%b/%Y:%H:%M:%S", "cloudfront": "%H:%M:%S", "cloudflare": "%Y-%m-%dT%H:%M:%SZ"}


def _delimited(name: str, path: str) -> pd.DataFrame:
    layout = LAYOUTS[name]
    times = {"time": "int64"} if name == "tencent" else {"time": "category", "date": "category"}
    types = {"bytes": "int64", "status": "int64", "domain": "category"} | times
    return pd.read_csv(
        path,
        sep=layout.separator,
        header=None,
        names=list(layout.names),
        usecols=[column for column in layout.names if column in types],
        dtype=types,
        skiprows=layout.skip,
        quoting=0 if layout.quote else 3,
    )


def _json(path: str) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import json

    types = {"status": pa.int64(), "bytes": pa.int64()}
    schema = pa.schema([(key, types.get(column, pa.string())) for column, key in JSON_KEYS.items()])
    options = json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    table = json.read_json(pa.input_stream(path, compression="detect"), parse_options=options)
    return table.rename_columns(list(JSON_KEYS)).to_pandas(strings_to_categorical=True)


def _digits(name: str, text: str) -> int:
    """Return a moment's window as digits."""
    moment = datetime.strptime(text, FORMATS[name])  # noqa: DTZ007 - the zone plays no part
    return int(f"{moment:%Y%m%d%H}{moment.minute // 5 * 5:02d}")


def _window(name: str, frame: pd.DataFrame) -> pd.Series:
    """Return the window of each row as a number; of a category each text is parsed once."""
    if name == "tencent":
        minute = frame["time"] // 100
        return minute - minute % 5
    window = frame["time"].map(partial(_digits, name)).astype("int64")
    if name != "cloudfront":
        return window
    days = frame["date"].map(lambda text: int(text.replace("-", ""))).astype("int64")
    return days * 10_000 + window % 10_000


def _cells(name: str, path: str) -> pd.DataFrame:
    frame = _json(path) if name == "cloudflare" else _delimited(name, path)
    frame["window"] = _window(name, frame)
    if name == "combined":
        frame["domain"] = NO_DOMAIN
    grouped = frame.groupby(CELL, observed=True, as_index=False, sort=False)
    return grouped.agg(requests=("bytes", "size"), bytes=("bytes", "sum")).astype({"domain": str})


def count(name: str, files: list[str]) -> None:
    """Write the counts to standard output."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        cells = pd.concat(pool.map(partial(_cells, name), files))
    cells.groupby(CELL, as_index=False).sum().to_csv(sys.stdout, index=False)
