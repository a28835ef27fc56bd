"""A scheduler and two workers, started by command; one is killed amid a run, and every byte is compared.

    python tests/cluster/run.py            # or poe cluster; about a minute of an idle machine

Prints one line for each thing that was tried; exits with 1 if one did not hold.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
SAMPLES = HERE.parent.parent / "sample_logs"
CDNLOG = [sys.executable, "-m", "cdnlog"]
QUIET = {**os.environ, "PYTHONWARNINGS": "ignore", "DASK_LOGGING__DISTRIBUTED": "critical"}


def port() -> int:
    """Return a port that is free now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Machines:
    """A scheduler and its workers, each a process of its own; a worker is started again when it dies."""

    def __init__(self, folder: Path) -> None:
        self.address = f"tcp://127.0.0.1:{port()}"
        self._folder = folder
        at = ["--host", "127.0.0.1", "--no-dashboard"]
        self.scheduler = self._start("scheduler", [*at, "--port", self.address.rpartition(":")[2]])
        self.workers = [self._worker() for _ in range(2)]

    def _worker(self) -> subprocess.Popen[bytes]:
        preload = ["--preload", str(HERE / "preload.py")]
        return self._start("worker", [self.address, "--nthreads", "1", "--no-dashboard", *preload])

    def _start(self, kind: str, args: list[str]) -> subprocess.Popen[bytes]:
        with (self._folder / f"{kind}.log").open("ab") as log:
            command = [str(Path(sys.executable).with_name("dask")), kind, *args]
            return subprocess.Popen(command, cwd=self._folder, env=QUIET, stdout=log, stderr=log)

    def kill_one(self) -> None:
        """Kill the process that runs the tasks of one worker."""
        nanny = self.workers[0].pid
        children = Path(f"/proc/{nanny}/task/{nanny}/children").read_text(encoding="ascii").split()
        for child in children:
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)

    def end(self) -> None:
        """End all."""
        for one in [*self.workers, self.scheduler]:
            one.terminate()
        for one in [*self.workers, self.scheduler]:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(10)
            one.kill()


@contextlib.contextmanager
def machines() -> Iterator[Machines]:
    """Give machines for a while."""
    with tempfile.TemporaryDirectory() as folder:
        made = Machines(Path(folder))
        try:
            yield made
        finally:
            made.end()


def run(
    *args: str, cluster: str = "", during: Callable[[subprocess.Popen[bytes]], None] | None = None
) -> tuple[int, bytes, str]:
    """Run cdnlog, on a cluster or here; return exit code, output and messages."""
    command = [*CDNLOG, *args, *(["--cluster", cluster] if cluster else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=QUIET) as process:
        if during:
            during(process)
        out, err = process.communicate(timeout=120)
    return process.returncode, out, err.decode()


def logs(folder: Path, prefix: str) -> Path:
    """Return a folder of logs; those of the prefix "slow-" take workers a while."""
    made = folder / f"{prefix}logs"
    made.mkdir()
    for one in SAMPLES.glob("*.gz"):
        shutil.copy(one, made / f"{prefix}{one.name}")
    return made


def after(seconds: float, do: Callable[[], None]) -> Callable[[subprocess.Popen[bytes]], None]:
    """Return what does something a while after a program began."""

    def wait(_: subprocess.Popen[bytes]) -> None:
        time.sleep(seconds)
        do()

    return wait


def tried(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield what was tried, and whether it held."""
    fast, slow = logs(folder, ""), logs(folder, "slow-")
    with machines() as far:
        for command in ("count", "diagnose"):
            near = run(command, str(fast), "-o", "json")
            yield (
                f"{command}: the bytes of this machine",
                run(command, str(fast), "-o", "json", cluster=far.address) == near,
            )
            near = run(command, str(slow), "-o", "json")
            killed = run(command, str(slow), "-o", "json", cluster=far.address, during=after(4, far.kill_one))
            yield f"{command}: a worker killed amid the run, the same bytes", killed == near
        stores = [folder / "near.db", folder / "far.db"]
        near = run("nightly", str(fast), "--store", str(stores[0]))
        yield "nightly: the same", run("nightly", str(fast), "--store", str(stores[1]), cluster=far.address) == near
        for address in ("", far.address):
            run("parse", str(fast), "--out", str(folder / f"{bool(address)}.csv"), cluster=address)
        yield "parse: the same", (folder / "True.csv").read_bytes() == (folder / "False.csv").read_bytes()
        shutil.copy(next(fast.iterdir()), fast / "poison.log")
        code, out, err = run("count", str(fast), "-o", "json", cluster=far.address)
        named = re.search(r"poison\.log: unreadable: every worker that read it died", err) is not None
        yield "a file that kills workers is named, the rest counts", code == 3 and named and out.count(b'"ok"') == 24
        code, out, err = run(
            "count",
            str(slow),
            cluster=far.address,
            during=lambda program: (time.sleep(4), program.send_signal(signal.SIGINT))[1],
        )
        yield "Ctrl-C: exit 130, one line", (code, out, err.count("\n")) == (130, b"", 1)
        code, out, err = run("count", str(slow), cluster=far.address, during=after(4, far.scheduler.kill))
        yield "the scheduler killed amid the run: exit 74, one line", (code, out, err.count("\n")) == (74, b"", 1)
    near = run("count", str(fast), "-o", "json")
    yield (
        "local: the bytes of this machine",
        run("count", str(slow), "-o", "json", "--jobs", "2", cluster="local") == run("count", str(slow), "-o", "json"),
    )
    cut = min(slow.iterdir())
    cut.write_bytes(cut.read_bytes()[:-9])
    code, _, err = run("parse", str(slow), "--out", str(folder / "cut.csv"), "--jobs", "2", cluster="local")
    ours = all(line.startswith("cdnlog: ") for line in err.splitlines())
    yield "local: tasks that are cancelled say nothing of it", code == 3 and ours


def main() -> int:
    """Try all; return the exit code."""
    held = True
    with tempfile.TemporaryDirectory() as folder:
        for what, good in tried(Path(folder)):
            print("ok    " if good else "FAILED", what, flush=True)
            held &= good
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
