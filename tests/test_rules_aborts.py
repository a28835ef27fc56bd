"""Aborts: what tells a slow origin, a client's timer, a bad network, a bad release and plain cancelling apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

import cdnlog
from cdnlog.model import Finding

START = datetime(2026, 11, 20, 9)  # noqa: DTZ001 - the clock of the log
OLD, NEW = "ShopApp/7.0.2 CFNetwork/1490.0.4 Darwin/23.1.0", "ShopApp/7.1.0 CFNetwork/1490.0.4 Darwin/23.1.0"
AGENTS = (
    OLD,
    OLD,
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0",
    "report-sync/2.3",
)
QUIET = 3600
MINUTES = 30


@dataclass(frozen=True)
class Request:
    """A line to be."""

    at: float
    ip: str
    agent: str
    path: str
    isp: int
    region: int
    hit: bool
    ms: float
    bytes: int = 40_000
    status: int = 200


Change = Callable[[Request, Random], Request]


def write(folder: Path, change: Change, *, quiet: bool, large: bool = False, seed: int) -> None:
    """Write a log: an hour of quiet, if asked for, then half an hour in which requests are changed."""
    rng = Random(seed)
    requests, at = [], -QUIET * quiet + 0.0
    while (at := at + rng.expovariate(1.0)) < MINUTES * 60:
        request = ordinary(rng, at, large=large)
        requests.append(change(request, rng) if at >= 0 else request)
    lines = [(one.at + one.ms / 1000, line(one)) for one in requests]
    (folder / "a.log").write_text("".join(text for _, text in sorted(lines)))


def ordinary(rng: Random, at: float, *, large: bool) -> Request:
    """Return a request as on any day; `report` has always taken its time."""
    group, weight = rng.choice([("page", 1.0), ("list", 2.0), ("item", 1.0), ("report", 25.0)])
    hit = group in ("page", "item") and rng.random() < 0.85
    ms = rng.lognormvariate(2.5, 0.6) if hit else rng.lognormvariate(4.8, 0.5) * weight
    client = rng.randrange(400)
    return Request(
        at, f"198.51.{client // 200}.{client % 200}", rng.choice(AGENTS), f"/v2/{group}/{rng.randrange(50)}",
        (2, 26, 1046, 17)[client % 4], (22, 4, 120, 221, 1442)[client % 5], hit, ms * (3 if large else 1),
        1_048_576 if large else 40_000,
    )  # fmt: skip


def line(one: Request) -> str:
    """Return the line of a request."""
    when = f"{START + timedelta(seconds=one.at):%Y%m%d%H%M%S}"
    return (
        f"{when} {one.ip} api.example.com {one.path} {one.bytes} {one.region} {one.isp} {one.status} - {one.ms:.0f} "
        f'"{one.agent}" "(null)" GET HTTPS {"hit" if one.hit else "miss"} 40000\n'
    )


def gone(one: Request, ms: float, sent: int = 0, status: int = 499) -> Request:
    """Return the request given up after a time."""
    return replace(one, ms=ms, bytes=sent, status=status)


def slow_origin(one: Request, rng: Random) -> Request:
    """Misses take many times as long; each kind of client has its own patience."""
    if one.hit or "report" in one.path:
        return one
    ms, patience = one.ms * 30, {OLD: 10_004.0}.get(one.agent, rng.lognormvariate(8.5, 0.5))
    return gone(one, patience) if ms > patience else replace(one, ms=ms)


def same_timer(one: Request, _: Random) -> Request:
    """Misses become slow, and all clients give up after the same time: the timer is not at fault."""
    ms = one.ms * 40 if "list" in one.path or "item" in one.path else one.ms
    return one if one.hit else gone(one, 8_005) if ms > 8_000 else replace(one, ms=ms)


def client_timer(one: Request, rng: Random) -> Request:
    """One client gives up what has always taken longer than its new timer."""
    return gone(one, 2000 + rng.random() * 60) if one.agent == "report-sync/2.3" and one.ms > 2000 else one


def last_mile(one: Request, rng: Random) -> Request:
    """One carrier crawls, hits as misses."""
    if one.isp != 26:
        return one
    ms, patience = one.ms * 12 + rng.lognormvariate(7, 0.8), rng.lognormvariate(8, 0.6)
    return gone(one, patience, int(one.bytes * patience / ms)) if ms > patience else replace(one, ms=ms)


def release(one: Request, rng: Random) -> Request:
    """A new version spreads and drops its own requests at once."""
    if one.agent != OLD or rng.random() < 0.5:
        return one
    return gone(replace(one, agent=NEW), rng.uniform(5, 80)) if "list" in one.path else replace(one, agent=NEW)


def cancel(one: Request, rng: Random) -> Request:
    """People leave in the middle of it."""
    done = rng.betavariate(1, 2)
    return gone(one, one.ms * done + 2, int(one.bytes * done)) if rng.random() < 0.07 else one


def failed_pull(one: Request, rng: Random) -> Request:
    """The origin hangs on some paths; the CDN's timer ends it, half of them without a status."""
    if one.hit or "list" not in one.path or rng.random() < 0.2:
        return one
    return gone(one, 10_002 + rng.random() * 20, 0, rng.choice([0, 504]))


@cache
def as_zero(change: Change) -> Change:
    """Return the same with status 0 for 499."""

    def changed(one: Request, rng: Random) -> Request:
        new = change(one, rng)
        return replace(new, status=0) if new.status == 499 else new

    return changed


@cache
def found(change: Change, *, quiet: bool = True, status: int = 499, large: bool = False, seed: int = 1) -> Finding:
    """Return the finding of a status."""
    with TemporaryDirectory() as folder:
        write(Path(folder), change, quiet=quiet, large=large, seed=seed)
        (one,) = (f for f in cdnlog.diagnose(folder) if f.status == status and f.cause != "background")
    return one


def verdicts(finding: Finding) -> dict[str, str]:
    """Return the verdict of each rule."""
    return {str(one["rule"]): str(one["verdict"]) for one in finding.evidence}


@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("status", [499, 0])
@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (slow_origin, "slow-origin-abort"),
        (client_timer, "client-timeout"),
        (last_mile, "last-mile"),
        (release, "client-release"),
        (cancel, "client-abort"),
    ],
)
def test_the_causes_of_aborts_are_told_apart(change: Change, cause: str, *, status: int, quiet: bool) -> None:
    """Each cause is told from the four others, with a quiet time before it and without, as 499 and as 0."""
    finding = found(as_zero(change) if status == 0 else change, quiet=quiet, status=status, large=change is cancel)
    assert finding.cause == cause, finding.evidence


def test_a_timer_that_only_ran_out_because_the_origin_became_slow_is_not_at_fault() -> None:
    """E15 beats E16: all aborts end at one value, but misses of the same paths were quicker before."""
    finding = found(same_timer)
    assert (finding.cause, finding.owner) == ("slow-origin-abort", "origin")
    assert {"E15": "confirms", "E16": "weak"}.items() <= verdicts(finding).items()


def test_without_a_quiet_time_one_timer_of_all_clients_decides_nothing() -> None:
    """E15, E16: whether answers became slow or the timer short cannot be seen then, and is not guessed."""
    assert found(same_timer, quiet=False).cause == "undetermined"


def test_an_origin_that_always_took_so_long_is_not_slow() -> None:
    """E15 refutes where the paths of the aborts take what they took before."""
    assert {"E15": "refutes", "E16": "confirms"}.items() <= verdicts(found(client_timer)).items()


def test_hits_are_aborted_in_a_bad_network_and_not_by_a_slow_origin() -> None:
    """E08, E10, E18: what the origin has no part in, and what is one carrier's alone."""
    bad, slow = verdicts(found(last_mile)), verdicts(found(slow_origin))
    assert (bad["E10"], bad["E18"]) == ("confirms", "confirms")
    assert (slow["E10"], slow["E08"], slow.get("E18")) == ("refutes", "confirms", None)


def test_plain_cancelling_harms_nobody() -> None:
    """E17: a finding, so that one knows, but no alarm."""
    finding = found(cancel, large=True)
    assert verdicts(finding)["E17"] == "confirms"
    assert finding.severity in ("info", "low")


def test_a_version_that_spares_no_request_is_told_by_its_name() -> None:
    """E07, E35: the new version is named, not the library or the app as such."""
    finding = found(release)
    assert {"E07": "confirms", "E35": "confirms"}.items() <= verdicts(finding).items()
    assert any("ShopApp/7.1.0" in str(one["statement"]) for one in finding.evidence)


def test_status_0_that_ends_where_the_504s_end_is_the_same_failure() -> None:
    """E18b: with 504s on its paths, status 0 at their very duration is no client that left."""
    finding = found(failed_pull, status=0)
    assert finding.cause == "origin-timeout"
    assert verdicts(finding)["E18b"] == "confirms"


def test_without_durations_networks_or_agents_the_rules_name_the_columns(tmp_path: Path) -> None:
    """E08, E10, E15, E16, E17, E35 are not measurable, and nothing is guessed."""
    write(tmp_path, cancel, quiet=False, seed=1)
    log = tmp_path / "a.log"
    log.write_text("".join(map(blinded, log.read_text().splitlines())))
    (finding,) = cdnlog.diagnose(tmp_path)
    told = verdicts(finding)
    assert finding.cause == "undetermined"
    assert {told[rule] for rule in ("E08", "E10", "E15", "E16", "E17", "E35")} == {"not-measurable"}


def blinded(text: str) -> str:
    """Return a line without region, carrier, duration, User-Agent and cache status."""
    fields = text.split(" ")
    fields[5] = fields[6] = fields[9] = fields[-2] = "-"
    return f'{" ".join(fields[:10])} "-" {" ".join(fields[-5:])}\n'
