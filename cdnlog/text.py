"""Text from outside, made safe to show: every log byte, file name and error text passes through here.

Log lines and file names are written by strangers. `visible` escapes rather than strips, because the
person on call must see that something is there. The sinks add what only they need on top: `csv_cell`
for spreadsheets, `markdown_cell` for Markdown.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator

# Cc controls, Cf invisible and direction marks, Cs lone surrogates, Co private use, Cn unassigned,
# Zl/Zp line and paragraph separators: whatever can move a cursor, hide or reorder what follows.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Marks that stand above and below a letter: no language stacks more of them, and a tower of them covers other lines.
_MARKS, _STACKED = frozenset({"Mn", "Me"}), 4
# Letters and marks that show nothing: fillers, joiners, variation selectors, the empty Braille cell.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_FORMULA = re.compile(r"[\s\x00-\x1f]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$]|:(?=//))")  # "://" would become a link that a stranger wrote
_LAST_BYTE, _LAST_BMP = 0xFF, 0xFFFF


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - a byte that was not UTF-8, kept by "surrogateescape"
        return f"\\x{code - 0xDC00:02x}"
    if code <= _LAST_BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _LAST_BMP else f"\\U{code:08x}"


def visible(value: str | bytes | os.PathLike[str]) -> str:
    r"""Return text in which nothing is invisible: controls as ``\xHH``, marks as ``\uHHHH``.

    Bytes are read as UTF-8; what is not UTF-8 becomes ``\xHH`` as well. Never raises.
    """
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else os.fspath(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(text))


def _shown(text: str) -> Iterator[str]:
    stacked = 0
    for char in text:
        category = unicodedata.category(char)
        stacked = stacked + 1 if category in _MARKS else 0
        hidden = category in _HIDDEN or stacked > _STACKED or _BLANK.match(char)
        yield _escape(char) if hidden else char


def csv_cell(value: str) -> str:
    """Return text that no spreadsheet takes for a formula (OWASP: CSV injection)."""
    return "'" + value if _FORMULA.match(value) else value


def markdown_cell(value: str) -> str:
    """Return visible text that Markdown shows as it stands, in a table cell too."""
    return _MARKDOWN.sub(r"\\\1", visible(value))
