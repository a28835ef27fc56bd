r"""JSON objects, read one character after the other: all that JSON allows, and what careless writers put besides.

Such are bytes as `\xHH`, escapes that are none, a bare `-` for null, and a comma before the end.
"""

from __future__ import annotations

import re
from typing import Any

DEEPEST = 64
"""Objects and lists within one another; what is deeper is not read."""
NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
WORDS: dict[bytes, Any] = {
    b"true": True, b"false": False, b"null": None, b"NaN": "NaN", b"Infinity": "Infinity", b"-Infinity": "-Infinity",
}  # fmt: skip
ESCAPES = dict(zip(b'"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True))


class NoJsonError(Exception):
    """The text is no JSON, however kindly it is read."""


def read(text: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return what a text means; numbers as they are written.

    Raises:
        NoJsonError: It means nothing.
    """
    value, at = _value(text, 0, 0)
    if _blanks(text, at) != len(text):
        raise NoJsonError
    return value


def depth(text: bytes) -> int:
    """Return how deep brackets stand within one another, outside of texts in quotes."""
    deepest = here = at = 0
    while at < len(text):
        byte = text[at]
        if byte == ord('"'):
            at += 1
            while at < len(text) and text[at] != ord('"'):
                at += 2 if text[at] == ord("\\") else 1
        here += (byte in b"{[") - (byte in b"}]")
        deepest = max(deepest, here)
        at += 1
    return deepest


def _blanks(text: bytes, at: int) -> int:
    while text[at : at + 1] in (b" ", b"\t", b"\n", b"\r"):
        at += 1
    return at


def _value(text: bytes, at: int, within: int) -> tuple[Any, int]:
    at = _blanks(text, at)
    head = text[at : at + 1]
    if head == b'"':
        return _string(text, at + 1)
    if head in (b"{", b"["):
        return _several(text, at, within + 1)
    if match := re.match(rb"-?[A-Za-z]+", text[at : at + 10]):
        for word, meaning in WORDS.items():
            if match[0].startswith(word):
                return meaning, at + len(word)
    if match := NUMBER.match(text, at):
        return match[0].decode(), match.end()
    if head == b"-" and within and text[(end := _blanks(text, at + 1)) : end + 1] in (b",", b"}", b"]"):
        return None, end
    raise NoJsonError


def _several(text: bytes, at: int, within: int) -> tuple[Any, int]:
    """Read a list or an object."""
    named, close = text[at : at + 1] == b"{", {b"{": b"}", b"[": b"]"}[text[at : at + 1]]
    found: list[Any] = []
    names: dict[str, Any] = {}
    at = _blanks(text, at + 1)
    if text[at : at + 1] == b"," and text[_blanks(text, at + 1) :].startswith(close):
        at = _blanks(text, at + 1)
    while text[at : at + 1] != close:
        if named:
            if text[at : at + 1] != b'"':
                raise NoJsonError
            name, at = _string(text, at + 1)
            at = _blanks(text, at)
            if text[at : at + 1] != b":":
                raise NoJsonError
            names[name], at = _value(text, at + 1, within)
        else:
            value, at = _value(text, at, within)
            found.append(value)
        at = _blanks(text, at)
        if text[at : at + 1] == b",":
            at = _blanks(text, at + 1)
        elif text[at : at + 1] != close:
            raise NoJsonError
    return (names if named else found), at + 1


def _string(text: bytes, at: int) -> tuple[str, int]:
    """Read what is behind an opening quote."""
    parts: list[str] = []
    plain = bytearray()
    while (byte := text[at : at + 1]) != b'"':
        if not byte:
            raise NoJsonError
        if byte != b"\\":
            plain += byte
            at += 1
        elif match := re.match(rb"\\x([0-9A-Fa-f]{2})", text[at : at + 4]):
            plain += bytes.fromhex(match[1].decode())
            at += 4
        elif match := re.match(rb"\\u([0-9A-Fa-f]{4})", text[at : at + 6]):
            low = re.match(rb"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})", text[at + 6 : at + 12])
            code, at = int(match[1], 16), at + 6
            if 0xD800 <= code < 0xDC00 and low:
                code, at = 0x10000 + ((code - 0xD800) << 10) + int(low[1], 16) - 0xDC00, at + 6
            parts += [plain.decode("utf-8", "surrogateescape"), chr(code)]
            plain.clear()
        elif text[at + 1 : at + 2] in (b'"', b"\\", b"/", b"b", b"f", b"n", b"r", b"t"):
            parts += [plain.decode("utf-8", "surrogateescape"), ESCAPES[text[at + 1]]]
            plain.clear()
            at += 2
        else:
            plain += byte
            at += 1
    return "".join([*parts, plain.decode("utf-8", "surrogateescape")]), at + 1


def found(value: Any, key: str) -> Any:  # noqa: ANN401 - any JSON
    r"""Return what stands at "a.b", at place 0 of a list for "a.0", under the name "a.b" for "a\.b"; else KeyError.

    Raises:
        KeyError: Nothing does.
    """
    for step in re.findall(r"(?:[^.\\]|\\.)+", key):
        name = re.sub(r"\\(.)", r"\1", step)
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            raise KeyError(key)
    return value


def written(value: Any, *, whole: bool) -> bytes:  # noqa: ANN401 - any JSON
    """Return a value as a log without JSON would write it; a whole number without a fraction."""
    text = _written(value)
    if whole and re.fullmatch(r"-?[0-9]+(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)", text):
        number = float(text)
        text = str(int(number)) if number.is_integer() and abs(number) < 2**53 else text
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _written(value: Any) -> str:  # noqa: ANN401 - any JSON
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(_written, value))
    return value if isinstance(value, str) else ""
