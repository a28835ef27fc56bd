r"""Undoes, once, what a log's writer did to text: `%20`, `+` for a blank, `\x22`, quotes doubled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote_to_bytes

from cdnlog.text import visible

Decoder = Callable[[bytes], bytes]

_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|([\"\\'/abfnrtv]))")
_MEANING = dict(zip(b"abfnrtv", b"\a\b\f\n\r\t\v", strict=True))


def _backslash(raw: bytes) -> bytes:
    return _ESCAPE.sub(_escaped, raw)


def _escaped(match: re.Match[bytes]) -> bytes:
    if match[1] is not None:
        return bytes.fromhex(match[1].decode())
    return bytes([_MEANING.get(match[2][0], match[2][0])])


_STEPS: dict[str, tuple[bytes, Decoder]] = {
    "percent": (b"%", unquote_to_bytes),
    "plus": (b"+", lambda raw: raw.replace(b"+", b" ")),
    "backslash": (b"\\", _backslash),
    "doubled": (b'"', lambda raw: raw.replace(b'""', b'"')),
}
_ORDER = ("doubled", "backslash", "plus", "percent")  # from the outside in; a "%2B" is a plus and no blank


def decoding(names: Iterable[str]) -> tuple[bytes, Callable[[bytes], str]]:
    """Return the characters that decoding can change, and what makes text of raw bytes: decoded, then visible."""
    steps = [_STEPS[name] for name in _ORDER if name in set(names)]
    if not steps:
        return b"", visible

    def means(raw: bytes) -> str:
        for _, decode in steps:
            raw = decode(raw)
        return visible(raw)

    return b"".join(special for special, _ in steps), means
