"""Too much of it: crowds, lost cache hits, floods, and the limits that answer them."""

from __future__ import annotations

import numpy as np

from scenarios.people import Array
from scenarios.scene import Scene, numbered
from scenarios.traffic import visits

_BOTS = (
    "python-requests/2.32.3",
    "Go-http-client/2.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/99.0.4844.51",
)


def crowd(scene: Scene, factor: float, lead: float = 0, ramp: float = 300) -> None:
    """Brings `factor` times the usual visits on top, growing over `ramp` seconds from `lead` before the start."""
    world, site, rng = scene.world, scene.site, scene.rng
    begin = scene.start - lead
    usual = ((scene.rows["site"] == site.number) & (scene.rows["at"] < world.end)).sum() / site.spec.length
    count = int(usual * (scene.end - begin) / (3600 * world.hours) * factor)
    times = begin + (scene.end - begin) * rng.random(int(count * 1.1))
    times = times[rng.random(len(times)) < np.clip((times - begin) / ramp, 0, 1)]
    rows = visits(world, site, times, world.people.draw(rng, len(times)))
    scene.add(rows[rows["at"] < scene.end])


def _overloaded(scene: Scene, code: int, mask: Array, capacity: float, lag: float) -> None:
    """Lets an origin that can do `capacity` misses a minute queue first and fail then."""
    rng, rows = scene.rng, scene.rows
    minute = (rows["at"] // 60).astype(np.int64)
    low = minute.min()
    pressure = np.bincount(minute[mask] - low, minlength=int(minute.max() - low) + 1)[minute[mask] - low] / capacity
    grown = np.clip((rows["at"][mask] - scene.start) / lag, 0, 1)
    pressure = pressure * grown
    lost = rng.random(len(pressure)) < np.clip(1 - 1 / np.maximum(pressure, 0.1), 0, 0.9)
    queue = 1 / (1 - np.clip(pressure, 0, 0.93))
    wait = scene.like_misses(mask) * queue * rng.lognormal(0, 0.3, len(pressure))
    scene.take(mask, np.minimum(wait, scene.site.timer * 950))
    failing = np.zeros(len(rows), bool)
    failing[np.flatnonzero(mask)[lost]] = True
    if code in {504, 564}:
        scene.fail(failing, code, scene.timer(scene.site.timer))
    else:
        scene.fail(failing, code, wait[lost] * rng.uniform(0.3, 0.9, int(lost.sum())))


def overload(scene: Scene, code: int) -> None:
    """A promotion brings more people than the origin can serve."""
    before = _minutely(scene, scene.misses())
    crowd(scene, scene.rng.uniform(1.5, 4), lead=scene.rng.uniform(120, 420))
    mask = scene.misses()
    _overloaded(scene, code, mask, max(before * 1.3, _minutely(scene, mask) * scene.rng.uniform(0.5, 0.75)), 120)
    scene.retry()


def _minutely(scene: Scene, mask: Array) -> float:
    return float(mask.sum() / max((scene.end - scene.start) / 60, 1))


def cache_buster(scene: Scene, code: int) -> None:
    """A release adds a random parameter, or the origin forbids caching: hits become misses, the origin drowns."""
    rng, rows = scene.rng, scene.rows
    before = _minutely(scene, scene.misses())
    mask = scene.here(*(g.name for g in scene.site.groups if g.hit)) & scene.served()
    if rng.random() < 0.6:
        name = rng.choice(["_t", "v", "rnd", "spm"])
        rows["path"][mask] = [
            f"{path}{'&' if '?' in path else '?'}{name}={key:x}"
            for path, key in zip(
                rows["path"][mask], rng.integers(1 << 28, 1 << 36, int(mask.sum())).tolist(), strict=True
            )
        ]
    full = mask & (rows["status"] == 304)
    rows["status"][full], rows["bytes"][full] = 200, rows["size"][full] + 412
    rows["hit"][mask] = False
    now = scene.misses()
    _overloaded(
        scene, code, now, max(before * 1.3, _minutely(scene, now) * rng.uniform(0.45, 0.75)), rng.uniform(60, 420)
    )
    scene.retry()


def storage_limit(scene: Scene, code: int) -> None:
    """A new page shows dozens of pictures that are never cached: the bucket turns away what is above its rate."""
    rng, site = scene.rng, scene.site
    guests = rng.choice(
        scene.rows[(scene.rows["group"] == site.index("avatar")) & (scene.rows["site"] == site.number)],
        int((scene.end - scene.start) / rng.uniform(20, 60)),
    )
    guests["at"] = scene.start + (scene.end - scene.start) * rng.random(len(guests))
    rows = np.repeat(guests, rng.integers(20, 70, len(guests)))
    rows["at"] += rng.uniform(0, 1.5, len(rows))
    item = rng.choice(np.flatnonzero(site.group == site.index("avatar")), len(rows))
    rows["item"], rows["path"], rows["size"] = item, site.path[item], site.size[item]
    rows["status"], rows["hit"], rows["bytes"] = 200, False, rows["size"] + 412
    rows["referer"] = f"https://www.{scene.world.brand}.example/wall"
    scene.add(rows[rows["at"] < scene.end])
    asked = scene.here("avatar")
    scene.take(asked, scene.like_misses(asked))
    mask = scene.here("avatar") & (scene.rows["status"] == 200)
    second = scene.rows["at"][mask].astype(np.int64)
    scene.fail(_beyond(mask, second, scene.rows["at"], int(rng.integers(8, 18))), code, scene.trips(2.1))


def _beyond(mask: Array, key: Array, at: Array, limit: int) -> Array:
    """Returns the mask of rows that come after `limit` others with the same key."""
    places = np.flatnonzero(mask)
    order = np.lexsort((at[places], key))
    sorted_key = key[order]
    first = np.searchsorted(sorted_key, sorted_key)
    late = np.zeros(len(mask), bool)
    late[places[order[np.arange(len(order)) - first >= limit]]] = True
    return late


def limit_addresses(scene: Scene, mask: Array, limit: int, code: int) -> None:
    """Refuses what an address asks for beyond `limit` requests in one second."""
    _, number = np.unique(scene.rows["ip"][mask].astype(str), return_inverse=True)
    second = (scene.rows["at"][mask] - scene.world.start).astype(np.int64) + 10_000
    scene.refuse(_beyond(mask, number * 1_000_000 + second, scene.rows["at"], limit), code)


def busiest(scene: Scene, mask: Array) -> int:
    """Returns the most requests that one address of the mask makes in one second."""
    _, number = np.unique(scene.rows["ip"][mask].astype(str), return_inverse=True)
    second = (scene.rows["at"][mask] - scene.world.start).astype(np.int64) + 10_000
    return int(np.unique(number * 1_000_000 + second, return_counts=True)[1].max(initial=1))


def platform_overload(scene: Scene, code: int) -> None:
    """An event the vendor was not told of: beyond what the platform planned for it, hits are turned away too."""
    usual = _minutely(scene, scene.here())
    crowd(scene, scene.rng.uniform(4, 7), lead=scene.rng.uniform(60, 300), ramp=scene.rng.uniform(120, 500))
    mask, rows = scene.here(), scene.rows
    minute = ((rows["at"] - scene.world.start) // 60).astype(int) + 10
    load = np.bincount(minute[mask], minlength=minute.max() + 1)[minute] / (usual * scene.rng.uniform(2.6, 3.4))
    lost = mask & (scene.rng.random(len(rows)) < np.clip(1 - 1 / np.maximum(load, 0.1), 0, 0.9))
    scene.fail(lost, code, lambda n: scene.rng.integers(0, 6, n))
    scene.retry()


def bots(scene: Scene, begin: float, rate: float, addresses: int, path: str) -> Array:
    """Returns a flood of `rate` requests a second from `begin` on."""
    rng = scene.rng
    times = begin + (scene.end - begin) * rng.random(min(int(rate * (scene.end - begin)), 40_000))
    who = rng.integers(1, addresses + 1, len(times))
    paths = numbered(path, rng.integers(1 << 20, 1 << 32, len(times)))
    return scene.make(times, paths, str(rng.choice(_BOTS)), numbered("198.51.100.{n}", who))


def flood_ban(scene: Scene, code: int) -> None:
    """A flood; after some minutes the vendor bans the whole domain, good visitors included."""
    rng = scene.rng
    rate = scene.site.hourly / 3600 * rng.uniform(4, 9)
    flood = bots(scene, scene.start - rng.uniform(180, 700), rate, int(rng.integers(30, 200)), "/search?q={n:x}")
    scene.add(flood[(flood["at"] < scene.start) | (rng.random(len(flood)) < 0.3)])
    mask = scene.during() & (scene.rows["site"] == scene.site.number)
    scene.fail(mask, code, lambda n: rng.integers(0, 3, n))
    scene.retry(0.2)


def abusive(scene: Scene, code: int) -> None:
    """A few machines scrape in bursts: the address limit, or the flood protection's own list, answers them."""
    rng = scene.rng
    limit = busiest(scene, scene.rows["site"] == scene.site.number) + int(rng.integers(1, 8))  # nobody else reaches it
    count, burst = int(rng.integers(2, 6)), int(limit * rng.uniform(4, 6))
    cycles = max(4, min(int((scene.end - scene.start) / 25), 9000 // (count * burst)))
    begins = scene.start + (scene.end - scene.start) * np.arange(cycles) / cycles
    starts = begins[:, None] + rng.uniform(0, 12, (cycles, count))
    times = (starts[:, :, None] + rng.uniform(0, 2, (cycles, count, burst))).ravel()
    who = np.broadcast_to(np.arange(count)[None, :, None] + 7, (cycles, count, burst)).ravel()
    paths = scene.site.path[rng.integers(0, len(scene.site.path), len(times))]
    rows = scene.make(times, paths, str(rng.choice(_BOTS)), numbered("203.0.113.{n}", who))
    scene.add(rows[rows["at"] < scene.end])
    mine = np.char.startswith(scene.rows["ip"].astype(str), "203.0.113.") & scene.during()
    if code == 509:
        scene.refuse(mine & (scene.rows["at"] > scene.start + rng.uniform(20, 200)), code)
    else:
        limit_addresses(scene, scene.during() & (scene.rows["site"] == scene.site.number), limit, code)


def credential_stuffing(scene: Scene, code: int) -> None:
    """Machines try stolen passwords; a few fit."""
    rng = scene.rng
    rows = bots(scene, scene.start, rng.uniform(1, 3), int(rng.integers(3, 20)), "/v1/login")
    rows["method"], rows["bytes"], rows["planted"] = "POST", 720, rng.random(len(rows)) < 0.99
    rows["ms"] = 2 * scene.site.rtt + 110 * rng.lognormal(0, 0.3, len(rows))
    rows["status"] = np.where(rows["planted"], code, 200)
    scene.add(rows)


def quota(scene: Scene, code: int) -> None:
    """Traffic reaches the cap that the owner has set: the vendor switches the domain off, at a full five minutes."""
    scene.start = round(scene.start / 300) * 300
    end, scene.end = scene.end, scene.start
    scene.start -= scene.rng.uniform(1200, 2400)
    crowd(scene, scene.rng.uniform(2.5, 5), ramp=400)
    scene.start, scene.end = scene.end, end
    mask = scene.during() & (scene.rows["site"] == scene.site.number)
    scene.fail(mask, code, lambda n: scene.rng.integers(0, 3, n))


def surge(scene: Scene) -> None:
    """Healthy: a good day. Several times the visits, and nothing breaks."""
    crowd(scene, scene.rng.uniform(2, 4), ramp=scene.rng.uniform(30, 900))


def purge(scene: Scene) -> None:
    """Healthy: everything is purged; for a while all is fetched anew, and the origin copes."""
    rows, rng = scene.rows, scene.rng
    warm = np.exp(-(rows["at"] - scene.start) / rng.uniform(200, 900))
    mask = scene.here() & rows["hit"] & (rows["status"] == 200) & (rng.random(len(rows)) < warm)
    rows["hit"][mask] = False
    scene.take(mask, scene.like_misses(mask) * 1.2)
