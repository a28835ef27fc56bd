"""The store counts each content once, whatever it is called, however often it comes and in whatever order."""

from __future__ import annotations

import itertools
import os
import random
import sqlite3
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from nights import HOUR, PACK, Table, content, kept, lines_of, strays, truth, write
from test_cases import line, run_here

import cdnlog
from cdnlog.errors import StoreBusy, StoreError, UsageError
from cdnlog.history import VERSION
from cdnlog.history import store as stores
from cdnlog.history.fingerprint import Fingerprint, Print, Sketch
from cdnlog.history.packed import limbs, packed, unpacked, whole
from cdnlog.history.retention import Keep, keep
from cdnlog.history.store import opened, writing
from cdnlog.history.tables import DAY
from cdnlog.history.volume import Volume
from cdnlog.results import Night
from cdnlog.zones import UTC_ZONE, zone

FEW = lines_of(1000)
MORE = [*FEW, *lines_of(200, seed=1)]
Run = Callable[..., Night]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "history.db"


@pytest.fixture
def run(tmp_path: Path, place: Path) -> Run:
    """Tell a night of the folder `logs`."""

    def once(**options: bool) -> Night:
        return cdnlog.nightly(tmp_path / "logs", place, jobs=1, **options)  # type: ignore[arg-type]

    return once


def kinds(night: Night) -> list[str]:
    """Return what is said of files."""
    return [news.kind for news in night.news]


def had_inode(place: Path, path: Path, other: Path) -> None:
    """Let the store believe that a file had the inode that another one has now: which are used again is not ours."""
    with sqlite3.connect(place) as connection:
        connection.execute("UPDATE file SET inode = ? WHERE name = ?", (other.stat().st_ino, path.name))
    connection.close()


@pytest.mark.parametrize("suffix", PACK)
def test_a_file_that_grew_counts_as_it_is(suffix: str, tmp_path: Path, place: Path, run: Run) -> None:
    """A pack grown from 1,000 to 1,200 lines counts 1,200, plain or compressed."""
    path = write(tmp_path / "logs" / f"a.log{suffix}", FEW)
    run()
    assert kept(place) == truth(FEW)
    write(path, MORE)
    night = run()
    assert kept(place) == truth(MORE)
    assert kinds(night) == ["grown"]
    assert (night.news[0].before, night.news[0].after) == (1000, 1200)


def test_a_line_that_was_still_being_written_counts_once(tmp_path: Path, place: Path, run: Run) -> None:
    """A file that ended in the middle of a line, or without LF, grows like any other."""
    path = write(tmp_path / "logs" / "a.log", FEW, ended=False)
    run()
    assert kept(place) == truth(FEW)
    path.write_bytes("\n".join(MORE).encode()[:-40])
    run()
    assert kept(place) == truth(MORE[:-1])
    write(path, MORE, ended=False)
    run()
    assert kept(place) == truth(MORE)


def test_lines_in_another_order_are_the_same_lines(tmp_path: Path, place: Path, run: Run) -> None:
    """A file whose lines are all there again, in another order and with more among them, replaces it."""
    path = write(tmp_path / "logs" / "a.gz", FEW)
    run()
    write(path, sorted(MORE, key=lambda one: one[::-1]))
    assert kinds(run()) == ["replaced"]
    assert kept(place) == truth(MORE)


@pytest.mark.parametrize("order", list(itertools.permutations([".gz", ".zst", ""])))
def test_one_log_compressed_in_several_ways_counts_once(
    order: tuple[str, ...], tmp_path: Path, place: Path, run: Run
) -> None:
    """The same content under other names and compressions counts once, in one night or in several."""
    for suffix in order:
        write(tmp_path / "logs" / f"a{suffix or '.log'}", FEW)
        run()
    assert kept(place) == truth(FEW)
    again = place.with_name("again.db")
    night = cdnlog.nightly(tmp_path / "logs", again)
    assert kept(again) == truth(FEW)
    assert kinds(night) == ["duplicate", "duplicate"]


def test_a_larger_delivery_under_another_name_replaces(tmp_path: Path, place: Path, run: Run) -> None:
    """A re-delivery of the same domain and hour with more lines takes the place of the first, and this is said."""
    write(tmp_path / "logs" / "a.gz", FEW)
    run()
    more = MORE[:]
    random.Random(3).shuffle(more)
    write(tmp_path / "logs" / "a_01.gz", more)
    night = run()
    assert kept(place) == truth(MORE)
    assert [(news.kind, Path(news.other).name) for news in night.news] == [("redelivered", "a.gz")]
    assert (night.news[0].before, night.news[0].after) == (1000, 1200)
    assert run() == night
    assert kept(place) == truth(MORE)
    write(tmp_path / "logs" / "a_02.gz", MORE)
    (news,) = (one for one in run().news if one.path.endswith("a_02.gz"))
    assert "has the same 1,200 lines as" in news.text
    assert "and more" not in news.text


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_partial_and_whole_of_one_night_count_once(
    names: tuple[str, str], tmp_path: Path, place: Path, run: Run
) -> None:
    """Whichever of a partial delivery and the whole one is read first, the whole one counts."""
    for name, lines in zip(names, (FEW, MORE[::-1]), strict=True):
        write(tmp_path / "logs" / name, lines)
    night = run()
    assert kept(place) == truth(MORE)
    assert night.counts.inputs.total.counted == 1200
    assert run() == night


def test_hours_that_come_again_as_a_day_count_once(tmp_path: Path, place: Path, run: Run) -> None:
    """A file of a day takes the place of the files of its hours; an hour that comes after it is part of it."""
    hours = [lines_of(300, hour) for hour in range(6)]
    for hour, lines in enumerate(hours[:-1]):
        write(tmp_path / "logs" / f"h{hour}.gz", lines)
    run()
    write(tmp_path / "logs" / "day.gz", [one for lines in hours for one in lines])
    (news,) = run().news
    assert (Path(news.other).name, news.others, news.before) == ("h0.gz", 4, 1500)
    assert "h0.gz and 4 more files and more, 1,800 where 1,500 counted" in news.text
    write(tmp_path / "logs" / "h5.gz", hours[-1])
    assert kinds(run()) == ["covered"]
    assert kept(place) == truth(*hours)


@pytest.mark.parametrize("remedy", ["empty", "whole"])
def test_files_that_overlap_are_told_with_what_helps(remedy: str, tmp_path: Path, place: Path, run: Run) -> None:
    """Both count; emptying one with --replace takes its lines out, a file with the lines of both takes their place."""
    write(tmp_path / "logs" / "a.log", MORE[:800])
    other = write(tmp_path / "logs" / "b.log", MORE[500:])
    night = run()
    assert (kinds(night), kept(place)) == (["overlap"], truth(MORE[:800], MORE[500:]))
    assert "empty one of them" in night.news[0].text
    assert "the lines of both, which takes their place" in night.news[0].text
    if remedy == "empty":
        other.write_bytes(b"")
        told, left = ["forced"], truth(MORE[:800])
    else:
        write(tmp_path / "logs" / "whole.log", MORE)
        told, left = ["redelivered"], truth(MORE)
    for replace_lost in (remedy == "empty", False):  # the second run tells the same night again
        assert (kinds(run(replace_lost=replace_lost)), kept(place)) == (told, left)


@pytest.mark.parametrize(("hour", "day"), [("hour.gz", "day.gz"), ("1.gz", "2.gz")])
def test_only_the_rest_counts_of_a_file_that_grew_after_another_had_its_lines(
    hour: str, day: str, tmp_path: Path
) -> None:
    """What a day took over of an hour counts once, however often both grow; one job and two write the same store."""
    lines, others = lines_of(140), lines_of(70, 1)
    stores = {jobs: tmp_path / f"{jobs}.db" for jobs in (1, 2)}

    def tell(name: str, count: int) -> Night:
        write(tmp_path / "logs" / name, lines[:count] + others * (name == day))
        told = [cdnlog.nightly(tmp_path / "logs", store, jobs=jobs) for jobs, store in stores.items()]
        assert told[0] == told[1]
        assert content(stores[1]) == content(stores[2])
        assert kept(stores[1]) == truth(lines[:count], others * (tmp_path / "logs" / day).exists())
        return told[0]

    tell(hour, 100)
    assert kinds(tell(day, 100)) == ["redelivered"]
    night = tell(hour, 120)
    assert [(one.kind, Path(one.other).name, one.before, one.after) for one in night.news] == [
        ("partly", day, 100, 120)
    ]
    assert "100 of its 120 lines" in night.news[0].text
    total = night.counts.inputs.total
    assert (total.lines, total.counted, total.withheld) == (120, 20, 100)
    assert tell(hour, 120) == night
    assert [one.before for one in tell(hour, 130).news] == [100]
    assert [one.before for one in tell(day, 130).news] == [200]
    assert [one.before for one in tell(hour, 140).news] == [130]


def test_a_domain_whose_lines_look_alike_is_not_lost(tmp_path: Path, place: Path, run: Run) -> None:
    """A larger file takes no place of one that has more of a domain, though a sample of its lines has none of that."""
    common, alike = lines_of(3000), [line(200, 61, host="health.example")] * 500
    part = write(tmp_path / "logs" / "a.log", [*common, *alike])
    whole = write(tmp_path / "logs" / "b.log", [*common, *lines_of(2000, seed=1)])
    assert fingerprint(part.read_bytes(), 2**20).sketch.within(fingerprint(whole.read_bytes(), 2**20).sketch)
    assert kinds(run()) == ["overlap"]
    assert kept(place)[0, "health.example", 200] == 500


def test_what_was_covered_and_grew_counts_with_its_rest(tmp_path: Path, place: Path, run: Run) -> None:
    """A part that came after the whole, and grew then, counts what the whole has not, damaged meanwhile or not."""
    whole = write(tmp_path / "logs" / "day.gz", [*FEW[:100], *lines_of(50, 1)])
    run()
    path = write(tmp_path / "logs" / "hour.gz", FEW[:90])
    assert kinds(run()) == ["covered"]
    assert [(one.state, one.counted) for one in cdnlog.holdings(place).files] == [("counted", 150), ("covered", 0)]
    write(path, FEW[:100])
    assert kinds(run()) == ["covered"]
    path.write_bytes(path.read_bytes()[:-9])
    run()
    write(path, [*FEW[:120], "no line of a log"])
    night = run()
    assert kinds(night) == ["partly"]
    total = night.counts.inputs.total
    assert (total.lines, total.counted, total.rejected, total.withheld) == (121, 20, 1, 100)
    assert kept(place) == truth(FEW[:120], lines_of(50, 1))
    write(path, FEW[10:120])
    assert kinds(run()) == ["refused"]
    write(whole, lines_of(50, 1))
    assert "forced" in kinds(run(replace_lost=True))
    write(path, FEW[:130])
    run()
    assert kept(place) == truth(FEW[:130], lines_of(50, 1))


@pytest.mark.parametrize("seed", range(6))
def test_any_sequence_of_deliveries_counts_every_line_once(seed: int, tmp_path: Path, place: Path, run: Run) -> None:
    """An hour that grows, a day made of it and more, late copies and other orders of lines: each line counts once."""
    chance = random.Random(seed)
    names = dict(zip(("hour", "day", "copy"), chance.sample(("a", "b", "c"), 3), strict=True))
    hour, others = lines_of(400), lines_of(400, 1)
    have, more, copied = 40, 0, 0
    write(tmp_path / "logs" / names["hour"], hour[:have])
    for _ in range(8):
        run()
        assert kept(place) == truth(hour[:have], others[:more])
        for what in chance.sample(("hour", "day", "copy", "sorted"), chance.choice((1, 1, 2))):
            if what == "hour":
                have += chance.randint(1, 40)
            elif what == "day":
                more += chance.randint(0, 40)
            copied = have if what == "copy" else copied
            lines = {"day": hour[:have] + others[:more], "copy": hour[:copied]}.get(what, hour[:have])
            if what in ("day", "sorted"):
                chance.shuffle(lines)
            write(tmp_path / "logs" / names.get(what, names["hour"]), lines)


def test_a_file_that_lost_lines_is_refused(tmp_path: Path, place: Path, run: Run) -> None:
    """Less content under the same path changes nothing and exits 3, until `--replace` takes it as it is."""
    path = write(tmp_path / "logs" / "a.log", MORE)
    run()
    write(path, MORE[100:])
    night = run()
    assert kinds(night) == ["refused"]
    assert night.counts.inputs.exit_code == 3
    assert kept(place) == truth(MORE)
    assert kinds(run()) == ["refused"]
    assert kinds(run(replace_lost=True)) == ["forced"]
    assert kept(place) == truth(MORE[100:])


def test_a_file_that_lost_few_lines_and_gained_many_is_refused(tmp_path: Path, place: Path, run: Run) -> None:
    """More lines do not make up for lost ones."""
    path = write(tmp_path / "logs" / "a.log", FEW)
    run()
    write(path, MORE[10:])
    assert kinds(run()) == ["refused"]
    assert kept(place) == truth(FEW)


def test_one_name_in_two_folders_is_two_files(tmp_path: Path, place: Path, run: Run) -> None:
    """Contents are told apart, not names: two edges may deliver files of one name."""
    other = lines_of(500, seed=7)
    write(tmp_path / "logs" / "edge-a" / "x.log", FEW)
    write(tmp_path / "logs" / "edge-b" / "x.log", other)
    assert kinds(run()) == []
    assert kept(place) == truth(FEW, other)


def test_rotated_files_keep_what_they_counted(tmp_path: Path, place: Path, run: Run) -> None:
    """A log that was renamed and grew before, and a new one under its old name, count once each."""
    path = write(tmp_path / "logs" / "access.log", FEW)
    run()
    write(path, MORE)
    path.rename(path.with_name("access.log.1"))
    new = write(path, lines_of(50, 2))
    assert new.stat().st_size
    assert kinds(run()) == ["grown"]
    assert kept(place) == truth(MORE, lines_of(50, 2))


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("names", ["ab", "ba"])
def test_a_reused_inode_is_no_rename(suffix: str, names: str, tmp_path: Path, place: Path, run: Run) -> None:
    """A new file that has the inode of one which was replaced by its beginning is a file of its own."""
    one, other = (tmp_path / "logs" / f"{name}.log{suffix}" for name in names)
    write(one, FEW)
    run()
    write(one, FEW[:100])
    new = write(other, lines_of(150, 9, "other.example"))
    had_inode(place, one, new)
    assert [(news.path, news.kind) for news in run().news] == [(str(one), "refused")]
    assert kept(place) == truth(FEW, lines_of(150, 9, "other.example"))
    assert kinds(run(replace_lost=True)) == ["forced"]
    assert kept(place) == truth(FEW[:100], lines_of(150, 9, "other.example"))


@pytest.mark.parametrize("replace_lost", [False, True])
@pytest.mark.parametrize("grown", [False, True])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_all_logs_of_a_rotation_keep_what_they_counted(
    suffix: str, grown: bool, replace_lost: bool, tmp_path: Path, run: Run
) -> None:
    """Two renames in one night, the later log written on before or not, the new one with the inode of a deleted one."""
    place = tmp_path / "history.db"
    logs = [tmp_path / "logs" / f"access.log{end}{suffix}" for end in ("", ".1", ".2", ".3")]
    contents = [lines_of(100, hour) for hour in (8, 6, 4)]
    for path, lines in zip(logs, contents, strict=False):
        write(path, lines)
    run()
    deleted = logs[2].rename(tmp_path / "deleted")
    for number in (1, 0):
        logs[number].rename(logs[number + 1])
    if grown:
        contents[0] = [*contents[0], *lines_of(20, 9)]
        write(logs[1], contents[0])
    contents.append(lines_of(50, 10))
    had_inode(place, logs[2], write(logs[0], contents[-1]))
    assert deleted.stat().st_ino != logs[0].stat().st_ino
    told = kinds(run(replace_lost=replace_lost))
    assert kept(place) == truth(*contents)
    assert "refused" not in told
    assert kinds(run()) == told


@pytest.mark.parametrize("copied", [None, "whole", "grown"])
def test_a_log_begun_anew_in_place_counts_beside_the_old(
    copied: str | None, tmp_path: Path, place: Path, run: Run
) -> None:
    """`copytruncate`: the old lines stay counted, with their copy or without; the new ones count, and may grow."""
    path = write(tmp_path / "logs" / "access.log", FEW)
    run()
    old = MORE if copied == "grown" else FEW
    if copied:
        write(tmp_path / "logs" / "access.log.1", old)
    new = lines_of(80, 1)
    inode = path.stat().st_ino
    write(path, new[:50])
    assert path.stat().st_ino == inode
    night = run()
    assert "rotated" in kinds(night)
    assert night.counts.inputs.exit_code == 0
    assert kept(place) == truth(old, new[:50])
    assert run() == night
    write(path, new)
    assert kinds(run()) == ["grown"]
    assert kept(place) == truth(old, new)
    write(path, new[10:])
    assert kinds(run()) == ["refused"]
    assert kept(place) == truth(old, new)


@pytest.mark.parametrize("cut", [1, 9, 4000])
def test_damaged_files_wait_until_they_are_whole(cut: int, tmp_path: Path, place: Path, run: Run) -> None:
    """A truncated gz does not count, is listed each night, and counts when it is whole."""
    path = write(tmp_path / "logs" / "a.gz", FEW)
    whole_file = path.read_bytes()
    path.write_bytes(whole_file[:-cut])
    night = run()
    assert kept(place) == {}
    assert (kinds(night), night.counts.inputs.exit_code) == (["damaged"], 3)
    assert run() == night
    path.write_bytes(whole_file)
    assert kinds(run()) == ["mended"]
    assert kept(place) == truth(FEW)


def test_a_file_damaged_later_keeps_what_it_counted(tmp_path: Path, place: Path, run: Run) -> None:
    """A pack that is being written again while it is read takes nothing away."""
    path = write(tmp_path / "logs" / "a.gz", FEW)
    run()
    write(path, MORE)
    path.write_bytes(path.read_bytes()[:-9])
    night = run()
    assert kinds(night) == ["damaged"]
    assert "1,000 lines" in night.news[0].text
    assert kept(place) == truth(FEW)
    write(path, MORE)
    assert kinds(run()) == ["grown"]
    assert kept(place) == truth(MORE)


def test_a_bare_header_is_no_content(tmp_path: Path, place: Path, run: Run) -> None:
    """Empty files are no duplicates of each other, and what they become is read."""
    for name in ("a.gz", "b.gz"):
        write(tmp_path / "logs" / name, [])
    assert kinds(run()) == []
    write(tmp_path / "logs" / "b.gz", FEW)
    run()
    assert kept(place) == truth(FEW)


def test_nights_without_data_have_no_end(tmp_path: Path, run: Run) -> None:
    """What a night without data leaves is no time, and the first data is new from its own begin."""
    for name in ("a.log", "b.log"):
        write(tmp_path / "logs" / name, [f"# {name}"])
        assert run().ends is None
    write(tmp_path / "logs" / "c.log", [*lines_of(20), *lines_of(20, 2)])
    assert [one.start[:13] for one in run().missing] == ["2026-11-20T01"]


def test_the_same_night_is_the_same(tmp_path: Path) -> None:
    """Told three times, in any order of the files, with one job or two: the same store, byte for byte, and night."""
    paths = [write(tmp_path / "logs" / f"{n}.gz", lines_of(300, n % 3, f"d{n % 2}.example")) for n in range(5)]
    paths += [write(tmp_path / "logs" / "again.zst", lines_of(300, 0, "d0.example")), tmp_path / "logs" / "none"]
    made = []
    for number, jobs in enumerate((1, 2, 1)):
        random.Random(number).shuffle(paths)
        place = tmp_path / f"{number}.db"
        night = cdnlog.nightly(paths, place, jobs=jobs)
        made.append((content(place), night))
        for _ in range(2):
            assert cdnlog.nightly(paths, place, jobs=jobs) == night
            assert content(place) == made[-1][0]
    assert made[0] == made[1] == made[2]


def test_what_is_known_is_the_same_however_often_it_is_told(tmp_path: Path, run: Run) -> None:
    """A file that was only touched is known, read again for that or not; one that is listed is not known besides."""
    for name in "abc":
        write(tmp_path / "logs" / f"{name}.log", lines_of(100, ord(name) - ord("a")))
    run()
    os.utime(tmp_path / "logs" / "b.log", (1, 1))
    write(tmp_path / "logs" / "c.log", lines_of(50, 2))
    write(tmp_path / "logs" / "d.log", lines_of(100, 3))
    nights = [run(), run()]
    assert [(night.known, len(night.counts.inputs.files)) for night in nights] == [(2, 2), (2, 2)]
    assert nights[0] == replace(nights[1], again=None)


def test_a_night_in_two_parts_counts_the_same(tmp_path: Path) -> None:
    """What came in two nights counts as what came in one."""
    parts = [lines_of(400, hour, host) for hour in range(3) for host in ("a.example", "b.example")]
    for number, lines in enumerate(parts):
        write(tmp_path / "logs" / f"{number}.log", lines)
        cdnlog.nightly(tmp_path / "logs", tmp_path / "many.db")
    cdnlog.nightly(tmp_path / "logs", tmp_path / "one.db")
    assert kept(tmp_path / "many.db") == kept(tmp_path / "one.db") == truth(*parts)


def test_ages_are_counted_from_the_newest_data(tmp_path: Path, place: Path) -> None:
    """Minutes become hours, hours days, and days nothing; totals of what is kept stay."""
    days = [lines_of(120, 24 * day + 5) for day in range(6)]
    for day, lines in enumerate(days):
        write(tmp_path / "logs" / f"{day}.log", lines)
        cdnlog.nightly(tmp_path / "logs", place, keep="1d,2d,3d")
    files = cdnlog.holdings(place).files
    assert [one.grain for one in files] == [0, 0, 86_400, 3600, 300, 300]
    counts = cdnlog.stored(place, window="1d")
    assert sum(counts.columns["requests"]) == 120 * 4
    assert cdnlog.stored(place, window="5m").window == 86_400
    recent = cdnlog.stored(place, window="5m", since="2026-11-24")
    assert recent.window == 300
    assert [(one.window, one.before[:16], one.requests) for one in cdnlog.stored(place).aged] == [
        (0, "2026-11-21T06:00", 240),
        (86_400, "2026-11-22T06:00", 120),
        (3600, "2026-11-23T06:00", 120),
    ]
    told = run_here(["count", "--store", str(place), "-o", "csv"], tmp_path).err
    assert b"cdnlog: 240 requests before 2026-11-21 06:00 are kept no longer (--keep)\n" in told
    assert [one.window for one in counts.aged] == [0]
    assert cdnlog.stored(place, domain="img.*").aged == ()
    assert cdnlog.holdings(place).aged == cdnlog.stored(place).aged
    assert [one.accounting.counted for one in counts.inputs.files] == [0, 0, 120, 120, 120, 120]
    total = counts.inputs.total
    assert (total.lines, total.filtered) == (720, 240)
    for options in ({"tz": "UTC"}, {"since": "2026-11-22 05:30"}, {"tz": "+09:30", "since": "2026-11-23T00:00+08:00"}):
        with pytest.raises(UsageError, match="the store keeps"):
            cdnlog.stored(place, **options)  # type: ignore[arg-type]
    assert cdnlog.stored(place, window="90m", since="2026-11-23").window == 3 * 3600  # of hours no 90 minutes are made
    at_once = tmp_path / "once.db"
    cdnlog.nightly(tmp_path / "logs", at_once, keep="1d,2d,3d")
    assert cdnlog.stored(at_once, window="1d") == counts
    by_hour = cdnlog.nightly(tmp_path / "logs", at_once, keep="1d,2d,3d").history.by("window_start")
    assert [by_hour.shown(at)[8:13] for at in by_hour.columns["window_start"]] == ["23T05", "24T05", "25T05"]


def test_one_stray_time_ages_nothing(tmp_path: Path, place: Path) -> None:
    """A line from a clock that is years ahead does not make all others old, nor is it where the data ends."""
    write(tmp_path / "logs" / "a.log", [*FEW, FEW[0].replace("20261120", "20291120", 1)])
    night = cdnlog.nightly(tmp_path / "logs", place)
    assert cdnlog.stored(place, until="2027-01-01").window == 300
    assert any(text.startswith("1 of the requests") for text in night.unknown)
    made = night.held_to(99.0, lambda _, status: status >= 500).budget
    assert made is not None
    assert [row.total for row in made.rows if row.span == "1h" and row.status is None] == [len(FEW)]


def test_a_file_of_several_days_is_of_all_of_them(tmp_path: Path, place: Path) -> None:
    """A log that is cut once a week reaches to its last day, whatever day most of its requests are of."""
    write(tmp_path / "logs" / "a.log", [line for day in range(6) for line in lines_of(100, 24 * day)])
    night = cdnlog.nightly(tmp_path / "logs", place)
    assert sum(night.history.columns["requests"]) == 600
    assert night.ends == min(night.history.columns["window_start"]) + 5 * DAY + HOUR
    assert not any("wrong clock" in text for text in night.unknown)


def test_a_stray_file_ages_nothing(tmp_path: Path) -> None:
    """A file of a clock that is years ahead, before or after or among the others, does not make all others old."""
    stray = [FEW[0].replace("20261120", "20991120", 1)]
    usual = {f"{day}.log": lines_of(100, 24 * day + 5) for day in range(3)}
    for order in (["stray", *usual], [*usual, "stray"]):
        store = tmp_path / f"{order[0]}.db"
        for name in order:
            write(tmp_path / "logs" / order[0] / name, usual.get(name, stray))
            night = cdnlog.nightly(tmp_path / "logs" / order[0], store)
        assert [one.grain for one in cdnlog.holdings(store).files] == [300] * 4
        assert cdnlog.stored(store, until="2027-01-01").cells.sums[:, 0].sum() == 300
        assert night.history.cells.sums[:, 0].sum() == 300
        write(tmp_path / "logs" / order[0] / "next.log", lines_of(100, 24 * 3 + 5))
        night = cdnlog.nightly(tmp_path / "logs" / order[0], store)
        assert not night.changed


def test_strays_side_by_side_are_no_days() -> None:
    """Two garbled lines of following days are not what is usual, nor is one line of a small site a day."""
    two = Volume(np.array([0, 9999, 10_000]) * DAY, np.array([12_500, 1, 1]))
    assert two.newest(UTC_ZONE) == 0
    assert Volume(np.array([0, 9999]) * DAY, np.array([5, 1])).newest(UTC_ZONE) == 0


@pytest.mark.parametrize(
    ("sizes", "newest"),
    [([100], 0), ([100, 9], 0), ([100, 10], 1), ([1, 100, 1, 1, 1], 1), ([1000] + [50] * 29, 29), ([], None)],
)
def test_a_day_is_the_newest_if_it_has_its_share(sizes: list[int], newest: int | None) -> None:
    """A tenth of what is usual lately makes a day; less is a stray."""
    hours = np.arange(len(sizes)) * DAY + 5 * HOUR
    volume = Volume(hours, np.array(sizes, np.int64))
    assert volume.newest(UTC_ZONE) == (None if newest is None else newest * DAY + 5 * HOUR)


@pytest.mark.parametrize(
    ("after", "requests", "newest"), [(5, 50, 5), (5, 49, 0), (28, 100, 28), (29, 100, 0), (9999, 100, 0)]
)
def test_a_day_that_has_begun_is_the_newest_by_one_usual_hour(after: int, requests: int, newest: int) -> None:
    """After some days without data half a usual hour makes a day; a wrong clock is off by more than four weeks."""
    hours = np.append(np.arange(-10 * 24, 24), after * 24) * HOUR
    volume = Volume(hours, np.append(np.full(11 * 24, 100), requests))
    assert volume.newest(UTC_ZONE) == (newest * DAY if newest else 23 * HOUR)


def test_strays_of_many_years_make_no_usual_day() -> None:
    """As many garbled years as days are looked at are no data, and an old one is not what the newest day is after."""
    real = np.arange(10) * DAY
    strays = (np.arange(60) * 400 + 1000) * DAY
    volume = Volume(np.concatenate(([-700 * DAY], real, strays)), np.array([1, *[1000] * 10, *[1] * 60]))
    assert volume.newest(UTC_ZONE) == 9 * DAY
    assert volume.alone(UTC_ZONE) == 1


def test_days_are_of_the_zone(tmp_path: Path, place: Path) -> None:
    """Windows are instants inside: an hour that a clock shows twice is two, and a zone's own days begin at midnight."""
    lines = [
        f'203.0.113.7 - - [31/Oct/2026:{hour:02}:30:00 +0000] "GET /{hour} HTTP/1.1" 200 10 "-" "curl"'
        for hour in range(24)
    ]
    lines += [one.replace("31/Oct", "01/Nov") for one in lines]
    write(tmp_path / "logs" / "a.log", lines)
    cdnlog.nightly(tmp_path / "logs", place, domain_name="www.example.com", tz="America/New_York")
    hourly = cdnlog.stored(place, window="1h")
    assert len(hourly) == 48
    shown = [start for start, *_ in hourly.rows()]
    assert {"2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00"} <= set(shown)
    assert [n for *_, n, _ in cdnlog.stored(place, window="1d").rows()] == [4, 24, 20]


def test_sums_larger_than_a_machine_word_are_kept() -> None:
    """Sums are Python integers where 64 bits are too few, and come back as they went."""
    sums = np.array([[1, 2**64 + 5], [3, 2**100]], object)
    back, rows = unpacked([packed(limbs(sums))], 4)
    assert whole(back).tolist() == sums.tolist()
    assert rows == [2]
    assert whole(limbs(np.array([[7, 2**62]], np.int64))).tolist() == [[7, 2**62]]


def fingerprint(data: bytes, size: int, lengths: tuple[int, ...] = ()) -> Print:
    """Return the fingerprint of bytes that come in pieces of a size."""
    made = Fingerprint(lengths)
    for at in range(0, len(data), size):
        made(data[at : at + size])
    return made.result()


def test_pieces_make_no_difference() -> None:
    """The fingerprint is of the content, however it was cut; long, short and empty lines included."""
    data = "\n".join(["x" * 200_000, "", "a", "ab\0", *FEW[:30], "y" * 65_536, "z" * 65_537, "no end"]).encode()
    prints = [fingerprint(data, size, (7, 1000, len(data))) for size in (997, 65_536, 65_537, 10**7)]
    for one in prints[1:]:
        assert (one.sha, one.length, one.beginnings) == (prints[0].sha, prints[0].length, prints[0].beginnings)
        assert one.sketch.pack() == prints[0].sketch.pack()
    assert prints[0].sketch.lines == 37


def test_lines_that_look_alike_are_sampled_like_others() -> None:
    """Of lines that differ in a digit or two a sample has its share, so that a file without them does not pass."""
    health = [line(200, at, host="health.example") for at in range(3000)]
    common = lines_of(6000)
    for count in (300, 3000):
        more = fingerprint("\n".join([*common, *health[:count]]).encode(), 2**20).sketch
        less = fingerprint("\n".join([*common, *lines_of(4000, seed=1)]).encode(), 2**20).sketch
        assert more.overlap(less) == pytest.approx(6000 / (6000 + count), abs=0.06)
        assert not more.within(less)


def test_sketches_say_what_is_within() -> None:
    """A part is within the whole in any order, also where only a sample is kept; what lacks lines is not."""
    for count in (10, 1000, 50_000):
        lines = [f"{number} {random.Random(number).random()}" for number in range(count * 6 // 5)]
        part = "\n".join(lines[:count]).encode()
        shuffled = lines[:]
        random.Random(1).shuffle(shuffled)
        sketches = [fingerprint(data, 2**20).sketch for data in (part, "\n".join(shuffled).encode())]
        a, b = (Sketch.unpack(one.pack()) for one in sketches)
        assert a.within(b)
        assert not b.within(a)
        lacking = fingerprint("\n".join(lines[count // 10 :]).encode(), 2**20).sketch
        assert not a.within(lacking)
        assert a.overlap(lacking) == pytest.approx(0.9, abs=0.06)


def test_keep_says_how_long() -> None:
    """Three lengths, each at least as long as the one before; anything else is told."""
    assert keep("7d,4w,2y") == Keep(7, 28, 730)
    for text in ("", "7d", "7d,4w", "4w,7d,1y", "7,4,2", "0d,1d,2d", "1d,2d,3d,4d"):
        with pytest.raises(UsageError, match="7d,400d,5y"):
            keep(text)
    grains = Keep(1, 2, 3).grains(int(1.8e9), zone("Europe/Berlin"))
    assert grains.nothing < grains.days < grains.hours < 1.8e9


@pytest.mark.parametrize("damage", ["empty", "text", "other", "cut", "flipped", "marked"])
def test_a_damaged_store_is_told_and_left_alone(damage: str, tmp_path: Path, place: Path, run: Run) -> None:
    """What is no store, or a damaged one, is never written to nor made anew."""
    write(tmp_path / "logs" / "a.log", FEW)
    run()
    data = bytearray(place.read_bytes())
    if damage == "marked":
        harm(place, "PRAGMA user_version = 0")
        data = bytearray(place.read_bytes())
    if damage == "other":
        place.unlink()
        with sqlite3.connect(place) as connection:
            connection.execute("CREATE TABLE mine (x)")
        connection.close()
    elif damage == "flipped":
        data[8192:12_288] = os.urandom(4096)
    if damage != "other":
        place.write_bytes(
            {"empty": b"", "text": b"no store\n" * 999, "cut": bytes(data[: len(data) // 2])}.get(damage, bytes(data))
        )
    before, there = place.read_bytes(), sorted(tmp_path.iterdir())
    with pytest.raises(StoreError, match=r"history\.db") as error:
        run()
    assert error.value.exit_code == 74
    assert place.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == there


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE file SET cells = flipped(cells)", "unpacked"),
        ("UPDATE sketch SET lines = flipped(lines)", "unpacked"),
        ("UPDATE file SET cells = emptied(cells)", "cut short"),
        ("UPDATE sketch SET lines = emptied(lines)", "cut short"),
        ("UPDATE day SET cells = flipped(cells)", "unpacked"),
        ("DELETE FROM word WHERE text LIKE 'www%'", "word"),
        ("DELETE FROM word WHERE text LIKE '/%'", "row of file 1"),
        ("UPDATE file SET lines = lines + 1", "row of file 1"),
        ("UPDATE told SET finding = '{}'", "told"),
        ("UPDATE word SET text = CAST(x'ff' AS TEXT) WHERE id = 1", "decode"),
    ],
)
def test_damage_that_sqlite_does_not_see_is_told(
    change: str, problem: str, tmp_path: Path, place: Path, run: Run
) -> None:
    """What a run reads and cannot be what was written ends it, and nothing that it had done until then is kept."""
    write(tmp_path / "logs" / "a.log", FEW)
    run()
    harm(place, change)
    before = place.read_bytes()
    if "told" not in change:
        write(tmp_path / "logs" / "b.log", lines_of(100, seed=9))
        write(tmp_path / "logs" / "c.log", lines_of(100, 30))
    with pytest.raises(StoreError, match=f"{problem}.*restore a copy"):
        run()
    assert place.read_bytes() == before
    assert strays(tmp_path) == []


@pytest.mark.parametrize("old", [True, False])
def test_all_is_checked_before_what_cannot_be_undone(
    old: bool, tmp_path: Path, place: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of several commits, or one that migrates, looks first at what it may read only afterwards."""
    write(tmp_path / "logs" / "a.log", FEW)
    run()
    harm(place, "UPDATE sketch SET lines = flipped(lines)", f"PRAGMA user_version = {VERSION - old}")
    before = place.read_bytes()
    write(tmp_path / "logs" / "c.log", lines_of(100, 30))
    monkeypatch.setattr(stores, "_WAITING", 1)
    with pytest.raises(StoreError, match="unpacked"):
        run()
    assert place.read_bytes() == before


def harm(place: Path, *changes: str) -> None:
    """Change a store behind its back."""
    with sqlite3.connect(place) as connection:
        connection.create_function("flipped", 1, lambda blob: blob[:-1] + bytes([blob[-1] ^ 1]))
        connection.create_function("emptied", 1, lambda _: zlib.compress(b"\0" * 16))
        for change in changes:
            connection.execute(change)
    connection.close()


def test_a_newer_store_is_refused(place: Path) -> None:
    """A store that a newer cdnlog wrote is not touched."""
    with writing(place):
        pass
    with sqlite3.connect(place) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = place.read_bytes()
    with pytest.raises(UsageError, match="newer"), writing(place):
        pass
    assert place.read_bytes() == before


def test_an_older_store_is_migrated_after_a_copy(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older store is led to this version in one transaction; what it was is kept beside it."""
    with writing(place):
        pass
    before = place.read_bytes()
    monkeypatch.setattr(stores, "VERSION", VERSION + 1)
    monkeypatch.setattr(stores, "MIGRATIONS", {VERSION: "CREATE TABLE added (x);"})
    with pytest.raises(UsageError, match="older version"), opened(place):
        pass
    with writing(place) as store:
        store.connection.execute("SELECT * FROM added")
    copy = place.with_name(f"{place.name}.v{VERSION}")
    assert copy.read_bytes()[100:] == before[100:]


def test_a_store_of_the_first_version_goes_on(tmp_path: Path, place: Path, run: Run) -> None:
    """What the first version had written ends as if it had been written by this one."""
    write(tmp_path / "logs" / "a.log", FEW)
    run()
    with sqlite3.connect(place) as connection:
        connection.executescript(
            "DROP TABLE day; DROP TABLE told; DROP TABLE volume; DELETE FROM setting WHERE name = 'rolled';"
            "ALTER TABLE finding DROP COLUMN over; ALTER TABLE file DROP COLUMN requests;"
            "ALTER TABLE file DROP COLUMN others;"
        )
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    write(tmp_path / "logs" / "b.log", lines_of(100, 30))
    run()
    assert place.with_name("history.db.v1").exists()
    fresh = tmp_path / "fresh.db"
    for name in ("a.log", ""):
        cdnlog.nightly(tmp_path / "logs" / name, fresh, jobs=1)
    with sqlite3.connect(fresh) as connection:  # what older versions knew of lines is of no use
        connection.execute("DELETE FROM sketch WHERE file = 1")
    connection.close()
    assert content(place) == content(fresh)


def test_days_that_are_kept_whole_are_those_of_the_files(tmp_path: Path, place: Path, run: Run) -> None:
    """Whatever comes, grows, is replaced, comes late or has stray times: the history is what the files count."""
    first = lines_of(300, 30)
    stray = lines_of(1, 30, seed=9)[0].replace("20261121", "20291121", 1)
    deliveries = {
        "a": [*first, stray],
        "b": lines_of(200, 23),
        "late": lines_of(100, 2),
        "a ": first,
        "b ": [*lines_of(200, 23), *lines_of(50, 24)],
        "c": lines_of(80, 24 * 40),
    }
    for name, lines in deliveries.items():
        write(tmp_path / "logs" / f"{name.strip()}.log", lines)
        night = run(replace_lost=True)
        since = "2026-12-02" if name == "c" else None
        assert night.history.table == cdnlog.stored(place, window="1h", since=since, until="2027-01-01").table
        with opened(place) as store:
            (days,) = store.connection.execute("SELECT count(*) FROM day").fetchone()
        assert days == 28 + 2  # the newest day, and the one after it, which may have begun


def test_one_run_at_a_time(place: Path) -> None:
    """While one run has the store, another one leaves at once; afterwards nothing is left of the lock."""
    with writing(place), pytest.raises(StoreBusy), writing(place):
        pass
    assert strays(place.parent) == []
    with writing(place):
        pass


def test_a_link_to_a_store_is_followed(tmp_path: Path) -> None:
    """A store is made where a link leads; all of its names share one lock, and nothing is left beside the link."""
    (tmp_path / "links").mkdir()
    (tmp_path / "stores").mkdir()
    link, target = tmp_path / "links" / "history.db", tmp_path / "stores" / "real.db"
    link.symlink_to(target)
    for _ in range(2):
        with writing(link), pytest.raises(StoreBusy), writing(target):
            pass
    assert link.is_symlink()
    assert [sorted(path.name for path in place.parent.iterdir()) for place in (link, target)] == [
        [link.name],
        [target.name],
    ]
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(StoreError, match="itself"), writing(link):
        pass


def test_a_store_that_cannot_be_made_leaves_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun beside it is removed at once, not by the next run."""
    monkeypatch.setattr(stores, "sync", lambda _: os.strerror(os.open("/", os.O_WRONLY)))
    with pytest.raises(StoreError), writing(place):
        pass
    assert list(place.parent.iterdir()) == []


def test_what_is_read_is_of_one_moment(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit waits until a reader is through."""
    monkeypatch.setattr(stores, "_WAIT", 0.01)
    add, words = "INSERT INTO word (text) VALUES ('later')", "SELECT text FROM word"
    with writing(place) as store:
        with opened(place) as reader:
            with pytest.raises(StoreBusy), store.transaction() as connection:
                connection.execute(add)
            assert reader.connection.execute(words).fetchall() == []
        with store.transaction() as connection:
            connection.execute(add)
        with opened(place) as reader:
            assert reader.connection.execute(words).fetchall() == [("later",)]


def test_what_the_store_lies_beside_is_no_log(tmp_path: Path) -> None:
    """A store and reports within the folder of the logs are not taken for logs."""
    write(tmp_path / "a.log", FEW)
    report = tmp_path / "report.html"
    write(tmp_path / "history.db.v1", FEW[:1])
    for _ in range(2):
        report.write_text("<!doctype html>", encoding="utf-8")
        night = cdnlog.nightly(tmp_path, tmp_path / "history.db", beside=[report])
        assert [Path(one.path).name for one in night.counts.inputs.files] == ["a.log"]


def test_options_that_leave_lines_out_are_refused(tmp_path: Path, place: Path) -> None:
    """Files count as a whole: what was filtered could never be counted again."""
    for options in ({"domain": "www.*"}, {"since": "2026-11-20"}, {"by": "cache"}, {"window": "1m"}):
        with pytest.raises(UsageError):
            cdnlog.nightly(tmp_path, place, **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="standard input"):
        cdnlog.nightly("-", place)


def test_truth_is_independent() -> None:
    """The oracle itself: an hour, a domain, a status."""
    table: Table = truth(lines_of(HOUR, 1, failing=0))
    assert table == {(1, "www.example.com", 200): HOUR}
