"""Measures each bar and prints it; see run.py."""

from __future__ import annotations

import json
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import peak, timed
from test_cases import line

from faults.flips import WHOLE, wrong
from faults.slow import LENGTHS, SLOW, seconds, steepest

RATIO, MB = 2.6, 1_000_000
BOMB, HOSTS = 400 * MB, 1_000_000
Bar = tuple[str, bool]
"""A line to print, and whether the bar is held."""


def flips() -> Iterator[Bar]:
    """Every prefix and every flipped bit of five small files: never ok with wrong bytes."""
    for name, whole in WHOLE.items():
        ways, bad = wrong(whole)
        yield f"{name}: damaged in {ways:,} ways, {bad} of them ok with wrong bytes (bar 0)", not bad


def slow() -> Iterator[Bar]:
    """Hostile lines up to 1 MiB: time per doubling."""
    for name, lines in SLOW.items():
        times = seconds(lines)
        speed = min(length / spent for length, spent in zip(LENGTHS, times, strict=True)) / MB
        ratio = steepest(times)
        growth = f"x{ratio:.2f} per doubling at most (bar {RATIO})" if ratio else "passed over"
        yield f"{name}: {growth}, {speed:,.0f} MB/s at least", ratio <= RATIO


def bomb() -> Iterator[Bar]:
    """400 MB of zero bytes in 400 kB: memory."""
    with tempfile.TemporaryDirectory() as folder:
        path, compressor = Path(folder) / "bomb.gz", zlib.compressobj(wbits=31)
        pieces = [compressor.compress(bytes(MB)) for _ in range(BOMB // MB)]
        path.write_bytes(b"".join(pieces) + compressor.flush())
        for command in ("count", "diagnose"):
            shell = f'"{sys.executable}" -m cdnlog {command} -q "{path}"; test $? = 3'
            memory = peak(("sh", "-c", shell), Path(folder) / "out")
            megabytes = memory.pss / MB if memory else 0
            yield f"a bomb of 400 MB, {command}: {megabytes:.0f} MB of memory (bar 300)", megabytes <= 300


def hosts() -> Iterator[Bar]:
    """A million distinct hosts: memory, and exact totals."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "hosts.log", Path(folder) / "out"
        before, after = line(503, host="HOST").split("HOST")
        with path.open("w") as file:
            file.writelines(f"{before}h{i * 7919 % HOSTS:06d}.attack.example{after}\n" for i in range(HOSTS))
        for command in (("count", "-o", "json"), ("count", "-o", "table"), ("diagnose", "-o", "json")):
            run = (sys.executable, "-m", "cdnlog", *command, "-q", str(path))
            spent, memory = timed(run, out), peak(run, out)
            right = command != ("count", "-o", "json") or exact(out)
            megabytes = memory.pss / MB if memory else 0
            cost = f"{megabytes:.0f} MB of memory (bar 600), {spent.processor:.1f} s of the processor"
            told = f"a million hosts, {' '.join(command)}: {cost}, totals {'exact' if right else 'WRONG'}"
            yield told, right and megabytes <= 600


def exact(out: Path) -> bool:
    """Whether every host is there with its one request."""
    rows = json.loads(out.read_text())["counts"]
    return len({row["domain"] for row in rows}) == HOSTS and {row["requests"] for row in rows} == {1}


BARS: dict[str, Callable[[], Iterator[Bar]]] = {"flips": flips, "slow": slow, "bomb": bomb, "hosts": hosts}


def main() -> int:
    """Measure the bars that are named, all if none is; return 1 if one is missed."""
    held = True
    for name in sys.argv[1:] or BARS:
        for text, good in BARS[name]():
            print(f"{'ok    ' if good else 'MISSED'} {text}", flush=True)
            held &= good
    return 0 if held else 1
