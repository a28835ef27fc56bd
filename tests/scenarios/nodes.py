"""The CDN's own nodes and routes: one carrier's nodes on every site, or everything at once on unrelated sites."""

from __future__ import annotations

from scenarios.scene import Scene

_TIMERS = {504: 10.0, 533: 5.0, 537: 10.0, 563: 10.0, 567: 30.0}


def carrier(scene: Scene, code: int) -> None:
    """The nodes in one carrier's network lose their way: whoever is served there suffers, on every site."""
    rng, rows = scene.rng, scene.rows
    mask = scene.during() & (rows["isp"] == int(rng.choice([26, 1046]))) & (rows["group"] >= 0) & scene.served()
    if code == 567:
        mask &= rows["bytes"] > 200_000
    elif code != 524:
        mask &= ~rows["hit"]
    mask = scene.some(mask, rng.uniform(0.5, 1))
    scene.fail(mask, code, scene.timer(_TIMERS[code]) if code in _TIMERS else lambda n: rng.exponential(4, n))
    scene.retry()


def everywhere(scene: Scene, code: int) -> None:
    """A fault of the platform's own software: sites with nothing in common fail in the same minute."""
    rng, rows = scene.rng, scene.rows
    mask = scene.during() & (rows["group"] >= 0) & scene.served()
    if code != 423:
        mask &= ~rows["hit"]
    mask = scene.some(mask, rng.uniform(0.3, 1))
    scene.fail(mask, code, scene.timer(_TIMERS[code]) if code in _TIMERS else lambda n: rng.exponential(5, n) + 1)
    scene.retry()
