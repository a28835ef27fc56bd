"""The sites: which paths they have, how popular, large, cacheable and slow those are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from scenarios.people import Array, Rng

MIB = 1 << 20


class Group(NamedTuple):
    """Paths of one kind: share of the site's requests, share of them answered from cache, ms a miss takes."""

    name: str
    pattern: str
    paths: int
    size: int
    share: float
    hit: float
    wait: int
    kind: str = "page"  # page, asset, api or media: what a visitor does next, and how soon
    method: str = "GET"
    signed: bool = False


class Kind(NamedTuple):
    """What sites of this kind have in common: requests per visit and share of visits by the brand's own app."""

    host: str
    length: float
    app: float
    groups: tuple[Group, ...]


KINDS = {
    "www": Kind("www", 14, 0.0, (
        Group("home", "/", 1, 19_000, 0.03, 0.80, 90),
        Group("product", "/product/{n}.html", 300, 26_000, 0.07, 0.70, 110),
        Group("news", "/news/2026/{n}.html", 200, 22_000, 0.05, 0.80, 90),
        Group("promo", "/promo/autumn/{n}.html", 40, 31_000, 0.05, 0.85, 90),
        Group("script", "/static/js/{n}.chunk.js", 40, 48_000, 0.31, 0.97, 40, "asset"),
        Group("style", "/static/css/{n}.css", 20, 16_000, 0.19, 0.97, 40, "asset"),
        Group("picture", "/static/img/{n}.png", 120, 35_000, 0.19, 0.95, 45, "asset"),
        Group("search", "/search?q=item{n}", 900, 14_000, 0.055, 0.0, 180),
        Group("account", "/account/orders?page={n}", 20, 9_000, 0.055, 0.0, 120),
    )),
    "img": Kind("img", 9, 0.15, (
        Group("photo", "/photo/{n}.jpg", 900, 180_000, 0.38, 0.93, 70, "asset"),
        Group("thumb", "/thumb/{n}.webp", 700, 12_000, 0.42, 0.94, 50, "asset"),
        Group("icon", "/icon/{n}.svg", 60, 3_000, 0.12, 0.98, 40, "asset"),
        Group("avatar", "/avatar/{n}.jpg?imageMogr2", 500, 9_000, 0.08, 0.0, 45, "asset"),
    )),
    "api": Kind("api", 5, 0.45, (
        Group("config", "/v1/config", 1, 2_400, 0.12, 0.95, 40, "api"),
        Group("list", "/v1/products?page={n}", 120, 9_000, 0.20, 0.55, 90, "api"),
        Group("search", "/v1/search?q=item{n}", 600, 5_000, 0.16, 0.0, 130, "api"),
        Group("export", "/v1/orders/export?month={n}", 24, 60_000, 0.14, 0.0, 700, "api"),
        Group("cart", "/v1/cart", 1, 1_100, 0.12, 0.0, 70, "api", "POST"),
        Group("event", "/v1/events", 1, 310, 0.16, 0.0, 35, "api", "POST"),
        Group("login", "/v1/login", 1, 900, 0.05, 0.0, 110, "api", "POST"),
        Group("upload", "/v1/upload", 1, 420, 0.05, 0.0, 900, "api", "POST"),
    )),
    "video": Kind("video", 7, 0.25, (
        Group("film", "/vod/{n}/1080p.mp4", 60, 48 * MIB, 0.62, 0.83, 120, "media"),
        Group("live", "/hls/{n}.ts", 400, 1_800_000, 0.26, 0.85, 110, "media"),
        Group("poster", "/poster/{n}.jpg", 80, 90_000, 0.12, 0.96, 70, "asset"),
    )),
    "dl": Kind("dl", 4, 0.3, (
        Group("package", "/release/app-{n}.apk", 12, 36 * MIB, 0.45, 0.95, 120, "media", signed=True),
        Group("patch", "/patch/{n}.zip", 60, 4 * MIB, 0.30, 0.9, 110, "media", signed=True),
        Group("manifest", "/manifest/{n}.json", 8, 4_000, 0.25, 0.9, 50, "api"),
    )),
    "docs": Kind("docs", 8, 0.0, (
        Group("guide", "/guide/{n}.html", 150, 21_000, 0.35, 0.88, 70),
        Group("asset", "/assets/{n}.js", 20, 60_000, 0.50, 0.98, 40, "asset"),
        Group("search", "/api/search?w=term{n}", 300, 3_000, 0.15, 0.0, 140),
    )),
}  # fmt: skip


@dataclass
class Site:
    """One accelerated domain with its origin."""

    number: int
    domain: str
    kind: str
    hourly: float  # requests an hour at full load
    rtt: float  # ms between edge and origin, once
    timer: float  # seconds the edge waits for an answer
    referers: Array = field(repr=False)
    path: Array = field(repr=False)
    size: Array = field(repr=False)
    group: Array = field(repr=False)
    popularity: Array = field(repr=False)

    @property
    def spec(self) -> Kind:
        """What sites of this kind have in common."""
        return KINDS[self.kind]

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups of paths; `group` of a row is an index into them."""
        return self.spec.groups

    def index(self, name: str) -> int:
        """Returns the index of a group."""
        return [group.name for group in self.groups].index(name)

    def of(self, attribute: str) -> Array:
        """Returns an attribute of all groups as an array, to be indexed by a row's group."""
        return np.array([getattr(group, attribute) for group in self.groups])


def site(rng: Rng, number: int, kind: str, brand: str, hourly: float) -> Site:
    """Returns a site whose paths are popular by Zipf's law within their group."""
    paths: list[str] = []
    sizes, owners, weights = [], [], []
    for index, group in enumerate(KINDS[kind].groups):
        zipf = (1.0 + np.arange(group.paths)) ** -rng.uniform(0.8, 1.1)
        names = np.unique(rng.integers(1000, 99999, group.paths * 2))
        paths += [group.pattern.format(n=n) for n in rng.permutation(names)[: group.paths].tolist()]
        sizes.append(group.size * rng.lognormal(0, 0.35, group.paths))
        owners.append(np.full(group.paths, index))
        weights.append(group.share * zipf / zipf.sum())
    return Site(
        number, f"{KINDS[kind].host}.{brand}.example", kind, hourly, float(rng.lognormal(2.9, 0.5)),
        float(rng.choice([10, 10, 10, 15, 20, 30])), _referers(rng, kind, brand), np.array(paths, object),
        np.concatenate(sizes).astype(np.int64), np.concatenate(owners), np.cumsum(np.concatenate(weights)),
    )  # fmt: skip


def _referers(rng: Rng, kind: str, brand: str) -> Array:
    """Returns where visits come from, as a list to draw from evenly."""
    outside = ["https://www.baidu.com/", "https://www.bing.com/", "https://mp.weixin.qq.com/", "NULL"]
    if kind in {"www", "docs"}:
        return np.array([*outside, "NULL", "NULL"], object)
    own = [f"https://www.{brand}.example/product/{n}.html" for n in rng.integers(1000, 9999, 60)]
    partner = [f"https://shop.{brand}-partner.example/item/{n}" for n in rng.integers(100, 999, 12)]
    return np.array([*own, *partner, *["NULL"] * 18, *outside], object)
