"""Blocks of one file -> batches of canonical columns; each line ends as a row, a comment, a blank or a reject."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

import numpy as np

from cdnlog.columns import Bytes, Coded, Column, Ints
from cdnlog.declared import LogFormat, Regions
from cdnlog.model import MAX_LINE, NO_DOMAIN, REJECT_TEXT, Accounting, Batch, Block, Reject
from cdnlog.parse.delimited import Rows, Span, Splitter, spans_array
from cdnlog.parse.domains import fold
from cdnlog.parse.fields import FieldReader, Given
from cdnlog.parse.lines import Lines, scan
from cdnlog.text import visible

_BLANKS = b" \t"
_BOM = b"\xef\xbb\xbf"
# What becomes of a line, in the order of these codes; from "fields" on it is a reject, and that is the reason.
_FATES = ("counted", "comment", "blank", "fields", "quote", "control", "too-long", "partial-tail")
_COUNTED, _COMMENT, _BLANK, _FIELDS, _QUOTE, _CONTROL, _TOO_LONG, _PARTIAL_TAIL = range(len(_FATES))


class Parser:
    """Parses the blocks of files of one format.

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
        self._splitter = Splitter.of(fmt)
        self._readers = [FieldReader(field, fmt, wanted, given) for field in fmt.fields]
        self._fates = [*_FATES, "time-range", *(field.column for field in fmt.fields)]
        self._comment = fmt.comment.encode()

    def parse(self, block: Block, path: str = "", *, keep_rejects: bool = False) -> Batch:
        """Parse one block.

        Args:
            block: Whole lines.
            path: Name of the file in the records of rejected lines.
            keep_rejects: Whether to make these records.

        Returns:
            The accepted rows, in order, and the accounting of all lines.
        """
        lines = scan(block.data, ord(self.format.separator))
        fate = np.zeros(len(lines.start), np.uint8)
        rows = self._split(lines, fate, cut=block.cut)
        columns = self._read(rows, fate)
        if "domain" in self._wanted and "domain" not in columns:
            columns["domain"] = Coded((np.zeros(len(rows.line), np.int64), [self._domain]))
        if not block.data.endswith(b"\n") and not block.cut:
            _judge_tail(fate, torn=block.torn)
        good = fate[rows.line] == _COUNTED
        if not good.all():
            columns = {name: column.take(good) for name, column in columns.items()}
        rejects = self._rejects(lines, fate, block, path) if keep_rejects else ()
        return Batch(columns, int(good.sum()), self._account(fate), rejects)

    def _split(self, lines: Lines, fate: Bytes, *, cut: bool) -> Rows:
        too_long = (lines.end - lines.start > MAX_LINE) | cut
        fate[too_long] = _TOO_LONG
        head = lines.buffer.bytes[lines.start]
        empty = lines.end == lines.start
        fate[empty] = _BLANK
        plain = ~too_long & ~empty & (head != _BOM[0])
        if self._comment:
            plain &= head != self._comment[0]
        regular, cuts = self._splitter.regular(lines, plain)
        odd = ~too_long & ~empty
        odd[regular] = False
        recovered: list[int] = []
        spans: list[list[Span]] = []
        for i in np.flatnonzero(odd).tolist():
            split = self._split_one(lines, i)
            if isinstance(split, int):
                fate[i] = split
            else:
                recovered.append(i)
                spans.append(split)
        at = np.array(recovered, np.int64)
        positions = spans_array(spans, lines.start[at].tolist(), len(self.format.fields))
        return Rows(lines, self.format.fields, regular, cuts, at, positions)

    def _split_one(self, lines: Lines, i: int) -> list[Span] | int:
        """Split a line that is not regular; return its fate if that cannot be done."""
        line = lines.buffer.text(int(lines.start[i]), int(lines.end[i]))
        # A BOM stands at the start of a file, and again where files were joined.
        bom = len(_BOM) if line.startswith(_BOM) else 0
        if not line[bom:].strip(_BLANKS):
            return _BLANK
        if self._comment and line.startswith(self._comment, bom):
            return _COMMENT
        if lines.control[i]:
            return _CONTROL
        spans = self._splitter.recover(line[bom:])
        if spans is not None:
            return [(start + bom, end + bom) for start, end in spans]
        return _QUOTE if line.count(b'"') % 2 else _FIELDS

    def _read(self, rows: Rows, fate: Bytes) -> dict[str, Column]:
        """Read every field; the first faulty one of a line is the reason of its reject."""
        columns: dict[str, Column] = {}
        for j, reader in enumerate(self._readers):
            field = reader.read(rows.lines.buffer, *rows.field(j))
            columns |= field.columns
            for reason, bad in field.faults.items():
                if bad.any():
                    self._reject(fate, rows.line[bad], reason)
        return columns

    def _reject(self, fate: Bytes, lines: Ints, reason: str) -> None:
        fate[lines[fate[lines] == _COUNTED]] = self._fates.index(reason)

    def _account(self, fate: Bytes) -> Accounting:
        sums = np.bincount(fate, minlength=len(self._fates)).tolist()
        reasons = {self._fates[i]: n for i, n in enumerate(sums) if n and i >= _FIELDS}
        return Accounting(
            lines=len(fate),
            counted=sums[_COUNTED],
            comments=sums[_COMMENT],
            blank=sums[_BLANK],
            rejected=sum(reasons.values()),
            reject_reasons=reasons,
        )

    def _rejects(self, lines: Lines, fate: Bytes, block: Block, path: str) -> tuple[Reject, ...]:
        records = []
        for i in np.flatnonzero(fate >= _FIELDS).tolist():
            start, end = int(lines.start[i]), int(lines.end[i])
            text = visible(lines.buffer.text(start, min(end, start + REJECT_TEXT)))
            records.append(Reject(path, block.line + i, block.offset + start, self._fates[fate[i]], text))
        return tuple(records)


def _judge_tail(fate: Bytes, *, torn: bool) -> None:
    """Name the fate of a last line without LF: if it is no good, or cannot be, it is a line cut short."""
    if (fate[-1] > _BLANK and fate[-1] != _TOO_LONG) or (torn and fate[-1] == _COUNTED):
        fate[-1] = _PARTIAL_TAIL
