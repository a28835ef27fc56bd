"""One key per domain: lower case, without port and trailing dot; `(none)` and `(invalid)` for the rest.

What this returns is the only text of a log that stands in every table, so only letters, digits, dot, hyphen,
underscore and the colons of an IPv6 address can be in it: no markup, no formula, no terminal escape.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address

INVALID = "(invalid)"
_MAX_NAME, _MAX_LABEL = 253, 63
_HOST = re.compile(rb"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\Z")
_PORT = re.compile(rb":[0-9]{1,5}\Z")
_NUMERIC = re.compile(rb"[0-9.]+\Z")


@lru_cache(maxsize=65_536)
def fold(raw: bytes) -> str:
    """Return the key of a host as the log has it; never raises."""
    host = raw.strip(b" ").lower()  # bytes.lower is ASCII only: the Kelvin sign must not become a k
    if len(host) > 4 * _MAX_NAME:
        return INVALID
    if host.startswith(b"[") or host.count(b":") > 1:
        return _address(_PORT.sub(b"", host).strip(b"[]") if host.startswith(b"[") else host)
    host = _PORT.sub(b"", host).removesuffix(b".")
    if not host.isascii():
        host = _a_label(host)
    if _NUMERIC.match(host):
        return _address(host)
    return host.decode("ascii") if len(host) <= _MAX_NAME and _HOST.match(host) else INVALID


def _address(host: bytes) -> str:
    """Return an IP literal in its shortest form; a zone id or leading zeros make it invalid."""
    try:
        return INVALID if b"%" in host else str(ip_address(host.decode("ascii")))
    except ValueError:
        return INVALID


def _a_label(host: bytes) -> bytes:
    """Return the xn-- form of an internationalised name, empty where the two are not one to one."""
    try:
        name = host.decode("utf-8")
        if any(len(label) > _MAX_LABEL for label in name.split(".")):
            return b""  # before any IDNA work: it is quadratic in the length of a label
        encoded = name.encode("idna")
        return encoded if encoded.decode("idna") == name else b""
    except UnicodeError:
        return b""
