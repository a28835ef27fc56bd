"""A year of hourly history of 50 domains: the size of the store, and what one more hour costs.

    python tests/benchmarks/year.py [--days 365] [--domains 50] [--keep]

The rows are written through the store's own ledger, as nights of one hour would have left them: 438,000 files of 1,500
lines with 8 codes each. Then hours of 50 files each are made as real logs and told by `cdnlog.nightly`: the first one
finds no day kept whole yet, the second one is what every hour costs.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import cdnlog
from cdnlog.history.ageing import roll_up
from cdnlog.history.entry import COUNTED, Entry
from cdnlog.history.fingerprint import KEPT, Sketch
from cdnlog.history.ledger import Ledger
from cdnlog.history.retention import Keep
from cdnlog.history.store import writing
from cdnlog.history.tables import GRAIN, Grains, Sums
from cdnlog.model import Accounting, Verdict
from cdnlog.zones import zone

HOUR, DAY = 3600, 86_400
END = 1_795_104_000  # 2026-11-20 00:00 at +08:00
CODES = (200, 206, 304, 403, 404, 499, 502, 504)
ZONE = "+08:00"
LINES = 1500


def main() -> int:
    """Read the command line, build the year, print size and time."""
    parser = argparse.ArgumentParser(description="Build a year of history and tell one more hour.")
    parser.add_argument("--days", type=int, default=365, help="default: %(default)s")
    parser.add_argument("--domains", type=int, default=50, help="default: %(default)s")
    given = parser.parse_args()
    names = [f"d{number:02}.example.com" for number in range(given.domains)]
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "history.db"
        began = time.monotonic()
        files = build(store, given.days, names)
        print(f"{files:,} files in {time.monotonic() - began:.0f} s: {store.stat().st_size / 1e6:.1f} MB", flush=True)
        first, second = (write(Path(folder) / f"{hour}", names, hour) for hour in range(2))
        timed("first hour", lambda: cdnlog.nightly(first, store, jobs=1))
        base = timed("second hour, diagnose alone", lambda: cdnlog.diagnose(second, jobs=1))
        whole = timed("second hour", lambda: cdnlog.nightly(second, store, jobs=1))
        timed("second hour again", lambda: cdnlog.nightly(second, store, jobs=1))
        print(f"beyond diagnose: processor {whole - base:.2f} s; {store.stat().st_size / 1e6:.1f} MB")
    return 0


def timed(name: str, work: Callable[[], object]) -> float:
    """Do something, print how long it took; return the seconds of processor time."""
    began, busy = time.monotonic(), time.process_time()
    work()
    took, used = time.monotonic() - began, time.process_time() - busy
    print(f"{name}: {took:.2f} s, processor {used:.2f} s", flush=True)
    return used


def build(store: Path, days: int, names: list[str]) -> int:
    """Write the rows of the nights before; return how many."""
    chance = np.random.default_rng(1)
    grains = Keep().grains(END, zone(ZONE))
    with writing(store) as opened:
        ledger = Ledger(opened)
        opened.connection.execute("PRAGMA synchronous = OFF")
        number = 0
        for day in range(days):
            with opened.transaction() as connection:
                for hour in range(24):
                    start = END - (days - day) * DAY + hour * HOUR
                    for name in names:
                        _add(ledger, grains, chance, name, start)
                        number += 1
                ends = END - (days - day - 1) * DAY
                connection.execute("INSERT INTO night VALUES (?, ?, ?)", (day + 366 - days, ends - HOUR // 2, ends))
        with opened.transaction():
            ledger.set("zone", ZONE)
        roll_up(ledger, grains, None)
    return number


def _add(ledger: Ledger, grains: Grains, chance: np.random.Generator, name: str, start: int) -> None:
    windows = np.repeat(np.arange(start, start + HOUR, GRAIN), len(CODES))
    keys = np.column_stack([windows, np.full(len(windows), ledger.word(name)), np.tile(CODES, 12)])
    requests = chance.poisson(np.tile([100, 8, 8, 2, 3, 2, 1, 1], 12))
    sums = np.column_stack([requests, requests * chance.integers(200, 90_000, len(requests)), requests // 2, requests])
    some = requests > 0
    whole = Sums(keys[some], sums[some])
    lines = int(requests.sum())
    kept = whole.rolled_up(grains)
    grain = grains.finest(keys[:, 0])
    stamp = time.strftime("%Y%m%d%H", time.gmtime(start + 8 * HOUR))
    entry = Entry(
        path=f"/var/log/cdn/{stamp[:8]}/{stamp}-{name}.gz", size=lines * 40, mtime=start * 10**9 + number_of(name),
        inode=start + number_of(name), state=COUNTED, night=(start - END) // DAY + 366, verdict=Verdict.OK,
        accounting=Accounting(lines=lines, counted=lines), sha=hashlib.sha256(f"{start}{name}".encode()).digest(),
        length=lines * 300, format="tencent-cdn", provider="tencent-cdn", offset=480, domain=ledger.word(name),
        begins=start, ends=start + HOUR, grain=grain,
    )  # fmt: skip
    lowest = np.unique(chance.integers(0, int(2**38 / 1.5), KEPT))
    sketch = Sketch(lines, 1, int(lowest[-1]), lowest, np.ones(len(lowest), np.int64)) if grain == GRAIN else None
    ledger.add(entry, kept, sketch)


def number_of(name: str) -> int:
    """Return a number that differs between names."""
    return int(name[1:3])


def write(logs: Path, names: list[str], hour: int) -> Path:
    """Write the logs of one of the newest hours, a file per domain; return their folder."""
    logs.mkdir()
    for name in names:
        text = "".join(_lines(name, hour))
        (logs / f"20261120{hour:02}-{name}.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return logs


def _lines(name: str, hour: int) -> Iterator[str]:
    chance = random.Random(f"{name} {hour}")
    return (
        f"20261120{hour:02}{n * HOUR // LINES // 60:02}{n % 60:02} 203.0.113.{n % 250} {name} "
        f"/{chance.randrange(10**9)} 1000 120 2 "
        f'{chance.choice(CODES if n % 9 == 0 else CODES[:1])} - 30 "curl/8.5.0" "(null)" GET HTTPS hit 32768\n'
        for n in range(LINES)
    )


if __name__ == "__main__":
    raise SystemExit(main())
