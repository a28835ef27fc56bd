"""What the user named -> the files to read: directories walked, globs expanded, each file once."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from cdnlog.model import Verdict
from cdnlog.source.codecs import Reader
from cdnlog.urls import is_url, masked

STDIN = "-"
_OPEN = -2  # in place of a device: files that were given open
UNFINISHED = (".tmp", ".part")
# Beside logs people keep notes; in a folder that is walked these are never logs. Named outright, they are read.
DOCUMENTS = (".md", ".ipynb", ".py", ".toml", ".pdf")


class Elsewhere(Protocol):
    """A file that is not on this machine; see `cdnlog.source.remote.Remote`."""

    @property
    def tag(self) -> str:
        """What changes with its content, "" if nothing does."""

    @property
    def modified(self) -> int:
        """When it was last changed, in nanoseconds, 0 if that is not known."""

    def open(self) -> AbstractContextManager[Reader]:
        """Open it for reading."""


@dataclass(frozen=True, slots=True)
class Input:
    """One file to read, or the reason why it is not read.

    Attributes:
        path: As named, or as found in a named folder; of a URL without its secrets.
        verdict: None if it is to be read, else "missing", "unreadable" or "duplicate".
        problem: One clause on why it is not read.
        size: Its size in bytes, 0 if unknown.
        inode: Device and inode, which tell the same file under another name.
        file: The open file to read, instead of the path.
        place: Where it is opened, if not under the path: a name that means the same on another machine.
        span: First byte and end of the part to read, whole lines of a plain file; None for all of any file.
        remote: The object to read, instead of the path.
    """

    path: str
    verdict: Verdict | None = None
    problem: str = ""
    size: int = 0
    inode: tuple[int, int] = (-1, -1)
    file: Reader | None = None
    place: str | None = None
    span: tuple[int, int] | None = None
    remote: Elsewhere | None = None

    @property
    def again(self) -> bool:
        """Whether any process can open it, and more than once."""
        return self.remote is not None or self.on_disk

    @property
    def on_disk(self) -> bool:
        """Whether it is a file with a path, which any process can open and look at twice."""
        return self.path != STDIN and self.file is None and self.remote is None

    @property
    def name(self) -> str:
        """Its file's name, without the parameters of a URL."""
        path = self.path.partition("?")[0] if is_url(self.path) else self.path
        return os.path.basename(path)  # noqa: PTH119 - a Path would read "a/" otherwise


_AMBIGUOUS = (
    "another address differs from it only in what is masked; if that is another file, read it in a run of its own"
)


@dataclass(frozen=True, slots=True)
class Found:
    """All inputs in reading order, and the files in walked folders that were left out."""

    inputs: tuple[Input, ...]
    skipped: tuple[str, ...] = ()

    @property
    def again(self) -> bool:
        """Whether all that is to be read can be read more than once."""
        return all(one.again for one in self.inputs if one.verdict is None)

    @property
    def size(self) -> int:
        """Bytes of all inputs whose size is known."""
        return sum(one.size for one in self.inputs)


def find(paths: Iterable[str | os.PathLike[str] | Reader] | Found) -> Found:
    """Find the inputs, unless they have been found already; a path that leads to nothing has the verdict "missing".

    Raises:
        UsageError: A URL that no driver reads.
    """
    if isinstance(paths, Found):
        return paths
    skipped: list[str] = []
    seen: dict[object, str] = {}
    inputs = [_once(found, seen) for path in paths for found in _inputs(path, skipped)]
    return Found(tuple(inputs), tuple(skipped))


def _inputs(path: str | os.PathLike[str] | Reader, skipped: list[str]) -> Iterator[Input]:
    """Yield what is meant; only the text "-" means standard input, a `Path` of that name is a file."""
    if isinstance(path, str | os.PathLike):
        yield from _expand(path if isinstance(path, str) else _file(os.fspath(path)), skipped)
    else:
        name = getattr(path, "name", None)  # the number of its descriptor, if it has no name
        yield Input(name if isinstance(name, str) else "(open file)", inode=(_OPEN, id(path)), file=path)


def _file(path: str) -> str:
    """Return a path that cannot be taken for standard input."""
    return f".{os.sep}{path}" if path == STDIN else path


def _expand(path: str, skipped: list[str]) -> Iterator[Input]:
    if path == STDIN:
        yield Input(path)
    elif is_url(path):
        # What reads URLs is an extra, and nothing that a file should pay for.
        from cdnlog.source import remote  # noqa: PLC0415

        yield from remote.find(path, skipped)
    elif os.path.isdir(path):  # noqa: PTH112 - a Path would drop the user's spelling
        yield from _walk(path, skipped)
    elif not os.path.lexists(path) and glob.has_magic(path):
        matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - as above
        if not matches:
            yield Input(path, Verdict.MISSING, "no file matches")
        for match in matches:
            yield from _expand(_file(match), skipped) if match != path else ()
    else:
        yield _look(path)


def _walk(folder: str, skipped: list[str]) -> Iterator[Input]:
    problems: list[Input] = []

    def unreadable(error: OSError) -> None:
        problems.append(Input(str(error.filename), Verdict.UNREADABLE, error.strerror or str(error)))

    for root, folders, names in os.walk(folder, onerror=unreadable):
        entered = [f for f in folders if not f.startswith(".") and not Path(root, f).is_symlink()]
        skipped += [os.path.join(root, f) for f in sorted(set(folders) - set(entered))]  # noqa: PTH118 - as above
        folders[:] = sorted(entered)
        for name in sorted(names):
            path = os.path.join(root, name)  # noqa: PTH118 - as above
            if left_out(name):
                skipped.append(path)
            else:
                yield _look(path)
    yield from problems


def left_out(name: str) -> bool:
    """Whether a file in a walked folder is none of the logs."""
    return name.startswith(".") or name.lower().endswith((*UNFINISHED, *DOCUMENTS))


def named(path: str) -> str:
    """Return a path as it may be shown: a URL without its secrets."""
    return masked(path) if is_url(path) else path


def _look(path: str) -> Input:
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path would take no name at all for the current folder
    except FileNotFoundError:
        link = os.path.islink(path)  # noqa: PTH114 - as above
        return Input(path, Verdict.MISSING, "what this symbolic link leads to is not there" if link else "no such file")
    except (OSError, ValueError) as error:
        return Input(path, Verdict.UNREADABLE, getattr(error, "strerror", None) or str(error))
    if not stat.S_ISREG(status.st_mode):
        return Input(path, Verdict.UNREADABLE, "not a regular file; pipe it into 'cdnlog ... -'")
    return Input(path, size=status.st_size, inode=(status.st_dev, status.st_ino))


def _once(found: Input, seen: dict[object, str]) -> Input:
    """Turn the second mention of a file, under whatever name, into a duplicate."""
    if found.verdict is not None:
        return found
    same = found.inode if found.remote is None else (found.path, found.remote.tag or found.remote)
    if same in seen:
        return replace(found, verdict=Verdict.DUPLICATE, problem=f"the same file as {seen[same]}, which is read once")
    if found.remote is not None and found.path in seen:
        return replace(found, verdict=Verdict.UNREADABLE, problem=_AMBIGUOUS)
    seen[same] = found.path
    if found.remote is not None:
        seen[found.path] = found.path
    return found


def same_content(inputs: Iterable[Input]) -> list[tuple[str, str]]:
    """Return pairs of gz files that end in the same checksum and length: most probably one log twice."""
    seen: dict[bytes, str] = {}
    pairs = []
    for found in inputs:
        trailer = _gzip_trailer(found) if found.verdict is None and found.on_disk else b""
        if trailer in seen:
            pairs.append((seen[trailer], found.path))
        elif trailer:
            seen[trailer] = found.path
    return pairs


def _gzip_trailer(found: Input) -> bytes:
    try:
        with Path(found.path).open("rb") as file:
            if found.size < 19 or file.read(2) != b"\x1f\x8b":  # noqa: PLR2004 - header and trailer alone are 18
                return b""
            file.seek(-8, os.SEEK_END)
            trailer = file.read(8)
            return trailer if trailer.strip(b"\0") else b""  # empty logs are all alike
    except OSError:
        return b""  # reading it will tell
