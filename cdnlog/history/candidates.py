"""The files that were found, how they look without being read, and which of them had another name before."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice

from cdnlog.history.entry import Entry
from cdnlog.history.ledger import Ledger
from cdnlog.source import Elsewhere, Input

_PIECE = 1 << 20


@dataclass(frozen=True)
class Stat:
    """What tells, without reading, that a file was not touched."""

    size: int
    mtime: int
    inode: int

    def of(self, entry: Entry) -> bool:
        """Whether the file looked so when its row was written."""
        return (entry.size, entry.mtime, entry.inode) == (self.size, self.mtime, self.inode)


@dataclass(frozen=True)
class Candidate:
    """A file that was found.

    Attributes:
        path: Its absolute path, by which the ledger knows it.
        found: The file as it was named.
        stat: How it looked before it was read.
        known: The row that says all about it, None if it must be read.
    """

    path: str
    found: Input
    stat: Stat
    known: Entry | None = None

    def was(self, entry: Entry) -> bool:
        """Whether the file is the one of a row whose inode it has, under another name.

        An inode alone tells nothing: one that was freed goes to the next new file. Renaming keeps size and time as
        well; a log that was written on after that begins with what it was.
        """
        if self.found.remote is not None:
            return self.stat.size == entry.size  # its inode is made of what tells its content
        if (self.stat.size, self.stat.mtime) == (entry.size, entry.mtime):
            return True
        plain = 0 < entry.length == entry.size <= self.stat.size
        return plain and _beginning(self.path, entry.length) == entry.sha


def moves(candidates: Mapping[str, Candidate], ledger: Ledger) -> Iterator[tuple[Entry, str]]:
    """Yield rows of files that have another name now, as rotation gives them, and that name."""
    by_inode = defaultdict[int, list[Candidate]](list)  # several, of hard links or other disks
    for one in candidates.values():
        by_inode[one.stat.inode].append(one)
    for path, one in candidates.items():
        for entry in ledger.at(path):
            if entry.retired is None and entry.inode != one.stat.inode:
                found = (other.path for other in by_inode.get(entry.inode, ()) if other.was(entry))
                yield from ((entry, there) for there in islice(found, 1))


def stat(path: str, size: int, remote: Elsewhere | None) -> Stat | None:
    """Return how a file looks, None if it is not there."""
    if remote is not None:
        return Stat(size, remote.modified, int.from_bytes(sha256((remote.tag or path).encode()).digest()[:7], "big"))
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path would take no name at all for the current folder
    except OSError:
        return None
    return Stat(status.st_size, status.st_mtime_ns, status.st_ino)


def _beginning(path: str, length: int) -> bytes | None:
    """Return the SHA-256 of the first bytes of a file, None if it cannot be read: what reads it next tells why."""
    sha = sha256()
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            while length and (piece := file.read(min(length, _PIECE))):
                sha.update(piece)
                length -= len(piece)
    except OSError:
        return None
    return sha.digest()
