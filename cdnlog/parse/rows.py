"""Blocks of one file -> batches of canonical columns; each line ends as a row, a comment, a blank or a reject."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

import numpy as np

from cdnlog.buffer import Bytes, Ints
from cdnlog.columns import Coded, Column, Numbers
from cdnlog.declared import Regions
from cdnlog.formats import Delimited, JsonLines, LogFormat, Pattern, W3c
from cdnlog.model import NO_DOMAIN, REJECT_TEXT, Accounting, Batch, Block, Reject
from cdnlog.parse.delimited import DelimitedSplitter
from cdnlog.parse.domains import fold
from cdnlog.parse.fates import BLANK, COMMENT, COUNTED, FATES, FIELDS, judge_tail
from cdnlog.parse.fields import CLOCK, DATE, OFFSET, FieldReader, Given, in_utc
from cdnlog.parse.jsonl import JsonSplitter
from cdnlog.parse.lines import Lines
from cdnlog.parse.patterns import PatternSplitter
from cdnlog.parse.split import Rows, Splitter
from cdnlog.parse.w3c import W3cSplitter
from cdnlog.text import visible

_QUARTER = 15  # minutes: zones are multiples of it, and a line that names another is not believed to be in one


class Parser:
    """Parses the blocks of one file, in their order.

    Args:
        fmt: The format.
        columns: Canonical columns wanted; every field is checked all the same, so that which lines are
            rejected never depends on what is asked for.
        zone: Time zone of the lines, where they name none.
        regions: Names for fields of type "code".
        domain_name: Domain of lines that name none.
    """

    def __init__(
        self,
        fmt: LogFormat,
        columns: Iterable[str],
        zone: tzinfo,
        regions: Regions | None = None,
        domain_name: str | None = None,
    ) -> None:
        wanted = frozenset(columns)
        self._wanted = wanted
        self._domain = fold(domain_name.encode()) if domain_name else NO_DOMAIN
        given = Given(zone, regions, self._domain)
        self.format = fmt
        self.zone = zone
        readers = [FieldReader(field, fmt, wanted, given) for field in fmt.fields]
        self._readers = [(j, reader) for j, reader in enumerate(readers) if reader.needed]
        self._splitter = _splitter(fmt, [j for j, _ in self._readers])
        self._fates = [*FATES, *dict.fromkeys(column for field in fmt.fields for column in field.columns)]

    def parse(self, block: Block, path: str = "", *, keep_rejects: bool = False) -> Batch:
        """Parse one block.

        Args:
            block: Whole lines.
            path: Name of the file in the records of rejected lines.
            keep_rejects: Whether to make these records.

        Returns:
            The accepted rows, in order, and the accounting of all lines.
        """
        split = self._splitter.split(block)
        lines, fate, rows = split.lines, split.fate, split.rows
        columns = self._joined(self._read(rows, fate))
        if "domain" in self._wanted and "domain" not in columns:
            columns["domain"] = Coded((np.zeros(len(rows.line), np.int64), [self._domain]))
        if not block.whole and not block.cut:
            judge_tail(fate, torn=block.torn)
        account = self._account(fate)
        if account.counted < len(rows.line):
            good = fate[rows.line] == COUNTED
            columns = {name: column.take(good) for name, column in columns.items()}
        offset = _offset_minutes(columns.pop(OFFSET, None))
        rejects = self._rejects(lines, fate, block, path) if keep_rejects else ()
        return Batch(columns, account.counted, account, rejects, offset)

    def _read(self, rows: Rows, fate: Bytes) -> dict[str, Column]:
        """Read every field; the first faulty one of a line is the reason of its reject."""
        columns: dict[str, Column] = {}
        for j, reader in self._readers:
            field = reader.read(*rows.field(j))
            for name, column in field.columns.items():
                columns[name] = _sum(columns[name], column) if name in columns else column
            for reason, bad in field.faults.items():
                self._reject(fate, rows.line[bad], reason)
        return columns

    def _joined(self, columns: dict[str, Column]) -> dict[str, Column]:
        """Make one time of a date and a clock."""
        date, clock = columns.pop(DATE, None), columns.pop(CLOCK, None)
        if isinstance(date, Numbers) and isinstance(clock, Numbers):
            columns["time"] = Numbers(in_utc(date.values + clock.values, None, self.zone)[0])
        return columns

    def _reject(self, fate: Bytes, lines: Ints, reason: str) -> None:
        fate[lines[fate[lines] == COUNTED]] = self._fates.index(reason)

    def _account(self, fate: Bytes) -> Accounting:
        if not np.count_nonzero(fate):
            return Accounting(lines=len(fate), counted=len(fate))
        sums = np.bincount(fate, minlength=len(self._fates)).tolist()
        reasons: dict[str, int] = {}
        for i, n in enumerate(sums):
            if n and i >= FIELDS:
                reasons[self._fates[i]] = reasons.get(self._fates[i], 0) + n
        return Accounting(
            lines=len(fate),
            counted=sums[COUNTED],
            comments=sums[COMMENT],
            blank=sums[BLANK],
            rejected=sum(reasons.values()),
            reject_reasons=reasons,
        )

    def _rejects(self, lines: Lines, fate: Bytes, block: Block, path: str) -> tuple[Reject, ...]:
        records = []
        for i in np.flatnonzero(fate >= FIELDS).tolist():
            start, end = int(lines.start[i]), int(lines.end[i])
            text = visible(lines.buffer.text(start, min(end, start + REJECT_TEXT)))
            records.append(Reject(path, block.line + i, block.offset + start, self._fates[fate[i]], text))
        return tuple(records)


def _splitter(fmt: LogFormat, needed: list[int]) -> Splitter:
    """Return what takes lines of a format's kind apart."""
    if isinstance(fmt, JsonLines):
        return JsonSplitter(fmt, needed)
    if isinstance(fmt, W3c):
        return W3cSplitter(fmt)
    if isinstance(fmt, Pattern):
        return PatternSplitter(fmt)
    if isinstance(fmt, Delimited):
        return DelimitedSplitter(fmt)
    raise TypeError(type(fmt).__name__)


def _sum(one: Column, other: Column) -> Column:
    """Add durations up; a part that is missing makes the sum missing."""
    if not isinstance(one, Numbers) or not isinstance(other, Numbers):
        return other
    missing = [m for m in (one.missing, other.missing) if m is not None]
    return Numbers(one.values + other.values, np.logical_or.reduce(missing) if missing else None)


def _offset_minutes(offset: Column | None) -> int | None:
    """Return the UTC offset that the first row names."""
    if not isinstance(offset, Numbers) or not len(offset.values):
        return None
    minutes = int(offset.values[0]) // 60
    return minutes if minutes % _QUARTER == 0 else None
