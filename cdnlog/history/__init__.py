"""The nightly store: what was counted, from which files, exactly once; and what is usual.

A file's row of the ledger has its counts packed in it, so that "this file is done" and "these are its counts" cannot
come apart. What is kept beside it, a sketch of its lines and sums by the hour and the day, is kept in step: it is
written or dropped in the same transaction. A file is known by the SHA-256 of its decompressed content. The totals of a
time are the sum over the rows that count; a row that is replaced stays, marked with the night it stopped counting.
Nothing in here asks a clock: ages are counted from the newest data.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

VERSION = 4
"""Of the stores that are made now."""


def real(store: str | os.PathLike[str]) -> Path:
    """Return where a store is or will be: links are followed, so that all of its names share one lock."""
    return Path(os.path.realpath(store))


def files_of(store: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the places of a store and of all that may lie beside it: lock, journals, copies of older versions."""
    for suffix in ("", ".lock", "-journal", "-wal", "-shm", *(f".v{version}" for version in range(1, VERSION))):
        yield Path(f"{real(store)}{suffix}")
