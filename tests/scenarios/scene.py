"""A stage for one thing that goes wrong: where and when, and the few moves that all planting functions share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scenarios.people import Array, Rng
from scenarios.sites import Site
from scenarios.traffic import HEADERS, ROW, World, transfer

EDGE_MS = 3  # What the edge decides by itself takes less than this.


@dataclass
class Scene:
    """The rows so far, and the time from `start` to `end` in which something goes wrong on `site`."""

    world: World
    rows: Array
    site: Site
    start: float
    end: float

    @property
    def rng(self) -> Rng:
        """The scenario's source of chance."""
        return self.world.rng

    def during(self, lead: float = 0) -> Array:
        """Returns the mask of rows in the time, from `lead` seconds before it on, on any site."""
        return (self.rows["at"] >= self.start - lead) & (self.rows["at"] < self.end)

    def here(self, *groups: str, lead: float = 0) -> Array:
        """Returns the mask of the site's rows in the time, of these groups if given."""
        mask = self.during(lead) & (self.rows["site"] == self.site.number) & (self.rows["group"] >= 0)
        if groups:
            mask &= np.isin(self.rows["group"], [self.site.index(name) for name in groups])
        return mask

    def served(self) -> Array:
        """Returns the mask of rows that went well so far."""
        return np.isin(self.rows["status"], (200, 206, 304))

    def misses(self, *groups: str) -> Array:
        """Returns the mask of what the origin is asked for: misses, and hits whose copy has run out since the start."""
        rows, here = self.rows, self.here(*groups)
        lifetimes = self.rng.exponential(self.rng.uniform(4, 20) * 3600, len(self.site.path))
        stale = rows["hit"] & (rows["at"] > self.start + self.by_item(lifetimes))
        return here & (~rows["hit"] | stale) & np.isin(rows["status"], (200, 206, 304, 301, 302, 404, 500, 502, 504))

    def by_item(self, values: Array) -> Array:
        """Returns for each row the value of its path; of use for the site's own rows only."""
        return values[np.minimum(self.rows["item"], len(values) - 1)]

    def some(self, mask: Array, share: float) -> Array:
        """Returns the mask with only a share of it left."""
        return mask & (self.rng.random(len(mask)) < share)

    def fail(self, mask: Array, status: int, ms: object, sent: int | None = None, *, hit: bool = False) -> None:
        """Lets the rows of the mask fail; `ms` is one number, one per row of the mask, or made by such a function."""
        rows = self.rows
        rows["status"][mask] = status
        rows["ms"][mask] = ms(int(mask.sum())) if callable(ms) else ms
        rows["bytes"][mask] = self.world.error_page if sent is None else sent
        rows["hit"][mask], rows["planted"][mask] = hit, True

    def refuse(self, mask: Array, status: int) -> None:
        """Lets the edge itself refuse; what it logs as cache status then is not documented and varies."""
        self.fail(mask, status, lambda n: self.rng.integers(0, EDGE_MS, n), hit=self.world.error_page % 5 == 0)

    def add(self, rows: Array) -> None:
        """Adds rows."""
        self.rows = np.concatenate((self.rows, rows))

    def retry(self, chance: float = 0.35, rounds: int = 2, pause: float = 6) -> None:
        """Lets those who failed try again after a while, and fail again as long as it lasts."""
        again = self.rows[self.rows["planted"]]
        for _ in range(rounds):
            again = again[self.rng.random(len(again)) < chance]
            again["at"] += again["ms"] / 1000 + 0.8 + self.rng.exponential(pause, len(again))
            again = again[again["at"] < self.end]
            self.add(again.copy())

    def trips(self, count: float) -> Callable[[int], Array]:
        """Returns what makes durations of so many round trips to the origin."""
        return lambda n: self.site.rtt * count + self.rng.exponential(1 + self.site.rtt / 12, n)

    def timer(self, seconds: float) -> Callable[[int], Array]:
        """Returns what makes durations of a timer that has run out: it fires a few ms late."""
        return lambda n: 1000 * seconds + self.rng.exponential(6, n) + 1

    def like_misses(self, mask: Array) -> Array:
        """Returns the durations that the origin takes for these paths, page included."""
        wait = self.site.of("wait")[self.rows["group"][mask]]
        return 2 * self.site.rtt + wait * self.rng.lognormal(0, 0.45, int(mask.sum()))

    def take(self, mask: Array, ms: Array) -> None:
        """Lets the origin take `ms` until the first byte of these rows, which go well."""
        rows = self.rows
        rows["wait"][mask] = ms
        rows["ms"][mask] = ms + rows["bytes"][mask] / transfer(self.world, rows[mask])

    def make(self, times: Array, path: object, agent: object, ip: object, **fields: object) -> Array:
        """Returns rows of a machine: no referer, one place, answered like misses of a light page."""
        rows = np.zeros(len(times), ROW)
        rows["at"], rows["path"], rows["agent"], rows["ip"] = times, path, agent, ip
        rows["domain"], rows["site"], rows["group"] = self.site.domain, self.site.number, -1
        rows["region"], rows["isp"], rows["status"], rows["referer"], rows["range"] = 4, 2, 200, "NULL", "(null)"
        rows["method"], rows["scheme"], rows["bytes"] = "GET", "HTTPS", HEADERS + 5000
        rows["wait"] = 2 * self.site.rtt + 40 * self.rng.lognormal(0, 0.4, len(times))
        rows["ms"], rows["port"] = rows["wait"] + 2, self.rng.integers(1024, 65536, len(times))
        for name, value in fields.items():
            rows[name] = value
        return rows


def numbered(pattern: str, numbers: Array) -> Array:
    """Returns the pattern filled with each number."""
    return np.array([pattern.format(n=n) for n in numbers.tolist()], object)
