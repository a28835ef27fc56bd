"""Times cdnlog and its peers on the same logs in one paired run, and checks that all give the same answer.

    python tests/benchmarks/run.py [--folder DIR] [--rounds 5] [--lines 1000000]

Every contestant is a whole process, started in turn, so that a noisy minute hits all alike; compare the ratios, not
the seconds. `floor` only decompresses the files with ISA-L, one thread per processor, `diagnose` is cdnlog's own
diagnosis of the same files. Memory is the peak of the
process tree. Peers need the extra `bench`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from data import make

HERE = Path(__file__).parent
CONTESTANTS = {
    "cdnlog": [sys.executable, "-m", "cdnlog", "count", "-q", "-o", "csv"],
    "polars": [sys.executable, str(HERE / "peers.py"), "polars"],
    "duckdb": [sys.executable, str(HERE / "peers.py"), "duckdb"],
    "floor": [sys.executable, str(HERE / "peers.py"), "floor"],
    "diagnose": [sys.executable, "-m", "cdnlog", "diagnose", "-q", "-o", "json"],
}
SILENT = ("floor", "diagnose")
"""Those whose output is no counts to be compared."""


def timed(command: list[str], out: Path) -> float:
    """Run a command; return its seconds."""
    with out.open("wb") as file:
        start = time.perf_counter()
        subprocess.run(command, stdout=file, check=True)
        return time.perf_counter() - start


def peak_memory(command: list[str], out: Path) -> int:
    """Run a command; return the peak memory of its process tree in bytes. Looking slows it down, so it is not timed."""
    peak = 0
    with out.open("wb") as file, psutil.Popen(command, stdout=file) as process:
        while process.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                family = [process, *process.children(recursive=True)]
                peak = max(peak, sum(member.memory_info().rss for member in family))
            time.sleep(0.02)
    return peak


def answer(out: Path) -> tuple[int, int, int]:
    """Return cells, requests and bytes of a contestant's CSV; the checksum that all must agree on."""
    rows = [line.rsplit(",", 2)[1:] for line in out.read_text().splitlines()[1:]]
    return len(rows), sum(int(r) for r, _ in rows), sum(int(b) for _, b in rows)


def main() -> None:
    """Run the rounds and print a table of medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "cdnlog-bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="*", default=list(CONTESTANTS))
    options = parser.parse_args()
    files = [str(path) for path in make(options.folder, options.files, options.lines)]
    seconds: dict[str, list[float]] = {name: [] for name in options.only}
    answers: dict[str, tuple[int, int, int]] = {}
    out = options.folder / "answer.csv"
    for _ in range(options.rounds):
        for name in options.only:
            seconds[name].append(timed(CONTESTANTS[name] + files, out))
            if name not in SILENT:
                answers[name] = answer(out)
    if len(set(answers.values())) > 1:
        raise SystemExit(f"the answers differ: {json.dumps(answers)}")
    memory = {name: peak_memory(CONTESTANTS[name] + files, out) for name in options.only}
    _print(seconds, memory, answers)


def _print(seconds: dict[str, list[float]], memory: dict[str, int], answers: dict[str, tuple[int, int, int]]) -> None:
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    own = medians.get("cdnlog", 1.0)
    print(f"{'':8} {'median s':>9} {'best s':>8} {'cdnlog / it':>12} {'peak MB':>8}")
    for name, median in sorted(medians.items(), key=lambda item: item[1]):
        print(f"{name:8} {median:9.2f} {min(seconds[name]):8.2f} {own / median:12.2f} {memory[name] / 1e6:8.0f}")
    cells, requests, sent = next(iter(answers.values()), (0, 0, 0))
    print(f"all agree: {cells:,} cells, {requests:,} requests, {sent:,} bytes")


if __name__ == "__main__":
    main()
