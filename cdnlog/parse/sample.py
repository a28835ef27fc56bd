"""The first lines of a file, by which its format is told: the same lines, however the file is cut into blocks."""

from __future__ import annotations

from collections import deque

from cdnlog.model import MAX_LINE, Block
from cdnlog.parse.foreign import HEAD

SAMPLE_LINES, SAMPLE_BYTES = 1000, 1024 * 1024
"""A file's format is told from its first data lines, at most so many and so long in all."""
_HEADERS = 64
"""Comments above the first data line that are kept: a header may be among them."""


class Sample:
    """Collects them, block by block.

    Args:
        comments: Whether a line that begins with "#" is none that may be data.

    Attributes:
        head: The first bytes of the file.
        too_long: Lines so far that are too long to be looked at.
    """

    def __init__(self, *, comments: bool = True) -> None:
        self._comment = b"#" if comments else b"\n"
        self.head = b""
        self.too_long = 0
        self._above: deque[bytes] = deque(maxlen=_HEADERS)
        self._lines: list[bytes] = []
        self._data = 0
        self._first = 0
        self._at = 0

    def add(self, block: Block) -> None:
        """Look at one more block."""
        at = self._at = block.offset
        self.head += block.padded[: min(HEAD - len(self.head), block.size)]
        self.too_long += block.cut
        for line in block.data.split(b"\n") if not block.cut else ():
            if self.full:
                break
            if len(line) > MAX_LINE + line.endswith(b"\r"):
                self.too_long += 1
            elif line.strip():
                self._keep(line, at)
            at += len(line) + 1
            self._at = at

    def _keep(self, line: bytes, at: int) -> None:
        comment = line.removeprefix(b"\xef\xbb\xbf").startswith(self._comment)
        comment &= b"\r" not in line.rstrip(b"\r")  # else it may be a whole log, whose lines end in CR alone
        if self._data == 0:
            if comment:
                self._above.append(line)
                return
            self._first = at
        self._lines.append(line)
        self._data += not comment

    @property
    def empty(self) -> bool:
        """Whether no data line was met."""
        return self._data == 0

    @property
    def data_lines(self) -> int:
        """Number of data lines in the sample."""
        return self._data

    @property
    def full(self) -> bool:
        """Whether further lines would not be looked at."""
        return self._data >= SAMPLE_LINES or (self._data > 0 and self._at >= self._first + SAMPLE_BYTES)

    @property
    def above(self) -> Block:
        """The last comments above the first data line."""
        return _block([*self._above])

    @property
    def block(self) -> Block:
        """The lines, headers included."""
        return _block([*self._above, *self._lines])

    def few(self, number: int) -> Block:
        """Return so many of the lines, from all over the sample, with the headers above them."""
        step = max(1, len(self._lines) // number)
        chosen = [line for i, line in enumerate(self._lines) if i % step == 0 or line.startswith(b"#")]
        return _block([*self._above, *chosen[: 2 * number]])


def _block(lines: list[bytes]) -> Block:
    return Block.of([b"".join(line + b"\n" for line in lines) or b"\n"], 1, 0)
