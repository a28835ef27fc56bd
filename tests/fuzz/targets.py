"""What is fuzzed: functions of any bytes that raise only if a law is broken.

`tests/fuzz/run.py` feeds them with atheris; `tests/test_fuzz_cases.py` with what was once found, under `cases/`.
"""

from __future__ import annotations

import bz2
import io
import lzma
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import hostile
import test_oracle
from hostile import CATALOG, FORMATS

from cdnlog.catalog import decode
from cdnlog.columns import Numbers
from cdnlog.declared import Codes
from cdnlog.errors import CdnlogError
from cdnlog.formats import AnyFormat, Delimited, JsonLines, LogFormat, Pattern, W3c
from cdnlog.model import Verdict
from cdnlog.parse import Parser
from cdnlog.source.codecs import Ending, codec_of, decompress
from cdnlog.zones import zone

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CASES = Path(__file__).parent / "cases"
LARGEST = 1 << 20
"""Bytes that a stream may give before the reference stops looking."""


def members(data: bytes) -> None:
    """Hold that a file whose verdict is good holds what other decompressors find in it, however it is read.

    The first two bytes are how much is read and given at a time.
    """
    chunk, most, packed = 1 + data[0] if data else 1, 1 + 16 * data[1] if data[1:] else 1, data[2:]
    codec = codec_of(packed)
    if codec is None:
        return
    answers = set()
    for sizes in ((1 << 16, 1 << 16), (chunk, most)):
        pieces, size = [], 0
        for piece in decompress(io.BytesIO(packed), codec, max_out=sizes[1], chunk=sizes[0]):
            assert isinstance(piece, Ending) or 0 < len(piece) <= sizes[1], "a piece has its bounds"
            pieces.append(piece)
            size += 0 if isinstance(piece, Ending) else len(piece)
            if size > LARGEST:
                return
        *texts, ending = pieces
        assert isinstance(ending, Ending), "the last that is said is how it ended"
        assert not any(isinstance(text, Ending) for text in texts), "it ends once"
        if ending.verdict in (Verdict.OK, Verdict.TRAILING_GARBAGE):
            answers.add(b"".join(texts))  # type: ignore[arg-type]
    # libzstd takes a faulty frame for an empty one if it has all of it at once: then one verdict only is good.
    assert len(answers) < 2, "how much is read at a time is no matter"
    if answers:
        assert answers.pop() == REFERENCES[codec.name](packed), "what is found is what is in it"


def _all(new: Callable[[], object], packed: bytes, *, padded: bool) -> bytes:
    """Decompress member after member, as the manuals of these modules show it."""
    parts, codec = [], codec_of(packed)
    while packed:
        decompressor = new()
        parts.append(decompressor.decompress(packed))  # type: ignore[attr-defined]
        if not decompressor.eof:  # type: ignore[attr-defined]
            raise EOFError
        packed = decompressor.unused_data  # type: ignore[attr-defined]
        packed = packed.lstrip(b"\0") if padded else packed
        if codec_of(packed) is not codec:
            break
    return b"".join(parts)


REFERENCES: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda packed: _all(lambda: zlib.decompressobj(31), packed, padded=True),
    "zstd": lambda packed: _all(zstd.ZstdDecompressor, packed, padded=False),
    "bzip2": lambda packed: _all(bz2.BZ2Decompressor, packed, padded=False),
    "xz": lambda packed: _all(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), packed, padded=True),
}


def _parser(kind: type[LogFormat]) -> Callable[[bytes], None]:
    formats = [fmt for fmt in FORMATS.values() if isinstance(fmt, kind)]

    def target(data: bytes) -> None:
        """Hold that a log says what the oracle says: the first byte chooses a format, the second the blocks' size."""
        if len(data) > 2:
            fmt, size = formats[data[0] % len(formats)], hostile.SIZES[data[1] % len(hostile.SIZES)]
            test_oracle.check(fmt, data[2:], size, torn=data[1] > 127)

    return target


def formats(data: bytes) -> None:
    """Hold that the file of a format is refused in words, or reads any line."""
    try:
        fmt = decode(data, "fuzzed.toml", AnyFormat)
    except CdnlogError as error:
        _safe(error)
        return
    _reads_its_samples(fmt)  # type: ignore[arg-type]


def servers(data: bytes) -> None:
    """Hold that what a server's configuration says of its log is refused in words, or reads any line."""
    try:
        fmt = CATALOG.format("nginx:" + data.decode("utf-8", "replace"))
    except CdnlogError as error:
        _safe(error)
        return
    _reads_its_samples(fmt)


def _safe(error: CdnlogError) -> None:
    assert str(error).replace("\n", "").isprintable(), "an error is safe to show"


def _reads_its_samples(fmt: LogFormat) -> None:
    wanted = tuple(column for field in fmt.fields for column in field.columns)
    parser = Parser(fmt, wanted, zone(fmt.zone or "UTC"))
    text = "\n".join(f"{sample.header or ''}\n{sample.line}" for sample in fmt.samples)
    for block in hostile.cut(text.encode("utf-8", "surrogatepass"), 64):
        batch = parser.parse(block, keep_rejects=True)
        batch.accounting.check("fuzzed")
        for column in batch.columns.values():
            assert isinstance(column, Numbers) or len(column.codes[0]) == batch.rows, "every row has a value"


def codes(data: bytes) -> None:
    """Hold that a code table is refused in words, or is one."""
    try:
        assert decode(data, "fuzzed.toml", Codes).code, "a table has entries"
    except CdnlogError as error:
        _safe(error)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "members": members,
    "delimited": _parser(Delimited),
    "json": _parser(JsonLines),
    "pattern": _parser(Pattern),
    "w3c": _parser(W3c),
    "formats": formats,
    "servers": servers,
    "codes": codes,
}


def seeds(target: str) -> list[bytes]:
    """Return inputs from which to begin: what is good, so that a fuzzer finds what is nearly so."""
    folder = CASES.parent.parent.parent / "schemas"
    if target in ("formats", "codes"):
        return [file.read_bytes() for file in sorted((folder / target).glob("*.toml")) if file.stem != "classes"]
    if target == "servers":
        return [b'$remote_addr [$time_local] "$request" $status', b"$status $time_iso8601 $msec $host ${request_time}x"]
    if target == "members":
        packers = (lambda text: zlib.compress(text, wbits=31), zstd.compress, bz2.compress, lzma.compress)
        return [b"\3\1" + pack(b"a line\n") * count for pack in packers for count in (1, 2)]
    kind = {"delimited": Delimited, "json": JsonLines, "pattern": Pattern, "w3c": W3c}[target]
    found = [fmt for fmt in FORMATS.values() if isinstance(fmt, kind)]
    return [bytes([i, 4]) + _sample_log(fmt) for i, fmt in enumerate(found)]


def _sample_log(fmt: LogFormat) -> bytes:
    header = getattr(fmt, "header", None)
    return "".join(f"{line}\n" for line in (header, *(one.line for one in fmt.samples)) if line).encode()
