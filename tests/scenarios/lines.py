"""Rows -> lines of Tencent's offline log, 16 fields, one file per domain and hour as the vendor packs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from scenarios.people import Array

CHINA = timezone(timedelta(hours=8))
_COLUMNS = (
    "ip", "domain", "path", "bytes", "region", "isp", "status", "referer", "ms", "agent", "range", "method", "scheme",
    "hit", "port",
)  # fmt: skip


def stamp(seconds: float, pattern: str = "%Y%m%d%H%M%S") -> str:
    """Returns the time as the log writes it."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(CHINA).strftime(pattern)


def render(rows: Array) -> bytes:
    """Returns the lines of the rows, in their order."""
    seconds, place = np.unique(rows["at"].astype(np.int64), return_inverse=True)
    times = np.array([stamp(second) for second in seconds.tolist()], object)[place].tolist()
    columns = [rows[name].tolist() for name in _COLUMNS]
    return "".join([
        f'{at} {ip} {domain} {path} {size} {region} {isp} {status} {referer} {ms} "{agent}" "{piece}" {method} {scheme}'
        f" {'hit' if hit else 'miss'} {port}\n"
        for at, ip, domain, path, size, region, isp, status, referer, ms, agent, piece, method, scheme, hit, port
        in zip(times, *columns, strict=True)
    ]).encode()  # fmt: skip


def write(rows: Array, folder: Path) -> None:
    """Writes the rows, which are in order of time, into a folder."""
    hours = (rows["at"] // 3600).astype(np.int64)
    for site in np.unique(rows["site"]).tolist():
        for hour in np.unique(hours).tolist():
            part = rows[(rows["site"] == site) & (hours == hour)]
            if len(part):
                name = f"{stamp(hour * 3600, '%Y%m%d%H')}-{part['domain'][0]}"
                (folder / name).write_bytes(render(part))
