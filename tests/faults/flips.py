"""Small files of several members, damaged in every way that one bit or one cut can damage them."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass

from streams import FNAME, flipped, frame, header, member, skippable

from cdnlog.model import Verdict
from cdnlog.source import Ending, codecs

PARTS = (b"200 a.example /1\n", b"404 b.example /22\n", b"500 c.example /333\n")


@dataclass(frozen=True)
class Whole:
    """A file that is not damaged yet: its members, each with its content."""

    members: tuple[tuple[bytes, bytes], ...]

    @property
    def data(self) -> bytes:
        """The file."""
        return b"".join(packed for packed, _ in self.members)

    @property
    def beginnings(self) -> set[bytes]:
        """What the first members hold, for any number of them; all of them hold the content."""
        return {b"".join(text for _, text in self.members[:n]) for n in range(len(self.members) + 1)}


WHOLE = {
    "gz of three members": Whole(tuple((gzip.compress(part, mtime=0), part) for part in PARTS)),
    "gz with names and padding": Whole(
        tuple((member(part, header(FNAME) + b"a.log\0") + bytes(9), part) for part in PARTS[:2])
    ),
    "gz with an empty member": Whole(tuple((member(part), part) for part in (PARTS[0], b"", PARTS[2]))),
    "zst of three frames": Whole(tuple((frame(part), part) for part in PARTS)),
    "zst with a skippable frame": Whole(
        ((frame(PARTS[0]), PARTS[0]), (skippable(b"an index"), b""), (frame(PARTS[1]), PARTS[1]))
    ),
}
"""Five files; the zst have checksums, for without them nobody can see a flipped bit."""


def read(data: bytes) -> tuple[bytes, Verdict]:
    """Decompress a file, or take it as it is where it is not compressed."""
    codec = codecs.codec_of(data)
    if codec is None:
        return data, Verdict.OK if data else Verdict.EMPTY
    *pieces, ending = codecs.decompress(io.BytesIO(data), codec)
    assert isinstance(ending, Ending)
    return b"".join(piece for piece in pieces if isinstance(piece, bytes)), ending.verdict


def damaged(data: bytes) -> Iterator[bytes]:
    """Yield every prefix, and the file with each of its bits flipped."""
    yield from (data[:end] for end in range(len(data)))
    yield from (flipped(data, at, bit) for at in range(len(data)) for bit in range(8))


def wrong(whole: Whole) -> tuple[int, int]:
    """Return in how many ways a file was damaged, and of how many the verdict was ok with wrong bytes.

    A file that no longer begins as a compressed one is plain text to any reader, and no line of any format. Whole
    members may be missing at the end where nobody can see it: behind a cut between members, or where the next one
    does not begin as one, which is told as trailing garbage.
    """
    ways = bad = 0
    for data in damaged(whole.data):
        content, verdict = read(data)
        ways += 1
        plain = codecs.codec_of(data) is None
        bad += verdict.counts and not plain and content not in whole.beginnings
    return ways, bad
