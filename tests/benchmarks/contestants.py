"""The commands that are timed: cdnlog, its peers where they are installed, and the floor."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import measure

HERE = Path(__file__).parent
Files = Callable[[Path, int], list[Path]]
NOT_INSTALLED = "not installed"
GOACCESS = {
    "tencent": "sed 's/^......../& /' | goaccess --date-format=%Y%m%d --time-format=%H%M%S "
    '--log-format=\'%d %t %h %v %U %b %^ %^ %s %R %L "%u" "%^" %m %^ %^ %^\'',
    "combined": "goaccess --log-format=COMBINED",
    "cloudfront": "goaccess --log-format=CLOUDFRONT",
}


@dataclass(frozen=True)
class Job:
    """A command with its name in the table; its files are made when it is wanted."""

    name: str
    start: tuple[str, ...]
    files: Files | None = None
    answer: Callable[[Path], Any] | None = None
    missing: str = ""
    rounds: int | None = None

    def command(self, folder: Path, lines: int) -> tuple[str, ...]:
        """Return the command with its files."""
        return (*self.start, *(str(path) for path in (self.files(folder, lines) if self.files else [])))


def cdnlog(name: str, *arguments: str, files: Files | None = None, answer: Callable[[Path], Any] | None = None) -> Job:
    """Return cdnlog's command line."""
    return Job(name, (sys.executable, "-m", "cdnlog", *arguments), files, answer)


def count(files: Files, name: str = "cdnlog", *options: str) -> Job:
    """Return the job that all peers have an answer to."""
    return cdnlog(name, "count", "-q", "-o", "csv", *options, files=files, answer=measure.counts)


def diagnose(files: Files, name: str = "diagnose") -> Job:
    """Return cdnlog's diagnosis of files."""
    return cdnlog(name, "diagnose", "-q", "-o", "json", files=files)


def peer(name: str, layout: str, files: Files) -> Job:
    """Return the count of another library."""
    missing = "" if find_spec(name.partition("-")[0]) else NOT_INSTALLED
    return Job(name, (sys.executable, str(HERE / "peers.py"), name, layout), files, measure.counts, missing)


def floor(files: Files) -> Job:
    """Return the mere reading and decompression."""
    return Job("floor", (sys.executable, str(HERE / "peers.py"), "floor", "any"), files)


def mawk(layout: str, files: Files) -> Job:
    """Return the count of a pipeline with mawk."""
    program = str(HERE / "awk" / f"{layout}.awk")
    return Job(
        "mawk",
        ("bash", "-c", 'zcat -f "$@" | mawk -f "$0"', program),
        files,
        measure.counts,
        "" if shutil.which("mawk") else NOT_INSTALLED,
    )


def goaccess(layout: str, files: Files) -> Job:
    """Return GoAccess, which counts other things too and takes minutes: it runs once."""
    pipe = f'zcat -f "$@" | {GOACCESS[layout]} --no-global-config --no-progress -o json -'
    missing = "" if shutil.which("goaccess") else NOT_INSTALLED
    return Job("goaccess", ("bash", "-c", pipe, "goaccess"), files, None, missing, rounds=1)


def reader(name: str, files: Files) -> Job:
    """Return the reading of all columns into a frame."""
    missing = "" if find_spec(name) else NOT_INSTALLED
    return Job(name, (sys.executable, str(HERE / "readers.py"), name), files, measure.text, missing)


def bare() -> Job:
    """Return the help of an application that does nothing."""
    return Job("bare", (sys.executable, str(HERE / "bare.py"), "--help"))


def counters(layout: str, files: Files) -> list[Job]:
    """Return cdnlog and all that count the same."""
    libraries = ["polars", "duckdb", "chdb", *(["chdb-text"] if layout == "cloudflare" else []), "pandas"]
    jobs = [count(files), *(peer(name, layout, files) for name in libraries), mawk(layout, files)]
    return [*jobs, *([goaccess(layout, files)] if layout in GOACCESS else []), floor(files)]
