"""chDB, the ClickHouse engine: lines split by its text functions, twice as fast as its CSV reader on these files.

JSON is read by its JSON reader. The variant "text" looks for the keys instead and parses no JSON: it would take the
first occurrence anywhere in the line.
"""

from __future__ import annotations

import sys
from pathlib import Path

import chdb

from benchmarks.layouts import JSON_KEYS, LAYOUTS, NO_DOMAIN

LINES = "file('{files}', 'LineAsString', 'line String')"
KEYED = (
    "file('{files}', 'JSONEachRow', 'EdgeStartTimestamp String, ClientRequestHost LowCardinality(String), "
    "EdgeResponseStatus UInt16, EdgeResponseBytes UInt64')"
)


def _split(*names: str, layout: str) -> dict[str, str]:
    """Return where the fields of these names are after splitting, from 1 as in SQL."""
    return {name: f"f[{LAYOUTS[layout].names.index(name) + 1}]" for name in names}


def _query(name: str, variant: str) -> dict[str, str]:
    """Return the parts of a query; the text of the minute becomes a window after the first grouping."""
    if name == "tencent":
        at = _split("time", "domain", "status", "bytes", layout=name)
        return {"with": "splitByChar(' ', line, 9) AS f", "minute": f"substring({at.pop('time')}, 1, 12)"} | at
    if name == "cloudfront":
        at = _split("domain", "status", "bytes", layout=name)
        minute = "concat(f[1], ' ', substring(f[2], 1, 5))"
        return {
            "with": "splitByChar('\\t', line, 17) AS f",
            "minute": minute,
            "where": "NOT startsWith(line, '#')",
        } | at
    if name == "combined":
        return {
            "with": "splitByChar('\"', line, 4) AS q, splitByChar(' ', q[3]) AS f",
            "minute": "substring(q[1], position(q[1], '[') + 1, 17)",
            "domain": f"'{NO_DOMAIN}'",
            "status": "f[2]",
            "bytes": "f[3]",
        }
    if variant == "text":
        found = {column: f"simpleJSONExtractRaw(line, '{key}')" for column, key in JSON_KEYS.items()}
        return found | {
            "minute": "substring(simpleJSONExtractString(line, 'EdgeStartTimestamp'), 1, 16)",
            "domain": "simpleJSONExtractString(line, 'ClientRequestHost')",
        }
    return JSON_KEYS | {"minute": "substring(EdgeStartTimestamp, 1, 16)", "from": KEYED, "typed": "yes"}


WINDOWS = {
    "tencent": "parseDateTime(minute, '%Y%m%d%H%i')",
    "combined": "parseDateTime(minute, '%d/%b/%Y:%H:%i')",
    "cloudfront": "parseDateTime(minute, '%Y-%m-%d %H:%i')",
    "cloudflare": "parseDateTime(minute, '%Y-%m-%dT%H:%i')",
}


def _glob(files: list[str]) -> str:
    """Return files of one folder as ClickHouse names several."""
    names = [Path(path).name for path in files]
    return f"{Path(files[0]).parent}/{names[0] if len(names) == 1 else '{' + ','.join(names) + '}'}"


def count(name: str, files: list[str], variant: str = "") -> None:
    """Write the counts to standard output."""
    parts = _query(name, variant)
    number = "{}" if "typed" in parts else "toUInt64({})"
    prefix = f"WITH {parts['with']} " if "with" in parts else ""
    where = f" WHERE {parts['where']}" if "where" in parts else ""
    source = parts.get("from", LINES).format(files=_glob(files))
    cells = (
        f"{prefix}SELECT {parts['minute']} AS minute, {parts['domain']} AS domain, "
        f"{number.format(parts['status'])} AS status, count() AS requests, "
        f"sum({number.format(parts['bytes'])}) AS bytes FROM {source}{where} GROUP BY minute, domain, status"
    )
    query = (
        f"SELECT toStartOfFiveMinutes({WINDOWS[name]}) AS window, domain, status, sum(requests) AS requests, "
        f"sum(bytes) AS bytes FROM ({cells}) GROUP BY window, domain, status ORDER BY window, domain, status"
    )
    sys.stdout.buffer.write(chdb.query(query, "CSVWithNames").bytes())
