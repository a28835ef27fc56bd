"""Keeps a bounded number of tasks in flight, and finds out which file it is that kills workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from time import monotonic
from types import TracebackType
from typing import Any, Self

from distributed import CancelledError, Client, Future, KilledWorker

from cdnlog.cluster.onworkers import Item
from cdnlog.errors import ClusterLost
from cdnlog.source import Input

PER_THREAD = 2
"""Tasks in flight for each thread of the workers: one that runs, one that waits for it."""
_TICK = 0.5  # seconds between two looks at the cluster while nothing lands
_FRESH = 5  # seconds for which the number of threads is believed
_PATIENCE = 60  # seconds without any worker before the run is given up
_RETRIES = 5


@dataclass(frozen=True)
class Job:
    """What one task does.

    Attributes:
        items: Numbered files, or one section of one.
        part: Which section it is.
        alone: Whether nothing else may run beside it: if a worker dies then, it is this file that kills it.
    """

    items: tuple[Item, ...]
    part: int = 0
    alone: bool = False

    @property
    def number(self) -> int:
        """The number of its first file."""
        return self.items[0][0]

    @property
    def given(self) -> Any:  # noqa: ANN401 - a file or a section of one
        """Its only file."""
        return self.items[0][1]

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(weight(given) for _, given in self.items)

    def singles(self) -> list[Job]:
        """Return a job for each of its files."""
        return [Job((item,)) for item in self.items]


def weight(given: Any) -> int:  # noqa: ANN401 - a file or a section of one
    """Return the bytes on disk of a file, or of a section of one."""
    found: Input = given if isinstance(given, Input) else given.found
    return found.span[1] - found.span[0] if found.span else found.size * (found.verdict is None)


class Flight:
    """Tasks in flight; whatever still flies when it is left is cancelled.

    Args:
        client: Of the scheduler.
        progress: Told the bytes on disk of what landed.

    Attributes:
        held: Results that landed and wait for their turn; they leave less room for tasks.
    """

    def __init__(self, client: Client, progress: Callable[[int], None] | None = None) -> None:
        self._client, self._progress = client, progress
        self._landed: SimpleQueue[tuple[Job, Future]] = SimpleQueue()
        self._flying: dict[str, tuple[Job, Future]] = {}
        self._threads, self._looked = 0, float("-inf")
        self._staffed = monotonic()
        self.held = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Cancel what still flies; a lost scheduler has done so."""
        if self._flying and self._client.status == "running":
            self._client.cancel([future for _, future in self._flying.values()], force=True)

    @property
    def threads(self) -> int:
        """Threads of all workers, as they were a moment ago."""
        if monotonic() - self._looked > _FRESH:
            self._look()
        return self._threads

    def finished(self, call: Callable[[Job], Future], jobs: Iterable[Job]) -> Iterator[tuple[Job, Future | None]]:
        """Yield jobs as they land, each with its result; None for a single file, or section, that kills workers.

        A job whose workers died is taken apart into its files, as the death may be another's fault or chance; a file
        whose workers died is tried again with nothing beside it.
        """
        todo, suspects = deque(jobs), deque[Job]()
        while self._launch(call, todo, suspects):
            job, future = self._next()
            if not isinstance(error := _error(future), KilledWorker):
                if error is not None:
                    raise error
                self._tell(job)
                yield job, future
            elif len(job.items) > 1:
                todo.extendleft(reversed(job.singles()))
            elif not job.alone:
                suspects.append(replace(job, alone=True))
            else:
                self._tell(job)
                yield job, None

    def value(self, future: Future) -> Any:  # noqa: ANN401 - whatever the task made
        """Return a result; it is made anew where the workers that had it died."""
        retries = _RETRIES
        while True:
            try:
                return future.result(timeout=_TICK)
            except TimeoutError:
                self._look()
            except KilledWorker:
                if not retries:
                    raise
                retries -= 1
                future.retry()
            except CancelledError as error:
                raise _lost() from error

    def _launch(self, call: Callable[[Job], Future], todo: deque[Job], suspects: deque[Job]) -> bool:
        """Let fly what there is room for; return whether anything flies."""
        while todo and self._has_room():
            self._submit(call, todo.popleft())
        if suspects and not self._flying:
            self._submit(call, suspects.popleft())
        if todo and not self._flying:  # what is held waits for this one
            self._submit(call, todo.popleft())
        return bool(self._flying)

    def _has_room(self) -> bool:
        if any(job.alone for job, _ in self._flying.values()):
            return False
        return len(self._flying) + self.held < max(self.threads, 1) * PER_THREAD

    def _submit(self, call: Callable[[Job], Future], job: Job) -> None:
        future = call(job)
        self._flying[future.key] = (job, future)
        future.add_done_callback(lambda done: self._landed.put((job, done)))

    def _next(self) -> tuple[Job, Future]:
        while True:
            try:
                job, future = self._landed.get(timeout=_TICK)
            except Empty:
                self._look()
                continue
            if self._flying.pop(future.key, None):
                return job, future

    def _tell(self, job: Job) -> None:
        if self._progress is not None:
            self._progress(job.size)

    def _look(self) -> None:
        """Look whether there still is a cluster.

        Raises:
            ClusterLost: There is none, or it has had no worker for a while.
        """
        if self._client.status != "running":
            raise _lost()
        try:
            self._threads = sum(self._client.nthreads().values())
        except (OSError, RuntimeError, CancelledError) as error:
            raise _lost() from error
        self._looked = monotonic()
        if self._threads:
            self._staffed = monotonic()
        elif monotonic() - self._staffed > _PATIENCE:
            raise ClusterLost(
                f"the cluster has had no worker for {_PATIENCE} seconds; nothing was written: start some and run again"
            )


def _error(future: Future) -> BaseException | None:
    if future.status in ("cancelled", "lost"):
        raise _lost()
    error: BaseException | None = future.exception()
    return error


def _lost() -> ClusterLost:
    return ClusterLost("the scheduler went away during the run; nothing was written: start it and run again")
