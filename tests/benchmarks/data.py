"""Writes the logs of the benchmark: seeded Tencent CDN logs of 200 domains with skew, as gz files.

python tests/benchmarks/data.py DIR [--files 4] [--lines 1000000]
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from isal import igzip

DOMAINS = 200
STATUSES = (200, 206, 304, 301, 302, 403, 404, 416, 499, 502, 504, 514, 0)
STATUS_WEIGHTS = (820, 60, 60, 5, 5, 6, 20, 1, 8, 4, 5, 4, 2)
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 14; SM-S921N) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Mobile",
    "okhttp/4.12.0",
    "curl/8.5.0",
)
REGIONS = (22, 1050, 4, 120, 1442, 1068, -1, 2)
ISPS = (2, 26, 1046, -1)
CHUNK = 20_000


def lines(rng: random.Random, hour: int, count: int) -> list[str]:
    """Return log lines of one hour, in the order of time."""
    domains = [f"{['www', 'img', 'api', 'dl'][i % 4]}{i}.site-{i // 4}.example.com" for i in range(DOMAINS)]
    weights = [1 / (i + 1) ** 0.9 for i in range(DOMAINS)]
    hosts = rng.choices(domains, weights, k=count)
    statuses = rng.choices(STATUSES, STATUS_WEIGHTS, k=count)
    agents = rng.choices(AGENTS, k=count)
    regions, isps = rng.choices(REGIONS, k=count), rng.choices(ISPS, k=count)
    seconds = sorted(rng.choices(range(3600), k=count))
    bits = rng.getrandbits
    return [
        f"20261121{hour:02d}{s // 60:02d}{s % 60:02d} {bits(7) + 1}.{bits(8)}.{bits(8)}.{bits(8)} {host} "
        f"/assets/{bits(9):03x}/page-{bits(12)}.html?v={bits(10)} {bits(18)} {region} {isp} {status} "
        f'{"NULL" if bits(1) else "https://" + host + "/index"} {bits(9)} "{agent}" "(null)" GET HTTPS '
        f"{'miss' if bits(3) == 0 else 'hit'} {1024 + bits(15)}"
        for s, host, status, agent, region, isp in zip(seconds, hosts, statuses, agents, regions, isps, strict=True)
    ]


def write(path: Path, seed: int, hour: int, count: int) -> None:
    """Write one gz file of `count` lines."""
    rng = random.Random(seed)
    with igzip.open(path, "wb", compresslevel=2) as file:
        for done in range(0, count, CHUNK):
            file.write(("\n".join(lines(rng, hour, min(CHUNK, count - done))) + "\n").encode())


def make(folder: Path, files: int, count: int) -> list[Path]:
    """Write the files that are not there yet; return all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"20261121{hour:02d}-{count}.gz" for hour in range(files)]
    for hour, path in enumerate(paths):
        if not path.exists():
            write(path.with_suffix(".tmp"), 2000 + hour, hour, count)
            path.with_suffix(".tmp").replace(path)
    return paths


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--lines", type=int, default=1_000_000)
    options = parser.parse_args()
    for made in make(options.folder, options.files, options.lines):
        print(made, made.stat().st_size)
