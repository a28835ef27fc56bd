"""The program as a process: pipes, full disks, closed streams, signals, locales, what it imports, its own bugs."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from test_cases import Result, environment, line, log, run_here, run_process, state
from typer.main import get_command

from cdnlog.cli.commands import SUMMARIES
from cdnlog.cli.reports import put
from cdnlog.errors import AccountingError

SAMPLES = Path(__file__).parent.parent / "sample_logs"
PROGRAM = (sys.executable, "-m", "cdnlog")
LINES = "".join(f"{line(200, at)}\n" for at in range(2000)).encode()
FULL = Path("/dev/full")
COUNT = "count - --out c.csv"
COUNT_TWO = "count - a.log --jobs 2 --out c.csv"
PARSE = "parse - --out rows.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a log in it."""
    (tmp_path / "a.log").write_text(log("200 404 502"), encoding="utf-8")
    return tmp_path


def run_with(command: list[str], cwd: Path) -> Result:
    """Run any command in an environment that says nothing of this machine."""
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, timeout=60, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def shell(script: str, cwd: Path) -> Result:
    """Run a script in which $CDNLOG is the program."""
    return run_with(["/bin/sh", "-c", f"CDNLOG={shlex.quote(shlex.join(PROGRAM))}; {script}"], cwd)


@contextlib.contextmanager
def started(args: list[str], cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start the program with pipes; whatever happens, it is gone afterwards."""
    pipe = subprocess.PIPE
    command = [*PROGRAM, *args]
    with subprocess.Popen(command, cwd=cwd, env=environment(), stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()
            with contextlib.suppress(OSError):  # what it did not read any more
                process.stdin.close()  # type: ignore[union-attr]


@pytest.mark.parametrize("command", ["count . -o json -q", "diagnose . -o json -q", "codes"])
def test_head_ends_quietly(command: str) -> None:
    """A reader that goes away after the first bytes is no error and nothing to talk about."""
    with started(command.split(), SAMPLES) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == b""


def test_a_reader_that_was_never_there_is_no_error(tmp_path: Path) -> None:
    """`cdnlog ... | true` ends with 0, however early the reader left."""
    commands = ("codes", "--version", "--help")
    script = "; ".join(f"$CDNLOG {command}; echo '{command}:' $? >&2" for command in commands)
    result = shell(f"{{ sleep 0.3; {script}; }} | true", tmp_path)
    assert result.err.decode().splitlines() == [f"{command}: 0" for command in commands]


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["count a.log", "explain 514", "--version", "--help"])
def test_a_full_disk_is_said(folder: Path, command: str) -> None:
    """Standard output that takes nothing more ends with 74 and one message, never with a traceback."""
    result = shell(f"$CDNLOG {command} > {FULL}", folder)
    assert result.code == 74
    assert result.err.startswith(b"cdnlog: cannot write to standard output: No space left on device")
    assert result.err.count(b"\n") == 1


@pytest.mark.parametrize("command", ["count a.log", "explain 514", "formats detect a.log"])
def test_closed_stdout_is_said(folder: Path, command: str) -> None:
    """Standard output that is closed ends with 74, not with silent success."""
    result = shell(f"$CDNLOG {command} >&-", folder)
    assert result.code == 74
    assert result.err.startswith(b"cdnlog: cannot write to standard output: it is closed")


def test_closed_streams_are_no_matter_with_out(folder: Path) -> None:
    """A result that goes to a file needs no standard output, nor standard error, nor input."""
    assert shell("$CDNLOG count a.log -o csv --out c.csv >&- 2>&- <&-", folder).code == 0
    assert state(folder)["c.csv"].count(b"\n") == 4


def test_closed_stderr_is_no_matter(folder: Path) -> None:
    """Standard error that is closed or full changes neither the result nor the exit code."""
    expected = run_here(["count", "a.log", "gone.log"], folder)._replace(err=b"")
    for redirection in ("2>&-", f"2>{FULL if FULL.exists() else os.devnull}"):
        assert shell(f"$CDNLOG count a.log gone.log {redirection}", folder) == expected
    assert shell("$CDNLOG count --nonsense 2>&-", folder) == (2, b"", b"")


def test_closed_stdin_is_no_matter(folder: Path) -> None:
    """Without a standard input files are read as ever, and `-` is an input that cannot be read."""
    assert shell("$CDNLOG count a.log <&-", folder) == run_here(["count", "a.log"], folder)
    result = shell("$CDNLOG count a.log - <&-", folder)
    assert result.code == 3
    assert b"cdnlog: -: unreadable: standard input is closed" in result.err


def test_a_terminal_is_no_log(folder: Path) -> None:
    """`-` on a terminal is told how to be used instead of waiting for somebody to type a log."""
    primary, secondary = os.openpty()
    command = [*PROGRAM, "count", "-"]
    done = subprocess.run(command, stdin=secondary, cwd=folder, capture_output=True, timeout=60, check=False)
    os.close(primary)
    os.close(secondary)
    assert done.returncode == 2
    assert done.stderr.startswith(b"cdnlog: standard input is a terminal; pipe a log into 'cdnlog ... -'")


@pytest.mark.parametrize(
    ("args", "number", "flowing"),
    [
        (COUNT, signal.SIGINT, False),
        (COUNT, signal.SIGINT, True),
        (COUNT, signal.SIGTERM, False),
        (COUNT_TWO, signal.SIGINT, False),
        (COUNT_TWO, signal.SIGTERM, True),
        (PARSE, signal.SIGINT, True),
        (PARSE, signal.SIGTERM, False),
    ],
)
def test_signals_stop_a_long_read(folder: Path, args: str, number: int, *, flowing: bool) -> None:
    """Interrupted or terminated while it reads a pipe, the program ends at once, says so, and leaves nothing."""
    before = state(folder)
    with started([*args.split(), "--rejects", "r.jsonl"], folder) as process:
        feeder = threading.Thread(target=feed, args=(process,), kwargs={"forever": flowing}, daemon=True)
        feeder.start()
        wait_for(lambda: any(path.name.startswith(".cdnlog-") for path in folder.iterdir()))
        time.sleep(0.3)  # now it reads
        process.send_signal(number)
        assert process.wait(10) == 128 + number
        assert process.stderr is not None
        word = b"interrupted" if number == signal.SIGINT else b"terminated"
        assert process.stderr.read() == b"cdnlog: " + word + b"; nothing was written\n"
    feeder.join(10)
    assert state(folder) == before


def feed(process: subprocess.Popen[bytes], *, forever: bool) -> None:
    """Write log lines into a program until it reads no more, or once and then nothing."""
    assert process.stdin is not None
    with contextlib.suppress(OSError, ValueError):
        while True:
            process.stdin.write(LINES)
            process.stdin.flush()
            if not forever:
                return


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("where", ["gone/x", "a.log/x", "shut/x", "/proc/cdnlog-test"])
@pytest.mark.parametrize("command", ["count a.log --out {}", "count a.log --rejects {}", "parse a.log --out {}.csv"])
def test_an_output_that_cannot_be_made(folder: Path, where: str, command: str) -> None:
    """A file in a missing, shut or read-only folder ends with 74 and its name; nothing is left anywhere."""
    (folder / "shut").mkdir(mode=0o500)
    if where.startswith("shut") and os.access(folder / "shut", os.W_OK):
        pytest.skip("root may write everywhere")
    before = state(folder)
    result = run_here(command.format(where).split(), folder)
    assert (result.code, result.out) == (74, b"")
    assert f"cdnlog: cannot write {where}".encode() in result.err
    assert state(folder) == before


def test_out_never_replaces_what_is_no_file(folder: Path) -> None:
    """--out of a pipe or device writes into it or refuses; it must never put a file in its place (/dev/null!)."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    result = run_here(["count", "a.log", "-o", "csv", "--out", "pipe"], folder)
    with os.fdopen(reader, "rb") as file:
        got = file.read() or b""
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert (result.code == 0 and got.startswith(b"window_start")) or result.code == 74


def test_an_open_file_is_written_as_it_is(folder: Path) -> None:
    """What /dev/stdout leads to is written behind what it has, a file too; nothing takes the place of a link to it."""
    link = folder / "link"
    with (folder / "log").open("wb") as log:
        link.symlink_to(f"/dev/fd/{log.fileno()}")
        for number, path in enumerate((link, Path(f"/dev/fd/{log.fileno()}"))):
            os.write(log.fileno(), b"%d" % number)
            for out in ("--out", "--rejects"):
                assert run_here(["count", "a.log", "-o", "csv", out, str(path)], folder).code == 0
            put({path: "report"}, folder / "store.db")
    got = (folder / "log").read_bytes()
    assert link.is_symlink()
    assert [got.count(what) for what in (b"0window_start", b"1window_start", b"report")] == [1, 1, 2]
    link.unlink()
    link.symlink_to(link)
    assert run_here(["count", "a.log", "--out", "link/file"], folder).code == 74


def test_out_over_an_input_is_refused(folder: Path) -> None:
    """--out never destroys the log that is being read."""
    before = state(folder)
    assert run_here(["count", "a.log", "--out", "./a.log"], folder).code == 2
    assert state(folder) == before


def test_out_keeps_to_the_mask(folder: Path) -> None:
    """A result file has the permissions that any new file gets."""
    assert shell("umask 027; $CDNLOG count a.log --out c && $CDNLOG parse a.log --out c.csv", folder).code == 0
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in ("c", "c.csv")} == {0o640}


@pytest.mark.parametrize(
    "more",
    [
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LC_ALL": "C", "TERM": "dumb", "COLUMNS": "20", "NO_COLOR": "1"},
    ],
    ids=["ascii", "posix", "dumb"],
)
def test_any_locale_works(folder: Path, more: dict[str, str]) -> None:
    """Where only ASCII can be printed, what is more is escaped, on both streams; nothing fails."""
    (folder / "caf\u00e9.log").write_text(line(agent="Caf\u00e9 \u540d"), encoding="utf-8")
    result = run_process(["count", ".", "gone\u00e9.log", "--by", "user_agent"], folder, b"", **more)
    assert result.code == 3
    assert b"Caf" in result.out
    if "PYTHONIOENCODING" in more:
        assert result.out.isascii()
        assert result.err.isascii()
        assert b"Caf\\xe9 \\u540d" in result.out


@pytest.mark.parametrize("flags", [["-O"], ["-W", "error"]], ids=" ".join)
def test_any_python_flag_works(folder: Path, flags: list[str]) -> None:
    """Optimised, or with every warning an error, the results and the messages are the same."""
    for args in (["count", "a.log", "gone.log"], ["parse", "a.log", "--out", "rows.csv"]):
        command = [sys.executable, *flags, "-m", "cdnlog", *args]
        assert run_with(command, folder) == run_here(args, folder)


HEAVY = {
    "pandas", "pyarrow", "matplotlib", "jinja2", "rich", "pydantic", "asyncio", "numpy.ma",
}  # fmt: skip
"""What takes longest to import: only the commands that need one of these import it."""
SEVERAL = {"multiprocessing", "concurrent.futures"}
"""What only several files, or several lanes of one, need."""

# From light to heavy: what one command has imported, the later ones have too.
FORBIDDEN = {
    "--help": {
        *HEAVY,
        "importlib.metadata",
        "numpy",
        "isal",
        "msgspec",
        "tabulate",
        "wcwidth",
        "tempfile",
        "cdnlog.catalog",
    },
    "explain 514": {*HEAVY, "importlib.metadata", "numpy", "isal", "tabulate", "cdnlog.formats", "cdnlog.model"},
    "explain 514 -o json": {*HEAVY, "numpy", "isal", "tabulate", "cdnlog.formats", "cdnlog.model"},
    "codes": {*HEAVY, "numpy", "isal", "cdnlog.formats", "cdnlog.model"},
    "codes -o csv": {*HEAVY, "numpy", "isal", "cdnlog.formats", "cdnlog.model"},
    "formats": {*HEAVY, "numpy", "isal", "cdnlog.model"},
    "formats -o markdown": {*HEAVY, "numpy", "isal", "cdnlog.model"},
    "count --help": {*HEAVY, *SEVERAL, "cdnlog.results"},
    "count a.log -o csv --jobs 1": {*HEAVY, *SEVERAL, "cdnlog.results", "cdnlog.diagnosis", "cdnlog.serverformats"},
    "count a.log": {*HEAVY, "multiprocessing", "cdnlog.results", "cdnlog.diagnosis", "cdnlog.serverformats"},
    "diagnose a.log -o csv": {*HEAVY, "multiprocessing"} - {"numpy.ma"},
    "nightly a.log --store history.db": HEAVY - {"numpy.ma"},
}
IMPORTED = """
import contextlib, io, json, sys
def heavy():
    return sorted({*json.loads(looked_for), "typer"} & set(sys.modules))
looked_for, commands = sys.argv[1:]
assert heavy() == []
import cdnlog
assert set(cdnlog.__all__) <= set(dir(cdnlog))
seen = {"": heavy()}
import cdnlog.cli
for args in json.loads(commands):
    sys.argv = ["cdnlog", *args.split()]
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        cdnlog.cli.main()
    seen[args] = heavy()
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is imported by `import cdnlog` (under ""), and then by one command after the other."""
    folder = tmp_path_factory.mktemp("imported")
    (folder / "a.log").write_text(log("200"), encoding="utf-8")
    looked_for = sorted(set().union(*FORBIDDEN.values()))
    result = run_with([sys.executable, "-c", IMPORTED, json.dumps(looked_for), json.dumps(list(FORBIDDEN))], folder)
    assert result.code == 0, result.err
    seen: dict[str, list[str]] = json.loads(result.out)  # and the import printed nothing
    return seen


@pytest.mark.parametrize("args", FORBIDDEN)
def test_commands_start_light(imported: dict[str, list[str]], args: str) -> None:
    """A command imports what it needs: help and the tables no numpy, counting no pandas, no Arrow, no diagnosis."""
    assert FORBIDDEN[args] & set(imported[args]) == set()


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_list_of_commands_says_what_each_says_itself(name: str) -> None:
    """`--help` does not load the commands: what it says of one is how that one's own help begins."""
    command = get_command(import_module(f"cdnlog.cli.{name}").app)
    assert (command.help or "").startswith(SUMMARIES[name])


def test_the_library_starts_light(imported: dict[str, list[str]]) -> None:
    """`import cdnlog` prints nothing and imports nothing heavy; every public name is there all the same."""
    assert imported[""] == []


def assert_reported(result: Result, said: str, *, debug: bool = False) -> None:
    """Hold that a run ended with 70 and one line that asks for a report, behind a traceback only if asked for."""
    assert (result.code, result.out) == (70, b"")
    lines = result.err.decode().splitlines()
    assert said in lines[-1]
    assert lines[-1].startswith("cdnlog: ")
    assert "please report it at https://" in lines[-1]
    assert "\x1b" not in lines[-1]
    assert (lines[:-1] == []) != debug
    assert ("Traceback (most recent call last):" in lines) == debug


@pytest.mark.parametrize(
    ("where", "error", "args", "said"),
    [
        ("cdnlog.catalog.Catalog.explain", KeyError("by"), "explain 514", "KeyError: 'by'"),
        ("cdnlog.catalog.Catalog.codes", ValueError("a\nforged\x1b[2J"), "codes", r"ValueError: a\x0aforged\x1b[2J"),
        ("cdnlog.catalog.Catalog.formats", RecursionError("deep"), "formats", "RecursionError: deep"),
        ("cdnlog.catalog.Catalog.formats", MemoryError(), "count a.log --out c", "MemoryError"),
        ("cdnlog.model.Accounting.check", AccountingError("a.log", "1 = 2"), "count a.log", "do not add up: 1 = 2"),
        ("cdnlog.cli.reading.find", OSError(5, "I/O error"), "diagnose .", "I/O error"),
    ],
)
def test_a_bug_of_ours(  # noqa: PLR0913, PLR0917 - one argument per column of the table
    folder: Path, monkeypatch: pytest.MonkeyPatch, where: str, error: Exception, args: str, said: str
) -> None:
    """An error nobody foresaw ends with 70 and one line that says how to report it; nothing is left half-done."""

    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(where, broken)
    before = state(folder)
    assert_reported(run_here(args.split(), folder), said)
    assert state(folder) == before


BUG = """
import sys, cdnlog.cli, cdnlog.catalog
cdnlog.catalog.Catalog.explain = lambda *_: 1 / 0
sys.argv = {args!r}
cdnlog.cli.main()
"""


@pytest.mark.parametrize("debug", [False, True])
def test_a_bug_of_ours_in_a_process(tmp_path: Path, *, debug: bool) -> None:
    """It is the same in a process of its own; --debug shows the traceback too."""
    args = ["cdnlog", "explain", "514", *(["--debug"] if debug else [])]
    result = run_with([sys.executable, "-c", BUG.format(args=args)], tmp_path)
    assert_reported(result, "ZeroDivisionError: division by zero", debug=debug)


def test_threads_may_read_the_data_at_once() -> None:
    """Eight threads that read a data file for the first time do not crash one another."""
    code = (
        "import threading; from cdnlog.catalog import Catalog; gate = threading.Barrier(8)\n"
        "def read(): gate.wait(); Catalog().format('tencent-cdn')\n"
        "threads = [threading.Thread(target=read) for _ in range(8)]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=False) for _ in range(10)]
    assert [run.returncode for run in runs] == [0] * 10
