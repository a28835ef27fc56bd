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


def seconds(window: str) -> int:
    """Return a window's length in seconds: "5m", "5min", "1h", "1d", "30s".

    Raises:
        UsageError: It is no length, or does not divide a day.
    """
    if not isinstance(window, str):
        raise UsageError(f"a window is text such as '5m' or '1h', not {type(window).__name__}")
    match = _WINDOW.fullmatch(window.strip().lower())
    length = int(match[1]) * _UNITS[match[2]] if match else 0
    if not length or _DAY % length:
        raise UsageError(
            f"a window of '{visible(window)}' does not divide a day; use 1m, 5m, 15m, 1h, 6h, 1d or the like"
        )
    return length


def window_name(length: int) -> str:
    """Return a window's length in seconds as the command line takes it: "5m", "1h", "1d", else in seconds."""
    for unit, size in (("d", _DAY), ("h", 3600), ("m", 60)):
        if length % size == 0:
            return f"{length // size}{unit}"
    return f"{length}s"
