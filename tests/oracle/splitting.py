"""Lines with separators -> the texts of their fields: by regular expressions, from the plainest reading to the last.

A line that leaves nothing to ask is read first: quotes stand where fields are quoted, and nowhere else. One that
escapes quotes is read next. Where a format has free fields, in which anything may stand, the others are held fast
from both ends, and each free one ends as soon as those behind it fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

Declared = Mapping[str, Any]
INSIDE = {"backslash": rb'(?:[^"\\]|\\.)*+', "doubled": rb'(?:[^"]|"")*+', "none": rb'[^"]*'}
SYSLOG = re.compile(
    rb"(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?: \d{4})?|\d{4}-\d\d-\d\dT[0-9:.,+Z-]{8,24})"
    rb" [^ ]{1,255} [^ :]{1,128}: ?"
    rb"|<\d{1,3}>1 (?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?: \d{4})?|\d{4}-\d\d-\d\dT[0-9:.,+Z-]{8,24})"
    rb"(?: [^ ]{1,255}){4} (?:-|\[[^\]]{0,1024}\]) (?:\xef\xbb\xbf)?"
    rb"|<\d{1,3}>[^ :]{1,128}: ?"
)


class Splitter:
    """How the lines of one format are split."""

    def __init__(self, fmt: Declared, fields: Sequence[Declared]) -> None:
        self.fields = fields
        self.separator = fmt.get("separator", " ").encode()
        self.escape = fmt.get("escape", "none")
        self.tail = fmt.get("tail", False)
        self.repeated = fmt.get("repeated", False)
        self.syslog = fmt.get("syslog", False)
        self.nulls = [null.encode() for null in fmt.get("nulls", ())]
        self.quotes = any(field.get("quoted") for field in fields)
        self.free = [j for j, field in enumerate(fields) if field.get("free")]
        self.required = sum(not field.get("optional") for field in fields)
        self.between = re.escape(self.separator) + (b"++" if self.repeated else b"")
        end = b"(?:" + self.between + b".*)?" if self.tail else b""
        self.plain = re.compile(self._whole(self._plain, end, rb"|\Z)"), re.DOTALL)
        end = b"(?:" + re.escape(self.separator) + (b".*)?" if self.tail else b")*")
        self.escaped = re.compile(self._whole(self._escaped, b"", b")?+") + end, re.DOTALL)
        self.both_ends = bool(self.free) and not self.tail and not self.repeated

    def split(self, line: bytes, *, ordinary: bool) -> list[bytes] | str:
        """Return the texts of the fields; or "fields" or "quote", if the line has not the format's.

        Args:
            line: The line.
            ordinary: Whether nothing stood before it, and it begins like no other thing.
        """
        if ordinary and (match := self.plain.fullmatch(line)):
            return self._texts(match)
        prefix = SYSLOG.match(line) if self.syslog else None
        found = self._odd(line[prefix.end() :]) if prefix else None
        found = found or self._odd(line)
        return found or ("quote" if self.quotes and line.count(b'"') % 2 else "fields")

    def _whole(self, pattern_of: Callable[[Declared], bytes], end: bytes, absent: bytes) -> bytes:
        """Join the patterns of the fields; `absent` says where an optional one may be missing."""
        parts = [pattern_of(field) for field in self.fields]
        optional = end
        for part in reversed(parts[self.required :]):
            optional = b"(?:" + self.between + part + optional + absent
        return self.between.join(parts[: self.required]) + optional

    def _texts(self, match: re.Match[bytes]) -> list[bytes]:
        """Return what the two groups of each field hold together; one of them is not used."""
        groups = match.groups(default=b"")
        return [groups[2 * j] or groups[2 * j + 1] for j in range(len(self.fields))]

    def _plain(self, field: Declared) -> bytes:
        """A field without anything that could end it early; controls, which may be separators elsewhere, are such."""
        other = b"[^\x00-\x1f" + re.escape(self.separator[:1]) + (b'"' if self.quotes else b"") + b"]"
        quoted = rb'"([^"]*)' + (rb"(?<!\\)" if self.escape == "backslash" else b"") + b'"'
        if field.get("brackets"):
            blanks = _layout(field).count(self.separator)
            inner = other + b"*" + (b"[\x00-\x1f" + re.escape(self.separator) + b"]" + other + b"*") * blanks
            return rb"\[(" + inner + rb")\]()"
        if field.get("quoted") == "maybe":
            return b"(?:" + quoted + b'|((?!")' + other + b"*))"
        return quoted + b"()" if field.get("quoted") else b"(" + other + b"*)()"

    def _escaped(self, field: Declared) -> bytes:
        other = b"((?:(?!" + re.escape(self.separator) + b").)*+)"
        quoted = b'"(' + INSIDE[self.escape] + b')"'
        if field.get("brackets"):
            return rb"\[([^\]]*)\]()"
        if field.get("quoted") == "maybe":
            return b"(?:" + quoted + b'|(?!")' + other + b")"
        return quoted + b"()" if field.get("quoted") else other + b"()"

    def _odd(self, line: bytes) -> list[bytes] | None:
        if (not self.free or self.escape != "none") and (match := self.escaped.fullmatch(line)):
            return self._texts(match)
        if not self.both_ends:
            return None
        return self._held(line) or self._held(line.rstrip(self.separator))

    def _held(self, line: bytes) -> list[bytes] | None:
        first, last = self.free[0], self.free[-1]
        left = re.match(b"".join(self._escaped(f) + self.between for f in self.fields[:first]), line, re.DOTALL)
        if left is None:
            return None
        groups = left.groups(default=b"")
        head = [groups[2 * j] or groups[2 * j + 1] for j in range(first)]
        for count in range(len(self.fields), self.required - 1, -1):
            fields = self.fields[last + 1 : count]
            if any(field.get("brackets") or field.get("quoted") == "maybe" for field in fields):
                continue
            right = re.match(self._from_the_end(tuple(bool(f.get("quoted")) for f in fields)), line[::-1], re.DOTALL)
            if right is None or left.end() > len(line) - right.end():
                continue
            middle = self._middle(line[left.end() : len(line) - right.end()])
            if middle is not None:
                tail = [text[::-1] for text in right.groups()][::-1]
                return head + middle + tail + [b""] * (len(self.fields) - count)
        return None

    @lru_cache  # noqa: B019 - there are few of them
    def _from_the_end(self, quoted: tuple[bool, ...]) -> bytes:
        """The pattern of the last fields, for a line that is read backwards."""
        separator = re.escape(self.separator[::-1])
        parts = [b'"([^"]*)"' if one else b'([^"' + separator + b"]*)" for one in reversed(quoted)]
        return b"".join(part + separator for part in parts)

    def _middle(self, text: bytes) -> list[bytes] | None:
        """Split what is from the first free field to the last: each ends where all up to the next one fits first."""
        texts: list[bytes] = []
        for j, after in zip(self.free, [*self.free[1:], len(self.fields)], strict=True):
            quote = b'"' if self.fields[j].get("quoted") else b""
            if not text.startswith(quote):
                return None
            text = text[len(quote) :]
            if j == self.free[-1]:
                return [*texts, text.removesuffix(quote)] if text.endswith(quote) else None
            opening = b'"' if self.fields[after].get("quoted") else b""
            tokens = [re.escape(self.separator) + self._token(field) for field in self.fields[j + 1 : after]]
            bridge = quote + b"".join(tokens) + re.escape(self.separator) + b"(?=" + opening + b")"
            match = re.search(bridge, text)
            if match is None:
                return None
            texts += [text[: match.start()], *match.groups()]
            text = text[match.end() :]
        return None

    def _token(self, field: Declared) -> bytes:
        """A field between free ones must look like what it is."""
        nulls = b"|".join([*map(re.escape, self.nulls), b""])
        if field.get("type") in ("integer", "code", "status"):
            token = rb"-?[0-9]{1,18}|" + nulls
        elif field.get("type") == "duration":
            token = rb"-?[0-9]{1,18}(?:\.[0-9]{1,18})?|" + nulls
        elif field.get("brackets"):
            return rb'\[([^\]"]{0,256})\]'
        else:
            token = b'[^"' + re.escape(self.separator[:1]) + b"]{0,256}"
        return b'"(' + token + b')"' if field.get("quoted") else b"(" + token + b")"


def _layout(field: Declared) -> bytes:
    """Return the time that stands in brackets, as far as its separators go."""
    layout = field.get("format", "")
    layout = layout if isinstance(layout, str) else layout[0]
    return b"d/b/Y:H:M:S z" if layout == "clf" else layout.encode()
