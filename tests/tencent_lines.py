"""Logs of Tencent CDN for tests, as bytes: lines that are good, good but odd, damaged in a named way, or no data.

Every line comes from a function of a seeded `Random`, so the same seed gives the same bytes; `logs` lets Hypothesis
choose the functions and the seeds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st

Maker = Callable[[Random], bytes]
Spoil = Callable[[bytes, Random], bytes]

CLOCK = timezone(timedelta(hours=8))  # of the logs; their lines name no zone
EVENING = datetime(2026, 11, 20, 22, 30, tzinfo=CLOCK)
HOURS = 3  # so that midnight lies within

# The fields of a line in order, and what an ordinary one holds; times are made apart.
PLAIN: dict[str, tuple[bytes, ...]] = {
    "time": (),
    "client_ip": (b"203.0.113.7", b"198.51.100.23", b"192.0.2.200"),
    "domain": (b"www.example.com", b"img.example.com", b"api.example.com"),
    "path": (b"/", b"/a/b.jpg", b"/v1/search?q=blue+shoes&page=2", b"/%E4%B8%AD"),
    "bytes": (b"412", b"6969", b"1048988", b"73"),
    "region": (b"120", b"22", b"4", b"1442"),
    "isp": (b"2", b"26", b"1046", b"3947"),
    "status": (b"200", b"200", b"200", b"206", b"304", b"404", b"502"),
    "referer": (b"https://www.example.com/", b"NULL", b"-"),
    "duration_ms": (b"3", b"215", b"60001"),
    "user_agent": (b"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/147.0", b"curl/8.7.1", b"-"),
    "range": (b"(null)", b"0-1048575"),
    "method": (b"GET", b"HEAD", b"POST"),
    "protocol": (b"HTTPS", b"HTTP", b"HTTP/2"),
    "cache": (b"hit", b"miss"),
    "client_port": (b"32768", b"51234"),
}
FIELDS = tuple(PLAIN)

# How domains are spelt, and the one key of each.
DOMAINS: dict[bytes, str] = {
    b"WWW.Example.COM": "www.example.com",
    b"www.example.com.": "www.example.com",
    b"www.example.com:8443": "www.example.com",
    b"_dmarc.example": "_dmarc.example",
    "bücher.example".encode(): "xn--bcher-kva.example",
    b"xn--bcher-kva.example": "xn--bcher-kva.example",
    "\u0130.example".encode(): "(invalid)",  # capital i with a dot: two characters in lower case
    "\u212a.example".encode(): "(invalid)",  # the Kelvin sign: looks like a k, and is none
    b"203.0.113.7:80": "203.0.113.7",
    b"[2001:DB8:0::1]:443": "2001:db8::1",
    b"2001:db8::1": "2001:db8::1",
    b"fe80::1%eth0": "(invalid)",
    b"010.1.1.1": "(invalid)",
    b"1.2.3": "(invalid)",
    b"a..b": "(invalid)",
    b"www.example.com..": "(invalid)",
    b"www.example.com:123456": "(invalid)",
    b"-a.example": "(invalid)",
    b"a,b.example": "(invalid)",
    b"\x1b[31m.example": "(invalid)",
    b"www\xff.example": "(invalid)",
    b"<script>": "(invalid)",
    b"x" * 63 + b".example": "x" * 63 + ".example",
    b"x" * 64 + b".example": "(invalid)",
    b".".join([b"x" * 50] * 5)[:253]: ".".join(["x" * 50] * 5)[:253],
    b".".join([b"x" * 50] * 5): "(invalid)",  # 254 bytes
    b"-": "(none)",
    b"NULL": "(none)",
    b"(null)": "(none)",
    b"": "(none)",
}
_NULLS = (b"-", b"NULL", b"(null)", b"")
_LONG = b"9" * 18

# Odd, but right. A field of None is absent.
ODD: dict[str, tuple[bytes | None, ...]] = {
    "time": (b"20161231235960", b"20240229120000", b"19950101000000", b"20991231235959"),
    "client_ip": (b"2001:db8::7", b"[2001:db8::7]", b"::ffff:192.0.2.1", b"-"),
    "domain": tuple(DOMAINS),
    "path": (b"", b"/a?b=%20&c=?", b'/"', b'/"x"', b"/\xff\xfe", b"/\t\x1b[31m\a\b", b"/" + b"a" * 3000, b"#"),
    "bytes": (*_NULLS, b"0", b"0007", _LONG),
    "region": (*_NULLS, b"-1", b"-20", b"2000000001", b"-" + _LONG),
    "isp": (*_NULLS, b"-1", b"0"),
    "status": (b"0", b"000", b"-", b"100", b"460", b"514", b"999"),
    "referer": (b"", b"https://a.example/?q=blue shoes", b'say "hi" 7 times', b"\xe4\xb8", b"/x 5 y", b'"', b" "),
    "duration_ms": (*_NULLS, b"0", _LONG),
    "user_agent": (b"", b'"', b'an "odd" one', b'a" "b', b'x" "(null)" GET HTTPS hit 1', "示例/3.1".encode(), b"\xff"),
    "range": (b"", b"0-1, 5-9", b"-"),
    "method": (b"-", b"get", b"M-SEARCH", b"x\tY"),
    "protocol": (b"HTTP/1.1", b"NULL", b"h3"),
    "cache": (b"HIT", b"Miss", b"-", b"RefreshHit"),
    "client_port": (*_NULLS, b"0", None),
}


def plain(rng: Random) -> bytes:
    """Return a line that is as ordinary as they come."""
    return _line(_fields(rng))


def odd(rng: Random) -> bytes:
    """Return a line that counts, although a few of its fields are unpleasant to read."""
    fields: dict[str, bytes | None] = {**_fields(rng)}
    for name in rng.sample(FIELDS, rng.randint(1, 4)):
        fields[name] = rng.choice(ODD[name])
    return rng.choice((b"", b"", b"\xef\xbb\xbf")) + _line(fields)


def _fields(rng: Random) -> dict[str, bytes]:
    fields = {name: rng.choice(pool) for name, pool in PLAIN.items() if pool}
    return {"time": _stamp(EVENING + timedelta(seconds=rng.randrange(HOURS * 3600))), **fields}


def _stamp(moment: datetime) -> bytes:
    return f"{moment:%Y%m%d%H%M%S}".encode()


def _line(fields: dict[str, bytes] | dict[str, bytes | None]) -> bytes:
    texts = ((name, text) for name, text in fields.items() if text is not None)
    return b" ".join(b'"%b"' % text if name in ("user_agent", "range") else text for name, text in texts)


class Damage(NamedTuple):
    """One way to spoil a plain line, and the reasons for which it may be rejected then."""

    spoil: Spoil
    reasons: frozenset[str]


def _damage(reasons: str, spoil: Spoil) -> Damage:
    return Damage(spoil, frozenset(reasons.split()))


def replaced(line: bytes, field: str, text: bytes) -> bytes:
    """Return a plain line with another text in one field, without touching its quotes."""
    tokens = re.findall(rb'"[^"]*"|[^ ]+', line)
    tokens[FIELDS.index(field)] = text
    return b" ".join(tokens)


def _values(field: str, *texts: bytes, reason: str = "") -> Damage:
    return _damage(reason or field, lambda line, rng: replaced(line, field, rng.choice(texts)))


def _inserted(reasons: str, *texts: bytes) -> Damage:
    """Put a text anywhere inside the line."""

    def spoil(line: bytes, rng: Random) -> bytes:
        at = rng.randrange(1, len(line))
        return line[:at] + rng.choice(texts) + line[at:]

    return _damage(reasons, spoil)


def _made(reasons: str, make: Maker) -> Damage:
    """Put something quite different in the place of the line."""
    return _damage(reasons, lambda _line, rng: make(rng))


def _moved(field: str, copies: int) -> Spoil:
    """Leave a field out, or write it twice, so that the others shift."""

    def spoil(line: bytes, rng: Random) -> bytes:
        tokens = re.findall(rb'"[^"]*"|[^ ]+', line)
        at = rng.randrange(FIELDS.index(field))
        return b" ".join(tokens[:at] + tokens[at : at + 1] * copies + tokens[at + 1 :])

    return spoil


def _junk(rng: Random) -> bytes:
    return b"\x80" + rng.randbytes(90).replace(b"\n", b"\xff")


_COMBINED = b'203.0.113.7 - - [20/Nov/2026:22:30:00 +0800] "GET / HTTP/1.1" 200 612 "-" "curl/8.7.1"'
_OTHER_CONTROLS = tuple(bytes([code]) for code in range(32) if code not in (0, 7, 8, 9, 10, 13, 27))

DAMAGE: dict[str, Damage] = {
    "time that no clock shows": _values(
        "time", b"20261320000000", b"20260230120000", b"20261120240000", b"20261120006000", b"20261120000061"
    ),
    "time in another notation": _values(
        "time", b"1714521600", b"1714521600000", b"2026-11-20T22:30", b"202611202230000", b"20261120 223000", b"-"
    ),
    "year no log can hold": _values(
        "time", b"19700101000000", b"19941231235959", b"21000101000000", reason="time-range"
    ),
    "client that is no address": _values("client_ip", b"unknown", b"proxy.example", b"1", b"1" * 48),
    "bytes that are no number": _values("bytes", b"-1", b"+5", b"1e3", b"1_000", b"1.5", b"0x1f", b"\xd9\xa2"),
    "bytes beyond 18 digits": _values("bytes", b"9223372036854775808", b"1" + b"0" * 30),
    "region that is no number": _values("region", b"Jiangsu", b"--1", b"1.5", b"1" * 19),
    "carrier that is no number": _values("isp", b"unicom", b"2-", b"-" + b"1" * 19),
    "status in words": _values("status", b"OK", b"NaN", b"NULL", b"2e2", b"2_0", b"200.0", b"\xd9\xa2\xd9\xa0\xd9\xa0"),
    "status of another length": _values("status", b"", b"20", b"2000", b"00", b"0000", b"+200", b"-1"),
    "status below 100": _values("status", b"099", b"001"),
    "duration that is no number": _values("duration_ms", b"-5", b"fast", b"1e3", b"0.215", b"1" * 19),
    "method that is no word": _values("method", b"1GET", b"/x", b"{}", b"\xc3\x89"),
    "protocol that is no word": _values("protocol", b"1.1", b"/2"),
    "cache that is no word": _values("cache", b"200", b"_hit"),
    "port that is no number": _values("client_port", b"http", b"-5", b"65_535"),
    "cut off": _damage("fields quote", lambda line, rng: line[: rng.randrange(1, line.rindex(b'"'))]),
    "head lost": _damage("time fields quote", lambda line, rng: line[rng.randrange(1, line.rindex(b'"')) :]),
    "a field lost": _damage("fields cache", _moved("client_port", 0)),
    "a field twice": _damage("bytes status", _moved("status", 2)),
    "a space in the path": _damage("bytes", lambda line, _rng: line.replace(b" /", b" /x /", 1)),
    "tabs for spaces": _damage("fields", lambda line, _rng: line.replace(b" ", b"\t")),
    "commas for spaces": _damage("fields", lambda line, _rng: line.replace(b" ", b",")),
    "syslog's words in front": _damage("time", lambda line, _rng: b"Nov 20 22:30:00 edge7 cdn: " + line),
    "agent and range run together": _damage("fields", lambda line, _rng: line.replace(b'" "', b" ")),
    "opening quote lost": _damage("quote", lambda line, _rng: line.replace(b'"', b"", 1)),
    "closing quote lost": _damage("quote", lambda line, _rng: b"".join(line.rsplit(b'"', 1))),
    "a quote behind the range": _damage("quote", lambda line, _rng: line.replace(b" HTTP", b' "HTTP')),
    "a NUL": _inserted("control", b"\0"),
    "a CR, as of a forged line": _inserted("control", b"\r", b"\r20261120223000 "),
    "another control": _inserted("control", *_OTHER_CONTROLS),
    "UTF-16": _damage("control", lambda line, _rng: line.decode("latin-1").encode("utf-16-le")),
    "NULs of a crashed writer": _made("control", lambda rng: bytes(rng.randint(1, 5000))),
    "too long": _damage("too-long", lambda line, _rng: line.replace(b" /", b" /" + b"a" * 65_536, 1)),
    "JSON": _made("fields", lambda _rng: b'{"http_code":200,"host":"www.example.com","hit":"hit"}'),
    "an error page": _made("fields", lambda _rng: b"<html><body><h1>502 Bad Gateway</h1></body></html>"),
    "another server's log": _made("fields", lambda _rng: _COMBINED),
    "binary junk": _made("control fields quote", _junk),
}


def damaged(rng: Random) -> bytes:
    """Return a line that must not count."""
    return DAMAGE[rng.choice(list(DAMAGE))].spoil(plain(rng), rng)


def no_data(rng: Random) -> bytes:
    """Return a comment or a blank line."""
    return rng.choice((b"#Version: 1.0", b"#", b"#\0\r", b"\xef\xbb\xbf# joined", b"", b" ", b" \t ", b"\xef\xbb\xbf"))


def edited(rng: Random) -> bytes:
    """Return a good line with a few bytes put in, changed or lost; whether it still counts is for others to say."""
    line = rng.choice((plain, odd))(rng)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(line))
        line = line[:at] + rng.choice(EDITS) + line[at + rng.choice((0, 0, 1, 2, 5)) :]
    return line


EDITS = (b"", b" ", b'"', b"-", b"9", b"a", b"\t", b"\r", b"\0", b"#", b".", b":", b"[", b"]", b'" "', b' 3 "', b"NULL")
MAKERS = (plain, plain, odd, odd, edited, edited, damaged, no_data)


def log(rng: Random, lines: int, makers: tuple[Maker, ...] = (plain, odd)) -> bytes:
    """Return a log of so many lines, all ended by LF."""
    return b"".join(rng.choice(makers)(rng) + b"\n" for _ in range(lines))


def around(moment: datetime, rng: Random) -> bytes:
    """Return a log with a plain line in every seven and a half minutes of the three days around a moment."""
    starts = (moment.astimezone(CLOCK) + timedelta(seconds=s) for s in range(-129_600, 129_600, 450))
    stamps = (_stamp(start + timedelta(seconds=rng.randrange(450))) for start in starts)
    return b"".join(replaced(plain(rng), "time", stamp) + b"\n" for stamp in stamps)


def saved(folder: Path, *parts: bytes) -> list[Path]:
    """Write each part to a file of its own."""
    paths = [folder / f"{i}.log" for i in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        path.write_bytes(part)
    return paths


# For Hypothesis


def law(examples: int) -> settings:
    """Return settings under which every run tries the same logs."""
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None)


def _known(maker: Maker, seed: int) -> bytes:
    return maker(Random(seed)) + (b"\r\n" if seed % 4 == 1 else b"\n")


def _unknown(junk: bytes) -> bytes:
    return b"?" + junk.replace(b"\n", b"") + b"\n"  # the mark, lest the file seem to be compressed


def _joined(lines: list[bytes], final_lf: bool) -> bytes:
    data = b"".join(lines)
    return data if final_lf else data.removesuffix(b"\n")


_line_of_a_kind = st.builds(_known, st.sampled_from(MAKERS), st.integers(0, 1 << 32))
_any_line = st.builds(_unknown, st.binary(max_size=60))
_lines = st.one_of(_line_of_a_kind, _line_of_a_kind, _line_of_a_kind, _any_line)


def logs(max_lines: int = 12) -> st.SearchStrategy[bytes]:
    """Return a strategy of logs: lines of every kind and any bytes, LF or CRLF, with or without a final LF."""
    return st.builds(_joined, st.lists(_lines, max_size=max_lines), st.booleans())


def good_logs(max_lines: int = 12) -> st.SearchStrategy[bytes]:
    """Return a strategy of logs in which every line counts and ends in LF."""
    line = st.builds(_known, st.sampled_from((plain, odd)), st.integers(0, 1 << 32))
    return st.builds(b"".join, st.lists(line, max_size=max_lines))
