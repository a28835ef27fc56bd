"""What a sync delivers in two nights: functions that lay out the files of a night and return the lines that count.

Every delivery has domains of its own, so that any of them can be put together.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from nights import lines_of, write

Delivery = Callable[[Path, int, bool], list[str]]
"""Folder of the logs, lines of a file, whether it is the second night."""


def grown(logs: Path, lines: int, second: bool) -> list[str]:
    """Deliver a pack that grew."""
    whole = lines_of(lines)
    write(logs / "a.gz", whole if second else whole[: lines // 2])
    return whole


def twice(logs: Path, lines: int, second: bool) -> list[str]:
    """Deliver one log in two compressions."""
    whole = lines_of(lines, 1, "b.example", failing=0.2)
    for name in ("b.zst", "c.log") if second else ():
        write(logs / name, whole)
    return whole


def unended(logs: Path, lines: int, second: bool) -> list[str]:
    """Deliver a log whose last line has no LF."""
    whole = lines_of(lines, 1, "d.example", failing=0.2)
    if second:
        write(logs / "d.log", whole, ended=False)
    return whole


def renamed(logs: Path, lines: int, second: bool) -> list[str]:
    """Rotate a log by another name: the new one has the name of the old one."""
    logs_of_hours = [lines_of(lines, hour, "e.example") for hour in (0, 1)]
    if second:
        (logs / "e.log").rename(logs / "e.log.1")
    write(logs / "e.log", logs_of_hours[second])
    return [one for hour in logs_of_hours for one in hour]


def truncated(logs: Path, lines: int, second: bool) -> list[str]:
    """Rotate a log by `copytruncate`: it is begun anew in place, and once its copy is there too."""
    logs_of_hours = [lines_of(lines, hour, "f.example") for hour in (0, 1)]
    for name in ("f.log", "g.log"):
        write(logs / name, [one.replace("f.example", f"{name[0]}.example") for one in logs_of_hours[second]])
    if second:
        write(logs / "f.log.1.gz", logs_of_hours[0])
    whole = [one for hour in logs_of_hours for one in hour]
    return [*whole, *(one.replace("f.example", "g.example") for one in whole)]


def sorted_anew(logs: Path, lines: int, second: bool) -> list[str]:
    """Deliver more lines in another order."""
    whole = lines_of(lines, 1, "h.example")
    write(logs / "h.gz", sorted(whole, key=lambda one: one[::-1]) if second else whole[: lines // 2])
    return whole


def delivered_again(logs: Path, lines: int, second: bool) -> list[str]:
    """Deliver more lines under another name."""
    whole = lines_of(lines, 1, "i.example")
    mixed = random.Random(3).sample(whole, len(whole))
    write(logs / ("i_01.gz" if second else "i.gz"), mixed if second else whole[: lines // 2])
    return whole


def taken_over(logs: Path, lines: int, second: bool) -> list[str]:
    """Deliver a pack that grows after a larger one had taken its place."""
    whole, others = lines_of(lines, 1, "k.example"), lines_of(lines, 2, "k.example")
    write(logs / "k.gz", whole if second else whole[: lines // 2])
    if not second:
        write(logs / "k_day.gz", [*whole[: lines // 2], *others])
    return [*whole, *others]


def mended(logs: Path, lines: int, second: bool) -> list[str]:
    """Deliver a file that was cut short in the first night."""
    whole = lines_of(lines, 1, "j.example")
    path = write(logs / "j.gz", whole)
    if not second:
        path.write_bytes(path.read_bytes()[:-20])
    return whole


FOUR = (grown, twice, unended)
ALL = (*FOUR, renamed, truncated, sorted_anew, delivered_again, taken_over, mended)
