"""The sample logs: they are what their script writes, awk counts them alike, and what is planted is found."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import make_samples
import oracle
import pytest
from sample_incidents import INCIDENTS, Incident

import cdnlog

SAMPLES = Path(__file__).parent.parent / "sample_logs"

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
def by_status(counts: cdnlog.Counts) -> dict[tuple[str, int], tuple[int, int]]:
    """Requests and bytes by domain and status."""
    sums: dict[tuple[str, int], tuple[int, int]] = {}
    for (_, domain, status), (requests, sent, *_) in counts.table.items():
        before = sums.get((domain, status), (0, 0))
        sums[domain, status] = before[0] + requests, before[1] + sent
    return sums


@pytest.mark.skipif(shutil.which("awk") is None, reason="there is no awk to compare with")
def test_awk_counts_the_same(by_status: dict[tuple[str, int], tuple[int, int]]) -> None:
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
def found() -> set[tuple[str, int]]:
    """Domain and code of all findings."""
    return {(finding.domain, finding.status) for finding in cdnlog.diagnose(SAMPLES)}


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: f"{incident.domain}-{incident.code}")
def test_planted_incident_is_found(found: set[tuple[str, int]], incident: Incident) -> None:
    """Each planted incident is a finding of its domain and code."""
    assert (incident.domain, incident.code) in found


def test_script_writes_the_samples(tmp_path: Path) -> None:
    """The script reproduces every sample file and their README, byte for byte."""
    make_samples.write(tmp_path, make_samples.SEED)
    written, kept = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in (tmp_path, SAMPLES))
    assert written.keys() == kept.keys()
    assert [name for name in kept if written[name] != kept[name]] == []
