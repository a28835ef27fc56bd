"""The sample logs: they are what their script writes, awk counts them alike, and what is planted is found."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import make_samples
import oracle
import pytest
from sample_incidents import INCIDENTS, Incident

import cdnlog
from cdnlog.model import Finding
from cdnlog.options import Options
from cdnlog.report.as_json import as_dict

SAMPLES = Path(__file__).parent.parent / "sample_logs"
ByStatus = dict[tuple[str, int], tuple[int, int]]  # requests and bytes by domain and status

# The lines of the format as one regular expression. NULs are spaces by then, so that the lines with one do not fit.
PROGRAM = r"""
/^20261120[0-9]+ [0-9a-f.:]+ [a-z.]+ [^ ]+ [0-9]+ -?[0-9]+ -?[0-9]+ [0-9]+ .* [0-9]+ ".*" "[^"]*" [A-Z]+ [A-Z]+ (hit|miss) [0-9]+$/ {
    requests[$3 " " $8]++
    bytes[$3 " " $8] += $5
}
END { for (key in requests) printf "%s %d %.0f\n", key, requests[key], bytes[key] }
"""  # noqa: E501 - awk cannot break a regular expression
PIPE = r"""zcat "$@" | tr '\000' ' ' | awk "$0" """


@pytest.fixture(scope="module")
def counts() -> cdnlog.Counts:
    """The counts of all samples."""
    return cdnlog.count(SAMPLES)


@pytest.fixture(scope="module")
def by_status(counts: cdnlog.Counts) -> ByStatus:
    """Requests and bytes by domain and status."""
    sums: ByStatus = {}
    for (_, domain, status), (requests, sent, *_) in counts.table.items():
        before = sums.get((domain, status), (0, 0))
        sums[domain, status] = before[0] + requests, before[1] + sent
    return sums


@pytest.mark.skipif(shutil.which("awk") is None, reason="there is no awk to compare with")
def test_awk_counts_the_same(by_status: ByStatus) -> None:
    """Requests and bytes per domain and status are those of `zcat | awk`."""
    command = ["sh", "-c", PIPE, PROGRAM, *map(str, SAMPLES.glob("*.gz"))]
    done = subprocess.run(command, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=True)
    rows = (line.split() for line in done.stdout.splitlines())
    assert {(domain, int(status)): (int(n), int(sent)) for domain, status, n, sent in rows} == by_status


def test_the_reference_counts_the_same(counts: cdnlog.Counts) -> None:
    """Counts and accounting are those of the plain regular expression."""
    data = b"".join(gzip.decompress(path.read_bytes()) for path in SAMPLES.glob("*.gz"))
    table, fates = oracle.count(data, 300)
    assert {key: list(sums[:2]) for key, sums in counts.table.items()} == table
    assert fates["rejected"] == counts.inputs.total.rejected
    assert fates["rejected"] == len(make_samples.DAMAGE) * len(make_samples.DAMAGED_FILES)


@pytest.fixture(scope="module")
def diagnosis() -> cdnlog.Diagnosis:
    """What is found in all samples."""
    return cdnlog.diagnose(SAMPLES)


def told(diagnosis: cdnlog.Diagnosis) -> bytes:
    """Return the findings as the bytes that scripts get."""
    return json.dumps(as_dict(diagnosis)["findings"]).encode()


def holds(finding: Finding) -> dict[tuple[str, int], int]:
    """Return the failing requests of every domain and code that a finding joins."""
    also = {(str(one["domain"]), int(str(one["status"]))): int(str(one["requests"])) for one in finding.also}
    return {(finding.domain, finding.status): finding.requests, **also}


def planted(clock: int) -> datetime:
    """Return a planted time, in seconds after midnight."""
    return datetime.fromisoformat("2026-11-20T00:00:00+08:00") + timedelta(seconds=clock)


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: f"{incident.domain}-{incident.code}")
def test_planted_incident_is_found(diagnosis: cdnlog.Diagnosis, incident: Incident) -> None:
    """Each planted incident is in one finding, with the failing requests that the README of the samples gives."""
    row = rf"^\| {incident.domain} \| {incident.code} \| {incident.start} \| {incident.end}\S* .*?\| (\d+) \|"
    written = re.search(row, (SAMPLES / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    (failing,) = (
        held[incident.domain, incident.code]
        for held in (holds(finding) for finding in diagnosis if finding.severity != "info")
        if (incident.domain, incident.code) in held
    )
    assert written is not None
    assert failing == int(written[1])


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: f"{incident.domain}-{incident.code}")
def test_planted_incident_has_its_time(diagnosis: cdnlog.Diagnosis, incident: Incident) -> None:
    """A finding starts and ends within a window of what is planted, and is active if that is open when the data end."""
    key = (incident.domain, incident.code)
    (finding,) = (one for one in diagnosis if one.severity != "info" and key in holds(one))
    all_of_it = [one for one in INCIDENTS if (one.domain, one.code) in holds(finding)]
    start, end = (datetime.fromisoformat(text) for text in (finding.start, finding.end))
    window = timedelta(minutes=5)
    assert abs(start - planted(min(one.begins for one in all_of_it))) <= window
    assert abs(end - planted(max(one.ends for one in all_of_it))) <= window
    assert finding.active == any(one.active for one in all_of_it)


def test_nothing_healthy_is_an_incident(diagnosis: cdnlog.Diagnosis) -> None:
    """Nothing but what is planted is above `info`, and what is not above it is noise."""
    loud = [finding for finding in diagnosis if finding.severity != "info"]
    keys = [key for finding in loud for key in holds(finding)]
    assert sorted(keys) == sorted((one.domain, one.code) for one in INCIDENTS)
    assert {finding.cause for finding in diagnosis if finding.severity == "info"} == {"background"}


def test_findings_are_the_counts(diagnosis: cdnlog.Diagnosis, by_status: ByStatus) -> None:
    """Every failing request of the counts is in one finding, once."""
    sums: Counter[tuple[str, int]] = Counter()
    for finding in diagnosis:
        sums.update(holds(finding))
    failing = {key: requests for key, (requests, _) in by_status.items() if key[1] == 0 or key[1] >= 400}
    assert sums == failing


def by_domain(folder: Path) -> list[Path]:
    """Write one plain file per domain."""
    for path in sorted(SAMPLES.glob("*.gz")):
        with (folder / f"{path.name[11:-3]}.log").open("ab") as file:
            file.write(gzip.decompress(path.read_bytes()))
    return sorted(folder.iterdir())


def in_three(folder: Path) -> list[Path]:
    """Write three plain files for each sample, every third line in each."""
    for path in SAMPLES.glob("*.gz"):
        lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        for i in range(3):
            (folder / f"{i}-{path.name[:-3]}.log").write_bytes(b"".join(lines[i::3]))
    return sorted(folder.iterdir())


def as_given(_folder: Path) -> list[Path]:
    """Return the samples as they are."""
    return sorted(SAMPLES.glob("*.gz"))


def backwards(_folder: Path) -> list[Path]:
    """Return the samples, the last first."""
    return as_given(_folder)[::-1]


@pytest.mark.parametrize(
    ("split", "options"),
    [
        (as_given, {"jobs": 1}),
        (as_given, {"jobs": 2}),
        (as_given, {"jobs": 2, "processes": True}),
        (as_given, {"jobs": 2, "block": 2 << 20}),
        (backwards, {"jobs": 2}),
        (by_domain, {"jobs": 1}),
        (in_three, {"jobs": 2}),
    ],
    ids=lambda value: getattr(value, "__name__", None) or " ".join(f"{k}={v}" for k, v in value.items()),
)
def test_any_split_gives_the_same_findings(
    diagnosis: cdnlog.Diagnosis, tmp_path: Path, split: Callable[[Path], list[Path]], options: Options
) -> None:
    """Files, their order, jobs and the size of blocks do not change one byte of the findings."""
    assert told(cdnlog.diagnose(split(tmp_path), **options)) == told(diagnosis)


def test_small_blocks_give_the_same_findings() -> None:
    """Blocks of 4 KiB give the findings of any others; one site will do, for they are slow."""
    paths = sorted(SAMPLES.glob("*-api.example.com.gz"))
    assert told(cdnlog.diagnose(paths, block=4096)) == told(cdnlog.diagnose(paths))


def test_rows_give_the_same_findings(diagnosis: cdnlog.Diagnosis) -> None:
    """Findings from a frame, or from frames as they are streamed, are those of the files."""
    assert told(cdnlog.diagnose(cdnlog.read(SAMPLES), tz="+08:00")) == told(diagnosis)
    assert told(cdnlog.diagnose(cdnlog.stream(SAMPLES), tz="+08:00")) == told(diagnosis)


def test_korean_changes_words_only(diagnosis: cdnlog.Diagnosis) -> None:
    """In Korean the same is found: numbers, times, names and vocabulary are those of the English findings."""
    spoken = {"name", "meaning", "fix", "avoid", "needs", "cause_title", "evidence", "ticket"}
    korean = cdnlog.diagnose(SAMPLES, lang="ko")
    facts = [
        [{name: value for name, value in asdict(finding).items() if name not in spoken} for finding in one]
        for one in (diagnosis, korean)
    ]
    assert facts[0] == facts[1]
    for finding in korean:
        assert all(re.search("[\uac00-\ud7a3]", text) for text in (finding.name, finding.meaning, *finding.fix))


def test_script_writes_the_samples(tmp_path: Path) -> None:
    """The script reproduces every sample file and their README, byte for byte."""
    make_samples.write(tmp_path, make_samples.SEED)
    written, kept = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in (tmp_path, SAMPLES))
    kept.pop("tour.ipynb")  # is written by hand
    assert written.keys() == kept.keys()
    assert [name for name in kept if written[name] != kept[name]] == []
