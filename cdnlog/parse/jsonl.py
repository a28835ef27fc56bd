"""Reads lines of the kind "jsonl": one object per line, of which only the keys that matter are decoded.

A line that msgspec refuses may still be one whose writer meant well (bytes that are no UTF-8, `\\x22`, a bare `-` for a
number): it is read once more, slowly and leniently. What both refuse is rejected. The lenient reader takes all
that the fast one takes, so it does not matter which keys the fast one looks at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from cdnlog.columns import Buffer, Ints
from cdnlog.declared import JsonLines
from cdnlog.model import Block
from cdnlog.parse.fates import CONTROL, COUNTED, FIELDS, JSON, content, prejudged
from cdnlog.parse.lines import Lines, scan
from cdnlog.parse.records import Shape, steps
from cdnlog.parse.split import Slices, Split

_DEEPEST = 64
_LONGEST_PREFIX = 256  # what a syslog or a container's runtime puts before the object
_LONGEST_NUMBER = 40
# No text is matched in two ways, and one that does not end is taken to the end of the line: linear for any input.
_TEXT = rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
_NESTING = re.compile(_TEXT + rb"|(?P<open>[\[{])|(?P<close>[\]}])", re.DOTALL)
# What writers put that is no JSON: bytes as \xHH, escapes that are none, a bare - for null, a comma before the end.
_ODD = re.compile(
    rb"(?P<text>" + _TEXT + rb")|(?P<null>(?<=[:,\[])\s*+-\s*+(?=[,}\]]))|(?P<comma>,\s*+(?=[}\]]))", re.DOTALL
)
_ESCAPE = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|(["\\/bfnrt]|u[0-9A-Fa-f]{4})|)')
_REFUSED = (msgspec.MsgspecError, ValueError, RecursionError)


@dataclass(frozen=True)
class JsonRows:
    """The lines that hold an object.

    Attributes:
        line: Number of the line of each row.
        columns: For each declared field its values; empty if nobody asks for it.
    """

    line: Ints
    columns: Sequence[list[Any]]

    def field(self, j: int) -> Slices:
        """Return the values of field `j`, in a buffer of their own."""
        if not self.columns[j]:
            nothing = np.zeros(len(self.line), np.int64)
            return Buffer(b""), nothing, nothing
        data, length = _joined(self.columns[j])
        return Buffer(data), np.cumsum(length) - length, length


def _joined(values: list[Any]) -> tuple[bytes, Ints]:
    """Return all values as one text, and the length of each in it."""
    kinds = set(map(type, values))
    texts: list[str] = values if kinds == {str} else list(map(repr if kinds == {int} else _text, values))
    joined = "".join(texts)
    if joined.isascii():
        return joined.encode(), np.fromiter(map(len, texts), np.int64, len(texts))
    raw = [_encoded(text) for text in texts]
    return b"".join(raw), np.fromiter(map(len, raw), np.int64, len(raw))


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return a value as a log would write it; an absent one, null or an object is empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e18:  # noqa: PLR2004 - all of int64's
        return repr(int(value))
    if isinstance(value, int | float):
        return repr(value)
    return ", ".join(map(_text, value)) if isinstance(value, list) else ""


def _encoded(text: str) -> bytes:
    """Return text as UTF-8, bytes that were none as they were, and halves of a character as no UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


class JsonSplitter:
    """Reads the blocks of files of one format.

    Args:
        fmt: The format.
        needed: The places of the fields that somebody looks at.
    """

    def __init__(self, fmt: JsonLines, needed: Iterable[int]) -> None:
        self._comment = fmt.comment.encode()
        wanted = frozenset(needed)
        paths = [[steps(key) for key in f.keys] if j in wanted else [] for j, f in enumerate(fmt.fields)]
        signature = [steps(key) for key in fmt.signature]
        self._shape = Shape([path for field in paths for path in field] + signature)
        self._getters = [[self._shape.getter(path) for path in field] for field in paths]
        self._signature = [self._shape.getter(path) for path in signature]

    def split(self, block: Block) -> Split:
        """Take a block apart."""
        lines = scan(block.data, quotes=False)
        fate = prejudged(lines, cut=block.cut)
        texts = block.data.split(b"\n")
        records, numbers = [], []
        decode = self._shape.decode
        for i in np.flatnonzero(fate == COUNTED).tolist():
            text = texts[i]
            try:
                if lines.control[i] or text[:1] != b"{" or text.count(b"{") + text.count(b"[") > _DEEPEST:
                    raise ValueError  # noqa: TRY301 - as any line that is not plainly an object
                record = decode(text)
            except _REFUSED:
                record = self._odd(lines, i)
            if isinstance(record, int):
                fate[i] = record
            elif self._signature and any(get(record) is msgspec.UNSET for get in self._signature):
                fate[i] = FIELDS
            else:
                records.append(record)
                numbers.append(i)
        columns = [self._column(getters, records) for getters in self._getters]
        return Split(lines, fate, JsonRows(np.array(numbers, np.int64), columns))

    def _column(self, getters: list[Any], records: list[Any]) -> list[Any]:
        """Return a field's values, of several keys the first that is there."""
        if not getters:
            return []
        values = list(map(getters[0], records))
        for get in getters[1:]:
            if None in values or msgspec.UNSET in values:
                values = [
                    get(record) if value is None or value is msgspec.UNSET else value
                    for value, record in zip(values, records, strict=True)
                ]
        return values

    def _odd(self, lines: Lines, i: int) -> Any:  # noqa: ANN401 - a record or a fate
        """Read a line that is not plainly an object; return its fate if it cannot be read."""
        line = lines.text(i)
        start, fate = content(line, self._comment)
        if fate != COUNTED:
            return fate
        if lines.control[i]:
            return CONTROL
        at = line.find(b"{", start, start + _LONGEST_PREFIX)
        if at < 0 or b'"' in line[start:at]:
            return JSON
        found = _lenient(line[at:].rstrip(b", \t"))
        return self._shape.record(found) if isinstance(found, dict) else JSON


def _lenient(line: bytes) -> object:
    """Read JSON that nearly is some; None if it is not."""
    if line.count(b"{") + line.count(b"[") > _DEEPEST and _depth(line) > _DEEPEST:
        return None
    for text in (line, None):
        try:
            shown = (_mended(line) if text is None else text).decode("utf-8", "surrogateescape")
            return json.loads(shown, strict=False, parse_int=_whole)
        except (ValueError, RecursionError):
            continue
    return None


def _whole(digits: str) -> int | str:
    """Return a whole number; one that is too long for any column stays text."""
    return int(digits) if len(digits) < _LONGEST_NUMBER else digits


def _depth(line: bytes) -> int:
    depth = deepest = 0
    for match in _NESTING.finditer(line):
        depth += (match["open"] is not None) - (match["close"] is not None)
        deepest = max(depth, deepest)
    return deepest


def _mended(line: bytes) -> bytes:
    return _ODD.sub(_mend, line)


def _mend(match: re.Match[bytes]) -> bytes:
    if match["text"] is not None:
        return _ESCAPE.sub(_unescaped, match["text"])
    return b"null" if match["null"] is not None else b""


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1] is not None:
        byte = bytes.fromhex(match[1].decode())
        return b"\\" + byte if byte in b'"\\' else byte
    return match[0] if match[2] is not None else b"\\\\"
