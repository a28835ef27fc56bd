"""The rules on refusals: each cause is told from its near misses, and what the log does not hold is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from math import isnan
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

import cdnlog
from cdnlog.diagnosis.rules.signed import signature
from cdnlog.model import Finding

START = datetime(2026, 11, 20, 20)  # noqa: DTZ001 - the clock of the log
BEGIN, END = 1200, 2700  # seconds in which something is wrong, of 3600
AGENTS = [
    *(f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/{n}.0 Safari" for n in range(120, 126)),
    *(f"Mozilla/5.0 (Linux; Android {n}; K) AppleWebKit/537.36 Mobile MicroMessenger/8.0" for n in (11, 12)),
    *(f"Mozilla/5.0 (iPhone; CPU iPhone OS {n}_1 like Mac OS X) AppleWebKit/605 Version/{n}.1" for n in range(15, 19)),
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
]  # fmt: skip
REFERERS = ["https://www.example.com/list", "https://www.example.com/", "https://partner.example.net/a", "-"]
BOT = "python-requests/2.32.3"


@dataclass(frozen=True)
class Ask:
    """One request."""

    at: float
    ip: str
    path: str = "/img/1.jpg"
    agent: str = BOT
    region: int = 4
    isp: int = 2
    referer: str = "-"
    method: str = "GET"
    status: int = 200
    ms: float = 60
    hit: bool = False
    size: int = 9000

    @property
    def line(self) -> str:
        """Its line of a log."""
        when = f"{START + timedelta(seconds=int(self.at)):%Y%m%d%H%M%S}"
        cache = "hit" if self.hit else "miss"
        return (
            f"{when} {self.ip} www.example.com {self.path} {self.size} {self.region} {self.isp} {self.status}"
            f' {self.referer} {self.ms:.0f} "{self.agent}" "(null)" {self.method} HTTPS {cache} 4000\n'
        )


Plant = Callable[[list[Ask], Random], Iterable[Ask]]


@dataclass
class Person:
    """Somebody who visits the site."""

    ip: str
    agent: str
    region: int
    isp: int
    referers: list[str] = field(default_factory=lambda: REFERERS)


def people(rng: Random) -> list[Person]:
    """Return 150 people alone and 4 offices of 14."""
    places = [(22, 2), (4, 26), (1, 1046), (122, 2), (6, 26), (1208, 1046), (121, 26)]
    homes = [f"198.51.{n % 50}.{n}" for n in range(1, 151)]
    offices = [f"203.0.113.{n}" for n in range(1, 5) for _ in range(14)]
    where = {ip: rng.choice(places) for ip in (*homes, *offices)}
    return [Person(ip, rng.choice(AGENTS), *where[ip]) for ip in (*homes, *offices)]


def visits(rng: Random, signed: bool = False) -> list[Ask]:
    """Return an hour of visits: a page, then what it shows within two seconds."""
    crowd, asks = people(rng), []
    for _ in range(450):
        who, start, referer = rng.choice(crowd), rng.uniform(0, 3590), rng.choice(REFERERS)
        base = Ask(start, who.ip, agent=who.agent, region=who.region, isp=who.isp, referer=referer)
        for i in range(rng.randint(3, 7)):
            hit = i > 0 and rng.random() < 0.7
            path = f"/img/{rng.randint(1, 60)}.jpg" if i else f"/page/{rng.randint(1, 30)}.html"
            at = start + rng.uniform(0, 2) * (i > 0)
            if signed and i:
                path += f"?sign={rng.getrandbits(128):032x}&t={int(_clock(at)) - rng.randint(0, 900)}"
            asks.append(replace(base, at=at, path=path, hit=hit, ms=rng.uniform(1, 9) if hit else rng.uniform(45, 200)))
    return asks


def _clock(at: float) -> float:
    """Return the time of the log in UTC seconds, its clock being China's."""
    return (START - datetime(1970, 1, 1)).total_seconds() - 8 * 3600 + at  # noqa: DTZ001


def inside(ask: Ask) -> bool:
    """Whether it is asked while something is wrong."""
    return BEGIN <= ask.at < END


def refusing(status: int, who: Callable[[Ask], bool], ms: float = 1, tries: int = 1) -> Plant:
    """Return what lets the edge refuse, at once; whoever is refused tries again."""

    def plant(asks: list[Ask], rng: Random) -> Iterable[Ask]:
        for ask in asks:
            if not (inside(ask) and who(ask)):
                yield ask
                continue
            for i in range(tries):
                took = ms + rng.uniform(0, 1 + ms / 10)
                yield replace(ask, at=ask.at + 3 * i, status=status, ms=took, hit=False, size=500)

    return plant


def limiting(status: int, limit: Callable[[str], int]) -> Plant:
    """Return what lets so many requests of an address pass each second."""

    def plant(asks: list[Ask], _: Random) -> Iterable[Ask]:
        seen: dict[tuple[str, int], int] = {}
        for ask in sorted(asks, key=lambda one: one.at):
            key = (ask.ip, int(ask.at))
            seen[key] = seen.get(key, 0) + 1
            late = inside(ask) and seen[key] > limit(ask.ip)
            yield replace(ask, status=status, ms=1, hit=False, size=500) if late else ask

    return plant


def machines(count: int, every: float, path: str = "/img/{n}.jpg", **given: object) -> Plant:
    """Return what adds machines that ask in bursts of 20 each so many seconds."""

    def plant(asks: list[Ask], rng: Random) -> Iterable[Ask]:
        yield from asks
        for number in range(count):
            at = BEGIN + rng.uniform(0, every)
            while at < END:
                for _ in range(20):
                    one = Ask(at + rng.uniform(0, 1), f"192.0.2.{number + 1}", path.format(n=rng.randint(1, 60)))
                    yield replace(one, **given)  # type: ignore[arg-type]
                at += every

    return plant


def then(*plants: Plant) -> Plant:
    """Return one after the other."""

    def plant(asks: list[Ask], rng: Random) -> Iterable[Ask]:
        for one in plants:
            asks = list(one(asks, rng))
        return asks

    return plant


def relinked(share: float, change: Callable[[str], str]) -> Plant:
    """Return what changes some signed links while something is wrong."""

    def plant(asks: list[Ask], rng: Random) -> Iterable[Ask]:
        for ask in asks:
            wrong = inside(ask) and "?sign=" in ask.path and rng.random() < share
            yield replace(ask, path=change(ask.path), status=403, ms=1, hit=False, size=500) if wrong else ask

    return plant


@cache
def found(plant: Plant, status: int, signed: bool, only: bool) -> Finding:
    """Return the finding of the status; `only` keeps nothing but the time in which something is wrong."""
    rng = Random(7)
    asks = sorted(plant(visits(rng, signed), rng), key=lambda ask: ask.at)
    lines = [ask.line for ask in asks if not only or BEGIN + 60 <= ask.at < END - 60]
    with TemporaryDirectory() as folder:
        log = Path(folder) / "a.log"
        log.write_text("".join(lines), encoding="utf-8")
        return next(one for one in cdnlog.diagnose(log) if one.status == status)


def said(finding: Finding, rule: str) -> set[str]:
    """Return what a rule said."""
    return {one["verdict"] for one in finding.evidence if one["rule"] == rule}


def network(ask: Ask) -> bool:
    """Whether it is of the listed addresses."""
    return ask.ip.startswith(("198.51.7.", "198.51.9.", "198.51.12."))


def signs(ask: Ask) -> bool:
    """Whether it is signed."""
    return "?sign=" in ask.path


def shifted(seconds: int) -> Callable[[str], str]:
    """Return what moves the time of a link."""
    return lambda path: f"{path.partition('&t=')[0]}&t={int(path.partition('&t=')[2]) + seconds}"


HOTLINK = refusing(403, lambda ask: "partner" in ask.referer)
BLANK = refusing(403, lambda ask: ask.referer == "-")
AGENT = refusing(403, lambda ask: "MicroMessenger" in ask.agent)
LISTED = refusing(403, network, tries=3)
REGION = refusing(403, lambda ask: ask.region == 122)
METHOD = then(machines(0, 1), lambda asks, rng: (
    replace(ask, method="PUT") if rng.random() < 0.2 else ask for ask in asks
), refusing(403, lambda ask: ask.method == "PUT"))  # fmt: skip
ORIGIN = refusing(403, lambda ask: not ask.hit, 60)
ORIGIN_401 = refusing(401, lambda ask: not ask.hit, 60)
LOW = limiting(514, lambda _: 2)
SHARED = then(
    lambda asks, _: (
        replace(ask, at=ask.at // 300 * 300 + ask.at % 2) if ask.ip.startswith("203.") else ask for ask in asks
    ),
    limiting(514, lambda _: 9),
)
ROBOTS = then(machines(3, 20), limiting(514, lambda _: 9))
BANNED_ROBOTS = then(machines(3, 20), refusing(509, lambda ask: ask.ip.startswith("192.0.2.")))
BAN = then(machines(40, 250), refusing(509, lambda _: True))
LOGINS = then(
    machines(6, 40, "/login", method="POST", status=401, ms=90),
    lambda asks, rng: (
        replace(ask, path="/login", method="POST") if not ask.hit and rng.random() < 0.1 and ask.agent != BOT else ask
        for ask in asks
    ),
)
UNSIGNED = relinked(0.4, lambda path: path.partition("?")[0])
LATE = relinked(1, shifted(-7200))
AHEAD = relinked(1, shifted(8 * 3600))
KEY = refusing(403, signs)

LISTED_514 = refusing(514, network, tries=3)


class Told(NamedTuple):
    """What a rule says of a plant."""

    rule: str
    cause: str
    plant: Plant
    status: int = 403
    signed: bool = False


TOLD = [
    Told("E22", "hotlink-protection", HOTLINK),
    Told("E22", "hotlink-protection", BLANK),
    Told("E23", "user-agent-list", AGENT),
    Told("E20", "ip-list", LISTED),
    Told("E20", "ip-list", LISTED_514, 514),
    Told("E07", "access-rule", REGION),
    Told("E07", "access-rule", METHOD),
    Told("E25", "origin-denied", ORIGIN),
    Told("E25", "origin-denied", ORIGIN_401, 401),
    Told("E21", "rate-limit", LOW, 514),
    Told("E21", "rate-limit-shared-ip", SHARED, 514),
    Told("E21", "abusive-client", ROBOTS, 514),
    Told("E21", "abusive-client", BANNED_ROBOTS, 509),
    Told("E26", "flood-ban", BAN, 509),
    Told("E21", "abusive-client", LOGINS, 401),
    Told("E24", "url-signature", UNSIGNED, signed=True),
    Told("E24", "url-signature", LATE, signed=True),
    Told("E24", "url-signature", AHEAD, signed=True),
    Told("E24", "url-signature", KEY, signed=True),
    Told("E22", "hotlink-protection", HOTLINK, signed=True),
    Told("E25", "origin-denied", ORIGIN, signed=True),
]


@pytest.mark.parametrize("only", [False, True], ids=["quiet", "hour"])
@pytest.mark.parametrize("told", TOLD, ids=[f"{n}-{told.cause}" for n, told in enumerate(TOLD)])
def test_cause_is_told(told: Told, only: bool) -> None:
    """Each cause is told by its rule, with quiet time before it and without."""
    finding = found(told.plant, told.status, told.signed, only)
    assert finding.cause == told.cause, finding.evidence
    assert "confirms" in said(finding, told.rule), finding.evidence


NEAR = [
    ("E22", AGENT, 403), ("E23", HOTLINK, 403), ("E20", HOTLINK, 403), ("E20", AGENT, 403), ("E20", LOW, 514),
    ("E07", LISTED, 403), ("E07", AGENT, 403), ("E22", REGION, 403), ("E25", HOTLINK, 403), ("E09", HOTLINK, 403),
    ("E24", BLANK, 403), ("E19", LISTED_514, 514), ("E21", ORIGIN_401, 401), ("E22", ORIGIN, 403),
    ("E23", ORIGIN, 403), ("E26", BANNED_ROBOTS, 509),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "plant", "status"), NEAR)
def test_near_miss_is_not_confirmed(rule: str, plant: Plant, status: int) -> None:
    """The same code with another cause: the rule does not confirm its own."""
    assert "confirms" not in said(found(plant, status, False, False), rule)


def bare(**given: object) -> Plant:
    """Return what takes a column's values away."""
    return lambda asks, _: (replace(ask, **given) for ask in asks)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "plant", "status"),
    [
        ("E22", then(AGENT, bare(referer="-")), 403),
        ("E23", then(HOTLINK, bare(agent="-")), 403),
        ("E21", then(LOW, bare(agent="-")), 514),
        ("E19", then(LOW, bare(ip="-")), 514),
        ("E20", then(LISTED, bare(ip="-")), 403),
    ],
)
def test_absent_column_is_named(rule: str, plant: Plant, status: int) -> None:
    """A rule whose column the log does not fill says so."""
    assert said(found(plant, status, False, False), rule) == {"not-measurable"}


def test_few_addresses_are_no_agent_list() -> None:
    """One machine that is refused is not taken for a list of User-Agents with certainty."""
    plant = then(machines(1, 30), refusing(403, lambda ask: ask.agent == BOT))
    assert found(plant, 403, False, False).confidence != "high"


@pytest.mark.parametrize(
    ("path", "query", "there", "time"),
    [
        ("/a.jpg", "sign=1795176000-abcdef-0-9a1d5c33e7b24b5a8c0f4be2c1d7f6aa", True, 1795176000),
        ("/202611202000/9a1d5c33e7b24b5a8c0f4be2c1d7f6aa/a/b.jpg", "", True, 1795176000),
        ("/9a1d5c33e7b24b5a8c0f4be2c1d7f6aa/6b003540/a/b.jpg", "", True, 0x6B003540),
        ("/a.jpg", "sign=9a1d5c33e7b24b5a8c0f4be2c1d7f6aa&t=6b003540", True, 0x6B003540),
        ("/a.jpg", "Expires=1795176000&Signature=abcdefghij~&Key-Pair-Id=K12345678", True, 1795176000),
        ("/a.jpg", "auth_key=1795176000-0-0-9a1d5c33e7b24b5a8c0f4be2c1d7f6aa", True, 1795176000),
        ("/a.jpg", "t=1795176000", False, None),
        ("/a.jpg", "sign=short", False, None),
        ("/202613452000/9a1d5c33e7b24b5a8c0f4be2c1d7f6aa/a.jpg", "", True, None),
    ],
)
def test_signature_is_read(path: str, query: str, there: bool, time: float | None) -> None:
    """The schemes of Tencent CDN and of others are known by their shape and parameter names."""
    read = signature(path, query)
    assert (read.there, None if isnan(read.time) else read.time) == (there, time)
