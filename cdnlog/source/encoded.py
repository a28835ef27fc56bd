"""A log that a server compressed once more on its way: that layer is taken off, and no other."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

from cdnlog.model import Verdict
from cdnlog.source.codecs import CHUNK, Ending, Joined, Reader, codec_of, decompress


def decoded(reader: Reader, encoded: Callable[[], bool]) -> Reader:
    """Return what an encoded answer holds if that is a compressed file itself, else the answer as it is.

    Compression is told by content: an answer that is compressed once is a compressed log like any other.

    Args:
        reader: The answer's bytes.
        encoded: Whether the server said that it is encoded, asked when it has answered.
    """
    head = reader.read(CHUNK)
    whole = Joined(head, reader)
    codec = codec_of(head) if encoded() else None
    first = next(decompress(io.BytesIO(head), codec), b"") if codec else b""
    if codec is None or isinstance(first, Ending) or codec_of(first) is None:
        return whole
    return _Pieces(decompress(whole, codec))


class _Pieces:
    """Reads pieces as a file."""

    def __init__(self, pieces: Iterator[bytes | Ending]) -> None:
        self._pieces, self._held = pieces, memoryview(b"")

    def read(self, size: int, /) -> bytes:
        if not self._held:
            piece = next(self._pieces, b"")
            if isinstance(piece, Ending):
                if piece.verdict is not Verdict.OK:
                    raise OSError(f"its Content-Encoding is {piece.verdict}: {piece.problem}")
                piece = b""
            self._held = memoryview(piece)
        data, self._held = self._held[:size], self._held[size:]
        return bytes(data)
