"""No output takes the place of another, or of a file that is read: both would be lost without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os.path import realpath
from pathlib import Path

from cdnlog.cli.files import is_special
from cdnlog.errors import UsageError
from cdnlog.history import files_of, real
from cdnlog.text import visible


def check(outputs: Iterable[Path | None], taken: Iterable[tuple[Path, str]]) -> None:
    """Make sure that all outputs are files of their own; devices and pipes may be named again and again.

    Args:
        outputs: What will be written; None for what was not asked for.
        taken: Files that must stay as they are, each with what it is.

    Raises:
        UsageError: One would take the place of another.
    """
    owned = list(taken)
    for path in outputs:
        if path is None or is_special(path):
            continue
        for other, what in owned:
            if _same(path, other):
                raise UsageError(f"{visible(path)} is {what}; write somewhere else")
        owned.append((path, "another output too: --out, --rejects and reports each need a file of their own"))


def of_store(store: Path | None) -> Iterator[tuple[Path, str]]:
    """Yield the files that belong to a store."""
    if store is None:
        return
    for place in files_of(store):
        yield place, "the store" if place == real(store) else "a file of the store"


def _same(one: Path, other: Path) -> bool:
    return realpath(one) == realpath(other) or (one.exists() and other.exists() and one.samefile(other))
