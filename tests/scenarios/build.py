"""Scenario, seed and situation -> the log, and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from scenarios import noise
from scenarios.people import Array, Rng, people
from scenarios.plan import Scenario
from scenarios.scene import Scene
from scenarios.sites import KINDS, site
from scenarios.traffic import World, ordinary

SITUATIONS = ("quiet", "hour")
"""With quiet time before the incident; only the clock hour of it."""
_BRANDS = ("lanhua", "orbit", "tieguan", "kestrel", "baiyun", "marlin", "songhe", "quartz")
_ENOUGH = 40  # failing requests
_MIDNIGHT = 1_790_697_600  # 2026-09-30 00:00 +08:00


@dataclass(frozen=True)
class Truth:
    """What is planted.

    Attributes:
        onset: Time of the first failing row in the log, seconds since 1970; None where nothing fails.
        domains: Those with failing rows.
        failing: Failing rows in the log.
    """

    scenario: Scenario
    onset: float | None
    domains: frozenset[str]
    failing: int


def build(scenario: Scenario, seed: int, situation: str = "quiet") -> tuple[Array, Truth]:
    """Returns the rows of a log in order of time, and the truth about it; equal arguments give equal rows.

    Where too few requests fail for anybody to notice, another log is made, of a busier site.
    """
    for attempt in range(6):
        rows, truth = _attempt(scenario, seed, situation, attempt)
        if not scenario.cause or truth.failing >= _ENOUGH:
            break
    return rows, truth


def _attempt(scenario: Scenario, seed: int, situation: str, attempt: int) -> tuple[Array, Truth]:
    rng = np.random.default_rng([seed, crc32(scenario.name.encode()), SITUATIONS.index(situation), attempt])
    hours = 2 if situation == "hour" else int(rng.choice([2, 3, 3, 4, 4, 5, 6]))
    world = _world(rng, scenario, hours, 1.5**attempt)
    begin = world.start + 3600 * (situation == "hour")
    rows = _noisy(world, scenario, ordinary(world))
    scene = Scene(world, rows, world.sites[0], *_times(rng, scenario, world, situation))
    if scenario.plant:
        scenario.plant(scene)
    rows = scene.rows[np.argsort(scene.rows["at"], kind="stable")]
    rows = rows[(rows["at"] >= begin) & (rows["at"] < world.end)]
    if scenario.volume == 0:
        rows = _three(rows)
    failing = rows[rows["planted"]]
    onset = float(failing["at"][0]) if len(failing) else None
    return rows, Truth(scenario, onset, frozenset(failing["domain"].tolist()), len(failing))


def _world(rng: Rng, scenario: Scenario, hours: int, busier: float) -> World:
    """Draws the sites; the first is the one that is hit."""
    brand = str(rng.choice(_BRANDS))
    first = str(rng.choice(scenario.kinds))
    others = [kind for kind in rng.permutation(list(KINDS)).tolist() if kind != first]
    count = max(scenario.sites, int(rng.choice([1, 1, 2, 3, 4, 6])))
    volume = (scenario.volume or 0.01) * busier
    start = float(
        _MIDNIGHT
        + 86400 * rng.integers(0, 200)
        + 3600 * rng.choice([0, 3, 6, 7, 8, 9, 10, 11, 13, 14, 15, 17, 18, 19, 20, 21])
    )
    public = people(rng, brand, int(rng.integers(1200, 4000)))
    sites = []
    for number, kind in enumerate([first, *others][:count]):
        hourly = volume * (rng.uniform(5500, 11000) if number == 0 else rng.uniform(800, 4000))
        # Unrelated customers' sites where the platform is at fault; else one brand's.
        owner = f"{rng.choice(_BRANDS)}{number}" if scenario.cause == "platform-fault" and number else brand
        sites.append(site(rng, number, kind, owner, hourly))
    return World(rng, start, hours, brand, public, sites, int(rng.integers(540, 720)))


def _noisy(world: World, scenario: Scenario, rows: Array) -> Array:
    for each in world.sites:
        noise.add(world, each, rows, (noise.loud if scenario.noise == "loud" else noise.usual)(world))
    return rows


def _times(rng: Rng, scenario: Scenario, world: World, situation: str) -> tuple[float, float]:
    """Draws start and end: after quiet time; or in the hour that is kept, or a little before it."""
    low, high = scenario.minutes
    lasts = 60 * float(np.exp(rng.uniform(np.log(low), np.log(high))))
    if situation == "quiet":
        start = world.start + rng.uniform(2700, max(2701, world.end - world.start - min(lasts, 2400)))
        end = start + lasts if rng.random() < 0.6 else world.end
    else:
        kept, whole = world.start + 3600, rng.random() < 0.5 and not scenario.inside
        start = kept - rng.uniform(60, 1500) if whole else kept + rng.uniform(300, 2000)
        end = world.end if whole else start + lasts
    if scenario.sharp:
        start = np.floor(start / 1800) * 1800
    return float(start), float(min(end, world.end))


def _three(rows: Array) -> Array:
    """Keeps three requests, one of which went wrong: too few to say anything."""
    kept = rows[:3].copy()
    kept["status"][1:2], kept["hit"][1:2] = 502, False
    return kept
