"""Finds the lines of a block and the marks in each: separators, quotes and controls.

One pass over the bytes finds everything structural; all further work is on those few positions. Lines end at LF and
nowhere else, so that a stray quote costs its own line and no neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cdnlog import kernel
from cdnlog.buffer import Bools, Buffer, Bytes, Ints
from cdnlog.model import Block

LF, CR, QUOTE = 10, 13, 34
_SPACE = b" "
_BETWEEN = ord("!")  # between the space and the quote
# Controls that are data: TAB, and what attackers type to trouble a terminal (BEL, BS, ESC). Their requests did happen
# and count. The others (NUL, a lone CR, FF...) tell of a broken writer or of a forged line.
_TYPED = np.isin(np.arange(32), [7, 8, 9, 27])


@dataclass(frozen=True)
class Lines:
    """The lines of one block.

    Attributes:
        buffer: The bytes, ending in LF.
        start: First byte of each line.
        end: Byte after the last one of each line's text.
        control: Lines that hold a control byte no text has.
    """

    buffer: Buffer
    start: Ints
    end: Ints
    control: Bools

    def text(self, i: int) -> bytes:
        """Return the text of one line."""
        return self.buffer.text(int(self.start[i]), int(self.end[i]))


@dataclass(frozen=True)
class Marked(Lines):
    """Lines and marks as numpy finds them.

    Attributes:
        at: Position of every mark.
        kind: The byte there.
        first: Index in `at` of each line's first mark.
        stop: Index in `at` of the mark that ends each line's text: its LF, or the CR before it.
        quotes: Indices in `at` of the quotes, if quotes are marks at all.
        pure: Whether all marks are separators, quotes and line ends.
        after: Byte after each mark, None where that is the next one always.
    """

    at: Ints
    kind: Bytes
    first: Ints
    stop: Ints
    quotes: Ints
    pure: bool
    after: Ints | None = None

    def begins(self, marks: Ints) -> Ints:
        """Return where what follows each mark begins."""
        return self.at[marks] + 1 if self.after is None else self.after[marks]


def scan(block: Block) -> Lines:
    """Find the lines of a block; it must not be empty."""
    buffer = Buffer(block.padded, padded=True)
    if kernel.on:
        return Lines(buffer, *kernel.scan(buffer.address, block.lines)[0])
    return marked(buffer, quotes=False)


def marked(buffer: Buffer, separator: bytes = b"", *, quotes: bool = True, repeated: bool = False) -> Marked:
    """Find lines and marks by numpy.

    Args:
        buffer: Whole lines, the last one ends in LF.
        separator: What stands between fields; without one, line ends and controls are all there is.
        quotes: Whether quotes are marks, or text as any other.
        repeated: Whether several separators in a row are one.
    """
    at = np.flatnonzero(_marks(buffer, separator, quotes=quotes))
    kind = buffer.bytes[at]
    after = None
    if len(separator) > 1 or repeated:
        at, kind, after = _wide(buffer, at, kind, separator, repeated=repeated)
    lf = np.flatnonzero(kind == LF)
    inner = np.flatnonzero(kind == QUOTE) if quotes else np.empty(0, np.int64)
    own = separator[0] if separator else LF
    between = np.count_nonzero(kind == own) if separator else 0
    pure = len(lf) + len(inner) + between == len(at)
    stop, control = (lf, np.zeros(len(lf), bool)) if pure else _controls(kind, at, lf, own)
    return Marked(buffer, _after(at[lf]), at[stop], control, at, kind, _after(lf), stop, inner, pure, after)


def _marks(buffer: Buffer, separator: bytes, *, quotes: bool) -> Bools:
    if quotes and separator[:1] == _SPACE:
        marks: Bools = buffer.bytes <= QUOTE  # space, quote, LF and the controls, in one comparison; and "!"
        marks &= buffer.bytes != _BETWEEN
    else:
        marks = buffer.bytes < _SPACE[0]
        if quotes:
            marks |= buffer.bytes == QUOTE
        if separator >= _SPACE:
            marks |= buffer.bytes == separator[0]
    marks[buffer.size :] = False
    return marks


def _wide(buffer: Buffer, at: Ints, kind: Bytes, separator: bytes, *, repeated: bool) -> tuple[Ints, Bytes, Ints]:
    """Keep one mark per separator, if it is longer than a byte or may be repeated; and say where each mark ends."""
    width = len(separator)
    found = kind == separator[0]
    for i in range(1, width):
        found &= buffer.bytes[at + i] == separator[i]
    keep = found | (kind != separator[0])
    for i in np.flatnonzero(found[1:] & found[:-1] & (np.diff(at) < width)).tolist():
        if keep[i]:  # "|||" is one separator "||" and a "|"
            keep[i + 1] = False
    at, kind, found = at[keep], kind[keep], found[keep]
    after = at + np.where(found, width, 1)
    if repeated:
        again = np.concatenate(([False], found[1:] & found[:-1] & (at[1:] == after[:-1])))
        last = np.append(~again[1:], True)
        after = after[last]  # of each run the place of its first and the end of its last
        at, kind = at[~again], kind[~again]
    return at, kind, after


def _after(ends: Ints) -> Ints:
    """Return where each line starts, given where each ends."""
    starts = np.empty_like(ends)
    starts[0] = 0
    np.add(ends[:-1], 1, out=starts[1:])
    return starts


def _controls(kind: Bytes, at: Ints, lf: Ints, separator: int) -> tuple[Ints, Bools]:
    """Take the CR of CRLF for the line's end, and mark the lines with any other control byte."""
    control = np.zeros(len(lf), bool)
    found = np.flatnonzero((kind < 32) & (kind != LF) & (kind != separator))  # noqa: PLR2004 - C0
    if len(found) == 0:
        return lf, control
    crlf = (kind[found] == CR) & (kind[found + 1] == LF) & (at[found + 1] == at[found] + 1)
    line = np.searchsorted(lf, found)
    stop = lf.copy()
    stop[line[crlf]] -= 1
    control[line[~crlf & ~_TYPED[kind[found]]]] = True
    return stop, control
