"""Small logs of an ordinary site, for tests of the rules: what goes wrong is done to its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import cdnlog
from cdnlog.model import Finding

START = datetime(2026, 11, 20, 10)  # noqa: DTZ001 - the clock of the log
BEGIN, END, MINUTES = 43 * 60, 61 * 60, 65
HOST = "www.example.com"
CARRIERS = (2, 2, 2, 26, 26, 1046, 1046, 38)
PROVINCES = (22, 1069, 120, 121, 122, 1050, 1442, 182)


@dataclass(frozen=True)
class Row:
    """One request."""

    at: float
    path: str
    ms: float
    hit: bool
    ip: str
    isp: int
    region: int
    status: int = 200
    host: str = HOST
    sent: int = 20_000


Fault = Callable[[Row, Random], Row | None]


def group(row: Row) -> str:
    """Return the first part of the path."""
    return row.path.split("/")[1].partition("?")[0]


def _asked(rng: Random) -> tuple[str, bool, float]:
    """Return what a visitor asks for: path, whether it is in the cache, how long it takes."""
    kind, item = rng.choice(("static", "static", "product", "product", "search", "account")), rng.randrange(60)
    hit = {"static": 0.95, "product": 0.7}.get(kind, 0.0) > rng.random()
    typical = {"static": 60, "product": 140, "search": 220, "account": 120}[kind]
    ms = rng.uniform(1, 6) if hit else 30 + typical * rng.lognormvariate(0, 0.5)
    path = {"static": f"/static/{item}.css", "search": f"/search?q={item}", "account": "/account/me"}.get(kind)
    return path or f"/product/{item}", hit, ms


def visits(seed: int = 0, host: str = HOST, minute: float = 40) -> list[Row]:
    """Return an hour of a healthy site, so many requests a minute."""
    rng = Random(seed)
    people = [(f"203.0.113.{n}", rng.choice(CARRIERS), rng.choice(PROVINCES)) for n in range(200)]
    rows = []
    for _ in range(int(minute * MINUTES)):
        path, hit, ms = _asked(rng)
        rows.append(Row(rng.uniform(0, MINUTES * 60), path, ms, hit, *rng.choice(people), host=host))
    return rows


def crowd(factor: float, seed: int = 1) -> list[Row]:
    """Return more visitors, from shortly before the incident to its end."""
    return [row for row in visits(seed, minute=40 * factor) if BEGIN - 120 <= row.at < END]


def during(rows: Iterable[Row], fault: Fault, seed: int = 7) -> list[Row]:
    """Return the rows with the fault done to those of the incident; it returns None to leave one as it is."""
    rng = Random(seed)
    return [(fault(row, rng) or row) if BEGIN <= row.at < END else row for row in rows]


def failing(
    code: int, ms: Callable[[Row, Random], float], share: float = 1.0, where: Callable[[Row], bool] | None = None
) -> Fault:
    """Return a fault: misses, or the rows given, fail with a code after some milliseconds."""

    def fault(row: Row, rng: Random) -> Row | None:
        fails = (where(row) if where else not row.hit) and rng.random() < share
        return replace(row, status=code, ms=ms(row, rng), hit=False, sent=600) if fails else None

    return fault


def line(row: Row) -> str:
    """Return a row as Tencent CDN writes it."""
    when = f"{START + timedelta(seconds=int(row.at)):%Y%m%d%H%M%S}"
    return (
        f"{when} {row.ip} {row.host} {row.path} {row.sent} {row.region} {row.isp} {row.status} - {row.ms:.0f} "
        f'"Mozilla/5.0" "(null)" GET HTTPS {"hit" if row.hit else "miss"} 32768'
    )


def diagnosed(folder: Path, rows: Iterable[Row], code: int, *, hour: bool = False) -> Finding:
    """Return the finding of a code; `hour` leaves nothing of the log but the incident."""
    kept = [row for row in rows if not hour or BEGIN <= row.at < END]
    (folder / "a.log").write_text("".join(line(row) + "\n" for row in kept))
    found = [finding for finding in cdnlog.diagnose(folder) if finding.status == code and finding.cause != "background"]
    assert found, f"nothing is found of {code}"
    return found[0]


def rules(finding: Finding) -> dict[str, str]:
    """Return what each rule said: its name and verdict."""
    return {str(one["rule"]): str(one["verdict"]) for one in finding.evidence}
