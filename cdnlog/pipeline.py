"""The order of the stages: source -> parse -> aggregate, for one file and for many. Nothing else knows it."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import tzinfo
from pathlib import Path
from typing import IO

from cdnlog import evidence, source
from cdnlog.aggregate import Tally, grid, needed
from cdnlog.columns import Numbers
from cdnlog.counts import Counts, Merger, requests_by, windowed
from cdnlog.errors import DamagedInput, UnknownNameError
from cdnlog.evidence import Evidence, Gatherer
from cdnlog.filters import filtered
from cdnlog.formats import LogFormat
from cdnlog.model import MICROSECONDS, Accounting, Batch, Block, FileReport, Inputs, Reject, Verdict
from cdnlog.parse import INVALID, Detection, Parser, Sample, detect, fold
from cdnlog.settings import Settings
from cdnlog.text import visible
from cdnlog.workers import Monitor, Plan, run
from cdnlog.zones import UTC_ZONE, fixed, offsets, zone

REJECT_GRACE = 10
"""So many rejected lines never make a file exceed its budget, however short it is."""
COMMENT = "#"
"""What comments begin with in all formats that do not say otherwise."""
_SPOOL = 1024 * 1024
_LONGEST_NAME = 255

Progress = Callable[[int], None]
Watch = Callable[[bytes], None]


class FileRun:
    """Reads one file: its batches, and after them its report.

    Args:
        found: The file.
        settings: How to read it.
        columns: Canonical columns wanted.
        keep_rejects: Whether to keep the records of rejected lines.
        progress: Told the bytes read from disk.
        watch: Told the decompressed bytes.
    """

    def __init__(  # noqa: PLR0913 - the last three by name
        self,
        found: source.Input,
        settings: Settings,
        columns: Iterable[str],
        *,
        keep_rejects: bool = False,
        progress: Progress | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._found, self._settings, self._progress, self._watch = found, settings, progress, watch
        self._columns = frozenset(columns) | ({"time", "domain"} if settings.filters else set())
        self._spool = tempfile.SpooledTemporaryFile(_SPOOL) if keep_rejects else None  # noqa: SIM115 - outlives this call
        self._path = visible(found.path)
        self._accounting = Accounting()
        self._parser: Parser | None = None
        self._offset: int | None = None
        self._trouble: tuple[Verdict, str] | None = None
        self._told = True  # the format is known, not just any that takes comments for comments
        self._ending = source.Ending(Verdict.OK)

    def batches(self) -> Iterator[Batch]:
        """Yield the batches, filtered; a file of unknown format has none, its lines are only counted."""
        for block in self._sampled(self._blocks()):
            if self._parser is None or self._trouble:
                lines = block.data.count(b"\n") + (not block.data.endswith(b"\n"))
                self._accounting += Accounting(lines=lines, withheld=lines)
                continue
            batch = self._parser.parse(block, self._path, keep_rejects=self._spool is not None)
            self._note_rejects(batch.rejects)
            self._note_offset(batch)
            batch = filtered(batch, self._settings, self._parser.zone)
            self._accounting += batch.accounting
            yield batch

    @property
    def usable(self) -> bool:
        """Whether what was read goes into the totals; known when the batches are through."""
        verdict = self._verdict()[0]
        return verdict.counts or (self._settings.keep_damaged and verdict.damaged)

    def report(self) -> FileReport:
        """Return what became of the file.

        Raises:
            AccountingError: Its lines do not add up, a bug of ours.
        """
        verdict, problem = self._verdict()
        account = self._accounting if self.usable else self._accounting.withhold()
        account.check(self._path)
        fmt = self._parser.format if self._parser and self._told and not self._trouble else None
        over = account.rejected > REJECT_GRACE and account.rejected > self._settings.max_rejects * account.lines
        if over:
            problem = f"{account.rejected:,} of {account.lines:,} lines were rejected, more than --max-rejects allows"
        return FileReport(
            path=self._path,
            verdict=verdict,
            problem=visible(problem),
            format=fmt.name if fmt else None,
            provider=(self._settings.provider or fmt.provider) if fmt else None,
            accounting=account,
            offset_minutes=self._offset if self.usable else None,
            over_budget=over,
        )

    def write_rejects(self, to: IO[bytes]) -> None:
        """Write the records of rejected lines as JSON lines; a file whose lines are withheld has none."""
        if self._spool is not None:
            if self.usable:
                self._spool.seek(0)
                shutil.copyfileobj(self._spool, to)
            self._spool.close()

    def _verdict(self) -> tuple[Verdict, str]:
        return self._trouble or (self._ending.verdict, self._ending.problem)

    def _blocks(self) -> Iterator[Block]:
        for item in source.read(self._found, self._settings.block, self._progress, self._watch):
            if isinstance(item, source.Ending):
                self._ending = item
            else:
                yield item

    def _sampled(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """Pass the blocks on, but hold back those with the first data lines until they tell the format."""
        held: list[Block] = []
        passed, decided = False, self._settings.format is not None
        sample = Sample() if decided else sample_for(self._settings)
        for block in blocks:
            if decided:
                if self._parser is None and self._trouble is None:
                    self._use(self._settings.catalog.format(self._settings.format or ""))
                yield block
                continue
            sample.add(block)
            held.append(block)
            if sample.empty or sample.full:
                self._choose(sample, passed=passed)
                decided, passed = not sample.empty, True
                yield from held
                held = []
        if held:
            self._choose(sample, passed=passed)
            yield from held

    def _choose(self, sample: Sample, *, passed: bool) -> None:
        """Choose the parser by the first data lines; without any, one for blank lines and comments.

        Args:
            sample: The lines so far.
            passed: Blocks without data have gone by already: the headers in them must be known to the parser.
        """
        formats = self._settings.catalog.formats()
        self._told = not sample.empty
        if sample.empty:
            self._use(next(fmt for fmt in formats.values() if fmt.comment == COMMENT))
            return
        detection = detection_of(sample, self._settings)
        if detection.format is None:
            self._trouble = (detection.verdict, detection.why)
            return
        parser = self._use(formats[detection.format])
        if passed:
            parser.parse(sample.above)

    def _use(self, fmt: LogFormat) -> Parser:
        self._parser = new_parser(fmt, self._columns, self._settings, self._found.path)
        return self._parser

    def _note_rejects(self, rejects: tuple[Reject, ...]) -> None:
        if self._spool is not None and rejects:
            self._spool.writelines(json.dumps(asdict(reject)).encode() + b"\n" for reject in rejects)

    def _note_offset(self, batch: Batch) -> None:
        time = batch.columns.get("time")
        if self._offset is None and batch.offset_minutes is not None:
            self._offset = batch.offset_minutes
        elif self._offset is None and batch.rows and isinstance(time, Numbers) and self._parser:
            self._offset = int(offsets(time.values[:1] // MICROSECONDS, self._parser.zone)[0]) // 60


def new_parser(fmt: LogFormat, columns: Iterable[str], settings: Settings, path: str = "") -> Parser:
    """Return the parser of a format as the settings want it, for one file."""
    regions = settings.catalog.regions(fmt.regions) if fmt.regions else None
    where = settings.log_tz or zone(fmt.zone or "UTC")
    domain = settings.domain_name or _file_domain(fmt, path) or fmt.domain
    return Parser(fmt, columns, where, regions, domain_name=domain)


def _file_domain(fmt: LogFormat, path: str) -> str | None:
    """Return the domain that the file's name gives away, if the format says where it stands there."""
    if fmt.file_domain is None:
        return None
    match = re.search(fmt.file_domain, os.path.basename(path)[:_LONGEST_NAME])  # noqa: PTH119 - of a URL too
    return match["domain"] if match and host_key(match["domain"]) else None


def sample_for(settings: Settings) -> Sample:
    """Return an empty sample; lines with "#" are data only if there is a format whose comments look otherwise."""
    return Sample(comments=all(fmt.comment == COMMENT for fmt in settings.catalog.formats().values()))


def detection_of(sample: Sample, settings: Settings) -> Detection:
    """Tell the format from the first data lines; how the file was cut into blocks makes no difference."""
    columns = settings.catalog.columns()
    return detect(sample, settings.catalog.formats().values(), lambda fmt: new_parser(fmt, columns, settings))


@dataclass(frozen=True)
class _Counted:
    report: FileReport
    counts: Counts | None
    evidence: Evidence | None
    rejects: Path | None


@dataclass(frozen=True)
class CountFile:
    """The task of counting one file: pure, so that it can run in any thread, process or machine.

    Attributes:
        settings: How to read and what to count by.
        folder: Where to leave the records of rejected lines, None if they are not wanted.
        gather: Whether to gather evidence too.
    """

    settings: Settings
    folder: Path | None
    gather: bool

    def __call__(self, numbered: tuple[int, source.Input], monitor: Monitor, watch: Watch | None = None) -> _Counted:
        """Count one file; `watch` is told its decompressed bytes."""
        number, found = numbered
        dims, cell = self.settings.dimensions, grid(self.settings.window)
        columns = needed(dims) | (evidence.needed() if self.gather else set())
        run = FileRun(
            found, self.settings, columns, keep_rejects=self.folder is not None, progress=monitor.advance, watch=watch
        )
        tally, gatherer = Tally(dims, cell), Gatherer(cell)
        for batch in run.batches():
            if monitor.stopped:
                break
            tally.add(batch)
            if self.gather:
                gatherer.add(batch)
        rejects = self.folder / str(number) if self.folder else None
        if rejects is not None:
            with rejects.open("wb") as file:
                run.write_rejects(file)
        gathered = gatherer.evidence() if self.gather and run.usable else None
        return _Counted(run.report(), tally.counts() if run.usable else None, gathered, rejects)


class Counter:
    """Counts many files, several at a time; results are put together in the order of the files.

    Args:
        settings: How to read and what to count by.
        rejects: Where to write the records of rejected lines, or None.
        progress: Told the bytes read from disk.
        gather: Whether to gather evidence too.

    Attributes:
        evidence: What was gathered, when the run is over.
        providers: For each domain the code table that most of its lines ask for.
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
        self.evidence = Evidence.empty(grid(settings.window))
        self._by_provider: dict[str, dict[str, int]] = {}

    def run(self, found: source.Found) -> Counts:
        """Count all files."""
        settings = self._settings
        reports: list[FileReport] = []
        merged = Merger(Tally(settings.dimensions, grid(settings.window)).counts())
        # Standard input is read right here: a process has none of its own, and a waiting thread cannot be stopped.
        piped = any(one.path == source.STDIN for one in found.inputs)
        plan = Plan(1 if piped else settings.jobs, settings.processes, self._progress)
        with tempfile.TemporaryDirectory(prefix="cdnlog-") if self._rejects else nullcontext() as folder:
            task = CountFile(settings, Path(folder) if folder else None, self._gather)
            for counted in run(task, enumerate(found.inputs), plan):
                reports.append(counted.report)
                self._collect(counted.rejects)
                if counted.counts is not None:
                    merged.add(counted.counts)
                    self._note_provider(counted.report.provider, counted.counts)
                if counted.evidence is not None:
                    self.evidence = evidence.merged([self.evidence, counted.evidence])
        inputs = Inputs(tuple(reports))
        inputs.total.check("all files")
        return replace(windowed(merged.counts(), settings.window, self._zone(inputs)), inputs=inputs)

    @property
    def providers(self) -> dict[str, str]:
        """The code table of each domain: files of several formats may be read in one run."""
        return {domain: max(lines, key=lambda name: (lines[name], name)) for domain, lines in self._by_provider.items()}

    def _note_provider(self, provider: str | None, counts: Counts) -> None:
        if provider is None or "domain" not in counts.dims:
            return
        for domain, requests in requests_by(counts, "domain").items():
            lines = self._by_provider.setdefault(str(domain), {})
            lines[provider] = lines.get(provider, 0) + requests

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


def stream(
    found: source.Found,
    settings: Settings,
    columns: Iterable[str],
    rejects: IO[bytes] | None = None,
    progress: Progress | None = None,
) -> Iterator[Batch | FileReport]:
    """Yield the batches of all files in order, and after those of each file its report.

    Raises:
        DamagedInput: At the end of a file whose lines are withheld.
    """
    wanted = frozenset(columns) | {"time"}
    for one in found.inputs:
        run = FileRun(one, settings, wanted, keep_rejects=rejects is not None, progress=progress)
        yield from run.batches()
        report = run.report()
        if rejects is not None:
            run.write_rejects(rejects)
        yield report
        if not run.usable and report.verdict is not Verdict.DUPLICATE:
            raise DamagedInput(report.path, report.verdict.value, report.problem)


def check_columns(names: Iterable[str], known: Iterable[str]) -> None:
    """Make sure that all names are known columns.

    Raises:
        UnknownNameError: One is not.
    """
    columns = list(known)
    for name in names:
        if name not in columns:
            raise UnknownNameError("column", visible(name), columns)


def host_key(name: str) -> str | None:
    """Return the key of a domain as the tables have it, None if it is no host name or address."""
    key = fold(name.encode("utf-8", "surrogateescape"))
    return None if key == INVALID else key


def default_jobs() -> int:
    """Return the number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
