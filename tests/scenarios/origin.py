"""The origin fails: it is down, far, slow, wrong, or says no. The cache goes on answering what it holds."""

from __future__ import annotations

import numpy as np

from scenarios.people import Array
from scenarios.scene import Scene

_ENCRYPTED = range(531, 541)  # codes of an HTTPS pull


def _asked(scene: Scene, code: int, *, servers: tuple[int, ...] = (1, 1, 1, 2, 3)) -> Array:
    """Returns what is asked of the faulty server: one of several, or the only one."""
    mask = scene.misses()
    if code in _ENCRYPTED and scene.rng.random() < 0.3:  # the pull follows the visitor's protocol
        mask &= scene.rows["scheme"] == "HTTPS"
    return scene.some(mask, 1 / scene.rng.choice(servers))


def refused(scene: Scene, code: int) -> None:
    """The service is down, its port answers with a reset: one round trip."""
    scene.fail(_asked(scene, code), code, scene.trips(1.0))
    scene.retry()


def unreachable(scene: Scene, code: int) -> None:
    """A firewall drops the packets: every connect runs into the same timer, nothing comes through."""
    seconds = float(scene.rng.choice([3, 5, 5, 10, 10]))
    scene.fail(_asked(scene, code, servers=(1,)), code, scene.timer(seconds))
    scene.retry()


def dns(scene: Scene, code: int) -> None:
    """The name does not resolve: the resolver says so at once, or is itself without answer."""
    broken = scene.rng.random() < 0.25
    ms = scene.timer(float(scene.rng.choice([2, 5]))) if broken else (lambda n: scene.rng.exponential(6, n) + 1)
    scene.fail(_asked(scene, code, servers=(1, 1, 2)), code, ms)
    scene.retry()


def handshake(scene: Scene, code: int) -> None:
    """TLS breaks off: connected, hello, alert; two to three round trips."""
    scene.fail(_asked(scene, code, servers=(1, 1, 2, 3)), code, scene.trips(scene.rng.uniform(2, 3)))
    scene.retry()


def slow(scene: Scene, code: int, groups: tuple[str, ...], *, patient: bool) -> None:
    """The origin gets slow on some paths; the edge's timer or the visitor's patience ends it, whichever is first."""
    rng, rows = scene.rng, scene.rows
    names = () if rng.random() < 0.25 else (str(rng.choice(groups)),)
    mask = scene.misses(*names)
    count = int(mask.sum())
    timer, typical = (
        (scene.site.timer, scene.site.timer * rng.uniform(1.1, 2.5)) if patient else (60.0, rng.uniform(4, 12))
    )
    growth = np.clip((rows["at"][mask] - scene.start) / (60 * rng.uniform(1, 12)), 0, 1)
    base = scene.like_misses(mask)
    wait = base * (1000 * typical / np.median(base)) ** growth if count else base
    own = np.where(
        rows["agent"][mask] == scene.world.people.app, float(rng.choice([30, 60] if patient else [5, 8, 10])), 0
    )
    patience = np.where(
        own, own * 1000 + rng.exponential(8, count), rng.lognormal(np.log(30_000 if patient else 7000), 0.6, count)
    )
    late, gone = wait >= timer * 1000, patience < np.minimum(wait, timer * 1000)
    where = np.flatnonzero(mask)
    scene.take(mask, wait)
    _split(scene, where[late & ~gone], code if patient else 504, scene.timer(timer)(int((late & ~gone).sum())), None)
    _split(scene, where[gone], 499 if patient else code, patience[gone], 0)
    scene.retry(0.25)


def _split(scene: Scene, places: Array, code: int, ms: Array, sent: int | None) -> None:
    mask = np.zeros(len(scene.rows), bool)
    mask[places] = True
    scene.fail(mask, code, ms, sent)


def error(scene: Scene, code: int, groups: tuple[str, ...]) -> None:
    """A bad release: the application fails on some paths, after the time it takes there, with its own page."""
    mask = scene.some(scene.misses(str(scene.rng.choice(groups))), scene.rng.choice([0.4, 0.7, 1.0, 1.0]))
    page = scene.world.error_page + int(scene.rng.integers(80, 9000))
    scene.fail(mask, code, scene.like_misses(mask) * scene.rng.uniform(0.5, 1.1), page)
    scene.retry()


def bad_response(scene: Scene, code: int) -> None:
    """Workers die while answering: before the headers that is a 502, after them a body cut short."""
    rng = scene.rng
    mask = scene.some(scene.misses(), rng.uniform(0.25, 0.6))
    reached = rng.random(int(mask.sum()))
    ms = scene.site.rtt * 2 + (scene.like_misses(mask) - scene.site.rtt * 2) * reached
    early = mask.copy()
    early[np.flatnonzero(mask)[reached > 0.75]] = False
    cut = mask & ~early & (scene.rows["status"] == 200)
    scene.rows["bytes"][cut] = (scene.rows["bytes"][cut] * rng.beta(1, 3, int(cut.sum()))).astype(int)
    scene.fail(early, code, ms[reached <= 0.75])
    scene.retry()


def denied(scene: Scene, code: int, groups: tuple[str, ...]) -> None:
    """The bucket or application refuses the edge's request: origin's time, origin's page, the cache unharmed."""
    mask = scene.misses(*groups)
    page = 412 + int(scene.rng.integers(200, 900))
    scene.fail(mask, code, scene.trips(scene.rng.uniform(2.1, 3)), page)
    scene.retry(0.25)
