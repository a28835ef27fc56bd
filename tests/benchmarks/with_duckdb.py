"""DuckDB: its CSV and JSON readers with the columns given, nothing sniffed."""

from __future__ import annotations

import duckdb

from benchmarks.layouts import JSON_KEYS, LAYOUTS, NO_DOMAIN

TYPES = {"bytes": "BIGINT", "status": "SMALLINT"}
TIMES = {
    "tencent": {"time": "BIGINT"},
    "combined": {},
    "cloudfront": {"date": "DATE", "time": "TIME"},
    "cloudflare": {"time": "TIMESTAMP"},
}
WINDOWS = {
    "tencent": "time // 100 - time // 100 % 5",
    "combined": "time_bucket(INTERVAL 5 minutes, strptime(time, '[%d/%b/%Y:%H:%M:%S'))",
    "cloudfront": "time_bucket(INTERVAL 5 minutes, date + time)",
    "cloudflare": "time_bucket(INTERVAL 5 minutes, time)",
}


def _rows(name: str, files: list[str]) -> str:
    types = TYPES | TIMES[name]
    if name == "cloudflare":
        columns = {key: types.get(column, "VARCHAR") for column, key in JSON_KEYS.items()}
        renamed = ", ".join(f"{key} AS {column}" for column, key in JSON_KEYS.items())
        return f"(SELECT {renamed} FROM read_ndjson({files}, columns={columns}))"
    layout = LAYOUTS[name]
    columns = {column: types.get(column, "VARCHAR") for column in layout.names}
    return (
        f"read_csv({files}, delim='{layout.separator}', quote='{layout.quote}', escape='{layout.quote}', "
        f"header=false, auto_detect=false, skip={layout.skip}, columns={columns})"
    )


def count(name: str, files: list[str]) -> None:
    """Write the counts to standard output."""
    domain = f"'{NO_DOMAIN}'" if name == "combined" else "domain"
    duckdb.execute(
        f"COPY (SELECT {WINDOWS[name]} AS window, {domain} AS domain, status, count(*) AS requests, "
        f"sum(bytes)::HUGEINT AS bytes FROM {_rows(name, files)} GROUP BY ALL ORDER BY ALL) "
        "TO '/dev/stdout' (HEADER)"
    )
