"""What `run.py` does: kill, run again, compare."""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from crash.scene import Scene, as_fork, as_process, warm

KILLED = -9
FAULTS = (
    ("write", "ENOSPC"),
    ("pwrite64", "ENOSPC"),
    ("pwrite64", "EIO"),
    ("fsync", "EIO"),
    ("fdatasync", "EIO"),
    ("rename", "EROFS"),
    ("openat", "EROFS"),
    ("unlink", "EACCES"),
)


def main() -> None:
    """Read the command line, kill, and print what came of it."""
    parser = argparse.ArgumentParser(description="Kill nights, and look at what the next run makes of it.")
    parser.add_argument("--times", type=int, default=200, help="kills at random times; default: %(default)s")
    parser.add_argument("--doubles", type=int, default=50, help="kills of the recovery; default: %(default)s")
    parser.add_argument("--calls", type=int, default=40, help="failing system calls of a kind; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the random times; default: %(default)s")
    parser.add_argument("--cold", action="store_true", help="start the program anew each time, which takes long")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    runner = as_process if given.cold else as_fork
    warm()
    with tempfile.TemporaryDirectory() as folder:
        for name, first in (("first", True), ("second", False)):
            place = Path(folder) / name
            place.mkdir()
            scene = Scene(place, runner, first=first)
            points = scene.points()
            faults: Counter[str] = Counter()
            for at in range(1, points + 1):
                faults += _killed(scene, [at])
            print(f"{name} night: {points} failpoints, each killed once: {_said(faults)}", flush=True)
        faults = Counter()
        for _ in range(given.doubles):
            faults += _killed(scene, [chance.randint(1, points), chance.randint(1, points)])
        print(f"{given.doubles} nights killed, and the recovery too: {_said(faults)}", flush=True)
        scene.fresh()
        began = time.monotonic()
        scene.run()
        length = time.monotonic() - began
        faults, alive, killed = Counter(), 0, 0
        while killed < given.times:
            scene.fresh()
            if scene.killed_after(chance.uniform(0, length)) == KILLED:
                killed += 1
                faults += _recovered(scene)
            else:
                alive += 1
        print(
            f"{killed} nights killed at a random time ({alive} more were through): {_said(faults)}",
            flush=True,
        )
        for call, error in FAULTS if shutil.which("strace") and given.calls else ():
            faults = Counter()
            for at in range(1, given.calls + 1):
                scene.fresh()
                if (came := scene.failing(call, error, at)) is None:
                    break
                code, whole = came
                faults += Counter([] if code in (74, scene.exit) else [f"exit {code}"])
                faults += Counter([] if whole else ["half-written report"])
                faults += _recovered(scene)
            print(f"{call} fails with {error}, {at} calls: {_said(faults)}", flush=True)


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
