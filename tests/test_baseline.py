"""How a night compares with earlier ones: findings by the days that had them, hours by what they usually have."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

import pytest
from made_nights import DAY, HOUR, MIDNIGHT, ZONE, counts_of, finding

from cdnlog.history.baseline import BACK, CHRONIC, Baseline, Compared, Seen
from cdnlog.model import Finding
from cdnlog.zones import zone

HOST, TOTAL, FAILING = "www.example.com", 10_000, 500
NIGHT = (3, 5)  # the hours of the day in which the finding is, from and to


def incident(hours: tuple[int, int] = NIGHT, requests: int = FAILING, number: str = "") -> Finding:
    """Return a finding of tonight."""
    start, end = (datetime.fromtimestamp(MIDNIGHT + hour * HOUR, ZONE).isoformat() for hour in hours)
    made = finding(1, "/", HOST, "high", "unknown")
    name = f"tencent-cdn/{HOST}/502/origin-refused{number}"
    return replace(made, id=name, start=start, end=end, requests=requests, total=TOTAL)


def seen(day: int, requests: int = FAILING, hours: tuple[int, int] = NIGHT) -> Seen:
    """Return what a night told, some days ago."""
    starts, ends = (MIDNIGHT - day * DAY + hour * HOUR for hour in hours)
    name = f"tencent-cdn/{HOST}/502/origin-refused"
    return Seen(100 - day, name, HOST, 502, "origin-refused", requests, TOTAL, starts, ends)


def compared(
    days: Collection[int], before: Collection[Seen], found: Finding | None = None, hours: range = range(24)
) -> Compared:
    """Compare a finding with a history of some days ago, each with requests in the same hours."""
    table = {(MIDNIGHT - day * DAY + hour * HOUR, HOST, 200): 100 for day in days for hour in hours}
    return Baseline(counts_of(table), list(before)).compare([found or incident()], {HOST: TOTAL})[0]


@pytest.mark.parametrize(
    ("days", "had", "state"),
    [
        ([], [], "unknown"),
        ([1], [], "new"),
        ([0], [], "new"),
        ([1], [1], "chronic"),
        ([1, 2], [1, 2], "chronic"),
        ([1, 2], [1], "new"),
        ([1, 2, 3, 4, 5, 6, 7], [1, 2], "new"),
        ([1, 2, 3, 4], [4], "new"),
        ([1, 2, 3], [1, 2, 3], "chronic"),
        ([1, 2, 3, 4, 5, 6, 7], [2, 4, 7], "chronic"),
        (range(1, 20), [1, 2, 15], "new"),
    ],
)
def test_chronic_is_what_three_other_days_had_or_all(days: Collection[int], had: list[int], state: str) -> None:
    """What began last night and goes on is new where a day without it is known, or hours before it; else chronic."""
    how = compared(days, map(seen, had))
    assert (how.state, CHRONIC) == (state, 3)
    if had:
        near = [day for day in had if day * DAY < BACK]
        assert (how.days, how.first) == (len(near), MIDNIGHT - max(near) * DAY)


@pytest.mark.parametrize(("hours", "state"), [(range(24), "new"), (range(5, 24), "chronic"), (range(3), "chronic")])
def test_a_day_without_the_same_hours_tells_nothing(hours: range, state: str) -> None:
    """That a day had no incident at 3 in the morning is known only if it has requests from 3 in the morning."""
    assert compared([1, 2], [seen(1)], hours=hours).state == state


def test_the_same_day_is_no_other_day() -> None:
    """Runs of each hour, or late files, tell one day's incident many times: it is not chronic, worse or better."""
    today = [replace(seen(0, requests, (hour, hour + 1)), night=200 + hour) for hour, requests in enumerate((5, 50, 5))]
    assert compared([1, 2], today).state == "new"
    assert compared([0], today).state == "unknown"
    assert compared([0], today[1:]).state == "new"  # as the run said that told it first: an hour without it is known
    assert compared([0, 1, 2], [*today, seen(1)]).state == "new"
    assert compared([1, 2, 3], [*today, seen(1), seen(2), seen(3)]).state == "chronic"


@pytest.mark.parametrize(
    ("told", "since"),
    [([], None), ([2], 2), ([0, 1, 2], 0), ([0, 2], 2), ([1], None), ([4, 5], None), ([-30, 2], 2)],
)
def test_since_is_when_earlier_nights_first_told_it_without_a_break(told: list[int], since: int | None) -> None:
    """Runs of each hour tell of one incident: it began with the first of them, unless an hour is between."""
    before = [replace(seen(0, hours=(hour, hour + 1)), night=200 + hour) for hour in told]
    expected = 0 if since is None else MIDNIGHT + since * HOUR
    assert compared([1], before).since == expected


def test_a_time_past_midnight_is_of_both_days() -> None:
    """What an earlier run told from half past 23 to a quarter past midnight is of the day that began then, too."""
    late = replace(seen(0), starts=MIDNIGHT - HOUR // 2, ends=MIDNIGHT + HOUR // 4)
    how = compared([1, 2], [late], incident((0, 1)))
    assert (how.days, how.state) == (0, "new")


def test_hours_of_incidents_are_those_of_the_zone() -> None:
    """Where clocks are half an hour off, an incident leaves out the hours that it was in and no other."""
    start = 1_795_113_000  # 10:00 at +05:30
    assert start % HOUR == HOUR // 2
    table = {
        (start + hour * HOUR - day * DAY, HOST, code): 500 for day in (1, 2) for hour in (0, 1) for code in (200, 502)
    }
    told = [replace(seen(day), starts=start - day * DAY, ends=start - day * DAY + HOUR) for day in (1, 2)]
    counts = replace(counts_of(table), zone=zone("+05:30"))
    baseline = Baseline(counts, told)
    assert baseline.usual(HOST, 502, [start]) is None
    assert baseline.usual(HOST, 502, [start + HOUR]) == 0.5


def test_one_incident_over_days_is_as_many_days() -> None:
    """A finding that a night told from Monday to Wednesday was there on three days, to Tuesday on two."""
    for length, state in ((3, "chronic"), (2, "new")):
        whole = replace(seen(length), ends=MIDNIGHT)
        assert compared(range(1, length + 2), [whole]).state == state


@pytest.mark.parametrize(
    ("before", "state"), [(FAILING // 2, "worse"), (FAILING - 100, "new"), (FAILING + 100, "new"), (1500, "better")]
)
def test_a_share_that_changed_is_worse_or_better(before: int, state: str) -> None:
    """From the second night on, by more than half and more than chance."""
    assert compared([1, 2], [seen(1, before)]).state == state


def test_two_findings_of_one_fault_are_one_share() -> None:
    """A night's incident that came twice is compared as a whole with the whole of the night before."""
    parts = [incident(requests=FAILING // 2), incident((8, 9), FAILING // 2, "/2")]
    table = {(MIDNIGHT - DAY + hour * HOUR, HOST, 200): 100 for hour in range(24)}
    baseline = Baseline(counts_of(table), [seen(1)])
    assert [one.state for one in baseline.compare(parts, {HOST: TOTAL})] == ["chronic", "chronic"]
    assert [baseline.compare([one], {HOST: TOTAL})[0].state for one in parts] == ["better", "better"]


@pytest.mark.parametrize(
    ("cause", "status", "state"),
    [
        ("origin-refused", 502, "chronic"),
        ("undetermined", 502, "chronic"),
        ("background", 502, "new"),
        ("undetermined", 504, "new"),
    ],
)
def test_a_flipped_cause_is_no_new_incident(cause: str, status: int, state: str) -> None:
    """An incident of the same code is the same one under another cause; background noise or another code is not."""
    name = f"tencent-cdn/{HOST}/{status}/{cause}"
    before = [replace(seen(day), id=name, status=status, cause=cause) for day in (1, 2, 3)]
    assert compared([1, 2, 3], before).state == state


@pytest.mark.parametrize(
    ("days", "before", "usual"), [(8, 40, [40]), (8, 0, []), (2, 40, [275]), (0, 40, [275]), (8, 5, [275])]
)
def test_history_says_what_a_missing_hour_has_and_its_neighbours_only_where_it_does_not(
    days: int, before: int, usual: list[int]
) -> None:
    """Eight days that had 40 requests at three, or never any, are believed; two, or a handful, are no history."""
    table = {(MIDNIGHT + hour * HOUR, HOST, 200): 200 + 25 * hour for hour in (1, 2, 4)}
    past = {(MIDNIGHT - day * DAY + hour * HOUR, HOST, 200): 40 for day in range(1, days + 1) for hour in (1, 2, 4)}
    past |= {(MIDNIGHT - day * DAY + 3 * HOUR, HOST, 200): before for day in range(1, days + 1) if before}
    past |= {(MIDNIGHT - day * DAY + 3 * HOUR, "other", 200): 40 for day in range(1, days + 1)}
    found = Baseline(counts_of(past), []).absences(counts_of(past | table), MIDNIGHT + HOUR, MIDNIGHT + 5 * HOUR)
    assert [(one.usual, one.starts) for one in found if one.domain == HOST] == [
        (requests, MIDNIGHT + 3 * HOUR) for requests in usual
    ]
