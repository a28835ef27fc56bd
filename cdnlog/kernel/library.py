"""The compiled library: what its functions take, and where it is loaded from."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, Structure, c_int, c_int64, c_uint64, c_void_p
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

HERE = Path(__file__).parent


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
        ("slot", c_void_p), ("cell", c_void_p),
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
    "hash_lines": (None, (_P, _N, _N, _N, _P)),
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


def load(folder: Path) -> Any:  # noqa: ANN401 - a library's functions have no static types
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


functions: Any = None if os.environ.get("CDNLOG_KERNEL") == "off" else load(HERE)
"""The functions of the library that is used; None if there is none."""


def slices(address: int, start: Ints, length: Ints) -> Slices:
    """Return where texts stand, as the kernel wants it told; the arrays must outlive what is returned."""
    return Slices(address, at(start), at(length), len(start))


def at(array: Array) -> int:
    """Return the address of an array's first element."""
    return int(array.ctypes.data)


def whole(array: Ints) -> Ints:
    """Return positions as the kernel takes them: four bytes each, one behind the other."""
    return np.ascontiguousarray(array, np.int32)
