"""Cuts a large plain file into sections of whole lines that can be counted apart, with what each must know for that."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import IO

from cdnlog import source
from cdnlog.filerun import detection_of, sample_for
from cdnlog.formats import W3c
from cdnlog.parse import Headers
from cdnlog.settings import Settings

_PIECE = 1024 * 1024


@dataclass(frozen=True)
class Section:
    """Whole lines of a plain file.

    Attributes:
        found: The file, with its span.
        format: Name of the file's format.
        header: The `#Fields:` lines to read before the span, empty if the format has none or none was met.
    """

    found: source.Input
    format: str
    header: bytes = b""


def parted(given: source.Input | Section, settings: Settings) -> tuple[source.Input, Settings, bytes]:
    """Return what to read, how, and the headers before it; how many lines may be rejected is the file's matter."""
    if isinstance(given, source.Input):
        return given, settings, b""
    return given.found, replace(settings, format=given.format, max_rejects=1.0), given.header


def sections(found: source.Input, settings: Settings, size: int) -> tuple[Section, ...]:
    """Cut a file; return nothing if it must be read from its beginning to its end: compressed, or of no clear format.

    Args:
        found: The file.
        settings: How it will be read.
        size: Bytes of a section, at least.
    """
    if not found.on_disk:
        return ()
    with Path(found.place or found.path).open("rb", buffering=0) as file:
        if source.compressed(file.read(_PIECE)) or (name := _format(found, settings)) is None:
            return ()
        fmt = settings.catalog.format(name)
        if isinstance(fmt, W3c) and not fmt.separator:  # it is told by the first lines below each header
            return ()
        ends = list(_ends(file, os.fstat(file.fileno()).st_size, size))
    parts = [replace(found, span=span) for span in zip([0, *ends], ends, strict=False)]
    headers = _headers(parts) if isinstance(fmt, W3c) else repeat(b"")
    return tuple(Section(part, name, header) for part, header in zip(parts, headers, strict=False))


def _format(found: source.Input, settings: Settings) -> str | None:
    """Return the format of a file as reading it would tell it; None where its first data lines do not."""
    if settings.format is not None:
        return settings.format
    sample = sample_for(settings)
    for item in source.read(found, settings.block):
        if isinstance(item, source.Ending):
            break
        sample.add(item)
        if sample.full:
            return detection_of(sample, settings).format
        if sample.empty:  # comments that fill a block are read before the format is known
            break
    return None


def _ends(file: IO[bytes], length: int, size: int) -> Iterator[int]:
    """Yield where sections end: behind an LF, the last one where the file does."""
    at = size
    while at < length and (at := _behind_line(file, at, length)) < length:
        yield at
        at += size
    yield length


def _behind_line(file: IO[bytes], at: int, length: int) -> int:
    """Return the end of the line that holds the byte before a place."""
    file.seek(at - 1)
    while at < length and (data := file.read(_PIECE)):
        if (found := data.find(b"\n")) >= 0:
            return at + found
        at += len(data)
    return length


def _headers(parts: Iterable[source.Input]) -> Iterator[bytes]:
    """Yield what to read before each part of a file, so that its headers are known."""
    headers = Headers()
    for part in parts:
        yield headers.lines
        for item in source.read(part):
            if not isinstance(item, source.Ending):
                headers.pass_by(item)
