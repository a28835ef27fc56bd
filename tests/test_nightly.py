"""Nights unattended: killed, interrupted, started twice, without space; and what they say of the nights before."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from crash.deliveries import grown, taken_over
from crash.scene import Scene, as_fork, ended, forked, surroundings, warm
from nights import HOUR, Table, content, kept, lines_of, strays, truth, write
from test_cases import Result, line, run_here, state

import cdnlog
from cdnlog import failpoints, workers
from cdnlog.cli import reports
from cdnlog.errors import UsageError
from cdnlog.failpoints import failpoint, passed
from cdnlog.history import nights as nights_of_store
from cdnlog.report import render
from cdnlog.results import Night

DAY = 24
FEW = lines_of(300)
ARGS = ["nightly", "logs", "--store", "history.db", "--fail-on", "never", "--report", "json=report.json"]


def start(folder: Path, *more: str, **variables: str) -> subprocess.Popen[bytes]:
    """Start the program."""
    command = [sys.executable, "-m", "cdnlog", *ARGS, *more]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=surroundings(**variables), stdout=pipe, stderr=pipe)


def run(folder: Path, *more: str) -> Result:
    """Run the program within this process."""
    return run_here([*ARGS, *more], folder)


@pytest.fixture(scope="module")
def warmed() -> None:
    """What a night needs is loaded: forks need not load it again."""
    warm()


def here(args: list[str], folder: Path, _: dict[str, str]) -> int:
    """Run the program within this process, which saves even the fork."""
    return run_here(args, folder).code


@pytest.mark.parametrize("first", [True, False])
def test_kills_at_every_failpoint_change_nothing(first: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a night is killed, the next run ends with the same store and reports, and leaves nothing behind.

    What a kill leaves is what is there when a point is passed. `tests/crash/run.py` kills in earnest.
    """
    scene = Scene(tmp_path, here, 100, ("json", "prometheus"), first=first, jobs=1)
    left: list[dict[str, bytes]] = []

    def look() -> None:
        now = state(scene.store.parent)
        if now not in left:
            left.append(now)

    scene.fresh()
    with monkeypatch.context() as patch:
        patch.setattr(failpoints, "_kill_at", look)
        scene.run()
    assert len(left) > 5
    for files in left:
        scene.fresh(files)
        assert scene.run() == scene.exit
        assert scene.faults() == [], sorted(files)


@pytest.mark.usefixtures("warmed")
def test_kills_of_the_recovery_change_nothing(tmp_path: Path) -> None:
    """A run that recovers may be killed as well; one file counts without what another has of it."""
    scene = Scene(tmp_path, as_fork, 100, ("json",), (grown, taken_over), jobs=1)
    points = scene.points()
    assert points > 20
    for at in range(1, points, 7):
        scene.fresh()
        assert scene.run(at) == -signal.SIGKILL
        scene.run((at * 7) % points + 1)
        assert scene.run() == scene.exit
        assert scene.faults() == [], at


def test_failpoints_are_counted_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`CDNLOG_KILL_AT=0` tells their number at the end, no variable tells nothing, and no number is refused."""
    assert passed() is None
    monkeypatch.setenv("CDNLOG_KILL_AT", "here")
    with pytest.raises(UsageError, match="CDNLOG_KILL_AT"):
        failpoint()
    write(tmp_path / "logs" / "a.log", FEW)
    with start(tmp_path, CDNLOG_KILL_AT="0") as process:
        err = process.communicate()[1]
    assert int(err.split()[-1]) > 10


@pytest.mark.usefixtures("warmed")
def test_of_twenty_starts_one_works(tmp_path: Path) -> None:
    """While one run works, all others leave at once with 75, and the result is right."""
    hours = [lines_of(300, hour) for hour in range(6)]
    for hour, lines in enumerate(hours):
        write(tmp_path / "logs" / f"{hour}.log", lines)
    fifo = tmp_path / "report.json"
    os.mkfifo(fifo)  # the one that works cannot end before the others have come
    waiting = {forked(ARGS, tmp_path, {}, f"{number}.txt"): tmp_path / f"{number}.txt" for number in range(20)}
    told = {}
    while len(waiting) > 1:
        child, status = os.wait()
        told[child] = (os.waitstatus_to_exitcode(status), waiting.pop(child).read_bytes())
    fifo.read_bytes()
    (child, text) = next(iter(waiting.items()))
    assert (ended(child), text.read_bytes()) == (0, b"")
    assert all(code == 75 and b"another run" in text and text.count(b"\n") == 1 for code, text in told.values())
    assert kept(tmp_path / "history.db") == truth(*hours)


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Table]:
    """Four files, each of which takes a while to be read; a mark that one is being read, and what they count."""
    hours = [lines_of(100, hour) for hour in range(4)]
    for hour, lines in enumerate(hours):
        write(tmp_path / "logs" / f"{hour}.log", lines)
    mark = tmp_path / "reading"

    def advance(_: workers.Monitor, size: int) -> None:
        if size:
            mark.touch()
            time.sleep(0.05)

    for monitor in (workers.Monitor, workers._Told):
        monkeypatch.setattr(monitor, "advance", advance)
    return mark, truth(*hours)


@contextmanager
def reading(folder: Path, mark: Path, *more: str) -> Iterator[tuple[int, int]]:
    """Start a night and wait until it reads; give its number, and a pipe that ends with the last of its processes."""
    end, held = os.pipe()
    child = forked([*ARGS, *more], folder, {}, "said.txt")
    os.close(held)
    try:
        while not mark.exists():
            assert os.waitpid(child, os.WNOHANG) == (0, 0)
            time.sleep(0.005)
        yield child, end
    finally:
        os.close(end)


@pytest.mark.usefixtures("warmed")
@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
@pytest.mark.parametrize(("jobs", "kill"), [("1", os.kill), ("2", os.kill), ("2", os.killpg)])
def test_signals_roll_back_and_say_so(  # noqa: PLR0913, PLR0917 - as pytest hands them in
    number: signal.Signals,
    code: int,
    word: str,
    jobs: str,
    kill: Callable[[int, int], None],
    tmp_path: Path,
    slow: tuple[Path, Table],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A signal to a night, or to its workers too, ends all of them soon, rolls back and says so; the next is right."""
    with reading(tmp_path, slow[0], "--jobs", jobs) as (child, end):
        kill(child, number)
        assert select.select([end], [], [], 5)[0]
        assert ended(child) == code
    said = (tmp_path / "said.txt").read_text()
    assert word in said
    assert "rolled back" in said
    assert said.count("\n") == 1
    assert strays(tmp_path) == []
    assert not (tmp_path / "report.json").exists()
    monkeypatch.undo()
    assert run(tmp_path).code == 0
    assert kept(tmp_path / "history.db") == slow[1]


@pytest.mark.usefixtures("warmed")
def test_no_worker_outlives_a_killed_run(tmp_path: Path, slow: tuple[Path, Table]) -> None:
    """When a run is killed its workers end as well: whoever reads its output is not kept waiting."""
    with reading(tmp_path, slow[0], "--jobs", "2") as (child, end):
        os.kill(child, signal.SIGKILL)
        assert select.select([end], [], [], 5)[0]
        ended(child)


def test_a_well_night_says_nothing(tmp_path: Path) -> None:
    """With reports and nothing wrong there is no output at all; a finding makes one line, exit 1, and has its begin."""
    write(tmp_path / "logs" / "a.log", lines_of(2000, failing=0))
    assert run(tmp_path, "--fail-on", "high") == Result(0, b"", b"")
    write(tmp_path / "logs" / "b.log", [line(502, HOUR + at, path=f"/{at}") for at in range(2000)])
    code, out, err = run(tmp_path, "--fail-on", "high")
    assert (code, out, err.count(b"\n")) == (1, b"", 1)
    assert b"502" in err
    assert b"(new)" in err
    write(tmp_path / "logs" / "c.log", [line(502, 2 * HOUR + at, path=f"/{at}") for at in range(2000)])
    assert b"(new)" in run(tmp_path, "--fail-on", "high").err
    assert b"Earlier nights told it since 2026-11-20 01:00 without a break." in (tmp_path / "report.json").read_bytes()


def test_without_a_report_the_table_is_printed(tmp_path: Path) -> None:
    """The result goes to standard output then, in whatever form is asked for."""
    write(tmp_path / "logs" / "a.log", FEW)
    out = run_here(["nightly", "logs", "--store", "h.db", "-o", "json"], tmp_path).out
    assert json.loads(out)["schema"] == "cdnlog.nightly/1"
    assert b"www.example.com" in run_here(["nightly", "logs", "--store", "h.db", "--fail-on", "never"], tmp_path).out


def test_reports_that_cannot_be_written_leave_the_old_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC or EIO at any write of any report: exit 74, all old reports whole; the next run is right."""
    write(tmp_path / "logs" / "a.log", FEW)
    more = ("--report", "prometheus=report.prom")
    run(tmp_path, *more)
    old = {path.name: path.read_bytes() for path in tmp_path.glob("report.*")}
    write(tmp_path / "logs" / "b.log", lines_of(300, 1))
    for number, failing in enumerate((28, 5, 30)):
        for at in range(2):
            calls = iter(range(9))

            def fsync(handle: int, error: int = failing, at: int = at, calls: object = calls) -> None:
                del handle
                if next(calls) == at:  # type: ignore[call-overload]
                    raise OSError(error, os.strerror(error))

            with monkeypatch.context() as patch:
                patch.setattr(reports.os, "fsync", fsync)
                code, _, err = run(tmp_path, *more)
            assert code == 74, (number, at)
            assert os.strerror(failing).encode() in err
            assert {path.name: path.read_bytes() for path in tmp_path.glob("report.*")} == old
            assert strays(tmp_path) == []
    assert run(tmp_path, *more).code == 0
    assert kept(tmp_path / "history.db") == truth(FEW, lines_of(300, 1))
    assert all(path.read_bytes() != old[path.name] for path in tmp_path.glob("report.*"))


def test_what_cannot_be_removed_is_swept_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary file that cannot be removed is no failure of the night; the next run sweeps it."""
    write(tmp_path / "logs" / "a.log", FEW)

    def unlink(path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, os.strerror(13), f"{path} {missing_ok}")

    with monkeypatch.context() as patch:
        patch.setattr(reports.Path, "unlink", unlink)
        reports.put({tmp_path / "r.json": "{}"}, tmp_path / "history.db")
    assert (tmp_path / "r.json").read_text() == "{}"


def test_a_store_without_space_is_told(tmp_path: Path) -> None:
    """A store that may not grow any more: exit 74, what it held it holds still, and the next run is right."""
    write(tmp_path / "logs" / "a.log", FEW)
    run(tmp_path)
    for number in range(12):
        write(tmp_path / "logs" / f"b{number}.log", lines_of(3000, number, f"{number}.example", failing=0.5))
    limit = (tmp_path / "history.db").stat().st_size + 20_000
    command = [sys.executable, "-m", "cdnlog", *ARGS]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=surroundings(),
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 74, done.stderr
    assert b"history.db" in done.stderr
    assert truth(FEW).items() <= kept(tmp_path / "history.db").items()
    assert run(tmp_path).code == 0
    assert kept(tmp_path / "history.db") == truth(
        FEW, *(lines_of(3000, number, f"{number}.example", failing=0.5) for number in range(12))
    )
    assert strays(tmp_path) == []


def test_where_reports_go_is_checked_before_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told at once, no store is made: a report that is none is wrong usage, a place where none can be is no output."""
    write(tmp_path / "logs" / "a.log", FEW)
    for more in ("nothing", "pdf=a", "json=", "html=report.json"):
        assert run(tmp_path, "--report", more).code == 2
    for more in ("json=no/report.json", "json=logs", "json=logs/a.log/r.json"):
        code, _, err = run(tmp_path, "--report", more)
        assert (code, f"cannot write {more[5:]}: ".encode() in err) == (74, True)
    assert run(tmp_path, "--report", "json=no/report.json", "--window", "7m").code == 2
    for store in ("no/history.db", "logs"):
        code, _, err = run(tmp_path, "--store", store)
        assert (code, f"store {store}: it".encode() in err) == (74, True)
    monkeypatch.setattr(os, "access", lambda *_: False)
    code, _, err = run(tmp_path)
    assert (code, b"its folder cannot be written" in err) == (74, True)
    assert not (tmp_path / "history.db").exists()


@pytest.mark.parametrize("more", ["--report prometheus=/dev/full", "--rejects /dev/full"])
def test_a_full_device_is_told(more: str, tmp_path: Path) -> None:
    """What goes into a device is written as it is; a full one is exit 74, and the next run tells the night as new."""
    write(tmp_path / "logs" / "a.log", [*FEW, "no line"])
    assert run(tmp_path, *more.split()).code == 74
    assert run(tmp_path, *more.replace("full", "null").split(), "--require-data").code == 0
    assert run(tmp_path, "--require-data").code == 4


def test_nothing_new_is_told(tmp_path: Path) -> None:
    """Where a sync brings nothing, --require-data is exit 4, and what is told again is said to be so, byte for byte."""
    (tmp_path / "logs").mkdir()
    assert run(tmp_path) == Result(0, b"", b"cdnlog: night 1: nothing new came: no log found; exit 0\n")
    assert run(tmp_path, "--require-data").code == 4
    path = write(tmp_path / "logs" / "a.log", lines_of(300, failing=0.9))
    assert run(tmp_path, "--require-data").code == 0
    old = (tmp_path / "report.json").read_bytes()
    assert run(tmp_path) == Result(0, b"", b"")
    os.utime(path, (1, 1))
    last = "nothing new came: 1 file found and known already, the last data ends 2026-11-20T01:00:00+08:00"
    for more, code in (("--fail-on=info", 1), ("--require-data", 4)):
        done = run(tmp_path, more)
        assert (done.code, done.err.startswith(f"cdnlog: night 1 again: {last}; ".encode())) == (code, True)
    assert (tmp_path / "report.json").read_bytes() == old
    path.unlink()
    assert b"night 1 again: nothing new came: no log found, the last" in run(tmp_path).err


def test_a_night_that_was_stopped_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run took in that ended before it could tell is not passed over by the next one as known."""
    write(tmp_path / "logs" / "a.log", FEW)
    with monkeypatch.context() as patch:
        patch.setattr(nights_of_store.NightData, "finish", lambda *_, **__: signal.raise_signal(signal.SIGINT))
        assert run(tmp_path).code == 130
    assert run(tmp_path, "--require-data") == Result(0, b"", b"")


def test_a_night_that_could_not_be_told_goes_on(tmp_path: Path) -> None:
    """What comes after reports that could not be written is of the same night, told as if all had come at once."""

    def full(_: Night) -> None:
        raise OSError(28, os.strerror(28))

    logs, parts, once = tmp_path / "logs", tmp_path / "parts.db", tmp_path / "once.db"
    write(logs / "0.log", day_of(0))
    for store in (parts, once):
        cdnlog.nightly(logs, store)
    for name, lines in (("1.log", day_of(1, failing=0.5)), ("2.log", day_of(2, "img.example.com"))):
        write(logs / name, lines)
        with pytest.raises(OSError, match="space"):
            cdnlog.nightly(logs, parts, deliver=full)
    night = cdnlog.nightly(logs, parts)
    assert (night.number, night.again, states(night)) == (2, None, ["new"])
    assert night == cdnlog.nightly(logs, once)
    assert content(parts) == content(once)
    assert cdnlog.nightly(logs, parts).again == 3


def test_the_line_says_why_and_what_to_do(tmp_path: Path) -> None:
    """Of files that do not count the line tells how many, and of the first what was seen and what helps."""
    path = write(tmp_path / "logs" / "a.log", FEW)
    run(tmp_path)
    write(path, FEW[100:])
    refused = run(tmp_path).err.decode()
    assert "1 of 1 file incomplete, logs/a.log: refused: not all of the 300 lines that were counted" in refused
    assert "--replace takes the file as it is; exit 3" in refused
    (tmp_path / "logs" / "b.log").write_bytes(gzip.compress("".join(FEW).encode())[:900])
    assert "2 of 2 files incomplete, first logs/a.log: refused" in run(tmp_path).err.decode()
    cut = run(tmp_path, "--replace").err.decode()
    assert "1 of 2 files incomplete, logs/b.log: truncated: the file stops in the middle" in cut
    assert "download it again" in cut


def test_the_law_holds_without_asserts(tmp_path: Path) -> None:
    """Lines that do not add up stop the run and are not counted, under `python -O` too."""
    write(tmp_path / "logs" / "a.log", FEW)
    script = (
        "import sys; from cdnlog import model, cli\n"
        "add = model.Accounting.__add__\n"
        "model.Accounting.__add__ = lambda a, b: add(a, model.Accounting(lines=b.lines + 1, counted=b.counted))\n"
        f"sys.argv = ['cdnlog', *{ARGS!r}]; cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-O", "-c", script], cwd=tmp_path, env=surroundings(), capture_output=True, check=False
    )
    assert done.returncode == 70
    assert b"do not add up" in done.stderr
    assert kept(tmp_path / "history.db") == {}
    assert run(tmp_path).code == 0
    assert kept(tmp_path / "history.db") == truth(FEW)


def nights(folder: Path, *days: list[str]) -> list[Night]:
    """Tell one night a day, each with the file of its day."""
    told = []
    for day, lines in enumerate(days):
        write(folder / "logs" / f"{day}.log", lines)
        told.append(cdnlog.nightly(folder / "logs", folder / "history.db", jobs=1))
    return told


def day_of(day: int, host: str = "www.example.com", failing: float = 0.0, hours: range = range(8, 12)) -> list[str]:
    """Return some hours of a day; in the third one a share of the requests fails with 502."""
    made = []
    for hour in hours:
        for number, one in enumerate(lines_of(600, day * DAY + hour, host, failing=0)):
            fails = hour == hours[2] and number < 600 * failing
            made.append(one.replace(" 120 2 200 ", " 120 2 502 ") if fails else one)
    return made


def states(night: Night) -> list[str]:
    """Return the states of incidents."""
    return [one.state for one in night.diagnosis if one.status == 502]


def test_findings_compare_with_the_nights_before(tmp_path: Path) -> None:
    """Unknown on the first night, new when it was not there before, then worse, chronic, better, and gone.

    What a state rests on is told with it.
    """
    told = nights(tmp_path, *(day_of(day, failing=share) for day, share in enumerate((0.3, 0, 0.3, 0.9, 0.9, 0.2, 0))))
    assert [states(one) for one in told] == [["unknown"], [], ["new"], ["worse"], ["chronic"], ["better"], []]
    said = [one["statement"] for night in told for finding in night.diagnosis for one in finding.evidence]
    assert [one for one in said if one.startswith("Other days")] == [
        f"Other days that had it in the last two weeks: {days}, the first 2026-11-20; on 3, or on all, it is chronic."
        for days in ("1 of 2", "2 of 3", "3 of 4", "4 of 5")
    ]
    assert [one.status for one in told[-1].gone] == [502]
    assert [one.status for one in told[1].gone] == [502]
    fresh = tmp_path / "fresh"
    told = nights(fresh, *(day_of(day, failing=share) for day, share in enumerate((0, 0, 0.3))))
    assert [states(one) for one in told] == [[], [], ["new"]]
    second = nights(tmp_path / "second", day_of(0, failing=0.3), day_of(1, failing=0.3))[1]
    assert states(second) == ["chronic"]
    assert "This rests on 1 of them where 3 would be sure" in render(second, "table", 1000)


def test_a_night_that_holds_nothing_but_the_incident_is_compared_with_history(tmp_path: Path) -> None:
    """What is usual is known from other days, so that a share that is the same all night is still an incident."""
    bad = [one.replace(" 120 2 200 ", " 120 2 404 ") if at % 10 == 0 else one for at, one in enumerate(day_of(3))]
    *_, night = nights(tmp_path, *(day_of(day) for day in range(3)), bad)
    alone = cdnlog.diagnose(tmp_path / "logs" / "3.log")
    assert [(one.status, one.state) for one in night.diagnosis] == [(404, "new")]
    rules = [{evidence["rule"] for one in told for evidence in one.evidence} for told in (night.diagnosis, alone)]
    assert ["E02" in some for some in rules] == [False, True]  # "no quiet time to compare with"


def test_the_usual_share_of_other_days_is_no_incident(tmp_path: Path) -> None:
    """A domain that always has some 404 at that hour has none to tell."""
    days = []
    for day in range(4):
        lines = day_of(day)
        days.append(
            [
                one.replace(" 120 2 200 ", " 120 2 404 ") if at % 50 == 0 and at < 600 else one
                for at, one in enumerate(lines)
            ]
        )
    *_, night = nights(tmp_path, *days)
    assert [one.cause for one in night.diagnosis] == ["background"]


def test_late_files_open_their_hours_again(tmp_path: Path) -> None:
    """A file of a night before is counted there, its hours are told as changed, and diagnosed anew."""
    first = nights(tmp_path, day_of(0), day_of(1))[0]
    late = lines_of(500, 9, seed=5, failing=0.5)
    write(tmp_path / "logs" / "late.log", late)
    night = cdnlog.nightly(tmp_path / "logs", tmp_path / "history.db")
    assert [(one.domain, one.before, one.after) for one in night.changed] == [("www.example.com", 600, 1100)]
    assert night.changed[0].start == "2026-11-20T09:00:00+08:00"
    assert sum(night.counts.columns["requests"]) == 1100
    assert first.changed == ()
    assert {one.status for one in night.diagnosis} == {404, 502}
    assert kept(tmp_path / "history.db") == truth(day_of(0), day_of(1), late)


def test_missing_hours_and_domains_are_noticed(tmp_path: Path) -> None:
    """What is regularly there and is not tonight is told, from the fourth day on; a hole within the data at once."""
    both = [[*day_of(day), *day_of(day, "img.example.com")] for day in range(4)]
    hole = [one for one in both[3] if not one.startswith("2026112310") or "img" in one]
    told = nights(tmp_path, *both[:3], [one for one in hole if "img" not in one], day_of(4, "img.example.com"))
    assert [one.missing for one in told[:3]] == [(), (), ()]
    missing = told[3].missing
    assert [(one.domain, one.start[11:16], one.end[11:16], one.whole) for one in missing] == [
        ("img.example.com", "08:00", "12:00", True),
        ("www.example.com", "10:00", "11:00", False),
    ]
    assert [one.usual for one in missing] == [2400, 600]
    assert [(one.domain, one.whole) for one in told[4].missing] == [("www.example.com", True)]
    assert run(tmp_path) == Result(0, b"", b"")  # told before
    write(tmp_path / "logs" / "5.log", day_of(5, "img.example.com"))
    gap = "cdnlog: night 6: 1 gap in the data, www.example.com from 2026-11-25T08:00:00+08:00 (chronic); exit 0\n"
    assert run(tmp_path) == Result(0, b"", gap.encode())  # each night that it is missing
    write(tmp_path / "logs" / "6.log", [*day_of(6, hours=range(9, 12))])
    gap = "cdnlog: night 7: 2 gaps in the data, first img.example.com from 2026-11-26T08:00:00+08:00; exit 0\n"
    assert run(tmp_path) == Result(0, b"", gap.encode())  # the whole domain before the hour of another


def test_what_makes_numbers_wrong_is_told_to_cron(tmp_path: Path) -> None:
    """Files that share lines and count, and a newest day far after all others, are in the one line with exit 0."""
    lines = lines_of(300, failing=0)
    write(tmp_path / "logs" / "a.log", lines[:200])
    write(tmp_path / "logs" / "b.log", lines[100:])
    folder = tmp_path / "logs"
    twice = f"cdnlog: night 1: 1 file shares lines with another one that counts: {folder}/b.log; exit 0\n"
    assert run(tmp_path) == Result(0, b"", twice.encode())
    write(tmp_path / "logs" / "c.log", lines_of(300, 24 * 36, failing=0))
    far = "cdnlog: night 2: a wrong clock? the newest day is 36 days after the one before, older data may be dropped"
    assert run(tmp_path) == Result(0, b"", f"{far}; exit 0\n".encode())
    (clock,) = cdnlog.nightly(folder, tmp_path / "history.db").unknown[-1:]
    assert "36 days after the one before it" in clock


def test_a_domain_is_missed_until_it_is_back(tmp_path: Path) -> None:
    """A missing domain is told each night, as new on the first one and as chronic then, for two weeks."""
    both = [[*day_of(day), *day_of(day, "img.example.com")] for day in range(4)]
    told = nights(
        tmp_path, *both, *(day_of(day) for day in range(4, 20)), [*day_of(20), *day_of(20, "img.example.com")]
    )
    states = ["".join({one.state for one in night.missing if one.whole}) for night in told]
    assert states == [""] * 4 + ["new"] + ["chronic"] * 13 + [""] * 3
    assert all(one.domain == "img.example.com" for night in told for one in night.missing)
    text = render(told[5], "html")
    assert "chronic" in text
    assert "img.example.com" in text.split("<details")[0]


def test_what_a_late_file_tells_is_no_end_of_what_came_after(tmp_path: Path) -> None:
    """A night of nothing but late data cannot say that an incident after that data is over; a later one can."""
    nights(tmp_path, day_of(0), day_of(1), day_of(2, failing=0.5))
    write(tmp_path / "logs" / "late.log", lines_of(300, 9, seed=5, failing=0))
    late = cdnlog.nightly(tmp_path / "logs", tmp_path / "history.db")
    assert (len(late.changed), late.gone) == (1, ())
    nights(tmp_path / "again", day_of(0), day_of(1), day_of(2, failing=0.5))
    write(tmp_path / "again" / "logs" / "next.log", day_of(3))
    later = cdnlog.nightly(tmp_path / "again" / "logs", tmp_path / "again" / "history.db")
    assert [one.status for one in later.gone] == [502]


def test_an_end_is_told_once_and_by_the_first_night_that_can(tmp_path: Path) -> None:
    """A night without data of the domain cannot say that an incident is over; the next one with some can, once."""
    days = [("www", 0.5), ("img", 0.0), ("www", 0.0), ("www", 0.0)]
    for day, (host, failing) in enumerate(days):
        write(tmp_path / "logs" / f"{day}.log", day_of(day, f"{host}.example.com", failing))
        night = cdnlog.nightly(tmp_path / "logs", tmp_path / "history.db", jobs=1)
        for one in (night, cdnlog.nightly(tmp_path / "logs", tmp_path / "history.db", jobs=1)):
            assert [gone.domain for gone in one.gone] == ["www.example.com"] * (day == 2)


def test_help_lists_what_is_taken(tmp_path: Path) -> None:
    """Options that a night refuses are not in its help, and are told what to do instead; no store is left behind."""
    write(tmp_path / "logs" / "a.log", FEW)
    text = run_here(["nightly", "--help"], tmp_path).out.decode()
    assert not any(word in text for word in ("--domain ", "--since", "--until", "standard input", "1m"))
    assert all(word in text for word in ("--domain-name", "--window", "15m"))
    for args in (["logs", "--since", "2026-11-20"], ["logs", "--domain", "w*"], ["logs", "--window", "1m"], ["-"]):
        code, _, err = run_here(["nightly", *args, "--store", "none.db"], tmp_path)
        assert (code, b"No such option" in err) == (2, False)
    for window in ("7m", "1m"):
        assert b"; use 5m, 15m, 1h," in run(tmp_path, "--window", window).err
    assert b"made if" not in run_here(["history", "--help"], tmp_path).out
    code, _, err = run(tmp_path, "--rejects", "none/rejects.jsonl")
    assert (code, b"none/rejects.jsonl" in err) == (74, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs"]


def test_a_signal_at_the_end_is_no_death(tmp_path: Path) -> None:
    """Whenever a signal comes, all done or not, the program ends by itself, with the signal's code or its own."""
    write(tmp_path / "logs" / "a.log", FEW)
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        for place, expected in (("cli._code", code), ("cli.leave", 0)):
            script = (
                "import os, sys; from cdnlog import cli\n"
                f"name = {place.partition('.')[2]!r}; call = getattr(cli, name)\n"
                f"def signalled(*given): os.kill(os.getpid(), {int(number)}); return call(*given)\n"
                f"setattr(cli, name, signalled); sys.argv = ['cdnlog', *{ARGS!r}]\n"
                "import signal; from cdnlog.cli import guard; signal.signal(signal.SIGTERM, guard._terminate)\n"
                "cli.main()"
            )
            command = [sys.executable, "-c", script]
            done = subprocess.run(command, cwd=tmp_path, env=surroundings(), capture_output=True, check=False)
            assert (done.returncode, done.stderr) == (expected, b"")


def test_a_night_shows_itself(tmp_path: Path) -> None:
    """In Python a night has JSON, Markdown and HTML as the command line has, and a card in a notebook."""
    (night,) = nights(tmp_path, day_of(0, failing=0.5))
    printed = run_here(["nightly", "logs", "--store", "history.db", "-o", "json"], tmp_path).out.decode()
    assert json.loads(night.to_json())["findings"] == json.loads(printed)["findings"]
    assert "<table" in night._repr_html_()
    assert "502" in night._repr_html_()
    assert "<script" not in night.to_html()
    assert "502" in night.to_markdown()
    assert "502" in str(night)


def test_the_first_nights_say_what_they_do_not_know(tmp_path: Path) -> None:
    """Night one says that nothing can be compared; later ones how much history there is."""
    told = nights(tmp_path, day_of(0), day_of(1))
    assert "first night" in told[0].unknown[0]
    assert all("history: 2." in sentence for sentence in told[1].unknown)
    (tmp_path / "logs" / "1.log").unlink()
    gone = cdnlog.nightly(tmp_path / "logs", tmp_path / "history.db", window="1h")
    assert any("not there to be read again" in sentence for sentence in gone.unknown)
    assert sum(gone.counts.columns["requests"]) == sum(told[1].counts.columns["requests"])


def test_a_night_is_told_again_as_it_was(tmp_path: Path) -> None:
    """Findings stay word for word when the files are gone; with other settings the night is diagnosed anew."""
    (told,) = nights(tmp_path, day_of(0, failing=0.5))
    logs, store = tmp_path / "logs", tmp_path / "history.db"
    assert [one.status for one in told.diagnosis] == [502]
    assert any(one.affected["paths"] for one in told.diagnosis)
    (logs / "0.log").unlink()
    again = cdnlog.nightly(logs, store, jobs=1)
    assert again == told
    assert again.to_json() == told.to_json()
    own = tmp_path / "own"
    (own / "regions").mkdir(parents=True)
    (own / "regions" / "mine.toml").write_text("# none of ours, and data all the same")
    for more in ({"lang": "ko"}, {"window": "1h"}, {"provider": "nginx"}, {"schemas": own}, {"anonymize": True}):
        anew = cdnlog.nightly(logs, store, **more)  # type: ignore[arg-type]
        assert all(not one.affected["paths"] for one in anew.diagnosis)
    assert cdnlog.nightly(logs, store) == told


def test_a_store_answers_like_its_logs(tmp_path: Path) -> None:
    """`count --store` and `diagnose --store` take the place of PATH; `history` shows what there is."""
    nights(tmp_path, day_of(0, failing=0.5), day_of(1))
    for args in (
        ["count", "-o", "csv"],
        ["count", "--window", "1d", "-o", "csv", "--domain", "w*"],
        ["count", "-o", "csv", "--since", "2026-11-21"],
        ["count", "-o", "csv", "--by", "status", "--by", "domain"],
        ["count", "-o", "csv", "--by", "window"],
    ):
        logs, store = (run_here([*args, *given], tmp_path).out for given in (["logs"], ["--store", "history.db"]))
        assert logs == store
    code, out, _ = run_here(["diagnose", "--store", "history.db", "-o", "json", "--fail-on", "low"], tmp_path)
    assert code == 1
    found = json.loads(out)["findings"]
    assert found[0]["status"] == 502
    assert {one["evidence"][0]["verdict"] for one in found} == {"not-measurable"}
    for more in (["--domain", "w*"], ["--lang", "ko", "-o", "html"]):
        told = run_here(["diagnose", "--store", "history.db", *more], tmp_path).out.decode()
        assert "cdnlog diagnose LOGS --domain www.example.com --since 2026-11-20" in " ".join(told.split())
    assert b"LOGS" not in run_here(["diagnose", "logs"], tmp_path).out
    held = json.loads(run_here(["history", "--store", "history.db", "-o", "json"], tmp_path).out)
    assert (held["schema"], held["nights"], len(held["files"])) == ("cdnlog.history/1", 2, 2)
    for output in ("table", "csv", "markdown", "html"):
        assert b"1.log" in run_here(["history", "--store", "history.db", "-o", output], tmp_path).out
    for args in (
        ["count"],
        ["count", "logs", "--store", "history.db"],
        ["history", "--store", "none.db"],
        ["count", "--store", "none.db"],
        ["diff", "logs", "logs", "--store", "history.db"],
        ["diff", "9999-12-31", "2026-11-20", "--store", "history.db"],
        ["diff", "2026-11-20", "2026-11-21", "--store", "history.db", "--since", "2026-11-20"],
    ):
        assert run_here(args, tmp_path).code == 2


def test_what_a_store_cannot_answer_is_refused(tmp_path: Path) -> None:
    """An option that is about reading logs, or asks for what a store does not keep, is named; nothing is ignored."""
    nights(tmp_path, day_of(0))
    for command, option, *value in (
        ("count", "--format", "tencent-cdn"),
        ("count", "--log-tz", "UTC"),
        ("count", "--domain-name", "a.example"),
        ("count", "--keep-damaged"),
        ("count", "--max-rejects", "0.5"),
        ("count", "--rejects", "rejects.jsonl"),
        ("diagnose", "--jobs", "2"),
        ("diagnose", "--cluster", "local"),
    ):
        code, _, err = run_here([command, "--store", "history.db", option, *value], tmp_path)
        assert (code, err.startswith(f"cdnlog: {option} is about reading logs".encode())) == (2, True)
    assert not (tmp_path / "rejects.jsonl").exists()
    for args, word in (
        (["--by", "isp"], "count the log files for 'isp'"),
        (["--since", "2026-11-20T00:02"], "give 2026-11-20T00:00:00+08:00"),
        (["--until", "2026-11-20T00:04"], "give 2026-11-20T00:00:00+08:00"),
    ):
        code, _, err = run_here(["count", "--store", "history.db", *args], tmp_path)
        assert (code, word in err.decode()) == (2, True)
    with pytest.raises(UsageError, match="keep_damaged is about reading logs"):
        cdnlog.stored(tmp_path / "history.db", keep_damaged=True)
    err = run_here(["count", "--store", "history.db", "--since", "2030-01-01", "--require-data"], tmp_path)
    assert (err.code, b"the store holds nothing there" in err.err) == (4, True)


def test_two_days_of_a_store_are_compared(tmp_path: Path) -> None:
    """`diff DAY DAY --store` finds what `diff` of their logs finds; paths, which a store has not, are null."""
    nights(tmp_path, day_of(0), day_of(1, failing=0.5))
    args = ["diff", "2026-11-20", "2026-11-21", "--store", "history.db"]
    stored = json.loads(run_here([*args, "-o", "json"], tmp_path).out)
    logs = json.loads(run_here(["diff", "logs/0.log", "logs/1.log", "-o", "json"], tmp_path).out)
    assert stored["changes"] == logs["changes"]
    assert stored["lost_paths"] is None
    assert [side["counted"] for side in (stored["before"], stored["after"])] == [
        side["counted"] for side in (logs["before"], logs["after"])
    ]
    assert b"Paths are not compared" in run_here(args, tmp_path).out
    code, _, err = run_here([*args[:2], *args[3:]], tmp_path)
    assert (code, b"two days of the store" in err) == (2, True)
    one = json.loads(run_here([*args, "--domain", "w*", "-o", "json"], tmp_path).out)
    assert {change["domain"] for change in one["changes"]} == {"www.example.com"}
    counts = cdnlog.stored(tmp_path / "history.db")
    for name, value in {"domain": "w*", "since": "2026-11-20", "until": "2026-11-21"}.items():
        for function in (partial(cdnlog.diff, counts), cdnlog.diagnose):
            with pytest.raises(UsageError, match=f"give {name} to what makes them"):
                function(counts, **{name: value})
    empty = run_here(["diff", "2026-11-19", "2026-11-20", "--store", "history.db", "--require-data"], tmp_path)
    assert (empty.code, b"nothing was compared" in empty.err) == (4, True)


def test_texts_are_in_the_language_asked_for(tmp_path: Path) -> None:
    """What a night says of files and history is Korean with `--lang ko`."""
    write(tmp_path / "logs" / "a.log", FEW)
    write(tmp_path / "logs" / "b.log", FEW)
    english, korean = (cdnlog.nightly(tmp_path / "logs", tmp_path / f"{lang}.db", lang=lang) for lang in ("en", "ko"))
    assert english.news[0].text != korean.news[0].text
    assert english.unknown != korean.unknown
    assert dataclasses.replace(english.news[0], text="") == dataclasses.replace(korean.news[0], text="")
