"""Time zones by name: "+08:00", "UTC" or an IANA name such as "Asia/Seoul"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from cdnlog.errors import UsageError

Ints = npt.NDArray[np.int64]

_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")
_MINUTES = (0, 15, 30, 45)  # no zone has had another offset since 1972, and windows are made of quarters
_QUARTER = 900
UTC_ZONE: tzinfo = UTC


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """Return the zone of a name.

    Raises:
        UsageError: There is no such zone.
    """
    if name.upper() in ("UTC", "Z"):
        return UTC
    if (match := _OFFSET.fullmatch(name)) and int(match[3]) in _MINUTES:
        minutes = int(match[2]) * 60 + int(match[3])
        if minutes < 24 * 60:
            return fixed(-minutes if match[1] == "-" else minutes)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        problem = f"unknown time zone '{name}'; use an offset such as +08:00 or a name such as Asia/Seoul"
        raise UsageError(problem) from error


def fixed(minutes: int) -> tzinfo:
    """Return the zone that is so many minutes east of UTC."""
    return timezone(timedelta(minutes=minutes)) if minutes else UTC


def name_of(where: tzinfo) -> str:
    """Return the name that `zone` takes back: "UTC", "+08:00" or the IANA name."""
    if where is UTC:
        return "UTC"
    key = getattr(where, "key", None)
    return str(key) if key else str(where).removeprefix("UTC")


def offsets(seconds: Ints, where: tzinfo, *, local: bool = False) -> Ints:
    """Return the UTC offset in seconds at each time.

    A zone is asked once per distinct quarter of an hour. (A few zones changed their clocks at one minute past, the last
    one in 2022; there the rest of that quarter goes with its first minute.)

    Args:
        seconds: Seconds since 1970, of UTC, or of the zone's own clock if `local`.
        where: The zone. Of an hour that a zone's own clock shows twice, the first one is meant.
        local: Whose clock `seconds` are.
    """
    if isinstance(where, timezone):
        return np.full(len(seconds), int(where.utcoffset(None).total_seconds()), np.int64)
    quarters, codes = np.unique(seconds // _QUARTER, return_inverse=True)
    table = [_offset(int(quarter) * _QUARTER, where, local=local) for quarter in quarters]
    return np.array(table, np.int64)[codes]


def _offset(seconds: int, where: tzinfo, *, local: bool) -> int:
    naive = datetime(1970, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001 - a clock reading, no instant
    moment = naive.replace(tzinfo=where) if local else naive.replace(tzinfo=UTC).astimezone(where)
    offset = moment.utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def floor_to_window(seconds: Ints, window: int, where: tzinfo) -> Ints:
    """Return the start of each time's window as seconds of UTC; windows count from midnight of the zone.

    An hour that the zone's clock shows twice makes two windows, unless the window is longer than the change.
    """
    offset = offsets(seconds, where)
    local_start = (seconds + offset) // window * window
    start = local_start - offset
    if isinstance(where, timezone):
        return start
    moved = np.flatnonzero(offsets(start, where) != offset)  # the clock changed within the window
    start[moved] = local_start[moved] - offsets(local_start[moved], where, local=True)
    return start


def instant(seconds: int, where: tzinfo) -> str:
    """Return a time, in seconds of UTC since 1970, as ISO 8601 on a zone's clock."""
    return datetime.fromtimestamp(seconds, where).isoformat()
