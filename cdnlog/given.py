"""What a user hands over to be read: paths, open files or frames; told apart by their looks, without pandas."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeAlias

from cdnlog.errors import UsageError
from cdnlog.model import NO_DOMAIN, Batch
from cdnlog.parse import INVALID, fold
from cdnlog.settings import Settings
from cdnlog.source import Found, Reader

if TYPE_CHECKING:
    import pandas as pd

    class ArrowRows(Protocol):
        """Rows of polars, DuckDB, pyarrow or any other library that hands out Arrow data."""

        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            """Hand the rows out."""

    Frame: TypeAlias = pd.DataFrame | ArrowRows
    Frames: TypeAlias = Frame | Iterable[Frame]

Path: TypeAlias = str | os.PathLike[str] | Reader
Paths: TypeAlias = Path | Iterable[Path] | Found

PROVIDER = "cdnlog.provider"
"""Key in the `attrs` of a frame made by `read`: the code table that its rows ask for."""


def paths_of(given: object) -> list[Any] | Found:
    """Return paths and open files as a list, or what was found under them already.

    Raises:
        UsageError: It is something else.
    """
    frames, paths = told_apart(given)
    if frames is not None:
        raise UsageError("expected paths, got a frame; it has been read already")
    return paths


def told_apart(given: object) -> tuple[Iterator[Any] | None, list[Any] | Found]:
    """Return frames, or None and paths.

    Raises:
        UsageError: It is neither.
    """
    if _is_frame(given):
        return iter([given]), []
    if isinstance(given, Found):
        return None, given
    if _is_path(given) or isinstance(given, bytes):
        return None, [os.fsdecode(given) if isinstance(given, bytes) else given]
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        raise UsageError(f"expected paths or frames, got {type(given).__name__}")
    items = iter(given)
    first = next(items, None)
    whole: Iterator[Any] = chain([] if first is None else [first], items)
    if _is_frame(first):
        return whole, []
    paths = list(whole)
    for path in paths:
        if not _is_path(path):
            raise UsageError(f"expected paths, got a {type(path).__name__} among them")
    return None, paths


def _is_frame(value: object) -> bool:
    return hasattr(value, "__arrow_c_stream__")


def _is_path(value: object) -> bool:
    if isinstance(value, str | os.PathLike):
        return True
    if not hasattr(value, "read"):
        return False
    if hasattr(value, "encoding"):
        raise UsageError("a log is read as bytes; open the file with mode 'rb'")
    return True


def check_rejects(file: IO[bytes] | None) -> IO[bytes] | None:
    """Return a file that rejected lines can be written to, or None.

    Raises:
        UsageError: It is a path, or opened for text.
    """
    if file is not None and (not hasattr(file, "write") or hasattr(file, "encoding")):
        raise UsageError("rejects is an open binary file, such as open('rejects.jsonl', 'wb')")
    return file


def batches(frames: Iterable[Any], made: Settings) -> Iterator[tuple[Batch, str | None]]:
    """Yield each frame as a batch, and the code table it asks for.

    Raises:
        UsageError: A frame cannot be counted; it says why and what to do.
    """
    from cdnlog.intake import batch_of, pandas_frame  # noqa: PLC0415 - pandas costs 0.4 s, paths do without

    known = made.catalog.columns()
    for given in frames:
        if not _is_frame(given):
            raise UsageError(f"expected frames, got a {type(given).__name__} among them")
        frame = pandas_frame(given)
        asked = frame.attrs.get(PROVIDER)
        yield batch_of(frame, known, _domain), str(asked) if asked else None


def _domain(name: str) -> str:
    """Return the key of a domain; what stands for none stays."""
    return name if name in (NO_DOMAIN, INVALID) else fold(name.encode("utf-8", "surrogateescape"))
