"""Fuzzes each target in turn; what breaks one is kept under `tests/fuzz/cases/`, and is a test from then on.

    python tests/fuzz/run.py --minutes 10 [TARGET...]

The minutes are for each target. Besides those of `targets.py` there are `kernel` (the compiled kernel with sanitizers)
and `oracle` (ever new logs of every format). Needs atheris (`pip install atheris`), which CI does not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TARGETS = ("members", "delimited", "json", "pattern", "w3c", "formats", "servers", "codes")
PROGRAMS = ("kernel", "oracle")
SLOWEST = 10  # seconds for one input


def main() -> int:
    """Run the targets one after the other; return 1 if one of them was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join((*TARGETS, *PROGRAMS))}")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    chosen = given.targets or [*TARGETS, *PROGRAMS]
    if unknown := set(chosen) - {*TARGETS, *PROGRAMS}:
        parser.error(f"there is no target {min(unknown)}")
    if given.inside:
        fuzz(chosen[0], given.minutes, given.folder)
    if find_spec("atheris") is None and not set(chosen) <= set(PROGRAMS):
        parser.error("atheris is missing; pip install atheris")
    return max(started(target, given.minutes) for target in chosen)


def started(target: str, minutes: float) -> int:
    """Fuzz one target in a process of its own, which a crash ends; return its exit code."""
    print(f"== {target}, {minutes:g} minutes", flush=True)
    if target in PROGRAMS:
        command = [sys.executable, str(HERE / f"{target}.py"), "--minutes", str(minutes)]
        return min(1, abs(subprocess.run(command, check=False).returncode))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, target, "--inside", "--minutes", str(minutes), "--folder", folder]
        done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    told = [line for line in done.stderr.splitlines() if line.startswith("Done ")]
    print(*told[-2:] if done.returncode == 0 else [done.stdout[-4000:], done.stderr[-2000:]], sep="\n", flush=True)
    return min(1, abs(done.returncode))


def fuzz(target: str, minutes: float, folder: Path) -> None:
    """Fuzz one target in this process, and end it."""
    atheris: Any = import_module("atheris")
    sys.path.insert(0, str(HERE.parent))
    with atheris.instrument_imports(include=["cdnlog"]):
        targets = import_module("fuzz.targets")
    for i, seed in enumerate(targets.seeds(target)):
        (folder / f"seed-{i}").write_bytes(seed)
    kept = targets.CASES / target
    kept.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={max(1, int(60 * minutes))}", f"-timeout={SLOWEST}", "-max_len=20000"]
    options += [f"-artifact_prefix={kept}/", "-print_final_stats=1", "-rss_limit_mb=4096"]
    folders = [str(folder), str(kept)]
    atheris.Setup([sys.argv[0], *options, *folders], targets.TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    raise SystemExit(main())
