"""The rules on content and on the shape of requests: each cause beside its near misses, and what cannot be measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

import cdnlog
from cdnlog.diagnosis.rules.asked import harmless, probing, site
from cdnlog.model import Finding

START = datetime(2026, 11, 20, 20)  # noqa: DTZ001 - the clock of the log
BEGIN, END, LAST = 35 * 60 + 20, 58 * 60, 60 * 60
HOST, OWN = "www.example.com", "https://www.example.com"
AGENTS = [
    *(f"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/{n}.0 Safari/537.36" for n in range(120, 126)),
    *(f"Mozilla/5.0 (iPhone; CPU iPhone OS {n}_1) AppleWebKit/605 Version/{n}.1 Safari/605" for n in range(15, 19)),
    "ExampleApp/5.2.1 (Android 15) okhttp/4.12.0",
]
REFERERS = [f"{OWN}/", f"{OWN}/list", f"{OWN}/a", "https://www.bing.com/", "-", "https://partner.example.net/x"]


@dataclass(frozen=True)
class Ask:
    """One request."""

    at: float
    ip: str
    path: str
    ms: float
    hit: bool
    agent: str
    referer: str
    method: str = "GET"
    range: str = "(null)"
    status: int = 200
    size: int = 20_000

    @property
    def line(self) -> str:
        """Its line of a log."""
        when = f"{START + timedelta(seconds=int(self.at)):%Y%m%d%H%M%S}"
        return (
            f"{when} {self.ip} {HOST} {self.path} {self.size} 22 2 {self.status} {self.referer} {self.ms:.0f}"
            f' "{self.agent}" "{self.range}" {self.method} HTTPS {"hit" if self.hit else "miss"} 4000\n'
        )


def _answered(path: str, rng: Random) -> tuple[bool, float]:
    hit = rng.random() < (0.0 if path.startswith(("/search", "/upload")) else 0.75)
    return hit, rng.uniform(1, 8) if hit else 60 + 60 * rng.lognormvariate(0, 0.4)


def visits(seed: int = 0, each: float = 1.3, first: float = 0, last: float = LAST) -> list[Ask]:
    """Return the requests of ordinary visitors, one in so many seconds."""
    rng, asks, at = Random(seed), [], first
    while (at := at + rng.expovariate(1 / each)) < last:
        kind = rng.choice(("product", "product", "news", "static", "search"))
        number = rng.choice((rng.randrange(40), rng.randrange(8)))
        path = f"/search?q={number}" if kind == "search" else f"/{kind}/{number}.html"
        who = f"198.18.{rng.randrange(4)}.{int(rng.paretovariate(0.4)) % 200}"
        hit, ms = _answered(path, rng)
        asks.append(Ask(at, who, path, ms, hit, rng.choice(AGENTS), rng.choice(REFERERS)))
    return asks


Fault = Callable[[Ask, Random], Ask | None]


def during(asks: Iterable[Ask], fault: Fault) -> list[Ask]:
    """Return the requests with the fault done to those of its time; it returns None to leave one as it is."""
    rng = Random(3)
    return [(fault(ask, rng) or ask) if BEGIN <= ask.at < END else ask for ask in asks]


def lost(where: Callable[[Ask], bool], code: int = 404) -> Fault:
    """Return a fault: some requests are answered by the origin with a code."""
    return lambda ask, rng: (
        replace(ask, status=code, ms=rng.uniform(45, 70), hit=False, size=500) if where(ask) else None
    )


def stopped(ask: Ask, rng: Random) -> Ask:
    """Everything fails at the edge."""
    return replace(ask, status=404, ms=rng.choice((0, 0, 1, 2)), hit=False, size=500)


def more(count: int, make: Callable[[float, Ask, Random], Ask]) -> list[Ask]:
    """Return visits and so many further requests in the time of the incident."""
    rng, asks = Random(5), visits()
    added = [make(rng.uniform(BEGIN, END), rng.choice(asks), rng) for _ in range(count)]
    return sorted(asks + added, key=lambda ask: ask.at)


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., Finding]:
    """Return what writes a log and gives the finding of a code; `hour` leaves nothing but the time of the incident."""

    def diagnosed(asks: Iterable[Ask], code: int = 404, *, hour: bool = False) -> Finding:
        lines = [ask.line for ask in asks if not hour or BEGIN <= ask.at < END]
        (tmp_path / "a.log").write_text("".join(lines))
        found = [f for f in cdnlog.diagnose(tmp_path) if f.status == code and f.cause != "background"]
        assert found, f"nothing is found of {code}"
        return found[0]

    return diagnosed


def rules(finding: Finding) -> dict[str, str]:
    """Return the verdict of each rule."""
    return {str(one["rule"]): str(one["verdict"]) for one in finding.evidence}


PRODUCT = lost(lambda ask: ask.path.startswith("/product"))
ORIGIN = lost(lambda ask: not ask.hit)


@pytest.mark.parametrize("hour", [False, True])
def test_another_origin_knows_no_path(told: Callable[..., Finding], hour: bool) -> None:
    """E29: all that goes to the origin fails and the cache still serves, so the origin is another."""
    finding = told(during(visits(), ORIGIN), hour=hour)
    assert (finding.cause, rules(finding)["E29"]) == ("origin-moved", "confirms")


def test_a_first_page_and_a_health_check_do_not_hide_a_moved_origin(told: Callable[..., Finding]) -> None:
    """E29: the wrong server has a few paths of its own."""
    asks = more(200, lambda at, ask, rng: replace(ask, at=at, path=rng.choice(("/", "/healthz")), hit=False, ms=90))
    moved = during(asks, lost(lambda ask: not ask.hit and ask.path not in ("/", "/healthz")))
    assert told(moved).cause == "origin-moved"


@pytest.mark.parametrize("hour", [False, True])
def test_a_part_of_the_site_is_gone(told: Callable[..., Finding], hour: bool) -> None:
    """E28 and E29: the failing paths had their share before, and other paths are still served from the origin."""
    finding = told(during(visits(), PRODUCT), hour=hour)
    verdicts = rules(finding)
    assert finding.cause == "content-removed"
    assert (verdicts["E28"], verdicts["E29"]) == ("weak" if hour else "confirms", "refutes")


def _broken(at: float, ask: Ask, rng: Random) -> Ask:
    return replace(ask, at=at, path="/v9/track.js", referer=f"{OWN}/product/{rng.randrange(9)}.html", status=404, ms=60)


@pytest.mark.parametrize("hour", [False, True])
def test_own_pages_link_to_nothing(told: Callable[..., Finding], hour: bool) -> None:
    """E30: own pages lead to one path that was never served; E28 refutes that it was ever there."""
    finding = told(more(220, _broken), hour=hour)
    assert (finding.cause, rules(finding)["E30"]) == ("broken-link", "confirms")
    assert rules(finding)["E28"] == ("not-measurable" if hour else "refutes")


def test_links_of_others_are_not_own_links(told: Callable[..., Finding]) -> None:
    """E30: without own pages as referer it is refuted."""
    finding = told(more(220, lambda at, ask, rng: replace(_broken(at, ask, rng), referer="https://other.example.org/")))
    assert (finding.cause, rules(finding)["E30"]) == ("undetermined", "refutes")


def test_without_referers_a_broken_link_cannot_be_measured(told: Callable[..., Finding]) -> None:
    """E30 names the column that is missing."""
    finding = told([replace(ask, referer="-") for ask in more(220, _broken)])
    assert rules(finding)["E30"] == "not-measurable"


def _scan(at: float, ask: Ask, rng: Random) -> Ask:
    path = f"/{rng.randrange(10**6):x}/{rng.choice(('.env', 'wp-login.php', 'backup.zip', '.git/config'))}"
    who = {"ip": "203.0.113.9", "agent": "Mozilla/5.0 zgrab/0.x", "referer": "-"}
    return replace(ask, at=at, path=path, status=404, ms=55, hit=False, **who)


@pytest.mark.parametrize("hour", [False, True])
@pytest.mark.parametrize("code", [404, 400])
def test_one_client_tries_ever_new_paths(told: Callable[..., Finding], code: int, hour: bool) -> None:
    """E27 and E27b: few clients, new paths, names that scanners look for."""
    asks = more(400, lambda at, ask, rng: replace(_scan(at, ask, rng), status=code))
    finding = told(asks, code, hour=hour)
    assert finding.cause == "scanner"
    assert {rules(finding)[name] for name in ("E27", "E27b")} == {"confirms"}


def test_a_robot_that_reads_removed_pages_is_no_scanner(told: Callable[..., Finding]) -> None:
    """E27: paths that were served before are content, also where one client finds most of them missing."""
    asks = more(
        300, lambda at, ask, rng: replace(ask, at=at, ip="203.0.113.9", path=f"/product/{rng.randrange(40)}.html")
    )
    finding = told(during(asks, PRODUCT))
    assert (finding.cause, rules(finding).get("E27") == "confirms") == ("content-removed", False)


def test_browsers_ask_for_icons_by_themselves(told: Callable[..., Finding]) -> None:
    """E13: it says that nobody is hurt, and no cause is made of it."""
    asks = more(250, lambda at, ask, _: replace(ask, at=at, path="/favicon.ico", status=404, ms=50, hit=False))
    finding = told(asks)
    assert (finding.cause, rules(finding)["E13"]) == ("undetermined", "confirms")


def _stored(ttl: float) -> Fault:
    """Return a fault: products fail at the origin for a minute, and from the cache for so long."""
    fetched: dict[str, float] = {}

    def fault(ask: Ask, _: Random) -> Ask | None:
        number = ask.path.rpartition("/")[2].partition(".")[0]
        if not ask.path.startswith("/product") or int(number) > 6:
            return None
        since = ask.at - fetched.get(ask.path, -ttl)
        if since < ttl:
            return replace(ask, status=404, ms=2, hit=True, size=500)
        if ttl > 60 and ask.at > BEGIN + 120:
            return None
        fetched[ask.path] = ask.at
        return replace(ask, status=404, ms=70, hit=False, size=500)

    return fault


def test_a_stored_error_outlives_its_cause(told: Callable[..., Finding]) -> None:
    """E31: long after the path last failed at the origin it still fails from the cache."""
    finding = told(during(visits(), _stored(3000)))
    assert (finding.cause, rules(finding)["E31"]) == ("negative-cache", "confirms")


def test_a_stored_error_that_began_before_the_log(told: Callable[..., Finding]) -> None:
    """E31: the log holds only failures from the cache, while the origin serves the rest."""
    asks = during(visits(), _stored(3000))
    asks = [ask for ask in asks if ask.at > BEGIN + 130 and (ask.status == 200 or ask.hit)]
    finding = told(asks, hour=True)
    assert (finding.cause, rules(finding)["E31"]) == ("negative-cache", "confirms")


def test_the_usual_ten_seconds_are_no_negative_cache(told: Callable[..., Finding]) -> None:
    """E31: failures from the cache that follow the origin within seconds only repeat what is gone."""
    finding = told(during(visits(each=0.4), _stored(20)))
    assert finding.cause == "content-removed"
    assert rules(finding)["E31"] == "weak"


def test_a_host_that_was_never_served(told: Callable[..., Finding]) -> None:
    """E29: everything fails at once and nothing of the host was ever served: the edge does not know it."""
    finding = told(during(visits(), stopped), hour=True)
    assert (finding.cause, rules(finding)["E29"]) == ("host-not-configured", "confirms")


def test_a_host_that_is_taken_away_under_the_usual_load(told: Callable[..., Finding]) -> None:
    """E29b: no surge, no limit."""
    finding = told(during(visits(), stopped))
    assert (finding.cause, rules(finding)["E29b"]) == ("host-not-configured", "refutes")


def test_a_limit_is_reached_in_a_surge(told: Callable[..., Finding]) -> None:
    """E29b: everything fails from the top of a surge on."""
    asks = sorted(visits() + visits(8, each=0.4, first=BEGIN - 900, last=BEGIN), key=lambda ask: ask.at)
    finding = told(during(asks, stopped))
    assert (finding.cause, rules(finding)["E29b"]) == ("quota", "confirms")


def _long(at: float, ask: Ask, rng: Random) -> Ask:
    path = f"/search?q=1&from={'x' * rng.randrange(2100, 4000)}"
    return replace(ask, at=at, path=path, status=414, ms=1, hit=False)


def test_what_is_long_fails_and_what_is_short_passes(told: Callable[..., Finding]) -> None:
    """E32: every failing URL is longer than every served one, and ordinary people send them."""
    finding = told(more(150, _long), 414)
    assert (finding.cause, finding.confidence, rules(finding)["E32"]) == ("url-too-long", "high", "confirms")


def test_short_urls_do_not_fail_for_their_length(told: Callable[..., Finding]) -> None:
    """E32: URLs of a usual length are refuted; the table's word stays, without much confidence."""
    finding = told(more(150, lambda at, ask, _: replace(ask, at=at, path="/search?q=12", status=414, ms=1)), 414)
    assert (finding.confidence, rules(finding)["E32"]) != ("high", "confirms")
    assert rules(finding)["E32"] == "refutes"


@pytest.mark.parametrize("code", [413, 414])
def test_a_scanner_sends_long_urls_and_bodies_too(told: Callable[..., Finding], code: int) -> None:
    """E27 outweighs the table's only cause."""
    long = "?id=" + "A" * 3000 if code == 414 else ""
    asks = more(
        400, lambda at, a, rng: replace(s := _scan(at, a, rng), path=s.path + long, status=code, method="POST", ms=1)
    )
    assert told(asks, code).cause == "scanner"


def _upload(at: float, ask: Ask, _: Random) -> Ask:
    return replace(ask, at=at, path="/upload/video", method="POST", status=413, ms=1, hit=False)


def test_uploads_of_many_people_are_too_large(told: Callable[..., Finding]) -> None:
    """E33: the log lacks the size and says so; method and path speak for it."""
    finding = told(more(150, _upload), 413)
    assert (finding.cause, rules(finding)["E33"]) == ("body-too-large", "weak")


def test_without_uploads_the_size_is_not_measurable(told: Callable[..., Finding]) -> None:
    """E33 names the column that is missing."""
    finding = told(more(150, lambda at, ask, rng: replace(_upload(at, ask, rng), method="GET")), 413)
    assert rules(finding)["E33"] == "not-measurable"


NEW = "ExampleApp/6.0.0 (Android 15) okhttp/4.12.0"


@pytest.mark.parametrize("hour", [False, True])
@pytest.mark.parametrize(("code", "method"), [(400, "GET"), (405, "PUT"), (415, "POST")])
def test_one_version_of_a_client_fails(told: Callable[..., Finding], code: int, method: str, hour: bool) -> None:
    """E35 and E35b: the version has the failures, fails always, and others do not."""
    asks = more(300, lambda at, ask, _: replace(ask, at=at, agent=NEW, method=method, status=code, ms=1, hit=False))
    finding = told(asks, code, hour=hour)
    assert (finding.cause, rules(finding)["E35"], rules(finding)["E35b"]) == ("client-release", "confirms", "confirms")


def test_a_method_that_nobody_may_use(told: Callable[..., Finding]) -> None:
    """E35: all kinds of clients fail with one method: a rule, not a release."""
    finding = told(more(300, lambda at, ask, _: replace(ask, at=at, method="DELETE", status=405, ms=1, hit=False)), 405)
    assert finding.cause == "access-rule"


def test_without_agents_no_version_can_be_named(told: Callable[..., Finding]) -> None:
    """E35 names the column that is missing."""
    asks = more(300, lambda at, ask, _: replace(ask, at=at, method="PUT", status=405, ms=1))
    assert rules(told([replace(ask, agent="-") for ask in asks], 405))["E35"] == "not-measurable"


def _film(seconds: float, ask: Ask, rng: Random) -> Ask:
    part, number = rng.randrange(20), rng.randrange(6)
    return replace(ask, at=seconds, path=f"/vod/{number}.mp4", range=f"{part}000-{part}999", status=206)


def _films(seed: int = 4) -> list[Ask]:
    rng, asks = Random(seed), visits()
    return sorted(asks + [_film(rng.uniform(0, LAST), ask, rng) for ask in asks], key=lambda ask: ask.at)


def _shorter(ask: Ask, _: Random) -> Ask | None:
    beyond = ask.path in ("/vod/1.mp4", "/vod/2.mp4") and int(ask.range.partition("-")[0]) >= 8000
    return replace(ask, status=416, ms=1, hit=False) if beyond else None


@pytest.mark.parametrize("hour", [False, True])
def test_a_file_became_shorter(told: Callable[..., Finding], hour: bool) -> None:
    """E34: ranges fail that were served before, and nothing is served there any more."""
    finding = told(during(_films(), _shorter), 416, hour=hour)
    assert (finding.cause, rules(finding)["E34"]) == ("range-beyond-file", "weak" if hour else "confirms")


def test_one_version_asks_beyond_the_end(told: Callable[..., Finding]) -> None:
    """E34 is refuted where one version of a client asks so, of whatever file."""
    rng, asks = Random(6), _films()
    added = [
        replace(_film(rng.uniform(BEGIN, END), ask, rng), agent=NEW, range="30000-30999", status=416, ms=1, hit=False)
        for ask in asks[:250]
    ]
    finding = told(sorted(asks + added, key=lambda ask: ask.at), 416)
    assert (finding.cause, rules(finding)["E34"]) == ("client-release", "refutes")


def test_without_ranges_nothing_is_said_of_them(told: Callable[..., Finding]) -> None:
    """E34 names the column that is missing."""
    finding = told([replace(ask, range="(null)") for ask in during(_films(), _shorter)], 416)
    assert rules(finding)["E34"] == "not-measurable"


@pytest.mark.parametrize(
    ("path", "is_harmless", "is_probe"),
    [
        ("/favicon.ico", True, False),
        ("/.well-known/assetlinks.json", True, False),
        ("/a/.env", False, True),
        ("/wp-login.php", False, True),
        ("/product/12.html", False, False),
        ("/environment/shelling", False, False),
    ],
)
def test_names_of_paths(path: str, is_harmless: bool, is_probe: bool) -> None:
    """Well-known paths are told from content by their whole name."""
    assert (harmless(path), probing(path)) == (is_harmless, is_probe)


def test_hosts_of_one_owner() -> None:
    """A host belongs with those of the same registered name, of whatever port."""
    assert site("img.example.co.kr:443") == site("www.example.co.kr") != site("www.other.co.kr")
