r"""Reads lines of the kind "jsonl": one object per line, of which only the keys that matter are decoded.

A line that msgspec refuses may still be one whose writer meant well (bytes that are no UTF-8, `\x22`, a bare `-` for a
number): it is read once more, slowly and leniently. What both refuse is rejected. The lenient reader takes all
that the fast one takes, so it does not matter which keys the fast one looks at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from msgspec import Raw

from cdnlog import kernel
from cdnlog.buffer import Bools, Buffer, Bytes, Ints
from cdnlog.formats import JsonLines
from cdnlog.model import Block
from cdnlog.parse.fates import CONTROL, COUNTED, DEPTH, FIELDS, JSON, content, prejudged
from cdnlog.parse.lines import LF, Lines, scan
from cdnlog.parse.records import Path, Shape, meant, steps
from cdnlog.parse.split import Slice, Slices, Split

_DEEPEST = 64  # objects and lists within one another
_LONGEST_PREFIX = 256  # what a syslog or a container's runtime puts before the object
# No text is matched in two ways, and one that does not end is taken to the end of the line: linear for any input.
_TEXT = rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
_NESTING = re.compile(_TEXT + rb"|(?P<open>[\[{])|(?P<close>[\]}])", re.DOTALL)
# What writers put that is no JSON: bytes as \xHH, escapes that are none, a bare - for null, a comma before the end.
_ODD = re.compile(
    rb"(?P<text>" + _TEXT + rb")|(?P<null>(?<=[:,\[])\s*+-\s*+(?=[,}\]]))|(?P<comma>,\s*+(?=[}\]]))", re.DOTALL
)
_ESCAPE = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|(["\\/bfnrt]|u[0-9A-Fa-f]{4})|)')
_WHOLE = ("integer", "status", "code")
_QUOTE, _BACKSLASH = b'"\\'
_REFUSED = (msgspec.MsgspecError, ValueError, RecursionError)


@dataclass(frozen=True)
class JsonRows:
    """The lines that hold an object.

    Attributes:
        line: Number of the line of each row.
        buffer: The values, as text.
        slices: For each declared field where its values stand in it; None if nobody asks for it.
    """

    line: Ints
    buffer: Buffer
    slices: Sequence[Slice | None]

    def field(self, j: int) -> Slices:
        """Return the values of field `j`."""
        start, length = self.slices[j] or (np.zeros(len(self.line), np.int64), np.zeros(len(self.line), np.int64))
        return self.buffer, start, length


class Values:
    """The raw values of all objects: where each stands in a text, and what it means.

    Args:
        buffer: The text.
        start: Where each value starts, shape (values, rows).
        end: Where it ends; an absent one is empty.
    """

    def __init__(self, buffer: Buffer, start: Ints, end: Ints) -> None:
        self._base, self._start, self._end = buffer, start, end
        self._more: list[bytes] = []
        self._size = buffer.size

    @property
    def buffer(self) -> Buffer:
        """The text that all slices are of."""
        return Buffer(b"".join([self._base.data[: self._base.size], *self._more])) if self._more else self._base

    def there(self, place: int) -> Bools:
        """Mark the rows that have a value at a place, null or not."""
        there: Bools = self._end[place] > self._start[place]
        return there

    def meant(self, place: int, path: Path, *, whole: bool) -> Slice:
        """Return what the values at a place mean; most are slices of the raw text."""
        start, end = self._start[place], self._end[place]
        head = self._base.bytes[start]
        quoted = (head == _QUOTE) & (start < end)
        nothing = (head == ord("n")) | (head == ord("{"))
        odd = quoted & self._base.holds(b"\\", start, end - start)
        odd |= head == ord("[")
        if path:
            odd |= start < end
        if whole:  # a number that may be a whole one but is not written so: 404.0, 1e3
            odd |= self._base.holds(b".eE", start, end - start)
        start, length = start + quoted, np.where(nothing, 0, end - start - 2 * quoted)
        for row in np.flatnonzero(odd & (self._start[place] < end)).tolist():
            text = meant(self._base.text(int(self._start[place, row]), int(self._end[place, row])), path, whole=whole)
            start[row], length[row] = self._size, len(text)
            self._more.append(text)
            self._size += len(text)
        return start, length


class JsonSplitter:
    """Reads the blocks of files of one format.

    Args:
        fmt: The format.
        needed: The places of the fields that somebody looks at; time and status are among them.
    """

    def __init__(self, fmt: JsonLines, needed: Iterable[int]) -> None:
        self._comment = fmt.comment.encode()
        wanted = frozenset(needed)
        paths = [[steps(key) for key in f.keys] if j in wanted else [] for j, f in enumerate(fmt.fields)]
        signature = [steps(key) for key in fmt.signature]
        self._shape = Shape([path for field in paths for path in field] + signature)
        self._keys = kernel.Keys(self._shape.leaves)
        self._places = [[self._shape.place(path) for path in field] for field in paths]
        self._whole = [field.type in _WHOLE for field in fmt.fields]
        self._signature = [self._shape.place(path)[0] for path in signature]

    def split(self, block: Block) -> Split:
        """Take a block apart."""
        lines = scan(block)
        fate = prejudged(lines, cut=block.cut)
        rows, start, end = self._plain(lines, fate)
        others = fate == COUNTED
        others[rows] = False
        decoded, numbers = self._decoded(block, lines, fate, np.flatnonzero(others))
        buffer = lines.buffer
        if len(numbers):
            text, more_start, more_end = _laid_out(decoded, len(self._shape.leaves), buffer.size)
            buffer = Buffer(buffer.data[: buffer.size] + text)
            rows = np.concatenate([rows, numbers])
            order = np.argsort(rows)
            start, end = (np.hstack(parts)[:, order] for parts in ((start, more_start), (end, more_end)))
            rows = rows[order]
        values = Values(buffer, start, end)
        for place in self._signature:
            fate[rows[~values.there(place)]] = FIELDS
        slices = [self._slice(values, *both) for both in zip(self._places, self._whole, strict=True)]
        return Split(lines, fate, JsonRows(rows, values.buffer, slices))

    def _plain(self, lines: Lines, fate: Bytes) -> tuple[Ints, Ints, Ints]:
        """Find the values of the lines that are plainly an object, if the kernel is there: rows, starts and ends."""
        if not kernel.on:
            nothing = np.empty((len(self._shape.leaves), 0), np.int64)
            return np.empty(0, np.int64), nothing, nothing
        candidates = (fate == COUNTED) & ~lines.control
        return self._keys.values(lines.buffer.address, lines.start, lines.end, candidates)

    def _decoded(self, block: Block, lines: Lines, fate: Bytes, numbers: Ints) -> tuple[list[Any], Ints]:
        """Decode lines one by one; return the objects and the numbers of their lines, note the fate of the others."""
        records, found = [], []
        texts = block.padded.split(b"\n") if len(numbers) else []
        decode = self._shape.decode
        for i in numbers.tolist():
            text = texts[i]
            try:
                if text[:1] != b"{" or lines.control[i] or text.count(b"{") + text.count(b"[") > _DEEPEST:
                    raise ValueError
                record = decode(text)
            except _REFUSED:
                record = self._odd(lines, i)
                if isinstance(record, int):
                    fate[i] = record
                    continue
            records.append(record)
            found.append(i)
        return list(chain.from_iterable(map(self._shape.values, records))), np.array(found, np.int64)

    def _slice(self, values: Values, places: list[tuple[int, Path]], whole: bool) -> Slice | None:
        """Return where a field's values stand, of several keys the first that has one."""
        found: Slice | None = None
        for place, path in places:
            more = values.meant(place, path, whole=whole)
            if found is not None:
                empty = found[1] == 0
                more = np.where(empty, more[0], found[0]), np.where(empty, more[1], found[1])
            found = more
        return found

    def _odd(self, lines: Lines, i: int) -> Any:  # noqa: ANN401 - a record or a fate
        """Read a line that is not plainly an object; return its fate if it cannot be read."""
        line = lines.text(i)
        start, fate = content(line, self._comment)
        if fate != COUNTED:
            return fate
        if lines.control[i]:
            return CONTROL
        at = line.find(b"{", start, start + _LONGEST_PREFIX)
        if _too_deep(line):
            return DEPTH
        if at < 0 or b'"' in line[start:at]:
            return JSON
        found = _lenient(line[at:].rstrip(b", \t"))
        return self._shape.record(found) if isinstance(found, dict) else JSON


def _laid_out(raws: Iterable[Raw], width: int, offset: int) -> tuple[bytes, Ints, Ints]:
    """Return raw values as one text, and where they stand in it, shape (width, rows), from an offset on."""
    text = b"\n".join([*raws, b""])  # no raw value has an LF in it, as no line has
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == LF) + offset
    starts = np.concatenate(([offset], ends[:-1] + 1))
    return text, starts.reshape(-1, width).T, ends.reshape(-1, width).T


def _lenient(line: bytes) -> object:
    """Read JSON that nearly is some; None if it is not."""
    for text in (line, None):
        try:
            shown = (_mended(line) if text is None else text).decode("utf-8", "surrogateescape")
            return json.loads(shown, strict=False, parse_int=str, parse_float=str)  # as they are written
        except (ValueError, RecursionError):
            continue
    return None


def _too_deep(line: bytes) -> bool:
    if line.count(b"{") + line.count(b"[") <= _DEEPEST:
        return False
    depth = 0
    for match in _NESTING.finditer(line):
        depth += (match["open"] is not None) - (match["close"] is not None)
        if depth > _DEEPEST:
            return True
    return False


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
