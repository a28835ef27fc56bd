"""What goes wrong in the sample night: one table, `INCIDENTS`, and the few functions it names.

An incident picks its victims among the ordinary requests and turns them into failures. Some causes
show in other ways too - answers slow down, redirects pile up, a flood rolls in - and a few minutes
before the first failure; those have an `alongside`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random

from sample_traffic import (
    ACCOUNT,
    API,
    APP_AGENT,
    CHUNK,
    END,
    ERROR_PAGE,
    EXPORT,
    FILM,
    HEADERS,
    IMG,
    PARTNER,
    PROMO,
    THUMBS,
    UNICOM,
    VIDEO,
    WWW,
    Request,
)

RATE_LIMIT = 10  # Requests one address may make in one second while 514 is planted.
CUT_FILM = 24 * CHUNK  # The film's length after somebody replaced it.
APP_PATIENCE_MS = 5000
EDGE_PATIENCE_MS = 10_000
BOT_AGENT = "python-requests/2.32.3"

Requests = list[Request]
Victims = Callable[[Requests], Requests]
Alongside = Callable[["Incident", Requests, Random], Iterable[Request]]


def unchanged(_incident: Incident, requests: Requests, _rng: Random) -> Requests:
    """Nothing but the failures themselves shows in the log."""
    return requests


@dataclass(frozen=True)
class Incident:
    """One planted fault; times are wall clock of 2026-11-20, +08:00, the end not included."""

    domain: str
    code: int
    start: str
    end: str
    cause: str  # In the vocabulary of `causes.toml`.
    looks: str
    truth: str
    victims: Victims
    ms: tuple[int, int]
    size: int = ERROR_PAGE
    share: float = 1.0
    alongside: Alongside = unchanged
    lead: int = 0  # Minutes by which `alongside` comes before the first failure.

    @property
    def begins(self) -> int:
        """The start in seconds after midnight."""
        return _seconds(self.start)

    @property
    def ends(self) -> int:
        """The end in seconds after midnight."""
        return _seconds(self.end)

    @property
    def active(self) -> bool:
        """Whether the data end before the incident does."""
        return self.ends == END

    def failures(self, requests: Iterable[Request]) -> int:
        """Counts the answers with this code on this domain in this time, noise included."""
        return sum(self._covers(request) and request.status == self.code for request in requests)

    def total(self, requests: Iterable[Request]) -> int:
        """Counts all answers of this domain in this time."""
        return sum(map(self._covers, requests))

    def strike(self, requests: Requests, rng: Random) -> Requests:
        """Returns a site's requests after the incident, in order of time."""
        dawn = self.begins - 60 * self.lead
        near = [request for request in requests if dawn <= request.at < self.ends]
        far = [request for request in requests if not dawn <= request.at < self.ends]
        near = sorted(self.alongside(self, near, rng), key=_at)
        for victim in self.victims([request for request in near if self._covers(request)]):
            if rng.random() < self.share:
                victim.fail(self.code, rng.randint(*self.ms), self.size)
        return sorted(far + near, key=_at)

    def _covers(self, request: Request) -> bool:
        return request.domain == self.domain and self.begins <= request.at < self.ends


def _seconds(clock: str) -> int:
    hours, minutes = map(int, clock.split(":"))
    return 60 * (60 * hours + minutes)


def _at(request: Request) -> float:
    return request.at


# Who fails.


def everything(requests: Requests) -> Requests:
    """The whole domain is banned: good visitors and bad."""
    return requests


def misses(requests: Requests) -> Requests:
    """Whatever must be fetched from the origin; the cache goes on answering the rest."""
    return [request for request in requests if request.cache == "miss"]


def below(folder: str) -> Victims:
    """Everything under a path that is not a redirect."""
    return lambda requests: [r for r in requests if r.path.startswith(folder) and r.status < 300]


def from_partner(requests: Requests) -> Requests:
    """Pictures shown on the partner's pages."""
    return [request for request in requests if request.referer.startswith(PARTNER)]


def beyond_rate(requests: Requests) -> Requests:
    """What an address asks for after its quota of the second is used up."""
    seen: Counter[tuple[str, int]] = Counter()
    late = []
    for request in requests:
        key = (request.ip, int(request.at))
        seen[key] += 1
        if seen[key] > RATE_LIMIT:
            late.append(request)
    return late


def beyond_film(requests: Requests) -> Requests:
    """Viewers who go on where the shorter film has already ended."""
    return [r for r in requests if r.path == FILM and r.first_byte >= CUT_FILM]


def large_over_unicom(requests: Requests) -> Requests:
    """Big pieces on the way to the nodes of one carrier."""
    return [r for r in requests if r.isp == UNICOM and r.size >= CHUNK]


def impatient(requests: Requests) -> Requests:
    """The app hangs up on an export after its five seconds; browsers wait."""
    slow = (r for r in requests if r.path.startswith(EXPORT) and r.ms > APP_PATIENCE_MS)
    return [request for request in slow if request.agent == APP_AGENT]


def patient(requests: Requests) -> Requests:
    """Browsers wait for an export until the edge gives up."""
    slow = (r for r in requests if r.path.startswith(EXPORT) and r.status == 200)
    return [request for request in slow if request.agent != APP_AGENT]


def uncached_thumbs(requests: Requests) -> Requests:
    """Thumbnails fetched from the bucket."""
    return [request for request in misses(requests) if request.path.startswith(THUMBS)]


# What else shows.


def slow_exports(_incident: Incident, requests: Requests, rng: Random) -> Iterator[Request]:
    """The origin needs seconds for an export that took a few hundred milliseconds."""
    for request in requests:
        if request.path.startswith(EXPORT) and request.status == 200:
            request.ms = int(rng.lognormvariate(8.75, 0.2))
        yield request


def redirects(incident: Incident, requests: Requests, rng: Random) -> Iterator[Request]:
    """Browsers are sent to and fro between http and https, until the CDN notices the circle."""
    for request in requests:
        if request.path.startswith(ACCOUNT) and request.status == 200:
            rounds = 3 if request.at < incident.begins else int(rng.random() < 0.2)
            for before in range(rounds, 0, -1):
                scheme, ms = ("HTTPS", "HTTP")[before % 2], rng.randint(30, 90)
                at = request.at - 0.2 * before
                yield replace(request, at=at, status=302, size=HEADERS, scheme=scheme, ms=ms)
        yield request


def no_store(_incident: Incident, requests: Requests, rng: Random) -> Iterator[Request]:
    """A new bucket setting forbids caching: every thumbnail is fetched again and again."""
    for request in requests:
        if request.path.startswith(THUMBS) and request.status < 400:
            request.cache = "miss"
            request.ms += rng.randint(40, 160)
        yield request


def cut_film(_incident: Incident, requests: Requests, _rng: Random) -> Iterator[Request]:
    """Whoever downloads the whole film gets the short one."""
    for request in requests:
        if request.path == FILM and request.status == 200:
            request.size = CUT_FILM
        yield request


def flood(incident: Incident, requests: Requests, rng: Random) -> Iterator[Request]:
    """Forty bots search at random: seven times the usual load, and less once the ban answers them."""
    yield from requests
    at = incident.begins - 60.0 * incident.lead
    while at < incident.ends:
        at += rng.expovariate(4.0 if at < incident.begins else 1.5)
        bot = rng.randint(1, 40)
        yield Request(
            at, f"198.51.100.{bot}", API, f"/v1/search?q={rng.randrange(16**6):06x}", 5150, 4, 2, 200, "NULL",
            rng.randint(90, 400), BOT_AGENT, "(null)", "GET", "HTTPS", "miss", 20_000 + bot,
        )  # fmt: skip


INCIDENTS = (
    Incident(
        WWW, 514, "00:20", "00:45", "rate-limit-shared-ip",
        "shared addresses get 200 and 514 within the same second: from the 11th request on it is 514",
        "a limit of 10 requests per second and address is too low for offices and dormitories",
        beyond_rate, ms=(0, 2),
    ),
    Incident(
        WWW, 539, "02:00", "02:40", "origin-certificate",
        "all misses fail from the full hour on, hits do not notice",
        "the origin's certificate expired at 02:00:00",
        misses, ms=(25, 70),
    ),
    Incident(
        WWW, 423, "03:30", "04:05", "redirect-loop",
        f"302 rises on `{ACCOUNT}` from 03:20, then nearly all of it is 423",
        "forced HTTPS at the edge, while the edge asks the origin over HTTP, which redirects to HTTPS",
        below(ACCOUNT), ms=(1, 6), alongside=redirects, lead=10,
    ),
    Incident(
        WWW, 404, "05:15", "06:00", "content-removed",
        f"`{PROMO}` worked before and is gone from one second to the next, whoever asks",
        "a deployment at 05:15 forgot the directory and purged the cache",
        below(PROMO), ms=(30, 90),
    ),
    Incident(
        IMG, 403, "01:10", "02:00", "hotlink-protection",
        f"every request with the referer `{PARTNER}` is refused at once, nobody else",
        "the partner's site was left out of the new referer list",
        from_partner, ms=(0, 2),
    ),
    Incident(
        IMG, 503, "04:15", "04:45", "storage-rate-limit",
        f"from 04:10 `{THUMBS}` is never cached any more, from 04:15 about half of it fails",
        "the bucket answers with no-store, the misses run into its request-rate control",
        uncached_thumbs, ms=(8, 25), share=0.5, alongside=no_store, lead=5,
    ),
    Incident(
        API, 499, "01:15", "02:00", "slow-origin-abort",
        f"the app hangs up on `{EXPORT}` after 5.0 s",
        "the export became slow in the database; the app's own timer is 5 s",
        impatient, ms=(APP_PATIENCE_MS, APP_PATIENCE_MS + 40), size=0, alongside=slow_exports,
    ),
    Incident(
        API, 504, "01:25", "02:00", "origin-timeout",
        f"browsers asking for `{EXPORT}` get 504, all of them at 10.0 s",
        "the same slow export, now slower than the edge's timer of 10 s",
        patient, ms=(EDGE_PATIENCE_MS, EDGE_PATIENCE_MS + 25), share=0.8,
    ),
    Incident(
        API, 502, "03:00", "03:20", "origin-refused",
        "all misses fail within a few milliseconds, on every path",
        "the origin's service was down: connections refused",
        misses, ms=(1, 5),
    ),
    Incident(
        API, 509, "04:40", "05:00", "flood-ban",
        f"from 04:30 40 addresses with `{BOT_AGENT}` flood `/v1/search`, then every request is refused",
        "an HTTP flood, upon which the CDN banned the whole domain",
        everything, ms=(0, 1), alongside=flood, lead=10,
    ),
    Incident(
        VIDEO, 531, "00:50", "01:20", "origin-dns",
        "all misses fail within a few milliseconds, hits do not notice",
        "the origin's host name could not be resolved",
        misses, ms=(2, 18),
    ),
    Incident(
        VIDEO, 416, "02:30", "03:10", "range-beyond-file",
        f"`{FILM}`: ranges from byte {CUT_FILM} on fail, earlier ones do not",
        "the film was replaced by a shorter one under the same name; viewers resume the old one",
        beyond_film, ms=(0, 4), alongside=cut_film,
    ),
    Incident(
        VIDEO, 567, "05:30", "06:00", "platform-fault",
        f"carrier {UNICOM} only: most pieces of 1 MB and more end at 30.0 s",
        "a broken route between the CDN's nodes in one carrier's network",
        large_over_unicom, ms=(30_000, 30_040), share=0.8,
    ),
)  # fmt: skip


def plant(traffic: dict[str, Requests], seed: int) -> None:
    """Lets all incidents happen, one after the other, each with its own chance."""
    for incident in INCIDENTS:
        rng = Random(f"{seed}/{incident.domain}/{incident.code}")
        traffic[incident.domain] = incident.strike(traffic[incident.domain], rng)
