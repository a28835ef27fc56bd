"""The same job on many machines, by Dask. Nothing else in cdnlog imports it.

Files travel as names, in batches; large plain files in sections of whole lines. What comes of them stays on the workers
and is summed up there, as a tree; only the sum comes back, and rejected lines if somebody wants them.
"""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import IO, Any

import dask
from distributed import Client, Future, LocalCluster
from distributed.comm import get_address_host_port

from cdnlog.cluster import onworkers
from cdnlog.cluster.flight import Flight, Job, weight
from cdnlog.cluster.onworkers import Item, Leaf
from cdnlog.cluster.preflight import check, travelling
from cdnlog.errors import ClusterError, UsageError
from cdnlog.pipeline import CountFile
from cdnlog.sections import Section
from cdnlog.source import Input
from cdnlog.text import visible
from cdnlog.totals import Part, joined
from cdnlog.workers import FileTask

LOCAL = "local"
SECTION = 64 * 1024 * 1024
"""Bytes of a section, at least; plain files of twice that or more are cut."""
_BATCH = 64 * 1024 * 1024
"""Bytes on disk of a batch of files, at most, unless one file has more."""
_SMALL_BATCH = 8 * 1024 * 1024
"""The same where each file's own result comes back."""
_LEAST = 4 * 1024 * 1024
_FILE = 256 * 1024
"""What a file weighs besides its bytes: to open it and tell its format."""
_SHARES = 4
"""Batches for each thread, so that the last ones end at about the same time."""
_FAN = 16
"""Sums that are added up at a time."""
_TIMEOUT = 10  # seconds to reach the scheduler
_KILLED = (
    "every worker that read it died, alone with it too; look at the workers' logs, give them more memory, or read the "
    "file on this machine"
)


@contextmanager
def connected(address: str, workers: int, *, logs: bool = False) -> Iterator[Client]:
    """Give a client of a scheduler, for the time of one command; for "local" of one on this machine.

    Args:
        address: As "tcp://10.0.0.1:8786", or "local".
        workers: Processes of a local cluster.
        logs: Whether Dask tells what it does, on stderr.

    Raises:
        ClusterError: There is no scheduler at the address.
    """
    if not logs:
        logging.disable()  # what happens there is told by us; workers elsewhere keep logs of their own
    try:
        if address == LOCAL:
            with _local(workers, logs=logs) as cluster, Client(cluster, set_as_default=False) as client:
                yield client
        else:
            with _client(address) as client:
                yield client
    finally:
        logging.disable(logging.NOTSET)


def _local(workers: int, *, logs: bool) -> LocalCluster:
    """Start workers on this machine that nobody else can reach; they leave Ctrl-C to this process."""
    resource_tracker.ensure_running()  # the start of which lets SIGINT through again
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # threads and processes inherit that
    try:
        with dask.config.set(
            {
                # One death of a worker is enough to look at a file apart: the file kills it, or the machine's memory.
                "distributed.scheduler.allowed-failures": 0,
                # A worker sets its logs up before it is given any other environment.
                "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "info" if logs else "critical",
            }
        ):
            return LocalCluster(
                n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0",
                memory_limit=0,
            )  # fmt: skip
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _client(address: str) -> Client:
    if not address.strip():
        raise ClusterError("the cluster has no address; give that of a Dask scheduler, tcp://10.0.0.1:8786, or 'local'")
    address = address if "://" in address else f"tcp://{address}"
    try:
        # A client keeps trying for a while where nobody listens, and hangs where an address is none.
        socket.create_connection(get_address_host_port(address, strict=True), timeout=_TIMEOUT).close()
        return Client(address, timeout=_TIMEOUT, set_as_default=False)
    except (OSError, ValueError, TypeError, NotImplementedError) as error:
        reason = visible(getattr(error, "strerror", None) or str(error).split("\n")[0])
        raise ClusterError(
            f"no scheduler answers at {visible(address)}: {reason}; start one with 'dask scheduler' and give the "
            "address it prints, or use --cluster local"
        ) from error


class DaskCluster:
    """Runs tasks over files on the workers of a scheduler.

    Args:
        client: A `distributed.Client`.

    Raises:
        UsageError: It is no client, or one for coroutines.
    """

    def __init__(self, client: object) -> None:
        if not isinstance(client, Client) or client.asynchronous:
            raise UsageError("client is a distributed.Client that is not asynchronous")
        self._client = client

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        """Stay here: settings travel, and on a worker there is no other cluster."""
        return _nowhere, ()

    def run(self, task: FileTask, items: Iterable[Item], progress: Callable[[int], None] | None) -> Iterator[Any]:
        """Yield the result of every file, in their order.

        Raises:
            ClusterError: The cluster cannot do it, or went away.
        """
        numbered = self._checked(items)
        waiting: dict[int, tuple[Job, Future | None]] = {}
        turn = 0
        with Flight(self._client, progress) as flight:
            jobs = batches(numbered, _SMALL_BATCH, flight.threads)
            for job, future in flight.finished(self._call(onworkers.run_files, task), jobs):
                waiting[job.number] = (job, future)
                flight.held += 1
                while turn in waiting:
                    job, future = waiting.pop(turn)  # noqa: PLW2901 - the one whose turn it is
                    flight.held -= 1
                    turn += len(job.items)
                    yield from [task.failed(job.given, _KILLED)] if future is None else flight.value(future)

    def sum_up(
        self,
        task: CountFile,
        inputs: Iterable[Input],
        progress: Callable[[int], None] | None,
        rejects: IO[bytes] | None,
    ) -> Part:
        """Return the sum over all files.

        Raises:
            ClusterError: The cluster cannot do it, or went away.
        """
        numbered = self._checked(enumerate(inputs))
        cut = self._cut(task, numbered)
        tree = _Tree(self._client, task)
        told: list[tuple[int, Future]] = []
        with Flight(self._client, progress) as flight:
            for number, leaf in self._leaves(flight, task, numbered, cut):
                tree.add(leaf)
                if rejects is not None:
                    told.append((number, self._client.submit(onworkers.rejects_of, leaf, pure=False)))
            part: Part = flight.value(tree.root())
            for _, future in sorted(told, key=lambda one: one[0]):
                if rejects is not None:
                    rejects.write(flight.value(future))
        return part

    def _checked(self, items: Iterable[Item]) -> list[Item]:
        numbered = [(number, travelling(found)) for number, found in items]
        check(self._client, (found for _, found in numbered))
        return numbered

    def _call(self, function: Callable[..., Any], task: FileTask) -> Callable[[Job], Future]:
        identity = onworkers.identity()
        return lambda job: self._client.submit(function, task, job.items, identity, pure=False)

    def _cut(self, task: CountFile, numbered: Sequence[Item]) -> dict[int, tuple[Section, ...]]:
        """Return the sections of the files that are large and can be cut."""
        large = [Job((item,)) for item in numbered if item[1].on_disk and weight(item[1]) >= 2 * SECTION]
        identity = onworkers.identity()

        def call(job: Job) -> Future:
            return self._client.submit(onworkers.cut_file, task.settings, job.given, SECTION, identity, pure=False)

        with Flight(self._client) as flight:
            found = {job.number: flight.value(future) for job, future in flight.finished(call, large) if future}
        return {number: parts for number, parts in found.items() if len(parts) > 1}

    def _leaves(
        self, flight: Flight, task: CountFile, numbered: Sequence[Item], cut: dict[int, tuple[Section, ...]]
    ) -> Iterator[tuple[int, Future]]:
        """Yield the sums over batches and over large files as they are there, each with its first file's number."""
        whole = batches([item for item in numbered if item[0] not in cut], _BATCH, flight.threads)
        parts = [Job(((n, part),), i) for n, found in cut.items() for i, part in enumerate(found)]
        sections, files = self._call(onworkers.count_section, task), self._call(onworkers.count_files, task)
        done: dict[int, dict[int, Any]] = {number: {} for number in cut}
        for job, future in flight.finished(
            lambda job: (sections if job.number in cut else files)(job), [*parts, *whole]
        ):
            result = task.failed(job.given, _KILLED) if future is None else future
            if job.number not in cut:
                yield job.number, result if future is not None else onworkers.leaf(task, [(job.number, result)])
                continue
            done[job.number][job.part] = result
            if len(done[job.number]) == len(cut[job.number]):
                yield job.number, self._put_together(task, job.number, done.pop(job.number))

    def _put_together(self, task: CountFile, number: int, sections: dict[int, Any]) -> Future:
        parts = [part for _, part in sorted(sections.items())]
        while len(parts) > _FAN:
            groups = (parts[i : i + _FAN] for i in range(0, len(parts), _FAN))
            parts = [self._client.submit(joined, group, pure=False, priority=1) for group in groups]
        return self._client.submit(onworkers.put_together, task, number, parts, pure=False, priority=1)


def _nowhere() -> None:
    return None


def batches(items: Sequence[Item], most: int, threads: int) -> Iterator[Job]:
    """Yield jobs of neighbouring files, small enough to keep all threads busy to the end.

    Args:
        items: Numbered files.
        most: Bytes on disk of a job.
        threads: Of all workers.
    """
    size = sum(weight(found) + _FILE for _, found in items) // (max(threads, 1) * _SHARES)
    size = min(max(size, _LEAST), most)
    batch: list[Item] = []
    held = 0
    for number, found in items:
        more = weight(found) + _FILE
        if batch and (held + more > size or number != batch[-1][0] + 1):
            yield Job(tuple(batch))
            batch, held = [], 0
        batch.append((number, found))
        held += more
    if batch:
        yield Job(tuple(batch))


class _Tree:
    """Adds sums up where they are, as many at a time as `_FAN`."""

    def __init__(self, client: Client, task: CountFile) -> None:
        self._client, self._task = client, task
        self._levels: list[list[Any]] = []

    def add(self, sum_: Future | Leaf, level: int = 0) -> None:
        """Add a sum."""
        if level == len(self._levels):
            self._levels.append([])
        self._levels[level].append(sum_)
        if len(self._levels[level]) == _FAN:
            merged, self._levels[level] = self._merged(self._levels[level]), []
            self.add(merged, level + 1)

    def root(self) -> Future:
        """Return the sum of all."""
        rest: list[Any] = []
        for level in self._levels:
            rest = [self._merged([*rest, *level])] if rest or level else rest
        return self._merged(rest)

    def _merged(self, sums: list[Any]) -> Future:
        return self._client.submit(onworkers.merge, self._task, sums, pure=False, priority=1)
