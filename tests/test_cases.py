"""Whole-program cases as data: `tests/cases/*.toml` says what is run and what must come of it.

A case is a table `[[case]]`:

    rule        the sentence it proves; also the name of the test
    args        the command line behind `cdnlog`
    files       name -> content; nothing but these is in the folder the program runs in
    stdin       content of standard input, else empty
    process     true: a process of its own, as a shell would start it; else the same entry point within the tests
    exit        the exit code, 0 if not given
    stdout      standard output, exactly
    stdout_has, stdout_lacks, stderr_has, stderr_lacks    parts of the two streams
    quiet       true: nothing at all on standard error
    leaves      name -> parts of its text; the files the run adds or changes are exactly these

A content is text, or a table with one of `text`, `base64` and `log`, and perhaps `gz`, `cut`, `append` (in this
order: compressed, without its last bytes, with bytes behind it), or `folder`, or `link`. `log` is a log of one line a
second in words: a status, `STATUS@HOST`, `bad` for a line that is none, `+SECONDS` for a pause.
"""

from __future__ import annotations

import base64
import gzip
import io
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import pytest

import cdnlog.cli

FOLDER = Path(__file__).parent / "cases"
ZONE = "America/St_Johns"  # half an hour off, with summer time: whoever asks the machine's zone is found out
START = datetime(2026, 11, 20)  # noqa: DTZ001 - the clock of the log
NOT_INHERITED = re.compile(r"COLUMNS|LINES|PYTHON.*|CDNLOG_.*|LC_ALL|LANG")
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Content(msgspec.Struct, forbid_unknown_fields=True):
    """What is in a file."""

    text: str = ""
    base64: str = ""
    log: str = ""
    gz: bool = False
    cut: int = 0
    append: str = ""
    folder: bool = False
    link: str = ""


class Case(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One run of the program and what must come of it; see the top of this file."""

    rule: Text
    args: list[str]
    files: dict[str, str | Content] = {}
    stdin: str | Content = ""
    process: bool = False
    exit: int = 0
    stdout: str | None = None
    stdout_has: list[Text] = []
    stdout_lacks: list[Text] = []
    stderr_has: list[Text] = []
    stderr_lacks: list[Text] = []
    quiet: bool = False
    leaves: dict[str, list[str]] = {}


class Cases(msgspec.Struct, forbid_unknown_fields=True):
    """One file of cases."""

    case: list[Case]


class Result(NamedTuple):
    """What a run gave."""

    code: int
    out: bytes
    err: bytes


def line(status: str | int = 200, at: int = 0, **given: str) -> str:
    """Return a line of a Tencent CDN log, without its LF: `host`, `path`, `referer`, `agent` as given."""
    field = {"host": "www.example.com", "path": "/a", "referer": "-", "agent": "curl/8.5.0", **given}
    when = f"{START + timedelta(seconds=at):%Y%m%d%H%M%S}"
    return (
        f"{when} 203.0.113.7 {field['host']} {field['path']} 1000 120 2 {status} {field['referer']} 30 "
        f'"{field["agent"]}" "(null)" GET HTTPS hit 32768'
    )


def log(words: str) -> str:
    """Return a log from its words; see the top of this file."""
    lines, at = [], 0
    for word in words.split():
        if word.startswith("+"):
            at += int(word)
            continue
        status, _, host = word.partition("@")
        lines.append("no line of any log" if word == "bad" else line(status, at, host=host or "www.example.com"))
        at += 1
    return "".join(f"{one}\n" for one in lines)


def content(given: str | bytes | Content) -> bytes:
    """Return the bytes of a file."""
    if isinstance(given, bytes):
        return given
    if isinstance(given, str):
        return given.encode()
    data = base64.b64decode(given.base64) if given.base64 else (given.text or log(given.log)).encode()
    data = gzip.compress(data, mtime=0) if given.gz else data
    return data[: len(data) - given.cut] + given.append.encode()


def lay_out(files: Mapping[str, str | bytes | Content], folder: Path) -> None:
    """Make the files of a case."""
    for name, given in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(given, Content) and given.folder:
            path.mkdir()
        elif isinstance(given, Content) and given.link:
            path.symlink_to(given.link)
        else:
            path.write_bytes(content(given))


def environment(**more: str) -> dict[str, str]:
    """Return an environment that says nothing of this machine."""
    kept = {name: value for name, value in os.environ.items() if not NOT_INHERITED.fullmatch(name)}
    return {**kept, "TZ": ZONE, **more}


def run_process(args: list[str], folder: Path, stdin: bytes = b"", **more: str) -> Result:
    """Run the program as a shell would; `more` goes into its environment."""
    command = [sys.executable, "-m", "cdnlog", *args]
    done = subprocess.run(
        command, input=stdin, capture_output=True, cwd=folder, env=environment(**more), timeout=60, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


def run_here(args: list[str], folder: Path, stdin: bytes = b"") -> Result:
    """Run the program's entry point within this process, which saves its start; it believes to have one processor."""
    raw = (io.BytesIO(), io.BytesIO())
    out = io.TextIOWrapper(raw[0], "utf-8", "strict", newline="\n", write_through=True)
    err = io.TextIOWrapper(raw[1], "utf-8", "backslashreplace", newline="\n", write_through=True)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in filter(NOT_INHERITED.fullmatch, list(os.environ)):
            patch.delenv(name)
        patch.setenv("TZ", ZONE)
        patch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
        patch.setattr(sys, "argv", ["cdnlog", *args])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        time.tzset()
        try:
            cdnlog.cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        else:
            code = 0
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            patch.undo()
            time.tzset()
    return Result(code, raw[0].getvalue(), raw[1].getvalue())


def state(folder: Path) -> dict[str, bytes]:
    """Return the content of every file in a folder by its name."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def cases() -> list[Any]:
    """Return every case as a test parameter."""
    return [
        pytest.param(case, id=f"{path.stem}: {case.rule}")
        for path in sorted(FOLDER.glob("*.toml"))
        for case in msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Cases).case
    ]


@pytest.mark.parametrize("case", cases())
def test_case(case: Case, tmp_path: Path) -> None:
    """The program does what the case says: exit code, both streams, and which files it leaves."""
    lay_out(case.files, tmp_path)
    before = state(tmp_path)
    run = run_process if case.process else run_here
    code, out, err = run(case.args, tmp_path, content(case.stdin))
    stdout, stderr = out.decode(), err.decode()
    told = f"exit {code}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
    assert code == case.exit, told
    assert case.stdout is None or stdout == case.stdout, told
    assert [part for part in case.stdout_has if part not in stdout] == [], told
    assert [part for part in case.stdout_lacks if part in stdout] == [], told
    assert [part for part in case.stderr_has if part not in stderr] == [], told
    assert [part for part in case.stderr_lacks if part in stderr] == [], told
    assert not (case.quiet and stderr), told
    left = {name: data for name, data in state(tmp_path).items() if before.get(name) != data}
    assert before.keys() <= state(tmp_path).keys(), told
    assert left.keys() == case.leaves.keys(), told
    for name, parts in case.leaves.items():
        text = left[name].decode("utf-8", "replace")
        assert [part for part in parts if part not in text] == [], f"{name}:\n{text}\n{told}"


def test_cases_are_told_apart() -> None:
    """No two cases claim the same rule, so that a failing one can be found by it."""
    rules = [parameter.id for parameter in cases()]
    assert len(set(rules)) == len(rules)
