"""A user's own folder of data files, read into memory: so it travels to machines that do not have it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any


@dataclass(frozen=True)
class Packed(Traversable):
    """A file or folder in memory, or the place of one that does not exist.

    Attributes:
        called: Its name.
        where: What it is called in messages.
        content: Its bytes, or what is in it; None if there is nothing.
    """

    called: str
    where: str
    content: bytes | tuple[Packed, ...] | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.called

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return isinstance(self.content, tuple)

    def is_file(self) -> bool:
        """Whether it is a file."""
        return isinstance(self.content, bytes)

    def iterdir(self) -> Iterator[Packed]:
        """Yield what is in the folder."""
        return iter(self.content if isinstance(self.content, tuple) else ())

    def joinpath(self, *descendants: Any) -> Packed:  # noqa: ANN401 - as its base has it
        """Return what has a name in the folder."""
        found = self
        for name in descendants:
            place = Packed(str(name), f"{found.where}/{name}")
            found = next((one for one in found.iterdir() if one.called == str(name)), place)
        return found

    def __truediv__(self, child: Any) -> Packed:  # noqa: ANN401 - as its base has it
        """Return what has a name in the folder."""
        return self.joinpath(child)

    def open(self, mode: str = "r", *_: Any, **__: Any) -> Any:  # noqa: ANN401 - as its base has it
        """Return the file open for reading."""
        data = self.read_bytes()
        return io.BytesIO(data) if "b" in mode else io.StringIO(data.decode())

    def read_bytes(self) -> bytes:
        """Return the file's bytes."""
        if not isinstance(self.content, bytes):
            raise FileNotFoundError(self.where)
        return self.content

    def read_text(self, encoding: str | None = None, *_: Any) -> str:  # noqa: ANN401 - as its base has it
        """Return the file's text."""
        return self.read_bytes().decode(encoding or "utf-8")

    def __str__(self) -> str:
        """What it is called in messages."""
        return self.where


NOTHING = Packed("", "", ())
"""An empty folder."""


def packed(folder: Traversable, kinds: tuple[str, ...]) -> Packed:
    """Return a folder with its data files of some kinds, which lie in folders of that name."""
    found = (one for one in folder.iterdir() if one.name in kinds and one.is_dir())
    return Packed(folder.name, str(folder), tuple(_folder(one) for one in sorted(found, key=lambda one: one.name)))


def _folder(folder: Traversable) -> Packed:
    files = (one for one in folder.iterdir() if one.name.endswith(".toml") and one.is_file())
    read = (Packed(one.name, str(one), one.read_bytes()) for one in sorted(files, key=lambda one: one.name))
    return Packed(folder.name, str(folder), tuple(read))


def below(folder: Traversable, suffix: str, at: str = "") -> Iterator[tuple[str, Traversable]]:
    """Yield the files with a suffix in a folder and in all folders in it, each with its name from there."""
    for one in folder.iterdir():
        if one.is_dir():
            yield from below(one, suffix, f"{at}{one.name}/")
        elif one.name.endswith(suffix):
            yield at + one.name, one
