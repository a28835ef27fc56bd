"""The only place that writes to the standard streams: stdout for results, stderr for everything else."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from typing import NoReturn, TextIO

from cdnlog.errors import PARTLY, OutputError
from cdnlog.text import visible


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


def emit(text: str | Iterable[str]) -> None:
    """Write a result to stdout, all at once or piece by piece.

    Raises:
        OutputError: It cannot be written; a reader that went away ("| head") is no error.
    """
    if sys.stdout is None:
        raise OutputError("to standard output", "it is closed")
    encoding = sys.stdout.encoding or "utf-8"
    try:
        for piece in [text] if isinstance(text, str) else text:
            rest = memoryview(piece.encode(encoding, "backslashreplace"))
            while rest:  # unbuffered, as PYTHONUNBUFFERED has it, one write may take only a part
                rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.flush()
    except BrokenPipeError:
        _drop(sys.stdout)
    except OSError as error:
        _drop(sys.stdout)
        raise OutputError("to standard output", error.strerror or str(error), PARTLY) from error


def many(number: int, noun: str) -> str:
    """Return how many there are of something: "1 file", "2,000 files"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def leave(code: int) -> NoReturn:
    """Exit; what is left in a stream that nobody takes must not make Python fail on its way out."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        _drop(sys.stdout)
    raise SystemExit(code)


def width() -> int:
    """Return the columns to wrap text at: the terminal's if there is one, 80 otherwise, at least 40."""
    if sys.stdout is None or not sys.stdout.isatty():
        return 80
    return max(40, min(shutil.get_terminal_size().columns, 120))
