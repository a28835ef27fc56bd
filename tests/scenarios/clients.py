"""The visitor's side: timers, networks, releases of the own app, and people who simply leave."""

from __future__ import annotations

import numpy as np

from scenarios.people import CARRIERS, PROVINCES, Array
from scenarios.scene import Scene


def _own_app(scene: Scene) -> Array:
    return scene.rows["agent"] == scene.world.people.app


def timer(scene: Scene, code: int) -> None:
    """A release of the app waits too short a time for work that has always taken its time."""
    rng, rows = scene.rng, scene.rows
    seconds = int(rng.choice([1, 2, 3, 5]))
    everywhere = (rows["site"] == scene.site.number) & np.isin(
        rows["group"], [scene.site.index(n) for n in ("export", "upload")]
    )
    everywhere &= rows["status"] == 200
    scene.take(everywhere, scene.like_misses(everywhere) * seconds)
    mask = scene.here() & everywhere & _own_app(scene) & (rows["ms"] > 1000 * seconds)
    scene.fail(mask, code, scene.timer(seconds), 0)
    scene.retry(0.5, 2, 3)


def last_mile(scene: Scene, code: int) -> None:
    """One carrier's network, in one province or all, crawls: hits and misses alike, on every site."""
    rng, rows = scene.rng, scene.rows
    isp, region = int(rng.choice(list(CARRIERS)[:3])), int(rng.choice(list(PROVINCES)[:5]))
    mask = scene.during() & (rows["isp"] == isp) & (rows["group"] >= 0) & scene.served()
    if (mask & (rows["region"] == region)).sum() > 250:
        mask &= rows["region"] == region
    slow = rows["ms"][mask] * rng.uniform(8, 30) + rng.lognormal(6, 1, int(mask.sum()))
    patience = rng.lognormal(np.log(rng.uniform(2500, 8000)), 0.7, len(slow))
    broken = (patience < slow) | (rng.random(len(slow)) < 0.1)
    rows["ms"][mask] = slow
    gone = np.zeros(len(rows), bool)
    gone[np.flatnonzero(mask)[broken]] = True
    hit = rows["hit"][gone].copy()
    sent = (
        rows["bytes"][gone] * np.clip(patience / slow, 0, 1)[broken] * (rng.random(int(gone.sum())) < (code != 0) * 0.6)
    )
    scene.fail(gone, code, np.minimum(patience, slow)[broken])
    rows["bytes"][gone], rows["hit"][gone] = sent, hit
    scene.retry(0.4)


def release(scene: Scene, code: int) -> None:
    """A new version of the app spreads, and one of its requests is wrong every time."""
    rng, rows = scene.rng, scene.rows
    new = scene.world.people.app.replace("App/5.", "App/6.")
    spread = np.clip((rows["at"] - scene.start) / rng.uniform(300, 3000), 0.2, 0.8)
    visits = rng.random(70_000)[rows["port"]]
    mask = scene.here() & _own_app(scene) & (visits < spread) & scene.served()
    rows["agent"][mask] = new
    if code == 416:
        mask &= rows["status"] == 206
        rows["range"][mask] = [f"{size}-{size + 1048575}" for size in rows["size"][mask].tolist()]
    elif scene.site.kind == "api":
        mask &= np.isin(rows["group"], [scene.site.index(name) for name in ("list", "event", "search")])
    if code == 405:
        rows["method"][mask] = "PUT"
    if code == 499:  # it asks ahead and changes its mind
        scene.fail(mask, code, lambda n: rng.integers(2, 40, n), 0)
    else:
        scene.fail(mask, code, lambda n: rng.integers(0, 3, n))
    scene.retry(0.5, 2, 4)


def leaving(scene: Scene, code: int) -> None:
    """Benign: viewers seek and stop, a few per cent of all requests, on this day as on any other."""
    rng, rows = scene.rng, scene.rows
    mask = (rows["site"] == scene.site.number) & scene.served() & (rng.random(len(rows)) < rng.uniform(0.02, 0.05))
    ms, sent, hit = rows["ms"][mask], rows["bytes"][mask], rows["hit"][mask].copy()
    done = rng.beta(1, 2, len(ms))
    scene.fail(mask, code, ms * done + 2)
    rows["bytes"][mask], rows["hit"][mask] = sent * done * (ms * done > rows["wait"][mask]), hit
