"""Reads a remote object from its first byte to its last, whatever happens to the connection; one block ahead."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, Self

from cdnlog.source.trouble import Trouble

BLOCK = 8 * 1024 * 1024
"""Bytes fetched at a time; two such blocks are held."""
PAUSE = 0.2
"""Seconds before the second attempt; twice as many before each further one."""


class Opened(Protocol):
    """An open object, at some byte of it."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""

    def close(self) -> None:
        """Give the connection back."""


class Place(Protocol):
    """An object that can be opened anywhere, as often as needed."""

    @property
    def size(self) -> int | None:
        """Its bytes, None if only its end tells."""

    def opened(self, at: int) -> Opened:
        """Open it at a byte."""

    def check(self) -> None:
        """Make sure, at the end, that it is what it was in the beginning."""


class Resumed:
    """Reads a place; what breaks off is taken up at the same byte, a bounded number of times.

    Args:
        place: The object.
        told: Says what an error means.
        tries: Attempts in a row that give less than a block.
    """

    def __init__(self, place: Place, told: Callable[[BaseException], Trouble], tries: int) -> None:
        self._place, self._told, self._tries = place, told, tries
        self._file: Opened | None = None
        self._at = 0
        self._failed = self._since = 0  # attempts that failed; bytes since then
        self._block = memoryview(b"")
        self._ahead: Future[bytes] | None = None
        self._pool = ThreadPoolExecutor(1) if place.size is None or place.size > BLOCK else None

    def __enter__(self) -> Self:
        """Begin; nothing is asked for before it is read."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the connection back."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._close()

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end.

        Raises:
            OSError: It cannot be read on, and why.
        """
        if not self._block:
            self._block = memoryview(self._next())
        piece, self._block = self._block[:size], self._block[size:]
        return bytes(piece)

    def _next(self) -> bytes:
        if self._pool is None:
            return self._fetch()
        data = self._ahead.result() if self._ahead else self._fetch()
        self._ahead = self._pool.submit(self._fetch) if data else None
        return data

    def _fetch(self) -> bytes:
        while True:
            try:
                data = self._attempt()
            except Exception as error:  # noqa: BLE001 - drivers raise what they like
                self._close()
                self._give_up_or_wait(self._told(error))
            else:
                self._at += len(data)
                self._since += len(data)
                if self._since >= BLOCK:
                    self._failed = 0
                return data

    def _attempt(self) -> bytes:
        if self._at and self._at == self._place.size:
            self._place.check()
            return b""
        if self._file is None:
            self._file = self._place.opened(self._at)
        data = self._file.read(BLOCK)
        if not data and self._place.size is not None and self._at < self._place.size:
            raise EOFError
        if not data:
            self._place.check()
        return data

    def _give_up_or_wait(self, trouble: Trouble) -> None:
        self._failed, self._since = self._failed + 1, 0
        if not trouble.passing:
            raise OSError(trouble.what)
        if self._failed >= self._tries:
            raise OSError(f"{trouble.what}; tried {self._failed} times")
        time.sleep(PAUSE * 2 ** (self._failed - 1))

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
