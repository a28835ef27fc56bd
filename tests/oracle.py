"""What a log of Tencent CDN says, worked out the slow and plain way: one regular expression, one line at a time.

This is the reference that cdnlog is compared with, so it shares no code and no idea with it: the standard library
only, no arrays, no blocks, no special case for the common line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from typing import NamedTuple

Table = dict[tuple[int, str, int], list[int]]

FATES = ("counted", "rejected", "comments", "blank")
MAX_LINE = 65_536
NULLS = (b"", b"-", b"NULL", b"(null)")
CONTROL = re.compile(rb"[\x00-\x06\x0b-\x1a\x1c-\x1f]")  # C0 without BEL, BS, TAB, LF and ESC
ADDRESS = rb"(?:[0-9A-Fa-f:\[\]][^ ]{0,45}[0-9A-Fa-f:\[\]]|-|NULL|\(null\)|)"  # only its ends are looked at
NUMBER = rb"(?:-?[0-9]{1,18}|-|NULL|\(null\)|)"
WORD = rb'(?:[A-Za-z][^ "]*|-|NULL|\(null\)|)'
FIELDS = (
    rb"(?P<time>[0-9]{14})",
    ADDRESS,
    rb"(?P<domain>[^ ]*)",
    rb"[^ ]*",  # path
    rb"(?P<bytes>%b)" % NUMBER,
    NUMBER,  # region
    NUMBER,  # carrier
    rb"(?P<status>[1-9][0-9][0-9]|0|000|-)",
    rb".*?",  # referer: not quoted, so spaces may be in it; it ends where a number and a quote follow
    rb"(?P<duration>%b)" % NUMBER,
    rb'".*"',  # agent: quotes in it are not escaped
    rb'"[^"]*"',  # range
    WORD,  # method
    WORD,  # protocol
    WORD,  # cache
)
LINE = re.compile(b" ".join(FIELDS) + rb"(?: (?P<port>%b))?" % NUMBER)
UNSIGNED = ("bytes", "duration", "port")
PORT = re.compile(rb":[0-9]{1,5}\Z")
NAME = re.compile(rb"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


class Row(NamedTuple):
    """One request: UTC seconds since 1970, key of the domain, status, bytes sent (0 if the log does not say)."""

    time: int
    domain: str
    status: int
    bytes: int


def judge(line: bytes, offset_hours: float = 8) -> Row | str:
    """Return what a line, without its LF, says, or why it says nothing: "blank", "comments" or "rejected"."""
    text = line.removesuffix(b"\r")
    if len(text) > MAX_LINE:
        return "rejected"
    text = text.removeprefix(b"\xef\xbb\xbf")
    if not text.strip(b" \t"):
        return "blank"
    if text.startswith(b"#"):
        return "comments"
    found = LINE.fullmatch(text) or LINE.fullmatch(text.rstrip(b" "))
    if found is None or CONTROL.search(text) or any(is_negative(found[name]) for name in UNSIGNED):
        return "rejected"
    time = utc_seconds(found["time"], offset_hours)
    status = 0 if found["status"] == b"-" else int(found["status"])
    sent = 0 if found["bytes"] in NULLS else int(found["bytes"])
    return "rejected" if time is None else Row(time, fold(found["domain"]), status, sent)


def is_negative(number: bytes | None) -> bool:
    """Whether a number, or a null marker, or an absent one, is below zero."""
    return number is not None and number not in NULLS and number.startswith(b"-")


def utc_seconds(text: bytes, offset_hours: float) -> int | None:
    """Return YYYYMMDDhhmmss of a clock as UTC seconds, None if no clock shows it; second 60 is second 59."""
    year, month, day, hour, minute, second = int(text[:4]), *(int(text[i : i + 2]) for i in range(4, 14, 2))
    zone = timezone(timedelta(hours=offset_hours))
    try:
        moment = datetime(year, month, day, hour, minute, 59 if second == 60 else second, tzinfo=zone)
    except ValueError:
        return None
    return int(moment.timestamp()) if 1995 <= year <= 2099 else None


def fold(host: bytes) -> str:
    """Return the one key of a domain, however it is spelt."""
    if host in NULLS:
        return "(none)"
    name = host.lower()
    if name.startswith(b"["):
        return address(PORT.sub(b"", name).strip(b"[]"))
    if name.count(b":") > 1:  # of an IPv6 address, so none of them stands before a port
        return address(name)
    name = PORT.sub(b"", name).removesuffix(b".")
    if re.fullmatch(rb"[0-9.]+", name):
        return address(name)
    if not name.isascii():
        name = a_label(name)
    return name.decode() if NAME.fullmatch(name) and len(name) <= 253 else "(invalid)"


def address(text: bytes) -> str:
    """Return an IP address in its shortest form, "(invalid)" if it is none or names a zone."""
    with suppress(ValueError):
        return "(invalid)" if b"%" in text else str(ip_address(text.decode()))
    return "(invalid)"


def a_label(name: bytes) -> bytes:
    """Return the xn-- form of an international name, nothing if that does not lead back to the name."""
    with suppress(UnicodeError):
        encoded = name.decode().encode("idna")
        return encoded if encoded.decode("idna") == name.decode() else b""
    return b""


def verdicts(data: bytes, offset_hours: float = 8) -> Iterator[Row | str]:
    """Yield what becomes of each line; LF ends a line, the last one may lack it."""
    lines = data.split(b"\n")
    for line in lines if lines[-1] else lines[:-1]:
        yield judge(line, offset_hours)


def tabulate(found: Iterable[Row | str], window_of: Callable[[int], int]) -> Table:
    """Return [requests, bytes] by (window, domain, status), given the window of each second."""
    table: Table = {}
    for row in found:
        if isinstance(row, Row):
            cell = table.setdefault((window_of(row.time), row.domain, row.status), [0, 0])
            cell[0] += 1
            cell[1] += row.bytes
    return table


def count(data: bytes, window_seconds: int, offset_hours: float = 8) -> tuple[Table, dict[str, int]]:
    """Return the table of a log, and what became of its lines.

    A window is named by its first second in UTC; windows count from midnight of the log's own clock.
    """
    shift = int(offset_hours * 3600)
    found = list(verdicts(data, offset_hours))
    table = tabulate(found, lambda second: (second + shift) // window_seconds * window_seconds - shift)
    fates = Counter("counted" if isinstance(row, Row) else row for row in found)
    return table, {"lines": len(found), **{name: fates[name] for name in FATES}}
