"""The order of the stages: source -> parse -> aggregate, for one file and for many. Nothing else knows it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import tzinfo
from io import BytesIO
from pathlib import Path
from typing import IO, Generic

from cdnlog import source
from cdnlog.aggregate import Tally, grid, needed
from cdnlog.counts import Counts, windowed
from cdnlog.errors import DamagedInput, UnknownNameError
from cdnlog.evidence import Evidence
from cdnlog.filerun import FileRun, Progress, R, Watch, Work
from cdnlog.gather import Gatherer, gathered_columns
from cdnlog.limits import within
from cdnlog.memory import give_freed_memory_back
from cdnlog.model import Batch, FileReport, Inputs, Verdict
from cdnlog.sections import Section, parted
from cdnlog.settings import Settings
from cdnlog.text import visible
from cdnlog.totals import Counted, Part, Total, added
from cdnlog.workers import Cluster, Monitor, Plan, run
from cdnlog.zones import UTC_ZONE, fixed


@dataclass(frozen=True)
class CountFile:
    """The task of counting one file, or a section of one: pure, so that it can run in any thread, process or machine.

    Attributes:
        settings: How to read and what to count by.
        folder: Where to leave the records of rejected lines, None to leave none.
        gather: Whether to gather evidence too.
        lanes: Blocks of the file that may be parsed at a time.
        inline: Whether to return the records of rejected lines.
    """

    settings: Settings
    folder: Path | None
    gather: bool
    lanes: int = 1
    inline: bool = False

    def __call__(
        self, numbered: tuple[int, source.Input | Section], monitor: Monitor, watch: Watch | None = None
    ) -> Counted:
        """Count one file; `watch` is told its decompressed bytes."""
        number, given = numbered
        found, settings, header = parted(given, self.settings)
        dims, cell = settings.dimensions, grid(settings.window)
        columns = needed(dims) | (gathered_columns() if self.gather else set())
        run = FileRun(
            found, settings, columns, keep_rejects=self.inline or self.folder is not None, progress=monitor.advance,
            watch=watch, lanes=self.lanes, header=header,
        )  # fmt: skip
        gatherer = Gatherer(cell) if self.gather else None
        lanes = [_Lane(Tally(dims, cell), gatherer) for _ in range(self.lanes)]
        for _ in run.results([lane.add for lane in lanes]):
            if monitor.stopped:
                break
        rejects = self._rejects(run, number)
        if not run.usable:
            return Counted(run.report(), rejects=rejects)
        kept = gatherer.kept() if gatherer else None
        # A lane is gone when its counts are there.
        return Counted(run.report(), added([lanes.pop().tally.counts() for _ in range(self.lanes)]), kept, rejects)

    def failed(self, given: source.Input | Section, problem: str) -> Counted:
        """Return the result for a file that cannot be counted at all."""
        found = given if isinstance(given, source.Input) else given.found
        return Counted(FileReport(visible(found.path), Verdict.UNREADABLE, problem), rejects=b"")

    def _rejects(self, run: FileRun, number: int) -> Path | bytes | None:
        if self.inline:
            buffer = BytesIO()
            run.write_rejects(buffer)
            return buffer.getvalue()
        if self.folder is None:
            return None
        path = self.folder / str(number)
        with path.open("wb") as file:
            run.write_rejects(file)
        return path


@dataclass(frozen=True)
class _Lane:
    """Counts the batches of one thread; what it gathers is shared by all lanes."""

    tally: Tally
    gatherer: Gatherer | None

    def add(self, batch: Batch) -> None:
        """Count a batch."""
        self.tally.add(batch)
        if self.gatherer is not None:
            self.gatherer.add(batch)


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
        self._part = Total(settings, gather=gather).part()

    def run(self, found: source.Found) -> Counts:
        """Count all files."""
        settings = self._settings
        self._part = self._near(found) if settings.cluster is None else self._far(settings.cluster, found)
        give_freed_memory_back()
        reports = tuple(report for _, report in sorted(self._part.reports.items()))
        inputs = Inputs(reports, self._settings.anonymize)
        inputs.total.check("all files")
        counts, reached = within(windowed(self._part.counts, settings.window, self._zone(inputs)))
        return replace(counts, inputs=replace(inputs, limits=reached))

    @property
    def evidence(self) -> Evidence:
        """What was gathered, when the run is over."""
        return self._part.kept.evidence()

    @property
    def providers(self) -> dict[str, str]:
        """The code table of each domain where files of several formats were read; empty where one does for all."""
        if len(self._part.providers) < 2:  # noqa: PLR2004 - several
            return {}
        most: dict[str, tuple[int, str]] = {}
        for provider, domains in self._part.providers.items():
            for domain, lines in domains.items():
                most[domain] = max(most.get(domain, (0, "")), (lines, provider))
        return {domain: provider for domain, (_, provider) in most.items()}

    def _near(self, found: source.Found) -> Part:
        """Count on this machine."""
        settings, total = self._settings, Total(self._settings, gather=self._gather)
        # Standard input is read right here: a process has none of its own, and a waiting thread cannot be stopped.
        piped = any(not one.again for one in found.inputs)
        plan = Plan(1 if piped else settings.jobs, settings.processes, self._progress)
        with _folder() if self._rejects else nullcontext() as folder:
            task = CountFile(settings, Path(folder) if folder else None, self._gather, lanes_of(settings, found))
            for number, counted in enumerate(run(task, enumerate(found.inputs), plan)):
                counted.hand_over_rejects(self._rejects)
                total.add(number, counted)
        return total.part()

    def _far(self, cluster: Cluster, found: source.Found) -> Part:
        """Count on other machines; only the sum and the rejected lines come here."""
        task = CountFile(self._settings, None, self._gather, inline=self._rejects is not None)
        part: Part = cluster.sum_up(task, found.inputs, self._progress, self._rejects)
        return part

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
    if settings.cluster is not None:
        task = ReadFile(settings, wanted, work, inline=rejects is not None)
        for read in settings.cluster.run(task, enumerate(found.inputs), progress):
            yield from read.results
            if rejects is not None:
                rejects.write(read.rejects)
            yield from _ended(read.report, usable=read.usable)
        return
    for one in found.inputs:
        run = FileRun(
            one, settings, wanted, keep_rejects=rejects is not None, progress=progress, lanes=settings.jobs
        )  # fmt: skip
        yield from run.results([work] * settings.jobs)
        report = run.report()
        if rejects is not None:
            run.write_rejects(rejects)
        yield from _ended(report, usable=run.usable)


def _ended(report: FileReport, *, usable: bool) -> Iterator[FileReport]:
    yield report
    if not usable and report.verdict is not Verdict.DUPLICATE:
        raise DamagedInput(report.path, report.verdict.value, report.problem)


@dataclass(frozen=True)
class _Read(Generic[R]):
    report: FileReport
    usable: bool
    results: Sequence[R] = ()
    rejects: bytes = b""


@dataclass(frozen=True)
class ReadFile(Generic[R]):
    """The task of reading one file on another machine: pure, as `CountFile` is.

    Attributes:
        settings: How to read.
        columns: Canonical columns wanted.
        work: What to do with a batch.
        inline: Whether to return the records of rejected lines.
    """

    settings: Settings
    columns: frozenset[str]
    work: Work[R]
    inline: bool

    def __call__(self, numbered: tuple[int, source.Input], monitor: Monitor) -> _Read[R]:
        """Return what came of the batches of one file."""
        _, found = numbered
        run = FileRun(found, self.settings, self.columns, keep_rejects=self.inline, progress=monitor.advance)
        results = list(run.results([self.work]))
        rejects = BytesIO()
        run.write_rejects(rejects)
        return _Read(run.report(), run.usable, results, rejects.getvalue())

    def failed(self, given: source.Input, problem: str) -> _Read[R]:
        """Return the result for a file that cannot be read at all."""
        return _Read(FileReport(visible(given.path), Verdict.UNREADABLE, problem), usable=False)


def _folder() -> AbstractContextManager[str]:
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - takes 1 ms, and rejects are rarely kept

    return TemporaryDirectory(prefix="cdnlog-")


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
