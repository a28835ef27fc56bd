"""Tables of whole numbers as bytes, small and the same for the same table.

Numbers are set down byte plane by byte plane (all lowest bytes, then all second ones, ...), which zlib makes short:
the planes of small numbers are nothing but zeros.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from cdnlog.buffer import Ints


class Damaged(Exception):  # noqa: N818 - it says what the store is
    """What a store holds is not what was put there; whoever opened the store says so."""


_LIMB = 62  # bits of the lower part of a sum: sums may be larger than 64 bits hold
_LEVEL = 6


def packed(table: Ints) -> bytes:
    """Return a table of int64 as bytes."""
    planes = np.ascontiguousarray(table, "<i8").view(np.uint8).reshape(len(table), table.shape[1] * 8).T
    return zlib.compress(planes.tobytes(), _LEVEL)


def unpacked(blobs: Iterable[bytes], columns: int) -> tuple[Ints, list[int]]:
    """Return many packed tables one under the other, and the rows of each.

    Raises:
        Damaged: One is none.
    """
    try:
        planes = [np.frombuffer(plain(blob), np.uint8).reshape(columns * 8, -1) for blob in blobs]
    except ValueError as error:
        raise Damaged("packed counts are cut short") from error
    rows = b"".join(part.T.tobytes() for part in planes)
    return np.frombuffer(rows, "<i8").astype(np.int64).reshape(-1, columns), [part.shape[1] for part in planes]


def plain(blob: bytes) -> bytes:
    """Return the planes of a packed table, whose checksum zlib looks at.

    Raises:
        Damaged: It is none.
    """
    try:
        return zlib.decompress(blob)
    except (zlib.error, TypeError) as error:
        raise Damaged(f"packed counts cannot be unpacked ({error})") from error


def limbs(sums: npt.NDArray[Any]) -> Ints:
    """Return sums of any size as two columns of int64 each: first all lower parts, then all higher ones."""
    mask = (1 << _LIMB) - 1
    return np.hstack([(sums & mask).astype(np.int64), (sums >> _LIMB).astype(np.int64)])


def whole(parts: Ints) -> npt.NDArray[Any]:
    """Return the sums of their limbs: int64, Python integers where one needs them."""
    low, high = np.hsplit(parts, 2)
    if not high.any():
        return low
    joined: npt.NDArray[Any] = low.astype(object) + (high.astype(object) << _LIMB)
    return joined
