"""What a person would run instead of cdnlog: the same counts and bytes per 5 minutes, domain and status, as CSV.

python tests/benchmarks/peers.py polars|duckdb|floor FILE.gz...
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

NAMES = (
    "time", "client_ip", "domain", "path", "bytes", "region", "isp", "status", "referer", "ms", "agent", "range",
    "method", "protocol", "cache", "port",
)  # fmt: skip
NUMBERS = ("time", "bytes", "status")


def duckdb(files: list[str]) -> None:
    """DuckDB's CSV reader, all threads."""
    import duckdb as db

    columns = {name: "BIGINT" if name in NUMBERS else "VARCHAR" for name in NAMES}
    db.execute(
        "COPY (SELECT time // 100 - time // 100 % 5 AS window, domain, status, count(*) AS requests, "
        "sum(bytes)::HUGEINT AS bytes FROM read_csv($files, delim=' ', quote='\"', header=false, auto_detect=false, "
        "columns=$columns) GROUP BY ALL ORDER BY ALL) TO '/dev/stdout' (HEADER)".replace("$files", str(files)).replace(
            "$columns", str(columns)
        )
    )


def polars(files: list[str]) -> None:
    """The lazy CSV reader of polars, all threads."""
    import polars as pl

    schema = {name: pl.Int64 if name in NUMBERS else pl.String for name in NAMES}
    frame = pl.scan_csv(files, separator=" ", has_header=False, schema=schema, quote_char='"')
    minute = pl.col("time") // 100
    counted = frame.group_by((minute - minute % 5).alias("window"), "domain", "status").agg(
        pl.len().alias("requests"), pl.col("bytes").sum()
    )
    counted.sort("window", "domain", "status").collect(engine="streaming").write_csv(sys.stdout.buffer)


def floor(files: list[str]) -> None:
    """Nothing but decompression, the limit for all."""
    from isal import igzip

    def drain(path: str) -> None:
        with igzip.open(path) as file:
            while file.read(1 << 20):
                pass

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(drain, files))


if __name__ == "__main__":
    {"duckdb": duckdb, "polars": polars, "floor": floor}[sys.argv[1]](sys.argv[2:])
