"""Objectives: figures that can be reckoned by hand, spans that end with the data, and what makes a night fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_nights import DAY, HOUR, MIDNIGHT, counts_of, night

from cdnlog import failon, slo
from cdnlog.catalog import Catalog
from cdnlog.errors import UsageError
from cdnlog.failon import Burn, Severity
from cdnlog.results import Night

SPENDS = slo.spends_by_table(Catalog(), "tencent-cdn", {"edge.example.com": "tencent-edgeone"})
END = MIDNIGHT + 24 * HOUR


def burns(
    table: dict[tuple[int, str, int], int], percent: float = 99.9, window: int = HOUR
) -> dict[tuple[str, int | None, str], float | None]:
    """Return the burn rates of counts, by domain, code and span."""
    rows = slo.budget(counts_of(table, window), percent, SPENDS).rows
    return {(row.domain, row.status, row.span): row.burn for row in rows}


def quiet(hours: int = 96) -> dict[tuple[int, str, int], int]:
    """Return a thousand requests an hour that all succeed, up to `END`."""
    return {(END - hour * HOUR, "a.example", 200): 1000 for hour in range(1, hours + 1)}


def failing(failed: dict[int, int], code: int = 502, hours: int = 96) -> Night:
    """Return a night of one domain in which so many requests failed, by hours before the end."""
    table = quiet(hours)
    for hour, requests in failed.items():
        table[END - hour * HOUR, "a.example", 200] -= requests
        table[END - hour * HOUR, "a.example", code] = requests
    return replace(night(findings=0), history=counts_of(table)).held_to(99.9, SPENDS)


@pytest.mark.parametrize(("text", "number"), [("99.9", 99.9), ("99", 99.0), (" 95.5 ", 95.5), ("99.999", 99.999)])
def test_objectives_are_per_cent(text: str, number: float) -> None:
    """An objective is a number of per cent below 100."""
    assert slo.target(text) == number


@pytest.mark.parametrize("text", ["100", "0.999", "0", "-1", "99,9", "99.9%", "nan", "inf", "1e1", "", "\x1b[2J"])
def test_what_is_no_objective_is_refused(text: str) -> None:
    """Shares, 100 and words are refused with an example, and shown without control bytes."""
    with pytest.raises(UsageError, match=r"write per cent below 100, such as 99\.9") as told:
        slo.target(text)
    assert str(told.value).isprintable()


def test_burn_is_the_share_that_fails_over_the_share_that_may() -> None:
    """144 of 10,000 at 99.9 % burn 14.4 times as fast as the budget lasts, exactly."""
    table = quiet() | {(END - HOUR, "a.example", 200): 9856, (END - HOUR, "a.example", 502): 144}
    found = burns(table)
    assert found["a.example", None, "1h"] == found["a.example", 502, "1h"] == 14.4
    assert found["a.example", None, "6h"] == 144 / 15_000 / 0.001 == 9.6
    assert found["a.example", None, "3d"] == pytest.approx(144 / 81_000 / 0.001)


def test_budgets_are_told_with_what_they_allow() -> None:
    """A row has the failing, all and the allowed requests of its span; the sum of the codes is that of the domain."""
    table = quiet() | {(END - HOUR, "a.example", 502): 3, (END - 2 * HOUR, "a.example", 504): 4}
    rows = [row for row in slo.budget(counts_of(table), 99.5, SPENDS).rows if row.span == "6h"]
    assert [(row.status, row.failing, row.total) for row in rows] == [(None, 7, 6007), (502, 3, 6007), (504, 4, 6007)]
    assert [row.allowed for row in rows] == [pytest.approx(30.035)] * 3


def test_spans_end_with_the_newest_data() -> None:
    """An hour that is over when the last span begins spends nothing of it; no clock is asked."""
    table = quiet() | {(END - 7 * HOUR, "a.example", 502): 100, (END - 72 * HOUR, "a.example", 503): 50}
    found = burns(table)
    assert found["a.example", None, "1h"] == found["a.example", None, "6h"] == 0
    assert ("a.example", 502, "6h") not in found
    assert found["a.example", 503, "3d"] is not None
    assert slo.budget(counts_of(table), 99.9, SPENDS).end == END


@pytest.mark.parametrize(
    ("hours", "known"),
    [(1, {"1h"}), (5, {"1h"}), (6, {"1h", "6h"}), (71, {"1h", "6h"}), (72, {"1h", "6h", "3d"})],
)
def test_what_is_not_known_is_no_number(hours: int, known: set[str]) -> None:
    """A span that reaches back before the first window has no burn rate."""
    assert {span for (_, _, span), burn in burns(quiet(hours)).items() if burn is not None} == known


def test_days_say_nothing_of_an_hour() -> None:
    """Windows longer than a span cannot tell what was burnt in it."""
    table = {(MIDNIGHT - day * DAY, "a.example", 200): 1000 for day in range(5)}
    assert {key: burn for key, burn in burns(table, window=DAY).items() if burn is not None} == {
        ("a.example", None, "3d"): 0
    }


@pytest.mark.parametrize(
    ("domain", "code", "spends"),
    [
        ("a.example", 502, True),
        ("a.example", 503, True),  # the bucket's own rate control: nobody else's fault
        ("a.example", 531, True),
        ("a.example", 777, True),  # nobody knows it
        ("a.example", 514, False),  # the access frequency limit
        ("a.example", 509, False),  # banned after a flood
        ("a.example", 501, False),  # what the client asked for does not exist
        ("a.example", 404, False),
        ("a.example", 0, False),
        ("edge.example.com", 566, False),  # the other table says so
        ("a.example", 566, True),
    ],
)
def test_what_spends_budget(domain: str, code: int, spends: bool) -> None:
    """Server errors do, unless the domain's code table says that a client, an attacker or a policy made them."""
    assert SPENDS(domain, code) is spends


def test_without_data_there_is_no_budget() -> None:
    """No counts, no rows, no end."""
    assert slo.budget(counts_of({}), 99.9, SPENDS) == slo.Budget(99.9, None, ())


# --fail-on


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("high", (Severity("high"),)),
        ("burn:14.4", (Burn(14.4),)),
        ("burn=14.4", (Burn(14.4),)),
        ("burn:6/6h", (Burn(6.0, "6h"),)),
        ("critical, burn:1/3d", (Severity("critical"), Burn(1.0, "3d"))),
        ("never", ()),
    ],
)
def test_fail_on_is_understood(text: str, asked: tuple[failon.Condition, ...]) -> None:
    """A severity, a burn rate, one over one span, several of them, or nothing at all."""
    assert failon.conditions(text, objective=True) == asked


@pytest.mark.parametrize(
    "text", ["bad", "", "high,", "burn", "burn:", "burn:x", "burn:0", "burn:-1", "burn:1/2h", "\x1b"]
)
def test_fail_on_names_what_it_takes(text: str) -> None:
    """Anything else is refused, with all that could stand there."""
    with pytest.raises(UsageError, match=r"critical, high, .* burn:14\.4 or burn:6/6h, or never") as told:
        failon.conditions(text, objective=True)
    assert str(told.value).isprintable()


def test_a_burn_rate_needs_an_objective() -> None:
    """Without --slo there is nothing to burn, and the message says what to add."""
    with pytest.raises(UsageError, match=r"add --slo 99\.9"):
        failon.conditions("burn:14.4", objective=False)


@pytest.mark.parametrize(
    ("failed", "text", "fails"),
    [
        ({1: 15}, "burn:14.4", True),
        ({1: 14}, "burn:14.4", False),
        ({1: 15}, "burn:14.4/6h", False),
        ({2: 100}, "burn:14.4", True),  # over 6 h
        ({2: 100}, "burn:14.4/1h", False),
        ({40: 1000}, "burn:10/3d", True),
        ({40: 1000}, "burn:10/6h", False),
        ({1: 4}, "burn:1/1h", False),  # fewer than five tell nothing
        ({1: 5}, "burn:5/1h", True),  # "at" is enough
        ({1: 5}, "burn:5.1/1h", False),
        ({1: 15}, "high", False),
        ({1: 15}, "high,burn:14.4", True),
        ({1: 1000}, "never", False),
    ],
)
def test_what_burns_fails(failed: dict[int, int], text: str, fails: bool) -> None:
    """A night fails if a domain burns as fast as was said, or faster, over the span or any of them."""
    assert failon.fails(failon.conditions(text, objective=True), failing(failed)) is fails


def test_what_is_not_known_does_not_fail() -> None:
    """Too short a history fails no night."""
    made = failing({1: 500}, hours=2)
    assert not failon.fails(failon.conditions("burn:1/6h", objective=True), made)
    assert failon.fails(failon.conditions("burn:1/1h", objective=True), made)


@pytest.mark.parametrize(("text", "fails"), [("critical", True), ("info", True), ("never", False)])
def test_findings_fail(text: str, fails: bool) -> None:
    """A finding as bad as was said, or worse, fails the night."""
    assert failon.fails(failon.conditions(text, objective=False), night()) is fails
