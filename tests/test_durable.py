"""What is written is on the disk before it appears under its name: no power cut leaves half of it there.

Kills cannot show that, as a killed process loses nothing that it wrote: the order of the calls is looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from nights import lines_of, write
from test_cases import run_here

Calls = list[tuple[str, str]]
PROC = Path("/proc/self/fd")
pytestmark = pytest.mark.skipif(not PROC.exists(), reason="needs /proc to tell the file of a descriptor")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """Record what is put on the disk, and under which name it appears, in this order."""
    made: Calls = []
    fsync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        made.append(("fsync", str((PROC / str(handle)).readlink())))
        fsync(handle)

    def replaced(old: str | Path, new: str | Path) -> None:
        made.append(("rename", os.fspath(Path(old).absolute())))
        made.append(("appears", os.fspath(Path(new).absolute())))
        replace(old, new)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", synced)
        patch.setattr(os, "replace", replaced)
        yield made


def held(calls: Calls, path: Path, *, folder: bool) -> None:
    """Hold that a file was put on the disk before it got its name, and then its folder if that matters."""
    at = calls.index(("appears", str(path)))
    _, temporary = calls[at - 1]
    assert ("fsync", temporary) in calls[: at - 1]
    assert not folder or ("fsync", str(path.parent)) in calls[at:]


def test_a_store_is_on_the_disk_before_it_is_there(tmp_path: Path, calls: Calls) -> None:
    """A new store: its bytes, its name, and the folder that holds the name."""
    write(tmp_path / "logs" / "a.log", lines_of(3))
    run_here(["nightly", "logs", "--store", "h.db", "--fail-on", "never"], tmp_path)
    held(calls, tmp_path / "h.db", folder=True)


def test_reports_are_on_the_disk_before_they_are_there(tmp_path: Path, calls: Calls) -> None:
    """A night's report."""
    write(tmp_path / "logs" / "a.log", lines_of(3))
    run_here(["nightly", "logs", "--store", "h.db", "--fail-on", "never", "--report", "json=r.json"], tmp_path)
    held(calls, tmp_path / "r.json", folder=False)


def test_a_written_file_is_on_the_disk_before_it_is_there(tmp_path: Path, calls: Calls) -> None:
    """What `--out` names."""
    write(tmp_path / "a.log", lines_of(3))
    run_here(["count", "a.log", "-o", "csv", "--out", "counts.csv"], tmp_path)
    held(calls, tmp_path / "counts.csv", folder=False)
