"""Counts, bytes and line accounting equal an independent reference, and keep their laws."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo
from fnmatch import fnmatchcase
from functools import partial
from itertools import product
from pathlib import Path
from random import Random
from typing import Unpack
from zoneinfo import ZoneInfo

import numpy as np
import oracle
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_nights import DAY, HOUR, MIDNIGHT, counts_of
from oracle import Row, Table
from tencent_lines import DOMAINS, around, damaged, good_logs, law, log, logs, odd, plain, replaced, saved

import cdnlog
from cdnlog.aggregate import Tally, grid, needed
from cdnlog.catalog import Catalog
from cdnlog.counts import DIMENSIONS, windowed
from cdnlog.model import Accounting, Verdict
from cdnlog.options import Options
from cdnlog.parse import Parser
from cdnlog.source.blocks import blocks
from cdnlog.source.codecs import Ending
from cdnlog.zones import zone

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LOG_ZONE = zone("+08:00")
WINDOWS = {"1m": 60, "5m": 300, "1h": 3600, "1d": 86_400}
ZONES = ("UTC", "+08:00", "Asia/Kolkata", "America/St_Johns", "Europe/Berlin")
NIGHT = log(Random(7), 400, (plain, odd, damaged))
windows = st.sampled_from(sorted(WINDOWS))
block_sizes = st.sampled_from((7, 64, 333, 4096, 1 << 20))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a run."""
    return tmp_path_factory.mktemp("logs")


def counted(paths: Path | Iterable[Path], window: str = "5m", **options: Unpack[Options]) -> cdnlog.Counts:
    """Count through the public function; rejected lines never make a file incomplete."""
    chosen: Options = {"format": "tencent-cdn", "max_rejects": 1.0, "jobs": 1, **options}
    return cdnlog.count(paths, window, **chosen)


def table(counts: cdnlog.Counts) -> Table:
    """Return requests and bytes by key, as the reference does."""
    return {key: list(sums[:2]) for key, sums in counts.table.items()}


def fates(account: Accounting) -> dict[str, int]:
    """Return what became of the lines, as the reference does."""
    return {name: getattr(account, name) for name in ("lines", *oracle.FATES)}


# The reference


@law(600)
@given(data=logs(), window=windows)
def test_count_equals_the_reference(folder: Path, data: bytes, window: str) -> None:
    """The public function finds the requests, bytes and fates of lines that one plain regular expression finds."""
    counts = counted(saved(folder, data), window, tz="+08:00")
    assert (table(counts), fates(counts.inputs.total)) == oracle.count(data, WINDOWS[window])


@law(600)
@given(data=logs(), window=windows, size=block_sizes)
def test_stages_equal_the_reference(data: bytes, window: str, size: int) -> None:
    """Cutter, parser and tally alone give the same, whatever the size of the blocks."""
    parser = Parser(Catalog().format("tencent-cdn"), needed(DIMENSIONS), LOG_ZONE)
    tally, account = Tally(DIMENSIONS, grid(WINDOWS[window])), Accounting()
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    for block in blocks([*pieces, Ending(Verdict.OK)], size):
        if not isinstance(block, Ending):
            batch = parser.parse(block)
            tally.add(batch)
            account += batch.accounting
    counts = windowed(tally.counts(), WINDOWS[window], LOG_ZONE)
    assert (table(counts), fates(account)) == oracle.count(data, WINDOWS[window])


@law(200)
@given(data=st.binary(max_size=400).map(b"\n".__add__))
def test_any_bytes_are_accounted_for(folder: Path, data: bytes) -> None:
    """No content raises, and every line of it has exactly one fate."""
    counts = counted(saved(folder, data))
    assert (table(counts), fates(counts.inputs.total)) == oracle.count(data, 300)


@pytest.mark.parametrize(("spelt", "key"), DOMAINS.items(), ids=map(ascii, DOMAINS))
def test_domain_has_one_key(folder: Path, spelt: bytes, key: str) -> None:
    """However a domain is spelt, it counts under one key, and what is none under (none) or (invalid)."""
    line = replaced(plain(Random(1)), "domain", spelt)
    assert [found for _, found, _ in table(counted(saved(folder, line)))] == [key]
    assert oracle.fold(spelt) == key


# Splitting, order, merging


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> cdnlog.Counts:
    """The night, counted from one file at once."""
    counts = counted(saved(tmp_path_factory.mktemp("whole"), NIGHT))
    assert (table(counts), fates(counts.inputs.total)) == oracle.count(NIGHT, 300)
    return counts


def parts(data: bytes, rng: Random, most: int = 6) -> list[bytes]:
    """Cut a log between lines, at random."""
    lines = [line + b"\n" for line in data.split(b"\n")[:-1]]
    cuts = sorted(rng.choices(range(len(lines) + 1), k=rng.randrange(most)))
    return [b"".join(lines[a:b]) for a, b in zip([0, *cuts], [*cuts, len(lines)], strict=True)]


@pytest.mark.parametrize(("block", "seed"), [(7, 0), *product((1000, 65_536, 1 << 22), range(1, 4))])
@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_any_split_gives_the_same(tmp_path: Path, whole: cdnlog.Counts, seed: int, jobs: int, block: int) -> None:
    """Files, their order, threads and the size of blocks change neither the table nor the accounting."""
    rng = Random(seed)
    paths = saved(tmp_path, *parts(NIGHT, rng))
    rng.shuffle(paths)
    counts = counted(paths, jobs=jobs, block=block)
    assert counts.table == whole.table
    assert counts.inputs.total == whole.inputs.total


@pytest.mark.parametrize("jobs", ["1", "2", "4"])
def test_command_counts_the_same(tmp_path: Path, whole: cdnlog.Counts, jobs: str) -> None:
    """The command line, whose jobs are processes, prints the counts of the library."""
    paths = map(str, saved(tmp_path, *parts(NIGHT, Random(jobs))))
    command = [sys.executable, "-m", "cdnlog", "count", *paths, "--jobs", jobs, "--max-rejects", "1", "-o", "json"]
    printed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    rows = [
        [row["window_start"], *(row[name] for name in ("domain", "status", "requests", "bytes"))]
        for row in printed["counts"]
    ]
    assert rows == [[whole.shown(window), *key, *sums[:2]] for (window, *key), sums in whole.table.items()]
    assert {name: printed["inputs"][name] for name in ("lines", *oracle.FATES)} == fates(whole.inputs.total)


@law(15)
@given(data=st.lists(logs(), min_size=3, max_size=3))
def test_counts_add_up(folder: Path, data: list[bytes]) -> None:
    """Adding counts is counting all at once: associative, commutative, and nothing is the unit."""
    files = [part if part.endswith(b"\n") else part + b"\n" for part in data]
    a, b, c = (counted(path) for path in saved(folder, *files))
    at_once, nothing = counted(saved(folder, b"".join(files))), counted([])
    assert (a + b) + c == a + (b + c) == c + b + a == at_once
    assert a + nothing == nothing + a == a
    assert (a + b + c).inputs.total == at_once.inputs.total
    assert (a + b + c + nothing).frame.equals(at_once.frame)


def members(data: bytes) -> bytes:
    """Compress as several gzip members, cut within lines."""
    return b"".join(gzip.compress(data[i : i + 1000]) for i in range(0, len(data), 1000))


@pytest.mark.parametrize("pack", [gzip.compress, members, zstd.compress, bz2.compress, lzma.compress])
def test_compression_does_not_matter(tmp_path: Path, whole: cdnlog.Counts, pack: Callable[[bytes], bytes]) -> None:
    """A log counts the same in whatever it is packed."""
    counts = counted(saved(tmp_path, pack(NIGHT)))
    assert counts.table == whole.table
    assert counts.inputs.total == whole.inputs.total


# Filters


@law(80)
@given(data=logs(), first=st.integers(0, 12), last=st.integers(0, 12), glob=st.sampled_from(("*", "w*", "IMG.*")))
def test_filters_equal_the_reference(folder: Path, data: bytes, first: int, last: int, glob: str) -> None:
    """`since` is the first second kept, `until` the first that is not; domains are kept by glob of their key."""
    found = [row for row in oracle.verdicts(data) if isinstance(row, Row)]
    seconds = sorted(row.time for row in found) or [0]
    start, end = sorted(seconds[place % len(seconds)] for place in (first, last))
    since, until = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, LOG_ZONE).isoformat()
    counts = counted(saved(folder, data), since=since, until=until, domain=glob)
    kept = [row for row in found if start <= row.time < end and fnmatchcase(row.domain, glob.lower())]
    assert table(counts) == oracle.tabulate(kept, lambda second: second // 300 * 300)
    assert counts.inputs.total.counted == len(kept)
    assert counts.inputs.total.filtered == len(found) - len(kept)


@pytest.mark.parametrize("tz", [*ZONES, None])
def test_naive_moments_are_in_tz(tmp_path: Path, tz: str | None) -> None:
    """`since` without an offset is what a clock in `tz` shows; without `tz`, the clock of the log."""
    clock = ZoneInfo(tz) if tz and "/" in tz else zone(tz or "+08:00")
    paths = saved(tmp_path, NIGHT)
    start = datetime(2026, 11, 20, 15, 30, tzinfo=UTC).astimezone(clock)
    naive = counted(paths, tz=tz, since=start.replace(tzinfo=None).isoformat())
    assert naive == counted(paths, tz=tz, since=start)
    assert min(naive.inputs.total.filtered, naive.inputs.total.counted) > 0


# Windows and zones


def start_of_window(second: int, seconds: int, clock: tzinfo) -> int:
    """Return the first second of a window that counts from midnight on a zone's clock."""
    here = datetime.fromtimestamp(second, clock)
    since_midnight = here.hour * 3600 + here.minute * 60 + here.second
    if seconds <= 3600:
        return second - since_midnight % seconds
    start = since_midnight // seconds * seconds
    return int(here.replace(hour=start // 3600, minute=0, second=0, fold=0).timestamp())


CHANGES = (  # of the clocks of Berlin and St. John's, in 2026
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 5, 30, tzinfo=UTC),
    datetime(2026, 11, 1, 4, 30, tzinfo=UTC),
)


@pytest.mark.parametrize("tz", ZONES)
@pytest.mark.parametrize("moment", CHANGES, ids=str)
def test_windows_partition_time(tmp_path: Path, tz: str, moment: datetime) -> None:
    """Each second is in one window, which starts on the grid of the zone's clock, also where that clock is changed."""
    clock = ZoneInfo(tz) if "/" in tz else zone(tz)
    data = around(moment, Random(str(moment)))
    paths = saved(tmp_path, data)
    for window, seconds in {**WINDOWS, "6h": 21_600}.items():
        counts = counted(paths, window, tz=tz)
        window_of = partial(start_of_window, seconds=seconds, clock=clock)
        assert table(counts) == oracle.tabulate(oracle.verdicts(data), window_of)
        shown = counts.frame["window_start"]
        assert all((at.hour * 3600 + at.minute * 60 + at.second) % seconds == 0 for at in shown)
        assert sum(sums[0] for sums in counts.table.values()) == counts.inputs.total.counted


@pytest.mark.parametrize(
    ("tz", "day", "hours", "twice"),
    [
        ("Europe/Berlin", "2026-03-29", 23, []),
        ("Europe/Berlin", "2026-10-25", 25, ["02:00+0100", "02:00+0200"]),
        ("America/St_Johns", "2026-03-08", 23, []),
        ("America/St_Johns", "2026-11-01", 25, ["01:00-0230", "01:00-0330"]),
        ("Asia/Kolkata", "2026-10-25", 24, []),
    ],
)
def test_the_hour_shown_twice_is_two_windows(tmp_path: Path, tz: str, day: str, hours: int, twice: list[str]) -> None:
    """A day has 23, 24 or 25 windows of one hour, and the hour that the clock shows twice is two of them."""
    noon = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=ZoneInfo(tz))
    counts = counted(saved(tmp_path, around(noon, Random(day))), "1h", tz=tz)
    times = {f"{at:%H:%M%z}" for at in counts.frame["window_start"] if f"{at:%Y-%m-%d}" == day}
    clocks = Counter(shown[:5] for shown in times)
    assert len(times) == hours
    assert sorted(shown for shown in times if clocks[shown[:5]] > 1) == twice


@pytest.mark.parametrize("place", ["UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia"])
def test_time_zone_of_the_process_does_not_matter(
    tmp_path: Path, whole: cdnlog.Counts, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Where the machine stands changes no count and no moment."""
    paths = saved(tmp_path, NIGHT)
    late = counted(paths, since="2026-11-20T23:30").table
    with monkeypatch.context() as patch:
        patch.setenv("TZ", place)
        time.tzset()
        try:
            counts = counted(paths)
            assert counts.frame.equals(whole.frame)
            assert counted(paths, since="2026-11-20T23:30").table == late
        finally:
            patch.undo()
            time.tzset()


# Frames, columns, numbers


@law(60)
@given(data=good_logs() | st.just(b"# no requests\n"), window=windows)
def test_counting_rows_is_counting_the_log(folder: Path, data: bytes, window: str) -> None:
    """Rows from `read` and `stream`, in a list or as they come, count like their log, also if there are none."""
    paths = saved(folder, data)
    by = ["cache", "duration_ms", "referer"]
    counts = counted(paths, window, tz="+08:00", by=by)
    frames = list(cdnlog.stream(paths, block=400))
    for rows in (cdnlog.read(paths), frames or cdnlog.read(paths), iter(frames)):
        assert cdnlog.count(rows, window, tz="+08:00", by=by) == counts


def test_filters_hold_for_frames(tmp_path: Path) -> None:
    """`since`, `until` and `domain` mean the same for rows as for the log they came from."""
    paths = saved(tmp_path, NIGHT)
    chosen: Options = {"since": "2026-11-20T23:00+08:00", "until": "2026-11-21T00:30+08:00", "domain": "www.*"}
    assert cdnlog.count(cdnlog.read(paths, max_rejects=1.0), **chosen) == counted(paths, **chosen)


def test_a_missing_number_is_not_zero(tmp_path: Path) -> None:
    """Where a line or a whole frame has no duration it is missing, and does not count as zero."""
    zero, missing = (replaced(plain(Random(3)), "duration_ms", text) + b"\n" for text in (b"0", b"-"))
    paths = saved(tmp_path, zero, missing, zero + missing)
    frame = cdnlog.read(paths[0])
    bare = frame.drop(columns="duration_ms")
    for source in (paths[:2], paths[2], [frame, bare], [bare, frame]):
        assert {key[3] for key in cdnlog.count(source, by=["duration_ms"]).table} == {None, 0}


@pytest.mark.parametrize("status", [-1, 1000, None])
def test_a_frame_of_impossible_status_is_refused(tmp_path: Path, status: int | None) -> None:
    """A status that no log has is refused; it never counts as another one."""
    frame = cdnlog.read(saved(tmp_path, (plain(Random(4)) + b"\n") * 3))
    frame["status"] = pd.array([status, 999, 200], "Int16")
    with pytest.raises(cdnlog.UsageError, match="status"):
        cdnlog.count(frame)


@pytest.mark.parametrize("by", ["cache", "isp", "region", "method", "referer", "path", "user_agent", "duration_ms"])
def test_a_column_divides_the_counts(tmp_path: Path, whole: cdnlog.Counts, by: str) -> None:
    """Counted by one more column, the cells sum up to those without it, and the same lines are rejected."""
    counts = counted(saved(tmp_path, NIGHT), by=[by])
    sums: Table = {}
    for key, cell in counts.table.items():
        place = sums.setdefault(key[:3], [0, 0])
        place[:] = place[0] + cell[0], place[1] + cell[1]
    assert sums == table(whole)
    assert counts.inputs.total == whole.inputs.total
    assert len(counts) > len(whole)


@pytest.mark.parametrize("by", ["domain", "path", "referer", "user_agent", "range", "method", "protocol", "cache"])
def test_a_log_may_end_in_a_short_line(tmp_path: Path, by: str) -> None:
    """A column's longest value may be longer than all that follows its shortest one."""
    value = b'"%b"' % (b"x" * 60) if by in ("user_agent", "range") else b"x" * 60
    last = b'20261120223000 ::1 a / 1 2 2 200 - 3 "" "" G H h'
    counts = counted(saved(tmp_path, replaced(plain(Random(5)), by, value) + b"\n" + last), by=[by])
    assert counts.inputs.total.counted == sum(sums[0] for sums in counts.table.values()) == 2


@pytest.mark.parametrize("function", ["_hashes", "_mix"])
def test_colliding_hashes_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    """The hash only groups: if all texts had the same one, the counts would be the same."""
    twins = (replaced(replaced(plain(Random(6)), "path", b"/" + x), "referer", x) for x in (b"a", b"b"))
    paths = saved(tmp_path, NIGHT, b"\n".join(twins))
    before = counted(paths, by=["referer", "path"])
    monkeypatch.setattr("cdnlog.kernel.on", False)
    monkeypatch.setattr(f"cdnlog.buffer.{function}", lambda *arguments: np.zeros(len(arguments[1]), np.uint64))
    assert counted(paths, by=["referer", "path"]) == before


def test_huge_numbers_are_diagnosed(tmp_path: Path) -> None:
    """Where bytes sum up beyond 64 bits the diagnosis is that of the same lines with few."""
    found = []
    for sent in (b"9" * 18, b"9"):
        lines = (replaced(replaced(plain(Random(2)), "bytes", sent), "status", code) for code in (b"502", b"200") * 20)
        (path,) = saved(tmp_path, b"\n".join(lines))
        found.append([(one.status, one.requests, one.severity) for one in cdnlog.diagnose(path)])
    assert found[0] == found[1] != []


def test_huge_numbers_sum_exactly(tmp_path: Path) -> None:
    """Bytes near 10^18 sum without rounding and without overflow, within a file and across files."""
    huge = replaced(plain(Random(2)), "bytes", b"9" * 18) + b"\n"
    counts = counted(saved(tmp_path, huge * 7, huge * 30))
    assert [sums[:2] for sums in counts.table.values()] == [(37, 37 * (10**18 - 1))]
    assert counts.frame["bytes"].tolist() == [37 * (10**18 - 1)]
    assert counts + counts == counted(saved(tmp_path, huge * 74))


def test_a_rate_is_over_the_time_that_a_domain_has_data() -> None:
    """Neither a late file of another domain nor a stray line of the year 2099 slows a domain down."""
    busy = {(MIDNIGHT + hour * HOUR, "www", code): 450_000 for hour in range(6) for code in (200, 404)}
    late = {(MIDNIGHT + 30 * DAY, "api", 200): 9000}
    stray = {(MIDNIGHT + 73 * 365 * DAY, "www", 200): 1}
    rates = [
        {row.domain: (round(row.mean_mbps, 3), row.peak_mbps) for row in counts_of(table).summary()}
        for table in (busy, busy | late, busy | stray)
    ]
    assert rates == [{"www": (2.0, 2.0)}, {"www": (2.0, 2.0), "api": (0.02, 0.02)}, {"www": (1.714, 2.0)}]
