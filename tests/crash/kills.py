"""What `run.py` does: kill, run again, compare."""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from crash.deliveries import ALL, FOUR
from crash.scene import Scene, as_fork, as_process, warm

KILLED = -9
NIGHTS = (("first night", True, FOUR), ("second night", False, FOUR), ("whatever may come", False, ALL))
FAULTS = (
    ("write", "ENOSPC"),
    ("write", "EIO"),
    ("pwrite64", "ENOSPC"),
    ("pwrite64", "EIO"),
    ("fsync", "EIO"),
    ("fdatasync", "EIO"),
    ("rename", "EROFS"),
    ("rename", "EACCES"),
    ("openat", "EROFS"),
    ("openat", "EACCES"),
    ("unlink", "EACCES"),
)


def main() -> None:
    """Read the command line, kill, and print what came of it."""
    parser = argparse.ArgumentParser(description="Kill nights, and look at what the next run makes of it.")
    parser.add_argument("--times", type=int, default=200, help="kills at random times; default: %(default)s")
    parser.add_argument("--doubles", type=int, default=50, help="kills of the recovery; default: %(default)s")
    parser.add_argument("--orders", type=int, default=10, help="nights told in any order; default: %(default)s")
    parser.add_argument("--calls", type=int, default=40, help="failing system calls of a kind; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the random times; default: %(default)s")
    parser.add_argument("--cold", action="store_true", help="start the program anew each time, which takes long")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    runner = as_process if given.cold else as_fork
    warm()
    with tempfile.TemporaryDirectory() as folder:
        for name, first, deliveries in NIGHTS:
            place = Path(folder) / name
            place.mkdir()
            scene = Scene(place, runner, deliveries=deliveries, first=first)
            points = scene.points()
            faults = sum((_killed(scene, [at]) for at in range(1, points + 1)), Counter[str]())
            print(f"{name}: {points} failpoints, each killed once: {_said(faults)}", flush=True)
        twice = [[chance.randint(1, points), chance.randint(1, points)] for _ in range(given.doubles)]
        faults = sum((_killed(scene, one) for one in twice), Counter[str]())
        print(f"{given.doubles} nights killed, and the recovery too: {_said(faults)}", flush=True)
        _any_time(scene, given.times, chance)
        _any_order(scene, given.orders, chance)
        if shutil.which("strace"):
            _failing(scene, given.calls)


def _any_time(scene: Scene, times: int, chance: random.Random) -> None:
    """Kill at random times."""
    scene.fresh()
    began = time.monotonic()
    scene.run()
    length = time.monotonic() - began
    faults: Counter[str] = Counter()
    alive = killed = 0
    while killed < times:
        scene.fresh()
        if scene.killed_after(chance.uniform(0, length)) == KILLED:
            killed += 1
            faults += _recovered(scene)
        else:
            alive += 1
    print(f"{killed} nights killed at a random time ({alive} more were through): {_said(faults)}", flush=True)


def _any_order(scene: Scene, times: int, chance: random.Random) -> None:
    """Tell the night three times, in any order."""
    faults: Counter[str] = Counter()
    for _ in range(times):
        scene.fresh()
        codes = [scene.told(chance) for _ in range(3)]
        faults += Counter(scene.faults() + [f"exit {code}" for code in codes if code != scene.exit])
    print(f"{times} nights told three times, in any order, one or two files at a time: {_said(faults)}", flush=True)


def _failing(scene: Scene, calls: int) -> None:
    """Let system calls fail, one at a time."""
    for call, error in FAULTS:
        faults: Counter[str] = Counter()
        failed = 0
        while failed < calls:
            scene.fresh()
            if (came := scene.failing(call, error, failed + 1)) is None:
                break
            failed += 1
            code, whole = came
            faults += Counter([] if code in (74, scene.exit) else [f"exit {code}"])
            faults += Counter([] if whole else ["half-written report"])
            faults += _recovered(scene)
        print(f"{call} fails with {error}, {failed} calls: {_said(faults)}", flush=True)


def _killed(scene: Scene, points: list[int]) -> Counter[str]:
    scene.fresh()
    for at in points:
        if scene.run(at) not in (KILLED, scene.exit):
            return Counter(["no kill"])
    return _recovered(scene)


def _recovered(scene: Scene) -> Counter[str]:
    code = scene.run()
    return Counter(scene.faults() + ([] if code == scene.exit else [f"exit {code}"]))


def _said(faults: Counter[str]) -> str:
    return ", ".join(f"{n} x {what}" for what, n in sorted(faults.items())) or "0 wrong, nothing left behind"
