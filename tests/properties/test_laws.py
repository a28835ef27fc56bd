"""The fifteen laws of cdnlog, each tried on many logs: bytes in, never text.

Together they take 20,000 examples, the same ones in every run, so they are small and nothing but the last two touches
a disk. Fuzzers (`poe fuzz`) look for ever new ones.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import hostile
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import test_oracle
from hostile import FORMATS
from hypothesis import given, settings
from hypothesis import strategies as st
from nights import kept
from tencent_lines import MAKERS, damaged, log, odd, plain

import cdnlog
from cdnlog import source
from cdnlog.aggregate import Tally
from cdnlog.cells import Cells
from cdnlog.counts import DIMENSIONS, MEASURES, Counts, windowed
from cdnlog.formats import LogFormat, W3c
from cdnlog.model import Accounting, Block, Verdict
from cdnlog.parse import Parser
from cdnlog.report import render
from cdnlog.source import Ending
from cdnlog.text import visible
from cdnlog.zones import zone

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

EXAMPLES = {
    "conservation": 1000, "permutation": 900, "concatenation": 900, "compression": 800, "prefix": 800,
    "idempotence": 600, "block size": 600, "one bad line": 900, "any bytes": 2500, "rejects": 700,
    "windows": 6500, "merging": 4000, "export": 600, "growth": 12, "replacing": 12,
}  # fmt: skip
TENCENT = FORMATS["tencent-cdn"]
ZONE = zone("+08:00")
WANTED = ("time", "domain", "status", "bytes")


def law(name: str) -> Callable[[Any], Any]:
    """Return the settings of a law: every run tries the same examples."""
    return settings(max_examples=EXAMPLES[name], derandomize=True, deadline=None, database=None)


def test_there_are_enough_examples() -> None:
    """Fifteen laws and 20,000 examples were promised."""
    assert len(EXAMPLES) == 15
    assert sum(EXAMPLES.values()) >= 20_000


class Told(NamedTuple):
    """What a log says: requests and bytes by window, domain and status, and what became of its lines."""

    table: dict[Any, Any]
    account: Accounting

    def with_(self, other: Told) -> Told:
        """Return what both say."""
        return Told(Counter(self.table) + Counter(other.table), self.account + other.account)


PARSER = Parser(TENCENT, WANTED, ZONE)


def told(data: bytes | Iterable[Block], size: int = 65_536, parser: Parser = PARSER) -> Told:
    """Return what a log of Tencent's says, read in blocks of a size."""
    tally, account = Tally(DIMENSIONS, 300), Accounting()
    for block in hostile.cut(data, size) if isinstance(data, bytes) else data:
        batch = parser.parse(block)
        tally.add(batch)
        account += batch.accounting
    account.check("law")
    table = tally.counts().table
    return Told({(key, i): sums[i] for key, sums in table.items() for i in (0, 1) if sums[i]}, account)


def _log(seed: int, makers: tuple[Any, ...], junk: bytes) -> bytes:
    rng = Random(seed)
    data = log(rng, rng.randrange(1, 5), makers)
    return data + (b"?" + junk.replace(b"\n", b"") + b"\n" if junk else b"")


def _of_any(name: str, seed: int) -> tuple[LogFormat, bytes]:
    rng = Random(seed)
    return FORMATS[name], hostile.log(FORMATS[name], rng, rng.randrange(1, 4))


SEEDS = st.integers(0, 1 << 32)
LOGS = st.builds(_log, SEEDS, st.just(MAKERS), st.binary(max_size=30))
GOOD = st.builds(_log, SEEDS, st.just((plain, odd)), st.just(b""))
LOGS_OF_ANY = st.builds(_of_any, st.sampled_from(sorted(FORMATS)), SEEDS)
BYTES = st.builds(bytes.__add__, st.sampled_from((b"", b"\n", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh9")), st.binary())


_KEPT: dict[str, Parser] = {}


def parser_of(name: str) -> Parser:
    """Return the parser of a format; those that remember what a file said are made anew."""
    fmt = FORMATS[name]
    if name not in _KEPT or isinstance(fmt, W3c):
        _KEPT[name] = Parser(fmt, WANTED, zone(fmt.zone or "UTC"))
    return _KEPT[name]


def accounts(fmt: LogFormat, blocks: Iterable[Block]) -> Accounting:
    """Return what becomes of the lines of a log of any format."""
    parser = parser_of(fmt.name)
    return sum((parser.parse(block).accounting for block in blocks), Accounting())


def opened(data: bytes, size: int = 4096) -> tuple[list[Block], Ending]:
    """Read a file that is open, whatever is in it."""
    *blocks, ending = source.read(source.Input("x", file=io.BytesIO(data)), size)
    assert isinstance(ending, Ending)
    return [block for block in blocks if isinstance(block, Block)], ending


@law("conservation")
@given(both=LOGS_OF_ANY)
def test_1_every_line_is_accounted_for(both: tuple[LogFormat, bytes]) -> None:
    """Lines are those that LF ends, and each is counted, rejected, a comment or blank."""
    fmt, data = both
    account = accounts(fmt, hostile.cut(data, 4096))
    account.check("law")
    assert account.lines == data.count(b"\n") + (not data.endswith(b"\n") and bool(data))


@law("permutation")
@given(data=LOGS, rng=st.randoms(use_true_random=False))
def test_2_the_order_of_lines_does_not_matter(data: bytes, rng: Random) -> None:
    """Any permutation of the lines says the same."""
    lines = [line + b"\n" for line in data.removesuffix(b"\n").split(b"\n")]
    rng.shuffle(lines)
    assert told(b"".join(lines)) == told(data)


@law("concatenation")
@given(one=LOGS, other=LOGS)
def test_3_two_logs_say_what_both_say(one: bytes, other: bytes) -> None:
    """What two logs say joined is what the one and the other say."""
    assert told(one + other) == told(one).with_(told(other))


PACKERS: tuple[Callable[[bytes], bytes], ...] = (
    lambda data: gzip.compress(data, 1),
    lambda data: gzip.compress(data[:50], 1) + gzip.compress(b"", 1) + gzip.compress(data[50:], 1),
    zstd.compress,
    lambda data: zstd.compress(data[:50]) + zstd.compress(data[50:]),
    lambda data: bz2.compress(data, 1),
    lambda data: lzma.compress(data, preset=0),
)


@law("compression")
@given(data=LOGS, pack=st.sampled_from(PACKERS[:4] * 4 + PACKERS[4:]))
def test_4_compression_does_not_matter(data: bytes, pack: Callable[[bytes], bytes]) -> None:
    """A log says the same in whatever it is packed, and in however many members."""
    blocks, ending = opened(pack(data))
    assert ending.verdict is Verdict.OK
    assert told(blocks) == told(data)


@law("prefix")
@given(data=LOGS, end=st.integers(0, 2000))
def test_5_a_prefix_says_no_more(data: bytes, end: int) -> None:
    """No cell of a log cut short has more requests than that of the whole log has."""
    whole, part = told(data).table, told(data[:end]).table
    assert all(n <= whole.get(key, 0) for key, n in part.items() if key[1] == 0)


@law("idempotence")
@given(data=LOGS, other=LOGS)
def test_6_a_log_says_the_same_again(data: bytes, other: bytes) -> None:
    """What was read before, this log or others, changes nothing."""
    used = Parser(TENCENT, WANTED, ZONE)
    first = told(data, parser=used)
    told(other, parser=used)
    assert told(data, parser=used) == first


@law("block size")
@given(both=LOGS_OF_ANY, size=st.sampled_from(hostile.SIZES[1:]))
def test_7_the_size_of_blocks_does_not_matter(both: tuple[LogFormat, bytes], size: int) -> None:
    """Rows, rejects with their places, and counts are the same in blocks of any size."""
    fmt, data = both
    one, other = (test_oracle.measured(fmt, data, n, torn=False, on=test_oracle.BOTH[-1]) for n in (size, 1 << 20))
    assert one == other


@law("one bad line")
@given(data=GOOD, seed=SEEDS)
def test_8_a_bad_line_changes_only_its_own_count(data: bytes, seed: int) -> None:
    """A damaged line anywhere adds one to the lines and to the rejects, and nothing else."""
    rng = Random(seed)
    lines = data.split(b"\n")
    lines.insert(rng.randrange(len(lines)), damaged(rng))
    before, after = told(data), told(b"\n".join(lines))
    assert after.table == before.table
    assert (after.account.lines, after.account.rejected) == (before.account.lines + 1, before.account.rejected + 1)
    assert after.account.counted == before.account.counted


@law("any bytes")
@given(data=BYTES, name=st.sampled_from(sorted(FORMATS)), size=st.sampled_from(hostile.SIZES[1:]))
def test_9_no_bytes_raise(data: bytes, name: str, size: int) -> None:
    """Any bytes, compressed or not, end with a verdict, and their lines are accounted for."""
    blocks, _ = opened(data, size)
    accounts(FORMATS[name], blocks).check("law")


@law("rejects")
@given(both=LOGS_OF_ANY, size=st.sampled_from(hostile.SIZES[2:]))
def test_10_rejects_lead_back_to_the_bytes(both: tuple[LogFormat, bytes], size: int) -> None:
    """With the rejects put back at their places among the other lines, the file is there again."""
    fmt, data = both
    parser = parser_of(fmt.name)
    batches = [parser.parse(block, keep_rejects=True) for block in hostile.cut(data, size)]
    rejects = {reject.line: reject for batch in batches for reject in batch.rejects}
    lines, offset, others = data.split(b"\n"), 0, 0
    for number, line in enumerate(lines[:-1] if not lines[-1] else lines, 1):
        if number in rejects:
            text = line.removesuffix(b"\r") if len(line) <= hostile.MAX_LINE + 1 else line
            assert (rejects[number].offset, rejects[number].text) == (offset, visible(text[:4096]))
        others += number not in rejects
        offset += len(line) + 1
    total = sum((batch.accounting for batch in batches), Accounting())
    assert (total.rejected, total.lines - total.rejected) == (len(rejects), others)


DAYS = (1_774_742_400, 1_792_886_400, 1_772_928_000, 1_793_491_200)  # of 2026, UTC


def _counts(rng: np.random.Generator, most: int = 400) -> Counts:
    """Return counts of a few random cells, so many windows at most from a day on which clocks are changed."""
    rows = int(rng.integers(0, 9))
    keys = rng.integers((-most, 0, 0), (most, 3, 3), (rows, 3)) * (300, 1, 1) + (DAYS[rng.integers(4)], 0, 0)
    names, turn = ("a.example", "b.example", "(none)"), int(rng.integers(3))  # of each, other numbers
    values = (None, names[turn:] + names[:turn], (200, 404, 0))
    return Counts(DIMENSIONS, Cells(keys, rng.integers(1, 10**9, (rows, len(MEASURES))), values).folded(), 300, UTC)


COUNTS = SEEDS.map(np.random.default_rng).map(_counts)
CLOCKS = [UTC, ZONE, *map(ZoneInfo, ("Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia"))]
LENGTHS = (300, 900, 3600, 21_600, 86_400)

# The next two are tried on half of all examples, which are nothing but seeds: choosing those cleverly takes most of the
# time and finds nothing that counting them up does not.


def test_11_windows_partition_time() -> None:
    """Each request is in one window, which begins on the grid of the zone's clock and not after it."""
    for seed in range(EXAMPLES["windows"]):
        rng = Random(seed)
        counts, clock, seconds = _counts(np.random.default_rng(seed)), rng.choice(CLOCKS), rng.choice(LENGTHS)
        wide = windowed(counts, seconds, clock)
        assert wide.cells.sums.sum(axis=0).tolist() == counts.cells.sums.sum(axis=0).tolist(), seed
        starts = {key[0] for key in wide.table}
        for start in starts:
            shown = datetime.fromtimestamp(start, clock)
            assert (shown.hour * 3600 + shown.minute * 60 + shown.second) % seconds == 0, seed
        slack = 7200 if seconds > 3600 else 0  # a clock that is put back makes a long window longer
        for second in {key[0] for key in counts.table}:
            assert any(start <= second < start + seconds + slack for start in starts), seed


def test_12_merging_is_associative_and_commutative() -> None:
    """Counts may be merged in any order, and nothing is the unit."""
    nothing = Counts(DIMENSIONS, _empty(), 300, UTC)
    for seed in range(EXAMPLES["merging"]):
        rng = np.random.default_rng(seed)
        a, b, c = (_counts(rng, most=3) for _ in range(3))  # so that they have cells in common
        assert ((a + b) + c).table == (a + (b + c)).table == (c + b + a).table, seed
        assert (a + nothing).table == (nothing + a).table == a.table, seed


def _empty() -> Cells:
    return Cells(np.empty((0, 3), np.int64), np.empty((0, len(MEASURES)), np.int64), (None, (), ()))


@law("export")
@given(counts=COUNTS, form=st.sampled_from(("csv", "json", "parquet")))
def test_13_a_table_comes_back_from_a_file(counts: Counts, form: str) -> None:
    """What is written as CSV, JSON or Parquet reads as the same table."""
    if form == "csv":
        rows: list[Any] = list(csv.DictReader(io.StringIO(render(counts, "csv"))))
    elif form == "json":
        rows = json.loads(render(counts, "json"))["counts"]
    else:
        buffer = io.BytesIO()
        counts.frame.to_parquet(buffer)
        rows = pq.read_table(buffer).to_pylist()
    back = {
        (int(pd.Timestamp(row["window_start"]).timestamp()), row["domain"], int(row["status"])): (
            int(row["requests"]),
            int(row["bytes"]),
        )
        for row in rows
    }
    assert back == {key: tuple(sums[:2]) for key, sums in counts.table.items()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stores of all examples are."""
    return tmp_path_factory.mktemp("laws")


def night(folder: Path, data: bytes, **options: bool) -> Any:  # noqa: ANN401 - whatever a store holds
    """Tell a night of one file; return what the store holds then."""
    folder.mkdir(exist_ok=True)
    (folder / "a.log").write_bytes(data)
    cdnlog.nightly(folder / "a.log", folder / "h.db", jobs=1, format="tencent-cdn", max_rejects=1.0, **options)  # type: ignore[arg-type]
    return kept(folder / "h.db")


@law("growth")
@given(data=GOOD, more=GOOD, number=SEEDS)
def test_14_a_log_that_grew_counts_once(place: Path, data: bytes, more: bytes, number: int) -> None:
    """A night on a log and one on the log grown, run twice, say what one night on the whole says."""
    one = place / f"grown-{number}-{len(list(place.iterdir()))}"
    night(one, data)
    first, again = night(one, data + more), night(one, data + more)
    assert first == again == night(one.with_name(f"{one.name}-whole"), data + more)


@law("replacing")
@given(data=GOOD, other=GOOD, number=SEEDS)
def test_15_a_log_that_is_replaced_counts_as_it_is(place: Path, data: bytes, other: bytes, number: int) -> None:
    """A log in the place of another says what it would say alone."""
    one = place / f"replaced-{number}-{len(list(place.iterdir()))}"
    night(one, data)
    assert night(one, other, replace_lost=True) == night(one.with_name(f"{one.name}-alone"), other)
