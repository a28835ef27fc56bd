"""Texts of kept rows, laid out one behind the other: no Python object per text until somebody wants to read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from cdnlog import kernel
from cdnlog.buffer import Buffer, Bytes, Ints, distinct
from cdnlog.columns import Coded, Column, Numbers, Texts

LONGEST = 256
"""Characters kept of a text; longer ones end in an ellipsis."""
_MISSING = -1
_NO_TEXT = 1 << 32  # what a missing text is hashed to: no CRC is that large


@dataclass(frozen=True)
class Strings:
    """The texts of one column.

    Attributes:
        data: Their bytes, UTF-8, safe to print.
        length: Bytes of each, -1 for a missing one; int16 for the rows of `strings`, of which many are held.
    """

    data: Bytes
    length: npt.NDArray[np.signedinteger]

    @property
    def _spans(self) -> tuple[Ints, Ints]:
        length = np.maximum(self.length, 0, dtype=np.int64)
        return np.cumsum(length) - length, length

    def take(self, rows: Ints) -> Strings:
        """Return some of the texts."""
        start, length = self._spans
        return Strings(_gathered(self.data, start[rows], length[rows]), self.length[rows])

    def hashes(self, rows: Ints) -> Ints:
        """Return a checksum of each of some texts."""
        some = self.take(rows)
        codes, texts = some.numbered()
        return np.where(some.length < 0, _NO_TEXT, np.array(list(map(crc32, texts)), np.int64)[codes])

    def coded(self) -> tuple[Ints, list[str | None]]:
        """Return the code of each row and the text of each code, None for a missing one."""
        codes, texts = self.numbered()
        values: list[str | None] = [text.decode("utf-8", "surrogatepass") for text in texts]
        missing = self.length < 0
        if missing.any():
            codes = np.where(missing, len(values), codes)
            values.append(None)
        return codes, values

    def numbered(self) -> tuple[Ints, list[bytes]]:
        """Return the number of each text, and the text of each number; a missing text is an empty one."""
        buffer = Buffer(self.data.tobytes())
        start, length = self._spans
        codes, rows = distinct(buffer, start, length)
        return codes, [buffer.text(s, s + n) for s, n in zip(start[rows].tolist(), length[rows].tolist(), strict=True)]


def joined(parts: Sequence[Strings]) -> Strings:
    """Return the texts of all parts."""
    return Strings(np.concatenate([part.data for part in parts]), np.concatenate([part.length for part in parts]))


def strings(column: Column | None, rows: Ints) -> Strings:
    """Return the texts of some rows of a column; of one that the log does not have all are missing."""
    if column is None:
        return Strings(np.empty(0, np.uint8), np.full(len(rows), _MISSING, np.int16))
    texts = _strings(column, rows)
    return Strings(texts.data, texts.length.astype(np.int16))  # `LONGEST` characters are four times as many bytes


def _strings(column: Column, rows: Ints) -> Strings:
    if isinstance(column, Numbers):
        numbers, codes = np.unique(column.values[rows], return_inverse=True)
        return _of_values(codes, list(map(str, numbers.tolist())))
    if isinstance(column, Coded):
        codes, values = column.codes
        return _of_values(codes[rows], values)
    if column.verbatim:
        return verbatim(column.take(rows), LONGEST)
    if "codes" in column.__dict__:  # worked out for the counts already
        codes, values = column.codes
        return _of_values(codes[rows], values)
    return _of_values(*column.take(rows).codes)


def _of_values(codes: Ints, values: Sequence[str | None]) -> Strings:
    if len(values) > len(codes):
        used, codes = np.unique(codes, return_inverse=True)
        values = [values[code] for code in used.tolist()]
    texts = [_short(value) for value in values]
    length = np.array([_MISSING if text is None else len(text) for text in texts] or [0], np.int64)
    data = np.frombuffer(b"".join(text or b"" for text in texts), np.uint8)
    size = np.maximum(length, 0)
    return Strings(_gathered(data, (np.cumsum(size) - size)[codes], size[codes]), length[codes])


def verbatim(texts: Texts, longest: int | None = None) -> Strings:
    """Copy what stands in the log as it will be shown, texts beyond the longest cut; the few others one by one."""
    missing = texts.buffer.is_null(texts.start, texts.length, texts.nulls)
    odd = texts.odd if longest is None else texts.odd | (texts.length > longest)
    rows = np.flatnonzero(odd & ~missing)
    length = np.where(missing, 0, texts.length)
    start, buffer = texts.start, texts.buffer
    if len(rows):
        shown = [_short(value, longest) or b"" for value in texts.meanings(rows)]
        start, length = start.copy(), length.copy()
        length[rows] = [len(text) for text in shown]
        start[rows] = buffer.size + np.cumsum(length[rows]) - length[rows]
        buffer = Buffer(buffer.data[: buffer.size] + b"".join(shown))
    kept = _MISSING if texts.null is None else 0
    return Strings(_gathered(buffer.bytes, start, length), np.where(missing, kept, length))


def _short(value: str | None, longest: int | None = LONGEST) -> bytes | None:
    if value is None:
        return None
    shown = value if longest is None or len(value) <= longest else value[: longest - 1] + "…"
    return shown.encode("utf-8", "surrogatepass")


def _gathered(data: Bytes, start: Ints, length: Ints) -> Bytes:
    """Copy slices one behind the other."""
    if kernel.on and len(data) < kernel.LARGEST:
        return kernel.gather(data.ctypes.data, start, length)
    place = np.cumsum(length) - length
    return data[np.repeat(start - place, length) + np.arange(int(length.sum()))]
