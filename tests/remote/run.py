"""Count 200 gz objects of an S3 endpoint on loopback: the same bytes as from disk, and what it costs.

python tests/remote/run.py --files 200 --rounds 3
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from stores import made_logs, s3


def counted(where: str, env: dict[str, str]) -> tuple[bytes, float, float]:
    """Return what the command line counts, with its seconds: on the clock, and of processors."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "cdnlog", "count", where, "-o", "json", "-q"]
    done = subprocess.run(command, env=env, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, time.perf_counter() - start, spent


def main() -> int:
    """Print the figures; return 1 if the results differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, s3() as bucket:
        folder = Path(name) / "cdn"
        made_logs(folder, asked.files)
        bucket.fill(folder, "cdn")
        size = sum(path.stat().st_size for path in folder.rglob("*.gz"))
        print(f"{asked.files} gz files, {size / 1e6:.1f} MB, in s3://logs/cdn/ at {bucket.endpoint}")
        local, remote = [], []
        for _ in range(asked.rounds):
            local.append(counted(str(folder), dict(os.environ)))
            remote.append(counted("s3://logs/cdn", bucket.environment()))
        same = {out.replace(str(folder).encode(), b"s3://logs/cdn") for out, *_ in local} == {out for out, *_ in remote}
        for what, runs in (("on disk", local), ("from S3", remote)):
            clock, spent = (statistics.median(run[i] for run in runs) for i in (1, 2))
            print(f"{what}: {clock:.2f} s, {spent:.2f} s of processors (the endpoint's own apart)")
        print("results are the same to the last byte" if same else "RESULTS DIFFER")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
