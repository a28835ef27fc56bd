"""Finds the lines of a block and the separators in each, never looking beyond a line's own end.

One pass over the bytes finds everything structural; all further work is on those few positions. A quote changes
what a separator means only within its own line: an odd number of quotes costs that line and no neighbour.
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
        start: First byte of each line.
        end: Byte after the last one of each line, without LF and the CR before it.
        cuts: Positions of the separators outside quotes, and of every LF.
        first: Index in `cuts` of the first one of each line.
        separators: Number of separators outside quotes in each line.
        quotes: Number of quotes in each line.
        control: Lines that hold a control byte no text has.
        crlf: Whether some line ends in CR LF.
    """

    buffer: Buffer
    start: Ints
    end: Ints
    cuts: Ints
    first: Ints
    separators: Ints
    quotes: Ints
    control: Bools
    crlf: bool


def scan(data: bytes, separator: int) -> Lines:
    """Find lines, separators and quotes of a block; `data` must not be empty."""
    buffer = _terminated(data)
    marks = buffer.bytes <= QUOTE  # space, quote, LF and the controls, in one comparison
    if separator > QUOTE:
        marks |= buffer.bytes == separator
    marks[buffer.size :] = False
    at = np.flatnonzero(marks)
    kind = buffer.bytes[at]
    is_lf = kind == LF
    lf = np.flatnonzero(is_lf)
    end = at[lf]
    start = _starts(end)
    quotes, outside = _outside_quotes(kind == QUOTE, lf)
    cut = is_lf | ((kind == separator) & outside)
    cuts = at[np.flatnonzero(cut)]
    last = _last_cuts(cuts, end)
    first = _starts(last)
    text_end, control = _controls(kind, at, end, separator)
    return Lines(buffer, start, text_end, cuts, first, last - first, quotes, control, crlf=text_end is not end)


def _last_cuts(cuts: Ints, end: Ints) -> Ints:
    """Return the index in `cuts` of each line's LF."""
    per_line, rest = divmod(len(cuts), len(end))
    if not rest and np.array_equal(cuts[per_line - 1 :: per_line], end):
        return np.arange(per_line - 1, len(cuts), per_line)  # the common case: all lines alike
    return np.searchsorted(cuts, end)


def _terminated(data: bytes) -> Buffer:
    """Return the block as a buffer whose last line ends in LF; only a file's last block may lack it."""
    return Buffer(data if data.endswith(b"\n") else data + b"\n")


def _starts(ends: Ints) -> Ints:
    starts = np.empty_like(ends)
    starts[0] = 0
    np.add(ends[:-1], 1, out=starts[1:])
    return starts


def _outside_quotes(is_quote: Bools, lf: Ints) -> tuple[Ints, Bools]:
    """Count the quotes of each line, and mark the positions before which an even number of its quotes stands."""
    seen = np.cumsum(is_quote, dtype=np.int64)
    at_end = seen[lf]
    before = np.empty_like(at_end)
    before[0] = 0
    before[1:] = at_end[:-1]
    if (at_end & 1).any():  # some line has an odd number: count from each line's own start
        seen = seen - np.repeat(before, np.diff(lf, prepend=-1))
    return at_end - before, (seen & 1) == 0


def _controls(kind: Bytes, at: Ints, end: Ints, separator: int) -> tuple[Ints, Bools]:
    """Drop the CR of CRLF from the line ends, and mark the lines with any other control byte."""
    control = np.zeros(len(end), bool)
    found = np.flatnonzero((kind < 32) & (kind != LF) & (kind != separator))  # noqa: PLR2004 - C0
    if len(found) == 0:
        return end, control
    crlf = (kind[found] == CR) & (kind[found + 1] == LF) & (at[found + 1] == at[found] + 1)
    line = np.searchsorted(end, at[found])
    end = end.copy()
    end[line[crlf]] -= 1
    control[line[~crlf & ~_TYPED[kind[found]]]] = True
    return end, control
