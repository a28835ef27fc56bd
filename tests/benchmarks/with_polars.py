"""polars: its lazy readers and the streaming engine, the domain as a category."""

from __future__ import annotations

import sys

import polars as pl

from benchmarks.layouts import JSON_KEYS, LAYOUTS, NO_DOMAIN

TYPES = {"bytes": pl.Int64, "status": pl.Int64, "domain": pl.Categorical}
FIVE = "5m"


def _minute(digits: pl.Expr) -> pl.Expr:
    minute = digits // 100
    return minute - minute % 5


WINDOWS = {
    "tencent": _minute(pl.col("time")),
    "combined": pl.col("time").str.to_datetime("[%d/%b/%Y:%H:%M:%S").dt.truncate(FIVE),
    "cloudfront": (pl.col("date") + pl.col("time")).str.to_datetime("%Y-%m-%d%H:%M:%S").dt.truncate(FIVE),
    "cloudflare": pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%SZ").dt.truncate(FIVE),
}


def rows(name: str, files: list[str]) -> pl.LazyFrame:
    """Return the lines of the files as rows, none of them read yet."""
    if name == "cloudflare":
        schema = {key: TYPES.get(column, pl.String) for column, key in JSON_KEYS.items()}
        return pl.scan_ndjson(files, schema=schema).rename({key: column for column, key in JSON_KEYS.items()})
    layout = LAYOUTS[name]
    types = TYPES | ({"time": pl.Int64} if name == "tencent" else {})
    return pl.scan_csv(
        files,
        separator=layout.separator,
        has_header=False,
        skip_rows=layout.skip,
        schema={column: types.get(column, pl.String) for column in layout.names},
        quote_char=layout.quote or None,
    )


def count(name: str, files: list[str]) -> None:
    """Write the counts to standard output."""
    domain = pl.lit(NO_DOMAIN).alias("domain") if name == "combined" else "domain"
    counted = rows(name, files).group_by(WINDOWS[name].alias("window"), domain, "status")
    cells = counted.agg(pl.len().alias("requests"), pl.col("bytes").sum())
    cells.sort("window", "domain", "status").collect(engine="streaming").write_csv(sys.stdout.buffer)
