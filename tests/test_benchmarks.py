"""The benchmark itself: its logs are what they seem, all who are installed agree, and it says what is missed."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import bare, bench, data, measure, scenarios
from benchmarks.bars import Faster, Result, Smaller
from benchmarks.measure import Memory, Spent

from cdnlog.cli.commands import SUMMARIES

RUN = Path(bench.__file__).with_name("run.py")
LINES = 1_000


def small(folder: Path, *arguments: str) -> list[str]:
    """Return the arguments of a benchmark on small logs."""
    return [*arguments, "--lines", str(LINES), "--folder", str(folder)]


def run(folder: Path, *arguments: str) -> str:
    """Run the benchmark as a user does; return what it prints."""
    command = [sys.executable, str(RUN), *small(folder, *arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the logs of all tests."""
    return tmp_path_factory.mktemp("bench")


@pytest.mark.parametrize("name", ["count-plain", "json", "combined", "w3c", "read"])
def test_all_who_are_installed_agree(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of every format the peers that are there give the same answer as cdnlog."""
    comparable = [job.name for job in scenarios.SCENARIOS[name].jobs if job.answer and not job.missing]
    bench.main(small(folder, name, "--rounds", "0", "--only", *comparable))
    assert len(comparable) < 2 or f"all {len(comparable)} agree: " in capsys.readouterr().out


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_every_bar_is_about_jobs_of_its_scenario(name: str) -> None:
    """A bar that names no job would never be judged."""
    jobs = {job.name for job in scenarios.SCENARIOS[name].jobs}
    for bar in scenarios.SCENARIOS[name].bars:
        others = set(bar.others) if isinstance(bar, Faster) else {bar.other} - {None}
        assert {bar.own, *others} <= jobs


def test_memory_is_looked_at(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The peaks of count and diagnose are judged without a single timed round."""
    bench.main(small(folder, "memory", "--rounds", "0", "--only", "count 3 GB", "diagnose 3 GB"))
    printed = capsys.readouterr().out
    assert printed.count("<= 300 MB: ") == (2 if Path("/proc/self/smaps_rollup").exists() else 0)


def test_rounds_are_timed_and_judged(folder: Path) -> None:
    """Only the contestants asked for run, a bar between two of them is judged, one without its other is not."""
    printed = run(folder, "linear", "--rounds", "2", "--only", "1 file", "4 files")
    assert printed.count("\n| ") == 4
    assert printed.count("bar: ") == 1


@pytest.mark.parametrize(("seconds", "word"), [(0.8, "held"), (0.81, "missed")])
def test_a_bar_is_a_share_of_the_fastest(seconds: float, word: str) -> None:
    """The median counts, and of the others the fastest."""
    results = {
        "own": Result([Spent(9, 9), Spent(seconds, 9), Spent(0.1, 9)]),
        "slow": Result([Spent(2, 2)]),
        "fast": Result([Spent(1, 1)]),
    }
    verdict = Faster("own", ("slow", "fast", "absent"), 0.8).judge(results)
    assert verdict == f"bar: own <= 0.80 x fast, the fastest: {seconds:.2f} {word}"


def test_a_bar_is_a_peak_of_memory() -> None:
    """A peak is judged by itself or beside another, and not at all where one is lacking."""
    results = {"big": Result(memory=Memory(200_000_000, 0)), "small": Result(memory=Memory(150_000_000, 0))}
    assert Smaller("big", 300).judge(results) == "bar: peak of big <= 300 MB: 200 held"
    assert Smaller("big", 30, "small").judge(results) == "bar: peak of big <= 30 MB more than small: 50 missed"
    assert Smaller("big", 30, "absent").judge(results) is None


def test_answers_that_differ_stop_the_benchmark() -> None:
    """One byte more in one cell is no agreement."""
    scenario = scenarios.SCENARIOS["linear"]
    jobs = [job.name for job in scenario.jobs if job.files is data.tencent]
    results = {name: Result(answer=measure.Answer(1, 2, 3, "a")) for name in jobs}
    assert bench.agreement(scenario, results).startswith(f"all {len(jobs)} agree: 1 cells, 2 requests, 3 bytes")
    results[jobs[0]].answer = measure.Answer(1, 2, 4, "b")
    with pytest.raises(SystemExit, match="the answers differ"):
        bench.agreement(scenario, results)


def test_an_answer_is_every_cell(tmp_path: Path) -> None:
    """Order and the spelling of a time play no part, everything else does."""
    texts = (
        "w,d,s,r,b\n2026-11-21T00:05:00+08:00,a,200,1,10\n2026-11-21T00:10:00+08:00,a,0,1,5\n",
        '"w","d"\n202611210010,"a",000,1,5\n202611210005,"a",200,1,10\n',
        "w,d,s,r,b\n202611210010,a,0,1,10\n202611210005,a,200,1,5\n",
    )
    found = []
    for text in texts:
        (tmp_path / "out.csv").write_text(text)
        found.append(measure.counts(tmp_path / "out.csv"))
    assert found[0] == found[1] != found[2]


def test_the_same_lines_are_made_each_time(tmp_path: Path) -> None:
    """Seeds decide; a file that is there is not made again."""
    made = [data.combined(tmp_path / name, LINES)[1] for name in ("one", "two")]
    assert gzip.decompress(made[0].read_bytes()) == gzip.decompress(made[1].read_bytes())
    made[0].write_bytes(b"kept")
    assert data.combined(tmp_path / "one", LINES)[1].read_bytes() == b"kept"


def test_a_repeated_member_is_many_members(tmp_path: Path) -> None:
    """The large gz has the text of the small one again and again."""
    (member,), (large,) = data.member(tmp_path, LINES), data.repeated(tmp_path, LINES)
    assert gzip.decompress(large.read_bytes()) == gzip.decompress(member.read_bytes()) * data.REPEATS


def test_the_bare_application_has_as_many_commands() -> None:
    """What start-up is compared with names the commands of cdnlog."""
    assert tuple(SUMMARIES) == bare.COMMANDS
