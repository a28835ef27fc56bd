"""What texts of a log say of people, and how it is left out: masked for reports, gone where the user says `anonymize`.

A query string is all from the first "?" on, a fragment all from "#" on, plain or percent-encoded: what a client wrote
behind it is not told apart any further, for whatever is left over might be a name.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

MASK = "***"
UNKNOWN = "unknown"
"""What RFC 7239 calls a client that is not named; here one whose address cannot be read, and so not be cut."""

_TAIL = re.compile(r"[?#]|%(?:25)*(?:3f|23)|\\x(?:3f|23)|;jsessionid=", re.IGNORECASE)
_PART = re.compile(r"[^&;?#]+")
_USER = re.compile(r"(?<=//)[^/\s]*@")
_V4 = r"([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})\.[0-9]{1,3}(?![0-9])"
_V6 = rf"(?<![g-zG-Z])(?:[0-9A-Fa-f]{{0,4}}:){{2,8}}(?:{_V4}|[0-9A-Fa-f]{{0,4}})(?![0-9A-Za-z:])"
_ADDRESS, _DOTTED = re.compile(f"{_V6}|{_V4}"), re.compile(_V4)
_HOST_BITS = 80  # of an IPv6 address: a /48 is what one site has


def masked(text: str) -> str:
    """Return text with `***` in place of query values, fragments, and users and passwords in addresses.

    The keys of a query stay: `/a?user=kim&x` becomes `/a?user=***&***`.
    """
    tail = _TAIL.search(text)
    if tail is not None:
        text = text[: tail.end()] + _PART.sub(_masked_part, text[tail.end() :])
    return _USER.sub(f"{MASK}@", text)


def _masked_part(match: re.Match[str]) -> str:
    key, _, value = match[0].partition("=")
    return f"{key}={MASK}" if value.strip("=") else MASK  # "c2VjcmV0==" is no key


def bare(text: str) -> str | None:
    """Return text without query, fragment and user, its IP addresses cut to their networks; None if nothing is left."""
    tail = _TAIL.search(text)
    head = text if tail is None else text[: tail.start()]
    return _ADDRESS.sub(lambda match: _network(match[0]) or _DOTTED.sub(r"\1.0", match[0]), _USER.sub("", head)) or None


def network(text: str) -> str:
    """Return the network of a client's address, or of each one of a list: 203.0.113.0, 2001:db8:1::.

    Ports and zones go; an IPv6 address that stands for an IPv4 one (mapped, 6to4) becomes that one's network.
    """
    return ", ".join(filter(None, (_network(match[0]) for match in _ADDRESS.finditer(text)))) or UNKNOWN


def _network(text: str) -> str | None:
    """Return the network of an address, None if it is none."""
    if ":" not in text:
        return _DOTTED.sub(r"\1.0", text)
    try:
        address = IPv6Address(text)
    except ValueError:
        return None
    four = address.ipv4_mapped or address.sixtofour
    if four is not None:
        return str(IPv4Address(int(four) >> 8 << 8))
    return str(IPv6Address(int(address) >> _HOST_BITS << _HOST_BITS))


def shape(text: str) -> str:
    """Return what a line looks like, not what it says: every digit is 0, every letter x, punctuation stands."""
    return re.sub(r"[A-Za-z]|[^ -~]", "x", re.sub("[0-9]", "0", text))
