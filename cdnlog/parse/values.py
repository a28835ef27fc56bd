"""Reads the values of one field in all lines at once: digits by arithmetic on eight bytes at a time.

A field's text becomes a number without a Python object per line. Each reader returns the values and which
rows are faulty; nothing is coerced ("2e2" is no status, "1_000" no number of bytes).
"""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

import numpy as np

from cdnlog import kernel
from cdnlog.buffer import Bools, Buffer, Ints, Words, distinct

MAX_DIGITS = 18
"""Longest integer that is read; all of them fit into int64."""

# For k digits: how far to move them to the high bytes, and what zeros look like there.
_SHIFT = np.array([8 * (8 - k) for k in range(9)], dtype=np.uint64)
_ZEROS = np.array([0x3030303030303030 << 8 * (8 - k) & 2**64 - 1 for k in range(9)], dtype=np.uint64)
_HIGH = np.uint64(0x8080808080808080)
_TO_HIGH = np.uint64(0x7676767676767676)  # carries a byte above 9 into its high bit
_ADDRESS_EDGE = np.isin(np.arange(256), np.frombuffer(b"0123456789abcdefABCDEF:[]", np.uint8))
_LONGEST_ADDRESS = 47  # [ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]
_FIRST_YEAR, _LAST_YEAR = 1995, 2099


def _digit_bytes(words: Words, count: Ints | int) -> tuple[Words, Bools]:
    """Move `count` leading digits to the high bytes, as 0 to 9; and whether they all are digits."""
    digits = (words << _SHIFT[count]) ^ _ZEROS[count]
    return digits, (((digits + _TO_HIGH) | digits) & _HIGH) == 0


def _joined(digits: Words) -> Ints:
    """Join eight digits into one number, three multiplications for all eight."""
    digits = (digits * np.uint64(2561)) >> np.uint64(8)
    digits = ((digits & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(6553601)) >> np.uint64(16)
    digits = ((digits & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(42949672960001)) >> np.uint64(32)
    return digits.astype(np.int64)


def unsigned(buffer: Buffer, start: Ints, length: Ints) -> tuple[Ints, Bools]:
    """Read 1 to 18 ASCII digits."""
    if kernel.on:
        return kernel.numbers("unsigned_numbers", buffer.address, start, length)
    values, good = _leading(buffer, start, length)
    good &= (length > 0) & (length <= MAX_DIGITS)
    for done in (8, 16):
        if len(rows := np.flatnonzero(good & (length > done))):
            more, fine = _leading(buffer, start[rows], length[rows] - done)
            values[rows] += more * 10**done
            good[rows] &= fine
    return values, ~good


def digits(buffer: Buffer, start: Ints, count: Ints | int) -> tuple[Ints, Bools]:
    """Read exactly `count` digits, 1 to 8; and whether they all are some."""
    found, good = _digit_bytes(buffer.words[start], count)
    return _joined(found), good


def _leading(buffer: Buffer, start: Ints, left: Ints) -> tuple[Ints, Bools]:
    """Read the last eight, or fewer, of the first `left` digits."""
    count = np.minimum(left, 8)
    digits, good = _digit_bytes(buffer.words[start + left - count], count)
    return _joined(digits), good


def signed(buffer: Buffer, start: Ints, length: Ints) -> tuple[Ints, Bools]:
    """Read digits with or without a leading minus."""
    if kernel.on:
        return kernel.numbers("signed_numbers", buffer.address, start, length)
    minus = buffer.bytes[start] == ord("-")
    if not minus.any():
        return unsigned(buffer, start, length)
    values, bad = unsigned(buffer, start + minus, length - minus)
    return np.where(minus, -values, values), bad


def decimal(buffer: Buffer, start: Ints, length: Ints, places: int) -> tuple[Ints, Bools]:
    """Read digits with or without a fraction, as a number of units of 10 ** -places; up to 18 more are cut off."""
    if kernel.on:
        return kernel.numbers("decimals", buffer.address, start, length, places)
    end = start + length
    dot = buffer.next(b".", start, end)
    whole, bad = unsigned(buffer, start, dot - start)
    bad |= dot - start > MAX_DIGITS - places
    value = np.where(bad, 0, whole) * 10**places
    rows = np.flatnonzero(dot < end)
    if len(rows):
        count = end[rows] - dot[rows] - 1
        kept = np.minimum(count, places)
        part, wrong = unsigned(buffer, dot[rows] + 1, np.maximum(kept, 1))
        rest = np.flatnonzero(count > places)
        wrong[rest] |= unsigned(buffer, dot[rows][rest] + 1 + places, count[rest] - places)[1]
        value[rows] += np.where(kept > 0, part, 0) * 10 ** (places - kept)
        bad[rows] |= wrong | (count <= 0)
    return value, bad


_UNITS = {b"s": 9, b"ms": 6, b"us": 3, b"ns": 0, b"\xc2\xb5s": 3, b"\xce\xbcs": 3}
_DURATION = re.compile(rb"(-?[0-9]{1,18}(?:\.[0-9]{0,18})?(?:[eE][-+]?[0-9]{1,2})?)(s|ms|us|ns|\xc2\xb5s|\xce\xbcs|)")
_LONG = re.compile(rb"(?:([0-9]{1,6})h)?([0-9]{1,2})m([0-9]{1,2}(?:\.[0-9]{1,18})?)s")  # Go prints 62.5 s as 1m2.5s
_FROM = {"s": (4, 10), "ms": (1, 10), "us": (0, 1000), "ns": (0, 1_000_000)}
"""By unit: the places that are read, and how many of the last one make a millisecond."""


def duration(buffer: Buffer, start: Ints, length: Ints, unit: str) -> tuple[Ints, Bools, Bools]:
    """Read a duration as milliseconds, rounded half up; a unit behind the number ("0.12s") goes before `unit`.

    Returns:
        Milliseconds, rows that are no duration, rows that are a negative one, which nothing lasts.
    """
    places, step = _FROM[unit]
    value, bad = decimal(buffer, start, length, places)
    value = (value + step // 2) // step
    negative = np.zeros(len(bad), bool)
    if len(rows := np.flatnonzero(bad & (length > 0))):
        codes, first = distinct(buffer, start[rows], length[rows])
        texts = (buffer.text(int(start[r]), int(start[r] + length[r])) for r in rows[first])
        table = [_milliseconds(text, unit) for text in texts]
        found = np.array([-1 if t is None else max(t, 0) for t in table], np.int64)[codes]
        negative[rows] = np.array([t is not None and t < 0 for t in table], bool)[codes]
        bad[rows], value[rows] = found < 0, np.maximum(found, 0)
    return value, bad, negative


@lru_cache(maxsize=65_536)
def _milliseconds(text: bytes, unit: str) -> int | None:
    if (long := _LONG.fullmatch(text)) is not None:
        minutes = int(long[1] or 0) * 60 + int(long[2])
        rest = _milliseconds(long[3], "s")
        return None if rest is None else minutes * 60_000 + rest
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    number = Decimal(match[1].decode()).scaleb(_UNITS[match[2] or unit.encode()])
    whole = (number.scaleb(-6)).quantize(Decimal(1), ROUND_HALF_UP) if abs(number.adjusted()) < 24 else None  # noqa: PLR2004
    return int(whole) if whole is not None and abs(whole) < 10**MAX_DIGITS else None


NO_ANSWER = (b"0", b"000", b"-")


def status(buffer: Buffer, start: Ints, length: Ints, none: tuple[bytes, ...] = NO_ANSWER) -> tuple[Ints, Bools]:
    """Read a status: 100 to 999, or 0 for what says that no answer was sent."""
    values, bad = _three_digits(buffer, start, length)
    if len(rows := np.flatnonzero(bad)):
        unanswered = buffer.is_null(start[rows], length[rows], none) & (length[rows] > 0)
        values[rows[unanswered]], bad[rows[unanswered]] = 0, False
    return values, bad


def _three_digits(buffer: Buffer, start: Ints, length: Ints) -> tuple[Ints, Bools]:
    if kernel.on:
        return kernel.numbers("statuses", buffer.address, start, length)
    found, good = _digit_bytes(buffer.words[start], 3)
    values = _joined(found)
    good &= (length == 3) & (values >= 100)  # noqa: PLR2004 - the shape of a status
    return values, ~good


def compact_time(buffer: Buffer, start: Ints, length: Ints) -> tuple[Ints, Bools, Bools]:
    """Read YYYYMMDDhhmmss as seconds since 1970 on the line's own clock.

    Second 60 (a leap second) counts as 59, so that it stays in its minute.

    Returns:
        Seconds, rows that are no time, rows whose year no log can hold.
    """
    if kernel.on:
        return kernel.compact_times(buffer.address, start, length)
    day_digits, good = _digit_bytes(buffer.words[start], 8)
    clock_digits, fine = _digit_bytes(buffer.words[start + 6], 8)
    good &= fine & (length == 14)  # noqa: PLR2004 - the layout's length
    days, clock = _joined(day_digits), _joined(clock_digits) % 1_000_000
    hour, minute, second = clock // 10_000, clock // 100 % 100, clock % 100
    good &= (hour <= 23) & (minute <= 59) & (second <= 60)  # noqa: PLR2004 - a clock
    midnight, no_day = midnights(days)
    seconds = midnight + hour * 3600 + minute * 60 + np.minimum(second, 59)
    year = days // 10_000
    strange = good & ((year < _FIRST_YEAR) | (year > _LAST_YEAR))
    return seconds, ~good | (no_day & ~strange), strange


def midnights(days: Ints) -> tuple[Ints, Bools]:
    """Turn YYYYMMDD numbers into seconds since 1970; a log has few distinct days."""
    if len(days) and days[0] == days.min() == days.max():
        seconds = _midnight(int(days[0]))
        return np.full(len(days), seconds or 0), np.full(len(days), seconds is None)
    distinct, codes = np.unique(days, return_inverse=True)
    table = [_midnight(int(day)) for day in distinct]
    return np.array([t or 0 for t in table], np.int64)[codes], np.array([t is None for t in table], bool)[codes]


def _midnight(day: int) -> int | None:
    try:
        return (date(day // 10_000, day // 100 % 100, day % 100).toordinal() - date(1970, 1, 1).toordinal()) * 86_400
    except ValueError:
        return None


def address(buffer: Buffer, start: Ints, length: Ints) -> Bools:
    """Mark what cannot be an IP address: its first or last byte, or its length, is not one's."""
    if kernel.on:
        return kernel.checked("addresses", buffer.address, start, length)
    ends = _ADDRESS_EDGE[buffer.bytes[start]] & _ADDRESS_EDGE[buffer.bytes[start + length - 1]]
    bad: Bools = ~ends | (length < 2) | (length > _LONGEST_ADDRESS)  # noqa: PLR2004 - "::"
    return bad


def word(buffer: Buffer, start: Ints, length: Ints) -> Bools:
    """Mark what is no bare word: it does not begin with an ASCII letter."""
    if kernel.on:
        return kernel.checked("words", buffer.address, start, length)
    letter = (buffer.bytes[start] | np.uint8(0x20)) - np.uint8(ord("a"))
    bad: Bools = (letter >= 26) | (length == 0)  # noqa: PLR2004 - letters
    return bad
