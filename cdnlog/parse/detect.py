"""Tells a file's format from its first lines: the one that accepts most of them, and of several the most telling.

Trying a format is parsing with it, so there is no second opinion on what a line is. To keep that cheap with dozens of
formats, those whose kind, keys, separators or times are not in the lines at all are left out, and the rest are tried
on a few lines first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from cdnlog.columns import Column, Numbers, Texts
from cdnlog.errors import LOOKS_LIKE
from cdnlog.formats import Delimited, JsonLines, LogFormat, Pattern, W3c
from cdnlog.model import MAX_LINE, Accounting, Batch, Block, Reject, Verdict
from cdnlog.parse.foreign import looks_like
from cdnlog.parse.records import steps
from cdnlog.parse.rows import Parser
from cdnlog.parse.sample import Sample
from cdnlog.parse.w3c import MARK, header_names

_FEW = 20
_SHOWN = 3
_LONG = f"a file of nothing but lines over {MAX_LINE // 1024} KiB; compare it with the original"
_NEAR = 0.9
"""A format that `beats` others is chosen before them if it accepts this share of the lines that they accept."""
_NEARLY = 0.2
"""A format is named as near if a line went at least so far into its fields: the first of them says little."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """How one format fared on the first lines of a file.

    Attributes:
        name: The format.
        accounting: What became of the lines.
        reject: The first line it rejected, if any.
        told: Columns it could fill.
        beats: Formats it is chosen before.
        reached: How far into its fields that line went, 0 to 1.
    """

    name: str
    accounting: Accounting
    reject: Reject | None
    told: int = 0
    beats: tuple[str, ...] = ()
    reached: float = 0

    @property
    def data_lines(self) -> int:
        """Lines that are neither blank nor a comment."""
        return self.accounting.counted + self.accounting.rejected

    @property
    def rank(self) -> tuple[float, ...]:
        """Sorts the best first."""
        return (-self.accounting.counted, -self.told, -self.reached)

    def __str__(self) -> str:
        """Say how many lines fit, and why the first of the others does not."""
        fit = f"{self.name}: {self.accounting.counted} of the first {self.data_lines} lines fit"
        return fit if self.reject is None else f"{fit}; line {self.reject.line} has a faulty '{self.reject.reason}'"


@dataclass(frozen=True, slots=True)
class Detection:
    """Which format a file is.

    Attributes:
        candidates: The formats that were tried, best first.
        data_lines: Lines that are neither blank nor a comment; without any, no format is needed.
        hint: What the file seems to be if it is no log that can be read.
    """

    candidates: tuple[Candidate, ...]
    data_lines: int = 0
    hint: str = ""

    @property
    def format(self) -> str | None:
        """The chosen format, None if none or several fit."""
        return self.candidates[0].name if self.verdict is Verdict.OK and self.data_lines else None

    @property
    def verdict(self) -> Verdict:
        """`ok`, or why no format could be chosen."""
        best = [c for c in self.candidates[:2] if c.accounting.counted]
        if self.data_lines and (self.hint or not best):
            return Verdict.UNKNOWN_FORMAT
        if len(best) > 1 and self.data_lines and _alike(*best):
            return Verdict.AMBIGUOUS_FORMAT
        return Verdict.OK

    @property
    def why(self) -> str:
        """One clause for the user: what was chosen and on what grounds, or what came nearest."""
        if self.hint:
            return f"{LOOKS_LIKE}{self.hint}"
        fitting = [c for c in self.candidates if c.accounting.counted][:_SHOWN]
        if len(fitting) == 1:
            return str(fitting[0])
        if fitting:
            return "; ".join(f"{c}, {c.told} columns told" for c in fitting)
        near = [c for c in self.candidates if c.reached >= _NEARLY][:_SHOWN]
        if near or not self.data_lines:
            return "; ".join(map(str, near))
        lines = f"any of the first {self.data_lines} lines" if self.data_lines > 1 else "its line"
        return f"none of the {len(self.candidates)} formats fits {lines}"


def detect(sample: Sample, formats: Iterable[LogFormat], parser_of: Callable[[LogFormat], Parser]) -> Detection:
    """Try the formats on the first lines of a file.

    Args:
        sample: The lines.
        formats: All formats.
        parser_of: Makes the parser of one, with all its columns.
    """
    if sample.empty:
        return Detection((), sample.too_long, (looks_like(sample.head, fits=False) or _LONG) if sample.too_long else "")
    formats = list(formats)
    whole, few = sample.block, sample.few(_FEW)
    lines = whole.data.split(b"\n")
    timely = [fmt for fmt in formats if _timely(fmt, few)]
    likely = [fmt for fmt in timely if _likely(fmt, lines[: 4 * _FEW])]
    rows = {fmt.name: parser_of(fmt).parse(few).rows for fmt in likely}
    rows |= {fmt.name: parser_of(fmt).parse(few).rows for fmt in timely if _last_resort(fmt, rows, few)}
    fitting = [fmt for fmt in formats if rows.get(fmt.name)]
    block = whole if fitting else few  # where none fits a few lines will do to tell the nearest
    tried = [_candidate(fmt, parser_of(fmt).parse(block, keep_rejects=True)) for fmt in fitting or formats]
    return Detection(_ranked(tried), sample.data_lines, looks_like(sample.head, fits=bool(fitting)))


def _last_resort(fmt: LogFormat, rows: Mapping[str, int], few: Block) -> bool:
    """Whether a format of the slow kind "regex" is worth a try: no other reads most lines, or it knows better."""
    most = max(rows.values(), default=0)
    return isinstance(fmt, Pattern) and (2 * most < few.data.count(b"\n") or any(rows.get(name) for name in fmt.beats))


def _candidate(fmt: LogFormat, batch: Batch) -> Candidate:
    reject = batch.rejects[0] if batch.rejects else None
    told = sum(_told(column) for column in batch.columns.values()) if batch.rows else 0
    columns = [column for field in fmt.fields for column in field.columns]
    reached = columns.index(reject.reason) + 1 if reject and reject.reason in columns else 0
    return Candidate(fmt.name, batch.accounting, reject, told, fmt.beats, reached / len(columns))


def _told(column: Column) -> bool:
    """Whether a column says anything at all."""
    if isinstance(column, Numbers):
        return column.missing is None or not column.missing.all()
    if isinstance(column, Texts):
        return not column.buffer.is_null(column.start, column.length, column.nulls).all()
    return False


def _ranked(tried: list[Candidate]) -> tuple[Candidate, ...]:
    """Sort the candidates; those that another one beats go behind it."""
    most = max((c.accounting.counted for c in tried), default=0)
    near = [c for c in tried if c.accounting.counted and c.accounting.counted >= _NEAR * most]
    beaten = {name for c in near for name in c.beats if any(o.name == name for o in near)}
    return tuple(sorted(tried, key=lambda c: (c not in near, c.name in beaten, *c.rank, c.name)))


def _alike(one: Candidate, other: Candidate) -> bool:
    """Whether nothing tells which of two is meant."""
    return one.rank[:2] == other.rank[:2] and other.name not in one.beats


def _timely(fmt: LogFormat, few: Block) -> bool:
    """Whether there is anything like a time of the format: without one it accepts none of the lines."""
    if not isinstance(fmt, Delimited | Pattern):
        return True  # JSON may write a time with escapes, and of the rest `_likely` knows more
    layouts = [
        layout for field in fmt.fields if field.type == "time" and field.column == "time" for layout in field.layouts
    ]
    return not layouts or any(layout not in _LOOKS or re.search(_LOOKS[layout], few.data) for layout in layouts)


_LOOKS = {
    "YYYYMMDDhhmmss": rb"[0-9]{14}",
    "clf": rb"[0-9]/[A-Za-z]{3}/[0-9]{4}:[0-9]{2}:",
    "iso": rb"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]",
}
"""What every time of a layout has, however it is written; of the others nothing can be said."""


def _likely(fmt: LogFormat, lines: list[bytes]) -> bool:
    """Whether the lines have what every line of the format has; cheap, and never wrongly False for all of them."""
    if isinstance(fmt, JsonLines):
        needed = [field for field in fmt.fields if {"time", "status"} & set(field.columns)]
        return any(b"{" in line[:_PREFIX] and all(_named(field.keys, line) for field in needed) for line in lines)
    if isinstance(fmt, W3c):
        return any(_has_header(fmt, line) for line in lines if line.startswith((MARK, b"\xef\xbb\xbf" + MARK)))
    if isinstance(fmt, Delimited):
        needed_cuts = sum(not field.optional for field in fmt.fields) - 1
        separator = fmt.separator.encode()
        return any(line.count(separator) >= needed_cuts for line in lines)
    return False  # a regex: see `_last_resort`


_PREFIX = 256


def _named(keys: tuple[str, ...], line: bytes) -> bool:
    return any(b'"' + next(s for s in reversed(steps(key)) if not s.isdigit()).encode() + b'"' in line for key in keys)


def _has_header(fmt: W3c, line: bytes) -> bool:
    names = header_names(line.removeprefix(b"\xef\xbb\xbf"))
    needed = [field.keys for field in fmt.fields if {"time", "status"} & set(field.columns)]
    return set(fmt.signature) <= set(names) and all(set(keys) & set(names) for keys in needed)
