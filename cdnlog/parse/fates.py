"""What becomes of a line: it is counted, a comment, blank, or rejected for one of the reasons below."""

from __future__ import annotations

import re

import numpy as np

from cdnlog.buffer import Bools, Bytes
from cdnlog.model import MAX_LINE
from cdnlog.parse.lines import Lines

# In the order of these codes; from "fields" on it is a reject, and that is the reason. Faulty fields come behind them.
FATES = (
    "counted", "comment", "blank", "fields", "quote", "control", "too-long", "partial-tail", "json", "json-depth",
    "header", "time-range",
)  # fmt: skip
COUNTED, COMMENT, BLANK, FIELDS, QUOTE, CONTROL, TOO_LONG, PARTIAL_TAIL, JSON, DEPTH, HEADER, _ = range(len(FATES))

# What a syslog puts before the line of the log: RFC 3164 with or without its number, rsyslog with ISO times, RFC 5424.
_TIME = rb"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?: \d{4})?|\d{4}-\d\d-\d\dT[0-9:.,+Z-]{8,24})"
_SYSLOG = re.compile(
    rb"(?:<\d{1,3}>)?" + _TIME + rb" [^ ]{1,255} [^ :]{1,128}: ?"
    rb"|<\d{1,3}>1 " + _TIME + rb"(?: [^ ]{1,255}){4} (?:-|\[[^\]]{0,1024}\]) (?:\xef\xbb\xbf)?"
    rb"|<\d{1,3}>[^ :]{1,128}: ?"
)  # fmt: skip

BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t"
_ODD_HEAD = np.isin(np.arange(256), [BOM[0], *_BLANKS])


def prejudged(lines: Lines, *, cut: bool) -> Bytes:
    """Return the fates that need no look into a line: too long, or empty; all others count so far."""
    fate = np.zeros(len(lines.start), np.uint8)
    fate[(lines.end - lines.start > MAX_LINE) | cut] = TOO_LONG
    fate[lines.end == lines.start] = BLANK
    return fate


def ordinary(lines: Lines, fate: Bytes, comment: bytes) -> Bools:
    """Mark the lines whose first byte shows that they are no comment, not blank, and begin with no BOM."""
    odd = _ODD_HEAD.copy()
    odd[list(comment[:1])] = True
    plain: Bools = (fate == COUNTED) & ~odd[lines.buffer.bytes[lines.start]]
    return plain


def content(line: bytes, comment: bytes) -> tuple[int, int]:
    """Return where a line's content starts, and its fate as far as that alone tells.

    A BOM stands at the start of a file, and again where files were joined.
    """
    start = len(BOM) if line.startswith(BOM) else 0
    if not line[start:].strip(_BLANKS):
        return start, BLANK
    if comment and line.startswith(comment, start):
        return start, COMMENT
    return start, COUNTED


def payload(line: bytes) -> int:
    """Return where the line of the log starts behind what a syslog puts before it, 0 if nothing is."""
    match = _SYSLOG.match(line)
    return match.end() if match else 0


def judge_tail(fate: Bytes, *, torn: bool) -> None:
    """Name the fate of a last line without LF: if it is no good, or cannot be, it is a line cut short."""
    if (fate[-1] > BLANK and fate[-1] != TOO_LONG) or (torn and fate[-1] == COUNTED):
        fate[-1] = PARTIAL_TAIL
