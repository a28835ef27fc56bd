"""The rules on the CDN's own nodes, routes and capacity, and what looks like them but is the origin's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from site_logs import Row, crowd, diagnosed, during, failing, line, rules, visits

import cdnlog
from cdnlog.model import Finding

BOTH = pytest.mark.parametrize("hour", [False, True], ids=["quiet", "hour"])
UNICOM, BEIJING = 26, 22


@BOTH
@pytest.mark.parametrize(("code", "ms"), [(502, 4), (504, 10_000), (533, 5000), (537, 10_000), (562, 4), (564, 4)])
def test_failures_of_one_carrier_are_the_platforms(tmp_path: Path, code: int, ms: int, *, hour: bool) -> None:
    """Misses of one carrier fail, those of the others do not: the origin is well."""
    fault = failing(code, lambda _row, rng: ms + rng.uniform(0, 3), 0.8, lambda row: not row.hit and row.isp == UNICOM)
    found = diagnosed(tmp_path, during(visits(), fault), code, hour=hour)
    assert (found.cause, found.owner) == ("platform-fault", "cdn-platform")
    assert rules(found)["E10"] == "confirms"


def test_failures_of_one_province_are_the_platforms(tmp_path: Path) -> None:
    """The same by region."""
    fault = failing(504, lambda _row, _rng: 10_003, 0.9, lambda row: not row.hit and row.region == BEIJING)
    assert diagnosed(tmp_path, during(visits(), fault), 504).cause == "platform-fault"


def test_failures_of_all_carriers_are_not(tmp_path: Path) -> None:
    """The largest carrier has most failures and most of everything: no lift."""
    found = diagnosed(tmp_path, during(visits(), failing(502, lambda _row, rng: rng.uniform(10, 14), 0.5)), 502)
    assert (found.cause, rules(found)["E10"]) == ("origin-refused", "refutes")


def test_one_client_of_a_carrier_does_not_make_its_network_suspect(tmp_path: Path) -> None:
    """All failures are of one client: that they are of one carrier says nothing."""
    fault = failing(
        502, lambda _row, rng: rng.uniform(10, 14), 1.0, lambda row: not row.hit and row.ip == "203.0.113.5"
    )
    busy = [replace(row, ip="203.0.113.5", isp=UNICOM) if n % 8 == 0 else row for n, row in enumerate(visits())]
    found = diagnosed(tmp_path, during(busy, fault), 502)
    assert rules(found)["E10"] != "confirms"
    assert found.cause != "platform-fault"


def on_domains(folder: Path, code: int, failing_ones: int, ms: float, *, hour: bool = False) -> Finding:
    """Return the finding of the first of four domains, so many of which fail."""
    rows: list[Row] = []
    for n in range(4):
        site = visits(n, f"{'abcd'[n]}.example.com", minute=25)
        fault = failing(code, lambda _row, rng: ms + rng.uniform(0, 4), 0.7)
        rows += during(site, fault) if n < failing_ones else site
    return diagnosed(folder, rows, code, hour=hour)


@BOTH
@pytest.mark.parametrize(("code", "ms"), [(423, 2), (531, 4), (532, 4), (538, 30), (539, 30), (540, 30), (504, 10_000)])
def test_domains_that_fail_together_are_the_platforms(tmp_path: Path, code: int, ms: int, *, hour: bool) -> None:
    """All four domains begin within minutes."""
    found = on_domains(tmp_path, code, 4, ms, hour=hour)
    assert (found.cause, rules(found)["E11"]) == ("platform-fault", "confirms")


@pytest.mark.parametrize(
    ("code", "ms", "cause"), [(531, 4, "origin-dns"), (532, 14, "origin-refused"), (539, 30, "origin-certificate")]
)
def test_one_domain_among_several_is_its_origins(tmp_path: Path, code: int, ms: int, cause: str) -> None:
    """The same code on one of the four."""
    found = on_domains(tmp_path, code, 1, ms)
    assert (found.cause, rules(found)["E11"]) == (cause, "refutes")


def turned_away(row: Row) -> bool:
    """Return whether the platform turns a request away: hits too."""
    return bool(row.path)


def test_a_surge_and_refusals_are_an_overload_of_the_platform(tmp_path: Path) -> None:
    """Five times the visitors, and of all paths and carriers some are turned away."""
    fault = failing(524, lambda _row, rng: rng.uniform(0, 5), 0.4, turned_away)
    found = diagnosed(tmp_path, during(visits() + crowd(4), fault), 524)
    assert (found.cause, found.owner, rules(found)["E46"]) == ("platform-overload", "cdn-platform", "confirms")


def test_refusals_without_a_surge_are_a_fault(tmp_path: Path) -> None:
    """The usual visitors, turned away all the same."""
    fault = failing(524, lambda _row, rng: rng.uniform(0, 5), 0.4, turned_away)
    found = diagnosed(tmp_path, during(visits(), fault), 524)
    assert (found.cause, rules(found)["E46"]) == ("platform-fault", "refutes")


def test_without_a_quiet_time_a_surge_cannot_be_told(tmp_path: Path) -> None:
    """Only the hour of the incident: not measurable, and the logs to add are named."""
    fault = failing(524, lambda _row, rng: rng.uniform(0, 5), 0.4, turned_away)
    found = diagnosed(tmp_path, during(visits() + crowd(4), fault), 524, hour=True)
    assert (found.cause, rules(found)["E46"]) == ("undetermined", "not-measurable")


def test_the_ticket_needs_ids_that_these_logs_lack(tmp_path: Path) -> None:
    """563 names a hop of the CDN; where request ids come from is said."""
    fault = failing(563, lambda _row, _rng: 10_003, 0.6)
    found = diagnosed(tmp_path, during(visits(), fault), 563)
    assert (found.cause, rules(found)["E45"]) == ("platform-fault", "not-measurable")


def test_a_log_without_carriers_cannot_tell_networks_apart(tmp_path: Path) -> None:
    """Neither carrier nor region is known of any client."""
    rows = during(visits(), failing(502, lambda _row, rng: rng.uniform(10, 14), 0.5))
    text = "".join(line(row).replace(f" {row.region} {row.isp} ", " - - ") + "\n" for row in rows)
    (tmp_path / "a.log").write_text(text)
    found = next(one for one in cdnlog.diagnose(tmp_path) if one.status == 502)
    assert rules(found)["E10"] == "not-measurable"
