"""The innermost loops over a block's bytes, compiled from the C files beside this one.

They are there if a C compiler was when cdnlog was installed. Each does what a numpy function elsewhere does: that one
is what it is tested against, and what runs where the kernel is missing or `CDNLOG_KERNEL=off` is set. A call lets
other threads run.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, Structure, byref, c_int, c_int64, c_uint64, c_void_p
from pathlib import Path
from typing import Any, cast
from zlib import crc32

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]
Splits = tuple[Ints, Ints, Ints]

HERE = Path(__file__).parent
LARGEST = 2**31
"""Bytes of a buffer, at most: positions have four bytes."""
_LF, _QUOTE = b'\n"'


class Slices(Structure):
    """Where texts stand: the address of their bytes, the first byte and the length of each."""

    _fields_ = (("data", c_void_p), ("start", c_void_p), ("length", c_void_p), ("rows", c_int64))


class Layout(Structure):
    """How lines of a delimited format are split; see `lines.c`."""

    _fields_ = (
        ("fields", c_int64), ("required", c_int64), ("separator", c_int64), ("quote", c_int64), ("backslash", c_int64),
        ("tail", c_int64), ("comment", c_int64), ("longest", c_int64), ("kind", c_void_p), ("inner", c_void_p),
    )  # fmt: skip


class Table(Structure):
    """A table of distinct texts; see `words.c`."""

    _fields_ = (
        ("slots", c_int64), ("capacity", c_int64), ("count", c_int64), ("used", c_int64), ("room", c_int64),
        ("secret", c_uint64), ("slot", c_void_p), ("hash", c_void_p), ("start", c_void_p), ("length", c_void_p),
        ("text", c_void_p),
    )  # fmt: skip


class Tree(Structure):
    """The keys of JSON objects that are asked for; see `json.c`."""

    _fields_ = (
        ("width", c_int64), ("first", c_void_p), ("count", c_void_p), ("key", c_void_p), ("length", c_void_p),
        ("target", c_void_p), ("below", c_void_p), ("text", c_void_p),
    )  # fmt: skip


class CellTable(Structure):
    """A table of sums by key; see `sums.c`."""

    _fields_ = (
        ("slots", c_int64), ("capacity", c_int64), ("count", c_int64), ("keys", c_int64), ("secret", c_uint64),
        ("slot", c_void_p), ("key", c_void_p), ("sum", c_void_p),
    )  # fmt: skip


class Rows(Structure):
    """Rows to add up; see `sums.c`."""

    _fields_ = (
        ("rows", c_int64), ("value", c_void_p), ("unit", c_void_p), ("bytes", c_void_p), ("weight", c_void_p),
        ("cache", c_void_p), ("meaning", c_void_p),
    )  # fmt: skip


class Moments(Structure):
    """Where times are written to; see `values.c`."""

    _fields_ = (("local", c_void_p), ("offset", c_void_p), ("bad", c_void_p), ("strange", c_void_p))


_SLICES, _P, _N = POINTER(Slices), c_void_p, c_int64
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "scan": (c_int64, (_P, _N, POINTER(Layout), _P, _P, _P, _P, _P, _P)),
    "count_lines": (c_int64, (_P, _N)),
    "unsigned_numbers": (None, (_SLICES, _P, _P)),
    "signed_numbers": (None, (_SLICES, _P, _P)),
    "decimals": (None, (_SLICES, _N, _P, _P)),
    "statuses": (None, (_SLICES, _P, _P)),
    "words": (None, (_SLICES, _P)),
    "addresses": (None, (_SLICES, _P)),
    "compact_times": (None, (_SLICES, _P, _P, _P)),
    "clf_times": (None, (_SLICES, POINTER(Moments))),
    "iso_times": (None, (_SLICES, POINTER(Moments))),
    "epoch_times": (None, (_SLICES, POINTER(Moments))),
    "intern": (c_int64, (_SLICES, POINTER(Table), _P, _P)),
    "mix_heads": (None, (_SLICES, _N, _P)),
    "mix_numbers": (None, (_P, _N, _P)),
    "find_first": (None, (_SLICES, c_int, _P)),
    "hold_odd": (None, (_SLICES, _P)),
    "hold_any": (None, (_SLICES, _P, _P)),
    "gather": (None, (_SLICES, _P)),
    "add_up": (None, (_P, _N, _P, _N, _P, _P)),
    "add_rows": (c_int64, (POINTER(CellTable), POINTER(Rows), _N)),
    "place_cells": (None, (POINTER(CellTable),)),
    "json_values": (c_int64, (_P, _N, _P, _P, _P, POINTER(Tree), _P, _P, _P)),
}


def _loaded(folder: Path) -> Any:  # noqa: ANN401 - a library's functions have no static types
    """Return the library in a folder; None if there is none that can be used."""
    path = folder / "kernel.so"
    try:
        # A library of other sources may do other things, and one that was cut short may crash when it is loaded.
        parts = [path, *sorted(HERE.glob("*.[ch]"))]
        if path.with_suffix(".sum").read_text("ascii") != f"{crc32(b''.join(p.read_bytes() for p in parts)):08x}":
            return None
        library = ctypes.CDLL(str(path))
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, ValueError, AttributeError):
        return None  # it is not there, or was made for another machine
    return library


_library: Any = None if os.environ.get("CDNLOG_KERNEL") == "off" else _loaded(HERE)
on = _library is not None
"""Whether the compiled functions are there and to be used."""


def slices(address: int, start: Ints, length: Ints) -> Slices:
    """Return where texts stand, as the kernel wants it told; the arrays must outlive what is returned."""
    return Slices(address, _at(start), _at(length), len(start))


def _at(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def _whole(array: Ints) -> Ints:
    return np.ascontiguousarray(array, np.int32)


def count_lines(data: bytes, size: int) -> int:
    """Return the number of LFs in the first bytes."""
    return int(_library.count_lines(data, size))


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
        longest, *map(_at, arrays),
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
    found = _library.scan(
        address, lines, byref(made) if made else None, _at(start), _at(end), _at(control), _at(rows), _at(starts),
        _at(lengths),
    )  # fmt: skip
    return (start, end, control), (rows[:found], starts[:, :found], lengths[:, :found])


def numbers(function: str, address: int, start: Ints, length: Ints, *more: int) -> tuple[Ints, Flags]:
    """Read numbers: their values, 0 where they are none, and which are none."""
    start, length = _whole(start), _whole(length)
    values, bad = np.empty(len(start), np.int64), np.empty(len(start), bool)
    getattr(_library, function)(slices(address, start, length), *more, _at(values), _at(bad))
    return values, bad


def checked(function: str, address: int, start: Ints, length: Ints) -> Flags:
    """Return which texts are faulty."""
    start, length = _whole(start), _whole(length)
    bad = np.empty(len(start), bool)
    getattr(_library, function)(slices(address, start, length), _at(bad))
    return bad


def compact_times(address: int, start: Ints, length: Ints) -> tuple[Ints, Flags, Flags]:
    """Read YYYYMMDDhhmmss: seconds, which are none, which are of a strange year."""
    start, length = _whole(start), _whole(length)
    seconds, bad, strange = np.empty(len(start), np.int64), np.empty(len(start), bool), np.empty(len(start), bool)
    _library.compact_times(slices(address, start, length), _at(seconds), _at(bad), _at(strange))
    return seconds, bad, strange


def moments(function: str, address: int, start: Ints, length: Ints) -> tuple[Ints, Ints, Flags, Flags]:
    """Read times: microseconds on the clock, its distance from UTC in seconds, which are none, which are strange."""
    start, length = _whole(start), _whole(length)
    local, offset = np.empty(len(start), np.int64), np.empty(len(start), np.int64)
    bad, strange = np.empty(len(start), bool), np.empty(len(start), bool)
    out = Moments(_at(local), _at(offset), _at(bad), _at(strange))
    getattr(_library, function)(slices(address, start, length), byref(out))
    return local, offset, bad, strange


def find_first(address: int, start: Ints, length: Ints, byte: int) -> Ints:
    """Return where a byte stands first in each text, its end where it does not."""
    start, length = _whole(start), _whole(length)
    place = np.empty(len(start), np.int32)
    _library.find_first(slices(address, start, length), byte, _at(place))
    return cast("Ints", place)


def hold_any(address: int, start: Ints, length: Ints, flags: Flags) -> Flags:
    """Mark the texts that hold a byte of the 256 flags."""
    start, length = _whole(start), _whole(length)
    holds = np.empty(len(start), bool)
    _library.hold_any(slices(address, start, length), _at(flags), _at(holds))
    return holds


def gather(address: int, start: Ints, length: Ints) -> npt.NDArray[np.uint8]:
    """Copy texts one behind the other."""
    start, length = _whole(start), _whole(length)
    out = np.empty(int(length.sum(dtype=np.int64)), np.uint8)
    _library.gather(slices(address, start, length), _at(out))
    return out


def mix_heads(address: int, start: Ints, length: Ints, width: int, hashes: Hashes) -> Hashes:
    """Go on hashing rows, in place, by the length and the first words of a text."""
    start, length = _whole(start), _whole(length)
    _library.mix_heads(slices(address, start, length), width, _at(hashes))
    return hashes


def mix_numbers(values: Ints, hashes: Hashes) -> Hashes:
    """Go on hashing rows, in place, by a number."""
    values = np.ascontiguousarray(values, np.int64)
    _library.mix_numbers(_at(values), len(values), _at(hashes))
    return hashes


def add_up(keys: Ints, sums: Ints, size: int) -> tuple[Ints, Ints]:
    """Add the rows of sums (measures, rows) up by keys below `size`: (size, measures), and rows of each key."""
    keys, sums = np.ascontiguousarray(keys, np.int64), np.ascontiguousarray(sums, np.int64)
    table, rows = np.zeros((size, len(sums)), np.int64), np.zeros(size, np.int64)
    _library.add_up(_at(keys), len(keys), _at(sums), len(sums), _at(table), _at(rows))
    return table, rows


class Interned:
    """Texts by number, the same number for equal texts.

    Args:
        capacity: Texts that there is room for.
        room: Bytes of text that there is room for; without any the texts stay where they are, in one buffer.
    """

    def __init__(self, capacity: int, room: int = 0) -> None:
        slots = 1 << max(2 * capacity, 8).bit_length()
        self._slot, self._hash = np.full(slots, -1, np.int64), np.empty(capacity, np.uint64)
        self._start, self._length = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
        self._text = np.empty(room, np.uint8)
        secret = int.from_bytes(os.urandom(8), "little")
        arrays: tuple[Array, ...] = (self._slot, self._hash, self._start, self._length, self._text)
        self._table = Table(slots, capacity, 0, 0, room, secret, *map(_at, arrays))

    def __len__(self) -> int:
        """Number of distinct texts."""
        return int(self._table.count)

    def codes(self, address: int, start: Ints, length: Ints) -> tuple[Ints, Ints] | None:
        """Return the number of each text, and for each new number a row that has it; None if one does not fit."""
        start, length = _whole(start), _whole(length)
        if not self._table.room:
            self._table.text = address
        code, first = np.empty(len(start), np.int64), np.empty(len(start), np.int64)
        new = _library.intern(slices(address, start, length), byref(self._table), _at(code), _at(first))
        return None if new < 0 else (code, first[:new])


class Sums:
    """Sums of four measures by key, in a table that grows.

    Args:
        keys: Numbers of a key, at most 32.
    """

    MEASURES = 4

    def __init__(self, keys: int) -> None:
        self._keys, self._capacity, self._secret = keys, 2048, int.from_bytes(os.urandom(8), "little")
        self._key = np.empty((self._capacity, keys), np.int64)
        self._sum = np.empty((self._capacity, self.MEASURES), np.int64)
        self._place(0)

    def _place(self, count: int) -> None:
        """Lay the table out for as many cells as it has room for."""
        slots = 1 << (2 * self._capacity).bit_length()
        self._slot = np.full(slots, -1, np.int32)
        arrays: tuple[Array, ...] = (self._slot, self._key, self._sum)
        self._table = CellTable(slots, self._capacity, count, self._keys, self._secret, *map(_at, arrays))
        _library.place_cells(byref(self._table))

    def _grow(self) -> None:
        count = int(self._table.count)
        self._capacity *= 2
        for name in ("_key", "_sum"):
            old = getattr(self, name)
            new = np.empty((self._capacity, old.shape[1]), np.int64)
            new[:count] = old[:count]
            setattr(self, name, new)
        self._place(count)

    def add(  # noqa: PLR0913, PLR0917 - a key, and four measures of three columns
        self,
        values: list[Ints],
        units: list[int],
        sent: Ints | None,
        weight: Ints | None,
        cache: Ints | None,
        meaning: npt.NDArray[np.uint8],
    ) -> int:
        """Add rows up; return how many were: the sum of the next one would not fit into 64 bits.

        Args:
            values: The numbers of the key, each in all rows.
            units: What each is counted in: the key has the whole units.
            sent: Bytes of each row, None for 0.
            weight: How many requests each row stands for, None for 1.
            cache: What its cache did, by number.
            meaning: Of each of these numbers: 0 for nothing, 1 for a lookup, 2 for a hit.
        """
        held = [np.ascontiguousarray(array, np.int64) for array in values]
        at, unit = np.array([_at(array) for array in held], np.int64), np.array(units, np.int64)
        measures = [None if array is None else np.ascontiguousarray(array, np.int64) for array in (sent, weight, cache)]
        rows, done = len(held[0]), 0
        told = Rows(rows, _at(at), _at(unit), *(None if a is None else _at(a) for a in measures), _at(meaning))
        while done < rows:
            done = int(_library.add_rows(byref(self._table), byref(told), done))
            if done == rows or self._table.count < self._capacity:
                break
            self._grow()
        return done

    @property
    def cells(self) -> tuple[Ints, Ints]:
        """The keys and the sums: (cells, numbers of a key) and (cells, measures)."""
        count = int(self._table.count)
        return self._key[:count], self._sum[:count]


class Keys:
    """The keys of JSON objects that are asked for.

    Args:
        leaves: Their paths, sorted, none the beginning of another.
    """

    def __init__(self, leaves: list[tuple[str, ...]]) -> None:
        nodes: list[tuple[str, ...]] = [(), *sorted({leaf[:n] for leaf in leaves for n in range(1, len(leaf))})]
        first: list[int] = []
        count: list[int] = []
        key: list[bytes] = []
        target: list[int] = []
        below: list[int] = []
        for node in nodes:
            children = sorted({path[: len(node) + 1] for path in leaves if path[: len(node)] == node})
            first.append(len(key))
            count.append(len(children))
            for child in children:
                key.append(child[-1].encode("utf-8", "surrogatepass"))
                inside = [i for i, leaf in enumerate(leaves) if leaf[: len(child)] == child]
                target.append(leaves.index(child) if child in leaves else -nodes.index(child))
                below += [inside[0], inside[-1] + 1]
        length = [len(one) for one in key]
        place = np.cumsum([0, *length])[:-1]
        self._arrays = [np.array(column, np.int64) for column in (first, count, place, length, target, below)]
        self._text = np.frombuffer(b"".join(key), np.uint8)
        self._tree = Tree(len(leaves), *map(_at, self._arrays), _at(self._text))

    def values(self, address: int, begin: Ints, end: Ints, candidate: Flags) -> tuple[Ints, Ints, Ints]:
        """Return the lines that are plainly objects, and where their values stand: starts and ends, (leaves, rows)."""
        rows = np.empty(len(begin), np.int64)
        start, stop = (np.empty((self._tree.width, len(begin)), np.int32) for _ in range(2))
        candidate = np.ascontiguousarray(candidate)
        count = _library.json_values(
            address, len(begin), _at(begin), _at(end), _at(candidate), byref(self._tree), _at(rows), _at(start),
            _at(stop),
        )  # fmt: skip
        return rows[:count], start[:, :count], stop[:, :count]
