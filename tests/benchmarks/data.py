"""Makes the files of the benchmark, each kept in the folder by its name, lines, seed and version."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import BinaryIO

from isal import igzip

from benchmarks import loglines

VERSION = 1
"""Raise it with any change of `loglines`."""
LEVEL = 2
REPEATS = 30
"""How often the member is repeated: 100 MB of text become 3 GB."""
PIECE = 1 << 20
Lines = Callable[[random.Random, int, int], Iterator[list[str]]]


def _kept(path: Path, write: Callable[[Path], None]) -> Path:
    """Return a file, written first if it is not there; never half of it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".tmp")
        write(half)
        half.replace(path)
    return path


@dataclass(frozen=True)
class Hourly:
    """Logs with a gz file per hour, each from a seed of its own."""

    name: str
    lines: Lines
    seed: int

    def file(self, folder: Path, hour: int, count: int) -> Path:
        """Return the gz file of one hour."""
        seed = self.seed + hour

        def write(path: Path) -> None:
            rng = random.Random(seed)
            with igzip.open(path, "wb", compresslevel=LEVEL) as file:
                for chunk in self.lines(rng, hour, count):
                    file.write(("\n".join(chunk) + "\n").encode())

        return _kept(folder / f"{self.name}-{hour:02d}-{count}-s{seed}-v{VERSION}.gz", write)

    def files(self, folder: Path, hours: int, count: int) -> list[Path]:
        """Return the gz files of the first hours."""
        return [self.file(folder, hour, count) for hour in range(hours)]


def _plain(packed: Path) -> Path:
    """Return the same file unpacked."""

    def write(path: Path) -> None:
        with igzip.open(packed) as source, path.open("wb") as file:
            shutil.copyfileobj(source, file, PIECE)

    return _kept(packed.with_suffix(".log"), write)


def _one_member(packed: list[Path], path: Path) -> Path:
    """Return one gz file of one member with the lines of several."""

    def write(half: Path) -> None:
        with igzip.open(half, "wb", compresslevel=LEVEL) as file:
            for part in packed:
                with igzip.open(part) as source:
                    shutil.copyfileobj(source, file, PIECE)

    return _kept(path, write)


def _joined(members: Iterable[Path], path: Path) -> Path:
    """Return one gz file of several members."""

    def write(half: Path) -> None:
        with half.open("wb") as file:
            for member in members:
                _copy(member, file)

    return _kept(path, write)


def _copy(path: Path, target: BinaryIO) -> None:
    with path.open("rb") as source:
        shutil.copyfileobj(source, target, PIECE)


def tencent(folder: Path, count: int) -> list[Path]:
    """Four files of Tencent CDN."""
    return Hourly("tencent", loglines.tencent, 2000).files(folder, 4, count)


def tencent_plain(folder: Path, count: int) -> list[Path]:
    """The same four files unpacked."""
    return [_plain(path) for path in tencent(folder, count)]


def tencent_one(folder: Path, count: int) -> list[Path]:
    """The lines of the four files in one gz file of one member."""
    return [_one_member(tencent(folder, count), folder / f"tencent-one-{4 * count}-v{VERSION}.gz")]


def member(folder: Path, count: int) -> list[Path]:
    """A gz file of about 100 MB of text where `count` is a million."""
    return Hourly("member", loglines.tencent, 3000).files(folder, 1, count * 44 // 100)


def repeated(folder: Path, count: int) -> list[Path]:
    """The member again and again in one gz file, about 3 GB of text."""
    return [_joined(repeat(*member(folder, count), REPEATS), folder / f"repeated-{count}-{REPEATS}-v{VERSION}.gz")]


def domains(folder: Path, count: int) -> list[Path]:
    """A gz file of Tencent CDN with as many domains as lines."""
    return Hourly("domains", loglines.tencent_domains, 4000).files(folder, 1, count)


def cloudflare(folder: Path, count: int) -> list[Path]:
    """Four files of Cloudflare Logpush, together `count` JSON lines."""
    return Hourly("cloudflare", loglines.cloudflare, 5000).files(folder, 4, count // 4)


def cloudflare_plain(folder: Path, count: int) -> list[Path]:
    """The same four files unpacked."""
    return [_plain(path) for path in cloudflare(folder, count)]


def combined(folder: Path, count: int) -> list[Path]:
    """Two files in the combined format of nginx and Apache."""
    return Hourly("combined", loglines.combined, 6000).files(folder, 2, count)


def cloudfront(folder: Path, count: int) -> list[Path]:
    """Four files of CloudFront (W3C with its header), together `count` lines."""
    return Hourly("cloudfront", loglines.cloudfront, 7000).files(folder, 4, count // 4)
