"""Paths -> blocks of whole lines, and one verdict per file."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

from cdnlog.model import Block, Verdict
from cdnlog.source.blocks import blocks
from cdnlog.source.codecs import MAGIC, Ending, Joined, Reader, codec_of, decompress
from cdnlog.source.paths import DOCUMENTS, STDIN, UNFINISHED, Elsewhere, Found, Input, find, named, same_content

__all__ = [
    "BLOCK",
    "DOCUMENTS",
    "MOST",
    "STDIN",
    "UNFINISHED",
    "Block",
    "Elsewhere",
    "Ending",
    "Found",
    "Input",
    "Reader",
    "compressed",
    "find",
    "named",
    "read",
    "same_content",
]

BLOCK = 2 * 1024 * 1024
"""Bytes of a block: measured; smaller ones pay for more calls, larger ones fall out of the processor's cache."""


MOST = 256 * 1024 * 1024
"""Bytes of a block that are waited for, at most: places in it have four bytes."""


_PIECES = 4  # of a block: of a plain file so many are read at a time, as a block ends with the line in which it is full


class _ReadError(Exception):
    """The operating system could not read on; kept apart from the codecs' own OSErrors."""


class _Metered:
    """A reader that reports what it read and stops at the size the file had when it was opened.

    Args:
        file: What is read.
        end: Where to stop, None to read all there is.
        progress: Told the number of bytes after each read.
        start: Where the file is when it is handed over.
    """

    def __init__(
        self, file: IO[bytes], end: int | None, progress: Callable[[int], None] | None, start: int = 0
    ) -> None:
        self._file, self._end, self._progress = file, end, progress
        self.done = start

    def read(self, size: int, /) -> bytes:
        if self._end is not None:
            size = min(size, self._end - self.done)
        try:
            data = self._file.read(size) or b""
        except (OSError, EOFError, ValueError, zlib.error) as error:  # an open file may decompress, or be closed
            problem = getattr(error, "strerror", None) or error
            raise _ReadError(f"reading failed at byte {self.done}: {problem}") from error
        self.done += len(data)
        if self._progress is not None and data:
            self._progress(len(data))
        return data

    @property
    def shrank(self) -> bool:
        return self._end is not None and self.done < self._end


def read(
    found: Input,
    size: int = BLOCK,
    progress: Callable[[int], None] | None = None,
    watch: Callable[[bytes], None] | None = None,
) -> Iterator[Block | Ending]:
    """Yield the blocks of one input, and last its ending; no content ever raises.

    A regular file is read up to the size it had when it was opened, so that a growing file gives one answer.

    Args:
        found: The input.
        size: Bytes to hold before their whole lines are handed on.
        progress: Told the number of bytes after each read of the file as it lies on disk.
        watch: Told the decompressed bytes, piece by piece.
    """
    if found.verdict is not None:
        yield Ending(found.verdict, found.problem)
        return
    try:
        with _open(found) as file:
            start, end = found.span or (0, os.fstat(file.fileno()).st_size if found.on_disk else None)
            if start:
                file.seek(start)
            pieces = _pieces(_Metered(file, end, progress, start), size, plain=found.span is not None)
            yield from blocks(_watched(pieces, watch) if watch else pieces, size, start)
    except _ReadError as error:
        yield Ending(Verdict.UNREADABLE, str(error))
    except OSError as error:
        yield Ending(Verdict.UNREADABLE, error.strerror or str(error))


def _watched(pieces: Iterable[bytes | Ending], watch: Callable[[bytes], None]) -> Iterator[bytes | Ending]:
    for piece in pieces:
        if not isinstance(piece, Ending):
            watch(piece)
        yield piece


def _open(found: Input) -> AbstractContextManager[Any]:
    if found.file is not None:
        return nullcontext(found.file)  # whoever opened it closes it
    if found.remote is not None:
        return found.remote.open()
    if found.on_disk:
        return Path(found.place or found.path).open("rb", buffering=0)
    if sys.stdin is None:
        raise OSError("standard input is closed")
    return nullcontext(sys.stdin.buffer)


def _pieces(reader: _Metered, size: int, *, plain: bool) -> Iterator[bytes | Ending]:
    """Yield the file's bytes, decompressed if its first bytes say that it is compressed and may do so."""
    head = b""
    while len(head) < MAGIC and (data := reader.read(MAGIC - len(head))):
        head += data
    codec = None if plain else codec_of(head)
    ending = Ending(Verdict.EMPTY)
    if codec is not None:
        for item in decompress(Joined(head, reader), codec, max_out=size):
            if isinstance(item, Ending):
                ending = item
            else:
                yield item
    elif head:
        yield head
        while data := reader.read(max(size // _PIECES, 1)):
            yield data
        ending = Ending(Verdict.OK)
    if reader.shrank and ending.verdict in (Verdict.OK, Verdict.EMPTY):
        ending = Ending(Verdict.TRUNCATED, "the file shrank while it was read")
    yield ending


def compressed(head: bytes) -> bool:
    """Whether a file's first bytes say that it is compressed."""
    return codec_of(head) is not None
