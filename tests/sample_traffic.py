"""A quiet night on four sites: who asks for what, and how the CDN answers.

Everything here is ordinary traffic with a little chronic noise; what goes wrong on top of it is planted by
`sample_incidents`. Addresses come from the ranges reserved for documentation and benchmarks (RFC 5737, 2544,
3849): a public sample should not name anybody's computer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import log
from random import Random
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

DAY = "20261120"
HOURS = range(6)
END = len(HOURS) * 3600  # Seconds after midnight; all times here count from midnight, +08:00.
CHUNK = 1 << 20  # Players fetch films in pieces of this many bytes.
HEADERS = 412  # The vendor counts the bytes of the headers too.
ERROR_PAGE = HEADERS + 166

WWW, IMG, API, VIDEO = (f"{name}.example.com" for name in ("www", "img", "api", "video"))
# What the incidents will touch.
PARTNER = "https://shop.partner.example/"
PROMO = "/promo/autumn/"
ACCOUNT = "/account/"
THUMBS = "/thumb/"
EXPORT = "/v1/orders/export"
FILM = "/vod/launch-event.mp4"
UNICOM = 26


class Wheel(Generic[T]):
    """Draws items by weight, like a wheel of fortune."""

    def __init__(self, weighted: Iterable[tuple[T, float]]) -> None:
        """Takes (item, weight) pairs."""
        pairs = list(weighted)
        self.items = [item for item, _ in pairs]
        self._sums = list(accumulate(weight for _, weight in pairs))

    def draw(self, rng: Random) -> T:
        """Returns one item."""
        return rng.choices(self.items, cum_weights=self._sums)[0]


_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15"
APP_AGENT = "ExampleApp/5.2.1 (Android 15; 2410DPN6CC) okhttp/4.12.0"
BROWSERS = Wheel((
    (f"{_WINDOWS} {_WEBKIT} Chrome/152.0.0.0 Safari/537.36", 26),
    (f"{_WINDOWS} {_WEBKIT} Chrome/152.0.0.0 Safari/537.36 Edg/152.0.0.0", 12),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:147.0) Gecko/20100101 Firefox/147.0", 4),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Chrome/152.0.0.0 Safari/537.36", 7),
    (f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT} Chrome/152.0.0.0 Mobile Safari/537.36", 18),
    (f"{_IPHONE} (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1", 16),
    (f"{_IPHONE} (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.61 NetType/WIFI", 10),
    ("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", 1),
    ("YisouSpider", 1),
    ("curl/8.7.1", 1),
))  # fmt: skip

# Province and carrier numbers of the vendor's tables, by rough share of users.
PROVINCES = Wheel((
    (4, 15), (120, 9), (122, 8), (1442, 8), (182, 7), (1068, 6), (22, 6), (1050, 6), (1069, 5),
    (1135, 5), (1466, 5), (121, 4), (2, 4), (1464, 3), (152, 3), (173, 3), (1465, 2), (1051, 2),
    (146, 2), (145, 1), (153, 1), (118, 1), (86, 1), (1441, 1), (1208, 1), (1468, 1), (-1, 2),
))  # fmt: skip
CARRIERS = Wheel(((2, 40), (1046, 32), (UNICOM, 20), (38, 3), (43, 2), (3947, 2), (0, 1)))


class Client(NamedTuple):
    """One address; behind a gateway sit many browsers."""

    ip: str
    region: int
    isp: int
    agents: tuple[str, ...]


def _place(rng: Random) -> tuple[int, int]:
    """Draws a province and a carrier; outside the mainland the log names no carrier."""
    region = PROVINCES.draw(rng)
    return region, -1 if region == -1 else CARRIERS.draw(rng)


def clients(rng: Random, count: int = 3000) -> Wheel[Client]:
    """Returns the public: a /24 lies in one place, and some people are keener than others."""
    places = [_place(rng) for _ in range(512)]
    people = []
    for rank in range(count):
        net, host = rng.randrange(512), rng.randint(1, 254)
        dual_stack = rng.random() < 0.04
        v6, v4 = f"2001:db8:{net:x}::{host:x}", f"198.{18 + net // 256}.{net % 256}.{host}"
        client = Client(v6 if dual_stack else v4, *places[net], (BROWSERS.draw(rng),))
        people.append((client, (rank + 10) ** -0.7))
    return Wheel(people)


def gateways(rng: Random, count: int = 12) -> list[Client]:
    """Returns the addresses that whole offices, hotels and dormitories share."""
    agents = tuple(BROWSERS.items[:7])
    return [Client(f"203.0.113.{16 * i + 9}", *_place(rng), agents) for i in range(count)]


class Group(NamedTuple):
    """Paths of one kind; `share` of the site's requests, `hit` of them answered from cache."""

    pattern: str
    paths: int
    size: int
    share: float
    hit: float
    miss_ms: int
    method: str = "GET"
    ranged: bool = False


class Item(NamedTuple):
    """One path; its size never changes."""

    path: str
    size: int
    group: Group


@dataclass(frozen=True)
class Site:
    """One accelerated domain; a visit is a run of requests of one client on one connection."""

    domain: str
    visits: int
    length: float
    gap: float
    app: float
    referers: Wheel[str]
    groups: tuple[Group, ...]


_PRODUCT = f"https://{WWW}/products/{{n}}.html"
_NEWS = f"https://{WWW}/news/{{n}}.html"
# Site: domain, visits, requests in each, seconds between them, share of the app, referers.
# Group: pattern, paths, bytes, share of the site, hit ratio, milliseconds of a miss.
SITES = (
    Site(WWW, 4300, 6, 1.5, 0.0,
         Wheel((("NULL", 60), ("https://www.baidu.com/", 22), ("https://www.bing.com/", 10),
                ("https://mp.weixin.qq.com/", 8))),
         (Group("/", 1, 19_000, 0.08, 0.80, 90),
          Group("/products/{n}.html", 150, 26_000, 0.18, 0.80, 110),
          Group("/news/{n}.html", 120, 22_000, 0.10, 0.85, 90),
          Group(PROMO + "{n}.html", 30, 31_000, 0.09, 0.90, 90),
          Group("/assets/{n}.js", 24, 48_000, 0.26, 0.985, 40),
          Group("/assets/{n}.css", 12, 16_000, 0.14, 0.985, 40),
          Group("/search?q=item{n}", 200, 14_000, 0.08, 0.0, 180),
          Group(ACCOUNT + "orders?page={n}", 20, 9_000, 0.06, 0.0, 120),
          Group("/healthz", 1, 240, 0.01, 0.0, 15, method="HEAD"))),
    Site(IMG, 5200, 5, 1.0, 0.15,
         Wheel(((_PRODUCT, 40), (_NEWS, 20), ("NULL", 20), (PARTNER + "item/{n}", 12))),
         (Group("/photos/{n}.jpg", 400, 180_000, 0.40, 0.95, 70),
          Group(THUMBS + "{n}.webp", 300, 12_000, 0.45, 0.96, 50),
          Group("/icons/{n}.svg", 40, 3_000, 0.15, 0.99, 40))),
    Site(API, 3300, 4, 2.0, 0.40,
         Wheel(((_PRODUCT, 45), (f"https://{WWW}/", 35), ("NULL", 8))),
         (Group("/v1/config", 1, 2_400, 0.12, 0.95, 40),
          Group("/v1/products?page={n}", 60, 9_000, 0.22, 0.55, 90),
          Group("/v1/search?q=item{n}", 150, 5_000, 0.20, 0.0, 130),
          Group(EXPORT + "?month={n}", 12, 60_000, 0.18, 0.0, 420),
          Group("/v1/cart", 1, 1_100, 0.12, 0.0, 70, method="POST"),
          Group("/v1/events", 1, 310, 0.16, 0.0, 35, method="POST"))),
    Site(VIDEO, 2500, 6, 5.0, 0.25,
         Wheel(((_PRODUCT, 35), (f"https://{WWW}/", 35), ("NULL", 16))),
         (Group(FILM, 1, 64 * CHUNK, 0.22, 0.93, 120, ranged=True),
          Group("/vod/{n}.mp4", 80, 48 * CHUNK, 0.46, 0.83, 120, ranged=True),
          Group("/hls/{n}.ts", 300, 1_800_000, 0.24, 0.85, 110),
          Group("/poster/{n}.jpg", 80, 90_000, 0.08, 0.97, 70))),
)  # fmt: skip


def catalog(site: Site, rng: Random) -> Wheel[Item]:
    """Returns the paths of a site; inside a group their popularity follows Zipf's law."""
    weighted = []
    for group in site.groups:
        zipf = [1 / rank for rank in range(1, group.paths + 1)]
        for rank, weight in enumerate(zipf):
            size = int(group.size * rng.lognormvariate(0, 0.35))
            item = Item(group.pattern.format(n=1000 + 7 * rank), size, group)
            weighted.append((item, group.share * weight / sum(zipf)))
    return Wheel(weighted)


@dataclass(slots=True)
class Request:
    """One line of the log, its fields in the vendor's order."""

    at: float
    ip: str
    domain: str
    path: str
    size: int
    region: int
    isp: int
    status: int
    referer: str
    ms: int
    agent: str
    range: str
    method: str
    scheme: str
    cache: str
    port: int

    @property
    def first_byte(self) -> int:
        """Where the requested range starts; 0 without a range."""
        return 0 if self.range == "(null)" else int(self.range.partition("-")[0])

    def fail(self, status: int, ms: int, size: int = ERROR_PAGE) -> None:
        """Turns the answer into an error; none of ours comes out of the cache."""
        self.status, self.ms, self.size, self.cache = status, ms, size, "miss"

    def line(self) -> str:
        """Returns the line as the vendor writes it: only agent and range are quoted."""
        minutes, seconds = divmod(int(self.at), 60)
        clock = f"{minutes // 60:02}{minutes % 60:02}{seconds:02}"
        return (
            f"{DAY}{clock} {self.ip} {self.domain} {self.path} {self.size} {self.region}"
            f" {self.isp} {self.status} {self.referer} {self.ms}"
            f' "{self.agent}" "{self.range}" {self.method} {self.scheme} {self.cache} {self.port}'
        )


# The load at each full hour; in between it changes evenly.
_LOAD = (1.0, 0.74, 0.55, 0.46, 0.44, 0.53, 0.76)


def _load(minute: int) -> float:
    """Returns the relative load; visits begun before midnight reach into the first hour."""
    hour, past = divmod(max(minute, 0), 60)
    return _LOAD[hour] + (_LOAD[hour + 1] - _LOAD[hour]) * past / 60


MINUTES = Wheel((minute, _load(minute)) for minute in range(-5, END // 60))


class Traffic:
    """Makes the ordinary requests of one site."""

    def __init__(self, site: Site, public: Wheel[Client], rng: Random) -> None:
        """Takes the site, its visitors and the source of chance."""
        self.site, self.public, self.rng = site, public, rng
        self.items = catalog(site, rng)

    def night(self) -> Iterator[Request]:
        """Yields the visits of single people."""
        for _ in range(self.site.visits):
            length = 1 + int(self.rng.expovariate(1 / (self.site.length - 0.5)))
            client = self.public.draw(self.rng)
            yield from self.visit(client, self._moment(), length, self.site.gap)

    def crowds(self, shared: list[Client], each: int = 45) -> Iterator[Request]:
        """Yields bursts from shared addresses: several people there load a page at once."""
        for client in shared * each:
            second = int(self._moment())
            for _ in range(self.rng.randint(3, 6)):
                yield from self.visit(client, second + self.rng.uniform(0, 0.3), 4, 0.05)

    def _moment(self) -> float:
        return 60 * (MINUTES.draw(self.rng) + self.rng.random())

    def visit(self, client: Client, at: float, length: int, gap: float) -> Iterator[Request]:
        """Yields what one client asks for on one connection."""
        rng = self.rng
        app = rng.random() < self.site.app
        agent = APP_AGENT if app else rng.choice(client.agents)
        scheme, port = "HTTP" if rng.random() < 0.06 else "HTTPS", rng.randint(1024, 65535)
        piece = rng.randrange(64)
        for step, (item, referer) in enumerate(self._wander(length, app)):
            request = Request(
                at, client.ip, self.site.domain, item.path, item.size, client.region, client.isp, 200,
                referer, 0, agent, "(null)", item.group.method, scheme, "miss", port,
            )  # fmt: skip
            self._answer(request, item, piece + step)
            self._add_noise(request)
            yield request
            at += rng.expovariate(1 / gap)

    def _wander(self, length: int, app: bool) -> Iterator[tuple[Item, str]]:
        """Yields paths and where the client found them; a viewer stays with one film."""
        rng, site = self.rng, self.site
        referer = "NULL" if app else site.referers.draw(rng).format(n=1000 + 7 * rng.randrange(60))
        item = self.items.draw(rng)
        for _ in range(length):
            yield item, referer
            if item.path.endswith(("/", ".html")):  # Only pages refer to something.
                referer = f"https://{WWW}{item.path}"
            if not item.group.ranged:
                item = self.items.draw(rng)

    def _answer(self, request: Request, item: Item, piece: int) -> None:
        """Fills in status, bytes, cache and time of a good answer."""
        rng = self.rng
        if rng.random() < item.group.hit:
            request.cache = "hit"
        if item.group.ranged and rng.random() < 0.97:  # The rest download the whole film.
            first = piece % (item.size // CHUNK) * CHUNK
            request.status, request.size = 206, HEADERS + CHUNK
            request.range = f"{first}-{first + CHUNK - 1}"
        elif request.cache == "hit" and item.size < CHUNK and rng.random() < 0.15:
            request.status, request.size = 304, 286
        wait = rng.lognormvariate(log(3 if request.cache == "hit" else item.group.miss_ms), 0.45)
        request.ms = int(wait + request.size / rng.lognormvariate(log(5000), 0.4))

    def _add_noise(self, request: Request) -> None:
        """Spoils about one request in 150: every real log holds some of that, every day."""
        roll = self.rng.random()
        if roll < 0.0015:
            _scan(request, self.rng)
        elif roll < 0.003:
            _not_found(request, "/favicon-old.ico", self.rng)
        elif roll < 0.005:  # Somebody pressed Stop.
            request.fail(499, self.rng.randint(5, 900), size=0)
        elif roll < 0.0065:
            request.status, request.size, request.range = self.rng.choice((301, 302)), HEADERS, "(null)"


PROBES = ("/wp-login.php", "/.env", "/.git/config", "/phpmyadmin/", "/admin.php", "/backup.zip")


def _scan(request: Request, rng: Random) -> None:
    """Makes the request one of a robot looking for weak spots."""
    request.ip, request.region, request.isp = f"192.0.2.{rng.randint(1, 9)}", 0, 0
    request.referer, request.agent = "NULL", "Mozilla/5.0 zgrab/0.x"
    _not_found(request, rng.choice(PROBES), rng)


def _not_found(request: Request, path: str, rng: Random) -> None:
    """Makes the request one for a path that never existed."""
    request.path, request.method, request.range = path, "GET", "(null)"
    request.fail(404, rng.randint(20, 90))


def ordinary_traffic(seed: int) -> dict[str, list[Request]]:
    """Returns the night of every site, in order of time; each site has its own chance."""
    rng = Random(f"{seed}/public")
    public, shared = clients(rng), gateways(rng)
    traffic = {}
    for site in SITES:
        source = Traffic(site, public, Random(f"{seed}/{site.domain}"))
        requests = [*source.night(), *(source.crowds(shared) if site.domain == WWW else ())]
        inside = (request for request in requests if 0 <= request.at < END)
        traffic[site.domain] = sorted(inside, key=lambda request: request.at)
    return traffic
