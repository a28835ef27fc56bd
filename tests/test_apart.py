"""No output takes the place of a log, a store, or another output: what cannot be told apart is refused with 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nights import lines_of, write
from test_cases import run_here

OF_STORE = ("s.db", "s.db.lock", "s.db-journal", "s.db.v1", "s.db.v2")
TAKEN = ("logs/0.log", *OF_STORE, "link.db", "hard.db", "mute.toml", "other.json")
MUTE = '[[mute]]\nid = "x"\nreason = "known"\nowner = "me"\nuntil = 2099-01-01\n'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a log, a store of one night, links to it, and a list of mutes."""
    monkeypatch.chdir(tmp_path)
    write(Path("logs/0.log"), lines_of(50))
    Path("mute.toml").write_text(MUTE)
    assert (
        run_here(["nightly", "logs", "--store", "s.db", "--report", "json=r.json", "--fail-on", "never"], tmp_path).code
        == 0
    )
    Path("link.db").symlink_to("s.db")
    os.link("s.db", "hard.db")
    return tmp_path


def contents(place: Path) -> dict[str, bytes]:
    """Return what is in every file."""
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("option", ["--report=json={}", "--rejects={}"])
@pytest.mark.parametrize("name", TAKEN)
def test_a_night_writes_over_nothing_it_needs(place: Path, name: str, option: str) -> None:
    """Reports and rejects that name a log, the store, a link to it or the mutes are refused before anything is done."""
    before = contents(place)
    rest = ("--report=json=other.json",) if option.startswith("--rejects") else ("--rejects=other.json",)
    given = ["nightly", "logs", "--store", "s.db", "--mute", "mute.toml", option.format(name), *rest]
    assert run_here(given, place).code == 2
    assert contents(place) == before


@pytest.mark.parametrize("command", ["count", "diagnose", "history"])
@pytest.mark.parametrize("name", ["s.db", "link.db", "hard.db"])
def test_a_store_is_not_written_over(place: Path, name: str, command: str) -> None:
    """What is told of a store never takes its place."""
    before = contents(place)
    assert run_here([command, "--store", "s.db", "--out", name], place).code == 2
    assert contents(place) == before


def test_a_night_says_that_reports_replace_out(place: Path) -> None:
    """`--out` beside `--report` would be lost without a word."""
    result = run_here(["nightly", "logs", "--store", "s.db", "--report", "json=a.json", "--out", "b.json"], place)
    assert (result.code, "--report" in result.err.decode()) == (2, True)
