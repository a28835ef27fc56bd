"""Splits lines of the kind "delimited" one by one: those with escaped quotes, or with quotes where none belong.

No expression here has a part that could be matched in two ways, so that no line takes longer than its length says.
"""

from __future__ import annotations

import re

from cdnlog.formats import Cut, Delimited
from cdnlog.parse.split import Span

_QUOTED = {"backslash": rb'(?:[^"\\]|\\.)*+', "doubled": rb'(?:[^"]|"")*+', "none": rb'[^"]*+'}
_NUMBER, _LONGEST = rb"-?[0-9]{1,18}", 256


class OneByOne:
    """How single lines of one format are split.

    Args:
        fmt: The format.
        fields: Its fields, in the order of the line.
    """

    def __init__(self, fmt: Delimited, fields: tuple[Cut, ...]) -> None:
        self._fields = fields
        self._separator = fmt.separator.encode()
        self._escape = fmt.escape
        self._nulls = tuple(null.encode() for null in fmt.nulls)
        self._required = sum(not field.optional for field in fields)
        self._free = [j for j, field in enumerate(fields) if field.free]
        self._between_fields = b"(?:" + re.escape(self._separator) + (b")++" if fmt.repeated else b")")
        strict = not self._free or fmt.escape != "none"
        self._strict = re.compile(self._whole(tail=fmt.tail), re.DOTALL) if strict else None
        head = fields[: self._free[0]] if self._free and not fmt.tail else ()
        self._left = re.compile(b"".join(self._field(f) + self._between_fields for f in head), re.DOTALL)
        self._from_both_ends = bool(self._free) and not fmt.tail and not fmt.repeated

    def split(self, line: bytes) -> list[Span] | None:
        """Return where the fields of a line stand; None if it cannot be the format's."""
        if self._strict is not None and (match := self._strict.fullmatch(line)):
            return self._spans(match, len(self._fields), len(line))
        if not self._from_both_ends:
            return None
        return self._recovered(line) or self._recovered(line.rstrip(self._separator))

    def _whole(self, *, tail: bool) -> bytes:
        required = self._between_fields.join(self._field(field) for field in self._fields[: self._required])
        optional = b""
        for field in reversed(self._fields[self._required :]):
            optional = b"(?:" + self._between_fields + self._field(field) + optional + b")?+"
        rest = rb"(?:" + re.escape(self._separator) + (rb".*+)?+" if tail else rb")*+")
        return required + optional + rest

    def _field(self, field: Cut) -> bytes:
        """The pattern of a field; it has two groups, of which one is used."""
        width = len(self._separator)
        bare = b"[^" + re.escape(self._separator) + b"]*+"
        if width > 1:
            bare = b"(?:(?!" + re.escape(self._separator) + b").)*+"
        if field.brackets:
            return rb"\[([^\]]*+)\]()"
        if field.quoted is True:
            return b'"(' + _QUOTED[self._escape] + b')"()'
        if field.quoted:
            return b'(?:"(' + _QUOTED[self._escape] + b')"|((?!")' + bare + b"))"
        return b"(" + bare + b")()"

    def _spans(self, match: re.Match[bytes], count: int, end: int) -> list[Span]:
        """Return the spans of the first `count` fields; one that is absent is empty, at the end."""
        spans = []
        for j, field in enumerate(self._fields[:count]):
            span = match.span(2 * j + 1)
            if span[0] < 0 and field.quoted == "maybe":
                span = match.span(2 * j + 2)
            spans.append(span if span[0] >= 0 else (end, end))
        return spans

    def _recovered(self, line: bytes) -> list[Span] | None:
        """Split a line from both ends.

        The fields before the first free one are taken from the left, those behind the last free one from the
        right; between them each free field ends at the first place from which the next fields fit.
        """
        match, free = self._left.match(line), self._free
        if match is None:
            return None
        left = self._spans(match, free[0], len(line))
        for count in range(len(self._fields), self._required - 1, -1):
            right = self._from_right(line, free[-1] + 1, count)
            if right is None:
                continue
            quote = int(bool(right) and self._fields[free[-1] + 1].quoted is True)
            end = right[0][0] - len(self._separator) - quote if right else len(line)
            middle = self._between(line, match.end(), end)
            if middle is not None:
                absent = [(len(line), len(line))] * (len(self._fields) - count)
                return left + middle + right + absent
        return None

    def _from_right(self, line: bytes, first: int, count: int) -> list[Span] | None:
        """Take fields `first` to `count` from the end; only fields without inner quotes stand there."""
        spans: list[Span] = []
        end, width = len(line), len(self._separator)
        for field in reversed(self._fields[first:count]):
            if field.brackets or field.quoted == "maybe":
                return None
            quoted = int(field.quoted)
            mark = b'"' if quoted else self._separator
            stop = end - quoted
            start = line.rfind(mark, 0, max(stop, 0)) + len(mark)
            before = start - width - quoted
            if start < len(mark) or before < 0 or line[before : before + width] != self._separator:
                return None
            if (quoted and line[stop:end] != b'"') or b'"' in line[start:stop]:
                return None
            spans.append((start, stop))
            end = before
        return spans[::-1]

    def _between(self, line: bytes, start: int, end: int) -> list[Span] | None:
        """Split `line[start:end]` into the fields from the first free one to the last."""
        spans: list[Span] = []
        for j, after in zip(self._free, [*self._free[1:], None], strict=True):
            quoted = int(self._fields[j].quoted is True)
            start += quoted
            if quoted and line[start - 1 : start] != b'"':
                return None
            if after is None:
                stop = end - quoted
                fits = start <= stop and line[stop:end] == b'"' * quoted
                return [*spans, (start, stop)] if fits else None
            match = self._bridge(j, after).search(line, start, end)
            if match is None:
                return None
            spans += [(start, match.start()), *match.regs[1:]]
            start = match.end() - int(self._fields[after].quoted is True)
        return None

    def _bridge(self, free: int, after: int) -> re.Pattern[bytes]:
        """The pattern that stands between two free fields: linear to search, it has no open-ended part."""
        separator = re.escape(self._separator)
        parts = [b'"' if self._fields[free].quoted else b""]
        parts += [separator + self._token(field) for field in self._fields[free + 1 : after]]
        parts.append(separator + (b'"' if self._fields[after].quoted else b""))
        return re.compile(b"".join(parts))  # `re` keeps compiled patterns

    def _token(self, field: Cut) -> bytes:
        nulls = [*map(re.escape, self._nulls), b""]
        if field.type in ("integer", "code", "status"):
            token = b"|".join([_NUMBER, *nulls])
        elif field.type == "duration":
            token = b"|".join([_NUMBER + rb"(?:\.[0-9]{1,18})?", *nulls])
        elif field.brackets:
            return rb'\[([^\]"]{0,%d})\]' % _LONGEST
        else:
            token = b'[^"' + re.escape(self._separator[:1]) + b"]{0,%d}" % _LONGEST
        return b'"(' + token + b')"' if field.quoted else b"(" + token + b")"
