"""Lengths of time windows, as people write them."""

from __future__ import annotations

import re

from cdnlog.errors import UsageError
from cdnlog.text import visible

_WINDOW = re.compile(r"([0-9]{1,5})\s*(s|m|min|h|d)")
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_DAY = 86_400
LONGER = (60, 300, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200, _DAY)
"""Lengths that windows are made longer to, in seconds."""
_SUCH = (60, 300, 900, 3600, 21_600, _DAY)


def seconds(window: str, kept: int = 1) -> int:
    """Return a window's length in seconds: "5m", "5min", "1h", "1d", "30s".

    Args:
        window: The length as a person writes it.
        kept: Seconds by which counts are kept, so that a window must be made of whole ones.

    Raises:
        UsageError: It is no length, does not divide a day, or is no multiple of what is kept.
    """
    if not isinstance(window, str):
        raise UsageError(f"a window is text such as '5m' or '1h', not {type(window).__name__}")
    match = _WINDOW.fullmatch(window.strip().lower())
    length = int(match[1]) * _UNITS[match[2]] if match else 0
    divides = length and not _DAY % length
    if not divides or length % kept:
        problem = f"is not made of the {window_name(kept)} that a store keeps" if divides else "does not divide a day"
        such = ", ".join(window_name(one) for one in _SUCH if one % kept == 0)
        raise UsageError(f"a window of '{visible(window)}' {problem}; use {such} or the like")
    return length


def window_name(length: int) -> str:
    """Return a window's length in seconds as the command line takes it: "5m", "1h", "1d", else in seconds."""
    for unit, size in (("d", _DAY), ("h", 3600), ("m", 60)):
        if length % size == 0:
            return f"{length // size}{unit}"
    return f"{length}s"
