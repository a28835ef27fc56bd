"""The only place that writes to the outside: stdout for results, stderr for everything else, files atomically."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn, TextIO

from cdnlog.errors import OutputError
from cdnlog.text import visible

TEMPORARY = ".cdnlog-"


def say(message: str) -> None:
    """Write one line to stderr; whatever it quotes is made visible. A closed stderr is nothing to fail for."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(f"{_plain(message)}\n")
            sys.stderr.flush()
    except OSError:  # there is nowhere left to complain to, and Python would fail again when it flushes at exit
        _drop(sys.stderr)


def _drop(stream: TextIO) -> None:
    """Let a stream that cannot be written lead nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _plain(line: str) -> str:
    encoding = getattr(sys.stderr, "encoding", None) or "ascii"
    return visible(line).encode(encoding, "backslashreplace").decode(encoding)


def emit(text: str) -> None:
    """Write a result to stdout.

    Raises:
        OutputError: It cannot be written; a reader that went away ("| head") is no error.
    """
    if sys.stdout is None:
        raise OutputError("to standard output", "it is closed")
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.buffer.write(text.encode(encoding, "backslashreplace"))
        sys.stdout.flush()
    except BrokenPipeError:
        _drop(sys.stdout)
    except OSError as error:
        _drop(sys.stdout)
        raise OutputError("to standard output", error.strerror or str(error)) from error


def leave(code: int) -> NoReturn:
    """Exit; what is left in a stream that nobody takes must not make Python fail on its way out."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        _drop(sys.stdout)
    raise SystemExit(code)


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears under its name only when all is written.

    Raises:
        OutputError: It cannot be written; the temporary file is removed.
    """
    where = visible(path)
    if path.exists() and not path.is_file():
        with special(path) as file:
            yield file
        return
    try:
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=".tmp", dir=path.parent)
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
        with tempfile.TemporaryDirectory(prefix=TEMPORARY, suffix=".tmp", dir=path.parent) as made:
            written = Path(made) / "written"
            written.mkdir()
            yield written
            written.replace(path)
    except OSError as error:
        raise OutputError(where, error.strerror or str(error)) from error


@contextmanager
def special(path: Path) -> Iterator[IO[bytes]]:
    """Open a pipe or a device as it is: replacing it with a file would not be what was asked for."""
    try:
        with path.open("wb") as file:
            yield file
    except OSError as error:
        raise OutputError(visible(path), error.strerror or str(error)) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def width() -> int:
    """Return the columns to wrap text at: the terminal's if there is one, 80 otherwise, at least 40."""
    if sys.stdout is None or not sys.stdout.isatty():
        return 80
    return max(40, min(shutil.get_terminal_size().columns, 120))
