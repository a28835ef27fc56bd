"""Looks, before any work begins, whether the workers can do it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from distributed import Client

import cdnlog
from cdnlog.cluster.onworkers import Identity, differs, identity, out_of_reach
from cdnlog.errors import ClusterError, UsageError
from cdnlog.source import STDIN, Input
from cdnlog.text import visible

_WAIT = 30  # seconds for a first worker
_LOOKED_AT = 64  # files, each from another folder


def travelling(found: Input) -> Input:
    """Return an input with a name that means the same on every machine that has the file.

    Raises:
        UsageError: It is no file with a name.
    """
    if found.file is not None or found.path == STDIN:
        raise UsageError("the workers of a cluster cannot read standard input or an open file; name the logs")
    if not found.on_disk:
        return found
    place = os.path.abspath(found.path)  # noqa: PTH100 - a Path would drop the user's spelling
    return Input(found.path, found.verdict, found.problem, found.size, found.inode, place=place)


def check(client: Client, inputs: Iterable[Input]) -> None:
    """Make sure that there are workers, that they are like this program, and that they can reach the files.

    Raises:
        ClusterError: Something is not so; the message says what to do.
    """
    theirs = _identities(client)
    for name, found in theirs.items():
        _check_same(name, found)
    _check_reach(client, list(_one_of_each_folder(inputs)))


def _identities(client: Client) -> dict[str, Identity | BaseException]:
    try:
        client.wait_for_workers(1, timeout=_WAIT)
    except TimeoutError as error:
        where = visible(client.scheduler.address)
        raise ClusterError(f"no worker is connected to {where}; start some: dask worker {where}") from error
    found: dict[str, Identity | BaseException] = {
        f"worker {address}": value for address, value in client.run(identity, on_error="return").items()
    }
    try:
        found["the scheduler"] = client.run_on_scheduler(identity)
    except Exception as error:  # noqa: BLE001 - whatever went wrong there is told
        found["the scheduler"] = error
    return dict(sorted(found.items()))


def _check_same(name: str, found: Identity | BaseException) -> None:
    same = f"install the same there as here: pip install 'cdnlog[dask]=={cdnlog.__version__}'"
    if isinstance(found, BaseException):
        raise ClusterError(f"{name} has no such cdnlog: {visible(str(found))}; {same}")
    if wrong := differs(found, identity()):
        raise ClusterError(f"{name} is not like this machine: {wrong}; {same}")


def _one_of_each_folder(inputs: Iterable[Input]) -> Iterable[Input]:
    first: dict[str, Input] = {}
    for one in inputs:
        if one.verdict is None and one.on_disk:
            first.setdefault(os.path.dirname(one.place or one.path), one)  # noqa: PTH120 - as above
    return list(first.values())[:_LOOKED_AT]


def _check_reach(client: Client, some: list[Input]) -> None:
    if not some:
        return
    for worker, missing in sorted(client.run(out_of_reach, some).items()):
        for path, problem in missing[:1]:
            more = f", and {len(missing) - 1} more folders" if len(missing) > 1 else ""
            raise ClusterError(
                f"worker {worker} does not have {visible(path)}{more}: {problem}; every worker must see the logs under "
                "the same path: mount their folder there too, or read them from an object store"
            )
