"""Nights of logs for tests: files of lines, what they must count, and what is in a store."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from test_cases import START, line

import cdnlog
from cdnlog.history.tables import Sums

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

HOUR = 3600
PACK = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".zst": zstd.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
Table = dict[tuple[int, str, int], int]


def lines_of(
    count: int, hour: int = 0, host: str = "www.example.com", seed: int = 0, failing: float = 0.05
) -> list[str]:
    """Return lines of one hour of a domain, spread over it, all different."""
    chance = random.Random(f"{seed} {hour} {host}")
    made = []
    for number in range(count):
        status = chance.choice((404, 502)) if chance.random() < failing else 200
        at = hour * HOUR + number * HOUR // count
        made.append(line(status, at, host=host, path=f"/{chance.randrange(10**9)}/{number}"))
    return made


def write(path: Path, lines: list[str], *, ended: bool = True) -> Path:
    """Write lines to a file, compressed as its suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "\n".join(lines).encode() + (b"\n" if ended and lines else b"")
    path.write_bytes(PACK.get(path.suffix, bytes)(data))
    return path


def truth(*files: list[str]) -> Table:
    """Count lines by the hour of their own clock, domain and status, with nothing but `str.split`."""
    table: Counter[tuple[int, str, int]] = Counter()
    for one in (one for lines in files for one in lines):
        fields = one.split(" ")
        at = fields[0]
        hour = (int(at[6:8]) - START.day) * 24 + int(at[8:10])
        table[hour, fields[2], int(fields[7])] += 1
    return dict(table)


def kept(store: Path) -> Table:
    """Return what a store counts, by the hour of the logs' clock, domain and status."""
    counts = cdnlog.stored(store, window="1h")
    first = int(START.replace(tzinfo=counts.zone).timestamp())
    return {((hour - first) // HOUR, domain, status): sums[0] for (hour, domain, status), sums in counts.table.items()}


def content(store: Path) -> list[Any]:
    """Return all that is in a store, table by table, packed cells unpacked."""
    with sqlite3.connect(store) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ]
        rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}
        cells = [
            Sums.unpack([blob]).keys.tolist()
            for (blob,) in connection.execute("SELECT cells FROM file ORDER BY id")
            if blob
        ]
    connection.close()
    return [rows, cells]


def strays(folder: Path) -> list[str]:
    """Return what a run should not leave behind."""
    return [
        path.name for path in folder.rglob("*") if path.name.startswith(".cdnlog-") or path.suffix in (".lock", ".tmp")
    ]
