"""The innermost loops over a block's bytes, compiled from the C files beside this one.

They are there if a C compiler was when cdnlog was installed. Each does what a numpy function elsewhere does: that one
is what it is tested against, and what runs where the kernel is missing or `CDNLOG_KERNEL=off` is set. A call lets
other threads run.
"""

from __future__ import annotations

from ctypes import byref
from typing import cast

import numpy as np
import numpy.typing as npt

from cdnlog.kernel import library
from cdnlog.kernel.library import Flags, Ints, Layout, Moments, at, slices, whole
from cdnlog.kernel.tables import Interned, Keys, Sums

__all__ = ["Interned", "Keys", "Sums"]

Hashes = npt.NDArray[np.uint64]
Splits = tuple[Ints, Ints, Ints]

LARGEST = 2**31
"""Bytes of a buffer, at most: positions have four bytes."""
_LF, _QUOTE = b'\n"'

on = library.functions is not None
"""Whether the compiled functions are there and to be used."""


def count_lines(data: npt.NDArray[np.uint8]) -> int:
    """Return the number of LFs in some bytes, which need no padding."""
    return int(library.functions.count_lines(at(data), len(data)))


def layout(  # noqa: PLR0913, PLR0917 - all that there is to say about a format's lines
    kinds: list[int],
    inner: list[int],
    required: int,
    separator: int,
    comment: bytes,
    longest: int,
    *,
    quotes: bool,
    backslash: bool,
    tail: bool,
) -> Layout:
    """Return how lines of a delimited format are split."""
    arrays = np.array(kinds, np.int64), np.array(inner, np.int64)
    made = Layout(
        len(kinds), required, separator, _QUOTE if quotes else _LF, backslash, tail, comment[0] if comment else -1,
        longest, *map(at, arrays),
    )  # fmt: skip
    made.arrays = arrays  # they must live as long as it does
    return made


def scan(address: int, lines: int, made: Layout | None = None) -> tuple[tuple[Ints, Ints, Flags], Splits]:
    """Find the lines of a block and split the regular ones.

    Args:
        address: Of the bytes; the last line ends in LF.
        lines: How many there are.
        made: How they are split, None for not at all.

    Returns:
        Of each line start, end and whether it holds a control byte that no text has; the numbers of the regular ones,
        and starts and lengths of their fields, shape (fields, rows).
    """
    start, end, control = np.empty(lines, np.int64), np.empty(lines, np.int64), np.empty(lines, bool)
    rows = np.empty(lines if made else 0, np.int64)
    starts, lengths = (np.empty((made.fields if made else 0, lines), np.int32) for _ in range(2))
    found = library.functions.scan(
        address, lines, byref(made) if made else None, at(start), at(end), at(control), at(rows), at(starts),
        at(lengths),
    )  # fmt: skip
    return (start, end, control), (rows[:found], starts[:, :found], lengths[:, :found])


def numbers(function: str, address: int, start: Ints, length: Ints, *more: int) -> tuple[Ints, Flags]:
    """Read numbers: their values, 0 where they are none, and which are none."""
    start, length = whole(start), whole(length)
    values, bad = np.empty(len(start), np.int64), np.empty(len(start), bool)
    getattr(library.functions, function)(slices(address, start, length), *more, at(values), at(bad))
    return values, bad


def checked(function: str, address: int, start: Ints, length: Ints) -> Flags:
    """Return which texts are faulty."""
    start, length = whole(start), whole(length)
    bad = np.empty(len(start), bool)
    getattr(library.functions, function)(slices(address, start, length), at(bad))
    return bad


def compact_times(address: int, start: Ints, length: Ints) -> tuple[Ints, Flags, Flags]:
    """Read YYYYMMDDhhmmss: seconds, which are none, which are of a strange year."""
    start, length = whole(start), whole(length)
    seconds, bad, strange = np.empty(len(start), np.int64), np.empty(len(start), bool), np.empty(len(start), bool)
    library.functions.compact_times(slices(address, start, length), at(seconds), at(bad), at(strange))
    return seconds, bad, strange


def moments(function: str, address: int, start: Ints, length: Ints) -> tuple[Ints, Ints, Flags, Flags]:
    """Read times: microseconds on the clock, its distance from UTC in seconds, which are none, which are strange."""
    start, length = whole(start), whole(length)
    local, offset = np.empty(len(start), np.int64), np.empty(len(start), np.int64)
    bad, strange = np.empty(len(start), bool), np.empty(len(start), bool)
    out = Moments(at(local), at(offset), at(bad), at(strange))
    getattr(library.functions, function)(slices(address, start, length), byref(out))
    return local, offset, bad, strange


def find_first(address: int, start: Ints, length: Ints, byte: int) -> Ints:
    """Return where a byte stands first in each text, its end where it does not."""
    start, length = whole(start), whole(length)
    place = np.empty(len(start), np.int32)
    library.functions.find_first(slices(address, start, length), byte, at(place))
    return cast("Ints", place)


def hold_any(address: int, start: Ints, length: Ints, flags: Flags) -> Flags:
    """Mark the texts that hold a byte of the 256 flags."""
    start, length = whole(start), whole(length)
    holds = np.empty(len(start), bool)
    library.functions.hold_any(slices(address, start, length), at(flags), at(holds))
    return holds


def gather(address: int, start: Ints, length: Ints) -> npt.NDArray[np.uint8]:
    """Copy texts one behind the other."""
    start, length = whole(start), whole(length)
    out = np.empty(int(length.sum(dtype=np.int64)), np.uint8)
    library.functions.gather(slices(address, start, length), at(out))
    return out


def mix_heads(address: int, start: Ints, length: Ints, width: int, hashes: Hashes) -> Hashes:
    """Go on hashing rows, in place, by the length and the first words of a text."""
    start, length = whole(start), whole(length)
    library.functions.mix_heads(slices(address, start, length), width, at(hashes))
    return hashes


def hash_lines(data: npt.NDArray[np.uint8], size: int, more: int, head: int) -> Hashes:
    """Return a number for each line of some bytes, which end in LF and have padding behind them.

    Args:
        data: The bytes and the padding.
        size: How many bytes there are.
        more: How many bytes of the first line were let go.
        head: So many bytes of a line matter, besides its length.
    """
    hashes = np.empty(count_lines(data[:size]), np.uint64)
    library.functions.hash_lines(at(data), size, more, head, at(hashes))
    return hashes


def mix_numbers(values: Ints, hashes: Hashes) -> Hashes:
    """Go on hashing rows, in place, by a number."""
    values = np.ascontiguousarray(values, np.int64)
    library.functions.mix_numbers(at(values), len(values), at(hashes))
    return hashes


def add_up(keys: Ints, sums: Ints, size: int) -> tuple[Ints, Ints]:
    """Add the rows of sums (measures, rows) up by keys below `size`: (size, measures), and rows of each key."""
    keys, sums = np.ascontiguousarray(keys, np.int64), np.ascontiguousarray(sums, np.int64)
    table, rows = np.zeros((size, len(sums)), np.int64), np.zeros(size, np.int64)
    library.functions.add_up(at(keys), len(keys), at(sums), len(sums), at(table), at(rows))
    return table, rows
