"""The texts of a line's fields -> a row, or the first field that is faulty: that is the reason of the reject."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from oracle import values
from oracle.rows import Row, fold

Declared = Mapping[str, Any]
NO_ANSWER = (b"0", b"000", b"-")
ADDRESS_ENDS = frozenset(b"0123456789abcdefABCDEF:[]")


class FaultyError(Exception):
    """A field is faulty; its argument is the reason."""


@dataclass
class Found:
    """What the fields of one line have said so far."""

    micro: int = 0
    offset: int | None = None
    domain: str = "(none)"
    numbers: dict[str, int | None] = field(default_factory=dict)


def row(fmt: Declared, texts: list[bytes]) -> tuple[Row, dict[str, int | None]] | str:
    """Return what a line says, with all numbers in it and its time to the microsecond; or why it is rejected."""
    found = Found()
    try:
        for declared, text in zip(fmt["fields"], texts, strict=True):
            if "column" in declared:
                _read(fmt, declared, text, found)
    except FaultyError as fault:
        return str(fault)
    offset = _zone(fmt) if found.offset is None else found.offset
    micro = found.micro - offset * values.SECOND
    status = found.numbers.pop("status") or 0
    said = Row(micro // values.SECOND, found.domain, status, found.numbers.get("bytes") or 0)
    return said, {"time": micro, **found.numbers}


def _zone(fmt: Declared) -> int:
    zone = fmt.get("zone", "UTC")
    return 0 if zone == "UTC" else int(zone[1:3]) * (-3600 if zone[0] == "-" else 3600) + int(zone[4:]) * 60


def _read(fmt: Declared, declared: Declared, text: bytes, found: Found) -> None:
    if "pick" in declared:
        text = _picked(text, declared["pick"])
    nulls = _nulls(fmt, declared)
    _READERS.get(declared.get("type", "text"), _nothing)(fmt, declared, text, found)
    if declared.get("required") and text in nulls:
        raise FaultyError(declared["column"])


def _nulls(fmt: Declared, declared: Declared) -> set[bytes]:
    return {b"", *(null.encode() for null in (*fmt.get("nulls", ()), *declared.get("nulls", ())))}


def _picked(text: bytes, which: str) -> bytes:
    """Return the first or the last of "a, b" or "a : b"."""
    parts = re.split(rb",| : ", text)
    one = parts[0 if which == "first" else -1]
    return re.fullmatch(rb" {0,2}(.*?) {0,2}", one, re.DOTALL)[1]  # type: ignore[index]


def _nothing(*_: object) -> None:
    """A text says nothing that is compared, and is never faulty."""


def _time(_: Declared, declared: Declared, text: bytes, found: Found) -> None:
    layouts = declared.get("format") or ("iso",)
    layouts = (layouts,) if isinstance(layouts, str) else tuple(layouts)
    moment = values.moment(text, layouts, declared["type"])
    if isinstance(moment, str):
        raise FaultyError(moment)
    found.micro += moment[0]
    found.offset = moment[1]


def _status(fmt: Declared, declared: Declared, text: bytes, found: Found) -> None:
    own = [null.encode() for null in declared.get("nulls", ()) if null]
    unanswered = {*NO_ANSWER, *own, *({b"-1"} & _nulls(fmt, declared))}
    number = int(text) if values.STATUS.fullmatch(text) else 0 if text in unanswered else None
    name = declared["column"]
    if name != "status":
        if number is None and text not in _nulls(fmt, declared):
            raise FaultyError(name)
        found.numbers[name] = number or None
    elif number is None:
        raise FaultyError(name)
    else:
        found.numbers[name] = number


def _integer(fmt: Declared, declared: Declared, text: bytes, found: Found) -> None:
    name = declared["column"]
    number = int(text) if values.NUMBER.fullmatch(text) else None
    if number is None and text not in _nulls(fmt, declared):
        raise FaultyError(name)
    if name == "weight" and number is not None and not 1 <= number <= 1_000_000:
        raise FaultyError(name)
    found.numbers[name] = number


def _duration(fmt: Declared, declared: Declared, text: bytes, found: Found) -> None:
    """A negative one says nothing; several of a column are added up, if none of them is missing."""
    name = declared["column"]
    number = values.duration(text, declared["unit"])
    if number is None and text not in _nulls(fmt, declared):
        raise FaultyError(name)
    number = None if number is None or number < 0 else number
    before = found.numbers.get(name, 0)
    found.numbers[name] = None if number is None or before is None else before + number


def _code(fmt: Declared, declared: Declared, text: bytes, _: Found) -> None:
    if not values.SIGNED.fullmatch(text) and text not in _nulls(fmt, declared):
        raise FaultyError(declared["column"])


def _word(fmt: Declared, declared: Declared, text: bytes, _: Found) -> None:
    if not re.match(rb"[A-Za-z]", text) and text not in _nulls(fmt, declared):
        raise FaultyError(declared["column"])


def _cache(fmt: Declared, declared: Declared, text: bytes, found: Found) -> None:
    word = text.lower().decode("latin-1")
    if not any(fnmatchcase(word, known.lower()) for known in fmt.get("cache", {})):
        _word(fmt, declared, text, found)


def _cache_status(fmt: Declared, declared: Declared, text: bytes, found: Found) -> None:
    """Read "TCP_MISS/200"."""
    word, slash, status = text.rpartition(b"/")
    if not slash:
        raise FaultyError("status")
    _status(fmt, {**declared, "column": "status"}, status, found)
    del word


def _address(fmt: Declared, declared: Declared, text: bytes, _: Found) -> None:
    looks = 2 <= len(text) <= 47 and text[0] in ADDRESS_ENDS and text[-1] in ADDRESS_ENDS
    if not looks and text not in _nulls(fmt, declared):
        raise FaultyError(declared["column"])


def _address_port(fmt: Declared, declared: Declared, text: bytes, found: Found) -> None:
    host, colon, port = text.rpartition(b":")
    if not colon or not host or (b":" in host and not host.endswith(b"]")):
        host, port = text, b""
    _address(fmt, declared, host, found)
    found.numbers["client_port"] = int(port) if values.NUMBER.fullmatch(port) else None


def _domain(fmt: Declared, declared: Declared, text: bytes, found: Found) -> None:
    found.domain = "(none)" if text in _nulls(fmt, declared) else fold(text)


def _url(fmt: Declared, declared: Declared, text: bytes, found: Found) -> None:
    """Take the host of an address: behind a scheme, or first of all where no path is."""
    at = text.find(b"://")
    if text.startswith(b"/"):
        rest = text[1:] if declared.get("host_first") else b""
    else:
        rest = text[at + 3 :] if 0 <= at < 12 else text
    _domain(fmt, declared, re.split(rb"[/?]", rest)[0], found)


def _request(fmt: Declared, declared: Declared, text: bytes, found: Found) -> None:
    """Take the target of "GET target HTTP/1.1"; of what is no request line all is target."""
    target = text
    if match := re.fullmatch(rb"([A-Za-z](?:[^ ]{0,30}[A-Za-z])?) (.*)", text, re.DOTALL):
        target = match[2]
        before, blank, last = target.rpartition(b" ")
        if blank and last.lower().startswith(b"http/"):
            target = before
    if declared.get("url"):
        _url(fmt, declared, target, found)


_READERS: dict[str, Callable[[Declared, Declared, bytes, Found], None]] = {
    "time": _time, "date": _time, "clock": _time, "status": _status, "integer": _integer, "duration": _duration,
    "code": _code, "word": _word, "cache": _cache, "cache-status": _cache_status, "address": _address,
    "address-port": _address_port, "domain": _domain, "url": _url, "request": _request,
}  # fmt: skip
