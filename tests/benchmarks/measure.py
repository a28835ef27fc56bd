"""Runs one command: its seconds, its memory, its answer."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PROC = Path("/proc")
LOOK = 0.01
"""Seconds between two looks at the memory."""
MINUTE = 12
"""Digits of a time up to its minute."""


@dataclass(frozen=True)
class Spent:
    """What a run cost: seconds by the clock, and seconds of all its processors together."""

    seconds: float
    processor: float


@dataclass(frozen=True)
class Memory:
    """The peaks of a process tree in bytes: shared pages counted once (PSS), or in every process (RSS)."""

    pss: int
    rss: int


def environment() -> dict[str, str]:
    """Return the environment of all commands: this checkout's cdnlog, whatever is installed; modules compiled once."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPATH": str(ROOT), "LC_ALL": "C"}


def timed(command: tuple[str, ...], out: Path) -> Spent:
    """Run a command with its output in a file."""
    with out.open("wb") as file:
        before, start = os.times(), time.perf_counter()
        subprocess.run(command, stdout=file, stderr=subprocess.PIPE, check=True, env=environment())
        seconds, after = time.perf_counter() - start, os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return Spent(seconds, used)


def peak(command: tuple[str, ...], out: Path) -> Memory | None:
    """Run a command and look at its memory all the while, which slows it down; None where there is no /proc."""
    pss = rss = 0
    with out.open("wb") as file, subprocess.Popen(command, stdout=file, env=environment()) as process:
        while process.poll() is None:
            seen = [_memory(member) for member in _family(process.pid)]
            pss, rss = max(pss, sum(own for own, _ in seen)), max(rss, sum(every for _, every in seen))
            time.sleep(LOOK)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Memory(pss, rss) if rss else None


def _family(pid: int) -> list[int]:
    """Return a process and all below it."""
    family = [pid]
    for member in family:
        for task in (PROC / str(member) / "task").glob("*/children"):
            family += [int(child) for child in _text(task).split()]
    return family


def _memory(pid: int) -> tuple[int, int]:
    """Return the PSS and RSS of a process in bytes, zeros if it has gone."""
    sizes = dict(re.findall(r"(?m)^(Pss|Rss): +(\d+) kB", _text(PROC / str(pid) / "smaps_rollup")))
    return int(sizes.get("Pss", 0)) * 1024, int(sizes.get("Rss", 0)) * 1024


def _text(path: Path) -> str:
    """Return the text of a file of /proc; a process may end at any time."""
    try:
        return path.read_text()
    except OSError:
        return ""


@dataclass(frozen=True)
class Answer:
    """What a contestant found, short enough to be shown; equal only if every cell is."""

    cells: int
    requests: int
    sent: int
    digest: str

    def __str__(self) -> str:
        """Return it as words."""
        return f"{self.cells:,} cells, {self.requests:,} requests, {self.sent:,} bytes ({self.digest[:8]})"


def counts(out: Path) -> Answer:
    """Return the answer in a CSV of window, domain, status, requests and bytes, in any order, after its header."""
    with out.open(newline="") as file:
        rows = sorted(
            (re.sub(r"\D", "", window)[:MINUTE], domain, int(status), int(requests), int(sent))
            for window, domain, status, requests, sent in list(csv.reader(file))[1:]
        )
    return Answer(
        len(rows), sum(row[3] for row in rows), sum(row[4] for row in rows), sha256(repr(rows).encode()).hexdigest()
    )


def text(out: Path) -> str:
    """Return the answer of those that print one line."""
    return out.read_text().strip()
