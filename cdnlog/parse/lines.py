"""Finds the lines of a block and the marks in each: separators, quotes and controls.

One pass over the bytes finds everything structural; all further work is on those few positions. Lines end at LF and
nowhere else, so that a stray quote costs its own line and no neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cdnlog.columns import Bools, Buffer, Bytes, Ints

LF, CR, QUOTE = 10, 13, 34
# Controls that are data: TAB, and what attackers type to trouble a terminal (BEL, BS, ESC). Their requests did happen
# and count. The others (NUL, a lone CR, FF...) tell of a broken writer or of a forged line.
_TYPED = np.isin(np.arange(32), [7, 8, 9, 27])


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one block.

    Attributes:
        buffer: The bytes, ending in LF.
        at: Position of every mark.
        kind: The byte there.
        first: Index in `at` of each line's first mark.
        stop: Index in `at` of the mark that ends each line's text: its LF, or the CR before it.
        quotes: Indices in `at` of the quotes.
        start: First byte of each line.
        end: Byte after the last one of each line's text.
        control: Lines that hold a control byte no text has.
        pure: Whether all marks are separators, quotes and line ends.
    """

    buffer: Buffer
    at: Ints
    kind: Bytes
    first: Ints
    stop: Ints
    quotes: Ints
    start: Ints
    end: Ints
    control: Bools
    pure: bool


def scan(data: bytes, separator: int) -> Lines:
    """Find lines and marks of a block; `data` must not be empty."""
    buffer = _terminated(data)
    marks = buffer.bytes <= QUOTE  # space, quote, LF and the controls, in one comparison
    if separator > QUOTE:
        marks |= buffer.bytes == separator
    marks[buffer.size :] = False
    at = np.flatnonzero(marks)
    kind = buffer.bytes[at]
    lf = np.flatnonzero(kind == LF)
    quotes = np.flatnonzero(kind == QUOTE)
    pure = len(lf) + len(quotes) + np.count_nonzero(kind == separator) == len(at)
    stop, control = (lf, np.zeros(len(lf), bool)) if pure else _controls(kind, at, lf, separator)
    return Lines(buffer, at, kind, _after(lf), stop, quotes, _after(at[lf]), at[stop], control, pure)


def _terminated(data: bytes) -> Buffer:
    """Return the block as a buffer whose last line ends in LF; only a file's last block may lack it."""
    return Buffer(data if data.endswith(b"\n") else data + b"\n")


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
