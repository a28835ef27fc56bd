"""Logs of any format as an attacker or a broken writer would have them, and what a parser makes of them.

For tests that say the same thing twice: with the compiled kernel and with numpy alone, whole or in small blocks.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from cdnlog import gather, kernel
from cdnlog.catalog import Catalog
from cdnlog.columns import Numbers
from cdnlog.formats import Delimited, JsonLines, LogFormat, W3c
from cdnlog.model import MAX_LINE, Batch, Block, Verdict
from cdnlog.parse import Parser
from cdnlog.source.blocks import blocks
from cdnlog.source.codecs import Ending
from cdnlog.strings import strings
from cdnlog.zones import zone

CATALOG = Catalog()
FORMATS = CATALOG.formats()
COLUMNS = tuple(CATALOG.columns())
SIZES = (1, 7, 64, 4096, 65_536)
BOM = b"\xef\xbb\xbf"

PIECES = (
    b"", b" ", b"  ", b'"', b'""', b"\\", b'\\"', b"-", b"9", b"a", b"\t", b"\r", b"\r\r", b"\0", b"\a", b"\b",
    b"\x1b", b"\f", b"\x7f", b"\xff", b"#", b"!", b".", b":", b"/", b"?", b"[", b"]", b"{", b"}", b",", b"|", b"||",
    b'" "', b' 3 "', b"NULL", b"\n", b"\r\n", b"\n\n", BOM, "\u00e9".encode(), b"\xe4\xb8", b"+", b"e3",
    b"GET / HTTP/1.1", b"\\u0041", b"=",
)  # fmt: skip
VALUES = (
    b"", b"-", b"0", b"000", b"7", b"-1", b"--1", b"007", b"99", b"200", b"999", b"1000", b"404.0", b"1e3", b"2E+1",
    b"1.5", b"1.", b".5", b"1.2.3", b"0.123456789", b"12345678", b"123456789", b"9" * 16, b"9" * 17, b"9" * 18,
    b"9" * 19, b"1" + b"0" * 30, b"1." + b"3" * 18, b"1." + b"3" * 40, b"2." + b"1" * 20 + b"x", b"1_000", b"+5",
    b"0x1f", b"NaN", b"null", b"true", b"203.0.113.7", b"2001:db8::1", b"[::1]:80", b"unknown", b"x" * 47, b"x" * 48,
    b"GET", b"hit", b"20261120223000", b"20261120223060", b"20260230120000", b"19700101000000", b"20261120 223000",
    b"2026112022300x", b"20/Nov/2026:22:30:00 +0800", b"2/nov/2026:22:30:00 -0330", b"20/Nov/2026:22:30:60 +2360",
    b"31/Feb/2026:00:00:00 +0000", b"2026-11-20T22:30:00Z", b"2026-11-20 22:30:00.123456789+08:00",
    b"2026-11-20T22:30:00,5+0800", b"2026-11-20", b"2026-02-29T00:00:00Z", b"2100-02-29T00:00:00Z",
    b"29/Feb/2100:00:00:00 +0000", b"21000229000000", b"20000229000000", b"2026-11-20T24:00:00", b"22:30:00",
    b"1763649000", b"1763649000.123456789", b"1763649000123", b"1763649000123456789", b"1.763649e9", b"1763649000.",
    b"1,763", b"12ms", b"1m2.5s", b"-0.5", b"5\xc2\xb5s", b"TCP_MISS/200", b"https://a.example:8443/x?q=1#f",
    b"/a?b=%20&c=?d", b"WWW.Example.COM:80", b"a,b", b"\xff\xfe", "b\u00fccher.example".encode(),
)  # fmt: skip
_MARK = re.compile(rb'[ \t,|"\[\]{}:\\]')
_TOKEN = re.compile(rb'[^ \t,|"\[\]{}:=;]+|"[^"]*"')


def line(fmt: LogFormat, rng: Random) -> bytes:
    """Return a line of a format, whole or damaged; it may be several, or none."""
    text = rng.choice(fmt.samples).line.encode()
    if isinstance(fmt, Delimited) and rng.random() < 0.01:
        text = fmt.separator.encode() * (len(fmt.fields) - 1)  # a line of empty fields, which is a blank one
    if isinstance(fmt, JsonLines) and rng.random() < 0.6:
        text = _json(text, rng)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 4))):
        text = rng.choice(_WAYS)(text, rng)
    return text + (b"\r\n" if rng.random() < 0.1 else b"\n")


def _edited(text: bytes, rng: Random) -> bytes:
    """Put something in, or leave something out: anywhere, or where it hurts, beside what gives a line its structure."""
    marks = [match.start() for match in _MARK.finditer(text)] if rng.random() < 0.5 else []
    at = rng.choice(marks) + rng.randrange(2) if marks else rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(PIECES) + text[at + rng.choice((0, 0, 1, 2, 5)) :]


def _other_value(text: bytes, rng: Random) -> bytes:
    tokens = list(_TOKEN.finditer(text))
    if not tokens:
        return text
    start, end = rng.choice(tokens).span()
    return text[:start] + rng.choice(VALUES) + text[end:]


def _flipped(text: bytes, rng: Random) -> bytes:
    if not text:
        return text
    at = rng.randrange(len(text))
    return text[:at] + bytes([text[at] ^ 1 << rng.randrange(8)]) + text[at + 1 :]


def _parted(text: bytes, rng: Random) -> bytes:
    """Put other separators in, or several for one."""
    old = rng.choice((b" ", b"\t", b",", b"|", b'" "'))
    return text.replace(
        old, rng.choice((b" ", b"  ", b"\t", b",", b"|", b"||", b" \t", b'" "')), rng.choice((1, 2, -1))
    )


def _odd_line(text: bytes, rng: Random) -> bytes:
    """Put something in the place of a line, or around it."""
    return rng.choice(
        (
            b"", b" ", b"\t ", b"\r", BOM, b"#", b"# comment", b"#Fields: time cs-status", bytes(rng.randrange(200)),
            BOM + text, b"<134>Nov 20 22:30:00 edge7 cdn: " + text, b" " + text, text + b" ", text + b"   x", text * 2,
            text[: rng.randrange(len(text) + 1)], text[rng.randrange(len(text) + 1) :],
            rng.randbytes(rng.randrange(90)), text + b"\n" + text, text[:-1], text + b"\r", b'"' * rng.randrange(90),
            b"[" * rng.randrange(90), text.decode("latin-1").encode("utf-16-le"), b" " * rng.randrange(200),
        )
    )  # fmt: skip


def _longer(text: bytes, rng: Random) -> bytes:
    """Make it as long as a line may be, or a little shorter or longer."""
    at = rng.randrange(len(text) + 1)
    size = rng.choice((30, 64, 300, MAX_LINE - len(text) + rng.randrange(-2, 3)))
    return text[:at] + rng.choice((b"a", b"9", b"\\", b'"', b" ", b"\xc3\xa9")) * max(size, 0) + text[at:]


_WAYS: tuple[Callable[[bytes, Random], bytes], ...] = (
    *[_edited] * 6, *[_other_value] * 6, *[_flipped] * 2, *[_parted] * 2, *[_odd_line] * 2, _longer,
)  # fmt: skip


def _json(text: bytes, rng: Random) -> bytes:
    """Write an object anew, with all that JSON allows and some that it does not."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return _written(value, rng, 0) + rng.choice((b"", b"", b"", b" ", b",", b"\t", b"}", b" {}"))


def _written(value: Any, rng: Random, depth: int) -> bytes:  # noqa: ANN401 - any JSON
    chance = rng.random()
    if depth and chance < 0.06:
        return rng.choice(_SCALARS)
    if depth and chance < 0.08:
        return rng.choice((b"[%b]", b'{"a":%b}', b"[1,%b,null]", b"%b,", b"[%b,]")).replace(
            b"%b", _written(value, rng, 9)
        )
    if isinstance(value, dict):
        return _object(value, rng, depth)
    if isinstance(value, list):
        return b"[" + _blank(rng).join([b"", *[_written(one, rng, depth + 1) + b"," for one in value]])[:-1] + b"]"
    if isinstance(value, str):
        return _string(value, rng)
    return json.dumps(value).encode()


def _object(value: dict[str, Any], rng: Random, depth: int) -> bytes:
    items = list(value.items())
    if rng.random() < 0.3:
        rng.shuffle(items)
    if items and rng.random() < 0.2:
        items.append(rng.choice(items))
    if rng.random() < 0.1:
        items.insert(rng.randrange(len(items) + 1), ("more", rng.choice(({}, [], {"a": {"b": [1, {}]}}, 1e5, "x\ny"))))
    if items and rng.random() < 0.1:
        del items[rng.randrange(len(items))]
    parts = []
    for key, one in items:
        shown = _string(key, rng) if rng.random() < 0.1 else json.dumps(key).encode()
        parts.append(
            _blank(rng) + shown + _blank(rng) + b":" + _blank(rng) + _written(one, rng, depth + 1) + _blank(rng)
        )
    comma = b"," if rng.random() < 0.02 else b""
    return b"{" + b",".join(parts) + comma + b"}"


def _string(value: str, rng: Random) -> bytes:
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    if rng.random() < 0.15:
        at = rng.randrange(1, len(text))
        text = text[:at] + rng.choice(_ODD_TEXT) + text[at:]
    return text


def _blank(rng: Random) -> bytes:
    return rng.choice((b" ", b"  ", b"\t", b"\r")) if rng.random() < 0.03 else b""


_ODD_TEXT = (
    b"\\u0041", b"\\u00e9", b"\\ud83d\\ude00", b"\\ud83d", b"\\n", b"\\/", b'\\"', b"\\\\", b"\\x22", b"\\", b"\\u12",
    b"\xff", b"\xe4\xb8", b"\xed\xa0\x80", b"\xc0\x80", b"\x01", b"\t", b"\x7f", b'"', b"%41", b"+", b"\\u0000",
    b"\xf5", b"{", b"[",
)  # fmt: skip
_SCALARS = (
    b"null", b"true", b"false", b"0", b"-0", b"200", b"200.0", b"2e2", b"1E400", b"-1", b"01", b"+1", b"1.", b".5",
    b"-", b"9" * 18, b"9" * 19, b"9" * 50, b"1.5e3", b"nul", b"NaN", b"Infinity", b'""', b'"-"', b'"200"', b'"1.50"',
    b"{}", b"[]", b'[""]', b'["a","b"]', b'{"a":1,"a":2}', b"[[[[1]]]]", b"[" * 70 + b"]" * 70, b"[" * 62 + b"]" * 62,
    b'{"a":' * 61 + b"1" + b"}" * 61, b"[" + b"{}," * 70 + b"{}]", b"'a'", b'"\\u0032\\u0030\\u0030"',
    b"1763649000123", b"", b"\xff",
)  # fmt: skip


def log(fmt: LogFormat, rng: Random, lines: int) -> bytes:
    """Return a log of a format; its last line may lack its end."""
    made = [line(fmt, rng) for _ in range(lines)]
    headers = dict.fromkeys(sample.header or getattr(fmt, "header", None) for sample in fmt.samples)
    for header in filter(None, headers):
        for _ in range(1 + lines // 50):
            text = header.encode()
            made.insert(
                rng.choice((0, rng.randrange(lines + 1))), (text if rng.random() < 0.9 else _edited(text, rng)) + b"\n"
            )
    if isinstance(fmt, W3c):
        made[rng.randrange(len(made) + 1) : 0] = _under_a_header(fmt, rng, lines // 3)
    data = rng.choice((b"", b"", BOM)) + b"".join(made)
    return data[: len(data) - rng.choice((0, 1, 20))] if rng.random() < 0.2 else data


def _under_a_header(fmt: W3c, rng: Random, lines: int) -> list[bytes]:
    """Return a header with other fields in another order, and lines under it; few of them are as it says."""
    sample = rng.choice([one for one in fmt.samples if one.expect])
    names = (sample.header or fmt.header or "").split()[1:]
    value = dict(zip(names, re.findall(r'"[^"]*"|[^ \t]+', sample.line), strict=False))
    chosen = rng.sample(names, rng.randint(len(names) * 2 // 3, len(names)))
    separator = fmt.separator or rng.choice(("\t", " "))
    text = separator.join(value.get(name, "-") for name in chosen).encode()
    made = [text if rng.random() < 0.6 else rng.choice(_WAYS)(text, rng) for _ in range(lines)]
    return [line + b"\n" for line in (f"#Fields: {' '.join(chosen)}".encode(), *made)]


def at_each_mark(fmt: LogFormat) -> bytes:
    """Return the longest sample again and again: at each of its marks something put in, or the mark left out.

    An object gets odd values besides: all there are for a key that nobody asks for and for its first one, a few for
    each; and its keys are written with an escape.
    """
    sample = max(fmt.samples, key=lambda one: (one.expect is not None, len(one.line)))
    text, header = sample.line.encode(), sample.header or getattr(fmt, "header", None)
    lines = [header.encode()] if header else []
    marks = [match.start() for match in _MARK.finditer(text)]
    for at in marks[:: 1 + len(marks) // 50]:
        lines += [text[:at] + piece + text[at:] for piece in (b"\\", b'"', b"\r", b"\b", b" ", b"\0")]
        lines.append(text[:at] + text[at + 1 :])
    if isinstance(fmt, JsonLines):
        keys = [key.encode() for key in json.loads(text)]
        odd = [*_SCALARS, *(b'"a%bb"' % piece for piece in _ODD_TEXT)]
        more = [*itertools.product((b"more", keys[0]), odd), *itertools.product(keys, (b"{}", b"null", b'"x"'))]
        lines += [b'%b,"%b":%b}' % (text.rstrip()[:-1], *pair) for pair in more]
        lines += [text.replace(b'"%b"' % key, b'"\\u%04x%b"' % (key[0], key[1:]), 1) for key in keys]
    return b"\n".join([*lines, b""])


# Single values

_TIMES = (
    "{Y:04d}{m:02d}{d:02d}{H:02d}{M:02d}{S:02d}", "{d:02d}/{b}/{Y:04d}:{H:02d}:{M:02d}:{S:02d} {z}",
    "{d}/{b}/{Y:04d}:{H:02d}:{M:02d}:{S:02d} {z}", "{Y:04d}-{m:02d}-{d:02d}T{H:02d}:{M:02d}:{S:02d}{f}{z}",
    "{Y:04d}-{m:02d}-{d:02d} {H:02d}:{M:02d}:{S:02d}{f}", "{Y:04d}-{m}-{d}T{H:02d}:{M:02d}{z}",
    "{H:02d}:{M:02d}:{S:02d}{f}", "{n}{f}", "-{n}{f}", "{n}", "{n}e{m}", "{n}ms",
)  # fmt: skip


def texts(rng: Random, count: int) -> list[bytes]:
    """Return texts that are numbers, times, addresses or words, or nearly so."""
    return [_text(rng) for _ in range(count)]


def _text(rng: Random) -> bytes:
    chance = rng.random()
    text = (
        rng.choice(VALUES) if chance < 0.3 else rng.randbytes(rng.randrange(24)) if chance < 0.4 else _written_time(rng)
    )
    return rng.choice((_edited, _flipped))(text, rng) if rng.random() < 0.3 else text


def _written_time(rng: Random) -> bytes:
    zone = rng.choice(("Z", "z", "", "GMT", "{s}{h:02d}{n:02d}", "{s}{h:02d}:{n:02d}", "{s}{h:02d}"))
    part = {name: rng.randint(*span) for name, span in _SPANS.items()}
    part["Y"] = rng.choice((part["Y"], 1, 1994, 1995, 2000, 2024, 2099, 2100, 9999))
    part["n"] = rng.randrange(10 ** rng.randrange(1, 21))
    named = {
        "b": rng.choice(
            ("Jan", "feb", "MAR", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Foo", "Ja")
        ),
        "f": rng.choice(("", "", ".", ",", ".5", ",123", f".{rng.randrange(10**9)}", "." + "7" * rng.randrange(30))),
        "z": zone.format(s=rng.choice("+-"), h=rng.randint(0, 25), n=rng.choice((0, 30, 59, 60))),
    }
    return rng.choice(_TIMES).format(**part, **named).encode()


_SPANS = {"Y": (1900, 2110), "m": (0, 13), "d": (0, 32), "H": (0, 24), "M": (0, 60), "S": (0, 61)}


# What comes of it


@contextmanager
def compiled(wanted: bool) -> Iterator[None]:
    """Use the kernel, or do without, for a while."""
    before = kernel.on
    kernel.on = wanted
    try:
        yield
    finally:
        kernel.on = before


@dataclass(frozen=True)
class Seen:
    """Batches joined, as far as anybody can tell them apart: accounting, rejects and offsets of each, values of all."""

    fates: list[Any]
    values: dict[str, list[Any]]
    hashes: list[int]
    rows: int


def cut(data: bytes, size: int, *, torn: bool = False) -> list[Block]:
    """Return the blocks of a file, read in pieces of one size."""
    ending = Ending(Verdict.TRUNCATED if torn else Verdict.OK)
    pieces: list[bytes | Ending] = [data[at : at + size] for at in range(0, len(data), size)]
    return [block for block in blocks([*pieces, ending], size) if isinstance(block, Block)]


def seen(fmt: LogFormat, found: list[Block], columns: tuple[str, ...] = COLUMNS, *, on: bool) -> Seen:
    """Parse blocks, with the kernel or without."""
    with compiled(on):
        where = zone(fmt.zone or "UTC")
        parser = Parser(fmt, columns, where, CATALOG.regions(fmt.regions) if fmt.regions else None)
        batches = [parser.parse(block, "x.log", keep_rejects=True) for block in found]
        names = sorted({name for batch in batches for name in batch.columns})
        values: dict[str, list[Any]] = {
            name: [value for batch in batches for value in _values(batch, name)] for name in names
        }
        fates = [(batch.accounting, batch.rejects, batch.offset_minutes, batch.rows) for batch in batches]
        hashes = [ticket for batch in batches if batch.rows for ticket in gather._tickets(batch).tolist()]
        return Seen(fates, values, hashes, sum(batch.rows for batch in batches))


def _values(batch: Batch, name: str) -> list[Any]:
    """Return what each row holds, and the bytes that would be kept of it."""
    column = batch.columns[name]
    kept = strings(column, np.arange(batch.rows))
    shown = list(zip(*(part.tolist() for part in (np.cumsum(np.maximum(kept.length, 0)), kept.length)), strict=True))
    texts = [kept.data[end - max(size, 0) : end].tobytes() if size >= 0 else None for end, size in shown]
    if isinstance(column, Numbers):
        missing = np.zeros(batch.rows, bool) if column.missing is None else column.missing
        return list(zip(column.values.tolist(), missing.tolist(), strict=True))
    codes, values = column.codes
    return list(zip([values[code] for code in codes.tolist()], texts, strict=True))
