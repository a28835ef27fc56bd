"""Which objects are meant by a name, a prefix or a pattern: the rules of folders, for stores that have none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from cdnlog.source.paths import left_out

_ANY_DEPTH = "**"
_MAGIC = "*?["


def is_pattern(asked: str) -> bool:
    """Whether a name has letters that stand for others."""
    return any(letter in asked for letter in _MAGIC)


def fixed(asked: str) -> tuple[str, str]:
    """Return the folder that all objects meant are in, and how the next part of their names begins."""
    parts = asked.split("/")
    first = next((i for i, part in enumerate(parts) if is_pattern(part)), None)
    if first is None:
        return asked, ""
    begin = next(i for i, letter in enumerate(parts[first]) if letter in _MAGIC)
    return "/".join(parts[:first]), parts[first][:begin]


def chosen(asked: str, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the names that are meant, in the order of a walk, and what is left out of folders.

    Args:
        asked: A name, a folder or a pattern, as of a file below the bucket; "" is all.
        names: All objects that may be meant; names that end with "/" are folders made visible, and none.
    """
    pattern = [part for part in asked.split("/") if part]
    taken: list[str] = []
    left: set[str] = set()
    for name in names:
        parts = [part for part in name.split("/") if part]
        ends = {len(pattern)} if not is_pattern(asked) else set(_ends(parts, pattern))
        if name.endswith("/") or not ends:
            continue
        if len(parts) in ends or name == asked or (hidden := _left_out(parts, max(ends))) is None:
            taken.append(name)
        else:
            left.add(hidden)
    return sorted(taken, key=_walked), sorted(left)


def _ends(parts: Sequence[str], pattern: Sequence[str]) -> Iterator[int]:
    """Yield how many of the parts a pattern can take."""
    if not pattern:
        yield 0
        return
    head, rest = pattern[0], pattern[1:]
    if head == _ANY_DEPTH:
        yield from _ends(parts, rest)
    if not parts or (parts[0].startswith(".") and not head.startswith(".")):
        return
    if head == _ANY_DEPTH:
        yield from (end + 1 for end in _ends(parts[1:], pattern))
    elif fnmatchcase(parts[0], head):
        yield from (end + 1 for end in _ends(parts[1:], rest))


def _left_out(parts: Sequence[str], walked: int) -> str | None:
    """Return the file or hidden folder that is left out when what is below a number of parts is walked."""
    for i in range(walked, len(parts) - 1):
        if parts[i].startswith("."):
            return "/".join(parts[: i + 1])
    return "/".join(parts) if left_out(parts[-1]) else None


def _walked(name: str) -> list[tuple[bool, str]]:
    """Return what sorts the files of a folder before its folders."""
    *folders, file = name.split("/")
    return [*((True, folder) for folder in folders), (False, file)]
