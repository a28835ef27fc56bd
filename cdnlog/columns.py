"""Columns of one batch: numpy arrays over the bytes of a block, turned into text only when asked.

`Numbers` are int64 with an optional mask of missing values. `Texts` are slices of the block; counting needs only
`Texts.codes`, a dictionary of the distinct values, so most log text never becomes a Python string.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from cdnlog import kernel
from cdnlog.buffer import Bools, Buffer, Ints, Words, distinct, group, mixed


@dataclass(frozen=True, slots=True)
class Numbers:
    """Whole numbers.

    Attributes:
        values: int64; 0 where missing.
        missing: True where the log has a null marker, None if there is none in the batch.
    """

    values: Ints
    missing: Bools | None = None

    def take(self, rows: Bools | Ints) -> Numbers:
        """Return some of the rows."""
        return Numbers(self.values[rows], None if self.missing is None else self.missing[rows])


@dataclass(frozen=True)
class Texts:
    """Slices of a block's bytes.

    Attributes:
        buffer: The block.
        start: int64, first byte of each slice.
        length: int64, bytes of each slice.
        translate: What a slice means: text that is safe to print, or None for a missing value.
        verbatim: Whether `translate` leaves printable ASCII as it stands, but for `special`.
        nulls: The slices that mean "missing", besides the empty one.
        null: What a missing value is shown as, None for missing.
        known: Values met before in this column; shared by the batches of a file.
        special: Printable characters that `translate` may turn into others, whatever stands around them.
    """

    buffer: Buffer
    start: Ints
    length: Ints
    translate: Callable[[bytes], str | None]
    verbatim: bool = False
    nulls: tuple[bytes, ...] = ()
    null: str | None = None
    known: Dictionary | None = None
    special: bytes = b""

    def take(self, rows: Bools | Ints) -> Texts:
        """Return some of the rows."""
        return replace(self, start=self.start[rows], length=self.length[rows])

    @cached_property
    def codes(self) -> tuple[Ints, list[str | None]]:
        """Code of each row and the value of each code; two codes may mean the same value."""
        if self.known is not None and (codes := self.known.codes(self)) is not None:
            return codes, self.known.values
        codes, rows = distinct(self.buffer, self.start, self.length)
        return codes, self.meanings(rows)

    def meanings(self, rows: Ints) -> list[str | None]:
        """Return what these rows mean."""
        spans = zip(self.start[rows].tolist(), self.length[rows].tolist(), strict=True)
        raws = (self.buffer.text(s, s + n) for s, n in spans)
        return [self.null if not raw or raw in self.nulls else self.translate(raw) for raw in raws]

    @property
    def odd(self) -> Bools:
        """Mark the rows that mean something other than they look like."""
        odd = self.buffer.holds_odd(self.start, self.length)
        return odd | self.buffer.holds(self.special, self.start, self.length) if self.special else odd

    def words(self, width: int) -> list[Words]:
        """Return the first `width` words of every row, zero beyond its end."""
        last = self.buffer.size  # where a row that has ended is read from: nothing of it is used
        words = [self.buffer.word(self.start, self.length)] if width else []
        for i in range(1, width):
            start, left = np.minimum(self.start + 8 * i, last), np.maximum(self.length - 8 * i, 0)
            words.append(self.buffer.word(start, left))
        return words


class Dictionary(Protocol):
    """The distinct values of a column that has few and short ones, kept over the batches of a file."""

    values: list[str | None]

    def codes(self, texts: Texts) -> Ints | None:
        """Return the code of every row, learning new values; None if the column is not of this kind."""


def dictionary() -> Dictionary:
    """Return a new dictionary."""
    return InternedWords() if kernel.on else HashedWords()


class InternedWords:
    """A dictionary in the kernel's table."""

    SIZE, ROOM = 16_384, 1024 * 1024
    """Entries that are kept, and their bytes; a column with more is numbered batch by batch."""

    def __init__(self) -> None:
        self.values: list[str | None] = []
        self._full = False

    @cached_property
    def _interned(self) -> kernel.Interned:
        return kernel.Interned(self.SIZE, self.ROOM)

    def codes(self, texts: Texts) -> Ints | None:
        """Return the code of every row, learning new values; None if the column is not of this kind."""
        if self._full:
            return None
        found = self._interned.codes(texts.buffer.address, texts.start, texts.length)
        if found is None:
            self._full = True  # some of the batch may be in it: it knows more than `values`
            return None
        codes, new = found
        if len(new):
            self.values = self.values + texts.meanings(new)
        return codes


class HashedWords:
    """A dictionary in numpy.

    A row is looked up by the hash of its words and then compared with the entry word by word: no sorting, no Python
    object per value, and never a wrong answer.
    """

    WIDTH = 8
    """Words of the longest value that is kept."""
    SIZE = 4096
    """Entries that are kept; a column with more is numbered batch by batch."""

    def __init__(self) -> None:
        self.values: list[str | None] = []
        self._hashes = np.empty(0, np.uint64)  # sorted, and the entries in the same order:
        self._words = np.empty((0, self.WIDTH), np.uint64)
        self._length = np.empty(0, np.int64)
        self._place = np.empty(0, np.int64)

    def codes(self, texts: Texts) -> Ints | None:
        """Return the code of every row, learning new values; None if the column is not of this kind."""
        width = -(-int(texts.length.max(initial=0)) // 8)
        if width > self.WIDTH or len(self.values) > self.SIZE:
            return None
        words = texts.words(width)
        hashes = mixed(texts.length, words)
        codes, known = self._find(hashes, words, texts.length)
        if known.all():
            return codes
        self._learn(texts, words, hashes, np.flatnonzero(~known))
        codes, known = self._find(hashes, words, texts.length)
        return codes if known.all() else None  # two values with one hash

    def _find(self, hashes: Words, words: list[Words], length: Ints) -> tuple[Ints, Bools]:
        if not self.values:
            return np.zeros(len(hashes), np.int64), np.zeros(len(hashes), bool)
        at = np.minimum(np.searchsorted(self._hashes, hashes), len(self.values) - 1)
        known: Bools = (self._hashes[at] == hashes) & (self._length[at] == length)
        for i, column in enumerate(words):
            known &= self._words[at, i] == column
        return self._place[at], known

    def _learn(self, texts: Texts, words: list[Words], hashes: Words, rows: Ints) -> None:
        _, first = group(hashes[rows])
        new = rows[first]
        entries = np.zeros((len(new), self.WIDTH), np.uint64)
        for i, column in enumerate(words):
            entries[:, i] = column[new]
        place = np.arange(len(self.values), len(self.values) + len(new))
        self.values = self.values + texts.meanings(new)
        order = np.argsort(hashes_all := np.concatenate([self._hashes, hashes[new]]))
        self._hashes = hashes_all[order]
        self._words = np.concatenate([self._words, entries])[order]
        self._length = np.concatenate([self._length, texts.length[new]])[order]
        self._place = np.concatenate([self._place, place])[order]


@dataclass(frozen=True, slots=True)
class Coded:
    """Values by number, as they come out of a frame: code of each row, and the value of each code."""

    codes: tuple[Ints, list[str | None]]

    def take(self, rows: Bools | Ints) -> Coded:
        """Return some of the rows."""
        return Coded((self.codes[0][rows], self.codes[1]))


Column = Numbers | Texts | Coded


def heads(column: Column, width: int) -> list[Words]:
    """Return the length and the first words of each row's text, the same for a block's slices and a frame's values."""
    if isinstance(column, Numbers):
        return [column.values.view(np.uint64)]
    if isinstance(column, Texts):
        missing = column.buffer.is_null(column.start, column.length, column.nulls)
        shown = replace(column, length=np.where(missing, 0, column.length)) if missing.any() else column
        return [shown.length.astype(np.uint64), *shown.words(width)]
    codes, values = column.codes
    texts = [(value or "").encode("utf-8", "surrogateescape") for value in values]
    length = np.array([len(text) for text in texts], np.int64)
    whole = Texts(Buffer(b"".join(texts)), np.cumsum(length) - length, length, bytes.decode)
    return [part[codes] for part in (length.astype(np.uint64), *whole.words(width))]


def lengths(column: Column) -> Ints:
    """Return the length in bytes of each row's text."""
    return heads(column, 0)[0].view(np.int64)
