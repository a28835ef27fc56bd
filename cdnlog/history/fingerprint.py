"""What tells one content from another: its hash, hashes of its beginnings, and a bounded sketch of its lines.

The sketch answers whether all lines of one file are in another one, in whatever order. Every line gets a number from
all of its bytes; kept are the `KEPT` lowest numbers with how often each occurs. Below the lower of two sketches' limits
both know all their lines, so what is there can be compared: exactly for files of up to `KEPT` different lines, by a
uniform sample of the lines of larger ones. All bytes must count: lines of a health check differ in a digit only, and a
number of some places of a line would be the same for thousands, mostly beyond the limit, where nobody sees them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

import numpy as np

from cdnlog import kernel
from cdnlog.buffer import PAD, Ints, Words
from cdnlog.history.packed import Damaged, packed, unpacked
from cdnlog.model import MAX_LINE

KEPT = 1000
_TOP = 2  # rows of a packed sketch before its numbers
_BITS = 37  # of a number
_WORD = 8
_HEAD = 4096  # bytes of a line that matter, besides its length
_LF = 10
_ALL = np.uint64((1 << 64) - 1)
_FACTOR, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_LARGEST = (1 << 63) - 1
_FOLD_AT = 16 * KEPT
_FULL = (1 << _BITS) - 1
_ENOUGH = 16
"""So many lines must a sample compare to be believed: of files that lack half of them, one in 65,536 passes."""


@dataclass(frozen=True)
class Sketch:
    """The lines of a file, or a sample of them.

    Attributes:
        lines: How many lines there are.
        total: Sum of the hashes of all lines, modulo 2^63.
        limit: Highest number up to which all lines are known.
        keys: Different numbers of lines, in order.
        counts: How often each occurs.
        cut: Hash of the last line if no LF ends it, 0 if one does: a log that is being written ends within a line.
    """

    lines: int
    total: int
    limit: int
    keys: Ints
    counts: Ints
    cut: int = 0

    def within(self, other: Sketch) -> bool | None:
        """Whether all lines of this file seem to be in the other one, a cut one left out if need be.

        None where nothing contradicts, and too few lines of the samples can be compared to believe it.
        """
        found = self._told(other)
        return self._ended().within(other) if found is False and self.cut and self.lines > 1 else found

    def _told(self, other: Sketch) -> bool | None:
        if self.lines > other.lines or (self.lines == other.lines and self.total != other.total):
            return False
        keys, counts, there = self._shared(other)
        if (there < counts).any():
            return False
        exact = min(self.limit, other.limit) == _FULL
        return True if exact or len(keys) >= _ENOUGH else None

    def _ended(self) -> Sketch:
        """Return the same without the line that is cut."""
        key = _keys(np.array([self.cut], np.uint64))[0]
        counts = self.counts - (self.keys == key)
        left = counts > 0
        total = (self.total - self.cut) & _LARGEST
        return Sketch(self.lines - 1, total, self.limit, self.keys[left], counts[left])

    def overlap(self, other: Sketch) -> float:
        """Return the share of this file's lines that seem to be in the other one, 0 where that cannot be told."""
        _, counts, there = self._shared(other)
        return float(np.minimum(counts, there).sum() / counts.sum()) if len(counts) else 0.0

    def without(self, part: Sketch) -> Sketch:
        """Return the sketch of the lines that are left when those of a part, which is within, are taken out."""
        keys, counts, there = self._shared(part)
        left = counts > there
        total = (self.total - part.total) & _LARGEST
        limit = min(self.limit, part.limit)
        return Sketch(self.lines - part.lines, total, limit, keys[left], (counts - there)[left])

    def _shared(self, other: Sketch) -> tuple[Ints, Ints, Ints]:
        """Return the numbers that both sketches know all about, and how often each occurs here and there."""
        known = self.keys <= min(self.limit, other.limit)
        keys, counts = self.keys[known], self.counts[known]
        place = np.searchsorted(other.keys, keys)
        at = np.minimum(place, max(len(other.keys) - 1, 0))
        there = np.where(other.keys[at] == keys, other.counts[at], 0) if len(other.keys) else np.zeros_like(counts)
        return keys, counts, there

    def pack(self) -> bytes:
        """Return it as bytes."""
        head = np.array([[self.lines, self.total], [self.limit, self.cut]], np.uint64).view(np.int64)
        steps = np.diff(self.keys, prepend=0)
        return packed(np.vstack([head, np.column_stack([steps, self.counts])]))

    @classmethod
    def unpack(cls, blob: bytes) -> Self:
        """Return what `pack` was given.

        Raises:
            Damaged: It is something else.
        """
        table, _ = unpacked([blob], 2)
        if len(table) < _TOP:
            raise Damaged("packed lines are cut short")
        (lines, total), (limit, cut) = table[:_TOP].view(np.uint64).tolist()
        return cls(lines, total, limit, np.cumsum(table[_TOP:, 0]), table[_TOP:, 1].copy(), cut)


@dataclass(frozen=True)
class Print:
    """The fingerprint of one file.

    Attributes:
        sha: SHA-256 of the decompressed content.
        length: Its bytes.
        beginnings: SHA-256 of its first so many bytes, for the lengths that were asked for.
        sketch: Its lines.
    """

    sha: bytes
    length: int
    beginnings: dict[int, bytes]
    sketch: Sketch


class Fingerprint:
    """Is told the decompressed bytes of one file, piece by piece.

    Args:
        lengths: Lengths of beginnings whose hash is wanted.
    """

    def __init__(self, lengths: Iterable[int] = ()) -> None:
        self._sha, self._length = sha256(), 0
        self._lengths = sorted(set(lengths), reverse=True)
        self._beginnings: dict[int, bytes] = {}
        self._lines = _Lines()

    def __call__(self, piece: bytes) -> None:
        """Take the next bytes."""
        view, done = memoryview(piece), 0
        while self._lengths and self._lengths[-1] <= self._length + len(piece):
            end = self._lengths.pop()
            self._sha.update(view[done : end - self._length])
            done = end - self._length
            self._beginnings[end] = self._sha.digest()
        self._sha.update(view[done:])
        self._length += len(piece)
        self._lines.add(piece)

    def result(self) -> Print:
        """Return the fingerprint of all that was told."""
        return Print(self._sha.digest(), self._length, self._beginnings, self._lines.sketch())


class _Lines:
    """Cuts pieces into lines and keeps the lowest numbers; of an over-long line only head and length matter."""

    def __init__(self) -> None:
        self._rest, self._over = b"", 0  # the begun line, and how much of it was let go
        self._lines = 0
        self._total = 0
        self._limit = _FULL
        self._keys, self._counts = np.empty(0, np.int64), np.empty(0, np.int64)
        self._pending: list[Ints] = []

    def add(self, piece: bytes) -> None:
        begins = 0
        if self._over:
            begins = piece.find(b"\n") + 1
            self._over += begins - 1 if begins else len(piece)
            if not begins:
                return
            self._note(self._rest + b"\n", self._over)
            self._rest, self._over = b"", 0
        end = piece.rfind(b"\n", begins) + 1
        if end:
            self._note(self._rest + piece[begins:end])
            self._rest = piece[end:]
        else:
            self._rest += piece[begins:]
        if len(self._rest) > MAX_LINE:
            self._over = len(self._rest) - MAX_LINE
            self._rest = self._rest[:MAX_LINE]

    def sketch(self) -> Sketch:
        cut = int(self._note(self._rest + b"\n", self._over)[0]) if self._rest else 0
        self._rest, self._over = b"", 0
        self._fold()
        return Sketch(self._lines, self._total, self._limit, self._keys, self._counts, cut)

    def _note(self, data: bytes, more: int = 0) -> Words:
        hashes = _hashes(data, more)
        self._lines += len(hashes)
        self._total = (self._total + int(hashes.sum(dtype=np.uint64))) & _LARGEST
        keys = _keys(hashes)
        self._pending.append(keys[keys <= self._limit])
        if sum(map(len, self._pending)) > _FOLD_AT:
            self._fold()
        return hashes

    def _fold(self) -> None:
        pending, self._pending = np.concatenate([np.empty(0, np.int64), *self._pending]), []
        weights = np.concatenate([self._counts, np.ones(len(pending), np.int64)])
        keys, place = np.unique(np.concatenate([self._keys, pending]), return_inverse=True)
        counts = np.bincount(place, weights, minlength=len(keys)).astype(np.int64)
        self._keys, self._counts = keys[:KEPT], counts[:KEPT]
        if len(keys) >= KEPT:
            self._limit = int(self._keys[-1])


def _keys(hashes: Words) -> Ints:
    """Return the numbers of lines, which are the upper bits of their hashes."""
    keys: Ints = (hashes >> np.uint64(64 - _BITS)).astype(np.int64)
    return keys


def _hashes(data: bytes, more: int) -> Words:
    """Return a number for each line, each ended by LF; `more` is the length of the first that was let go."""
    raw = np.frombuffer(data + bytes(PAD), np.uint8)
    if kernel.on:
        return kernel.hash_lines(raw, len(data), more, _HEAD)
    ends = np.flatnonzero(raw[: len(data)] == _LF)
    starts = np.concatenate(([0], ends[:-1] + 1))
    words = np.ndarray((len(data),), "<u8", raw.data, strides=(1,))
    lengths = (ends - starts).astype(np.int64)
    heads, hashes = np.minimum(lengths, _HEAD), np.zeros(len(ends), np.uint64)
    for at in range(0, int(heads.max()), _WORD):
        rows = np.flatnonzero(heads > at)
        hashes[rows] = _mixed(hashes[rows], _masked(words[starts[rows] + at], heads[rows] - at))
    lengths[0] += more
    return _mixed(hashes, lengths.astype(np.uint64))


def _mixed(hashes: Words, words: Words) -> Words:
    hashes = (hashes ^ words) * _FACTOR
    return hashes ^ (hashes >> _SHIFT)


def _masked(words: Words, lengths: Ints) -> Words:
    """Return words without what follows a text that is shorter; none is empty."""
    return words & (_ALL >> (64 - 8 * np.minimum(lengths, _WORD)).astype(np.uint64))
