"""Files lean on one another: what counts once does so too when the file that holds it changes, ages or is cut."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from nights import kept, lines_of, truth, write

import cdnlog
from cdnlog.results import Night

Tell = Callable[..., Night]
HOURS = [lines_of(50, hour) for hour in range(3)]
DAY = [line for hour in HOURS for line in hour]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """The folder that is read each night."""
    return tmp_path / "logs"


@pytest.fixture
def tell(tmp_path: Path, logs: Path) -> Tell:
    """Tell a night; return it."""
    return lambda **options: cdnlog.nightly(logs, tmp_path / "history.db", jobs=1, **options)


@pytest.mark.parametrize(
    ("first", "cut", "whole"),
    [
        ({"a": DAY, "b": DAY}, {"a": HOURS[0]}, DAY),  # a duplicate of what is cut
        ({"h0": HOURS[0], "h2": HOURS[2], "z-day": DAY}, {"z-day": [*HOURS[0], *HOURS[1]]}, DAY),  # part of it
        ({"a-day": DAY, "h2": HOURS[2]}, {"a-day": HOURS[0]}, [*HOURS[0], *HOURS[2]]),
    ],
)
def test_what_leant_on_a_file_that_is_cut_counts_by_itself(
    logs: Path, tell: Tell, first: dict[str, list[str]], cut: dict[str, list[str]], whole: list[str]
) -> None:
    """--replace takes a file as it is: others whose lines counted through it are read again, in the same night."""
    for name, lines in sorted(first.items()):
        write(logs / f"{name}.log", lines)
        tell()
    for name, lines in cut.items():
        write(logs / f"{name}.log", lines)
    tell(replace_lost=True)
    assert kept(logs.with_name("history.db")) == truth(whole)
    assert not tell().counts.inputs.exit_code


def test_what_leant_in_part_counts_by_itself(tmp_path: Path, logs: Path, tell: Tell) -> None:
    """A file of which only the rest counted is counted whole when the file with the other lines is cut."""
    write(logs / "h0.log", HOURS[0])
    tell()
    write(logs / "z-day.log", DAY)
    tell()
    grown = [*HOURS[0], *lines_of(20, seed=5)]
    write(logs / "h0.log", grown)
    tell()
    assert kept(tmp_path / "history.db") == truth(DAY, grown[50:])
    write(logs / "z-day.log", [])
    tell(replace_lost=True)
    assert kept(tmp_path / "history.db") == truth(grown)


def test_a_copy_of_what_a_day_took_over_counts_by_itself(tmp_path: Path, logs: Path, tell: Tell) -> None:
    """A copy leans on the hour, and the hour on the day; one day that is cut lets no hours of other domains go."""
    other = [lines_of(30, hour, "api.example.com") for hour in range(2)]
    write(logs / "h0.log", HOURS[0])
    write(logs / "h0-copy.log.gz", HOURS[0])
    write(logs / "other.log", other[0])
    tell()
    (logs / "h0.log").unlink()
    write(logs / "z-day.log", DAY)
    write(logs / "z-other.log", [*other[0], *other[1]])
    tell()
    write(logs / "z-day.log", [*HOURS[1], *HOURS[2]])
    tell(replace_lost=True)
    assert kept(tmp_path / "history.db") == truth(DAY, *other)


def test_a_pack_may_grow_a_thousandfold(tmp_path: Path, logs: Path, tell: Tell) -> None:
    """Under its own name a file that has all lines and many more takes its place, though few can be compared."""
    write(logs / "a.log.gz", HOURS[0])
    tell()
    write(logs / "a.log.gz", [*lines_of(30_000, 0, seed=7), *reversed(HOURS[0])])
    assert not tell().counts.inputs.exit_code
    assert sum(kept(tmp_path / "history.db").values()) == 30_050


def test_a_file_that_is_whole_again_is_well(tmp_path: Path, logs: Path, tell: Tell) -> None:
    """What was cut or damaged, and refused, and then put back as it was, is incomplete no longer."""
    plain, packed = write(logs / "a.log", DAY), write(logs / "b.log.gz", lines_of(50, 9))
    whole = packed.read_bytes()
    tell()
    write(plain, HOURS[0])
    packed.write_bytes(whole[:-30])
    assert tell().counts.inputs.exit_code == 3
    write(plain, DAY)
    packed.write_bytes(whole)
    assert not tell().counts.inputs.exit_code
    assert kept(tmp_path / "history.db") == truth(DAY, lines_of(50, 9))


@pytest.mark.parametrize("swallowed", [True, False])
def test_content_is_known_when_its_lines_are_no_longer(
    tmp_path: Path, logs: Path, tell: Tell, *, swallowed: bool
) -> None:
    """The bytes of an hour that a day holds are that hour for ever, touched or under another name."""
    for name in ("h", "z-day") if swallowed else ("z-day", "h"):
        write(logs / f"{name}.log", HOURS[1] if name == "h" else DAY)
        tell(keep="1d,9d,9d")
    later = [lines_of(50, 24 * day) for day in (1, 2, 3)]
    for day, lines in enumerate(later):
        write(logs / f"later{day}.log", lines)
        tell(keep="1d,9d,9d")
    os.utime(logs / "h.log", (1, 1))
    write(logs / "copy.log.gz", HOURS[1])
    tell(keep="1d,9d,9d")
    assert sum(kept(tmp_path / "history.db").values()) == len(DAY) + 150


def test_quiet_hours_are_part_of_a_busy_day(tmp_path: Path, logs: Path, tell: Tell) -> None:
    """A day takes the place of hours of a few lines too, of which a sample of its own lines has none."""
    hours = [lines_of(4000 if hour == 12 else hour, hour) for hour in range(24)]
    for hour, lines in enumerate(hours):
        write(logs / f"{hour:02}.log", lines)
    tell()
    write(logs / "day.log", [line for hour in hours for line in hour])
    tell()
    assert kept(tmp_path / "history.db") == truth(*hours)
    files = cdnlog.holdings(tmp_path / "history.db").files
    assert [Path(file.path).name for file in files if file.state == "counted" and file.lines] == ["day.log"]


@pytest.mark.parametrize("late", [True, False])
def test_a_few_lines_in_common_are_no_whole_file(tmp_path: Path, logs: Path, tell: Tell, *, late: bool) -> None:
    """A small file of which a large one has a half is neither part of it nor replaced by it."""
    for seed in range(8):
        large, own = lines_of(4000, 24 * seed, seed=seed), lines_of(20, 24 * seed, seed=100 + seed)
        write(logs / f"{seed}-{'a' if late else 'z'}.log", large)
        write(logs / f"{seed}-m.log", [*large[::200], *own])
    tell()
    states = [(file.state, file.lines) for file in cdnlog.holdings(tmp_path / "history.db").files]
    assert sorted(states) == [("counted", 40)] * 8 + [("counted", 4000)] * 8


def test_lines_that_differ_in_a_digit_are_two(tmp_path: Path, logs: Path, tell: Tell) -> None:
    """All bytes of a line tell it from others."""
    one = HOURS[0][0].replace("/", "/img/2026/photo1000.jpg", 1)
    others = [one.replace("photo1000", f"photo{number}") for number in (1001, 1010, 2000)]
    for number, line in enumerate([one, *others]):
        write(logs / f"{number}.log", [line, *(HOURS[1] if not number else ())])
    tell()
    assert sum(kept(tmp_path / "history.db").values()) == 4 + len(HOURS[1])


def test_a_log_caught_within_a_line_is_part_of_the_whole(tmp_path: Path, logs: Path, tell: Tell) -> None:
    """A log that was being written ends within a line; rotated and packed, it takes the place of what was read."""
    path = logs / "a.log"
    write(path, [*HOURS[0][:30], HOURS[0][30][:80]], ended=False)
    tell()
    path.unlink()
    write(logs / "a.log.1.gz", HOURS[0])
    write(path, HOURS[2])
    tell()
    assert kept(tmp_path / "history.db") == truth(HOURS[0], HOURS[2])


def test_a_stray_time_does_not_end_a_log(tmp_path: Path, logs: Path, tell: Tell) -> None:
    """A log begun anew in place counts beside the one before it, though a line of that was dated years ahead."""
    stray = HOURS[0][0].replace("20261120", "20991120", 1)
    write(logs / "a.log", [*HOURS[0], stray])
    tell()
    write(logs / "a.log", HOURS[2])
    assert not tell().counts.inputs.exit_code
    assert sum(kept(tmp_path / "history.db").values()) == 101


def test_names_that_are_no_text_are_told_as_such(logs: Path, tell: Tell) -> None:
    """A duplicate of a file whose name is not UTF-8 is said with the name escaped."""
    logs.mkdir()
    for name in (b"caf\xe9.log", b"zcopy.log"):
        Path(os.fsdecode(os.fsencode(logs) + b"/" + name)).write_bytes("\n".join(HOURS[0]).encode())
    night = tell()
    assert [news.kind for news in night.news] == ["duplicate"]
    assert "caf\\xe9.log" in night.news[0].text
