"""What is measured: by name the jobs that are run in turn, and the bars they stand against."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks import data
from benchmarks.bars import Faster, Smaller
from benchmarks.contestants import Files, Job, bare, cdnlog, count, counters, diagnose, floor, reader

PARSERS = ("polars", "duckdb", "chdb", "pandas")
PEERS = (*PARSERS, "mawk")
PEAK = 300


@dataclass(frozen=True)
class Scenario:
    """Jobs that are compared with the first; each round is `times` runs of each."""

    title: str
    jobs: tuple[Job, ...]
    bars: tuple[Faster | Smaller, ...]
    times: int = 1


def _counting(title: str, layout: str, files: Files, *bars: Faster, peak: bool = True) -> Scenario:
    return Scenario(title, tuple(counters(layout, files)), (*bars, *([Smaller("cdnlog", PEAK)] if peak else [])))


def _first(folder: Path, lines: int) -> list[Path]:
    return data.tencent(folder, lines)[:1]


SCENARIOS = {
    "count-gz": _counting(
        "count, 4 gz of Tencent CDN",
        "tencent",
        data.tencent,
        Faster("cdnlog", PEERS, 0.8),
        Faster("cdnlog", ("floor",), 3.0),
        Faster("cdnlog", PEERS, 0.5, stretch=True),
        Faster("cdnlog", ("floor",), 2.0, stretch=True),
    ),
    "count-plain": _counting(
        "count, the same 4 files unpacked", "tencent", data.tencent_plain, Faster("cdnlog", PEERS, 0.9)
    ),
    "count-one-gz": _counting(
        "count, the same lines in one gz of one member", "tencent", data.tencent_one, Faster("cdnlog", PEERS, 0.8)
    ),
    "diagnose-gz": Scenario(
        "diagnose beside count, 4 gz of Tencent CDN",
        (diagnose(data.tencent), count(data.tencent, "count"), floor(data.tencent)),
        (Faster("diagnose", ("count",), 2.0), Smaller("diagnose", PEAK)),
    ),
    "read": Scenario(
        "every column into one frame, 4 gz of Tencent CDN",
        tuple(reader(name, data.tencent) for name in ("cdnlog", "polars", "pandas")),
        (Faster("cdnlog", ("polars",), 1.0), Faster("cdnlog", ("pandas",), 0.4)),
    ),
    "json": _counting(
        "count, 4 gz of Cloudflare's JSON lines", "cloudflare", data.cloudflare, Faster("cdnlog", PARSERS, 1.0)
    ),
    "json-plain": _counting(
        "count, the same 4 files unpacked", "cloudflare", data.cloudflare_plain, Faster("cdnlog", PARSERS, 1.0)
    ),
    "combined": _counting("count, 2 gz of combined logs", "combined", data.combined, Faster("cdnlog", PEERS, 0.8)),
    "w3c": _counting("count, 4 gz of CloudFront", "cloudfront", data.cloudfront, Faster("cdnlog", PEERS, 0.8)),
    "memory": Scenario(
        "peak memory: 100 MB and 3 GB of text in one gz, a domain per line",
        (
            count(data.member, "count 100 MB"),
            count(data.repeated, "count 3 GB"),
            diagnose(data.member, "diagnose 100 MB"),
            diagnose(data.repeated, "diagnose 3 GB"),
            count(data.domains, "count domains"),
            diagnose(data.domains, "diagnose domains"),
        ),
        (
            Smaller("count 3 GB", PEAK),
            Smaller("count 3 GB", 30, "count 100 MB"),
            Smaller("diagnose 3 GB", PEAK),
            Smaller("diagnose 3 GB", 30, "diagnose 100 MB"),
            Smaller("count domains", 600),
            Smaller("diagnose domains", 600),
        ),
        times=0,
    ),
    "linear": Scenario(
        "count, 1 file and 4, 1 job and 2",
        (
            count(data.tencent, "4 files"),
            count(_first, "1 file"),
            count(data.tencent, "4 files, 2 jobs", "--jobs", "2"),
            count(data.tencent, "4 files, 1 job", "--jobs", "1"),
            count(_first, "1 file, 1 job", "--jobs", "1"),
        ),
        (
            Faster("4 files", ("1 file",), 4.2),
            Faster("4 files, 1 job", ("1 file, 1 job",), 4.2),
            Faster("4 files, 2 jobs", ("4 files, 1 job",), 0.6),
        ),
    ),
    "startup": Scenario(
        "start-up, beside a bare typer application with as many commands",
        (
            cdnlog("--help", "--help"),
            cdnlog("explain 514", "explain", "514"),
            cdnlog("codes", "codes"),
            cdnlog("formats", "formats"),
            bare(),
        ),
        (Faster("--help", ("bare",), 1.5), Faster("explain 514", ("bare",), 2.0)),
        times=4,
    ),
}
