"""Decompression that ends with a verdict: gzip, zstd, bzip2 and xz by one loop over members.

Popular readers return a truncated file as success, or stop after the first member. This loop does not: it yields what
was decoded, bounded in size whatever the ratio, and then says how the stream ended. What it yields is provisional
until then: a checksum is at the end of what it protects, and the last piece of a large corrupt member may be lost.
"""

from __future__ import annotations

import bz2
import contextlib
import lzma
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from isal import igzip_lib, isal_zlib

from cdnlog.model import Verdict

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK = 64 * 1024
"""Compressed bytes read at a time; small, because a decompressor copies what is left over at each member."""
MAX_OUT = 1024 * 1024
"""Decompressed bytes handed on at a time: the bound that makes a bomb harmless."""

_GZIP_HEADER = 10
_GZIP_HCRC, _GZIP_EXTRA, _GZIP_TEXTS, _GZIP_RESERVED = 0x02, 0x04, (0x08, 0x10), 0xE0
_GZIP_LONGEST = 256 * 1024  # bytes of a header
_ZSTD_SKIPPABLE = tuple(bytes([low]) + b"\x2a\x4d\x18" for low in range(0x50, 0x60))
EXPANSION, EXPANDED = 10_000, 1 << 30
"""A file that is larger than so many times what it was packed into, beyond so many bytes, is a bomb and no log."""
_STEP = 256  # decompressed bytes at a time where the fault is near
_XZ_MEMORY = 256 * 1024 * 1024


class Reader(Protocol):
    """What is read from: a file opened in binary mode, unbuffered or not."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""


class Joined:
    """A reader that first gives back the bytes that were read to recognise the compression."""

    def __init__(self, head: bytes, rest: Reader) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        return self._rest.read(size)


class Decompressor(Protocol):
    """The interface that bz2, lzma, zstd and isal share."""

    @property
    def eof(self) -> bool:
        """Whether the member is complete, its checksum included."""

    @property
    def unused_data(self) -> bytes:
        """What was found behind the member."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more can be returned without more data."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most `max_length` bytes."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One compression: how its members begin and how one is decompressed."""

    name: str
    magics: tuple[bytes, ...]
    new: Callable[[], Decompressor]
    padded: bool = False  # zero bytes between and behind members are padding, not garbage


@dataclass(frozen=True, slots=True)
class Ending:
    """How a stream ended, with one clause on what was seen."""

    verdict: Verdict
    problem: str = ""


def _gzip() -> Decompressor:
    decompressor: Decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    return decompressor


def _xz() -> Any:  # noqa: ANN401 - its stubs name the second argument's default otherwise
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


CODECS = (
    Codec("gzip", (b"\x1f\x8b",), _gzip, padded=True),
    Codec("zstd", (b"\x28\xb5\x2f\xfd", *_ZSTD_SKIPPABLE), zstd.ZstdDecompressor),
    Codec("bzip2", (b"BZh",), bz2.BZ2Decompressor),
    Codec("xz", (b"\xfd7zXZ\x00",), _xz, padded=True),
)
MAGIC = max(len(magic) for codec in CODECS for magic in codec.magics)
_ERRORS: tuple[Any, ...] = (EOFError, OSError, ValueError, MemoryError, lzma.LZMAError, zstd.ZstdError, isal_zlib.error)


def codec_of(head: bytes) -> Codec | None:
    """Return the compression that a file's first bytes tell; its name never matters."""
    return next((c for c in CODECS if head.startswith(c.magics)), None)


def decompress(reader: Reader, codec: Codec, max_out: int = MAX_OUT, chunk: int = CHUNK) -> Iterator[bytes | Ending]:
    """Yield the decompressed pieces of all members, none longer than `max_out`, and last an `Ending`."""
    return _Members(reader, codec, max_out, chunk).run()


def _header_is_whole(data: bytes) -> bool:
    """Whether a gzip header (RFC 1952) ends within the data: ISA-L calls one that comes in parts corrupt."""
    if not _GZIP_HEADER <= len(data) <= _GZIP_LONGEST:
        return len(data) > _GZIP_LONGEST
    flags, end = data[3], _GZIP_HEADER
    if flags & _GZIP_EXTRA:
        end += 2 + int.from_bytes(data[end : end + 2], "little")
    for flag in _GZIP_TEXTS:
        if flags & flag and not (end := data.find(b"\0", end) + 1):
            return False
    return end + (2 if flags & _GZIP_HCRC else 0) <= len(data)


class _Members:
    """The loop over the members of one stream; `pending` is input that was read and not yet used."""

    def __init__(self, reader: Reader, codec: Codec, max_out: int, chunk: int) -> None:
        self._reader, self._codec, self._max_out, self._chunk = reader, codec, max_out, chunk
        self._pending = b""
        self._members = 0
        self._bare_header = False
        self._read = self._made = 0  # bytes

    def run(self) -> Iterator[bytes | Ending]:
        while (ending := self._at_member()) is None:
            decompressor = self._codec.new()
            try:
                for piece in self._pieces(decompressor):
                    self._made += len(piece)
                    if self._made > max(EXPANDED, EXPANSION * self._read):
                        yield self._bomb()
                        return
                    yield piece
            except _ERRORS as error:
                yield Ending(Verdict.CORRUPT, f"{self._codec.name} member {self._members + 1}: {error}")
                return
            if not decompressor.eof:
                yield self._cut_short()
                return
            self._members += 1
            self._pending = decompressor.unused_data
        yield ending

    def _next(self) -> bytes:
        data = self._reader.read(self._chunk)
        self._read += len(data)
        return data

    def _more(self) -> bool:
        data = self._next()
        self._pending += data
        return bool(data)

    def _at_member(self) -> Ending | None:
        """Skip padding up to the next member; return the ending if there is none."""
        while not (rest := self._pending.lstrip(b"\0") if self._skips() else self._pending):
            self._pending = b""
            if not self._more():
                return Ending(Verdict.OK if self._members else Verdict.EMPTY)
        self._pending = rest
        while len(self._pending) < _GZIP_HEADER and self._more():
            pass
        while self._codec.name == "gzip" and not _header_is_whole(self._pending) and self._more():
            pass
        if self._pending.startswith(self._codec.magics):
            return self._bad_header()
        if any(magic.startswith(self._pending) for magic in self._codec.magics):
            return Ending(
                Verdict.TRUNCATED,
                f"the file ends in the header of {self._codec.name} member {self._members + 1}",
            )
        rest_of_it = "bytes that are no further member follow the last one"
        return Ending(Verdict.TRAILING_GARBAGE if self._members else Verdict.CORRUPT, rest_of_it)

    def _skips(self) -> bool:
        return self._codec.padded and self._members > 0

    def _bad_header(self) -> Ending | None:
        """Refuse reserved gzip flags, which ISA-L accepts."""
        if self._codec.name == "gzip" and len(self._pending) > 3 and self._pending[3] & _GZIP_RESERVED:  # noqa: PLR2004
            return Ending(Verdict.CORRUPT, f"gzip member {self._members + 1} has reserved flags set")
        return None

    def _pieces(self, decompressor: Decompressor) -> Iterator[bytes]:
        self._bare_header = self._members == 0 and self._codec.name == "gzip" and self._pending[3:4] == b"\0"
        data, self._pending = self._pending, b""
        fed = len(data)
        while not decompressor.eof:
            if not data and decompressor.needs_input:
                data = self._next()
                fed += len(data)
                if not data:
                    break
            try:
                piece = decompressor.decompress(data, self._max_out)
            except _ERRORS:
                if fed == len(data):  # the member's first bytes: what they hold can be had in small steps
                    yield from self._salvaged(data)
                raise
            if piece:
                yield piece
            data = b""
        self._bare_header &= fed == _GZIP_HEADER

    def _salvaged(self, data: bytes) -> Iterator[bytes]:
        """Yield what the first bytes of a corrupt member give until the fault: a small log may be all of it."""
        decompressor = self._codec.new()
        with contextlib.suppress(*_ERRORS):
            while piece := decompressor.decompress(data, min(self._max_out, _STEP)):
                yield piece
                data = b""

    def _bomb(self) -> Ending:
        return Ending(
            Verdict.CORRUPT,
            f"it expands more than {EXPANSION:,} times, as no log does; what follows byte {self._made:,} was not read",
        )

    def _cut_short(self) -> Ending:
        if self._bare_header:
            return Ending(Verdict.EMPTY, "a bare gzip header, as some CDNs deliver for an hour without requests")
        return Ending(
            Verdict.TRUNCATED,
            f"the file stops in the middle of {self._codec.name} member {self._members + 1}",
        )
