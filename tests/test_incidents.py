"""Incidents against noise: what is one, where it begins and ends, what is none, and how bad it is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tencent_lines import law

import cdnlog
from cdnlog.diagnosis.incidents import Incident, gate, incidents, possible
from cdnlog.diagnosis.severity import severity
from cdnlog.diagnosis.statistics import best_runs, surprise, wilson_low
from cdnlog.model import SEVERITIES

Series = list[int]
STATUSES = (0, 400, 403, 404, 416, 499, 500, 502, 514, 567, 777)
WINDOWS = 72  # six hours of five minutes
SEEDS = range(200)
CRITICAL, HIGH, MEDIUM, LOW, INFO = SEVERITIES


def noise(seed: int, totals: Series, share: float) -> Series:
    """Return failures by chance at a steady share of the requests."""
    return np.minimum(np.random.default_rng(seed).poisson(np.array(totals) * share), totals).tolist()


def night(seed: int, busy: float) -> Series:
    """Return requests per window: by chance about so many, fewer towards the morning, windows without any left out."""
    shape = 0.6 + 0.4 * np.cos(np.linspace(0, np.pi, WINDOWS))
    totals = np.random.default_rng(seed + 1000).poisson(busy * shape)
    return [n for n in totals.tolist() if n]


def found(failing: Series, total: Series, status: int) -> list[tuple[int, int]]:
    """Return first and last window of each incident."""
    return [(one.first, one.last) for one in incidents(failing, total, gate(status))]


# What is none


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(("failing", "total"), [([1], [3]), ([0, 1, 0], [9, 3, 9]), ([4], [4]), ([1, 2, 1], [2, 2, 2])])
def test_a_handful_is_no_incident(failing: Series, total: Series, status: int) -> None:
    """One error in three requests is no incident, nor is anything below five failures."""
    assert found(failing, total, status) == []


@pytest.mark.parametrize("status", STATUSES)
def test_five_in_five_thousand_are_no_incident(status: int) -> None:
    """Five failures of 5,000 requests, where two or three are usual, are no incident."""
    failing = [2, 3] * (WINDOWS // 2)
    failing[40] = 5
    assert found(failing, [5000] * WINDOWS, status) == []


@pytest.mark.parametrize("status", STATUSES)
def test_nothing_is_no_incident(status: int) -> None:
    """No failures are no incident, and neither is no series."""
    assert found([0] * WINDOWS, [100] * WINDOWS, status) == []
    assert found([], [], status) == []


@pytest.mark.parametrize("busy", [0.3, 1, 3, 10])
@pytest.mark.parametrize(
    ("status", "share"),
    [*((404, share) for share in (0, 0.002, 0.005, 0.01, 0.02)), (499, 0.01), (499, 0.02),
     *((502, share) for share in (0, 0.0005, 0.001, 0.005))],
)  # fmt: skip
def test_a_quiet_night_is_no_incident(status: int, share: float, busy: float) -> None:
    """Chance failures of few requests make no incident, whichever way 200 nights fall out."""
    nights = ((seed, night(seed, busy)) for seed in SEEDS)
    assert [seed for seed, total in nights if found(noise(seed, total, share), total, status)] == []


@pytest.mark.parametrize("busy", [0.3, 1, 3])
@pytest.mark.parametrize("status", [404, 499])
def test_a_quiet_night_of_much_noise_is_hardly_ever_an_incident(status: int, busy: float) -> None:
    """At 4 %, twice of what is ever taken for usual, chance makes an incident of one night in a hundred at most."""
    nights = ((seed, night(seed, busy)) for seed in SEEDS)
    assert sum(bool(found(noise(seed, total, 0.04), total, status)) for seed, total in nights) <= len(SEEDS) // 100


@pytest.mark.parametrize("busy", [100, 1000, 20_000])
@pytest.mark.parametrize(("status", "share"), [(404, 0.003), (404, 0.01), (499, 0.002), (502, 0.0005), (0, 0.005)])
def test_a_busy_night_is_no_incident(status: int, share: float, busy: float) -> None:
    """Chance failures at a share that is usual make no incident of many requests either."""
    nights = ((seed, night(seed, busy)) for seed in SEEDS)
    assert [seed for seed, total in nights if found(noise(seed, total, share), total, status)] == []


@pytest.mark.parametrize("status", [404, 499, 502])
def test_a_healthy_surge_is_no_incident(status: int) -> None:
    """Ten times the requests with ten times the failures are the same share, and no incident."""
    for seed in SEEDS:
        total = [200] * 30 + [2000] * 12 + [200] * 30
        assert found(noise(seed, total, 0.001), total, status) == []


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("share", [0.0005, 0.01, 0.04])
def test_nothing_is_ruled_out_that_is_an_incident(status: int, share: float) -> None:
    """Where no incident is possible there is none, in noise as in bursts of any strength; most noise is ruled out."""
    ruled_out = 0
    for seed in SEEDS:
        total = night(seed, 10 ** (seed % 4))
        failing = noise(seed, total, share)
        for place in range(seed % 60, seed % 60 + 1 + seed % 7) if seed % 2 else ():
            failing[place] = min(total[place], failing[place] * (2 + seed % 9) + seed % 5)
        k, n = (np.array(part, np.float64)[np.array(failing) > 0] for part in (failing, total))
        begins = np.zeros(min(len(k), 1), np.int64)
        whole, statuses = np.full(len(begins), sum(failing) / sum(total)), np.full(len(begins), status)
        if not possible(k, n, begins, whole, statuses).any():
            assert found(failing, total, status) == []
            ruled_out += 1
    assert ruled_out > len(SEEDS) // 10


# What is one


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(("first", "last"), [(30, WINDOWS - 1), (30, 41), (1, 3), (70, 71), (50, 50)])
def test_a_step_is_found_where_it_is(status: int, first: int, last: int) -> None:
    """A fifth of the requests failing from one window to another is one incident of just these windows."""
    failing = [20 * (first <= place <= last) for place in range(WINDOWS)]
    assert found(failing, [100] * WINDOWS, status) == [(first, last)]


@pytest.mark.parametrize("status", [404, 502])
def test_a_ramp_is_found_on_its_way_up(status: int) -> None:
    """A share that climbs to a third is one incident from early on the climb to its end."""
    failing = [0] * 30 + [round(100 * step / 3) for step in range(1, 13)] + [0] * 30
    ((first, last),) = found(failing, [1200] * WINDOWS, status)
    assert 30 <= first <= 33
    assert last == 41


@pytest.mark.parametrize("status", [404, 502])
@pytest.mark.parametrize("gap", [14, 60])
@pytest.mark.parametrize("second", [20, 120])
def test_two_bursts_are_two(gap: int, second: int, status: int) -> None:
    """Two bursts with a quiet hour or more between them are two incidents; the lesser one is never lost."""
    failing = [0] * 20 + [60] * 5 + [0] * gap + [second] * 3 + [0] * 30
    assert found(failing, [200] * len(failing), status) == [(20, 24), (25 + gap, 27 + gap)]


@pytest.mark.parametrize("status", [404, 499, 502])
def test_a_dip_does_not_split(status: int) -> None:
    """A window in which a burst pauses is within it."""
    failing = [0] * 20 + [60] * 5 + [0] + [60] * 5 + [0] * 30
    assert found(failing, [200] * len(failing), status) == [(20, 30)]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("status", "share"), [(404, 0.003), (404, 0.01), (499, 0.002), (502, 0.001)])
def test_a_burst_begins_where_it_begins(seed: int, status: int, share: float) -> None:
    """Chronic noise before a burst does not move its begin, noise behind it does not move its end."""
    total = night(seed, 300)
    failing = noise(seed, total, share)
    for place in range(33, 39):
        failing[place] += total[place] // 5
    assert found(failing, total, status) == [(33, 38)]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("share", [0.1, 0.5, 1])
@pytest.mark.parametrize("windows", [1, 2, WINDOWS])
def test_no_quiet_time_is_no_excuse(status: int, share: float, windows: int) -> None:
    """What fails from the first window to the last is found, and said to have no onset in the log."""
    (one,) = incidents([int(200 * share)] * windows, [200] * windows, gate(status))
    assert (one.first, one.last, one.onset) == (0, windows - 1, False)


def test_a_quiet_time_before_is_an_onset() -> None:
    """An incident whose begin the log shows has an onset, and what was usual there is low."""
    (one,) = incidents([0, 0, 50], [100, 100, 100], gate(502))
    assert one.onset
    assert one.usual < 0.001


@law(200)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=40), st.sampled_from(STATUSES))
def test_incidents_are_well_formed(cells: list[tuple[int, int]], status: int) -> None:
    """Incidents lie within the series, in order, apart, with five failures or more, above what is usual there."""
    failing, total = [k for k, _ in cells], [max(k + rest, 1) for k, rest in cells]
    all_of_them = incidents(failing, total, gate(status))
    assert all(one.last + 1 < after.first for one, after in pairwise(all_of_them))
    for one in all_of_them:
        assert 0 <= one.first <= one.last < len(total)
        k, n = sum(failing[one.first : one.last + 1]), sum(total[one.first : one.last + 1])
        assert k >= 5
        assert k / n > one.usual
        assert wilson_low(k, n) >= gate(status).share
        assert failing[one.first] > 0 < failing[one.last]


# The formulas


def runs_by_definition(scores: list[int]) -> list[tuple[int, int]]:
    """Return the runs that beat everything within them, and are within no other such run."""
    sums = np.concatenate([[0], np.cumsum(scores)])
    places = range(len(scores))
    strong = [
        (a, b)
        for a in places
        for b in places[a:]
        if all(sums[i] > sums[a] for i in range(a + 1, b + 2)) and all(sums[i] < sums[b + 1] for i in range(a, b + 1))
    ]
    return [(a, b) for a, b in strong if not any((c, d) != (a, b) and c <= a and b <= d for c, d in strong)]


@law(400)
@given(st.lists(st.integers(-6, 6), max_size=14))
def test_best_runs_are_those_of_the_definition(scores: list[int]) -> None:
    """The one-pass scan finds the runs that a search through all pairs of ends finds."""
    assert best_runs([float(score) for score in scores]) == runs_by_definition(scores)


@pytest.mark.parametrize("seed", range(20))
def test_best_runs_hold_the_best_run(seed: int) -> None:
    """Of a long series the highest sum of any run is that of one of the best runs."""
    rng = Random(seed)
    scores = [rng.gauss(-0.2, 1) for _ in range(400)]
    sums = np.concatenate([[0], np.cumsum(scores)])
    highest = max(sums[b] - sums[:b].min() for b in range(1, len(sums)))
    assert max(sum(scores[a : b + 1]) for a, b in best_runs(scores)) == pytest.approx(highest)


@pytest.mark.parametrize(
    ("part", "whole", "low"),
    [(1, 20, 0.009), (3, 20, 0.052), (30, 1000, 0.021), (0, 10, 0), (0, 0, 0), (10, 10, 0.722), (1, 1, 0.207)],
)
def test_wilson_low_is_that_of_the_tables(part: int, whole: int, low: float) -> None:
    """Wilson's lower bound has its known values."""
    assert wilson_low(part, whole) == pytest.approx(low, abs=0.0005)


@law(200)
@given(st.integers(1, 10**6).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))))
def test_wilson_low_is_careful(given_share: tuple[int, int]) -> None:
    """The bound is never above the share itself, grows with it, and comes nearer with more requests."""
    part, whole = given_share
    assert 0 <= wilson_low(part, whole) <= part / whole
    assert part == whole or wilson_low(part, whole) < wilson_low(part + 1, whole)
    assert wilson_low(part, whole) <= wilson_low(4 * part, 4 * whole)


@pytest.mark.parametrize(("seen", "expected", "value"), [(0, 1, 0), (5, 5, 0), (3, 9, 0), (10, 1, 14.03), (5, 1, 4.05)])
def test_surprise_bounds_the_chance(seen: float, expected: float, value: float) -> None:
    """What is not above its expectation is no surprise; the rest has the value of Chernoff's bound."""
    assert surprise(seen, expected) == pytest.approx(value, abs=0.005)


# How bad


def judged(failing: int, total: int, status: int, clients: int | None, **more: float) -> str:
    """Return the severity of an incident, with a quiet time before it and nothing usual unless said otherwise."""
    one = Incident(first=0, last=0, usual=more.get("usual", 0.0), told=bool(more.get("onset", True)), onset=True)
    return severity(failing, total, status, clients, one)


RULES: dict[str, tuple[Callable[[], str], str]] = {
    "half the answers are server errors": (lambda: judged(500, 1000, 502, 100), CRITICAL),
    "surely over 14.4 times the budget": (lambda: judged(25, 1000, 502, 100), CRITICAL),
    "surely over 6 times the budget": (lambda: judged(15, 1000, 502, 100), HIGH),
    "surely over the budget": (lambda: judged(8, 1000, 502, 100), MEDIUM),
    "perhaps over the budget": (lambda: judged(5, 3000, 502, 100), LOW),
    "what is usual does no harm": (lambda: judged(25, 1000, 502, 100, usual=0.005), HIGH),
    "few clients": (lambda: judged(100, 1000, 502, 19), MEDIUM),
    "enough clients": (lambda: judged(100, 1000, 502, 20), CRITICAL),
    "clients not known, few failures": (lambda: judged(19, 190, 502, None), MEDIUM),
    "clients not known, enough failures": (lambda: judged(20, 200, 502, None), CRITICAL),
    "refusals harm less": (lambda: judged(300, 1000, 403, 100), HIGH),
    "aborts harm less": (lambda: judged(300, 1000, 499, 100), HIGH),
    "no status at all harms less": (lambda: judged(300, 1000, 0, 100), HIGH),
    "refusals of few clients": (lambda: judged(300, 1000, 403, 5), LOW),
    "refusals as they may always be": (lambda: judged(300, 1000, 403, 100, onset=False), LOW),
    "server errors as they may always be": (lambda: judged(300, 1000, 502, 100, onset=False), CRITICAL),
    "the whole site is refused": (lambda: judged(900, 1000, 403, 100), CRITICAL),
    "the whole site is refused to few": (lambda: judged(900, 1000, 403, 3), CRITICAL),
    "a handful, all refused": (lambda: judged(10, 10, 403, 10), LOW),
    "a code that nobody knows is a server error": (lambda: judged(500, 1000, 777, 100), CRITICAL),
}


@pytest.mark.parametrize("rule", RULES)
def test_severity_follows_its_rules(rule: str) -> None:
    """The burn of the objective, the clients hit, and the kind of the code make the severity."""
    judge, expected = RULES[rule]
    assert judge() == expected


@law(200)
@given(st.integers(5, 2000), st.integers(0, 3000), st.sampled_from(STATUSES), st.integers(1, 500), st.booleans())
def test_more_harm_is_never_less_severe(failing: int, rest: int, status: int, clients: int, onset: bool) -> None:
    """One more client, or an onset, never makes an incident less severe; and no incident is only for information."""
    given_levels = [judged(failing, failing + rest, status, clients + more, onset=onset) for more in (0, 1)]
    given_levels.append(judged(failing, failing + rest, status, clients + 1, onset=True))
    levels = [SEVERITIES.index(level) for level in given_levels]
    assert levels == sorted(levels, reverse=True)
    assert INFO not in given_levels


# Findings made of them


def frame(failing: Series, total: Series, status: int = 502) -> pd.DataFrame:
    """Return requests of one domain, five minutes to a window from midnight on."""
    rows = [(place, i < k) for place, (k, n) in enumerate(zip(failing, total, strict=True)) for i in range(n)]
    start = pd.Timestamp("2026-11-20", tz="UTC")
    return pd.DataFrame(
        {
            "time": pd.to_datetime([start + pd.Timedelta(minutes=5 * place) for place, _ in rows]),
            "domain": "www.example.com",
            "status": pd.array([status if fails else 200 for _, fails in rows], "Int16"),
        }
    )


def test_findings_tell_bursts_apart_and_leave_the_rest_as_noise() -> None:
    """Each burst is a finding with an id of its own; what is left of the code is one more, of no harm."""
    failing = [0] * 10 + [30] * 4 + [0] * 20 + [60] * 2
    failing[2] = 1
    found_there = list(cdnlog.diagnose(frame(failing, [100] * 36)))
    assert {(f.id.rpartition("/502/")[2], f.start[11:16], f.end[11:16], f.requests, f.active) for f in found_there} == {
        ("undetermined", "00:50", "01:10", 120, False),
        ("undetermined/2", "02:50", "03:00", 120, True),
        ("background", "00:10", "00:15", 1, False),
    }
    assert [f.severity for f in found_there if f.cause == "background"] == [INFO]
    assert [f.total for f in found_there if f.cause != "background"] == [400, 200]


@pytest.mark.parametrize(
    ("status", "cause", "confidence"), [(531, "origin-dns", "medium"), (502, "undetermined", "low")]
)
def test_the_table_names_a_cause_only_where_it_has_one(status: int, cause: str, confidence: str) -> None:
    """A code with one possible cause has it, with medium confidence; another says what to fetch to decide."""
    (one,) = cdnlog.diagnose(frame([0, 0, 50], [100, 100, 100], status))
    assert (one.cause, one.confidence, one.needs == ()) == (cause, confidence, cause != "undetermined")
    assert one.cause_title == cdnlog.catalog.Catalog().cause(cause).title.en
    assert one.fix == cdnlog.explain(status).entry.fix.en
