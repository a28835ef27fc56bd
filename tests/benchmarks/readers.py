"""Every column of Tencent logs into one frame: cdnlog.read, and polars and pandas to the same columns and types.

    python tests/benchmarks/readers.py cdnlog|polars|pandas FILE...

Prints rows, columns, domains, and the sums of bytes and status. Names of regions and carriers are left as numbers by
the others, and none of them looks for control characters.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

NULLS = ["-", "NULL", "(null)"]
NUMBERS = ("bytes", "ms", "port")
WORDS = ("domain", "method", "protocol", "cache", "region", "isp")


def with_cdnlog(files: list[str]) -> Any:  # noqa: ANN401 - the frame of another library
    """Read with cdnlog."""
    import cdnlog

    return cdnlog.read(files)


def with_polars(files: list[str]) -> Any:  # noqa: ANN401 - the frame of another library
    """Read with polars, streaming."""
    import polars as pl

    layout = import_module("benchmarks.layouts").LAYOUTS["tencent"]
    types = dict.fromkeys(NUMBERS, pl.Int64) | dict.fromkeys(WORDS, pl.Categorical) | {"status": pl.Int16}
    schema = {name: types.get(name, pl.String) for name in layout.names}
    rows = pl.scan_csv(files, separator=" ", has_header=False, schema=schema, quote_char='"', null_values=NULLS)
    parts = pl.col("path").str.split_exact("?", 1)
    moment = pl.col("time").str.to_datetime("%Y%m%d%H%M%S", time_unit="us") - pl.duration(hours=8)
    return rows.with_columns(
        moment.dt.replace_time_zone("UTC"), parts.struct[0].alias("path"), parts.struct[1].alias("query")
    ).collect(engine="streaming")


def with_pandas(files: list[str]) -> Any:  # noqa: ANN401 - the frame of another library
    """Read with pandas by Arrow's reader, all processors."""
    import pandas as pd

    names = import_module("benchmarks.layouts").LAYOUTS["tencent"].names
    options: dict[str, Any] = {"sep": " ", "header": None, "na_values": NULLS, "keep_default_na": False}
    frame = pd.concat(
        [pd.read_csv(path, engine="pyarrow", dtype_backend="pyarrow", **options) for path in files], ignore_index=True
    )
    frame.columns = pd.Index(names)
    split = frame["path"].str.split("?", n=1, expand=True)
    frame["path"], frame["query"] = split[0], split[1]
    moment = pd.to_datetime(frame["time"].astype(str), format="%Y%m%d%H%M%S")
    frame["time"] = moment.dt.tz_localize("+08:00").dt.tz_convert("UTC")
    return frame.astype(dict.fromkeys(WORDS, "category") | dict.fromkeys(NUMBERS, "Int64") | {"status": "Int16"})


def main() -> None:
    """Read the files and print what is in the frame."""
    sys.path[0] = str(Path(__file__).parent.parent)  # this folder is a package
    _, reader, *files = sys.argv
    frame = {"cdnlog": with_cdnlog, "polars": with_polars, "pandas": with_pandas}[reader](files)
    rows, columns = frame.shape
    domains = frame["domain"].unique()
    print(rows, columns, len(domains), int(frame["bytes"].sum()), int(frame["status"].sum()), sep=",")


if __name__ == "__main__":
    main()
