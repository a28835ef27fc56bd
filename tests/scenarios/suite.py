"""Runs the scenarios: makes the logs, has them diagnosed, prints the figures. `run.py` starts it."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

import cdnlog
from scenarios.build import SITUATIONS, build
from scenarios.lines import write
from scenarios.plan import SCENARIOS, Scenario
from scenarios.score import Verdict, confusion, judge, line, totals

SEEDS = {"tuning": range(10), "test": range(100, 105)}


def seeds(text: str) -> Sequence[int]:
    """Reads the option: a name, N, or N..M with both ends."""
    if text in SEEDS:
        return SEEDS[text]
    first, _, last = text.partition("..")
    return range(int(first), int(last or first) + 1)


def chosen(pattern: str) -> list[Scenario]:
    """Returns the scenarios with such a name."""
    found = [s for s in SCENARIOS if fnmatch(s.name, pattern) or pattern in s.name]
    if not found:
        raise SystemExit(f"no scenario is named {pattern}; there are {', '.join(s.name for s in SCENARIOS)}")
    return found


def run(scenario: Scenario, seed: int, situation: str, folder: Path) -> tuple[Verdict, int]:
    """Makes one log in the empty folder and judges its diagnosis; returns the rows too."""
    rows, truth = build(scenario, seed, situation)
    write(rows, folder)
    return judge(truth, list(cdnlog.diagnose(folder)), seed, situation), len(rows)


def each(options: argparse.Namespace) -> Iterator[tuple[Verdict, int]]:
    """Yields the verdicts of all that was asked for."""
    for scenario in chosen(options.only):
        for situation in options.situation or SITUATIONS:
            for seed in options.seeds:
                if options.keep:
                    folder = options.keep / f"{scenario.name}-{seed}-{situation}"
                    folder.mkdir(parents=True)
                    yield run(scenario, seed, situation, folder)
                else:
                    with tempfile.TemporaryDirectory() as temporary:
                        yield run(scenario, seed, situation, Path(temporary))


def details(verdict: Verdict) -> Iterator[str]:
    """Yields what `--verbose` adds: the evidence of the judged finding, and every false alarm."""
    if verdict.judged:
        yield from (f"      {e['rule']}: {e['verdict']}: {e['statement']}" for e in verdict.judged.evidence)
    for kind, findings in (("false alarm", verdict.false_alarms), ("high-confidence wrong", verdict.bold)):
        yield from (f"      {kind}: {f.domain} {f.status} {f.cause} {f.severity}" for f in findings)


def main() -> None:
    """Reads the command line, runs, prints."""
    parser = argparse.ArgumentParser(description="How well cdnlog tells what is planted.")
    parser.add_argument("--seeds", type=seeds, default=SEEDS["tuning"], help="tuning (0-9), test (100-104), N, N..M")
    parser.add_argument("--only", default="*", metavar="NAME", help="scenarios whose name contains or matches this")
    parser.add_argument("--situation", choices=SITUATIONS, action="append", help="default: both")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write the logs here and keep them")
    parser.add_argument("--verbose", action="store_true", help="print the evidence too")
    options = parser.parse_args()
    began, rows, verdicts = time.perf_counter(), 0, []
    for verdict, count in each(options):
        verdicts.append(verdict)
        rows += count
        print(line(verdict), flush=True)
        if options.verbose:
            print(*details(verdict), sep="\n")
    print(f"\n{confusion(verdicts)}\n")
    for situation in SITUATIONS:
        print(totals([verdict for verdict in verdicts if verdict.situation == situation], situation))
    print(totals(verdicts))
    print(f"{len(verdicts)} logs, {rows:,} lines, {time.perf_counter() - began:.0f} s")
