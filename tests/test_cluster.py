"""On a cluster the answer is that of this machine, byte for byte; what can go wrong there is told in one line.

The cluster here has two processes; `poe cluster` starts schedulers and workers by command, and kills them.
"""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster
from test_cases import environment, log, run_here

import cdnlog
from cdnlog import cluster
from cdnlog.catalog import ENVIRONMENT, Catalog
from cdnlog.cluster import onworkers, preflight
from cdnlog.cluster.flight import Job
from cdnlog.errors import ClusterError, UsageError
from cdnlog.model import Verdict
from cdnlog.source import Input

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "sample_logs"
HEADER = "#Fields: date time s-ip cs-method cs-uri-stem sc-status time-taken\n"
OWN = (SAMPLES.parent / "schemas" / "formats" / "combined.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A cluster of two processes, each with one thread."""
    with (
        cluster.dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", memory_limit=0,
            preload=str(HERE / "cluster" / "preload.py"), env={"DASK_LOGGING__DISTRIBUTED": "critical"},
            silence_logs="CRITICAL",
        ) as made,
        Client(made, set_as_default=False) as connected,
    ):  # fmt: skip
        yield connected


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Good logs and bad ones, small and large, of several formats; the working folder, so that names are relative."""
    monkeypatch.chdir(tmp_path)
    for one in sorted(SAMPLES.glob("*-api*.gz"))[:3]:
        Path(one.name).write_bytes(one.read_bytes())
    Path("cut.gz").write_bytes(min(SAMPLES.glob("*-www*.gz")).read_bytes()[:20_000])
    Path("none.log").write_text("no line of any log\n" * 20, encoding="utf-8")
    Path("torn.log").write_text(log("200 404 bad 502 " * 300)[:-30], encoding="utf-8")
    rows = "2026-11-20 10:00:00 10.0.0.1 GET /a 200 15\n" * 700
    Path("iis.log").write_text(
        HEADER
        + rows
        + HEADER.replace(" sc-status", "").replace("s-ip", "sc-status")
        + "2026-11-20 11:00:00 404 GET /b 1\n" * 700,
        encoding="utf-8",
    )
    Path("empty.log").touch()
    for i in range(20):
        Path(f"small-{i}.log").write_text(log(f"200@{i}.example 200"), encoding="utf-8")
    return tmp_path


def both(function: Any, client: Client, *args: Any, **options: Any) -> tuple[Any, Any, bytes, bytes]:  # noqa: ANN401
    """Return the result of this machine and that of the cluster, with the rejected lines of each."""
    here, there = io.BytesIO(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cdnlog.InputWarning)
        near = function(*args, rejects=here, **options)
        far = function(*args, rejects=there, client=client, **options)
    return near, far, here.getvalue(), there.getvalue()


@pytest.mark.parametrize("function", [cdnlog.count, cdnlog.diagnose])
def test_the_answer_is_the_same(
    folder: Path,
    client: Client,
    function: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counts, findings, reports, verdicts and rejected lines are those of a run on this machine."""
    monkeypatch.setattr(cluster, "SECTION", 10_000)
    monkeypatch.setattr(cluster, "_FAN", 3)
    monkeypatch.setattr(cluster, "_LEAST", 1000)
    monkeypatch.setattr(cluster, "_FILE", 2000)
    paths = [folder.relative_to(folder) / ".", "gone.log", "small-3.log"]
    seen: list[int] = []
    near, far, here, there = both(function, client, paths, progress=seen.append)
    assert far.to_json() == near.to_json()
    assert here == there
    assert len(here.splitlines()) > 300
    inputs = (near if function is cdnlog.count else near.counts).inputs
    assert {report.verdict.value for report in inputs.files} >= {
        "ok",
        "truncated",
        "unknown-format",
        "missing",
        "duplicate",
    }
    assert sum(seen) == 2 * sum(path.stat().st_size for path in folder.iterdir())


def test_a_night_and_rows_are_the_same(folder: Path, client: Client) -> None:
    """The driver alone writes the store, of what workers made; rows come back in the order of the lines."""
    near = cdnlog.nightly(".", f"../{folder.name}-a.db")
    far = cdnlog.nightly(".", f"../{folder.name}-b.db", client=client)
    assert far.diagnosis.to_json() == near.diagnosis.to_json()
    assert far == near
    paths = ["small-1.log", *sorted(map(str, Path().glob("*api*.gz")))]
    assert cdnlog.read(paths, client=client).equals(cdnlog.read(paths))
    with pytest.raises(cdnlog.DamagedInput, match=r"cut\.gz: truncated"):
        cdnlog.read(["small-1.log", "cut.gz"], client=client)


@pytest.mark.parametrize("section", [1 << 30, 500])
def test_a_file_that_kills_workers_is_named(
    tmp_path: Path, client: Client, section: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole or in sections: the poison is flagged, all else counts, and workers that died cost time only."""
    monkeypatch.setattr(cluster, "SECTION", section)
    for name in ("a.log", "poison.log", "z.log"):
        (tmp_path / name).write_text(log("200 " * 30), encoding="utf-8")
    if section == 500:  # two sections, of which each kills
        (tmp_path / "poison.log").write_text(log("200 " * 10), encoding="utf-8")
    with pytest.warns(cdnlog.InputWarning, match="every worker that read it died"):
        counts = cdnlog.count(tmp_path, client=client)
    verdicts = [(Path(report.path).name, report.verdict, report.accounting.counted) for report in counts.inputs.files]
    assert verdicts == [("a.log", "ok", 30), ("poison.log", Verdict.UNREADABLE, 0), ("z.log", "ok", 30)]


def test_formats_of_ones_own_travel(tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers need not have the folder of one's own formats, named by option or environment."""
    (tmp_path / "own" / "formats").mkdir(parents=True)
    own = OWN.replace('name = "combined"', 'name = "ours"').replace("aliases", "aliases_")
    own = "".join(line for line in own.splitlines(keepends=True) if not line.startswith(("aliases_", "beats")))
    (tmp_path / "own" / "formats" / "ours.toml").write_text(own, encoding="utf-8")
    line = '203.0.113.7 - - [20/Nov/2026:22:30:00 +0800] "GET / HTTP/1.1" 200 5 "-" "curl"\n'
    (tmp_path / "x.log").write_text(line, encoding="utf-8")
    packed = Catalog(tmp_path / "own").packed()
    assert packed.format("ours") == Catalog(tmp_path / "own").format("ours")
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "own"))
    (report,) = cdnlog.count(tmp_path / "x.log", client=client, format="ours").inputs.files
    assert (report.format, report.accounting.counted) == ("ours", 1)
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "gone"))
    assert "combined" in packed.formats()


def test_what_cannot_travel_is_refused(client: Client) -> None:
    """An open file, standard input, and something that is no client."""
    with pytest.raises(UsageError, match="cannot read standard input"):
        cdnlog.count([io.BytesIO(b"")], client=client)
    with pytest.raises(UsageError, match="client is a"):
        cdnlog.count(SAMPLES, client="tcp://10.0.0.1:8786")  # type: ignore[arg-type]


def test_workers_are_looked_at_before_work_begins(tmp_path: Path, client: Client) -> None:
    """Another version here than there, and a file that is longer here than there, end the run with what to do."""
    path = tmp_path / "x.log"
    path.write_text(log("200"), encoding="utf-8")
    preflight.check(client, [Input(str(path), size=path.stat().st_size)])
    with pytest.raises(ClusterError, match=r"worker tcp://.* does not have gone\.log: No such file .*mount"):
        preflight.check(client, [Input("gone.log")])
    with pytest.raises(ClusterError, match=r"bytes there, not 1,000,000"):
        preflight.check(client, [Input(str(path), size=1_000_000)])
    with pytest.raises(ClusterError, match=r"worker x is not like this machine: numpy is 1\.0, here .*pip install"):
        preflight._check_same("worker x", {**onworkers.identity(), "numpy": "1.0"})


def test_a_worker_without_cdnlog_is_named() -> None:
    """What a worker says that cannot load it becomes advice."""
    with pytest.raises(ClusterError, match=r"worker x has no such cdnlog: No module .*; install the same"):
        preflight._check_same("worker x", ModuleNotFoundError("No module named 'cdnlog'"))


def test_a_worker_that_joins_late_is_looked_at_too() -> None:
    """A task on a machine that is not like the driver's does nothing."""
    with pytest.raises(ClusterError, match=r"joined during the run .* Python is .*, at the driver 2\.7"):
        onworkers.run_files(None, [], {"Python": "2.7"})  # type: ignore[arg-type]


def test_a_bug_on_a_worker_is_told_here(client: Client) -> None:
    """However deep it lies, it comes back as one error with its place: nothing waits for ever."""

    def deeper(*_: object) -> None:
        deeper()

    call = client.submit(onworkers.run_files, deeper, [(0, None)], onworkers.identity(), pure=False)
    with pytest.raises(RuntimeError, match=r"RecursionError: .* on a worker\n(.*\n)+.*in deeper"):
        call.result(timeout=20)


def test_batches_are_neighbours() -> None:
    """Every file is in one batch; what is not next to each other is in another one."""
    items = [(n, Input(f"{n}", size=size)) for n, size in enumerate([0, 5, 70 << 20, 1, 1, 1]) if n != 4]
    found = list(cluster.batches(items, 64 << 20, 1))
    assert [[number for number, _ in job.items] for job in found] == [[0, 1], [2], [3], [5]]
    assert Job(((1, Input("a", size=7)),)).size == 7


def test_an_address_where_nothing_listens(tmp_path: Path) -> None:
    """No scheduler, or no address at all: one line, exit 2."""
    (tmp_path / "a.log").write_text(log("200"), encoding="utf-8")
    for address, problem in (
        ("tcp://127.0.0.1:1", "Connection refused"),
        ("nowhere", "missing port"),
        ("x://y:1", "scheme"),
    ):
        done = run_here(["count", "a.log", "--cluster", address], tmp_path)
        assert done.code == 2
        assert done.err.startswith(b"cdnlog: no scheduler answers at ")
        assert problem.encode() in done.err
        assert done.err.count(b"\n") == 1
    none = run_here(["count", "a.log", "--cluster", ""], tmp_path)
    assert (none.code, none.err[:34]) == (2, b"cdnlog: the cluster has no address")


def test_without_the_extra(tmp_path: Path) -> None:
    """One line says what to install; without a cluster dask is not missed, and not loaded."""
    (tmp_path / "a.log").write_text(log("200"), encoding="utf-8")
    script = "import sys; sys.modules['dask'] = sys.modules['distributed'] = None; from cdnlog.cli import main; main()"
    command = [sys.executable, "-c", script, "count", "a.log", "-q"]
    done = subprocess.run(
        [*command, "--cluster", "local"], cwd=tmp_path, env=environment(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"cdnlog: a cluster needs dask, which is not installed: pip install 'cdnlog[dask]'\n"
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
