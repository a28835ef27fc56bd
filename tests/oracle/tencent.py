"""What a log of Tencent CDN says, worked out the slow and plain way: one regular expression, one line at a time.

A second opinion on the format that matters most; `logs.py` has another one, on all formats.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from oracle import rows
from oracle.rows import CONTROL, FATES, MAX_LINE, Row, Table, tabulate

NULLS = (b"", b"-", b"NULL", b"(null)")
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


def fold(host: bytes) -> str:
    """Return the one key of a domain, or of a null marker in its place."""
    return "(none)" if host in NULLS else rows.fold(host)


def utc_seconds(text: bytes, offset_hours: float) -> int | None:
    """Return YYYYMMDDhhmmss of a clock as UTC seconds, None if no clock shows it; second 60 is second 59."""
    year, month, day, hour, minute, second = int(text[:4]), *(int(text[i : i + 2]) for i in range(4, 14, 2))
    zone = timezone(timedelta(hours=offset_hours))
    try:
        moment = datetime(year, month, day, hour, minute, 59 if second == 60 else second, tzinfo=zone)
    except ValueError:
        return None
    return int(moment.timestamp()) if 1995 <= year <= 2099 else None


def verdicts(data: bytes, offset_hours: float = 8) -> Iterator[Row | str]:
    """Yield what becomes of each line; LF ends a line, the last one may lack it."""
    lines = data.split(b"\n")
    for line in lines if lines[-1] else lines[:-1]:
        yield judge(line, offset_hours)


def count(data: bytes, window_seconds: int, offset_hours: float = 8) -> tuple[Table, dict[str, int]]:
    """Return the table of a log, and what became of its lines.

    A window is named by its first second in UTC; windows count from midnight of the log's own clock.
    """
    shift = int(offset_hours * 3600)
    found = list(verdicts(data, offset_hours))
    table = tabulate(found, lambda second: (second + shift) // window_seconds * window_seconds - shift)
    fates = Counter("counted" if isinstance(row, Row) else row for row in found)
    return table, {"lines": len(found), **{name: fates[name] for name in FATES}}
