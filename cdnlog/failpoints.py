"""Points at which a test kills the process: before and after everything that lasts.

`CDNLOG_KILL_AT=K` in the environment kills at the K-th point that is passed, with SIGKILL, as a power cut would;
`CDNLOG_KILL_AT=0` kills nothing and lets the number of points be told at the end.
"""

from __future__ import annotations

import os
import signal

from cdnlog.errors import UsageError

_VARIABLE = "CDNLOG_KILL_AT"
_passed = 0


def failpoint() -> None:
    """Pass a point; without the variable nothing happens but counting."""
    global _passed  # noqa: PLW0603 - one count per process is what is meant
    _passed += 1
    if _kill_at() == _passed:
        os.kill(os.getpid(), signal.SIGKILL)


def passed() -> int | None:
    """Return how many points were passed, None if nobody asked."""
    return _passed if _kill_at() == 0 else None


def _kill_at() -> int | None:
    text = os.environ.get(_VARIABLE)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise UsageError(f"{_VARIABLE} is the number of a failpoint, or 0 to have them counted, not '{text}'")
    return int(text)
