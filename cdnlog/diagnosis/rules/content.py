"""Rules on what was asked for: missing, moved, stored or stopped, and who asks for what never was (404, 410, ...)."""

from __future__ import annotations

from statistics import median

import numpy as np

from cdnlog.buffer import Bools
from cdnlog.diagnosis.case import Case, Reading, Rule, percent, seconds
from cdnlog.diagnosis.rows import Rows
from cdnlog.diagnosis.rules import shapes
from cdnlog.diagnosis.rules.asked import (
    Asked,
    ages,
    asked,
    distinct_share,
    evenly,
    harmless,
    holders,
    of_paths,
    own_referer,
    probing,
    telling,
    told,
)
from cdnlog.model import MICROSECONDS

MISSING_CODES = frozenset({404, 410})
SCANNED_CODES = frozenset({400, 404, 405, 410, 413, 414, 505})
STORED_CODES = frozenset({400, 404, 405, 410, 414, 500, 501, 502, 503, 504})  # what CDNs keep beside good answers
REFUSED_CODES = frozenset({400, 405, 414})  # the edge itself refuses so, and may call that a hit
_NOT_FOUND = 404
_BAD_REQUEST = 400
_HOUR = 3600
_MILLISECONDS = 1000
_WHOLE = {"content-removed": -1.0}
_OTHERS_THAN_SCANNER = (
    "broken-link", "content-removed", "origin-moved", "client-release", "negative-cache", "access-rule",
    "origin-denied",
)  # fmt: skip


def noise(case: Case) -> Reading | None:
    """E13: paths that browsers and robots ask for by themselves harm nobody."""
    if case.status not in MISSING_CODES:
        return None
    share = case.failing.share(case.failing.test("path", harmless))
    facts = {"share": percent(share)}
    if share >= case.limits["E13.share"]:
        return Reading("E13", "confirms", "E13-confirms", facts)
    return Reading("E13", "weak", "E13-weak", facts) if share >= case.limits["E13.some"] else None


def scanner(case: Case) -> Reading | None:
    """E27: a few clients that ask for ever new paths, get next to nothing, and nobody else asks for them."""
    rows = telling(case)
    if case.status not in SCANNED_CODES or not len(rows):
        return None
    if not rows.has("client_ip"):
        return Reading("E27", "not-measurable", "E27-not-measurable")
    clients = holders(rows, "client_ip", case.limits["E27.hold"])
    theirs = rows.where(np.isin(rows.codes("client_ip"), clients))
    columns = ("path",) if case.status in MISSING_CODES else ("path", "query")
    new, got = distinct_share(theirs, *columns), _got(case, theirs)
    facts = {"clients": str(len(clients)), "new": percent(new), "failed": percent(1 - got)}
    few = 0 < len(clients) <= case.limits["E27.clients"]
    if few and new >= case.limits["E27.new"] and got <= case.limits["E27.got"] and not _known(case, theirs):
        against = dict.fromkeys(_OTHERS_THAN_SCANNER, -1.0) | {"url-too-long": -1.5, "body-too-large": -1.5}
        return Reading("E27", "confirms", "E27-confirms", facts, against | {"scanner": 1.2})
    if len(clients) > case.limits["E27.many"] or not (few or probing_share(rows) > case.limits["E27.probes"]):
        ordinary = {"url-too-long": 0.7, "body-too-large": 0.7}
        return Reading("E27", "refutes", "E27-refutes", facts, {"scanner": -1.0} | ordinary)
    return None


def _got(case: Case, theirs: Rows) -> float:
    """Return the share of their requests that clients were served."""
    served = case.served.share(np.isin(case.served.codes("client_ip"), theirs.codes("client_ip")))
    served *= case.served.requests
    return served / (served + theirs.requests)


def _known(case: Case, rows: Rows) -> bool:
    """Whether the paths of some rows are in use: served in the quiet time or to others."""
    shares = [part.share(of_paths(part, rows)) for part in (case.before, case.served)]
    return max(shares) >= case.limits["E28.served"] * rows.requests / max(case.requests, 1)


def probing_share(rows: Rows) -> float:
    """Return the share of requests for paths that scanners look for."""
    return rows.share(_probing(rows))


def _probing(rows: Rows) -> Bools:
    return rows.test("path", probing) | rows.test("query", probing)


def probes(case: Case) -> Reading | None:
    """E27b: paths that scanners look for, where nobody is served the like."""
    rows = telling(case)
    if case.status not in SCANNED_CODES or not len(rows):
        return None
    share = probing_share(rows)
    usual = max(probing_share(case.served), probing_share(case.before))
    if share < case.limits["E27.probes"] or usual > case.limits["E27.probes"] / 10:
        return None
    facts = {"share": percent(share), "paths": told(rows.where(_probing(rows)), "path")}
    against = dict.fromkeys(_OTHERS_THAN_SCANNER, -0.5) | {"url-too-long": -0.5, "body-too-large": -0.5}
    return Reading("E27b", "confirms", "E27b-confirms", facts, against | {"scanner": 0.8})


def served_before(case: Case) -> Reading | None:
    """E28: the failing paths had their share of the traffic before, or nobody was ever served them."""
    rows = telling(case)
    stored = rows.share(rows.hit) >= case.limits["E31.hits"]
    if not len(rows) or not (case.status in MISSING_CODES or (case.status in STORED_CODES and stored)):
        return None
    now = rows.requests / max(case.requests, 1)
    if len(case.before) * now < case.limits["E28.rows"]:
        return _without_before(case, rows, stored=stored)
    before = case.before.share(of_paths(case.before, rows))
    facts = {"before": percent(before), "now": percent(now), "paths": told(rows, "path")}
    if before >= case.limits["E28.served"] * now:
        gone = {"content-removed": 1.0, "origin-moved": 0.8, "broken-link": -1.2, "scanner": -1.0}
        return Reading("E28", "confirms", "E28-confirms", facts, gone | {"negative-cache": 0.7 if stored else 0.0})
    if before <= case.limits["E28.never"] * now:
        never = {"content-removed": -1.5, "origin-moved": -1.5, "negative-cache": -1.0}
        return Reading("E28", "refutes", "E28-refutes", facts, never | {"broken-link": 0.7, "scanner": 0.7})
    return None


def _without_before(case: Case, rows: Rows, *, stored: bool) -> Reading:
    """Without a quiet time: copies that the cache still serves, or people who come to many paths as to all others."""
    kept = case.served.where(case.served.hit & of_paths(case.served, rows))
    if len(kept) >= case.limits["E28.copies"] and kept.distinct("path") > 1:
        facts = {"copies": f"{kept.requests:,.0f}", "paths": told(kept, "path")}
        gone = {"content-removed": 0.5, "origin-moved": 0.5, "broken-link": -0.7, "scanner": -0.7}
        return Reading("E28", "weak", "E28-weak", facts, gone | {"negative-cache": 0.5 if stored else 0.0})
    paths, clients = evenly(rows, "path"), evenly(rows, "client_ip")
    elsewhere, usual = (1 - part.share(own_referer(case, part)) for part in (rows, case.served))
    spread = min(paths, clients) >= case.limits["E28.spread"] and probing_share(rows) < case.limits["E27.probes"]
    if case.status not in MISSING_CODES or not spread or elsewhere < max(case.limits["E30.foreign"], usual / 2):
        return Reading("E28", "not-measurable", "E28-not-measurable")
    facts = {"paths": f"{paths:.0f}", "clients": f"{clients:.0f}", "elsewhere": percent(elsewhere)}
    return Reading("E28", "weak", "E28-spread", facts, {"content-removed": 0.8, "origin-moved": 0.5})


def whole_host(case: Case) -> Reading | None:
    """E29: everything fails at the edge, or all that goes to the origin fails, or only a part of the site does."""
    core = asked(case)
    few = core.failing.requests + core.served.requests < case.limits["E29.rows"]
    if case.status not in {*MISSING_CODES, _BAD_REQUEST} or few or not len(core.failing):
        return None
    failed, served = core.misses
    facts = {"share": percent(core.share), "misses": percent(failed / (failed + served) if failed + served else 0.0)}
    if at_the_edge(case, core):
        return _all_at_once(case, facts)
    no_hits = core.served.requests - served < case.limits["E29.rows"]
    by_edge = (no_hits or case.status == _BAD_REQUEST) and _fast(case, core.failing)
    if _all_paths(case, core) and not by_edge:
        moved = {"origin-moved": 1.5} if case.status in MISSING_CODES else {"origin-denied": 1.2}
        return Reading("E29", "confirms", "E29-confirms", facts, moved | _WHOLE)
    part = {"origin-moved": -1.5, "host-not-configured": -2.0, "quota": -2.0, "content-removed": 0.4}
    enough = served >= case.limits["E29.part"] * (failed + served)
    return Reading("E29", "refutes", "E29-refutes", facts, part) if enough else None


def _all_paths(case: Case, core: Asked) -> bool:
    """Whether hardly any path is still served from the origin; another server has a first page, and health checks."""
    failed, served = core.misses
    lost, kept = (rows.where(~rows.hit).distinct("path") for rows in (core.failing, core.served))
    if failed >= case.limits["E29.all"] * (failed + served):
        return lost > 1
    most = kept <= max(case.limits["E29.kept"], case.limits["E29.kept-share"] * lost)
    return most and lost >= case.limits["E29.paths"] and failed >= case.limits["E29.misses"] * (failed + served)


def at_the_edge(case: Case, core: Asked) -> bool:
    """Whether everything fails as fast as the cache answers, what lay in the cache as well."""
    if core.share < case.limits["E29.all"]:
        return False
    stored = case.before.where(case.before.hit)
    took = core.failing.quantile("duration_ms", 0.5)
    if took is None:
        return stored.requests >= case.limits["E29.rows"]
    hits, misses = stored.quantile("duration_ms", 0.5), case.misses_before.quantile("duration_ms", 0.1)
    known = min(hits or 0.0, (misses or 0.0) / 4) if case.before.requests else case.limits["E29.alone"] * _MILLISECONDS
    return _fast(case, core.failing) or took <= known


def _fast(case: Case, rows: Rows) -> bool:
    """Whether failures take no time to speak of, so that no origin was asked; unknown durations are no sign."""
    asking = rows if rows.hit.all() else rows.where(~rows.hit)
    middle = asking.quantile("duration_ms", 0.5)
    return middle is not None and middle <= case.limits["E29.edge"] * _MILLISECONDS


def _all_at_once(case: Case, facts: dict[str, str]) -> Reading:
    against = dict.fromkeys(_OTHERS_THAN_SCANNER, -1.5) | {"scanner": -1.0}
    if case.before.requests:
        return Reading("E29", "confirms", "E29-stopped", facts, against | {"host-not-configured": 1.0, "quota": 1.0})
    return Reading("E29", "confirms", "E29-never", facts, against | {"host-not-configured": 1.6, "quota": 0.6})


def peak(case: Case) -> Reading | None:
    """E29b: limits are reached when most is carried, or are set anew at a full hour; a host is removed at any time."""
    if case.status != _NOT_FOUND or not case.before.requests or not at_the_edge(case, asked(case)):
        return None
    carried = [case.load.requests[window] for window in sorted(case.load.requests) if window < case.windows[0]]
    after = [case.load.requests[window] for window in case.windows[1:]]
    last = median(carried[-2:]) if carried else 0.0
    rise = last / max(median(carried[:-2]), 1.0) if len(carried) >= case.limits["E29b.windows"] else 0.0
    drop = last / max(median(after), 1.0) if after else 0.0
    facts = {"rise": f"{rise or drop:.1f}"}
    highest = last >= case.limits["E29b.highest"] * max(carried, default=0)
    if highest and rise >= case.limits["E29b.rise"]:
        weight = 1.5 if drop >= case.limits["E29b.flat"] else 1.0
        return Reading("E29b", "confirms", "E29b-confirms", facts, {"quota": weight})
    if highest and drop >= case.limits["E29b.rise"]:
        return Reading("E29b", "weak", "E29b-weak", facts, {"quota": 0.9})
    if _at_full_hour(case):
        return Reading("E29b", "weak", "E29b-hour", facts, {"quota": 0.8})
    if drop < case.limits["E29b.flat"] and (rise or (drop and len(carried) > 1)):
        return Reading("E29b", "refutes", "E29b-refutes", facts, {"host-not-configured": 0.6, "quota": -0.5})
    return None


def _at_full_hour(case: Case) -> bool:
    """Whether the last request that was served, before all of them fail, is close to a full hour."""
    begun = case.failing.quantile("time", 0.05) or 0.0
    times = np.concatenate([rows.number("time") for rows in (case.before, case.served)])
    off = float(times[times < begun].max(initial=0)) / MICROSECONDS % _HOUR
    return min(off, _HOUR - off) <= case.limits["E29b.hour"]


def broken_link(case: Case) -> Reading | None:
    """E30: own pages lead to a few paths that nobody was ever served."""
    rows = telling(case)
    if case.status not in MISSING_CODES or not len(rows):
        return None
    if not (rows.has("referer") or case.served.has("referer")):
        return Reading("E30", "not-measurable", "E30-not-measurable")
    own, usual = (part.share(own_referer(case, part)) for part in (rows, case.served))
    paths, sure = evenly(rows, "path"), case.before.requests > 0
    facts = {"share": percent(own), "paths": told(rows, "path"), "pages": told(rows, "referer")}
    used = sum(part.share(of_paths(part, rows)) * part.requests for part in (case.before, case.served))
    if used > case.limits["E30.used"] * rows.requests:
        return None
    led = own >= case.limits["E30.own"] and (sure or 1 - own <= (1 - usual) / 2)
    if led and paths <= case.limits["E30.paths" if sure else "E30.paths-alone"]:
        against = {"content-removed": -0.7, "origin-moved": -1.0, "scanner": -1.0, "negative-cache": -0.5}
        return Reading("E30", "confirms", "E30-confirms", facts, against | {"broken-link": 1.2})
    if own <= case.limits["E30.foreign"]:
        return Reading("E30", "refutes", "E30-refutes", facts, {"broken-link": -1.0})
    return None


def stored(case: Case) -> Reading | None:
    """E31: failures come from the cache long after the last one that did not: the error outlives its cause."""
    rows = telling(case)
    if case.status not in STORED_CODES or not len(rows):
        return None
    hits = rows.share(rows.hit)
    facts = {"share": percent(hits)}
    if hits < case.limits["E31.few"] and case.status in MISSING_CODES:
        return Reading("E31", "refutes", "E31-refutes", facts, {"negative-cache": -0.7})
    if hits < case.limits["E31.hits"] or int(rows.hit.sum()) < case.limits["E31.rows"]:
        return None
    return _long_stored(case, rows, facts)


def _long_stored(case: Case, rows: Rows, facts: dict[str, str]) -> Reading | None:
    old, seen = ages(rows)
    age = float(np.median(old))
    facts["age"] = seconds(age * _MILLISECONDS)
    if age < case.limits["E31.age"]:
        return Reading("E31", "weak", "E31-weak", facts, {"negative-cache": -0.5})
    if seen < case.limits["E31.seen"]:
        return _only_stored(case, facts)
    if not _outlives(rows):
        return None
    others = dict.fromkeys(("content-removed", "broken-link", "origin-moved", "scanner"), -1.0)
    others |= dict.fromkeys(("storage-rate-limit", "cache-buster", "origin-overload", "origin-error"), -1.0)
    return Reading("E31", "confirms", "E31-confirms", facts, others | {"negative-cache": 1.8})


def _outlives(rows: Rows) -> bool:
    """Whether most failures that reached the origin were before three quarters of those from the cache."""
    stored_paths = rows.where(of_paths(rows, rows.where(rows.hit)))
    fresh = stored_paths.where(~stored_paths.hit).quantile("time", 0.5)
    later = rows.where(rows.hit).quantile("time", 0.25)
    return fresh is not None and later is not None and fresh < later


def _only_stored(case: Case, facts: dict[str, str]) -> Reading | None:
    """Without a failure that reached the origin: it was before the log begins, if the rest of the site is served."""
    core = asked(case)
    part = core.share < case.limits["E31.part"] and core.misses[1] >= case.limits["E31.rows"]
    if case.status in REFUSED_CODES or not part:
        return None
    return Reading("E31", "confirms", "E31-only", facts, {"negative-cache": 1.5, "content-removed": -0.5})


RULES: tuple[Rule, ...] = (
    noise, scanner, probes, served_before, whole_host, peak, broken_link, stored, *shapes.RULES,
)  # fmt: skip
