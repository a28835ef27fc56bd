"""Ordinary traffic: people visit sites, the edge answers from its cache or asks the origin."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from scenarios.people import Array, People, Rng
from scenarios.sites import MIB, Site

HEADERS = 412  # The vendor counts the bytes of the headers too.

# A row of the log, then what only the generator knows: group and item of the path, its size, the person, the wait
# for the first byte, and whether the row fails because of what was planted.
ROW = np.dtype([
    ("at", "f8"), ("ip", "O"), ("domain", "O"), ("path", "O"), ("bytes", "i8"), ("region", "i4"), ("isp", "i4"),
    ("status", "i2"), ("referer", "O"), ("ms", "i8"), ("agent", "O"), ("range", "O"), ("method", "O"), ("scheme", "O"),
    ("hit", "?"), ("port", "i4"),
    ("site", "i1"), ("group", "i2"), ("item", "i4"), ("size", "i8"), ("person", "i4"), ("wait", "f8"), ("planted", "?"),
])  # fmt: skip

# Load of each hour of the day against the evening's peak.
_DAY = (0.45, 0.30, 0.22, 0.18, 0.17, 0.2, 0.3, 0.45, 0.6, 0.7, 0.76, 0.8,
        0.85, 0.78, 0.74, 0.75, 0.78, 0.8, 0.84, 0.92, 1.0, 1.0, 0.86, 0.65)  # fmt: skip
_GAP = {"page": 9.0, "asset": 0.08, "api": 1.5, "media": 3.0}  # seconds from the same visitor's last request


@dataclass
class World:
    """Sites and people, from `start` (seconds since 1970, on a full hour +08:00) for some hours."""

    rng: Rng
    start: float
    hours: int
    brand: str
    people: People
    sites: list[Site]
    error_page: int = 578  # bytes of the edge's own error page
    load: Array = field(init=False, repr=False)  # cumulated, per minute

    def __post_init__(self) -> None:
        """Draws the load of every minute: the time of day, and a slow wobble."""
        minutes = np.arange(self.hours * 60 + 6) - 5  # visits begun before the log reach into it
        clock = ((self.start + 8 * 3600) / 3600 + minutes / 60) % 24
        wobble = 1 + 0.06 * np.sin(minutes / self.rng.uniform(11, 40) + self.rng.uniform(0, 6))
        self.load = np.cumsum(np.interp(clock, np.arange(25), (*_DAY, _DAY[0])) * wobble)

    @property
    def end(self) -> float:
        """End of the log, exclusive."""
        return self.start + 3600 * self.hours

    def moments(self, count: int) -> Array:
        """Returns times that follow the load."""
        drawn = self.rng.random(count) * self.load[-1]
        minute = np.searchsorted(self.load, drawn)
        return self.start + 60 * (minute - 5 + self.rng.random(count))


def visits(world: World, site: Site, starts: Array, persons: Array) -> Array:
    """Returns the requests of visits that begin at `starts`; not sorted."""
    rng, spec, n_groups = world.rng, site.spec, len(site.groups)
    lengths = rng.geometric(1 / spec.length, len(starts))
    first = np.cumsum(lengths) - lengths
    visit = np.repeat(np.arange(len(starts)), lengths)
    step = np.arange(len(visit)) - first[visit]
    item = np.minimum(np.searchsorted(site.popularity, rng.random(len(visit))), len(site.path) - 1)
    kinds = site.of("kind")
    opening = item[first][visit]
    item = np.where(kinds[site.group[opening]] == "media", opening, item)  # a viewer stays with one film
    gap = rng.exponential(1, len(visit)) * np.array([_GAP[kind] for kind in kinds])[site.group[item]]
    late = np.cumsum(gap)
    rows = np.zeros(len(visit), ROW)
    rows["at"] = starts[visit] + late - late[first][visit]
    rows["site"], rows["group"], rows["item"] = site.number, site.group[item], item
    rows["path"], rows["size"], rows["domain"] = site.path[item], site.size[item], site.domain
    rows["method"] = np.array([site.groups[i].method for i in range(n_groups)], object)[rows["group"]]
    _identify(world, site, rows, persons, visit)
    rows["referer"] = _referers(world, site, rows, visit, first)
    _answer(world, site, rows, step + rng.integers(0, 12, len(starts))[visit])
    return rows


def _identify(world: World, site: Site, rows: Array, persons: Array, visit: Array) -> None:
    """Fills in who asks; a visit is one connection."""
    rng, people = world.rng, world.people
    who = persons[visit]
    rows["person"] = who
    for name in ("ip", "region", "isp", "agent"):
        rows[name] = getattr(people, name)[who]
    app = (rng.random(len(persons)) < site.spec.app)[visit]
    rows["agent"][app] = people.app
    rows["scheme"] = np.where(rng.random(len(persons)) < 0.05, "HTTP", "HTTPS").astype(object)[visit]
    rows["port"] = rng.integers(1024, 65536, len(persons))[visit]


def _referers(world: World, site: Site, rows: Array, visit: Array, first: Array) -> Array:
    """Returns the last page of the visit, else where the visit came from; apps send none."""
    entry = world.rng.choice(site.referers, len(first))[visit]
    pages = np.array([g.kind == "page" and "?" not in g.pattern for g in site.groups])[rows["group"]]
    last = np.maximum.accumulate(np.where(pages, np.arange(len(rows)), -1))
    last = np.concatenate(([-1], last[:-1])) if len(last) else last
    known = last >= first[visit]
    own = np.array([f"https://{site.domain}{path}" for path in site.path], object)
    entry[known] = own[rows["item"][last[known]]]
    entry[rows["agent"] == world.people.app] = "NULL"
    return entry


def _answer(world: World, site: Site, rows: Array, piece: Array) -> None:
    """Fills in what the edge answers when all is well."""
    rng, n, group = world.rng, len(rows), rows["group"]
    rows["hit"] = rng.random(n) < site.of("hit")[group]
    rows["status"], rows["range"] = 200, "(null)"
    rows["bytes"] = rows["size"] + HEADERS
    unchanged = rows["hit"] & (rows["size"] < MIB) & (rng.random(n) < 0.12)
    rows["status"][unchanged], rows["bytes"][unchanged] = 304, 286
    _ranges(rows, np.flatnonzero((rows["size"] > 2 * MIB) & (rng.random(n) < 0.97)), piece)
    signed = np.flatnonzero(site.of("signed")[group])
    issued = (rows["at"][signed] - rng.uniform(0, 1200, len(signed))).astype(int)
    rows["path"][signed] = [
        f"{path}?sign={key:032x}&t={at}"
        for path, key, at in zip(rows["path"][signed], _keys(rng, len(signed)), issued.tolist(), strict=True)
    ]
    origin = 2 * site.rtt + site.of("wait")[group] * rng.lognormal(0, 0.45, n)
    rows["wait"] = np.where(rows["hit"], rng.lognormal(0.9, 0.6, n), origin)
    rows["ms"] = (rows["wait"] + rows["bytes"] / transfer(world, rows)).astype(int)


def transfer(world: World, rows: Array) -> Array:
    """Returns the bytes per ms of each row: the person's line, and luck."""
    return world.people.speed[rows["person"]] * world.rng.lognormal(0, 0.3, len(rows))


def _keys(rng: Rng, count: int) -> list[int]:
    return [int(key) << 64 | int(key) * 7 for key in rng.integers(1 << 60, 1 << 62, count)]


def _ranges(rows: Array, chosen: Array, piece: Array) -> None:
    """Lets players and download managers ask for pieces of a mebibyte."""
    size = rows["size"][chosen]
    first = piece[chosen] % (size // MIB) * MIB
    last = np.minimum(first + MIB, size) - 1
    rows["range"][chosen] = [f"{a}-{b}" for a, b in zip(first.tolist(), last.tolist(), strict=True)]
    rows["status"][chosen], rows["bytes"][chosen] = 206, HEADERS + last - first + 1


def ordinary(world: World) -> Array:
    """Returns the requests of all sites, chronic noise excluded; not sorted."""
    rng, parts = world.rng, []
    share = world.load[-1] / 60  # hours at full load
    for site in world.sites:
        count = max(1, round(site.hourly * share / site.spec.length))
        parts.append(visits(world, site, world.moments(count), world.people.draw(rng, count)))
        if site.kind in {"www", "img"}:
            parts.append(_crowds(world, site, 1 + count // 150))
        if site.kind in {"www", "api"}:
            parts.append(_monitor(world, site))
    return np.concatenate(parts)


def _crowds(world: World, site: Site, count: int) -> Array:
    """Returns moments when several people behind one office's address open a page together."""
    rng, offices = world.rng, world.people.crowded
    groups = [
        rng.choice(offices[i], min(rng.integers(6, 20), len(offices[i])), replace=False)
        for i in rng.integers(0, len(offices), count)
    ]
    starts = [world.moments(1) + rng.uniform(0, 0.8, len(group)) for group in groups]
    if not groups:
        return np.zeros(0, ROW)
    return visits(world, site, np.concatenate(starts), np.concatenate(groups))


def _monitor(world: World, site: Site) -> Array:
    """Returns the uptime check that asks every half minute."""
    times = np.arange(world.start + world.rng.uniform(0, 30), world.end, 30)
    rows = visits(world, site, times, np.zeros(len(times), int))
    rows = rows[np.unique(rows["at"] // 30, return_index=True)[1]]
    rows["path"], rows["method"], rows["ip"], rows["agent"] = "/healthz", "GET", "192.0.2.10", "Blackbox-Exporter/0.25"
    rows["status"], rows["hit"], rows["range"], rows["referer"], rows["group"] = 200, False, "(null)", "NULL", -1
    rows["bytes"], rows["wait"], rows["size"] = HEADERS + 2, 2 * site.rtt + 4, 2
    rows["ms"] = (rows["wait"] + world.rng.exponential(4, len(rows))).astype(int)
    return rows
