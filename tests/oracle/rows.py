"""What a line says, and the one key that a domain has however it is spelt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple

Table = dict[tuple[int, str, int], list[int]]

FATES = ("counted", "rejected", "comments", "blank")
MAX_LINE = 65_536
BOM = b"\xef\xbb\xbf"
CONTROL = re.compile(rb"[\x00-\x06\x0a-\x1a\x1c-\x1f]")  # C0 without BEL, BS, TAB and ESC
PORT = re.compile(rb":[0-9]{1,5}\Z")
NAME = re.compile(rb"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


class Row(NamedTuple):
    """One request: UTC seconds since 1970, key of the domain, status, bytes sent (0 if the log does not say)."""

    time: int
    domain: str
    status: int
    bytes: int


def fold(host: bytes) -> str:
    """Return the one key of a domain, however it is spelt."""
    name = host.strip(b" ").lower()
    if name.startswith(b"["):
        return address(PORT.sub(b"", name).strip(b"[]"))
    if name.count(b":") > 1:  # of an IPv6 address, so none of them stands before a port
        return address(name)
    name = PORT.sub(b"", name).removesuffix(b".")
    if re.fullmatch(rb"[0-9.]+", name):
        return address(name)
    if not name.isascii():
        name = a_label(name)
    return name.decode() if NAME.fullmatch(name) and len(name) <= 253 else "(invalid)"


def address(text: bytes) -> str:
    """Return an IP address in its shortest form, "(invalid)" if it is none or names a zone."""
    with suppress(ValueError):
        return "(invalid)" if b"%" in text else str(ip_address(text.decode()))
    return "(invalid)"


def a_label(name: bytes) -> bytes:
    """Return the xn-- form of an international name, nothing if that does not lead back to the name."""
    with suppress(UnicodeError):
        if len(name) > 1012 or any(len(label) > 63 for label in name.decode().split(".")):
            return b""
        encoded = name.decode().encode("idna")
        return encoded if encoded.decode("idna") == name.decode() else b""
    return b""


def tabulate(found: Iterable[object], window_of: Callable[[int], int]) -> Table:
    """Return [requests, bytes] by (window, domain, status), given the window of each second."""
    table: Table = {}
    for row in found:
        if isinstance(row, Row):
            cell = table.setdefault((window_of(row.time), row.domain, row.status), [0, 0])
            cell[0] += 1
            cell[1] += row.bytes
    return table
