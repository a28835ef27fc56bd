"""Keeps freed memory for the next block.

Parsing a block allocates and frees some megabytes of arrays, thousands of times. glibc gives such memory back to the
kernel each time, and the kernel clears every page anew: a fifth of the time, and more with several threads.
"""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt(3)
_KEPT = 64 * 1024 * 1024
_keeping = False


def keep_freed_memory() -> None:
    """Tell glibc's allocator to keep up to 64 MB; elsewhere do nothing. For the command line: it is process-wide."""
    if not sys.platform.startswith("linux"):
        return
    global _keeping  # noqa: PLW0603 - as the allocator's own state
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none
        _keeping = True
        mallopt(_TRIM_THRESHOLD, _KEPT)
        mallopt(_MMAP_THRESHOLD, _KEPT // 2)


def give_freed_memory_back() -> None:
    """Give the kernel what was kept, of all threads, if anything was: what comes next needs no blocks."""
    if _keeping:
        ctypes.CDLL(None).malloc_trim(0)
