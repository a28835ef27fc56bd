"""Splits lines of the kind "w3c": a `#Fields:` line names the fields of the lines below it, until the next one.

Lines under equal headers are split together, wherever they stand. What a header says goes on in the next block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cdnlog.buffer import Buffer, Bytes, Ints
from cdnlog.formats import Cut, Delimited, Escape, Keyed, W3c
from cdnlog.model import MAX_LINE, Block
from cdnlog.parse.delimited import DelimitedRows, DelimitedSplitter, undoubted
from cdnlog.parse.fates import BOM, COUNTED, HEADER, content, prejudged
from cdnlog.parse.lines import LF, Lines, scan
from cdnlog.parse.split import Slices, Split

MARK = b"#Fields:"
_HASH = ord("#")
_MOST = 512  # fields of a header; the longest that is known has about 70
_KEPT = 64  # different headers of a file; each costs a look at every block in which it is
_LIKE = ("schema", "name", "title", "provider", "source", "as_of", "samples", "comment", "nulls", "tail")
_ANY = (Cut(column="time", type="time", format="iso"), Cut(column="status", type="status"), Cut())


@dataclass(frozen=True)
class Part:
    """The rows under equal headers.

    Attributes:
        rows: The rows, split by the header.
        place: For each declared field its place in the header, None if that lacks it.
    """

    rows: DelimitedRows
    place: tuple[int | None, ...]

    @property
    def line(self) -> Ints:
        """Number of the line of each row."""
        return self.rows.line

    def field(self, j: int) -> Slices:
        """Return where the declared field `j` stands in each row."""
        place = self.place[j]
        if place is None:
            nothing = np.zeros(len(self.line), np.int64)
            return self.rows.lines.buffer, nothing, nothing
        return self.rows.field(place)


@dataclass(frozen=True)
class Parts:
    """The rows of a block, from under all its headers."""

    buffer: Buffer
    parts: tuple[Part, ...]

    @cached_property
    def line(self) -> Ints:
        """Number of the line of each row."""
        return self._lines[self._order]

    def field(self, j: int) -> Slices:
        """Return where the declared field `j` stands in each row."""
        found = [part.field(j) for part in self.parts]
        start, length = (np.concatenate([*(one[i] for one in found), np.empty(0, np.int64)]) for i in (1, 2))
        return self.buffer, start[self._order], length[self._order]

    @cached_property
    def _lines(self) -> Ints:
        return np.concatenate([*(part.line for part in self.parts), np.empty(0, np.int64)])

    @cached_property
    def _order(self) -> Ints:
        return np.argsort(self._lines, kind="stable")


class Header:
    """What one header says; made once for equal ones.

    Args:
        fmt: The format.
        names: The names in the header.
        separator: What stands between the fields of the lines below it.
    """

    def __init__(self, fmt: W3c, names: list[str], separator: str) -> None:
        self.place = tuple(_place(field, names) for field in fmt.fields)
        like = {name: getattr(fmt, name) for name in _LIKE}
        escape: Escape = "doubled" if fmt.quoted else "none"
        self.splitter = DelimitedSplitter(
            Delimited(**like, fields=_ANY, separator=separator, escape=escape),
            tuple(Cut(quoted="maybe" if fmt.quoted else False) for _ in names),
        )


def header_names(text: bytes) -> list[str]:
    """Return the names in a header."""
    return text[len(MARK) :].decode("utf-8", "replace").split()[:_MOST]


class Headers:
    """The headers of a file, as they are met."""

    def __init__(self) -> None:
        self._known: dict[bytes, None] = {}
        self.current = b""
        """The one in force; empty above all others, and in place of one that names nothing or is one too many."""

    def meet(self, text: bytes) -> None:
        """Go on to the lines below a header."""
        text = text.rstrip(b"\r")
        if text not in self._known and len(self._known) < _KEPT and header_names(text):
            self._known[text] = None
        self.current = text if text in self._known else b""

    def pass_by(self, block: Block) -> None:
        """Go through a block from one header to the next, without a look at the lines between."""
        data, at = block.data, -1
        while not block.cut and (at := data.find(MARK, at + 1)) >= 0:
            begins = at - len(BOM) if data.endswith(BOM, 0, at) else at
            ends = data.find(b"\n", at)
            ends = block.size if ends < 0 else ends
            ends -= data.endswith(b"\r", at, ends)
            if (begins == 0 or data[begins - 1] == LF) and ends - begins <= MAX_LINE:
                self.meet(data[at:ends])

    @property
    def lines(self) -> bytes:
        """Return lines below which all is as it is here: what is read before the middle of a file."""
        return b"\n".join([*self._known, self.current or MARK]) if self._known else b""


def _place(field: Keyed, names: list[str]) -> int | None:
    return next((names.index(key) for key in field.keys if key in names), None)


class W3cSplitter:
    """Splits the blocks of one file; remembers its headers."""

    def __init__(self, fmt: W3c) -> None:
        self._fmt = fmt
        self.headers = Headers()
        self._separators: dict[bytes, str] = {}
        self._made: dict[tuple[bytes, str], Header] = {}

    def split(self, block: Block) -> Split:
        """Take a block apart."""
        known = self._in_force()
        lines = known.splitter.scan(block) if known else scan(block)
        if known and (rows := undoubted(lines, block)) is not None:
            return Split(lines, np.zeros(block.lines, np.uint8), Part(rows, known.place))
        fate = prejudged(lines, cut=block.cut)
        open_ = fate == COUNTED
        head = lines.buffer.bytes[lines.start]
        comments = np.flatnonzero(open_ & ((head == _HASH) | (head == BOM[0])))
        parts: list[Part] = []
        for text, below in self._headers(lines, comments):
            numbers = below[open_[below]]
            if not text:
                _reject_headless(lines, fate, numbers)
                continue
            for header, its in self._parts(text, lines, numbers):
                candidates = np.zeros(len(fate), bool)
                candidates[its] = True
                its_lines = lines if header is known else header.splitter.scan(block)
                parts.append(Part(header.splitter.rows(its_lines, fate, candidates), header.place))
        return Split(lines, fate, parts[0] if len(parts) == 1 else Parts(lines.buffer, tuple(parts)))

    def _in_force(self) -> Header | None:
        """Return the header above a block's first line, if one was in use there."""
        text = self.headers.current
        return self._made.get((text, self._fmt.separator or self._separators.get(text, "")))

    def _headers(self, lines: Lines, comments: Ints) -> list[tuple[bytes, Ints]]:
        """Return the distinct headers and the lines below each; a line below none goes with an empty one."""
        below: dict[bytes, list[Ints]] = {}
        at = 0
        for i in comments.tolist():
            text = lines.text(i).removeprefix(BOM)
            if text.startswith(MARK):
                below.setdefault(self.headers.current, []).append(np.arange(at, i + 1))
                self.headers.meet(text)
                at = i + 1
        below.setdefault(self.headers.current, []).append(np.arange(at, len(lines.start)))
        return [(text, np.concatenate(numbers)) for text, numbers in below.items()]

    def _parts(self, text: bytes, lines: Lines, numbers: Ints) -> Iterator[tuple[Header, Ints]]:
        """Yield what a header says of lines below it; the first that fits tells the separator, once for all."""
        separator = self._fmt.separator or self._separators.get(text)
        if separator is None:
            at, separator = _separator(lines, numbers, len(header_names(text)))
            if at:
                yield self._of(text, "\t"), numbers[:at]
            if separator is None:
                return
            self._separators[text] = separator
            numbers = numbers[at:]
        yield self._of(text, separator), numbers

    def _of(self, text: bytes, separator: str) -> Header:
        made = self._made.get((text, separator))
        if made is None:
            made = self._made[text, separator] = Header(self._fmt, header_names(text), separator)
        return made


def _separator(lines: Lines, numbers: Ints, fields: int) -> tuple[int, str | None]:
    """Return which line is the first with as many fields as the header, and by which separator; None if none has."""
    for at, i in enumerate(numbers.tolist()):
        line = lines.text(i)
        start, fate = content(line, b"#")
        for separator in ("\t", " ") if fate == COUNTED else ():
            if line.count(separator.encode(), start) + 1 == fields:
                return at, separator
    return len(numbers), None


def _reject_headless(lines: Lines, fate: Bytes, numbers: Ints) -> None:
    for i in numbers.tolist():
        _, fate[i] = content(lines.text(i), b"#")
        if fate[i] == COUNTED:
            fate[i] = HEADER
