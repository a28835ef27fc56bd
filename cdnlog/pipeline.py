"""The order of the stages: source -> parse -> aggregate, for one file and for many. Nothing else knows it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path
from typing import IO

from cdnlog import source
from cdnlog.aggregate import Tally, grid, needed
from cdnlog.counts import Counts, Merger, requests_by, windowed
from cdnlog.errors import DamagedInput, UnknownNameError
from cdnlog.evidence import Evidence
from cdnlog.filerun import FileRun, Progress, R, Watch, Work
from cdnlog.gather import Gatherer, Kept, Pool, gathered_columns, merged
from cdnlog.model import Batch, FileReport, Inputs, Verdict
from cdnlog.settings import Settings
from cdnlog.text import visible
from cdnlog.workers import Monitor, Plan, run
from cdnlog.zones import UTC_ZONE, fixed


@dataclass(frozen=True)
class _Counted:
    report: FileReport
    counts: Counts | None
    kept: Kept | None
    rejects: Path | None


@dataclass(frozen=True)
class CountFile:
    """The task of counting one file: pure, so that it can run in any thread, process or machine.

    Attributes:
        settings: How to read and what to count by.
        folder: Where to leave the records of rejected lines, None if they are not wanted.
        gather: Whether to gather evidence too.
        lanes: Blocks of the file that may be parsed at a time.
    """

    settings: Settings
    folder: Path | None
    gather: bool
    lanes: int = 1

    def __call__(self, numbered: tuple[int, source.Input], monitor: Monitor, watch: Watch | None = None) -> _Counted:
        """Count one file; `watch` is told its decompressed bytes."""
        number, found = numbered
        dims, cell = self.settings.dimensions, grid(self.settings.window)
        columns = needed(dims) | (gathered_columns() if self.gather else set())
        run = FileRun(
            found, self.settings, columns, keep_rejects=self.folder is not None, progress=monitor.advance,
            watch=watch, lanes=self.lanes,
        )  # fmt: skip
        lanes = [_Lane(dims, cell, gather=self.gather) for _ in range(self.lanes)]
        for _ in run.results([lane.add for lane in lanes]):
            if monitor.stopped:
                break
        rejects = self.folder / str(number) if self.folder else None
        if rejects is not None:
            with rejects.open("wb") as file:
                run.write_rejects(file)
        kept = merged([lane.gatherer.kept() for lane in lanes]) if self.gather and run.usable else None
        return _Counted(
            run.report(), _added([lane.tally.counts() for lane in lanes]) if run.usable else None, kept, rejects
        )


class _Lane:
    """Counts the batches of one thread."""

    def __init__(self, dims: tuple[str, ...], cell: int, *, gather: bool) -> None:
        self.tally, self.gatherer, self._gather = Tally(dims, cell), Gatherer(cell), gather

    def add(self, batch: Batch) -> None:
        """Count a batch."""
        self.tally.add(batch)
        if self._gather:
            self.gatherer.add(batch)


def _added(parts: list[Counts]) -> Counts:
    merger = Merger(parts[0])
    for part in parts[1:]:
        merger.add(part)
    return merger.counts()


class Counter:
    """Counts many files, several at a time; results are put together in the order of the files.

    Args:
        settings: How to read and what to count by.
        rejects: Where to write the records of rejected lines, or None.
        progress: Told the bytes read from disk.
        gather: Whether to gather evidence too.

    Attributes:
        providers: For each domain the code table that most of its lines ask for, if they ask for several.
    """

    def __init__(
        self,
        settings: Settings,
        rejects: IO[bytes] | None = None,
        progress: Progress | None = None,
        *,
        gather: bool = False,
    ) -> None:
        self._settings, self._rejects, self._progress, self._gather = settings, rejects, progress, gather
        self._kept = Pool(grid(settings.window))
        self._by_provider: dict[str, dict[str, int]] = {}

    def run(self, found: source.Found) -> Counts:
        """Count all files."""
        settings = self._settings
        reports: list[FileReport] = []
        merged = Merger(Tally(settings.dimensions, grid(settings.window)).counts())
        # Standard input is read right here: a process has none of its own, and a waiting thread cannot be stopped.
        piped = any(not one.on_disk for one in found.inputs)
        plan = Plan(1 if piped else settings.jobs, settings.processes, self._progress)
        with tempfile.TemporaryDirectory(prefix="cdnlog-") if self._rejects else nullcontext() as folder:
            task = CountFile(settings, Path(folder) if folder else None, self._gather, lanes_of(settings, found))
            for counted in run(task, enumerate(found.inputs), plan):
                reports.append(counted.report)
                self._collect(counted.rejects)
                if counted.counts is not None:
                    merged.add(counted.counts)
                    self._note_provider(counted.report.provider, counted.counts)
                if counted.kept is not None:
                    self._kept.add(counted.kept)
        inputs = Inputs(tuple(reports))
        inputs.total.check("all files")
        return replace(windowed(merged.counts(), settings.window, self._zone(inputs)), inputs=inputs)

    @property
    def evidence(self) -> Evidence:
        """What was gathered, when the run is over."""
        return self._kept.kept().evidence()

    @property
    def providers(self) -> dict[str, str]:
        """The code table of each domain where files of several formats were read; empty where one does for all."""
        if len(self._by_provider) < 2:  # noqa: PLR2004 - several
            return {}
        most: dict[str, tuple[int, str]] = {}
        for provider, domains in self._by_provider.items():
            for domain, lines in domains.items():
                most[domain] = max(most.get(domain, (0, "")), (lines, provider))
        return {domain: provider for domain, (_, provider) in most.items()}

    def _note_provider(self, provider: str | None, counts: Counts) -> None:
        if provider is None or not self._gather or "domain" not in counts.dims:
            return
        lines = self._by_provider.setdefault(provider, {})
        for domain, requests in requests_by(counts, "domain").items():
            lines[str(domain)] = lines.get(str(domain), 0) + requests

    def _collect(self, rejects: Path | None) -> None:
        if rejects is not None and self._rejects is not None:
            with rejects.open("rb") as file:
                shutil.copyfileobj(file, self._rejects)
            rejects.unlink()

    def _zone(self, inputs: Inputs) -> tzinfo:
        """Return the zone to show: the one asked for, else the logs' own offset, UTC where they differ."""
        if self._settings.tz is not None:
            return self._settings.tz
        offsets_seen = {f.offset_minutes for f in inputs.files if f.offset_minutes is not None}
        return fixed(offsets_seen.pop()) if len(offsets_seen) == 1 else UTC_ZONE


def stream(  # noqa: PLR0913, PLR0917 - what to read, what to do with it, and whom to tell
    found: source.Found,
    settings: Settings,
    columns: Iterable[str],
    work: Work[R],
    rejects: IO[bytes] | None = None,
    progress: Progress | None = None,
) -> Iterator[R | FileReport]:
    """Yield what came of the batches of all files in order, and after those of each file its report.

    Args:
        found: The files.
        settings: How to read.
        columns: Canonical columns wanted.
        work: What to do with a batch; it may run in several threads.
        rejects: Where to write the records of rejected lines, or None.
        progress: Told the bytes read from disk.

    Raises:
        DamagedInput: At the end of a file whose lines are withheld.
    """
    wanted = frozenset(columns) | {"time"}
    for one in found.inputs:
        run = FileRun(
            one, settings, wanted, keep_rejects=rejects is not None, progress=progress, lanes=settings.jobs
        )  # fmt: skip
        yield from run.results([work] * settings.jobs)
        report = run.report()
        if rejects is not None:
            run.write_rejects(rejects)
        yield report
        if not run.usable and report.verdict is not Verdict.DUPLICATE:
            raise DamagedInput(report.path, report.verdict.value, report.problem)


def lanes_of(settings: Settings, found: source.Found) -> int:
    """Return how many blocks of a file to parse at a time: as many as there are jobs that no other file needs."""
    return max(settings.jobs // max(len(found.inputs), 1), 1)


def check_columns(names: Iterable[str], known: Iterable[str]) -> None:
    """Make sure that all names are known columns.

    Raises:
        UnknownNameError: One is not.
    """
    columns = list(known)
    for name in names:
        if name not in columns:
            raise UnknownNameError("column", visible(name), columns)


def default_jobs() -> int:
    """Return the number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
