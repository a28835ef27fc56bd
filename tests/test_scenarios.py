"""The scenario suite itself: what is planted is there, what is equal stays equal, and the scoring scores."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scenarios.build import SITUATIONS, Truth, build
from scenarios.lines import render, stamp, write
from scenarios.people import Array
from scenarios.plan import OWNER, SCENARIOS, Scenario
from scenarios.score import Verdict, judge, line, totals

import cdnlog

SEED = 7
Logs = dict[str, tuple[Array, Truth]]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@pytest.fixture(scope="module")
def logs() -> Logs:
    """One log of every scenario, the small kind."""
    return {name: build(scenario, SEED, "hour") for name, scenario in BY_NAME.items()}


def test_names_are_unique() -> None:
    """No two scenarios have a name in common."""
    assert len(BY_NAME) == len(SCENARIOS)


@pytest.mark.parametrize("cause", OWNER)
def test_every_cause_has_a_near_miss(cause: str) -> None:
    """For every cause there is another one with the same code that says it must not be taken for it."""
    codes = {scenario.code for scenario in SCENARIOS if scenario.cause == cause}
    assert codes
    assert any(cause in other.unlike and other.code in codes and other.cause != cause for other in SCENARIOS)


def test_same_seed_same_bytes(logs: Logs) -> None:
    """A log depends on scenario, seed and situation alone; another seed gives another log."""
    for name in ("origin-timeout-504", "redirect-loop-423", "flood-ban-509", "platform-wide-531", "healthy"):
        digests = [sha256(render(build(BY_NAME[name], seed, "hour")[0])).digest() for seed in (SEED, SEED + 1)]
        assert digests[0] == sha256(render(logs[name][0])).digest()
        assert digests[0] != digests[1]


@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS if scenario.cause])
def test_planted_rows_are_there(logs: Logs, name: str) -> None:
    """Enough rows fail with the code that was promised, most of the planted ones, from the onset on."""
    rows, truth = logs[name]
    planted = rows[rows["planted"]]
    assert truth.failing == len(planted) >= 40
    assert (planted["status"] == truth.scenario.code).mean() > 0.5
    assert planted["at"].min() == truth.onset
    assert truth.domains == set(planted["domain"])


@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS if not scenario.cause])
def test_healthy_logs_have_nothing_planted(logs: Logs, name: str) -> None:
    """Where all is well, nothing is planted."""
    assert logs[name][1] == Truth(BY_NAME[name], None, frozenset(), 0)


def test_quiet_time_comes_first() -> None:
    """With quiet time, the log begins well before the first failure; chronic behaviour is the exception."""
    for name in ("origin-dns-531", "origin-certificate-539", "cache-buster-503"):
        rows, truth = build(BY_NAME[name], SEED, "quiet")
        assert truth.onset is not None
        assert truth.onset - rows["at"][0] > 1700


def test_logs_are_accepted(logs: Logs, tmp_path: Path) -> None:
    """Every line of every log, the last 500 of each, is one of the 16-field format."""
    for name, (rows, _) in logs.items():
        (tmp_path / name).mkdir()
        write(rows[-500:], tmp_path / name)
    total = cdnlog.count(tmp_path, window="1h").inputs.total
    assert (total.lines, total.counted) == (sum(len(rows[-500:]) for rows, _ in logs.values()),) * 2


NOON = 1_800_000_000.0
DNS = BY_NAME["origin-dns-531"]
ABORTS = BY_NAME["client-abort-499"]


def finding(**more: Any) -> SimpleNamespace:  # noqa: ANN401 - of any field
    """Returns what stands for a finding: the planted one, unless said otherwise."""
    start = f"{stamp(NOON + more.pop('late', 0), '%Y-%m-%dT%H:%M:%S')}+08:00"
    fields = {"domain": "a.example", "status": 531, "also": (), "start": start, "severity": "high", "owner": "origin"}
    return SimpleNamespace(**{**fields, "cause": "origin-dns", "confidence": "high", **more})


def verdict(*findings: SimpleNamespace, scenario: Scenario = DNS) -> Verdict:
    """Judges findings of an incident that began at noon on one of two domains."""
    return judge(Truth(scenario, NOON, frozenset({"a.example"}), 50), findings, 1, "quiet")


def test_right_diagnosis_scores() -> None:
    """The right finding, first and four minutes late, is right in everything."""
    good = verdict(finding(late=240))
    assert (good.cause_right, good.owner_right, good.rank, good.onset_error) == (True, True, 1, 4.0)
    assert (good.false_alarms, good.bold, good.fell_for) == ((), (), False)
    assert line(good).startswith("ok origin-dns-531 ")


def wrong_diagnoses() -> Iterator[Any]:
    """Yields findings and what must be said about them."""
    wrong = finding(cause="platform-fault", owner="cdn-platform")
    yield pytest.param(
        [wrong], {"cause_right": False, "owner_right": False, "fell_for": True, "bold": (wrong,)}, id="cause"
    )
    other = finding(domain="b.example", status=404, confidence="low")
    yield pytest.param([other, finding()], {"rank": 2, "false_alarms": (other,), "cause_right": True}, id="false-alarm")
    yield pytest.param([], {"rank": None, "judged": None, "cause_right": False, "onset_error": None}, id="missed")
    also = finding(domain="b.example", status=562, also=({"domain": "a.example", "status": 531, "requests": 9},))
    yield pytest.param([also], {"rank": 1, "cause_right": True, "judged": also}, id="also")
    noise = finding(status=499, cause="client-abort", severity="info")
    yield pytest.param([finding(), noise], {"bold": (), "rank": 1}, id="chronic-noise")


@pytest.mark.parametrize(("findings", "expected"), list(wrong_diagnoses()))
def test_wrong_diagnosis_is_told(findings: list[SimpleNamespace], expected: dict[str, object]) -> None:
    """Each kind of mistake shows in its own figure."""
    judged = verdict(*findings)
    assert {name: getattr(judged, name) for name in expected} == expected


def test_benign_noise_must_stay_below_medium() -> None:
    """What people do every day is no incident: silence and "background" are right, an alarm is false."""
    silent = verdict(scenario=ABORTS)
    called = verdict(finding(status=499, cause="background", owner="client", severity="info"), scenario=ABORTS)
    loud = verdict(finding(status=499, cause="client-abort", owner="client"), scenario=ABORTS)
    assert [v.cause_right and v.owner_right for v in (silent, called, loud)] == [True, True, True]
    assert [len(v.false_alarms) for v in (silent, called, loud)] == [0, 0, 1]


def test_totals_are_shares() -> None:
    """The totals count incidents, not logs."""
    text = totals([verdict(finding()), verdict(finding(cause="undetermined", confidence="low"))])
    assert "50.0%  cause right" in text
    assert "100.0%  owner right" in text


def test_situations() -> None:
    """There are the two that issue 5 asks for."""
    assert SITUATIONS == ("quiet", "hour")
