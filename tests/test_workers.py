"""Worker processes and signals: whoever is told to stop, and whenever, nothing is lost and nobody waits for ever."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import pytest

from cdnlog.workers import Monitor, Plan, run

SIZE = 100_000  # more than a pipe takes at once
TWO = Plan(2, processes=True)


class Stopped(BaseException):
    """What the signals of these tests raise."""


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Signals raise what the test waits for; what waits for ever is ended by an alarm."""
    parent = os.getpid()

    def stop(*_: object) -> None:
        if os.getpid() != parent:
            os._exit(9)  # or a worker would go on with the tests
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.alarm(20)
    yield
    signal.alarm(0)
    for number, handler in before.items():
        signal.signal(number, handler)


def task(item: int, _: Monitor) -> bytes:
    """Return so many bytes that they go through a pipe in pieces."""
    return bytes([item]) * SIZE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_workers_begin_is_not_lost(
    number: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Parent and worker told to stop while the worker is forked: the parent stops, nobody stays, none complains."""
    fork, workers = os.fork, []

    def signalled() -> int:
        child = fork()
        workers.append(child)
        os.kill(os.getpid(), number)
        return child

    monkeypatch.setattr(os, "fork", signalled)
    with pytest.raises(Stopped):
        list(run(task, range(4), TWO))
    assert len(workers) == 2
    for worker in workers:
        with pytest.raises(ChildProcessError):  # it has been waited for
            os.waitpid(worker, os.WNOHANG)
    assert capfd.readouterr().err == ""


def test_a_worker_that_is_told_to_end_hands_its_result_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker told to end with half of its result in the pipe writes the other half, as the parent waits for it."""
    parent, send = os.getpid(), Connection._send  # type: ignore[attr-defined]

    def halved(self: Connection, data: bytes) -> None:
        if os.getpid() != parent and len(data) >= SIZE:
            send(self, data[: SIZE // 2])
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
            data = data[SIZE // 2 :]
        send(self, data)

    monkeypatch.setattr(Connection, "_send", halved)
    assert list(run(task, range(4), TWO)) == [task(item, Monitor(multiprocessing.Event())) for item in range(4)]
