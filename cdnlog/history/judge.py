"""What a content that was read is to what counts already: new, the same, more of it, less of it, or part of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cdnlog.history.fingerprint import Print, Sketch
from cdnlog.history.ledger import COUNTED, COVERED, DUPLICATE, REFUSED, Entry, Ledger
from cdnlog.history.tables import GRAIN, HOUR, Sums

_OVERLAP = 0.1
"""Share of lines from which on two files that go on counting are named as overlapping."""


@dataclass(frozen=True)
class Read:
    """A file that was read and whose lines are usable.

    Attributes:
        path: Its absolute path.
        print: The fingerprint of its content.
        sums: Its counts.
        lines: Its lines.
    """

    path: str
    print: Print
    sums: Sums
    lines: int

    @property
    def span(self) -> tuple[int, int]:
        """Begin and end of its data by whole hours, in UTC seconds; both 0 without any."""
        if not len(self.sums.keys):
            return 0, 0
        windows = self.sums.keys[:, 0]
        return int(windows.min()) // HOUR * HOUR, (int(windows.max()) // HOUR + 1) * HOUR

    @property
    def domains(self) -> set[int]:
        """Numbers of its domains."""
        return set(self.sums.keys[:, 1].tolist())


@dataclass(frozen=True)
class Judgement:
    """What becomes of a file that was read.

    Attributes:
        state: Of its row in the ledger.
        kind: What is to be said of it, None if nothing.
        other: Path of the file that this is about.
        before: Lines that counted in its place.
        retired: Rows that count no longer.
        left: Rows that go on counting though the path holds another log now.
        same: The row of this very content under this path, where nothing is new.
    """

    state: str
    kind: str | None = None
    other: str | None = None
    before: int = 0
    retired: tuple[Entry, ...] = ()
    left: tuple[Entry, ...] = ()
    same: Entry | None = None


def judge(read: Read, ledger: Ledger, *, force: bool) -> Judgement:
    """Compare a file with the ledger.

    Args:
        read: The file.
        ledger: What counts so far.
        force: Whether a content that lost lines takes the place of what was counted.
    """
    here = ledger.at(read.path)
    known = ledger.content(read.print.sha) if read.print.length else []
    for entry in [*here, *known]:
        if entry.path == read.path and entry.sha == read.print.sha and entry.retired is None and entry.state != REFUSED:
            return Judgement(entry.state, same=entry)
    counting = [entry for entry in known if entry.counts]
    if counting:
        return Judgement(DUPLICATE, "duplicate", counting[0].path)
    prior = [entry for entry in here if entry.counts and entry.inode]
    grown = _grown(read, here, ledger)
    if grown:
        return _grows(read, grown, ledger)
    contained = [entry for entry in prior if entry.length == 0 or _within(ledger.sketch(entry), read.print.sketch)]
    if len(contained) < len(prior) and not force:
        return _lacks(read, prior, ledger)
    if prior:
        forced = len(contained) < len(prior)
        return _with_others(read, ledger, Judgement(COUNTED, "forced" if forced else "replaced", retired=tuple(prior)))
    return _with_others(read, ledger, Judgement(COUNTED))


def _lacks(read: Read, prior: list[Entry], ledger: Ledger) -> Judgement:
    """Judge a file without some of the lines that its path had: another log begun there, or one that lost them."""
    if all(_after(read, entry, ledger) for entry in prior):
        return replace(_with_others(read, ledger, Judgement(COUNTED, "rotated")), left=tuple(prior))
    return Judgement(REFUSED, "refused", before=sum(entry.accounting.lines for entry in prior))


def _after(read: Read, entry: Entry, ledger: Ledger) -> bool:
    """Whether a file goes on where another one ended and has none of its lines: a log that was begun anew in place."""
    if entry.ends is None or not len(read.sums.keys):
        return False
    begins, sketch = int(read.sums.keys[:, 0].min()), ledger.sketch(entry)
    apart = sketch is not None and not sketch.overlap(read.print.sketch) and not read.print.sketch.overlap(sketch)
    return begins >= entry.ends - (GRAIN if apart else 0)


def _grown(read: Read, here: list[Entry], ledger: Ledger) -> list[Entry]:
    """Return the rows that count and whose content is the beginning of the file."""
    begun = [entry.sha for entry in here if entry.sha and read.print.beginnings.get(entry.length) == entry.sha]
    found = {row.id: row for sha in begun for row in ledger.content(sha) if row.counts and row.length}
    empty = {row.id: row for row in here if row.counts and not row.length}
    return [*found.values(), *empty.values()] if found else []


def _grows(read: Read, grown: list[Entry], ledger: Ledger) -> Judgement:
    return _with_others(read, ledger, Judgement(COUNTED, "grown", retired=tuple(grown)))


def _within(part: Sketch | None, whole: Sketch) -> bool:
    return part is not None and part.within(whole)


def _with_others(read: Read, ledger: Ledger, so_far: Judgement) -> Judgement:
    """Look for files of the same domains and hours that the file is more of, or part of, or overlaps with."""
    retired = {entry.id: entry for entry in so_far.retired}
    kind, other = so_far.kind, so_far.other
    for entry, sketch in _rivals(read, ledger, set(retired)):
        if sketch.within(read.print.sketch):
            retired[entry.id] = entry
            kind, other = kind or "redelivered", other or entry.path
        elif not retired and read.print.sketch.within(sketch):
            return Judgement(COVERED, "covered", entry.path, before=entry.accounting.lines)
        elif kind is None and max(sketch.overlap(read.print.sketch), read.print.sketch.overlap(sketch)) >= _OVERLAP:
            kind, other = "overlap", entry.path
    if kind == "overlap" and retired:
        kind = "redelivered"
    before = sum(entry.accounting.lines for entry in retired.values())
    return Judgement(COUNTED, kind, other, before, tuple(retired.values()))


def _rivals(read: Read, ledger: Ledger, beside: set[int]) -> Iterator[tuple[Entry, Sketch]]:
    """Yield the files that count and that have a domain and an hour with the file in common."""
    if not len(read.sums.keys):
        return
    domains = read.domains
    begins, ends = read.span
    for entry, sketch in ledger.around(begins, ends, next(iter(domains)) if len(domains) == 1 else None):
        if entry.id in beside:
            continue
        own = ledger.cells([entry.id])
        hours = (own.keys[:, 0] >= begins) & (own.keys[:, 0] < ends)
        if domains & set(own.keys[hours, 1].tolist()):
            yield entry, sketch
