"""Reads one file: which format it is, its blocks in lanes, and what became of its lines."""

from __future__ import annotations

import os
import re
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Generic, TypeVar

from cdnlog import source
from cdnlog.columns import Numbers
from cdnlog.filters import filtered
from cdnlog.formats import LogFormat, W3c
from cdnlog.model import MICROSECONDS, Accounting, Batch, Block, FileReport, Reject, Verdict
from cdnlog.parse import INVALID, Detection, Parser, Sample, detect, fold
from cdnlog.settings import Settings
from cdnlog.text import visible
from cdnlog.zones import offsets, zone

if TYPE_CHECKING:
    from concurrent.futures import Future

REJECT_GRACE = 10
"""So many rejected lines never make a file exceed its budget, however short it is."""
COMMENT = "#"
"""What comments begin with in all formats that do not say otherwise."""
_SPOOL = 1024 * 1024
_LONGEST_NAME = 255

Progress = Callable[[int], None]
Watch = Callable[[bytes], None]
R = TypeVar("R")
Work = Callable[[Batch], R]
"""What is done with a batch, in the thread that parsed it."""


@dataclass(frozen=True)
class _Parsed(Generic[R]):
    """What came of one block."""

    accounting: Accounting
    rejects: tuple[Reject, ...]
    offset: int | None
    result: R


class FileRun:
    """Reads one file: its batches, and after them its report.

    Args:
        found: The file.
        settings: How to read it.
        columns: Canonical columns wanted.
        keep_rejects: Whether to keep the records of rejected lines.
        progress: Told the bytes read from disk.
        watch: Told the decompressed bytes.
        lanes: Blocks that may be parsed at a time.
        header: The `#Fields:` lines to read first, if the reading begins amid a file.
    """

    def __init__(  # noqa: PLR0913 - the last five by name
        self,
        found: source.Input,
        settings: Settings,
        columns: Iterable[str],
        *,
        keep_rejects: bool = False,
        progress: Progress | None = None,
        watch: Watch | None = None,
        lanes: int = 1,
        header: bytes = b"",
    ) -> None:
        self._found, self._settings, self._lanes, self._header = found, settings, lanes, header
        self._progress, self._watch = progress, watch
        self._columns = frozenset(columns) | ({"time", "domain"} if settings.filters else set())
        self._spool = _spool() if keep_rejects else None
        self._path = visible(found.path)
        self._accounting = Accounting()
        self._parsers: list[Parser] = []
        self._offset: int | None = None
        self._trouble: tuple[Verdict, str] | None = None
        self._told = True  # the format is known, not just any that takes comments for comments
        self._ending = source.Ending(Verdict.OK)

    def results(self, works: Sequence[Work[R]]) -> Iterator[R]:
        """Yield what came of the batches, filtered; a file of unknown format has none, its lines are only counted.

        Args:
            works: What is done with a batch, one for each lane: blocks are parsed in as many threads, and what one
                lane does it does alone. The results come in the order of the file all the same.
        """
        for parsed in self._parsed(works):
            self._note_rejects(parsed.rejects)
            if self._offset is None:
                self._offset = parsed.offset
            self._accounting += parsed.accounting
            yield parsed.result

    def _parsed(self, works: Sequence[Work[R]]) -> Iterator[_Parsed[R]]:
        blocks = self._known(self._sampled(self._blocks()))
        if len(works) == 1:
            yield from (self._worked(parsers[0], block, works[0]) for block, parsers in blocks)
            return
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - takes 3 ms, which one lane does without

        free: SimpleQueue[int] = SimpleQueue()
        for lane in range(len(works)):
            free.put(lane)

        def work(block: Block, parsers: Sequence[Parser]) -> _Parsed[R]:
            lane = free.get()
            try:
                return self._worked(parsers[lane % len(parsers)], block, works[lane])
            finally:
                free.put(lane)

        waiting: deque[Future[_Parsed[R]]] = deque()
        with ThreadPoolExecutor(len(works)) as pool:
            for block, parsers in blocks:
                # A lone parser looks back at earlier lines: it works in their order, while a block is decompressed.
                while len(waiting) > (0 if len(parsers) == 1 else len(works)):
                    yield waiting.popleft().result()
                waiting.append(pool.submit(work, block, parsers))
            for future in waiting:
                yield future.result()

    def _worked(self, parser: Parser, block: Block, work: Work[R]) -> _Parsed[R]:
        batch = parser.parse(block, self._path, keep_rejects=self._spool is not None)
        offset = _offset_of(batch, parser)
        kept = filtered(batch, self._settings, parser.zone)
        return _Parsed(kept.accounting, kept.rejects, offset, work(kept))

    def _known(self, blocks: Iterator[Block]) -> Iterator[tuple[Block, Sequence[Parser]]]:
        """Pass on the blocks that can be parsed, each with a parser for every lane, or one if order matters."""
        for block in blocks:
            if not self._parsers or self._trouble:
                self._accounting += Accounting(lines=block.lines, withheld=block.lines)
            else:
                yield block, self._parsers

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
        account = self._accounting if self.usable or not self._told else self._accounting.withhold()
        account.check(self._path)
        fmt = self._parsers[0].format if self._parsers and self._told and not self._trouble else None
        report = FileReport(
            path=self._path,
            verdict=verdict,
            problem=visible(problem),
            format=fmt.name if fmt else None,
            provider=(self._settings.provider or fmt.provider) if fmt else None,
            accounting=account,
            offset_minutes=self._offset if self.usable else None,
        )
        return within_budget(report, self._settings.max_rejects)

    def write_rejects(self, to: IO[bytes]) -> None:
        """Write the records of rejected lines as JSON lines; a file whose lines are withheld has none."""
        if self._spool is not None:
            if self.usable or not self._told:
                self._spool.seek(0)
                shutil.copyfileobj(self._spool, to)
            self._spool.close()

    def _verdict(self) -> tuple[Verdict, str]:
        """Return what is wrong: of a damaged file that, for its lines may be of no format only because it is."""
        if self._trouble and (self._ending.verdict.counts or self._settings.keep_damaged):
            return self._trouble
        return self._ending.verdict, self._ending.problem

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
                if not self._parsers and self._trouble is None:
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
        elif sample.empty and sample.too_long and self._ending.verdict.counts:
            detection = detection_of(sample, self._settings)
            self._trouble = (detection.verdict, detection.why)

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
        self._use(formats[detection.format])
        if passed:
            for parser in self._parsers:
                parser.parse(sample.above)

    def _use(self, fmt: LogFormat) -> None:
        lanes = 1 if isinstance(fmt, W3c) else self._lanes
        self._parsers = [new_parser(fmt, self._columns, self._settings, self._found.name) for _ in range(lanes)]
        for parser in self._parsers if self._header else ():
            parser.parse(Block.of([self._header], 1, 0))

    def _note_rejects(self, rejects: tuple[Reject, ...]) -> None:
        if self._spool is not None and rejects:
            import json  # noqa: PLC0415 - as above

            self._spool.writelines(json.dumps(asdict(reject)).encode() + b"\n" for reject in rejects)


def within_budget(report: FileReport, max_rejects: float) -> FileReport:
    """Return the report, which says so if more lines were rejected than is allowed."""
    account = report.accounting
    if account.rejected <= REJECT_GRACE or account.rejected <= max_rejects * account.lines:
        return report
    problem = f"{account.rejected:,} of {account.lines:,} lines were rejected, more than --max-rejects allows"
    return replace(report, problem=problem, over_budget=True)


def _spool() -> IO[bytes]:
    from tempfile import SpooledTemporaryFile  # noqa: PLC0415 - takes 1 ms, and rejects are rarely kept

    return SpooledTemporaryFile(_SPOOL)


def _offset_of(batch: Batch, parser: Parser) -> int | None:
    """Return the UTC offset of the first row in minutes: the one it names, else that of the zone it is read in."""
    time = batch.columns.get("time")
    if batch.offset_minutes is not None:
        return batch.offset_minutes
    if batch.rows and isinstance(time, Numbers):
        return int(offsets(time.values[:1] // MICROSECONDS, parser.zone)[0]) // 60
    return None


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


def host_key(name: str) -> str | None:
    """Return the key of a domain as the tables have it, None if it is no host name or address."""
    key = fold(name.encode("utf-8", "surrogateescape"))
    return None if key == INVALID else key
