"""What a content that was read is to what counts already: new, the same, more of it, less of it, or part of it.

Parts of it that are known by themselves and whose lines are in other files that count are told too: of a file that
grew after a larger delivery had taken its place, only the rest is its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cdnlog.history.entry import COUNTED, COVERED, DUPLICATE, REFUSED, Entry
from cdnlog.history.fingerprint import Print, Sketch
from cdnlog.history.ledger import Ledger
from cdnlog.history.tables import HOUR, Sums
from cdnlog.text import visible

_NEARLY_ALL = 95  # per cent of the requests of a log, by whose end it ended: the rest may be stray times
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

    @property
    def domain(self) -> int | None:
        """Number of its only domain, None for several or none."""
        domains = self.domains
        return domains.pop() if len(domains) == 1 else None


@dataclass(frozen=True)
class Judgement:
    """What becomes of a file that was read.

    Attributes:
        state: Of its row in the ledger.
        kind: What is to be said of it, None if nothing.
        others: Paths of the files that this is about.
        before: Lines that counted in its place.
        retired: Rows that count no longer.
        left: Rows that go on counting though the path holds another log now.
        same: The row of this very content under this path, where nothing is new.
        parts: Rows that do not count and whose lines are both in the file and in others that count; none shares lines
            with another one.
        rest: The lines of the file without these parts.
    """

    state: str
    kind: str | None = None
    others: tuple[str, ...] = ()
    before: int = 0
    retired: tuple[Entry, ...] = ()
    left: tuple[Entry, ...] = ()
    same: Entry | None = None
    parts: tuple[Entry, ...] = ()
    rest: Sketch | None = None

    @property
    def problem(self) -> str:
        """Why the file does not count."""
        more = f" and {len(self.others) - 1:,} more" if self.others[1:] else ""
        other = f"{visible(self.others[0])}{more}" if self.others else ""
        return _PROBLEMS[self.kind or ""].format(other=other, before=f"{self.before:,}")


_PROBLEMS = {
    "duplicate": "the same content as {other}, which counts",
    "covered": "all of its lines are in {other}, which counts",
    "refused": "not all of the {before} lines that were counted of it are in it any more; what was counted stays, "
    "--replace takes the file as it is",
}


def judge(read: Read, ledger: Ledger, *, force: bool) -> Judgement:
    """Compare a file with the ledger.

    Args:
        read: The file.
        ledger: What counts so far.
        force: Whether a content that lost lines takes the place of what was counted.
    """
    here = ledger.at(read.path)
    known = ledger.content(read.print.sha) if read.print.length else []
    for entry in here:
        if entry.sha == read.print.sha and entry.retired is None and entry.state != REFUSED:
            return Judgement(entry.state, same=entry)
    counting = [entry for entry in known if entry.counts]
    if counting:
        return Judgement(DUPLICATE, "duplicate", (counting[0].path,))
    prior = [entry for entry in here if entry.counts and entry.inode]
    grown = _grown(read, here, ledger)
    if grown:
        return _with_others(read, ledger, Judgement(COUNTED, "grown", retired=tuple(grown)))
    contained = [entry for entry in prior if entry.length == 0 or _within(entry, read, ledger)]
    if len(contained) < len(prior) and not force:
        return _lacks(read, prior, ledger)
    if not prior and (old := _aged(known, ledger)):
        return Judgement(COVERED, "covered", (old.other or old.path,), before=old.accounting.lines)
    kind = None if not prior else "replaced" if len(contained) == len(prior) else "forced"
    return _with_others(read, ledger, Judgement(COUNTED, kind, retired=tuple(prior)))


def _aged(known: list[Entry], ledger: Ledger) -> Entry | None:
    """Return a row of the same content that ceased to count: its lines can be compared no longer, but are elsewhere."""
    rows = [entry for entry in known if entry.state in (COUNTED, COVERED)]
    return rows[-1] if rows and all(ledger.sketch(entry) is None for entry in rows) else None


def _lacks(read: Read, prior: list[Entry], ledger: Ledger) -> Judgement:
    """Judge a file without some of the lines that its path had: another log begun there, or one that lost them."""
    if all(_after(read, entry, ledger) for entry in prior):
        return replace(_with_others(read, ledger, Judgement(COUNTED, "rotated")), left=tuple(prior))
    return Judgement(REFUSED, "refused", before=sum(entry.own for entry in prior))


def _after(read: Read, entry: Entry, ledger: Ledger) -> bool:
    """Whether a file goes on where another one ended and has none of its lines: a log that was begun anew in place."""
    if entry.ends is None or not len(read.sums.keys):
        return False
    begins, sketch, own = int(read.sums.keys[:, 0].min()), ledger.sketch(entry), ledger.cells([entry.id])
    if sketch is None or not len(own.keys) or sketch.overlap(read.print.sketch) or read.print.sketch.overlap(sketch):
        return begins >= entry.ends
    return begins >= own.until(_NEARLY_ALL)


def _grown(read: Read, here: list[Entry], ledger: Ledger) -> list[Entry]:
    """Return the rows that count and whose content is the beginning of the file."""
    begun = [entry.sha for entry in here if entry.sha and read.print.beginnings.get(entry.length) == entry.sha]
    found = {row.id: row for sha in begun for row in ledger.content(sha) if row.counts and row.length}
    empty = {row.id: row for row in here if row.counts and not row.length}
    return [*found.values(), *empty.values()] if found else []


def _within(entry: Entry, read: Read, ledger: Ledger) -> bool:
    """Whether a file has all lines of a row of its path, those included that count through other files.

    Under one path nothing that contradicts is enough, however few lines can be compared: packs grow.
    """
    own = ledger.sketch(entry)
    if own is None or own.within(read.print.sketch) is False or entry.accounting.lines > read.lines:
        return False
    return not len(_finely(ledger.cells([entry.id]), ledger).without(_finely(read.sums, ledger)).keys)


def _with_others(read: Read, ledger: Ledger, so_far: Judgement) -> Judgement:
    """Look for files of the same domains and hours that the file is more of, or part of, or shares lines with."""
    retired, taken = {entry.id: entry for entry in so_far.retired}, dict[str, None]()
    whole = _Lines(read.print.sketch, _finely(read.sums, ledger))
    beside: _Known = []
    for entry, lines in _known(read, ledger, counting=True):
        if entry.id in retired:
            continue
        if lines.within(whole):
            retired[entry.id] = entry
            taken[entry.path] = None
        elif lines.overlap(whole) or whole.within(lines):
            beside.append((entry, lines))
    before = sum(entry.own for entry in retired.values())
    kind = so_far.kind or ("redelivered" if taken else None)
    judged = Judgement(COUNTED, kind, tuple(taken), before, tuple(retired.values()), rest=whole.sketch)
    if not retired and (holder := _holder(whole, beside)):
        return replace(judged, state=COVERED, kind="covered", others=(holder.path,), before=holder.accounting.lines)
    return _with_parts(judged, whole, beside, _known(read, ledger, counting=False)) if beside else judged


def _with_parts(judged: Judgement, whole: _Lines, beside: _Known, known: Iterable[tuple[Entry, _Lines]]) -> Judgement:
    """Take out of a file what is known by itself and counts through others: the largest first, the rest is its own."""
    rest, holders, parts = whole, dict[str, None](), list[Entry]()
    for entry, lines in sorted(known, key=lambda one: (-one[1].sketch.lines, one[0].id)):
        if lines.within(rest) and (holder := _holder(lines, beside)):
            rest = rest.without(lines)
            holders[holder.path] = None
            parts.append(entry)
    if parts:
        before = sum(entry.own for entry in parts)
        judged = replace(judged, kind="partly", before=before, parts=tuple(parts), rest=rest.sketch)
        holder = _holder(rest, beside)
        if not judged.retired and (holder or not rest.sketch.lines):
            all_of_them = tuple({**holders, holder.path: None} if holder else holders)
            return replace(judged, state=COVERED, kind="covered", others=all_of_them)
        judged = replace(judged, others=tuple(holders))
    overlapping = dict.fromkeys(entry.path for entry, lines in beside if lines.overlap(rest) >= _OVERLAP)
    if overlapping and judged.kind in (None, "partly"):
        return replace(judged, kind="overlap", others=tuple(overlapping))
    return judged


@dataclass(frozen=True)
class _Lines:
    """Lines as they are known: by a sample of them, and by what they count where that is kept finely.

    A sample alone may lack a domain all of whose lines look alike.
    """

    sketch: Sketch
    sums: Sums

    def within(self, other: _Lines) -> bool:
        """Whether all of them seem to be among others.

        Where few lines can be compared, as those of a quiet hour with those of a whole day, both must count the same.
        """
        found = self.sketch.within(other.sketch)
        if found is False or len(self.sums.without(other.sums).keys):
            return False
        return found or self.sums.equal(self.sums.beside(other.sums))

    def without(self, part: _Lines) -> _Lines:
        """Return what is left of them without a part."""
        return _Lines(self.sketch.without(part.sketch), self.sums.without(part.sums))

    def overlap(self, other: _Lines) -> float:
        """Return the larger of the shares of their lines that both have in common."""
        return max(self.sketch.overlap(other.sketch), other.sketch.overlap(self.sketch))


_Known = list[tuple[Entry, _Lines]]


def _holder(part: _Lines, beside: _Known) -> Entry | None:
    """Return the first file that has all lines of a part."""
    return next((entry for entry, lines in beside if part.within(lines)), None)


def _finely(sums: Sums, ledger: Ledger) -> Sums:
    """Return the counts of the time of which nothing is kept coarsely yet."""
    return sums.where(sums.keys[:, 0] >= ledger.horizon("hours"))


def _known(read: Read, ledger: Ledger, *, counting: bool) -> Iterator[tuple[Entry, _Lines]]:
    """Yield what counts, or does not, and has a domain and an hour with the file in common."""
    if not len(read.sums.keys):
        return
    domains = read.domains
    begins, ends = read.span
    for entry, sketch in ledger.around(begins, ends, read.domain, counting=counting):
        own = ledger.cells([entry.id])
        hours = (own.keys[:, 0] >= begins) & (own.keys[:, 0] < ends)
        if domains & set(own.keys[hours, 1].tolist()):
            yield entry, _Lines(sketch, _finely(own, ledger))
