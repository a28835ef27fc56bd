"""The rules on the way to the origin: what each cause looks like, and what looks nearly like it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from site_logs import BEGIN, END, Fault, Row, crowd, diagnosed, during, failing, group, line, rules, visits

import cdnlog

BOTH = pytest.mark.parametrize("hour", [False, True], ids=["quiet", "hour"])


def after(milliseconds: float, jitter: float = 3) -> object:
    """Return durations close to one value."""
    return lambda _row, rng: milliseconds + rng.uniform(0, jitter)


def on(*groups: str) -> object:
    """Return the misses of some groups of paths."""
    return lambda row: not row.hit and group(row) in groups


def slow(times: float) -> Fault:
    """Return a fault: what the origin answers takes longer."""
    return lambda row, rng: None if row.hit else replace(row, ms=row.ms * times * rng.uniform(0.8, 1.2))


@BOTH
def test_a_fast_failure_on_all_paths_is_a_refused_connection(tmp_path: Path, *, hour: bool) -> None:
    """502 long before the origin could have answered: nobody listens there."""
    found = diagnosed(tmp_path, during(visits(), failing(502, after(12), 0.5)), 502, hour=hour)
    assert (found.cause, found.owner) == ("origin-refused", "origin")
    assert rules(found)["E38"] == "confirms"


@BOTH
def test_failures_that_take_as_long_as_answers_are_none_of_a_refused_connection(tmp_path: Path, *, hour: bool) -> None:
    """502 on all paths, of some requests, after the time an answer takes: a broken answer."""
    broken = failing(502, lambda row, rng: 30 + (row.ms - 30) * rng.uniform(0.3, 1), 0.4)
    found = diagnosed(tmp_path, during(visits(), broken), 502, hour=hour)
    assert found.cause == "origin-bad-response"


@BOTH
@pytest.mark.parametrize("code", [500, 502, 503])
def test_one_group_of_paths_that_fails_is_the_application(tmp_path: Path, code: int, *, hour: bool) -> None:
    """Whatever the code: where the other misses are answered it is what lies behind those paths."""
    found = diagnosed(
        tmp_path, during(visits(), failing(code, lambda row, _: row.ms, 0.8, on("search"))), code, hour=hour
    )
    assert found.cause == "origin-error"
    assert rules(found)["E06"] == "confirms"


@BOTH
def test_a_timer_on_all_paths_that_nothing_gets_near_is_an_origin_out_of_reach(tmp_path: Path, *, hour: bool) -> None:
    """504 after five seconds exactly, whatever is asked for."""
    found = diagnosed(tmp_path, during(visits(), failing(504, after(5000))), 504, hour=hour)
    assert found.cause == "origin-unreachable"


@BOTH
def test_a_timer_on_slow_paths_is_a_timeout(tmp_path: Path, *, hour: bool) -> None:
    """504 after ten seconds exactly, of one group of paths whose answers are slow too."""

    def fault(row: Row, rng: Random) -> Row | None:
        if row.hit or group(row) != "search":
            return None
        wait = 9000 * rng.lognormvariate(0, 0.5)
        return replace(row, status=504, ms=10_004) if wait > 10_000 else replace(row, ms=wait)

    found = diagnosed(tmp_path, during(visits(), fault), 504, hour=hour)
    assert found.cause == "origin-timeout"


def overloaded(code: int, rows: list[Row]) -> list[Row]:
    """Return the rows with an origin that is slow for all, and drops every second request."""
    slower = during(rows, slow(8))
    return during(slower, failing(code, lambda row, _: 10_004 if code == 504 else row.ms * 0.7, 0.5))


@pytest.mark.parametrize("code", [502, 503, 504, 564])
def test_more_visitors_and_slow_answers_are_an_overload(tmp_path: Path, code: int) -> None:
    """Hits and misses grow before the failures, and what is answered takes longer."""
    found = diagnosed(tmp_path, overloaded(code, visits() + crowd(2)), code)
    assert found.cause == "origin-overload"
    assert rules(found)["E40"] == "confirms"


def test_slow_answers_without_more_visitors_are_no_overload(tmp_path: Path) -> None:
    """The same slowness with the usual visitors is not said to be an overload with any certainty."""
    found = diagnosed(tmp_path, overloaded(504, visits()), 504)
    assert found.cause != "origin-overload"


def test_more_visitors_whose_answers_come_as_fast_are_no_overload(tmp_path: Path) -> None:
    """A service that goes down on a busy day is refused, not overloaded."""
    found = diagnosed(tmp_path, during(visits() + crowd(2), failing(502, after(12), 0.5)), 502)
    assert found.cause == "origin-refused"
    assert rules(found)["E40"] == "refutes"


@BOTH
@pytest.mark.parametrize("code", [503, 504])
def test_a_new_parameter_that_breaks_the_cache_is_named(tmp_path: Path, code: int, *, hour: bool) -> None:
    """Every address is new, nothing comes from the cache, and the origin drowns."""

    def new(row: Row, rng: Random) -> Row:
        mark = "&" if "?" in row.path else "?"
        path = f"{row.path}{mark}_t={rng.randrange(1 << 40)}"
        return replace(row, path=path, hit=False, ms=row.ms if not row.hit else rng.uniform(60, 120))

    found = diagnosed(tmp_path, overloaded(code, during(visits(), new)), code, hour=hour)
    assert (found.cause, found.owner) == ("cache-buster", "cdn-config")
    assert any("_t" in str(one["statement"]) for one in found.evidence)


@BOTH
def test_files_that_are_no_longer_cached_are_a_broken_cache_too(tmp_path: Path, *, hour: bool) -> None:
    """A header forbids caching: style sheets asked for again and again all miss."""
    lost = during(visits(), lambda row, rng: replace(row, hit=False, ms=rng.uniform(60, 120)) if row.hit else None)
    found = diagnosed(tmp_path, overloaded(503, lost), 503, hour=hour)
    assert found.cause == "cache-buster"


def walls() -> list[Row]:
    """Return bursts of pictures that are never cached, as a page full of them asks for."""
    rng, rows = Random(3), []
    for _ in range(90):
        begin, size = rng.uniform(BEGIN, END - 10), rng.choice((6, 40))
        for _ in range(size):
            picture = f"/avatar/{rng.randrange(4000)}.jpg"
            rows.append(Row(begin, picture, rng.uniform(60, 90), hit=False, ip="203.0.113.9", isp=2, region=22))
    return rows


def limited(rows: list[Row], limit: int) -> list[Row]:
    """Return the rows with a bucket that turns away what is above a rate."""
    seen: dict[int, int] = {}
    out = []
    for row in rows:
        second = int(row.at)
        seen[second] = seen.get(second, 0) + 1
        out.append(replace(row, status=503, ms=25, sent=600) if seen[second] > limit else row)
    return out


@BOTH
def test_bursts_of_uncached_objects_that_are_turned_away_are_a_storage_limit(tmp_path: Path, *, hour: bool) -> None:
    """503 at once, of pictures that are never cached, in busy seconds only."""
    found = diagnosed(tmp_path, visits() + limited(walls(), 10), 503, hour=hour)
    assert (found.cause, found.owner) == ("storage-rate-limit", "cdn-config")


@BOTH
def test_uncached_objects_that_fail_at_any_rate_are_no_storage_limit(tmp_path: Path, *, hour: bool) -> None:
    """The same pictures, failing by chance instead of by rate."""
    rng = Random(5)
    rows = [replace(row, status=503, ms=25, sent=600) if rng.random() < 0.5 else row for row in walls()]
    found = diagnosed(tmp_path, visits() + rows, 503, hour=hour)
    assert found.cause != "storage-rate-limit"
    assert rules(found)["E42"] == "refutes"


@BOTH
@pytest.mark.parametrize(
    ("code", "cause"),
    [(531, "origin-dns"), (538, "origin-tls"), (539, "origin-certificate"), (540, "origin-certificate-name")],
)
def test_codes_of_a_stage_are_confirmed_on_one_domain(tmp_path: Path, code: int, cause: str, *, hour: bool) -> None:
    """All misses of the only domain fail at that stage."""
    found = diagnosed(tmp_path, during(visits(), failing(code, after(20))), code, hour=hour)
    assert found.cause == cause
    assert rules(found)["E43" if code == 531 else "E44"] == "confirms"


@BOTH
def test_redirects_on_the_same_paths_confirm_a_loop(tmp_path: Path, *, hour: bool) -> None:
    """301 and then 423, path by path."""
    ways = during(visits(), lambda row, rng: replace(row, status=301 if rng.random() < 0.6 else 423, ms=3, hit=False))
    found = diagnosed(tmp_path, ways, 423, hour=hour)
    assert (found.cause, rules(found)["E36"]) == ("redirect-loop", "confirms")


def test_a_loop_without_redirects_is_told_by_the_code_alone(tmp_path: Path) -> None:
    """Nothing of it is seen from the outside, and the sentence says where to look."""
    found = diagnosed(tmp_path, during(visits(), failing(423, after(3), where=lambda _row: True)), 423)
    assert (found.cause, rules(found)["E36"]) == ("redirect-loop", "weak")


@pytest.mark.parametrize(("code", "rule"), [(504, "E37"), (502, "E38"), (500, "E38")])
def test_without_durations_the_log_is_said_not_to_tell(tmp_path: Path, code: int, rule: str) -> None:
    """A log whose response times are all missing: not measurable, and the field to switch on is named."""
    rows = during(visits(), failing(code, after(12), 0.5))
    text = "".join(line(row).replace(f" - {row.ms:.0f} ", " - - ") + "\n" for row in rows)
    (tmp_path / "a.log").write_text(text)
    found = next(one for one in cdnlog.diagnose(tmp_path) if one.status == code)
    assert rules(found)[rule] == "not-measurable"
    assert found.confidence != "high"


def test_small_incidents_are_told_as_well(tmp_path: Path) -> None:
    """A quiet site: some forty failures."""
    found = diagnosed(tmp_path, during(visits(minute=7), failing(502, after(12), 0.5)), 502)
    assert found.requests < 60
    assert found.cause == "origin-refused"
