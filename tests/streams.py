"""Compressed files as data: every way in which one can be whole, odd or damaged, and what must be said of it.

`STREAMS` holds them all. The damage is done by hand, byte by byte, so that no fixture depends on a library's habits.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from cdnlog.model import Verdict

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OK, EMPTY, TRUNCATED, CORRUPT, TRAILING = (
    Verdict.OK,
    Verdict.EMPTY,
    Verdict.TRUNCATED,
    Verdict.CORRUPT,
    Verdict.TRAILING_GARBAGE,
)


@dataclass(frozen=True, slots=True)
class Stream:
    """One file.

    Attributes:
        name: What is special about it.
        data: Its bytes on disk.
        verdict: What must be said of it.
        content: What it holds, or would hold if it were not damaged.
    """

    name: str
    data: bytes
    verdict: Verdict
    content: bytes = b""


def text(lines: int, seed: int = 0) -> bytes:
    """Return lines that hardly compress, so that a cut or a flipped bit always hits data."""
    rng = Random(seed)
    return b"".join(b"%d %s\n" % (number, rng.randbytes(20).hex().encode()) for number in range(lines))


A, B = text(60, seed=1), text(60, seed=2)
HALF = len(A) // 2 + 7  # in the middle of a line
GARBAGE = b"<html>502 Bad Gateway</html>"


def flipped(data: bytes, at: int, bit: int = 0) -> bytes:
    """Return the data with one bit turned over."""
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at:][1:]


# --- gzip --------------------------------------------------------------------------------------------------------

FHCRC, FEXTRA, FNAME, FCOMMENT, RESERVED = 2, 4, 8, 16, 0x20


def header(flags: int = 0, method: int = 8) -> bytes:
    """Return a member's header up to its optional fields: 10 bytes."""
    return struct.pack("<2sBBIBB", b"\x1f\x8b", method, flags, 0, 0, 255)


def deflated(data: bytes, level: int = 6) -> bytes:
    """Return raw deflate data."""
    compressor = zlib.compressobj(level, wbits=-15)
    return compressor.compress(data) + compressor.flush()


def member(data: bytes, head: bytes = header(), level: int = 6, crc: int = 0, size: int = 0) -> bytes:
    """Return a gzip member; `crc` and `size` spoil its trailer by so much."""
    return head + deflated(data, level) + struct.pack("<II", zlib.crc32(data) ^ crc, len(data) + size)


def _full_header(spoil: int = 0, extra: int = 4) -> bytes:
    optional = struct.pack("<H", extra) + bytes(extra) + b"access.log\0" + b"a comment\0"
    head = header(FHCRC | FEXTRA | FNAME | FCOMMENT) + optional
    return head + struct.pack("<H", (zlib.crc32(head) & 0xFFFF) ^ spoil)


def _sync_flushed(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return header() + compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)


_A, _B = member(A), member(B)
_LINES = b"".join(b"line %d\n" % number for number in range(3000))

GZIP = (
    Stream("one member", _A, OK, A),
    Stream("two members", _A + _B, OK, A + B),
    Stream("a line split across members", member(A[:HALF]) + member(A[HALF:]) + _B, OK, A + B),
    Stream("empty member in the middle", _A + member(b"") + _B, OK, A + B),
    Stream("an empty member alone", member(b""), OK),
    Stream("3,000 one-line members", b"".join(map(member, _LINES.splitlines(keepends=True))), OK, _LINES),
    Stream("stored, not compressed", member(A, level=0), OK, A),
    Stream("zero padding at the end", _A + bytes(512), OK, A),
    Stream("more zero padding than is read at once", _A + bytes(200_000), OK, A),
    Stream("zero padding between members", _A + bytes(512) + _B, OK, A + B),
    Stream("trailing garbage", _A + _B + GARBAGE, TRAILING, A + B),
    Stream("padding, then garbage", _A + bytes(512) + GARBAGE, TRAILING, A),
    Stream("cut behind the magic", _A[:2], TRUNCATED, A),
    Stream("cut in the header", _A[:5], TRUNCATED, A),
    Stream("cut in the data", _A[: len(_A) // 2], TRUNCATED, A),
    Stream("cut before the trailer", _A[:-8], TRUNCATED, A),
    Stream("cut in the trailer", _A[:-4], TRUNCATED, A),
    Stream("cut by one byte", _A[:-1], TRUNCATED, A),
    Stream("cut in the 2nd member's magic", _A + _B[:1], TRUNCATED, A + B),
    Stream("cut in the 2nd member's header", _A + _B[:5], TRUNCATED, A + B),
    Stream("cut behind the 2nd member's header", _A + _B[:10], TRUNCATED, A + B),
    Stream("cut in the 2nd member's data", _A + _B[: len(_B) // 2], TRUNCATED, A + B),
    Stream("cut between members, which nobody can see", (_A + _B)[: len(_A)], OK, A),
    Stream("header only", header(), EMPTY),
    Stream("header only, with a name to come", header(FNAME), TRUNCATED),
    Stream("sync-flushed without trailer", _sync_flushed(A), TRUNCATED, A),
    Stream("wrong CRC", member(A, crc=1) + _B, CORRUPT),
    Stream("wrong ISIZE", member(A, size=1) + _B, CORRUPT),
    Stream("wrong CRC in the 2nd member", _A + member(B, crc=1), CORRUPT),
    Stream("bit flipped in the data", flipped(_A, len(_A) // 2) + _B, CORRUPT),
    Stream("no deflate data", header() + b"\xff" * 64, CORRUPT),
    Stream("all header flags", member(A, _full_header()) + _B, OK, A + B),
    Stream("a header of 20 kB", member(A, _full_header(extra=20_000)) + _B, OK, A + B),
    Stream("a name, as gzip(1) writes it", member(A, header(FNAME) + b"access.log\0") + _B, OK, A + B),
    Stream("wrong header CRC", member(A, _full_header(spoil=1)), CORRUPT),
    Stream("reserved flag", member(A, header(RESERVED)), CORRUPT),
    Stream("reserved flag in the 2nd member", _A + member(B, header(RESERVED)), CORRUPT),
    Stream("unknown method", member(A, header(method=7)), CORRUPT),
)

# --- zstd --------------------------------------------------------------------------------------------------------


def frame(data: bytes, *, checksum: bool = True, size: bool = True) -> bytes:
    """Return a zstd frame, with or without its checksum and its content's size."""
    options: dict[int, int] = {
        zstd.CompressionParameter.checksum_flag: int(checksum),
        zstd.CompressionParameter.content_size_flag: int(size),
    }
    return zstd.compress(data, options=options)


def skippable(data: bytes) -> bytes:
    """Return a frame that decoders pass over."""
    return b"\x5a\x2a\x4d\x18" + struct.pack("<I", len(data)) + data


def _window_of_1_gib(data: bytes) -> bytes:
    last_raw_block = struct.pack("<I", len(data) << 3 | 1)[:3]
    return b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([20 << 3]) + last_raw_block + data


_ZA, _ZB = frame(A), frame(B)

ZSTD = (
    Stream("one frame", _ZA, OK, A),
    Stream("two frames", _ZA + _ZB, OK, A + B),
    Stream("skippable frame in the middle", _ZA + skippable(GARBAGE) + _ZB, OK, A + B),
    Stream("skippable frame first", skippable(GARBAGE) + _ZA, OK, A),
    Stream("no checksum, no size", frame(A, checksum=False, size=False), OK, A),
    Stream("empty frame in the middle", _ZA + frame(b"") + _ZB, OK, A + B),
    Stream("cut in the data", _ZA[: len(_ZA) // 2], TRUNCATED, A),
    Stream("cut in the data, no checksum", frame(A, checksum=False)[: len(_ZA) // 2], TRUNCATED, A),
    Stream("cut in the checksum", _ZA[:-2], TRUNCATED, A),
    Stream("cut in the 2nd frame's magic", _ZA + _ZB[:3], TRUNCATED, A + B),
    Stream("cut in the 2nd frame's data", _ZA + _ZB[: len(_ZB) // 2], TRUNCATED, A + B),
    Stream("cut in a skippable frame", _ZA + skippable(GARBAGE)[:-3], TRUNCATED, A),
    Stream("cut between frames, which nobody can see", (_ZA + _ZB)[: len(_ZA)], OK, A),
    Stream("a stub of 6 bytes", _ZA[:6], TRUNCATED, A),
    Stream("trailing garbage", _ZA + _ZB + GARBAGE, TRAILING, A + B),
    Stream("zero bytes behind it, which are no padding here", _ZA + bytes(512), TRAILING, A),
    Stream("bit flipped in the data", flipped(_ZA, len(_ZA) // 2), CORRUPT),
    Stream("wrong checksum", flipped(_ZA, len(_ZA) - 1) + _ZB, CORRUPT),
    Stream("a window of 1 GiB is refused", _window_of_1_gib(A), CORRUPT),
)

# --- bzip2 and xz ------------------------------------------------------------------------------------------------

_BA, _BB = bz2.compress(A), bz2.compress(B)

BZIP2 = (
    Stream("one stream", _BA, OK, A),
    Stream("two streams", _BA + _BB, OK, A + B),
    Stream("cut in the data", _BA[: len(_BA) // 2], TRUNCATED, A),
    Stream("cut by one byte", _BA[:-1], TRUNCATED, A),
    Stream("cut in the 2nd stream's magic", _BA + _BB[:2], TRUNCATED, A + B),
    Stream("bit flipped in the data", flipped(_BA, len(_BA) // 2), CORRUPT),
    Stream("trailing garbage", _BA + GARBAGE, TRAILING, A),
)

_XA, _XB = lzma.compress(A), lzma.compress(B)


def _dictionary_of_1_gib(stream: bytes) -> bytes:
    start, size = 12, (stream[12] + 1) * 4  # the block's header, behind that of the stream
    head = stream[start : start + size - 4].replace(b"\x21\x01\x16", b"\x21\x01\x24")
    return stream[:start] + head + struct.pack("<I", zlib.crc32(head)) + stream[start + size :]


XZ = (
    Stream("one stream", _XA, OK, A),
    Stream("two streams with padding", _XA + bytes(8) + _XB + bytes(4), OK, A + B),
    Stream("cut in the data", _XA[: len(_XA) // 2], TRUNCATED, A),
    Stream("cut in the footer", _XA[:-1], TRUNCATED, A),
    Stream("cut in the 2nd stream's header", _XA + _XB[:5], TRUNCATED, A + B),
    Stream("bit flipped in the data", flipped(_XA, len(_XA) // 2), CORRUPT),
    Stream("trailing garbage", _XA + GARBAGE, TRAILING, A),
    Stream("a dictionary of 1 GiB is refused", _dictionary_of_1_gib(_XA), CORRUPT),
)

# --- not compressed ----------------------------------------------------------------------------------------------

PLAIN = (
    Stream("0 bytes", b"", EMPTY),
    Stream("text", A, OK, A),
    Stream("text without a last line end", A[:HALF], OK, A[:HALF]),
    Stream("shorter than a magic", b"\n", OK, b"\n"),
)

KINDS = {"gzip": GZIP, "zstd": ZSTD, "bzip2": BZIP2, "xz": XZ, "plain": PLAIN}
STREAMS = {f"{kind}: {stream.name}": stream for kind, streams in KINDS.items() for stream in streams}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": frame,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
