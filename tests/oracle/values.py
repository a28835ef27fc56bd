"""Times, numbers and durations as text -> what they are, or why they are none."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction

BAD, STRANGE = "time", "time-range"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FIRST, LAST = (date(year, 1, 1).toordinal() - date(1970, 1, 1).toordinal() for year in (1995, 2100))  # days
SECOND = 1_000_000  # microseconds

Moment = tuple[int, int | None]
"""What a clock shows, in microseconds since 1970, and how many seconds it is ahead of UTC, if it says so."""

# In layouts: two digits may be one where the text is read leniently, and a zone may stand behind.
ZONE = r"(?: ?(?P<zone>Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?"
DAY_FIRST = r"(?P<day>\d{1,2})/(?P<name>[A-Za-z]{3})/(?P<year>\d{4})"
DAY = r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
LOOSE_DAY = r"(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})"
HOUR = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
LOOSE_HOUR = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
FINE = r"(?:[.,](?P<fraction>\d{1,24}))?"
LAYOUTS = {
    "YYYYMMDDhhmmss": (f"{DAY}{HOUR}".replace("-(", "(").replace(":(", "("),),
    "clf": (rf"\[?{DAY_FIRST}:{HOUR}(?:[.,](?P<fraction>\d{{1,9}}))?{ZONE}\]?",),
    "iso": (rf"{DAY}[T ]{HOUR}{FINE}(?P<zone>Z|z|[+-]\d\d:?\d\d)?", rf"{LOOSE_DAY}[T t_]{LOOSE_HOUR}{ZONE}"),
    "iso date": (DAY,),
    "iso clock": (HOUR + FINE,),
}
DIRECTIVES = {
    "%Y": r"(?P<year>\d{4})", "%m": r"(?P<month>\d{1,2})", "%d": r"(?P<day>[ \d]?\d)", "%b": r"(?P<name>[A-Za-z]{3})",
    "%H": r"(?P<hour>\d{1,2})", "%I": r"(?P<half>\d{1,2})", "%M": r"(?P<minute>\d{1,2})",
    "%S": r"(?P<second>\d{1,2})", "%f": r"(?P<fraction>\d{1,9})", "%p": r"(?P<noon>[AaPp])\.?[Mm]\.?",
    "%z": r"(?P<zone>Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)", "%a": r"[A-Za-z]{3}",
}  # fmt: skip


def moment(text: bytes, layouts: tuple[str, ...], kind: str = "time") -> Moment | str:
    """Return the time that a text is in the first layout that fits; else whether it is none or an impossible one."""
    found: Moment | str = BAD
    for layout in layouts:
        named = f"iso {kind}" if layout == "iso" and kind != "time" else layout
        one = _epoch(text) if layout == "epoch" else _clock(text, named)
        if not isinstance(one, str):
            return one
        found = STRANGE if STRANGE in (one, found) else BAD
    return found


def _clock(text: bytes, layout: str) -> Moment | str:
    shown = text.decode("latin-1")
    if len(shown) > 64:
        return BAD
    for pattern in LAYOUTS.get(layout) or (_pattern(layout),):
        match = re.fullmatch(pattern, shown, re.ASCII)
        if match and (found := _of(match.groupdict(), layout)) != BAD:
            return found
    return BAD


def _pattern(layout: str) -> str:
    return re.sub(r"%.|[^%]+", lambda part: DIRECTIVES.get(part[0]) or re.escape(part[0]), layout)


def _of(part: dict[str, str | None], layout: str) -> Moment | str:
    number = {name: int(text) for name, text in part.items() if text and text.strip().isdecimal()}
    hour, minute, second = (number.get(name, 0) for name in ("hour", "minute", "second"))
    if "half" in number:
        if not 1 <= number["half"] <= 12:
            return BAD
        hour = number["half"] % 12 + (12 if part["noon"] in ("p", "P") else 0)
    if hour > 23 or minute > 59 or second > 60:
        return BAD
    days = _days(number, part.get("name"), layout)
    offset = _offset(part.get("zone"))
    if isinstance(offset, str):
        return BAD
    if isinstance(days, str):
        return days
    fraction = int(f"{part.get('fraction') or '':0<6}"[:6])
    return ((days * 1440 + hour * 60 + minute) * 60 + min(second, 59)) * SECOND + fraction, offset


def _days(number: dict[str, int], name: str | None, layout: str) -> int | str:
    """Return the days since 1970, 0 for a clock without a day."""
    if "year" not in number:
        return 0
    if name is not None and name.lower() not in MONTHS:
        return BAD
    month = number["month"] if name is None else MONTHS.index(name.lower()) + 1
    if layout == "YYYYMMDDhhmmss" and not 1995 <= number["year"] <= 2099:
        return STRANGE  # whether that year has the day or not
    try:
        days = date(number["year"], month, number["day"]).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        return BAD
    return days if FIRST <= days < LAST else STRANGE


def _offset(zone: str | None) -> int | str | None:
    if not zone:
        return None
    if zone[0] not in "+-":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[3:].replace(":", "") or 0)
    if hours > 23 or minutes > 59:
        return BAD
    return (hours * 60 + minutes) * (-60 if zone[0] == "-" else 60)


def _epoch(text: bytes) -> Moment | str:
    """Read seconds, milli-, micro- or nanoseconds: as many digits as the years around now have."""
    if match := re.fullmatch(rb"(\d{1,19})(?:\.(\d{1,24}))?", text):
        whole, number = len(match[1]), Fraction(text.decode())
    elif len(text) <= 64 and re.fullmatch(rb"\d{1,19}(\.\d*)?([eE][+-]?\d{1,2})?", text):
        number = Fraction(Decimal(text.decode()))
        if number >= 10**20:
            return BAD
        whole = len(str(int(number)))
    else:
        return BAD
    if whole > 19:
        return BAD
    unit = next(unit for most, unit in ((11, SECOND), (14, 1000), (17, 1), (19, Fraction(1, 1000))) if whole <= most)
    micro = int(number * unit)
    return (micro, 0) if FIRST <= micro // SECOND // 86_400 < LAST else STRANGE


NUMBER = re.compile(rb"[0-9]{1,18}")
SIGNED = re.compile(rb"-?[0-9]{1,18}")
STATUS = re.compile(rb"[1-9][0-9][0-9]")
PLAIN = {"s": (4, 10**3), "ms": (1, 1), "us": (0, Fraction(1, 10**3)), "ns": (0, Fraction(1, 10**6))}
UNITS = {"s": 3, "ms": 0, "us": -3, "\xb5s": -3, "\u03bcs": -3, "ns": -6}  # powers of ten, in milliseconds
DURATION = re.compile(r"(-?[0-9]{1,18}(?:\.[0-9]{0,18})?(?:[eE][-+]?[0-9]{1,2})?)(s|ms|us|ns|\xb5s|\u03bcs|)")
AS_GO_PRINTS = re.compile(r"(?:([0-9]{1,6})h)?([0-9]{1,2})m([0-9]{1,2}(?:\.[0-9]{1,18})?)s")


def duration(text: bytes, unit: str) -> int | None:
    """Return whole milliseconds, half of one rounded away from zero; None if the text is no duration."""
    places, each = PLAIN[unit]
    if re.fullmatch(rb"\d{1,%d}(\.\d{1,%d})?" % (18 - places, 18 + places), text):
        return _rounded(Fraction(text.decode()) * each)
    shown = text.decode("utf-8", "replace")
    if match := AS_GO_PRINTS.fullmatch(shown):
        rest = duration(match[3].encode(), "s")
        return None if rest is None else (int(match[1] or 0) * 60 + int(match[2])) * 60_000 + rest
    match = DURATION.fullmatch(shown)
    if match is None:
        return None
    number = Decimal(match[1]).scaleb(UNITS[match[2] or unit])
    if abs(number.adjusted() + 6) >= 24:
        return None
    whole = _rounded(Fraction(number))
    return whole if abs(whole) < 10**18 else None


def _rounded(number: Fraction) -> int:
    whole = int(abs(number) + Fraction(1, 2))
    return whole if number >= 0 else -whole
