"""Paths that are not there, files that have changed, requests that are too long, robots that look for holes."""

from __future__ import annotations

import numpy as np

from scenarios.noise import PROBES
from scenarios.people import Array
from scenarios.scene import Scene, numbered

_TOOLS = (
    "Mozilla/5.0 zgrab/0.x",
    "sqlmap/1.8.4#stable (https://sqlmap.org)",
    "Mozilla/5.00 (Nikto/2.5.0)",
    "Nuclei - Open-source",
)


def _keep(scene: Scene, seconds: float = 10) -> None:
    """Lets the edge answer again what failed on the same path less than `seconds` ago: a rule the vendor ships."""
    rows = scene.rows
    places = np.flatnonzero(rows["planted"])
    places = places[np.lexsort((rows["at"][places], rows["item"][places]))]
    same = np.diff(rows["item"][places]) == 0
    soon = places[1:][same & (np.diff(rows["at"][places]) < seconds)]
    rows["hit"][soon], rows["ms"][soon] = True, scene.rng.integers(0, 5, len(soon))


def moved(scene: Scene, code: int) -> None:
    """The origin address or Host changes: another server answers, and knows none of the paths but the first page."""
    scene.fail(scene.misses() & (scene.rows["path"] != "/"), code, scene.trips(scene.rng.uniform(2.1, 2.6)))
    _keep(scene)
    scene.retry(0.2)


def removed(scene: Scene, code: int, groups: tuple[str, ...]) -> None:
    """A release forgets a folder, or part of it, and purges the cache."""
    mask = scene.here(str(scene.rng.choice(groups))) & scene.served()
    gone = scene.rng.random(len(scene.site.path)) < scene.rng.choice([0.4, 1.0, 1.0])
    scene.fail(mask & scene.by_item(gone), code, scene.trips(scene.rng.uniform(2.1, 3)))
    scene.rows["range"][scene.rows["planted"]] = "(null)"
    _keep(scene)
    scene.retry(0.2)


def negative_cache(scene: Scene, code: int, groups: tuple[str, ...]) -> None:
    """A short fault during a purge is kept by the edge for the time that a rule says, long after it is over."""
    rng, rows = scene.rng, scene.rows
    fault = scene.start + rng.uniform(40, 150)
    scene.end = min(scene.end, fault + 60 * rng.uniform(35, 70))
    mask = scene.here(*groups) & scene.served()
    first = mask & (rows["at"] < fault)
    caught = np.zeros(len(scene.site.path), bool)
    caught[rows["item"][first]] = True
    late = mask & ~first & scene.by_item(caught)
    scene.fail(first, code, scene.like_misses(first))
    scene.fail(late, code, lambda n: rng.integers(0, 5, n), hit=True)
    rows["range"][first | late] = "(null)"
    scene.retry(0.2, 1)
    again = scene.rows["planted"] & (scene.rows["at"] >= fault)
    scene.rows["hit"][again], scene.rows["ms"][again] = True, rng.integers(0, 5, int(again.sum()))


def host_unknown(scene: Scene, code: int) -> None:
    """The domain is taken off the account: the edge knows no such host, whatever is asked."""
    scene.end = scene.world.end
    mask = scene.during() & (scene.rows["site"] == scene.site.number)
    scene.fail(mask, code, lambda n: scene.rng.integers(0, 3, n))
    scene.rows["range"][mask] = "(null)"


def shrunk(scene: Scene, code: int) -> None:
    """Films are replaced by shorter ones under the same name; whoever is in the middle asks beyond their end."""
    rows, rng = scene.rows, scene.rng
    mask = scene.here("film") & scene.served()
    popular = np.argsort(-np.bincount(rows["item"][mask], minlength=1))
    films = popular[: int(rng.integers(2, 6))]
    mask &= np.isin(rows["item"], films)
    first = np.array([int(text.partition("-")[0]) if "-" in text else 0 for text in rows["range"].tolist()])
    length = int(np.quantile(first[mask], rng.uniform(0.4, 0.75))) if mask.any() else 0
    whole = mask & (rows["status"] == 200)
    rows["bytes"][whole] = length
    scene.fail(mask & (first >= max(length, 1)), code, lambda n: rng.integers(0, 4, n), hit=bool(rng.random() < 0.5))
    scene.retry(0.4)


def broken_link(scene: Scene, code: int) -> None:
    """A release of the own pages refers to files that nobody has put up."""
    rows, rng = scene.rows, scene.rng
    names = [g.name for g in scene.site.groups if g.kind == "page" and g.hit > 0]
    group = max(names, key=lambda name: int(scene.here(name).sum()))
    views = rows[scene.some(scene.here(group) & scene.served(), rng.uniform(0.1, 0.7))]
    views["referer"] = [f"https://{scene.site.domain}{path}" for path in views["path"].tolist()]
    lost = [f"/static/v{rng.integers(2, 9)}/{name}" for name in ("banner.webp", "track.js", "font.woff2")]
    which = rng.integers(0, rng.integers(1, 4), len(views))
    views["path"], views["item"] = np.array(lost, object)[which], 1_000_000 + which
    views["at"] += rng.exponential(0.6, len(views))
    views["planted"] = True
    views["status"], views["bytes"], views["hit"] = code, scene.world.error_page, False
    views["ms"] = 2 * scene.site.rtt + rng.lognormal(3, 0.4, len(views))
    scene.add(views[views["at"] < scene.end])
    _keep(scene)


def long_url(scene: Scene, code: int) -> None:
    """A tracking parameter grows with every step until the address is longer than the edge reads."""
    rng, rows = scene.rng, scene.rows
    mask = scene.some(
        scene.here("search", *(("account",) if scene.site.kind == "www" else ())) & scene.served(),
        rng.uniform(0.2, 0.8),
    )
    lengths = rng.integers(700, 5000, int(mask.sum()))
    keys = rng.bytes(3000).hex()
    rows["path"][mask] = [
        f"{path}&from={keys[:n]}" for path, n in zip(rows["path"][mask].tolist(), lengths.tolist(), strict=True)
    ]
    over = np.array([len(path) > 2048 for path in rows["path"].tolist()])
    scene.refuse(mask & over, code)
    scene.retry(0.2, 1)


def large_body(scene: Scene, code: int) -> None:
    """The app now lets people upload films as they are."""
    scene.refuse(scene.some(scene.here("upload") & scene.served(), scene.rng.uniform(0.4, 0.9)), code)
    scene.retry(0.4, 2, 20)


def scanner(scene: Scene, code: int) -> None:
    """One or two machines try every door."""
    rng = scene.rng
    rate, minutes = rng.uniform(60, 200), (scene.end - scene.start) / 60
    times = scene.start + (scene.end - scene.start) * rng.random(min(int(rate * minutes), 5000))
    who = rng.integers(1, rng.integers(2, 4), len(times))
    rows = scene.make(
        times, _probes(scene, len(times), code), str(rng.choice(_TOOLS)), numbered("203.0.113.{n}", who + 200)
    )
    rows["status"] = np.where(rng.random(len(rows)) < 0.93, code, rng.choice([403, 400, 404, 301], len(rows)))
    rows["method"] = (
        "POST" if code == 413 else rng.choice(["GET", "GET", "GET", "HEAD", "POST"], len(rows)).astype(object)
    )
    rows["planted"], rows["bytes"] = rows["status"] == code, scene.world.error_page
    edge = rows["status"] != 404
    rows["ms"][edge] = rng.integers(0, 3, int(edge.sum()))
    scene.add(rows)


def _probes(scene: Scene, count: int, code: int) -> Array:
    rng = scene.rng
    names = np.array(PROBES, object)[rng.integers(0, len(PROBES), count)]
    keys = rng.integers(1 << 16, 1 << 30, count).tolist()
    tails = {414: "?id={:x}" + "A" * 2600, 400: "/%%{:x}%c0%ae..%c0%af", 404: "?{:x}"}
    tail = tails.get(code, "/{:x}")
    return np.array([f"/{key % 977:x}{name}{tail.format(key)}" for name, key in zip(names, keys, strict=True)], object)
