"""Runs a pure function over many items on several processors; results come in the order of the items.

The command line uses processes: numpy lets two threads run at the same time only within its larger operations, and
two processes were measured to be half as fast again. A library that a notebook has loaded must not fork (other
threads may hold locks), so there the same tasks run in threads. The answer is the same either way.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

T = TypeVar("T")
R = TypeVar("R")
_TICK = 0.1  # seconds between two looks at the progress
_GRACE = 2.0  # seconds
_STOPPING = (signal.SIGINT, signal.SIGTERM)
_AHEAD = 4  # tasks handed out per worker: results wait in memory until their turn


class Flag(Protocol):
    """What `threading.Event` and `multiprocessing.Event` share."""

    def set(self) -> None:
        """Raise the flag."""

    def is_set(self) -> bool:
        """Whether it is raised."""


class Monitor:
    """What a running task reports to and asks: bytes read so far, and whether to stop."""

    def __init__(self, stop: Flag, total: Any = None) -> None:  # noqa: ANN401 - multiprocessing.Value has no public type
        self._stop, self._total = stop, total
        self._lock = threading.Lock() if total is None else total.get_lock()
        self._sum = 0

    def advance(self, size: int) -> None:
        """Add bytes that were read from disk."""
        with self._lock:
            if self._total is None:
                self._sum += size
            else:
                self._total.value += size

    @property
    def done(self) -> int:
        """Bytes read so far by all tasks."""
        return self._sum if self._total is None else int(self._total.value)

    @property
    def stopped(self) -> bool:
        """Whether the run was interrupted."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask all tasks to end."""
        self._stop.set()


Task = Callable[[T, Monitor], R]


class FileTask(Protocol):
    """A task over one file that also knows what to return where it cannot be run to its end."""

    def __call__(self, numbered: Any, monitor: Monitor) -> Any:  # noqa: ANN401 - whatever the task makes
        """Return the result of one numbered file."""

    def failed(self, given: Any, problem: str) -> Any:  # noqa: ANN401
        """Return the result for a file that cannot be read at all."""


class Cluster(Protocol):
    """Other machines, which run the same tasks over numbered files."""

    def run(self, task: FileTask, items: Iterable[Any], progress: Callable[[int], None] | None) -> Iterator[Any]:
        """Yield the result of every numbered file, in their order."""

    def sum_up(
        self, task: FileTask, inputs: Iterable[Any], progress: Callable[[int], None] | None, rejects: IO[bytes] | None
    ) -> Any:  # noqa: ANN401 - what a sum is, is none of this module's business
        """Return the sum of the results of all files, made there; records of rejected lines are written here."""


@dataclass(frozen=True)
class Plan:
    """How to run.

    Attributes:
        jobs: Tasks at the same time.
        processes: Whether in processes of their own, where the system can fork.
        progress: Told the number of bytes since it was last told, None if nobody looks.
        cluster: Other machines to run on, None for this one.
    """

    jobs: int = 1
    processes: bool = False
    progress: Callable[[int], None] | None = None
    cluster: Cluster | None = None


def run(task: Task[T, R], items: Iterable[T], plan: Plan) -> Iterator[R]:
    """Yield the result of every item, in their order; on any error or interrupt the other tasks are stopped."""
    items = list(items)
    if plan.cluster is not None:
        yield from plan.cluster.run(cast("FileTask", task), items, plan.progress)
        return
    jobs = min(plan.jobs, len(items))
    if jobs <= 1:
        yield from _alone(task, items, plan)
        return
    forking = plan.processes and hasattr(os, "fork")
    with _processes(jobs) if forking else _threads(jobs) as (pool, monitor):
        call: Callable[[T], Future[R]] = (
            (lambda item: pool.submit(_in_worker, task, item))
            if forking
            else (lambda item: pool.submit(task, item, monitor))
        )
        try:
            yield from _in_order(call, items, monitor, plan, jobs * _AHEAD)
        except BaseException:
            monitor.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _alone(task: Task[T, R], items: list[T], plan: Plan) -> Iterator[R]:
    monitor = _Told(plan.progress)
    for item in items:
        yield task(item, monitor)


class _Told(Monitor):
    """A monitor that tells the progress at once, for tasks that run in this very thread."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        super().__init__(threading.Event())
        self._progress = progress

    def advance(self, size: int) -> None:
        if self._progress is not None:
            self._progress(size)


# What makes threads and processes takes 8 ms to import, and a single file needs neither.


@contextmanager
def _threads(jobs: int) -> Iterator[tuple[Executor, Monitor]]:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    with ThreadPoolExecutor(jobs) as pool:
        yield pool, Monitor(threading.Event())


@contextmanager
def _processes(jobs: int) -> Iterator[tuple[Executor, Monitor]]:
    import multiprocessing  # noqa: PLC0415
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415

    context = multiprocessing.get_context("fork")
    monitor = Monitor(context.Event(), context.Value("q", 0))
    with ProcessPoolExecutor(jobs, context, _begin, (monitor,)) as pool:
        with _undisturbed():
            pool.submit(int)  # with the first task all workers are forked
        yield pool, monitor


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let signals wait: one that comes while Python forks is lost, and one to a worker that has not begun kills it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no signal disturbs another thread
        return
    came: list[int] = []
    # Not by a mask: that is of one thread, and any thread may take a signal.
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)


_monitor: Monitor  # of this worker process


def _begin(monitor: Monitor) -> None:
    """Set up a worker process: the parent alone decides what an interrupt means."""
    global _monitor  # noqa: PLW0603 - an initializer has no other way to hand something to the tasks
    _monitor = monitor
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_soon)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_soon(*_: object) -> None:
    """End this worker a little later: at once it might leave half a result in a pipe, which the parent waits for.

    A service manager tells all processes to end; the parent, told too, has the tasks stop in the meantime.
    """
    signal.setitimer(signal.ITIMER_REAL, _GRACE)  # SIGALRM ends it; a thread could not be started from everywhere


def _end_with_parent() -> None:
    """End this worker when the parent is gone, were it killed: nobody else would, and it holds the parent's pipes."""
    from multiprocessing import connection, parent_process  # noqa: PLC0415

    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _in_worker(task: Task[T, R], item: T) -> R:
    return task(item, _monitor)


def _in_order(call: Callable[[T], Future[R]], items: list[T], monitor: Monitor, plan: Plan, ahead: int) -> Iterator[R]:
    from concurrent.futures import wait  # noqa: PLC0415

    waiting: deque[Future[R]] = deque()
    rest = deque(items)
    told = 0
    while waiting or rest:
        while rest and len(waiting) < ahead:
            waiting.append(call(rest.popleft()))
        wait([waiting[0]], _TICK if plan.progress else None)
        if plan.progress is not None:
            done = monitor.done
            plan.progress(done - told)
            told = done
        if waiting[0].done():
            yield waiting.popleft().result()
