"""Columns of one batch: numpy arrays over the bytes of a block, turned into text only when asked.

`Numbers` are int64 with an optional mask of missing values. `Texts` are slices of the block; counting needs only
`Texts.codes`, a dictionary of the distinct values, so most log text never becomes a Python string.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

PAD = 16
"""Bytes behind a block's data, so that eight bytes can be read at any position in it."""

# The low k bytes of a little-endian word, k = 0 to 8.
_LOW_BYTES = np.array([(1 << 8 * k) - 1 for k in range(9)], dtype=np.uint64)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_FOLD = np.uint64(32)


class Buffer:
    """A block's bytes with padding, readable as bytes and as the eight-byte words that start at each byte."""

    def __init__(self, data: bytes) -> None:
        self.data, self.size = data, len(data)
        self.bytes: Bytes = np.zeros(self.size + PAD, dtype=np.uint8)
        self.bytes[: self.size] = np.frombuffer(data, dtype=np.uint8)
        self.words: Words = np.ndarray((self.size + PAD - 7,), dtype="<u8", buffer=self.bytes.data, strides=(1,))

    @cached_property
    def not_printable(self) -> Ints:
        """Positions of the bytes outside printable ASCII, in order."""
        return np.flatnonzero((self.bytes[: self.size] - np.uint8(0x20)) > 0x7E - 0x20)

    def word(self, start: Ints, length: Ints) -> Words:
        """Return up to eight bytes of each slice as one number, zero beyond its end."""
        words: Words = self.words[start] & _LOW_BYTES[np.clip(length, 0, 8)]
        return words

    def text(self, start: int, end: int) -> bytes:
        """Return one slice."""
        return self.data[start:end]


def group(keys: npt.NDArray[np.generic]) -> tuple[Ints, Ints]:
    """Number equal keys alike: code of each row, and one row that stands for each code."""
    if len(keys) == 0 or keys.min() == keys.max():
        return np.zeros(len(keys), np.int64), np.zeros(min(len(keys), 1), np.int64)
    order = np.argsort(keys)
    ordered = keys[order]
    first = np.empty(len(keys), bool)
    first[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    codes = np.empty(len(keys), np.int64)
    codes[order] = np.cumsum(first) - 1
    return codes, order[first]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Whole numbers.

    Attributes:
        values: int64; 0 where missing.
        missing: True where the log has a null marker, None if there is none in the batch.
    """

    values: Ints
    missing: Bools | None = None

    def take(self, rows: Bools) -> Numbers:
        """Return the rows that are marked."""
        return Numbers(self.values[rows], None if self.missing is None else self.missing[rows])


@dataclass(frozen=True)
class Texts:
    """Slices of a block's bytes.

    Attributes:
        buffer: The block.
        start: int64, first byte of each slice.
        length: int64, bytes of each slice.
        translate: What a slice means: text that is safe to print, or None for a missing value.
        verbatim: Whether `translate` leaves printable ASCII as it stands.
        nulls: The slices that mean "missing", besides the empty one.
        null: What a missing value is shown as, None for missing.
    """

    buffer: Buffer
    start: Ints
    length: Ints
    translate: Callable[[bytes], str | None]
    verbatim: bool = False
    nulls: tuple[bytes, ...] = ()
    null: str | None = None

    def take(self, rows: Bools) -> Texts:
        """Return the rows that are marked."""
        return replace(self, start=self.start[rows], length=self.length[rows])

    @cached_property
    def codes(self) -> tuple[Ints, list[str | None]]:
        """Code of each row and the value of each code; two codes may mean the same value."""
        codes, rows = distinct(self.buffer, self.start, self.length)
        spans = zip(self.start[rows].tolist(), self.length[rows].tolist(), strict=True)
        raws = (self.buffer.text(s, s + n) for s, n in spans)
        return codes, [self.null if not raw or raw in self.nulls else self.translate(raw) for raw in raws]


@dataclass(frozen=True, slots=True)
class Coded:
    """Values by number, as they come out of a frame: code of each row, and the value of each code."""

    codes: tuple[Ints, list[str | None]]

    def take(self, rows: Bools) -> Coded:
        """Return the rows that are marked."""
        return Coded((self.codes[0][rows], self.codes[1]))


Column = Numbers | Texts | Coded


def distinct(buffer: Buffer, start: Ints, length: Ints) -> tuple[Ints, Ints]:
    """Number equal slices alike: code of each row, and one row that stands for each code.

    Groups by a 64-bit hash, then compares every row with the row that stands for it, byte for byte; only if a
    hash ever lied is the whole batch numbered again by a dictionary. So the answer is exact for any input.
    """
    codes, rows = group(_hashes(buffer, start, length))
    if _same(buffer, start, length, rows[codes]):
        return codes, rows
    return _distinct_by_dictionary(buffer, start, length)


def _hashes(buffer: Buffer, start: Ints, length: Ints) -> Words:
    hashes: Words = length.astype(np.uint64) * _MIX
    longest = int(length.max(initial=0))
    for done in range(0, longest, 8):
        rows = np.flatnonzero(length > done) if done else slice(None)
        mixed = (hashes[rows] ^ buffer.word(start[rows] + done, length[rows] - done)) * _MIX
        hashes[rows] = mixed ^ (mixed >> _FOLD)
    return hashes


def _same(buffer: Buffer, start: Ints, length: Ints, other: Ints) -> bool:
    """Whether each slice equals the slice of row `other`."""
    if not np.array_equal(length, length[other]):
        return False
    twin = start[other]
    rows = np.flatnonzero(twin != start)
    for done in range(0, int(length.max(initial=0)), 8):
        rows = rows[length[rows] > done]
        left = length[rows] - done
        if not np.array_equal(buffer.word(start[rows] + done, left), buffer.word(twin[rows] + done, left)):
            return False
    return True


def _distinct_by_dictionary(buffer: Buffer, start: Ints, length: Ints) -> tuple[Ints, Ints]:
    seen: dict[bytes, int] = {}
    rows: list[int] = []
    codes = np.empty(len(start), np.int64)
    for row, (s, n) in enumerate(zip(start.tolist(), length.tolist(), strict=True)):
        code = seen.setdefault(buffer.text(s, s + n), len(rows))
        if code == len(rows):
            rows.append(row)
        codes[row] = code
    return codes, np.array(rows, np.int64)
