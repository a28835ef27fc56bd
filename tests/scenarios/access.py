"""Rules of the domain refuse visitors: lists, signatures, rates, and redirects that chase each other."""

from __future__ import annotations

import numpy as np

from scenarios.load import busiest, limit_addresses
from scenarios.people import PROVINCES, Array
from scenarios.scene import Scene, numbered


def _contains(scene: Scene, column: str, word: str) -> Array:
    return np.array([word in value for value in scene.rows[column].tolist()])


def hotlink(scene: Scene, code: int) -> None:
    """A referer list: it forgets a partner, or those without referer, or it catches a thief of pictures."""
    rng, which = scene.rng, scene.rng.integers(0, 3)
    if which == 0:
        mask = scene.here() & _contains(scene, "referer", f"{scene.world.brand}-partner.example")
    elif which == 1:
        mask = scene.here() & (scene.rows["referer"] == "NULL")
    else:
        stolen = scene.rows[scene.some(scene.here(), rng.uniform(0.05, 0.3))]
        stolen["at"] += rng.uniform(0, 200, len(stolen))
        stolen["referer"] = numbered("https://www.free-pics.example/t/{n}", rng.integers(1, 400, len(stolen)))
        scene.add(stolen[stolen["at"] < scene.end])
        mask = scene.here() & _contains(scene, "referer", "free-pics.example")
    scene.refuse(mask, code)
    scene.retry(0.2, 1)


def agent_list(scene: Scene, code: int) -> None:
    """A rule against some robot catches a browser or the own app as well."""
    words = ["MicroMessenger", "Firefox/", "HuaweiBrowser", "Edg/", scene.world.people.app[:8]]
    counts = [int((scene.here() & _contains(scene, "agent", word)).sum()) for word in words]
    enough = [word for word, count in zip(words, counts, strict=True) if count >= 60]
    scene.refuse(scene.here() & _contains(scene, "agent", str(scene.rng.choice(enough or words[:1]))), code)
    scene.retry(0.2, 1)


def ip_list(scene: Scene, code: int) -> None:
    """Some networks are put on the list: whoever lives there gets nothing, at their ordinary pace."""
    ips = np.array([ip.rpartition("." if "." in ip else ":")[0] for ip in scene.rows["ip"].tolist()])
    seen, counts = np.unique(ips[scene.here()], return_counts=True)
    seen = scene.rng.permutation(seen[counts < 0.05 * counts.sum()])
    sizes = np.cumsum([(ips[scene.here()] == net).sum() for net in seen[:60]])
    wanted = max(80, scene.rng.uniform(0.01, 0.05) * scene.here().sum())
    scene.refuse(scene.here() & np.isin(ips, seen[: int(np.searchsorted(sizes, wanted)) + 1]), code)
    scene.retry(0.2, 1)


def access_rule(scene: Scene, code: int) -> None:
    """A firewall rule by method, province or carrier."""
    rng, rows = scene.rng, scene.rows
    if scene.site.kind == "api" and rng.random() < 0.5:
        mask = rows["method"] == "POST"
    elif rng.random() < 0.7:
        mask = rows["region"] == int(rng.choice(list(PROVINCES)[:8]))
    else:
        mask = rows["isp"] == int(rng.choice([26, 1046]))
    scene.refuse(scene.here() & mask, code)
    scene.retry(0.2, 1)


def signature(scene: Scene, code: int) -> None:
    """Signed links fail: cached with their page for too long, dated by a wrong clock, unsigned, or of another key."""
    rng, rows, which = scene.rng, scene.rows, scene.rng.integers(0, 4)
    mask = scene.here() & _contains(scene, "path", "?sign=")
    if which == 0:
        rows["path"][mask] = _at(rows["path"][mask].tolist(), int(scene.start - 3600))
    elif which == 1:
        shift = int(rng.choice([-8 * 3600, 8 * 3600, -5400]))
        paths = rows["path"][mask].tolist()
        rows["path"][mask] = [f"{path.partition('&t=')[0]}&t={int(path.partition('&t=')[2]) + shift}" for path in paths]
    elif which == 2:
        mask = scene.some(mask, rng.uniform(0.2, 0.6))
        rows["path"][mask] = [path.partition("?")[0] for path in rows["path"][mask].tolist()]
    scene.refuse(mask, code)
    scene.retry(0.3, 1)


def _at(paths: list[str], time: int) -> list[str]:
    return [f"{path.partition('&t=')[0]}&t={time}" for path in paths]


def rate_limit(scene: Scene, code: int) -> None:
    """A limit that a single browser reaches while it loads one page."""
    limit_addresses(scene, scene.here(), int(scene.rng.integers(4, 7)), code)


def rate_limit_shared(scene: Scene, code: int) -> None:
    """A limit above what any one browser does, and below what an office does together."""
    homes = np.bincount(scene.world.people.address)[scene.world.people.address[scene.rows["person"]]] <= 3
    highest = busiest(scene, scene.here() & homes)
    limit_addresses(scene, scene.here(), max(10, highest + 1), code)


def redirect_loop(scene: Scene, code: int) -> None:
    """Forced HTTPS, while the edge pulls over HTTP from an origin that redirects to HTTPS: round and round."""
    rng, rows = scene.rng, scene.rows
    groups = tuple(g.name for g in scene.site.groups if g.kind != "asset" and g.hit < 0.5)
    lead = float(rng.uniform(60, 500))
    mask = scene.here(*(groups if rng.random() < 0.6 else ()), lead=lead) & scene.served() & ~rows["hit"]
    scene.rows["range"][mask] = "(null)"
    early = mask & (rows["at"] < scene.start)
    turns = rows[
        np.flatnonzero(mask).repeat(
            np.where(early[mask], rng.integers(6, 20, mask.sum()), rng.integers(0, 5, mask.sum()))
        )
    ]
    turns["status"], turns["bytes"], turns["planted"] = int(rng.choice([301, 302])), 412, False
    turns["ms"] = 2 * scene.site.rtt + rng.exponential(6, len(turns))
    turns["at"] -= rng.uniform(0, 1.5, len(turns))
    turns["scheme"] = rng.choice(["HTTP", "HTTPS"], len(turns)).astype(object)
    scene.fail(mask & ~early, code, lambda n: rng.integers(1, 8, n))
    scene.rows = rows[~early]
    scene.add(turns)
    scene.retry(0.25)
