"""Limits: what is larger, longer, deeper or more than cdnlog takes is bounded, counted and said."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from test_cases import environment, line, log


def limited(folder: Path, what: int, most: int, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the program with a limit on a resource."""
    command = [sys.executable, "-m", "cdnlog", *args]
    return subprocess.run(
        command, cwd=folder, env=environment(), timeout=60, check=False, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(what, (most, most)),
    )  # fmt: skip


def test_few_files_are_open_at_once(tmp_path: Path) -> None:
    """Three hundred files are read where no more than 48 may be open."""
    for number in range(300):
        (tmp_path / f"{number}.log").write_text(log("200"), encoding="utf-8")
    done = limited(tmp_path, resource.RLIMIT_NOFILE, 48, "count", ".", "--by", "status", "-o", "csv", "--jobs", "2")
    assert (done.returncode, done.stdout) == (0, "status,requests,bytes\n200,300,300000\n")


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
