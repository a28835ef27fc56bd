"""Progress in a notebook or a script that asks for it: one line on stderr, overwritten as the reading goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic

from cdnlog.errors import UsageError

Progress = Callable[[int], None]
_PAUSE = 0.1  # seconds between two lines
_MEGABYTE = 1_000_000


@contextmanager
def observer(asked: Progress | bool | None, total: int) -> Iterator[Progress | None]:
    """Yield what is to be called with each number of bytes read: what was asked for, a bar for True, None for nobody.

    Args:
        asked: As a user gives it.
        total: Bytes there are to read, 0 if unknown.

    Raises:
        UsageError: It is none of these.
    """
    if asked is True:
        bar = _Bar(total)
        try:
            yield bar
        finally:
            bar.clear()
    elif asked is None or asked is False:
        yield None
    elif callable(asked):
        yield asked
    else:
        raise UsageError(f"progress is True, or a function that takes a number of bytes, not {asked!r}")


class _Bar:
    """Counts bytes, and now and then says how many; called from several threads."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._told, self._width = total, 0, 0.0, 0
        self._lock = Lock()

    def __call__(self, size: int) -> None:
        with self._lock:
            self._done += size
            if monotonic() - self._told >= _PAUSE:
                self._write(f"cdnlog: read {self._done / _MEGABYTE:,.0f} MB{self._share()}")
                self._told = monotonic()

    def clear(self) -> None:
        """Leave an empty line behind."""
        self._write("")  # over what is there
        self._write("")  # and back to the line's begin

    def _share(self) -> str:
        return f" of {self._total / _MEGABYTE:,.0f} MB ({min(self._done / self._total, 1):.0%})" if self._total else ""

    def _write(self, text: str) -> None:
        if sys.stderr is not None:
            sys.stderr.write(f"\r{text:{self._width}}")
            sys.stderr.flush()
            self._width = len(text)
