"""What becomes of each line of a log, in any format that is declared under `schemas/formats`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from oracle import fields, objects
from oracle.rows import BOM, CONTROL, MAX_LINE, Row
from oracle.splitting import SYSLOG, Splitter

FOLDER = Path(__file__).parent.parent.parent / "schemas" / "formats"
COMMENT, BLANK = "comments", "blank"
MARK = b"#Fields:"
HEADERS = 64
"""Different headers that a file may have."""

Declared = fields.Declared
Numbers = dict[str, int | None]
Split = Callable[[bytes, bool], list[bytes] | str]
"""Returns the text of each declared field, or what becomes of the line, given whether nothing stood before it."""


class Line(NamedTuple):
    """One line: its number and offset, and what it says, with all its numbers; or what becomes of it, and why."""

    number: int
    offset: int
    row: Row | None
    numbers: Numbers
    fate: str


@cache
def declared(name: str) -> Declared:
    """Return what the file of a format says."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def told(name: str, data: bytes, *, torn: bool = False) -> Iterator[Line]:
    """Yield what becomes of each line; LF ends a line, the last one may lack it.

    Args:
        name: The format.
        data: The file.
        torn: Whether it ended badly: then a last line without LF is no whole one, whatever it says.
    """
    fmt = declared(name)
    split = KINDS[fmt["kind"]](fmt)
    lines = data.split(b"\n")
    offset = 0
    for i, line in enumerate(lines[:-1] if not lines[-1] else lines, 1):
        found = _judged(fmt, split, line.removesuffix(b"\r"))
        cut_short = i == len(lines)
        if isinstance(found, str):
            rejected = found not in (COMMENT, BLANK, "too-long")
            yield Line(i, offset, None, {}, "partial-tail" if cut_short and rejected else found)
        elif cut_short and torn:
            yield Line(i, offset, None, {}, "partial-tail")
        else:
            yield Line(i, offset, *found, "counted")
        offset += len(line) + 1


def _judged(fmt: Declared, split: Split, line: bytes) -> tuple[Row, Numbers] | str:
    if len(line) > MAX_LINE:
        return "too-long"
    text = line.removeprefix(BOM)
    if not text.strip(b" \t"):
        return BLANK
    comment = fmt.get("comment", "#").encode()
    if comment and text.startswith(comment):
        if fmt["kind"] == "w3c":
            split(text, False)  # it may be a header
        return COMMENT
    texts = split(text, text == line and text[:1] not in (b" ", b"\t", comment[:1]))
    return texts if isinstance(texts, str) else fields.row(fmt, texts)


def _delimited(fmt: Declared) -> Split:
    splitter = Splitter(fmt, fmt["fields"])
    return lambda line, ordinary: "control" if CONTROL.search(line) else splitter.split(line, ordinary=ordinary)


def _pattern(fmt: Declared) -> Split:
    pattern = re.compile(fmt["pattern"].encode())

    def split(line: bytes, _: bool) -> list[bytes] | str:
        if CONTROL.search(line):
            return "control"
        match = pattern.fullmatch(line)
        if match is None and fmt.get("syslog") and (prefix := SYSLOG.match(line)):
            match = pattern.fullmatch(line[prefix.end() :])
        if match is None:
            return "fields"
        return [next((match[key] for key in _keys(field) if match[key]), b"") for field in fmt["fields"]]

    return split


def _json(fmt: Declared) -> Split:
    def split(line: bytes, _: bool) -> list[bytes] | str:
        if CONTROL.search(line):
            return "control"
        if objects.depth(line) > objects.DEEPEST:
            return "json-depth"
        at = line[:256].find(b"{")
        if at < 0 or b'"' in line[:at]:
            return "json"
        try:
            value = objects.read(line[at:].rstrip(b", \t"))
        except objects.NoJsonError:
            return "json"
        if any(_absent(value, key) for key in fmt.get("signature", ())):
            return "fields"
        return [_first(field, value) for field in fmt["fields"]]

    return split


def _absent(value: Any, key: str) -> bool:  # noqa: ANN401 - any JSON
    try:
        objects.found(value, key)
    except KeyError:
        return True
    return False


def _first(field: Declared, value: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Return what the first key says that says anything."""
    whole = field.get("type") in ("integer", "status", "code")
    for key in _keys(field):
        if not _absent(value, key) and (text := objects.written(objects.found(value, key), whole=whole)):
            return text
    return b""


def _keys(field: Declared) -> list[str]:
    return [field["key"]] if isinstance(field["key"], str) else field["key"]


class _W3c:
    """Lines under headers; every header that returns is known by its text."""

    def __init__(self, fmt: Declared) -> None:
        self._fmt = fmt
        self._names: list[str] = []
        self._header = b""
        self._separators: dict[bytes, str] = {}
        self._known: set[bytes] = set()

    def __call__(self, line: bytes, ordinary: bool) -> list[bytes] | str:
        if line.startswith(MARK):
            self._header, self._names = line, line[len(MARK) :].decode("utf-8", "replace").split()[:512]
            self._known.update([line] if self._names and len(self._known) < HEADERS else [])
            self._names = self._names if line in self._known else []
            return COMMENT
        if line.startswith(b"#"):
            return COMMENT
        if not self._names:
            return "header"
        splitter = self._splitter(line)
        if CONTROL.search(line):
            return "control"
        texts = splitter.split(line, ordinary=ordinary)
        if isinstance(texts, str):
            return texts
        return [
            next((texts[self._names.index(key)] for key in _keys(field) if key in self._names), b"")
            for field in self._fmt["fields"]
        ]

    def _splitter(self, line: bytes) -> Splitter:
        """Return what splits by the format's separator, or by the one with which a line first had enough fields."""
        separator = self._fmt.get("separator") or self._separators.get(self._header)
        if separator is None:
            fitting = (one for one in ("\t", " ") if line.count(one.encode()) + 1 == len(self._names))
            separator = next(fitting, None)
            if separator is not None:
                self._separators[self._header] = separator
        return _w3c_splitter(self._fmt["name"], separator or "\t", len(self._names))


@cache
def _w3c_splitter(name: str, separator: str, fields_: int) -> Splitter:
    fmt = declared(name)
    quoted = fmt.get("quoted", False)
    like = {"separator": separator, "escape": "doubled" if quoted else "none", "tail": fmt.get("tail", False)}
    return Splitter(like, [{"quoted": "maybe" if quoted else False}] * fields_)


KINDS: dict[str, Callable[[Declared], Split]] = {
    "delimited": _delimited, "w3c": _W3c, "jsonl": _json, "regex": _pattern,
}  # fmt: skip
