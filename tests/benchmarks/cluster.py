"""What a cluster costs on this machine, and what a large one would take by these figures.

    python tests/benchmarks/cluster.py FOLDER_OF_LOGS

Pairs of the same run here and on two local workers (start-up apart), the cost of a task, then a simulation: one
scheduler that handles a task at a time, workers that take the next batch, files of unequal size.
"""

from __future__ import annotations

import heapq
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from distributed import Client

import cdnlog
from cdnlog.cluster import connected
from cdnlog.source import find

PAIRS, TASKS = 3, 2000
FILES, WORKERS, MEAN, BATCH = 1_000_000, 1000, 10e6, 64 * 1024 * 1024


def processor() -> float:
    """Return the processor seconds of this process and of its children that ended."""
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in parts)


def taken(call: Callable[[], object]) -> tuple[float, float]:
    """Return seconds and processor seconds of a call; not those of children that live on."""
    wall, used = time.perf_counter(), processor()
    call()
    return time.perf_counter() - wall, processor() - used


def spent(client: Client) -> float:
    """Return the processor seconds of all workers so far."""
    return sum(client.run(time.process_time).values())


def simulated(rate: float, task: float) -> float:
    """Return the seconds that the files take, by bytes on disk a second and core, and seconds a task."""
    rng = Random(1)
    sizes = [rng.lognormvariate(0, 1) for _ in range(FILES)]
    scale = MEAN * FILES / sum(sizes)
    batches, held = [], 0.0
    for size in sizes:
        held += size * scale
        if held > BATCH:
            batches.append(held)
            held = 0
    free, scheduler = [0.0] * WORKERS, 0.0
    for batch in [*batches, held]:
        scheduler = max(scheduler, heapq.heappop(free)) + task
        heapq.heappush(free, scheduler + batch / rate)
    return max(free)


def main() -> None:
    """Measure and print."""
    paths = sorted(map(str, Path(sys.argv[1]).glob("*.gz")))
    walls, work = [], []
    size = find(paths).size
    with connected("local", 2) as client:
        for _ in range(PAIRS):
            near = taken(lambda: cdnlog.count(paths, jobs=2, processes=True))
            before = spent(client)
            far = taken(lambda: cdnlog.count(paths, client=client))
            workers = spent(client) - before
            walls.append(far[0] / near[0])
            work.append((far[1] + workers) / near[1])
            print(
                f"here {near[0]:.2f} s ({near[1]:.2f} of processors), workers {far[0]:.2f} s ({far[1] + workers:.2f})"
            )
        rate = size / near[1]
        seconds, _ = taken(lambda: client.gather(client.map(str, range(TASKS), pure=False)))
    print(f"ratio: median {statistics.median(walls):.2f} of time, {statistics.median(work):.2f} of processor time")
    print(f"{rate / 1e6:.1f} MB of gz a second and core; {seconds / TASKS * 1e3:.2f} ms a task")
    total, ideal = simulated(rate, seconds / TASKS), FILES * MEAN / rate / WORKERS
    print(f"{FILES:,} files of {MEAN / 1e6:.0f} MB on {WORKERS:,} workers: {total:.0f} s, ideal {ideal:.0f} s")


if __name__ == "__main__":
    main()
