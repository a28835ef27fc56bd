"""Prints where the processor time of `count` goes, for one file: `python tests/benchmarks/shares.py FILE`.

The second of two runs is looked at by cProfile, which makes Python look dearer than it is. Functions count by
themselves, without those that they call.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
from collections import defaultdict

import cdnlog
from cdnlog.memory import keep_freed_memory

PARTS = {
    "decompression": ("decompress",),
    "lines and fields": ("scan",),
    "values": ("numbers", "checked", "compact_times", "moments", "find_first", "hold_any", "values"),
    "counting": ("codes", "add"),
    "copying, counting lines": ("join", "count_lines", "read"),
}
"""By part of the work the functions that do it: of the kernel, and methods of built-in types."""
REST = "Python and numpy around it"


def part_of(file: str, name: str) -> str:
    """Return the part that a function belongs to."""
    within = "/kernel/" in file or file == "~"
    word = name.removeprefix("<method '").split("'", 2)[0].split(" ")[-1] if file == "~" else name
    return next((part for part, names in PARTS.items() if within and word in names), REST)


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    path = parser.parse_args().file
    keep_freed_memory()
    cdnlog.count(path, jobs=1)
    profile = cProfile.Profile()
    profile.runcall(cdnlog.count, path, jobs=1)
    spent: dict[str, float] = defaultdict(float)
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        spent[part_of(file, name)] += own
    total = sum(spent.values())
    for part in (*PARTS, REST):
        print(f"{part:<28} {spent[part]:6.3f} s {spent[part] / total:5.0%}")


if __name__ == "__main__":
    main()
