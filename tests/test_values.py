"""How single fields are read: times, durations, requests, addresses; against the plain way to say the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdnlog.buffer import Buffer, Ints
from cdnlog.catalog import Catalog
from cdnlog.formats import Delimited
from cdnlog.model import Block
from cdnlog.parse import times, urls, values
from cdnlog.parse.decoding import decoding
from cdnlog.parse.recover import OneByOne

MOMENTS = st.datetimes(datetime(1995, 1, 2), datetime(2099, 12, 30))  # noqa: DTZ001 - a clock
OFFSETS = st.integers(-14 * 60, 14 * 60)
law = settings(max_examples=300, deadline=None)


def column(texts: Sequence[bytes]) -> tuple[Buffer, Ints, Ints]:
    """Return texts as a column of slices, something that is none of them between any two."""
    length = np.array([len(text) for text in texts], np.int64)
    start = np.cumsum(length + 2) - length
    return Buffer(b"".join(b'9"' + text for text in texts)), start, length


def shown(texts: Sequence[bytes], *layouts: str) -> list[tuple[datetime, int | None] | None]:
    """Read times: what the clock shows and its offset in seconds; None where it is no time."""
    found = times.reader(layouts)(*column(texts))
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001
    offset = [times.NO_ZONE] * len(texts) if found.offset is None else found.offset.tolist()
    return [
        None if bad else (epoch + timedelta(microseconds=local), None if zone == times.NO_ZONE else zone)
        for local, zone, bad in zip(found.local.tolist(), offset, (found.bad | found.strange).tolist(), strict=True)
    ]


@law
@given(moment=MOMENTS, minutes=OFFSETS, others=st.lists(st.binary(max_size=30), max_size=3))
def test_clf_times(moment: datetime, minutes: int, others: list[bytes]) -> None:
    """A time of a common log is what strptime makes of it, its day padded or not, whatever stands beside it."""
    moment = moment.replace(microsecond=0)
    zone = timezone(timedelta(minutes=minutes))
    text = f"{moment.replace(tzinfo=zone):%d/%b/%Y:%H:%M:%S %z}"
    expected = (moment, minutes * 60)
    short = text.removeprefix("0")
    assert shown([text.encode(), *others, short.encode()], "clf")[:: len(others) + 1] == [expected, expected]


@law
@given(moment=MOMENTS, minutes=OFFSETS, digits=st.integers(0, 9), middle=st.sampled_from("T "))
def test_iso_times(moment: datetime, minutes: int, digits: int, middle: str) -> None:
    """ISO 8601 with any number of decimals, with a zone in any spelling or none."""
    zone = timezone(timedelta(minutes=minutes))
    fraction = f"{moment.microsecond:06d}000"[:digits]
    moment = moment.replace(microsecond=int(fraction.ljust(6, "0")[:6]) if digits else 0)
    text = f"{moment:%Y-%m-%d}{middle}{moment:%H:%M:%S}{'.' if digits else ''}{fraction}"
    named = f"{moment.replace(tzinfo=zone):%z}"
    texts = [text, f"{text}Z", text + named, f"{text}{named[:3]}:{named[3:]}"]
    offsets = [None, 0, minutes * 60, minutes * 60]
    assert shown([t.encode() for t in texts], "iso") == [(moment, offset) for offset in offsets]


@law
@given(moment=MOMENTS.filter(lambda moment: moment.year > 2001))
def test_epoch_times(moment: datetime) -> None:
    """Seconds, milli-, micro- and nanoseconds since 1970 are told by their length, with decimals or an exponent."""
    micro = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    seconds, milli = moment.replace(microsecond=0), moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    texts = {
        f"{micro // 1_000_000}": seconds,
        f"{micro // 1_000_000}.{micro % 1_000_000:06d}": moment,
        f"{micro // 1000}": milli,
        f"{micro}": moment,
        f"{micro}123": moment,
        f"{micro / 1_000_000:.3e}": None,
        f"{Decimal(micro).scaleb(-6):e}": moment,
    }
    found = shown([text.encode() for text in texts], "epoch")
    for one, (text, expected) in zip(found, texts.items(), strict=True):
        assert one is not None, text
        assert expected is None or one == (expected, 0), text


@pytest.mark.parametrize(
    ("layouts", "text", "expected"),
    [
        (("clf",), b"[10/Oct/2000:13:55:36 -0700]", ("2000-10-10T13:55:36", -25_200)),
        (("clf",), b"06/Feb/2009:12:14:14.655", ("2009-02-06T12:14:14.655000", None)),
        (("clf",), b"10/oct/2000:23:59:60 +0000", ("2000-10-10T23:59:59", 0)),  # a leap second stays in its minute
        (("clf",), b"31/Feb/2000:13:55:36 -0700", None),
        (("clf",), b"10/Okt/2000:13:55:36 -0700", None),
        (("clf",), b"10/Oct/2000:24:00:00 -0700", None),
        (("clf",), b"10/Oct/1970:13:55:36 -0700", None),
        (("iso",), b"2025/06/23 07:49:51,123 +0800", ("2025-06-23T07:49:51.123000", 28_800)),
        (("iso",), b"2025-06-23T07:49:51.-07:00", None),
        (("iso",), b"2025-06-23", None),
        (("epoch",), b"0", None),
        (("epoch",), b"-1", None),
        (("epoch",), b"nan", None),
        (("iso", "epoch"), b"1573840000", ("2019-11-15T17:46:40", 0)),
        (("%m/%d/%Y %I:%M:%S %p %z",), b"5/20/2019 7:00:28 PM +00:00", ("2019-05-20T19:00:28", 0)),
        (("%m/%d/%Y %I:%M:%S %p %z",), b"5/20/2019 13:00:28 PM +00:00", None),
        (("YYYYMMDDhhmmss", "%d.%m.%Y %T"), b"31.12.2020 00:00:01", ("2020-12-31T00:00:01", None)),
    ],
)
def test_odd_times(layouts: tuple[str, ...], text: bytes, expected: tuple[str, int | None] | None) -> None:
    """Times that logs do write, and those that no clock shows."""
    (found,) = shown([text], *layouts)
    assert found == (None if expected is None else (datetime.fromisoformat(expected[0]), expected[1]))


UNITS = {"s": 3, "ms": 0, "us": -3, "ns": -6}


@law
@given(
    number=st.decimals(0, 10**9, places=9).map(lambda n: n.normalize()),
    unit=st.sampled_from(sorted(UNITS)),
    others=st.lists(st.binary(max_size=12), max_size=3),
)
def test_durations(number: Decimal, unit: str, others: list[bytes]) -> None:
    """A duration is rounded half up to milliseconds, as a plain number or with its unit, however it is written."""
    expected = int(number.scaleb(UNITS[unit]).quantize(Decimal(1), ROUND_HALF_UP))
    texts = [f"{number:f}".encode(), f"{number:f}{unit}".encode(), f"{number:e}".encode()]
    found, bad, _ = values.duration(*column([*texts, *others]), unit)
    assert found[:3].tolist() == [expected] * 3
    assert not bad[:3].any()
    other, bad, _ = values.duration(*column([texts[1]]), "ns" if unit == "s" else "s")
    assert (other.tolist(), bad.any()) == ([expected], False)  # the unit in the text wins


@pytest.mark.parametrize(
    ("text", "expected"),
    [(b"1m2.5s", 62_500), (b"1m0s", 60_000), (b"1h2m3s", 3_723_000), (b"10h0m0.0005s", 36_000_001)],
)
def test_durations_as_go_prints_them(text: bytes, expected: int) -> None:
    """From a minute on Go writes minutes and hours; these are the requests that ran into a timer."""
    found, bad, _ = values.duration(*column([text]), "s")
    assert (found.tolist(), bad.any()) == ([expected], False)


@pytest.mark.parametrize(
    "text", [b"", b"-", b"x", b"1.2.3", b".5", b"1h", b"0x10", b"9" * 40, b"1e99", b"2." + b"1" * 22 + b"x"]
)
def test_what_is_no_duration(text: bytes) -> None:
    """What is no number of seconds, or more of them than any request takes, is none."""
    assert values.duration(*column([text]), "s")[1].tolist() == [True]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (b"GET /a?b=c HTTP/1.1", (b"GET", b"/a?b=c", b"HTTP/1.1")),
        (b"GET /a b c http/1.1", (b"GET", b"/a b c", b"http/1.1")),
        (b"GET http://a.b/c", (b"GET", b"http://a.b/c", b"")),
        (b"GET /a b", (b"GET", b"/a b", b"")),
        (b"-", (b"", b"-", b"")),
        (b"", (b"", b"", b"")),
        (b"GET", (b"", b"GET", b"")),
        (b"\\x16\\x03\\x01 x HTTP/1.1", (b"", b"\\x16\\x03\\x01 x HTTP/1.1", b"")),
        (b" / HTTP/1.1", (b"", b" / HTTP/1.1", b"")),
        (b"x" * 40 + b" / HTTP/1.1", (b"", b"x" * 40 + b" / HTTP/1.1", b"")),
    ],
)
def test_request_lines(line: bytes, parts: tuple[bytes, bytes, bytes]) -> None:
    """A request line is split at its first and last blank; one that is none is all path."""
    buffer, start, length = column([line, b"GET / HTTP/2.0"])
    found = urls.request(buffer, start, length)
    assert tuple(buffer.text(int(s[0]), int(s[0] + n[0])) for s, n in found) == parts


@pytest.mark.parametrize(
    ("address", "host", "rest"),
    [
        (b"http://a.b/c?d", b"a.b", b"/c?d"),
        (b"https://[::1]:443/c", b"[::1]:443", b"/c"),
        (b"http://a.b", b"a.b", b""),
        (b"http://a.b?c", b"a.b", b"?c"),
        (b"/c?u=http://x.y/", b"", b"/c?u=http://x.y/"),
        (b"a.b:443", b"a.b:443", b""),
        (b"", b"", b""),
    ],
)
def test_addresses(address: bytes, host: bytes, rest: bytes) -> None:
    """A whole address gives its host and path, a path alone only that."""
    buffer, start, length = column([address, b"http://other.example/"])
    found = urls.host_and_rest(buffer, start, length)
    assert tuple(buffer.text(int(s[0]), int(s[0] + n[0])) for s, n in found) == (host, rest)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        (b"1.2.3.4, 5.6.7.8, 9.9.9.9", b"1.2.3.4", b"9.9.9.9"),
        (b"::1", b"::1", b"::1"),
        (b"0.1, 0.2 : 0.3", b"0.1", b"0.3"),
        (b" a ,b ", b"a", b"b"),
        (b"", b"", b""),
    ],
)
def test_lists(text: bytes, first: bytes, last: bytes) -> None:
    """Of a list the first or the last part counts, without blanks."""
    buffer, start, length = column([text, b"x, y"])
    for which, expected in (("first", first), ("last", last)):
        begin, count = urls.picked(buffer, start, length, which)
        assert buffer.text(int(begin[0]), int(begin[0] + count[0])) == expected


@pytest.mark.parametrize(
    ("names", "raw", "text"),
    [
        ((), rb"\x41%41+", r"\x41%41+"),
        (("percent",), b"%E4%BD%A0%2520%zz+", "你%20%zz+"),
        (("plus", "percent"), b"a+b%2Bc", "a b+c"),
        (("backslash",), rb"\"\\\x41\xe4\xbd\xa0\q\t", '"\\A你\\q\\x09'),
        (("doubled",), b'a ""b"" c', 'a "b" c'),
        (("percent",), b"%00%1b%ff", r"\x00\x1b\xff"),
    ],
)
def test_wrapping_is_undone_once(names: tuple[str, ...], raw: bytes, text: str) -> None:
    """What the writer did to a text is undone, once; what comes out is made visible like all else."""
    assert decoding(names)[1](raw) == text


DELIMITED = [fmt for fmt in Catalog().formats().values() if isinstance(fmt, Delimited)]


@pytest.mark.parametrize("fmt", DELIMITED, ids=lambda fmt: fmt.name)
def test_both_ways_to_split_agree(fmt: Delimited) -> None:
    """A line that is split with all others is split in the same places when it is split alone."""
    from cdnlog.parse.delimited import DelimitedSplitter

    data = "".join(sample.line + "\n" for sample in fmt.samples if sample.expect is not None).encode()
    splitter = DelimitedSplitter(fmt)
    lines = splitter.scan(Block.of([data], 1, 0))
    everyone = np.ones(len(lines.start), bool)
    rows = splitter.rows(lines, np.zeros(len(lines.start), np.uint8), everyone)
    alone = OneByOne(fmt, fmt.fields)
    for row, i in enumerate(rows.line.tolist()):
        spans = alone.split(lines.text(i))
        assert spans is not None
        for j, (start, end) in enumerate(spans):
            _, at, length = rows.field(j)
            found = lines.buffer.text(int(at[row]), int(at[row] + length[row]))
            assert found == lines.text(i)[start:end], (i, j)
