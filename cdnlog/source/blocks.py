"""Pieces of bytes -> blocks of whole lines, bounded in memory whatever the lines are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from cdnlog.buffer import count_lines
from cdnlog.model import MAX_LINE, REJECT_TEXT, Block, Verdict
from cdnlog.source.codecs import Ending


def blocks(pieces: Iterable[bytes | Ending], size: int, start: int = 0) -> Iterator[Block | Ending]:
    """Yield a block of the whole lines held whenever `size` bytes are held; last the rest, and the ending.

    Args:
        pieces: Bytes of the file.
        size: Of a block.
        start: Offset of the first byte in the file.
    """
    cutter = _Cutter(size, start)
    for piece in pieces:
        if isinstance(piece, Ending):
            yield from cutter.finish(torn=piece.verdict not in (Verdict.OK, Verdict.TRAILING_GARBAGE))
            yield piece
            return
        yield from cutter.feed(piece)


class _Cutter:
    """Collects pieces until whole lines can be handed on; of an over-long line only the head is kept."""

    def __init__(self, size: int, start: int) -> None:
        self._size = size
        self._parts: list[bytes] = []
        self._held = 0  # bytes in the parts
        self._lines = 0  # LFs in them, counted piece by piece: a block as a whole is no longer in the nearest cache
        self._tail = 0  # bytes since the last LF
        self._line, self._offset = 1, start
        self._head = b""  # of an over-long line
        self._skipped = 0  # its length so far; 0 when there is none

    def feed(self, piece: bytes) -> Iterator[Block]:
        if self._skipped:
            end = piece.find(b"\n") + 1
            self._skipped += end or len(piece)
            if not end:
                return
            yield self._cut_line()
            piece = piece[end:]
        end = piece.rfind(b"\n") + 1
        self._lines += count_lines(piece)
        if end and self._held + end >= self._size:
            yield self._block([*self._parts, memoryview(piece)[:end]])
            piece = piece[end:]
            self._parts, self._held, self._tail, end = [], 0, 0, 0
        self._parts.append(piece)
        self._held += len(piece)
        self._tail = len(piece) - end if end else self._tail + len(piece)
        if self._tail > MAX_LINE + 1:  # one more: the last byte may be the CR of CRLF
            yield from self._whole_lines()
            self._head = b"".join(self._parts)[:REJECT_TEXT]
            self._skipped, self._parts, self._held, self._tail = self._tail, [], 0, 0

    def finish(self, *, torn: bool) -> Iterator[Block]:
        """Hand on what is left; the file's last line may lack its LF."""
        if self._skipped:
            yield self._cut_line()
        elif self._held:
            yield self._block(self._parts, torn=torn)

    def _whole_lines(self) -> Iterator[Block]:
        whole = self._held - self._tail
        if whole:
            data = b"".join(self._parts)
            self._parts, self._held = [data[whole:]], self._tail
            yield self._block([data[:whole]])

    def _block(self, parts: Sequence[bytes | memoryview], *, torn: bool = False) -> Block:
        """Make a block that has all LFs that are held."""
        block = Block.of(parts, self._line, self._offset, self._lines, torn=torn)
        self._line += block.lines
        self._lines = 0
        self._offset += block.size
        return block

    def _cut_line(self) -> Block:
        block = replace(Block.of([self._head], self._line, self._offset, 0), length=self._skipped)
        self._line += 1
        self._offset += self._skipped
        self._head, self._skipped = b"", 0
        return block
