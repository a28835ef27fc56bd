"""The command line of the benchmark; `run.py` says how it is used."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks import measure
from benchmarks.bars import MEGA, Result, Results
from benchmarks.contestants import Job
from benchmarks.scenarios import SCENARIOS, Scenario

PACKAGES = ("numpy", "pandas", "pyarrow", "isal", "msgspec", "typer", "polars", "duckdb", "chdb")


def machine() -> str:
    """Say on what and with what it is measured."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(":", 1)[1].strip() for line in info.splitlines() if "model name" in line), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    head = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=measure.ROOT, capture_output=True, text=True, check=False
    )
    tools = [f"{name} {_version(name)}" for name in PACKAGES]
    tools += [f"{name} {'installed' if shutil.which(name) else 'not installed'}" for name in ("mawk", "goaccess")]
    return (
        f"{os.cpu_count()} x {model or platform.processor()}, {memory:.0f} GB, {platform.system()} "
        f"{platform.release()}, load {os.getloadavg()[0]:.1f}\n"
        f"cdnlog {head.stdout.strip()}, Python {platform.python_version()}, {', '.join(tools)}"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def measured(scenario: Scenario, jobs: list[Job], options: argparse.Namespace) -> Results:
    """Run the jobs in turn; first once each for memory and answer, which also brings the files into the cache."""
    commands = {job.name: job.command(options.folder, options.lines) for job in jobs}
    results = {job.name: Result() for job in jobs}
    out = options.folder / "answer.txt"
    for job in jobs:
        results[job.name].memory = measure.peak(commands[job.name], out)
        results[job.name].answer = job.answer(out) if job.answer else None
    for turn in range(options.rounds * scenario.times):
        for job in jobs:
            if job.rounds is None or turn < job.rounds:
                results[job.name].runs.append(measure.timed(commands[job.name], out))
    return results


def agreement(scenario: Scenario, results: Results) -> str:
    """Say that all found the same, of those that read the same files.

    Raises:
        SystemExit: They did not.
    """
    found: dict[object, dict[str, object]] = {}
    for job in scenario.jobs:
        if job.name in results and job.answer:
            found.setdefault(job.files, {})[job.name] = results[job.name].answer
    for answers in found.values():
        if len(set(answers.values())) > 1:
            raise SystemExit("the answers differ\n" + "\n".join(f"{name}: {answers[name]}" for name in answers))
    several = [answers for answers in found.values() if len(answers) > 1]
    return "\n".join(f"all {len(answers)} agree: {next(iter(answers.values()))}" for answers in several)


def table(scenario: Scenario, results: Results, only: list[str] | None) -> str:
    """Return the results as a Markdown table, in the order of time."""
    first = next(iter(results), "")
    lines = [f"| | median s | best s | processor s | {first} / it | PSS MB | RSS MB |", "| --- |" + " ---: |" * 6]
    order = sorted(results, key=lambda name: results[name].median if results[name].runs else 0)
    for name in order:
        figures = [*_times(results[name], results[first]), *_sizes(results[name])]
        lines += [f"| {name} | {' | '.join(figures)} |"]
    absent = [job for job in scenario.jobs if job.missing and (only is None or job.name in only)]
    return "\n".join([*lines, *(f"| {job.name} | {job.missing} | | | | | |" for job in absent)])


def _times(result: Result, first: Result) -> list[str]:
    if not result.runs:
        return ["-"] * 4
    seconds = sorted(run.seconds for run in result.runs)
    processor = sorted(run.processor for run in result.runs)[len(seconds) // 2]
    return [f"{result.median:.2f}", f"{seconds[0]:.2f}", f"{processor:.2f}", f"{first.median / result.median:.2f}"]


def _sizes(result: Result) -> list[str]:
    return [f"{size / MEGA:.0f}" for size in (result.memory.pss, result.memory.rss)] if result.memory else ["-"] * 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the scenarios asked for, on the command line unless given, and print what they gave."""
    parser = argparse.ArgumentParser(description="Time cdnlog and its peers on the same logs in one paired run.")
    parser.add_argument("scenario", nargs="*", choices=[*SCENARIOS, []], default=[], help="all of them without it")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "cdnlog-bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lines", type=int, default=1_000_000, help="the size of a million lines, to try it out")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="contestants, as the tables name them")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    print(machine())
    print(f"medians of {options.rounds} rounds, files of {options.lines:,} lines; PSS counts shared pages once")
    for name in options.scenario or SCENARIOS:
        scenario = SCENARIOS[name]
        wanted = [job for job in scenario.jobs if options.only is None or job.name in options.only]
        results = measured(scenario, [job for job in wanted if not job.missing], options)
        verdicts = [verdict for bar in scenario.bars if (verdict := bar.judge(results))]
        print(f"\n## {name}: {scenario.title}\n", table(scenario, results, options.only), "", sep="\n")
        print(*filter(None, [agreement(scenario, results), *verdicts]), sep="\n", flush=True)
