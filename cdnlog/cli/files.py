"""The only place that writes files: one appears under its name when all of it is written, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from os.path import realpath
from pathlib import Path
from typing import IO

from cdnlog.errors import PARTLY, OutputError
from cdnlog.text import visible

TEMPORARY = ".cdnlog-"
_OPEN_FILES = "/dev/fd"
_MOST_LINKS = 40  # the system follows no more


def check(path: Path) -> None:
    """Complain of a place where no file can be written, before hours are spent on what is to be written there.

    Raises:
        OutputError: It is a folder, or its folder does not exist or cannot be written.
    """
    where = visible(path)
    if not path.parent.exists():
        raise OutputError(where, "its folder does not exist", "make it first")
    if not path.parent.is_dir():
        raise OutputError(where, "its folder is a file", "name a folder")
    if path.is_dir():
        raise OutputError(where, "it is a folder", "name a file")
    if not is_special(path) and not os.access(path.parent, os.W_OK):
        raise OutputError(where, "its folder cannot be written", "let this user write there, or write somewhere else")


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears under its name only when all is written.

    Raises:
        OutputError: It cannot be written; the temporary file is removed.
    """
    where = visible(path)
    check(path)
    if is_special(path):
        with special(path) as file:
            yield file
        return
    try:
        from tempfile import mkstemp  # noqa: PLC0415 - takes 1 ms, and most results go to standard output

        handle, name = mkstemp(prefix=TEMPORARY, suffix=".tmp", dir=path.parent)
    except OSError as error:
        raise OutputError(where, error.strerror or str(error)) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(where, error.strerror or str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder that appears under its name only when all is written into it.

    Raises:
        OutputError: It cannot be made, or there is something of that name already; what was begun is removed.
    """
    where = visible(path)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise OutputError(where, "there is something of that name already; give a new or an empty folder")
    try:
        from tempfile import TemporaryDirectory  # noqa: PLC0415 - as above

        with TemporaryDirectory(prefix=TEMPORARY, suffix=".tmp", dir=path.parent) as made:
            written = Path(made) / "written"
            written.mkdir()
            yield written
            written.replace(path)
    except OSError as error:
        raise OutputError(where, error.strerror or str(error)) from error


def is_special(path: Path) -> bool:
    """Whether it is a pipe, a device or an open file of ours: what was written there cannot be taken back."""
    return _descriptor(path) is not None or (path.exists() and not path.is_file())


@contextmanager
def special(path: Path) -> Iterator[IO[bytes]]:
    """Open what is special as it is: replacing it with a file would not be what was asked for."""
    own = _descriptor(path)
    try:
        with path.open("wb") if own is None else os.fdopen(os.dup(own), "wb") as file:
            yield file
    except OSError as error:
        raise OutputError(visible(path), error.strerror or str(error), PARTLY) from error


def _descriptor(path: Path) -> int | None:
    """Return the number of the open file of ours that a path leads to, as /dev/stdout does; None for another path."""
    for _ in range(_MOST_LINKS):
        if path.name.isdecimal() and realpath(path.parent) == realpath(_OPEN_FILES):
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
