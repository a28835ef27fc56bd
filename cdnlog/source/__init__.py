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
from cdnlog.source.codecs import MAGIC, Ending, Reader, codec_of, decompress
from cdnlog.source.paths import STDIN, Found, Input, find, same_content

__all__ = ["BLOCK", "MOST", "STDIN", "Block", "Ending", "Found", "Input", "Reader", "find", "read", "same_content"]

BLOCK = 2 * 1024 * 1024
"""Bytes of a block: measured; smaller ones pay for more calls, larger ones fall out of the processor's cache."""


MOST = 256 * 1024 * 1024
"""Bytes of a block that are waited for, at most: places in it have four bytes."""


_PIECES = 4  # of a block: of a plain file so many are read at a time, as a block ends with the line in which it is full


class _ReadError(Exception):
    """The operating system could not read on; kept apart from the codecs' own OSErrors."""


class _Metered:
    """A reader that reports what it read and stops at the size the file had when it was opened."""

    def __init__(self, file: IO[bytes], limit: int | None, progress: Callable[[int], None] | None) -> None:
        self._file, self._limit, self._progress = file, limit, progress
        self.done = 0

    def read(self, size: int, /) -> bytes:
        if self._limit is not None:
            size = min(size, self._limit - self.done)
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
        return self._limit is not None and self.done < self._limit


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
            limit = os.fstat(file.fileno()).st_size if found.on_disk else None
            pieces = _pieces(_Metered(file, limit, progress), size)
            yield from blocks(_watched(pieces, watch) if watch else pieces, size)
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
    if found.on_disk:
        return Path(found.path).open("rb", buffering=0)
    if sys.stdin is None:
        raise OSError("standard input is closed")
    return nullcontext(sys.stdin.buffer)


def _pieces(reader: _Metered, size: int) -> Iterator[bytes | Ending]:
    """Yield the file's bytes, decompressed if its first bytes say that it is compressed."""
    head = b""
    while len(head) < MAGIC and (data := reader.read(MAGIC - len(head))):
        head += data
    codec = codec_of(head)
    ending = Ending(Verdict.EMPTY)
    if codec is not None:
        for item in decompress(_Joined(head, reader), codec, max_out=size):
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


class _Joined:
    """A reader that first gives back the bytes that were read to recognise the compression."""

    def __init__(self, head: bytes, rest: Reader) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int, /) -> bytes:
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        return self._rest.read(size)
