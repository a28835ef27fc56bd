"""Compares cdnlog with the oracle on ever new logs of every format, as `tests/test_oracle.py` does on a few.

    python tests/fuzz/oracle.py --minutes 10 [--seed 0] [--format NAME]

Prints how many logs and lines were compared, and every line of which the two think differently.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent))

import hostile
import test_oracle as checks

SHOWN = 300  # bytes of a line


def main() -> int:
    """Compare until the time is over; exit 1 if the two ever differed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--format", choices=hostile.FORMATS, help="only this one")
    given = parser.parse_args()
    formats = [hostile.FORMATS[given.format]] if given.format else list(hostile.FORMATS.values())
    end = time.monotonic() + 60 * given.minutes
    logs = lines = differences = 0
    for seed in count(given.seed):
        if time.monotonic() > end:
            break
        rng, fmt = Random(seed), formats[seed % len(formats)]
        size = rng.choice(hostile.SIZES)
        data = checks.bounded(fmt, hostile.log(fmt, rng, rng.choice((5, 30, 120)) if size > 64 else 6))
        torn = rng.random() < 0.1
        for difference in different(fmt, data, size, torn=torn):
            differences += 1
            print(f"seed {seed}, {fmt.name}, blocks of {size}: {difference}", flush=True)
        logs, lines = logs + 1, lines + data.count(b"\n")
    print(f"{logs:,} logs of {len(formats)} formats, {lines:,} lines: {differences:,} differences")
    return 1 if differences else 0


def different(fmt: hostile.LogFormat, data: bytes, size: int, *, torn: bool) -> Iterator[str]:
    """Say of each line that the two judge differently what each says; and of a table, if only that differs."""
    told = checks.expected(fmt, data, torn=torn)
    for on in checks.BOTH:
        found = checks.measured(fmt, data, size, torn=torn, on=on)
        if found == told:
            continue
        one, other = ({offset: reason for _, offset, reason in each["rejects"]} for each in (found, told))
        apart = {offset for offset in one.keys() | other.keys() if one.get(offset) != other.get(offset)}
        for offset in sorted(apart):
            line = data[offset:].partition(b"\n")[0]
            yield (
                f"kernel {on}: {one.get(offset, 'counted')}, oracle: {other.get(offset, 'counted')}: {line[:SHOWN]!r}"
            )
        if not apart:
            what = next(what for what in told if told[what] != found[what])
            pairs = zip(told[what], found[what], strict=False)
            yield f"kernel {on}: other {what}: {next((p for p in pairs if p[0] != p[1]), found[what])}"


if __name__ == "__main__":
    raise SystemExit(main())
