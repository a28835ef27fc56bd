"""What runs on the workers: pure functions, so that one that was killed can be run again anywhere."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from hashlib import sha256
from importlib.resources import files
from threading import Event
from typing import Any, TypeVar, cast

import numpy as np

import cdnlog
from cdnlog.catalog import data_root
from cdnlog.errors import CdnlogError, ClusterError
from cdnlog.memory import keep_freed_memory
from cdnlog.overlay import below
from cdnlog.pipeline import CountFile
from cdnlog.sections import Section, sections
from cdnlog.settings import Settings
from cdnlog.source import Input
from cdnlog.totals import Counted, Part, Total, whole
from cdnlog.workers import FileTask, Monitor

F = TypeVar("F", bound=Callable[..., Any])
_FRAMES = 10  # of a traceback
Identity = Mapping[str, str]
Item = tuple[int, Any]
"""A file's number, and the file or a section of it."""


@cache
def identity() -> Identity:
    """Return what must be the same on all machines for the results to be the same."""
    return {
        "Python": ".".join(map(str, sys.version_info[:2])),
        "numpy": np.__version__,
        "cdnlog": cdnlog.__version__,
        "cdnlog's code and data": _digest(),
    }


def differs(one: Identity, other: Identity, here: str = "here") -> str:
    """Return in words how one machine is not as another one, which is `here`; nothing if it is."""
    names = [name for name in other if one.get(name) != other[name]]
    return ", ".join(f"{name} is {one.get(name, 'unknown')}, {here} {other[name]}" for name in names)


def _digest() -> str:
    found = sha256()
    for root, suffix in ((files("cdnlog"), ".py"), (data_root(), ".toml")):
        for name, file in sorted(below(root, suffix), key=lambda named: named[0]):
            found.update(name.encode() + b"\0" + sha256(file.read_bytes()).digest())
    return found.hexdigest()[:12]


def out_of_reach(inputs: Sequence[Input]) -> list[tuple[str, str]]:
    """Return which of some files are not the same here, and why."""
    found = []
    for one in inputs:
        try:
            size = os.stat(one.place or one.path).st_size  # noqa: PTH116 - a Path would drop the user's spelling
        except OSError as error:
            found.append((one.path, error.strerror or str(error)))
        else:
            if size < one.size:
                found.append((one.path, f"it has {size:,} bytes there, not {one.size:,}"))
    return found


def _told(function: F) -> F:
    """Make of any bug an error that crosses the network: Dask loses those with deep tracebacks, and waits for ever."""

    @wraps(function)
    def run(*args: Any) -> Any:  # noqa: ANN401 - those of the function
        try:
            return function(*args)
        except CdnlogError:
            raise
        except Exception as error:  # noqa: BLE001 - told just below, outside, so that no traceback hangs on
            fault = f"{type(error).__name__}: {error}"
            where = traceback.format_exc(limit=-_FRAMES)
        raise RuntimeError(f"{fault} on a worker\n{where}")

    return cast("F", run)


@dataclass(frozen=True)
class Leaf:
    """What came of one task.

    Attributes:
        part: The sum over its files.
        rejects: The records of their rejected lines, in the order of the files.
    """

    part: Part
    rejects: bytes


@_told
def count_files(task: CountFile, items: Iterable[Item], theirs: Identity) -> Leaf:
    """Count some files."""
    _prepare(theirs)
    return leaf(task, ((item[0], task(item, _monitor())) for item in items))


@_told
def count_section(task: CountFile, items: Sequence[Item], theirs: Identity) -> Counted:
    """Count a section of a large file."""
    _prepare(theirs)
    return task(items[0], _monitor())


@_told
def cut_file(settings: Settings, found: Input, size: int, theirs: Identity) -> tuple[Section, ...]:
    """Cut a large file into sections; none if that is not possible."""
    _prepare(theirs)
    try:
        return sections(found, settings, size)
    except OSError:  # reading it will tell
        return ()


@_told
def put_together(task: CountFile, number: int, parts: Sequence[Counted]) -> Leaf:
    """Return the sections of a file as the file."""
    return leaf(task, [(number, whole(parts, task.settings))])


@_told
def merge(task: CountFile, parts: Iterable[Leaf | Part]) -> Part:
    """Return the sum of sums."""
    total = Total(task.settings, gather=task.gather)
    for one in parts:
        total.take(one.part if isinstance(one, Leaf) else one)
    return total.part()


def rejects_of(one: Leaf) -> bytes:
    """Return what the driver has to write."""
    return one.rejects


@_told
def run_files(task: FileTask, items: Iterable[Item], theirs: Identity) -> list[Any]:
    """Return the result of each file."""
    _prepare(theirs)
    return [task(item, _monitor()) for item in items]


def leaf(task: CountFile, results: Iterable[tuple[int, Counted]]) -> Leaf:
    """Sum the results of files up."""
    total, records = Total(task.settings, gather=task.gather), []
    for number, counted in results:
        total.add(number, counted)
        records.append(counted.rejects if isinstance(counted.rejects, bytes) else b"")
    return Leaf(total.part(), b"".join(records))


def _prepare(theirs: Identity) -> None:
    """Make sure that this worker, which may have come later, is like the others."""
    if wrong := differs(identity(), theirs, "at the driver"):
        raise ClusterError(f"a worker that joined during the run is not like the others: {wrong}")
    keep_freed_memory()


def _monitor() -> Monitor:
    return Monitor(Event())
