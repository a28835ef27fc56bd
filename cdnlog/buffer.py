"""A block's bytes, and what can be asked of slices of them all at once: no Python object per slice."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from cdnlog import kernel

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

PAD = 64
"""Bytes behind a block's data, so that a whole time can be read at any position in it, eight bytes at once."""

_LF = 10
# The low k bytes of a little-endian word, k = 0 to 8.
_LOW_BYTES = np.array([(1 << 8 * k) - 1 for k in range(9)], dtype=np.uint64)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_FOLD = np.uint64(32)


class Buffer:
    """A block's bytes with padding, readable as bytes and as the eight-byte words that start at each byte.

    Args:
        data: The bytes.
        padded: Whether the last `PAD` of them are the padding.
    """

    def __init__(self, data: bytes, *, padded: bool = False) -> None:
        self.data = data if padded else data + bytes(PAD)
        self.size = len(self.data) - PAD
        self.bytes: Bytes = np.frombuffer(self.data, np.uint8)
        self.words: Words = np.ndarray((self.size + PAD - 7,), dtype="<u8", buffer=self.data, strides=(1,))
        self.address = int(self.bytes.ctypes.data)
        self._places: dict[bytes, Ints] = {}

    @cached_property
    def _not_printable(self) -> Ints:
        """Positions of the bytes outside printable ASCII, in order."""
        return np.flatnonzero((self.bytes[: self.size] - np.uint8(0x20)) > 0x7E - 0x20)

    def places(self, text: bytes) -> Ints:
        """Return the positions at which a short text stands, in order; found once."""
        if text not in self._places:
            at = np.flatnonzero(self.bytes[: self.size] == text[0])
            for i in range(1, len(text)):
                at = at[self.bytes[at + i] == text[i]]
            self._places[text] = at
        return self._places[text]

    def next(self, text: bytes, start: Ints, end: Ints) -> Ints:
        """Return where in each slice a short text stands first; the slice's end where it does not."""
        if kernel.on and len(text) == 1:
            return kernel.find_first(self.address, start, end - start, text[0])
        at = self.places(text)
        found: Ints = np.minimum(np.append(at, self.size)[np.searchsorted(at, start)], end)
        return found

    def last(self, text: bytes, start: Ints, end: Ints) -> Ints:
        """Return where in each slice a short text stands last; one before its start where it does not."""
        at = self.places(text)
        found: Ints = np.maximum(np.concatenate(([-1], at))[np.searchsorted(at, end)], start - 1)
        return found

    def holds(self, chars: bytes, start: Ints, length: Ints) -> Bools:
        """Mark the slices that hold one of some bytes."""
        if kernel.on:
            flags = np.zeros(256, bool)
            flags[np.frombuffer(chars, np.uint8)] = True
            return kernel.hold_any(self.address, start, length, flags)
        found = np.zeros(len(start), bool)
        for i in range(len(chars)):
            found |= self._hold(self.places(chars[i : i + 1]), start, length)
        return found

    def holds_odd(self, start: Ints, length: Ints) -> Bools:
        """Mark the slices that hold something other than printable ASCII."""
        if kernel.on:
            return kernel.checked("hold_odd", self.address, start, length)
        return self._hold(self._not_printable, start, length)

    def _hold(self, marks: Ints, start: Ints, length: Ints) -> Bools:
        """Mark the slices in which one of the given positions lies."""
        found: Bools = np.searchsorted(marks, start) < np.searchsorted(marks, start + length)
        return found

    def word(self, start: Ints, length: Ints) -> Words:
        """Return up to eight bytes of each slice as one number, zero beyond its end; lengths are not negative."""
        words: Words = self.words[start] & _LOW_BYTES[np.minimum(length, 8)]
        return words

    def is_null(self, start: Ints, length: Ints, nulls: tuple[bytes, ...]) -> Bools:
        """Mark the slices that stand for a missing value: empty ones, or null markers of at most eight bytes."""
        missing: Bools = length == 0
        short = np.flatnonzero(length <= max(map(len, nulls), default=0))
        words, lengths = self.word(start[short], length[short]), length[short]
        for null in nulls:
            missing[short] |= (lengths == len(null)) & (words == np.uint64(int.from_bytes(null, "little")))
        return missing

    def text(self, start: int, end: int) -> bytes:
        """Return one slice."""
        return self.data[start:end]


def count_lines(data: bytes | memoryview) -> int:
    """Return the number of LFs."""
    array: Bytes = np.frombuffer(data, np.uint8)
    return kernel.count_lines(array) if kernel.on else int(np.count_nonzero(array == _LF))


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


def distinct(buffer: Buffer, start: Ints, length: Ints) -> tuple[Ints, Ints]:
    """Number equal slices alike: code of each row, and one row that stands for each code.

    Groups by a 64-bit hash, then compares every row with the row that stands for it, byte for byte; only if a
    hash ever lied is the whole batch numbered again by a dictionary. So the answer is exact for any input.
    """
    if kernel.on and (found := kernel.Interned(len(start)).codes(buffer.address, start, length)):
        return found
    codes, rows = group(_hashes(buffer, start, length))
    if _same(buffer, start, length, rows[codes]):
        return codes, rows
    return _distinct_by_dictionary(buffer, start, length)


def _hashes(buffer: Buffer, start: Ints, length: Ints) -> Words:
    hashes: Words = length.astype(np.uint64) * _MIX
    for done in range(0, int(length.max(initial=0)), 8):
        rows = np.flatnonzero(length > done) if done else slice(None)
        hashes[rows] = _mix(hashes[rows], buffer.word(start[rows] + done, length[rows] - done))
    return hashes


def mixed(length: Ints, words: list[Words]) -> Words:
    """Hash rows of words, the same in every process: one 64-bit number per row."""
    return mixed_on(length.astype(np.uint64) * _MIX, words)


def mixed_on(hashes: Words, words: list[Words]) -> Words:
    """Go on hashing rows by more words."""
    for word in words:
        hashes = _mix(hashes, word)
    return hashes


def _mix(hashes: Words, words: Words) -> Words:
    mixed: Words = (hashes ^ words) * _MIX
    mixed ^= mixed >> _FOLD
    return mixed


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
