"""Reads what is new under some paths into the store, each file exactly once.

A file's row and its counts are written in one transaction, when its verdict is known. What a killed run had finished
stays finished; the next run goes on with the rest, and it is the same night. So it is after one that could not write
its reports.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from cdnlog.filerun import Progress
from cdnlog.gather import Kept, Pool
from cdnlog.history.ageing import roll_up
from cdnlog.history.candidates import Candidate, moves, stat
from cdnlog.history.entry import COUNTED, COVERED, DAMAGED, DUPLICATE, REFUSED, Entry
from cdnlog.history.fingerprint import Fingerprint, Print
from cdnlog.history.judge import Judgement, Read, judge
from cdnlog.history.ledger import Ledger
from cdnlog.history.nights import open_night
from cdnlog.history.retention import Keep
from cdnlog.history.tables import DAY, GRAIN, Grains, Sums
from cdnlog.model import MICROSECONDS, FileReport, Verdict
from cdnlog.pipeline import CountFile
from cdnlog.settings import Settings
from cdnlog.source import Found, Input
from cdnlog.totals import Counted
from cdnlog.workers import Monitor, Plan, run
from cdnlog.zones import UTC_ZONE, fixed, zone

_ROLL_UP_EVERY = 256
_MOST = 2**53  # requests of a file; of more than that a sum of floats is not exact
_LIGHTEST = 1 << 20  # as many bytes weighs the smallest file: so many of them wait for one commit


@dataclass
class Intake:
    """What a run took in.

    Attributes:
        night: Number of the night.
        candidates: All files that were found, by absolute path.
        evidence: Returns the kept rows of the night's files; may have to read files again for that.
        others: What was named and is no file to be read.
    """

    night: int
    candidates: dict[str, Candidate]
    evidence: Callable[[], Kept]
    others: tuple[FileReport, ...]


@dataclass(frozen=True)
class _Task:
    """Counts one file and takes its fingerprint."""

    count: CountFile
    lengths: Mapping[str, tuple[int, ...]]

    def __call__(self, numbered: tuple[int, Input], monitor: Monitor) -> tuple[Counted, Print]:
        fingerprint = Fingerprint(self.lengths.get(numbered[1].path, ()))
        return self.count(numbered, monitor, fingerprint), fingerprint.result()

    def failed(self, found: Input, problem: str) -> tuple[Counted, Print]:
        """Return the result for a file that cannot be counted at all."""
        return self.count.failed(found, problem), Fingerprint().result()


class Ingest:
    """One run over some paths.

    Args:
        ledger: Of the open store.
        settings: How to read.
        keep: How long to keep what.
        force: Whether a content that lost lines takes the place of what was counted.
        progress: Told the bytes read from disk.
    """

    def __init__(
        self, ledger: Ledger, settings: Settings, keep: Keep, *, force: bool = False, progress: Progress | None = None
    ) -> None:
        self._ledger, self._keep, self._force = ledger, keep, force
        self._settings = replace(settings, window=GRAIN)
        self._plan = Plan(settings.jobs, settings.processes, progress, settings.cluster)
        self._last, self._night = ledger.last_night(), open_night(ledger)
        self._candidates: Mapping[str, Candidate] = {}
        self._reopened: set[str] = set()
        # What runs of this night had finished that were killed, or could not write their reports.
        begun = ledger.of_night(self._night)
        self._offsets = {entry.offset for entry in begun if entry.counts and entry.offset is not None}
        self._oldest = min((entry.begins for entry in begun if entry.begins is not None), default=None)

    @property
    def zone(self) -> tzinfo:
        """The zone of the store: the one it was made with, else the logs' own, UTC where they differ."""
        if (name := self._ledger.setting("zone")) is not None:
            return zone(name)
        if self._settings.tz is not None:
            return self._settings.tz
        return fixed(next(iter(self._offsets))) if len(self._offsets) == 1 else UTC_ZONE

    @property
    def grains(self) -> Grains:
        """How finely data is kept, by its age against the newest."""
        newest = self._ledger.volume().newest(self.zone)
        return Grains() if newest is None else self._keep.grains(newest, self.zone)

    def _grains_so_far(self) -> Grains:
        """Return what surely is as old when all is read: which day is the newest is not known before."""
        newest = self._ledger.volume().nearly_all(self.zone)
        return Grains() if newest is None else replace(self._keep.grains(newest, self.zone), days=0, nothing=0)

    def run(self, found: Found, rejects: tuple[IO[bytes], Path] | None = None) -> Intake:
        """Take in what is new.

        Args:
            found: The files.
            rejects: Where the records of rejected lines go, and a folder for them meanwhile.

        Raises:
            AccountingError: The lines of a file do not add up; none of it was counted.
        """
        candidates, others = self._looked_at(found)
        self._candidates = candidates
        unread = [one for one in candidates.values() if one.known is None]
        gathered, so_far = _Gathered(), self._grains_so_far()
        counted: list[int] = []
        for done, (candidate, result, fingerprint) in enumerate(self._all_results(unread, rejects), 1):
            row = self._take(candidate, result, fingerprint)
            if row is not None:
                counted.append(row.id)
                gathered.add(result.kept, so_far)
            if done % _ROLL_UP_EVERY == 0:
                so_far = self._grains_so_far()
                if so_far.hours > self._ledger.horizon("hours"):
                    roll_up(self._ledger, so_far, self._oldest)
        roll_up(self._ledger, self.grains, self._oldest)
        night = self._night if self._ledger.of_night(self._night) else self._last
        wanted = [entry for entry in self._ledger.of_night(night) if entry.counts]
        evidence = partial(gathered.evidence, self.grains)
        if [entry.id for entry in wanted] != counted:
            evidence = partial(self._gathered_again, wanted, candidates)
        return Intake(max(night, 1), candidates, evidence, others)

    def _looked_at(self, found: Found) -> tuple[dict[str, Candidate], tuple[FileReport, ...]]:
        candidates: dict[str, Candidate] = {}
        others: list[FileReport] = []
        for one in found.inputs:
            path = one.path if one.remote is not None else os.path.abspath(one.path)  # noqa: PTH100 - as it is spelt
            if one.verdict is None and (looks := stat(path, one.size, one.remote)) is not None:
                candidates[path] = Candidate(path, one, looks)
            else:
                verdict = one.verdict or Verdict.MISSING
                others.append(FileReport(one.path, verdict, one.problem or "it vanished while the night began"))
        self._follow_moves(candidates)
        ordered = {path: replace(candidates[path], known=self._known(candidates[path])) for path in sorted(candidates)}
        return ordered, tuple(sorted(others, key=lambda report: report.path))

    def _follow_moves(self, candidates: Mapping[str, Candidate]) -> None:
        """Note files that have another name now: their old names may hold new files."""
        if moved := list(moves(candidates, self._ledger)):
            with self._ledger.store.transaction():
                for entry, path in moved:
                    self._ledger.move(entry, path)

    def _known(self, candidate: Candidate) -> Entry | None:
        """Return the row that says all about a file which nobody touched since."""
        for entry in self._ledger.at(candidate.path):
            settled = (
                entry.sha is not None and not entry.verdict.damaged and not (entry.state == REFUSED and self._force)
            )
            if settled and candidate.stat.of(entry):
                return entry
        return None

    def _all_results(
        self, unread: list[Candidate], rejects: tuple[IO[bytes], Path] | None
    ) -> Iterator[tuple[Candidate, Counted, Print]]:
        """Yield what the files hold, and those again that counted through a file whose content is found to be gone."""
        while unread:
            yield from self._results(unread, rejects)
            unread = [self._candidates[path] for path in sorted(self._reopened) if path in self._candidates]
            self._reopened.clear()

    def _results(
        self, unread: list[Candidate], rejects: tuple[IO[bytes], Path] | None
    ) -> Iterator[tuple[Candidate, Counted, Print]]:
        lengths = {
            one.found.path: known
            for one in unread
            if (known := tuple(entry.length for entry in self._ledger.at(one.path) if entry.sha and entry.length))
        }
        inline = rejects is not None and self._plan.cluster is not None  # others cannot write into a folder of ours
        folder = rejects[1] if rejects and not inline else None
        task = _Task(CountFile(self._settings, folder, gather=True, inline=inline), lengths)
        results = run(task, enumerate(one.found for one in unread), self._plan)
        for candidate, (counted, fingerprint) in zip(unread, results, strict=True):
            counted.hand_over_rejects(rejects[0] if rejects else None)
            yield candidate, counted, fingerprint

    def _take(self, candidate: Candidate, counted: Counted, fingerprint: Print) -> Entry | None:
        """Write what became of one file; return its row if its lines count now."""
        ledger, report = self._ledger, counted.report
        entry = _entry(candidate, report, self._night)
        here = [row for row in ledger.at(candidate.path) if row.retired is None]
        if counted.counts is None:
            self._take_damaged(entry, here)
            return None
        with ledger.store.transaction(max(fingerprint.length, _LIGHTEST)):
            sums = Sums.of(counted.counts, ledger.word)
            read = Read(candidate.path, fingerprint, sums, report.accounting.lines)
            judged = judge(read, ledger, force=self._force)
            if judged.same is None:
                return self._write(entry, read, judged, here)
            ledger.touch(judged.same, candidate.stat.size, candidate.stat.mtime, candidate.stat.inode)
            self._clear([row for row in here if row.state in (REFUSED, DAMAGED)], covered=True)
            return None

    def _take_damaged(self, entry: Entry, here: list[Entry]) -> None:
        """Note a file that does not count; what it counted before goes on counting."""
        rows = [row for row in here if not row.counts]
        kept = sum(row.own for row in here if row.counts)
        entry = replace(entry, state=DAMAGED, kind="damaged", before=kept)
        if any(replace(row, id=0, night=entry.night) == entry for row in rows):
            return
        with self._ledger.store.transaction():
            self._clear(rows, covered=False)
            self._ledger.add(entry, None, None)

    def _write(self, entry: Entry, read: Read, judged: Judgement, here: list[Entry]) -> Entry | None:
        """Write the row of a content that is new under its path."""
        ledger = self._ledger
        kind = judged.kind or ("mended" if any(row.state == DAMAGED for row in here) else None)
        entry = replace(entry, state=judged.state, kind=kind, before=judged.before)
        entry = replace(entry, sha=read.print.sha, length=read.print.length)
        if judged.others:
            entry = replace(entry, other=judged.others[0], others=len(judged.others) - 1)
        if judged.state in (COUNTED, COVERED):
            self._forget(entry.path, judged.parts)
        self._clear(here, covered=judged.state == COVERED and not judged.parts)
        for row in judged.retired:
            ledger.retire(row, self._night)
            if judged.kind == "forced":
                self._reopen(row)
        for row in judged.left:
            ledger.leave(row)
        if entry.state != COUNTED:
            verdict = Verdict.REFUSED if entry.state == REFUSED else Verdict.DUPLICATE
            entry = replace(entry, verdict=verdict, problem=judged.problem, over=False)
        if entry.state in (REFUSED, DUPLICATE):
            ledger.add(replace(entry, accounting=entry.accounting.withhold()), None, None)
            return None
        entry, sums = self._apart(self._dated(entry, read), read.sums, judged.parts)
        entry = replace(entry, requests=min(int(sums.sums[:, 0].sum()), _MOST))
        kept = sums if len(sums.keys) else None
        entry = replace(entry, id=ledger.add(entry, kept, judged.rest if entry.grain == GRAIN else None))
        return entry if entry.counts else None

    def _reopen(self, lost: Entry) -> None:
        """Let files be read again whose lines counted through a content that is gone."""
        for row in self._ledger.leaning(lost):
            if row.retired == self._night:  # it is still to be told what it counted before this night
                self._ledger.disown(row)
            elif not row.counts:
                self._ledger.remove(row)
            elif row.path in self._candidates:
                self._ledger.retire(row, self._night)
                self._ledger.disown(row)
            self._reopened.add(row.path)
        self._ledger.disown(lost)

    def _forget(self, path: str, parts: Sequence[Entry]) -> None:
        """Forget what a path had before its last content, unless other files have it: a log may grow every hour."""
        used = {part.id for part in parts}
        for row in self._ledger.at(path):
            if row.retired is not None and row.id not in used:
                self._ledger.forget(row)

    def _clear(self, rows: list[Entry], *, covered: bool) -> None:
        """Take out the rows of a path that never counted; what is covered stays known unless all of it is so again."""
        for row in rows:
            if row.state == COVERED and not covered:
                self._ledger.retire(row, self._night)
            elif not row.counts:
                self._ledger.remove(row)

    def _apart(self, entry: Entry, sums: Sums, parts: Sequence[Entry]) -> tuple[Entry, Sums]:
        """Return a row and its counts without the parts that count through other files.

        Its evidence is of all its lines: rows are kept as a sample that no longer knows the line that each one was.
        """
        if not parts:
            return entry, sums
        grains = Grains(self.zone, self._ledger.horizon("hours"), self._ledger.horizon("days"))  # of the parts by now
        sums = sums.rolled_up(grains).without(self._ledger.cells(part.id for part in parts).rolled_up(grains))
        return replace(entry.without(parts), grain=grains.finest(sums.keys[:, 0])), sums

    def _dated(self, entry: Entry, read: Read) -> Entry:
        """Note the time of a file's data."""
        if not len(read.sums.keys):
            return entry
        windows = read.sums.keys[:, 0]
        begins = int(windows.min())
        self._oldest = begins if self._oldest is None else min(begins, self._oldest)
        if entry.counts and entry.offset is not None:
            self._offsets.add(entry.offset)
        return replace(entry, domain=read.domain, begins=begins, ends=int(windows.max()) + GRAIN, grain=GRAIN)

    def _gathered_again(self, wanted: list[Entry], candidates: Mapping[str, Candidate]) -> Kept:
        """Read the night's files once more for their evidence: a killed run, or one before, had counted some."""
        gathered, grains = _Gathered(), self.grains
        rows = [row for row in wanted if row.path in candidates and candidates[row.path].stat.of(row)]
        task = CountFile(self._settings, None, gather=True)
        results = run(task, enumerate(candidates[row.path].found for row in rows), self._plan)
        for counted in results:
            gathered.add(counted.kept, grains)
        return gathered.evidence(grains)


class _Gathered:
    """Merges the evidence of the night's files in their order; of what is too old to be told finely nothing is kept."""

    def __init__(self) -> None:
        self._pool = Pool(GRAIN)

    def add(self, gathered: Kept | None, grains: Grains) -> None:
        """Add the evidence of a file, as far as it is not too old already."""
        if gathered is not None:
            self._pool.add(_recent(gathered, grains))

    def evidence(self, grains: Grains) -> Kept:
        """Return what is kept."""
        return _recent(self._pool.kept(), grains)


def _recent(part: Kept, grains: Grains) -> Kept:
    recent = part.times >= (grains.hours - DAY) * MICROSECONDS  # the zone may not have been known yet
    return part if recent.all() else part.take(np.flatnonzero(recent))


def _entry(candidate: Candidate, report: FileReport, night: int) -> Entry:
    return Entry(
        path=candidate.path,
        size=candidate.stat.size,
        mtime=candidate.stat.mtime,
        inode=candidate.stat.inode,
        state=COUNTED,
        night=night,
        verdict=report.verdict,
        accounting=report.accounting,
        format=report.format,
        provider=report.provider,
        problem=report.problem,
        offset=report.offset_minutes,
        over=report.over_budget,
    )
