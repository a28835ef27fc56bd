"""What goes wrong on every day of every site: old links, robots, people who press Stop. No incident, ever."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scenarios.people import Array
from scenarios.sites import Site
from scenarios.traffic import HEADERS, World

PROBES = (
    "/wp-login.php", "/.env", "/.git/config", "/phpmyadmin/", "/admin.php", "/backup.zip", "/xmlrpc.php",
    "/actuator/env", "/solr/admin/info/system", "/cgi-bin/luci", "/.aws/credentials", "/shell.php", "/manager/html",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", "/owa/auth/logon.aspx", "/server-status", "/config.json",
    "/db.sql", "/login.action",
)  # fmt: skip
_MISSING = (
    "/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png", "/ads.txt", "/robots.txt",
    "/.well-known/assetlinks.json", "/.well-known/apple-app-site-association", "/sitemap.xml",
)  # fmt: skip


class Level(NamedTuple):
    """Shares of a site's requests."""

    missing: float
    cancelled: float
    silent: float  # status 0
    redirected: float
    odd: float  # single 5xx, 400, 403


def usual(world: World) -> Level:
    """Returns the noise of one site: it differs from site to site, not from hour to hour."""
    draw = world.rng.uniform
    return Level(draw(0.003, 0.015), draw(0.002, 0.01), draw(0.0003, 0.003), draw(0.003, 0.012), draw(0.0001, 0.0006))


def loud(world: World) -> Level:
    """Returns the noise of a site nobody cleans up: together 3 to 6 % of all requests."""
    total = world.rng.uniform(0.03, 0.06)
    part = world.rng.uniform(0.3, 0.7)
    return Level(total * part, total * (1 - part) * 0.9, total * (1 - part) * 0.1, 0.006, 0.0005)


def add(world: World, site: Site, rows: Array, level: Level) -> None:
    """Spoils some rows of a site in place."""
    rng = world.rng
    mine = np.flatnonzero((rows["site"] == site.number) & (rows["group"] >= 0))
    fate = rng.random(len(mine))
    steps = np.cumsum(level)
    which = np.searchsorted(steps, fate)
    for index, spoil in enumerate((_missing, _cancelled, _silent, _redirected, _odd)):
        spoil(world, site, rows, mine[which == index])


def _missing(world: World, site: Site, rows: Array, at: Array) -> None:
    """Old links and what browsers and robots ask for by themselves; the edge keeps a 404 for ten seconds."""
    rng = world.rng
    dead = [f"/old/{n}.html" for n in rng.integers(100, 999, 40)]
    lost = np.array([*_MISSING, *_MISSING, *dead], object)
    rows["path"][at] = lost[(rng.random(len(at)) ** 2 * len(lost)).astype(int)]
    scanned = at[rng.random(len(at)) < 0.15]
    rows["path"][scanned] = np.array(PROBES, object)[rng.integers(0, len(PROBES), len(scanned))]
    rows["agent"][scanned], rows["referer"][scanned] = "Mozilla/5.0 zgrab/0.x", "NULL"
    rows["ip"][scanned] = np.array([f"192.0.2.{n}" for n in rng.integers(20, 60, len(scanned))], object)
    rows["method"][at], rows["range"][at] = "GET", "(null)"
    hit = rng.random(len(at)) < 0.2
    wait = np.where(hit, 2, 2 * site.rtt + rng.lognormal(3, 0.6, len(at)))
    _end(rows, at, 404, wait, world.error_page)
    rows["hit"][at] = hit


def _cancelled(world: World, site: Site, rows: Array, at: Array) -> None:
    """People leave somewhere on the way, after whatever the answer would have taken, most of it early."""
    done = world.rng.beta(1, 2, len(at)) * rows["ms"][at]
    started = done > rows["wait"][at]
    part = np.where(started, rows["bytes"][at] * done / np.maximum(rows["ms"][at], 1), 0)
    hit = rows["hit"][at].copy()
    _end(rows, at, 499, done + 3, part)
    rows["hit"][at] = hit & started
    del site


def _silent(world: World, site: Site, rows: Array, at: Array) -> None:
    """Connections that vanish before there is a status."""
    _end(rows, at, 0, world.rng.exponential(300, len(at)), 0)
    del site


def _redirected(world: World, site: Site, rows: Array, at: Array) -> None:
    rows["range"][at] = "(null)"
    for code in (301, 302):
        some = at[world.rng.random(len(at)) < 0.5]
        _end(rows, some, code, 2 * site.rtt + world.rng.exponential(10, len(some)), HEADERS)


def _odd(world: World, site: Site, rows: Array, at: Array) -> None:
    """One request in thousands: an origin restarts, a client stutters."""
    rng = world.rng
    at = at[~rows["hit"][at]]
    codes = rng.choice([502, 504, 500, 403, 400, 503], len(at))
    wait = np.where(
        codes == 504, site.timer * 1000 + rng.exponential(8, len(at)), 2 * site.rtt + rng.lognormal(3, 1, len(at))
    )
    wait[np.isin(codes, (400, 403))] = rng.integers(0, 3)
    _end(rows, at, codes, wait, world.error_page)


def _end(rows: Array, at: Array, status: object, ms: object, sent: object) -> None:
    rows["status"][at], rows["ms"][at], rows["bytes"][at], rows["hit"][at] = (
        status,
        np.asarray(ms),
        np.asarray(sent),
        False,
    )
