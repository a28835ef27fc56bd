"""Times, dates and clocks in the layouts that logs have: the common shape of each all at once, odd ones one by one.

A time is first what a clock shows, in microseconds since 1970 as if that clock were UTC's, and the clock's distance
from UTC where the text says it. Times repeat, so the one by one is done once per distinct text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

import numpy as np

from cdnlog import kernel
from cdnlog.buffer import Bools, Buffer, Ints, Words, distinct
from cdnlog.model import MICROSECONDS
from cdnlog.parse import values

NO_ZONE = 1 << 40
"""In place of the distance from UTC, in seconds, where the text names none."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a clock reading, no instant
_FIRST = (datetime(1995, 1, 1) - _EPOCH) // timedelta(seconds=1)  # noqa: DTZ001
_LAST = (datetime(2100, 1, 1) - _EPOCH) // timedelta(seconds=1)  # noqa: DTZ001
_MONTHS = b"jan feb mar apr may jun jul aug sep oct nov dec"
_MONTH_WORDS = np.array([int.from_bytes(m, "little") for m in _MONTHS.split()], np.uint64)
_MONTH_ORDER = np.argsort(_MONTH_WORDS)
_THREE_BYTES, _LOWER = np.uint64(0xFFFFFF), np.uint64(0x202020)
_COLON, _DASH, _PLUS, _MINUS, _ZULU = ord(":"), ord("-"), ord("+"), ord("-"), ord("Z")
_MOST_MINUTES = 24 * 60
_NUMBER = re.compile(rb"\d{1,19}(?:\.\d*)?(?:[eE][+-]?\d{1,2})?")
_ZONE = rb"(?: ?(?P<z>Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?"
_FRACTION = rb"(?:[.,](?P<f>\d{1,9}))?"
_CLF = re.compile(rb"\[?(?P<d>\d{1,2})/(?P<b>[A-Za-z]{3})/(?P<Y>\d{4}):(?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d)"
                  + _FRACTION + _ZONE + rb"\]?")  # fmt: skip
_ISO = re.compile(
    rb"(?P<Y>\d{4})[-/](?P<m>\d{1,2})[-/](?P<d>\d{1,2})[T t_](?P<H>\d{1,2}):(?P<M>\d\d)(?::(?P<S>\d\d)"
    + _FRACTION + rb")?" + _ZONE
)  # fmt: skip
_DIRECTIVES = {
    "Y": rb"(?P<Y>\d{4})", "y": rb"(?P<y>\d{2})", "m": rb"(?P<m>\d{1,2})", "d": rb"(?P<d>[ \d]?\d)",
    "e": rb"(?P<d>[ \d]?\d)", "b": rb"(?P<b>[A-Za-z]{3})", "B": rb"(?P<b>[A-Za-z]{3})[a-z]*+", "H": rb"(?P<H>\d{1,2})",
    "I": rb"(?P<I>\d{1,2})", "M": rb"(?P<M>\d{1,2})", "S": rb"(?P<S>\d{1,2})", "p": rb"(?P<p>[AaPp])\.?[Mm]\.?",
    "f": rb"(?P<f>\d{1,9})", "z": rb"(?P<z>Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)", "Z": rb"[A-Za-z]{1,5}",
    "a": rb"[A-Za-z]{3}", "A": rb"[A-Za-z]{6,9}", "%": rb"%",
}  # fmt: skip
_SHORT = {"T": "%H:%M:%S", "D": "%m/%d/%y", "F": "%Y-%m-%d", "R": "%H:%M"}


@dataclass(frozen=True, slots=True)
class Moments:
    """The times of a column.

    Attributes:
        local: What the clock shows, in microseconds.
        offset: Its distance from UTC in seconds, `NO_ZONE` where unknown; None if it is unknown in all rows.
        bad: Rows that hold no time.
        strange: Rows whose year no log can hold.
    """

    local: Ints
    offset: Ints | None
    bad: Bools
    strange: Bools


Reader = Callable[[Buffer, Ints, Ints], Moments]


def reader(layouts: tuple[str, ...]) -> Reader:
    """Return what reads times of these layouts, of several the first that fits."""
    readers = [_NAMED.get(layout) or _patterned(layout) for layout in layouts]
    if len(readers) == 1:
        return readers[0]
    return lambda buffer, start, length: _first_fitting(readers, buffer, start, length)


def _first_fitting(readers: list[Reader], buffer: Buffer, start: Ints, length: Ints) -> Moments:
    found = readers[0](buffer, start, length)
    for read in readers[1:]:
        if not len(rows := np.flatnonzero(found.bad | found.strange)):
            break
        found = _filled(found, rows, read(buffer, start[rows], length[rows]))
    return found


def _filled(found: Moments, rows: Ints, more: Moments) -> Moments:
    """Put the times of some rows in, where they are good."""
    good = ~more.bad & ~more.strange
    at = rows[good]
    local, bad, strange = found.local.copy(), found.bad.copy(), found.strange.copy()
    offset = found.offset
    if more.offset is not None:
        offset = np.full(len(local), NO_ZONE) if offset is None else offset.copy()
        offset[at] = more.offset[good]
    elif offset is not None:
        offset = offset.copy()
        offset[at] = NO_ZONE
    local[at], bad[at], strange[at] = more.local[good], False, False
    strange[rows[more.strange]], bad[rows[more.strange]] = True, False
    return Moments(local, offset, bad, strange)


def _judged(local: Ints, offset: Ints | None, good: Bools) -> Moments:
    seconds = local // MICROSECONDS
    strange = good & ((seconds < _FIRST) | (seconds >= _LAST))
    return Moments(local, offset, ~good, strange)


def _compact(buffer: Buffer, start: Ints, length: Ints) -> Moments:
    seconds, bad, strange = values.compact_time(buffer, start, length)
    return Moments(seconds * MICROSECONDS, None, bad, strange)


def _clf(buffer: Buffer, start: Ints, length: Ints) -> Moments:
    """Read "10/Oct/2000:13:55:36 -0700", the day padded or not."""
    usual = (length == 26) | (length == 25)  # noqa: PLR2004 - the layout's lengths
    slash = np.where(usual, start + length - 24, 0)
    day, good = values.digits(buffer, np.where(usual, start, 0), np.where(usual, length - 24, 1))
    month, fine = _month(buffer.words[slash + 1])
    year, fine_too = values.digits(buffer, slash + 5, 4)
    clock, fine_clock = _clock(buffer.words[slash + 10])
    offset, fine_zone = _zone(buffer, slash + 19)
    good &= usual & fine & fine_too & fine_clock & fine_zone
    for at, mark in ((0, "/"), (4, "/"), (9, ":"), (18, " ")):
        good &= buffer.bytes[slash + at] == ord(mark)
    midnight, no_day = values.midnights(year * 10_000 + month * 100 + day)
    return _judged((midnight + clock) * MICROSECONDS, offset, good & ~no_day)


def _iso(buffer: Buffer, start: Ints, length: Ints) -> Moments:
    """Read "2020-01-31T23:59:59", perhaps with a fraction, perhaps with "Z" or "+08:00" or "+0800"."""
    usual = length >= 19  # noqa: PLR2004 - the layout's length
    at = np.where(usual, start, 0)
    seconds, good = _date(buffer, at)
    clock, fine = _clock(buffer.words[at + 11])
    middle = buffer.bytes[at + 10]
    good &= usual & fine & ((middle == ord("T")) | (middle == ord(" ")))
    end = np.where(usual, start + length, 19)
    zulu = (buffer.bytes[end - 1] | 0x20) == _ZULU | 0x20
    long, short = (_is_sign(buffer, end - n) & (end - at >= 19 + n) for n in (6, 5))
    offset = np.where(zulu, 0, NO_ZONE)
    for mask, width in ((long, 6), (short & ~long, 5)):
        if len(rows := np.flatnonzero(mask & good)):
            offset[rows], fine = _zone(buffer, end[rows] - width, colon=width == 6)  # noqa: PLR2004
            good[rows] &= fine
    zone = np.where(zulu, 1, np.where(long, 6, np.where(short, 5, 0)))
    micro, fine = _fraction(buffer, at + 19, end - zone)
    return _judged((seconds + clock) * MICROSECONDS + micro, offset, good & fine)


def _epoch(buffer: Buffer, start: Ints, length: Ints) -> Moments:
    """Read seconds, milli-, micro- or nanoseconds since 1970: years of four digits have 9 or 10, 12 or 13 and so on."""
    end = start + length
    dot = buffer.next(b".", start, end)
    whole = dot - start
    kept = np.where(whole >= 18, whole - 3, whole)  # noqa: PLR2004 - of nanoseconds, which are cut to microseconds
    value, bad = values.unsigned(buffer, start, kept)
    if len(cut := np.flatnonzero(~bad & (whole > kept))):
        bad[cut] = values.unsigned(buffer, start[cut] + kept[cut], whole[cut] - kept[cut])[1]
    scale = np.select([whole <= 11, whole <= 14, whole <= 17], [MICROSECONDS, 1000, 1], 1)  # noqa: PLR2004
    places = np.select([whole <= 11, whole <= 14], [6, 3], 0)  # noqa: PLR2004
    micro, fine = _fraction(buffer, dot, end)
    good = ~bad & fine & (whole <= 19)  # noqa: PLR2004
    value[~good] = 0
    local = value * scale + micro // 10 ** (6 - places)
    return _judged(local, np.zeros(len(local), np.int64), good)


def _date(buffer: Buffer, start: Ints) -> tuple[Ints, Bools]:
    """Read "2020-01-31" as seconds since 1970."""
    year, good = values.digits(buffer, start, 4)
    month, fine = values.digits(buffer, start + 5, 2)
    day, fine_too = values.digits(buffer, start + 8, 2)
    good &= fine & fine_too & (buffer.bytes[start + 4] == _DASH) & (buffer.bytes[start + 7] == _DASH)
    midnight, no_day = values.midnights(year * 10_000 + month * 100 + day)
    return midnight, good & ~no_day


def _clock(words: Words) -> tuple[Ints, Bools]:
    """Read "13:55:36" as seconds; second 60, a leap second, stays in its minute."""
    byte = [((words >> np.uint64(8 * i)) & np.uint64(0xFF)).astype(np.int64) for i in range(8)]
    good = (byte[2] == _COLON) & (byte[5] == _COLON)
    pairs = []
    for i, most in ((0, 23), (3, 59), (6, 60)):
        tens, ones = byte[i] - 48, byte[i + 1] - 48
        good &= (tens >= 0) & (tens <= 9) & (ones >= 0) & (ones <= 9)  # noqa: PLR2004 - digits
        pairs.append(tens * 10 + ones)
        good &= pairs[-1] <= most
    hour, minute, second = pairs
    return hour * 3600 + minute * 60 + np.minimum(second, 59), good


def _is_sign(buffer: Buffer, at: Ints) -> Bools:
    byte = buffer.bytes[np.maximum(at, 0)]
    sign: Bools = (byte == _PLUS) | (byte == _MINUS)
    return sign


def _zone(buffer: Buffer, at: Ints, *, colon: bool = False) -> tuple[Ints, Bools]:
    """Read "+0800" or "+08:00" as seconds."""
    hours, good = values.digits(buffer, at + 1, 2)
    minutes, fine = values.digits(buffer, at + 3 + colon, 2)
    total = hours * 60 + minutes
    good &= fine & _is_sign(buffer, at) & (minutes < 60) & (total < _MOST_MINUTES)  # noqa: PLR2004
    if colon:
        good &= buffer.bytes[at + 3] == _COLON
    return np.where(buffer.bytes[at] == _MINUS, -total, total) * 60, good


def _fraction(buffer: Buffer, start: Ints, end: Ints) -> tuple[Ints, Bools]:
    """Read ".123" as microseconds, further digits cut off; nothing at all is zero."""
    count = end - start - 1
    micro, good = np.zeros(len(start), np.int64), count <= 0
    good &= end == start
    if len(rows := np.flatnonzero(count > 0)):
        mark = buffer.bytes[start[rows]]
        value, bad = values.unsigned(buffer, start[rows] + 1, np.minimum(count[rows], 6))
        rest = np.maximum(count[rows] - 6, 0)
        if rest.any():
            more = np.flatnonzero(rest)
            bad[more] |= values.unsigned(buffer, start[rows][more] + 7, rest[more])[1]
        good[rows] = ~bad & ((mark == ord(".")) | (mark == ord(",")))
        micro[rows] = np.where(bad, 0, value) * 10 ** (6 - np.minimum(count[rows], 6))
    return micro, good


def _month(words: Words) -> tuple[Ints, Bools]:
    """Return the number of the month whose English name's first three letters these are."""
    name = (words & _THREE_BYTES) | _LOWER
    known = _MONTH_WORDS[_MONTH_ORDER]
    at = np.minimum(np.searchsorted(known, name), 11)
    return _MONTH_ORDER[at] + 1, known[at] == name


def _patterned(layout: str, *, ranged: bool = True) -> Reader:
    pattern = _compiled(layout)

    def read(buffer: Buffer, start: Ints, length: Ints) -> Moments:
        nothing = np.zeros(len(start), np.int64)
        none = Moments(nothing, None, np.ones(len(start), bool), np.zeros(len(start), bool))
        return _mended(none, buffer, start, length, pattern, ranged=ranged)

    return read


def _compiled(layout: str) -> re.Pattern[bytes]:
    """Return the expression for a pattern of strptime; days, months and hours need no leading zero."""
    for short, meaning in _SHORT.items():
        layout = layout.replace(f"%{short}", meaning)
    literals = re.split(r"%(.)", layout)
    parts = [_DIRECTIVES[part] if i % 2 else re.escape(part.encode()) for i, part in enumerate(literals)]
    return re.compile(b"".join(parts))


def _mended(  # noqa: PLR0913 - a column, what was found in it, and how to look again
    found: Moments,
    buffer: Buffer,
    start: Ints,
    length: Ints,
    pattern: re.Pattern[bytes] | None,
    *,
    ranged: bool = True,
) -> Moments:
    """Read the rows that are bad so far one by one, each distinct text once."""
    rows = np.flatnonzero(found.bad & (length > 0) & (length <= 64))  # noqa: PLR2004 - no time is longer
    if not len(rows):
        return found
    codes, first = distinct(buffer, start[rows], length[rows])
    texts = [buffer.text(int(start[r]), int(start[r] + length[r])) for r in rows[first]]
    table = [_matched(pattern, text) if pattern else _decimal(text) for text in texts]
    local = np.array([t[0] if t else 0 for t in table], np.int64)[codes]
    offset = np.array([t[1] if t else NO_ZONE for t in table], np.int64)[codes]
    good = np.array([t is not None for t in table], bool)[codes]
    more = _judged(local, offset, good) if ranged else Moments(local, offset, ~good, np.zeros(len(good), bool))
    return _filled(found, rows, more)


@lru_cache(maxsize=65_536)
def _matched(pattern: re.Pattern[bytes], text: bytes) -> tuple[int, int] | None:
    """Return the microseconds that a clock shows and its distance from UTC, None if no clock shows it."""
    match = pattern.fullmatch(text)
    if match is None:
        return None
    part = {name: value.decode() for name, value in match.groupdict().items() if value is not None}
    try:
        moment = datetime(_year(part), _month_of(part), int(part.get("d", "1")), _hour(part), int(part.get("M", "0")))  # noqa: DTZ001
    except ValueError:
        return None
    second = int(part.get("S", "0"))
    if second > 60:  # noqa: PLR2004 - a leap second
        return None
    micro = int(part.get("f", "0").ljust(6, "0")[:6])
    local = ((moment - _EPOCH) // timedelta(seconds=1) + min(second, 59)) * MICROSECONDS + micro
    offset = _offset(part["z"]) if "z" in part else NO_ZONE
    return None if offset is None else (local, offset)


def _year(part: dict[str, str]) -> int:
    if "Y" in part:
        return int(part["Y"])
    return 2000 + int(part["y"]) if "y" in part else 1970


def _month_of(part: dict[str, str]) -> int:
    if "b" in part:
        names = _MONTHS.decode().split()
        return names.index(part["b"].lower()) + 1  # a name that is none raises ValueError
    return int(part.get("m", "1"))


def _hour(part: dict[str, str]) -> int:
    if "I" not in part:
        return int(part.get("H", "0"))
    hour = int(part["I"])
    if not 1 <= hour <= 12:  # noqa: PLR2004 - hours of a dial
        raise ValueError
    return hour % 12 + (12 if part.get("p", "a").lower() == "p" else 0)


def _offset(zone: str) -> int | None:
    if zone[0] not in "+-":
        return 0
    figures = zone[1:].replace(":", "")
    minutes = int(figures[:2]) * 60 + int(figures[2:] or "0")
    if minutes >= _MOST_MINUTES or int(figures[2:] or "0") >= 60:  # noqa: PLR2004
        return None
    return (-minutes if zone[0] == "-" else minutes) * 60


@lru_cache(maxsize=65_536)
def _decimal(text: bytes) -> tuple[int, int] | None:
    """Return the microseconds of a number with an exponent, by the length of its whole part."""
    if not _NUMBER.fullmatch(text) or (number := Decimal(text.decode())).adjusted() > 19:  # noqa: PLR2004
        return None
    whole = len(str(int(number)))
    unit = next((u for most, u in ((11, 6), (14, 3), (17, 0)) if whole <= most), -3)
    return int(number.scaleb(unit)), 0


def _usual(compiled: str, plain: Reader, pattern: re.Pattern[bytes] | None) -> Reader:
    """Return what reads the usual shape of a layout all at once, and odd ones one by one."""

    def read(buffer: Buffer, start: Ints, length: Ints) -> Moments:
        if kernel.on:
            found = Moments(*kernel.moments(compiled, buffer.address, start, length))
        else:
            found = plain(buffer, start, length)
        return _mended(found, buffer, start, length, pattern)

    return read


_NAMED: dict[str, Reader] = {
    "YYYYMMDDhhmmss": _compact,
    "clf": _usual("clf_times", _clf, _CLF),
    "iso": _usual("iso_times", _iso, _ISO),
    "epoch": _usual("epoch_times", _epoch, None),
}


def dates(layouts: tuple[str, ...]) -> Reader:
    """Return what reads days without a clock."""
    readers = [_only_date if layout == "iso" else _patterned(layout) for layout in layouts]
    return lambda buffer, start, length: _first_fitting(readers, buffer, start, length)


def _only_date(buffer: Buffer, start: Ints, length: Ints) -> Moments:
    at = np.where(length == 10, start, 0)  # noqa: PLR2004 - the layout's length
    midnight, good = _date(buffer, at)
    return _judged(midnight * MICROSECONDS, None, good & (length == 10))  # noqa: PLR2004


def clocks(layouts: tuple[str, ...]) -> Reader:
    """Return what reads clocks without a day; they are microseconds since midnight."""
    readers = [_only_clock if layout == "iso" else _patterned(layout, ranged=False) for layout in layouts]
    return lambda buffer, start, length: _first_fitting(readers, buffer, start, length)


def _only_clock(buffer: Buffer, start: Ints, length: Ints) -> Moments:
    usual = length >= 8  # noqa: PLR2004 - the layout's length
    at = np.where(usual, start, 0)
    seconds, good = _clock(buffer.words[at])
    micro, fine = _fraction(buffer, at + 8, np.where(usual, start + length, 8))
    good &= fine & usual
    return Moments(np.where(good, seconds, 0) * MICROSECONDS + micro, None, ~good, np.zeros(len(start), bool))
