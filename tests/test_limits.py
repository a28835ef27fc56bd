"""Limits: what is larger, longer, deeper or more than cdnlog takes is bounded, counted and said."""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from streams import PACKERS
from test_cases import environment, line, log, run_here

import cdnlog
from cdnlog import limits
from cdnlog.model import Verdict
from cdnlog.report import tables
from cdnlog.source import Ending, codecs


def limited(folder: Path, what: int, most: int, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the program with a limit on a resource."""
    command = [sys.executable, "-m", "cdnlog", *args]
    return subprocess.run(
        command, cwd=folder, env=environment(), timeout=60, check=False, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(what, (most, most)),
    )  # fmt: skip


def test_few_files_are_open_at_once(tmp_path: Path) -> None:
    """A hundred and twenty files are read where no more than 48 may be open."""
    for number in range(120):
        (tmp_path / f"{number}.log").write_text(log("200"), encoding="utf-8")
    done = limited(tmp_path, resource.RLIMIT_NOFILE, 48, "count", ".", "--by", "status", "-o", "csv", "--jobs", "2")
    assert (done.returncode, done.stdout) == (0, "status,requests,bytes\n200,120,120000\n")


def test_a_limit_on_file_size_is_told(tmp_path: Path) -> None:
    """A result that may not be as large as it is ends with 74, and what was there before stays."""
    (tmp_path / "a.log").write_text("".join(line(200, at=60 * i) + "\n" for i in range(2000)), encoding="utf-8")
    (tmp_path / "out.csv").write_text("before", encoding="utf-8")
    done = limited(
        tmp_path, resource.RLIMIT_FSIZE, 4096, "count", "a.log", "--window", "1m", "-o", "csv", "--out", "out.csv"
    )
    assert done.returncode == 74
    assert "cannot write out.csv: File too large" in done.stderr
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "before"


@pytest.mark.parametrize("output", ["table", "markdown", "html"])
def test_a_table_for_people_is_bounded(output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a table so large that nobody reads it the first rows are shown, and how many more there are is said."""
    monkeypatch.setattr(tables, "MOST_ROWS", 3)
    (tmp_path / "a.log").write_text(log("200@a 200@b 200@c 200@d 200@e"), encoding="utf-8")
    shown = run_here(["count", "a.log", "-o", output], tmp_path).out.decode()
    assert shown.count("2 more rows are not shown here") == 2


def test_stray_times_make_no_empty_windows(tmp_path: Path) -> None:
    """Lines of 1996 and of 2098 in one night are told and drawn like any others, not with all the hours between."""
    days = ("19960101", "20260101", "20981231")
    lines = "".join(line(503, at=i).replace("20261120", day) + "\n" for day in days for i in range(60))
    (tmp_path / "a.log").write_text(lines, encoding="utf-8")
    reports = ["--report", "html=r.html", "--report", "prometheus=r.prom"]
    done = limited(tmp_path, resource.RLIMIT_AS, 3 << 30, "nightly", "a.log", "--store", "s.db", *reports)
    assert done.returncode == 1, done.stderr
    assert (tmp_path / "r.html").stat().st_size < 1_000_000


def test_domains_beyond_the_limit_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those with most requests are named, however the files are split and ordered; totals stay, and it is said."""
    monkeypatch.setattr(limits, "DOMAINS", 3)
    (tmp_path / "a.log").write_text(log("200@a 200@a 404@b 200@b 200@c 200@d 200@e 200@-"), encoding="utf-8")
    (tmp_path / "b.log").write_text(log("200@d 404@d 200@f"), encoding="utf-8")
    tables_ = []
    for names in (["a.log", "b.log"], ["b.log", "a.log"]):
        done = run_here(["count", *names, "--by", "domain", "--by", "status", "-o", "json"], tmp_path)
        document = json.loads(done.out)
        assert document["inputs"]["limits"] == {"domains": 7}
        assert b"limit reached: there are 7 domains" in done.err
        tables_.append({(row["domain"], row["status"]): row["requests"] for row in document["counts"]})
    assert tables_[0] == tables_[1]
    assert tables_[0] == {
        ("(none)", 200): 1, ("d", 200): 2, ("d", 404): 1, ("a", 200): 2,
        ("(other)", 200): 4, ("(other)", 404): 1,
    }  # fmt: skip


def test_windows_beyond_the_limit_are_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows become the shortest longer ones that are few enough; no request is lost, and it is said."""
    monkeypatch.setattr(limits, "WINDOWS", 5)
    (tmp_path / "a.log").write_text("".join(line(at=300 * i) + "\n" for i in range(36)), encoding="utf-8")
    done = run_here(["count", "a.log", "-o", "json"], tmp_path)
    document = json.loads(done.out)
    assert (document["window"], [row["requests"] for row in document["counts"]]) == ("1h", [12, 12, 12])
    assert document["inputs"]["limits"] == {"windows": 36}
    assert b"limit reached: there are 36 windows" in done.err


def test_within_the_limits_nothing_is_said(tmp_path: Path) -> None:
    """Ordinary counts know no limits."""
    (tmp_path / "a.log").write_text(log("200@a 200@b"), encoding="utf-8")
    assert cdnlog.count(tmp_path / "a.log").inputs.limits == {}


@pytest.mark.parametrize("kind", PACKERS)
def test_expansion_is_bounded(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is far larger than any log packed so is a bomb: reading stops, and says where."""
    monkeypatch.setattr(codecs, "EXPANSION", 50)
    monkeypatch.setattr(codecs, "EXPANDED", 1 << 20)
    codec = next(codec for codec in codecs.CODECS if codec.name == kind)
    *pieces, ending = codecs.decompress(io.BytesIO(PACKERS[kind](bytes(20 << 20))), codec)
    assert isinstance(ending, Ending)
    assert ending.verdict is Verdict.CORRUPT
    assert "expands more than 50 times" in ending.problem
    assert sum(map(len, pieces)) < 20 << 20
    *_, ending = codecs.decompress(io.BytesIO(PACKERS[kind](log("200 " * 500).encode())), codec)
    assert ending == Ending(Verdict.OK)
