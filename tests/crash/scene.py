"""A store with one night in it, and a second night that is to be killed.

`Scene.fresh` sets the stage, `Scene.run` tells the night (to be killed, or not), and `Scene.faults` says what is wrong
after the last run: totals against a count by `str.split`, the store and the reports against those of an undisturbed
run, and files that should not be there.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nights import content, kept, lines_of, strays, truth, write
from test_cases import environment, lay_out

import cdnlog
from cdnlog.history.store import temporary_prefix
from cdnlog.report import NIGHT_OUTPUTS, render
from crash.deliveries import FOUR, Delivery

GROWN = 400
REPORTS = ("html", "json", "markdown", "prometheus")
ROOT = Path(__file__).parent.parent.parent
Runner = Callable[[list[str], Path, dict[str, str]], int]


def surroundings(**more: str) -> dict[str, str]:
    """Return an environment that says nothing of this machine, in which this very program is found."""
    return environment(PYTHONPATH=str(ROOT), **more)


def as_process(args: list[str], folder: Path, more: dict[str, str]) -> int:
    """Run the program as a shell would; return its exit code, negative if it was killed."""
    command = [sys.executable, "-m", "cdnlog", *args]
    return subprocess.run(command, cwd=folder, env=surroundings(**more), capture_output=True, check=False).returncode


def as_fork(args: list[str], folder: Path, more: dict[str, str]) -> int:
    """Run the program in a fork of this process, which saves its start; return its exit code, negative if killed."""
    return ended(forked(args, folder, more))


def ended(child: int) -> int:
    """Wait for a process; return its exit code, negative if it was killed."""
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def forked(args: list[str], folder: Path, more: dict[str, str], told: str = os.devnull) -> int:
    """Start the program in a fork of this process, in a session of its own, what it prints going to a file.

    Returns:
        The number of the process.
    """
    import cdnlog.cli
    from cdnlog import failpoints

    sys.stdout.flush()
    child = os.fork()
    if not child:
        code = 70
        try:
            os.setsid()
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.chdir(folder)
            os.environ.update(more)
            for stream in (0, 1, 2):
                os.dup2(os.open(told if stream else os.devnull, os.O_RDWR | os.O_CREAT | os.O_APPEND), stream)
            sys.stdout, sys.stderr = (open(stream, "w", closefd=False) for stream in (1, 2))  # noqa: SIM115
            failpoints._passed = 0
            sys.argv = ["cdnlog", *args]
            cdnlog.cli.main()
        except SystemExit as left:
            code = int(left.code or 0)
        finally:
            os._exit(code)
    return child


def warm() -> None:
    """Load and read all that a night needs, so that forks find it done."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "logs" / "a.gz", lines_of(50, failing=0.2))
        night = cdnlog.nightly(Path(folder) / "logs", Path(folder) / "history.db", jobs=1)
        for output in NIGHT_OUTPUTS:
            render(night, output)
    gc.collect()
    gc.freeze()  # what does not move is not copied by forks


class Scene:
    """The stage.

    Args:
        folder: An empty folder.
        runner: What runs the program.
        lines: Lines of each file.
        reports: Kinds of reports that are written.
        deliveries: What comes.
        first: Whether it is the first night, and the store must be made too.
        jobs: Files read at the same time.
    """

    def __init__(  # noqa: PLR0913 - all but the first four by name
        self,
        folder: Path,
        runner: Runner = as_process,
        lines: int = GROWN,
        reports: Sequence[str] = REPORTS,
        deliveries: Sequence[Delivery] = FOUR,
        *,
        first: bool = False,
        jobs: int = 2,
    ) -> None:
        self.folder, self._runner, self._reports, self._jobs = folder, runner, reports, jobs
        self.logs, self.store = folder / "logs", folder / "run" / "history.db"
        (folder / "run").mkdir()
        for delivery in deliveries:
            delivery(self.logs, lines, False)
        if not first:
            self._code(*self._args())
        shutil.copytree(folder / "run", folder / "before")
        self.truth = truth(*(delivery(self.logs, lines, True) for delivery in deliveries))
        self.fresh()
        self.exit = self._code(*self._args())
        self.undisturbed = self._seen()

    def fresh(self, files: Mapping[str, bytes] | None = None) -> None:
        """Set the stage: a store with one night in it, or what a killed run left there."""
        shutil.rmtree(self.folder / "run")
        if files is None:
            shutil.copytree(self.folder / "before", self.folder / "run")
        else:
            lay_out({f"run/{name}": data for name, data in files.items()}, self.folder)

    def told(self, chance: random.Random) -> int:
        """Tell the night, its files named in any order and read one or two at a time; return the exit code."""
        files = [path.relative_to(self.folder).as_posix() for path in self.logs.iterdir()]
        return self._code(*self._args(chance.sample(files, len(files)), chance.randint(1, 2)))

    def run(self, kill_at: int | None = None) -> int:
        """Tell the night, killed at a failpoint if asked for; return the exit code."""
        return self._code(*self._args(), kill_at=kill_at)

    def points(self) -> int:
        """Return how many failpoints the night has."""
        self.fresh()
        command = [sys.executable, "-m", "cdnlog", *self._args()]
        done = subprocess.run(
            command, cwd=self.folder, env=surroundings(CDNLOG_KILL_AT="0"), capture_output=True, check=False
        )
        return int(done.stderr.split()[-1])

    def killed_after(self, seconds: float) -> int:
        """Tell the night in a fork and kill it after a time, workers or not; return the exit code."""
        child = forked(self._args(), self.folder, {})
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        return ended(child)

    def failing(self, call: str, error: str, at: int) -> tuple[int, bool] | None:
        """Tell the night while one system call on its own files fails, the `at`-th of its kind.

        Returns:
            The exit code, and whether the reports that were there before are whole; None if there is no such call.
        """
        run = self.folder / "run"
        prefix = temporary_prefix(self.store)
        names = ["history.db", "history.db-journal", "history.db.lock", *(f"report.{kind}" for kind in self._reports)]
        names += [f"{prefix}store.tmp", *(f"{prefix}report{number}.tmp" for number in range(len(self._reports)))]
        before = self._reports_now()
        log = self.folder / "strace.log"
        places = [run, Path("run"), *(folder / name for folder in (run, Path("run")) for name in names)]
        command = ["strace", "-f", "-qq", "-o", str(log), *(f"-P{path}" for path in places)]
        command += [
            f"-einject={call}:error={error}:when={at}",
            f"-etrace={call}",
            sys.executable,
            "-m",
            "cdnlog",
            *self._args(),
        ]
        done = subprocess.run(command, cwd=self.folder, env=surroundings(), capture_output=True, check=False)
        if b"INJECTED" not in log.read_bytes():
            return None
        now = self._reports_now()
        return done.returncode, now in (before, self.undisturbed[1]) or call == "rename"

    def faults(self) -> list[str]:
        """Return what is wrong."""
        found = []
        if kept(self.store) != self.truth:
            found.append("wrong totals")
        if self._seen() != self.undisturbed:
            found.append("another store or other reports than without the kill")
        return found + [f"stray {name}" for name in strays(self.folder)]

    def _args(self, paths: Sequence[str] = ("logs",), jobs: int | None = None) -> list[str]:
        reports = [f"--report={kind}=run/report.{kind}" for kind in self._reports]
        options = ["--store", "run/history.db", *reports, "--fail-on", "never", f"--jobs={jobs or self._jobs}"]
        return ["nightly", *paths, *options]

    def _code(self, *args: str, kill_at: int | None = None) -> int:
        return self._runner(list(args), self.folder, {} if kill_at is None else {"CDNLOG_KILL_AT": str(kill_at)})

    def _seen(self) -> list[Any]:
        return [content(self.store), self._reports_now()]

    def _reports_now(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.folder / "run").glob("report.*"))}
