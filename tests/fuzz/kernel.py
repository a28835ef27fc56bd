"""Runs the checks of `tests/test_kernel.py` with ever new seeds, the kernel built with sanitizers.

`python tests/fuzz/kernel.py --minutes 30`. A read or write outside of a buffer, or anything else that C leaves
undefined, ends the run with a report; so does a difference between the kernel and numpy, with the seed that shows it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent))

import hostile
import numpy as np
import test_kernel as checks

from cdnlog.buffer import Buffer
from cdnlog.kernel import library
from cdnlog.kernel.build import build, compiler

SANITIZED = ("-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",  # Python frees nothing at its end
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "PYTHONMALLOC": "malloc",  # each array in a place of its own, with guards around it
}


def main() -> int:
    """Build the kernel, or use the one that was built by the process that started this one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--width", type=int, choices=(1, 16, 32), help="bytes per step, see WIDEST in lines.c")
    parser.add_argument("--library", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.library is None:
        return sanitized(sys.argv[1:], args.width)
    library.functions = library.load(args.library)
    Buffer.__init__ = exact(Buffer.__init__)  # type: ignore[method-assign]
    run(args.seed, time.monotonic() + 60 * args.minutes)
    return 0


def sanitized(args: list[str], width: int | None) -> int:
    """Run this program in a process that has the sanitizers loaded; return its exit code."""
    command = compiler()
    if command is None:
        sys.exit("there is no C compiler")
    with tempfile.TemporaryDirectory() as folder:
        problem = build(Path(folder), *SANITIZED, *([f"-DWIDEST={width}"] if width else []))
        if problem:
            sys.exit(problem)
        ask = [*command, "-print-file-name=libasan.so"]
        asan = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
        environment = {**os.environ, **OPTIONS, "LD_PRELOAD": asan}
        program = [sys.executable, __file__, *args, "--library", folder]
        return subprocess.run(program, env=environment, check=False).returncode


def exact(init: object) -> object:
    """Give the kernel a copy of each buffer's bytes that ends where the padding does: `bytes` have one more."""

    def made(buffer: Buffer, data: bytes, *, padded: bool = False) -> None:
        init(buffer, data, padded=padded)  # type: ignore[operator]
        buffer.copy = buffer.bytes.copy()  # type: ignore[attr-defined]
        buffer.address = int(buffer.copy.ctypes.data)  # type: ignore[attr-defined]

    return made


def run(first: int, end: float) -> None:
    """Make the checks with one seed after the other until the time is over."""
    formats = list(hostile.FORMATS.values())
    began = time.monotonic()
    for seed in count(first):
        if time.monotonic() > end:
            print(f"\r{seed - first:,} seeds from {first} in {time.monotonic() - began:.0f} s, all well")
            return
        try:
            check(Random(seed), formats)
        except AssertionError:
            print(f"\nseed {seed}:")
            raise
        if sys.stderr.isatty():
            print(f"\r{seed}", end="", file=sys.stderr)


def check(rng: Random, formats: list[hostile.LogFormat]) -> None:
    """Make each check once."""
    texts = hostile.texts(rng, rng.choice((0, 1, 5, 200)))
    checks.check_numbers(texts)
    checks.check_times(texts)
    checks.check_looks(texts, rng.randbytes(3))
    checks.check_distinct(texts + texts[:3])
    checks.check_dictionaries([texts[:50], texts[:20], hostile.texts(rng, 9)], rng.randrange(40), rng.randrange(1, 400))
    checks.check_tickets(texts, rng.randrange(9))
    checks.check_copies(texts)
    checks.check_sums(rng.randrange(10**6))
    checks.check_count(bytes(np.frombuffer(rng.randbytes(rng.randrange(9000)), np.uint8) % 12))
    for _ in range(4):
        size = rng.choice(hostile.SIZES)
        checks.check_parser(rng.choice(formats), rng, rng.choice((1, 5, 60)) if size > 64 else 4, size)


if __name__ == "__main__":
    raise SystemExit(main())
