"""Rules on origins that get more than they can carry: crowds, lost cache hits, limits of a storage."""

from __future__ import annotations

from urllib.parse import parse_qsl

import numpy as np

from cdnlog.buffer import Bools
from cdnlog.diagnosis.case import Case, Reading, Rule, percent
from cdnlog.diagnosis.rows import Rows
from cdnlog.diagnosis.rules.compare import (
    Growth,
    from_cache,
    growth,
    hugging,
    narrow,
    path_group,
    paths,
    pile,
    slower,
    sluggish,
)

LOAD_CODES = frozenset({500, 502, 503, 504, 564, 533, 537})
_STORAGE = 503
_FILES = ("css", "js", "mjs", "map", "png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "ico", "woff", "woff2", "ttf")
_STATIC = frozenset({*_FILES, "mp4", "ts", "m4s", "mp3", "pdf", "zip", "apk", "wasm"})
_OTHERS = ("origin-timeout", "origin-bad-response", "origin-error", "origin-refused", "origin-unreachable")


def overload(case: Case) -> Reading | None:
    """E40: more reaches the origin than before, and what it still answers takes longer."""
    if case.status not in LOAD_CODES or from_cache(case):
        return None
    if narrow(case):
        return Reading("E40", "refutes", "E40-paths", {}, {"origin-overload": -0.7})
    grown, ratio = growth(case), slower(case)
    if grown is None or ratio is None:
        return _without_before(case, sluggish(case))
    facts = {"requests": f"{grown.requests:.1f}", "misses": f"{grown.misses:.1f}", "slower": f"{ratio:.1f}"}
    return _against_before(case, grown, facts)


def _against_before(case: Case, grown: Growth, facts: dict[str, str]) -> Reading | None:
    slow, limits = sluggish(case), case.limits
    if slow is False:
        return Reading("E40", "refutes", "E40-steady", facts, {"origin-overload": -1.0})
    if grown.hits >= limits["E40.crowd"] and grown.misses >= limits["E40.more"]:
        against = dict.fromkeys((*_OTHERS, "cache-buster"), -0.7)
        favours = {**against, "origin-overload": 1.9 if slow else 1.2}
        return Reading("E40", "confirms", "E40-crowd", facts, favours)
    if slow is None:
        return None
    if grown.misses >= limits["E40.many"]:
        return Reading("E40", "confirms", "E40-misses", facts, {"origin-overload": 1.0, "origin-error": -0.5})
    return Reading("E40", "weak", "E40-weak", facts, {"origin-overload": 0.4})


def _without_before(case: Case, slow: bool | None) -> Reading:
    """Return what the speed of the answers tells by itself."""
    middle = case.misses.quantile("duration_ms", 0.5)
    facts = {"answered": "?" if middle is None else f"{middle:,.0f} ms"}
    if slow is None:
        return Reading("E40", "not-measurable", "E40-not-measurable")
    if slow is False:
        return Reading("E40", "refutes", "E40-quick", facts, {"origin-overload": -0.7})
    found = pile(case.failing, case.limits["E37.width"])
    if found and found.share >= case.limits["E37.share"] and hugging(case, found):
        return Reading("E40", "weak", "E40-slow", facts, {"origin-overload": 0.4})
    favours = {"origin-overload": 1.0, "origin-bad-response": -0.5, "origin-error": -0.5, "origin-timeout": -0.5}
    return Reading("E40", "confirms", "E40-slow", facts, favours)


def lost_hits(case: Case) -> Reading | None:
    """E41: what the cache used to answer goes to the origin, without more visitors: something breaks caching."""
    if case.status not in LOAD_CODES or from_cache(case):
        return None
    if not case.cached:
        return Reading("E41", "not-measurable", "E41-no-cache")
    grown, name = growth(case), new_parameter(case)
    if grown is None:
        return _without_hits(case, name)
    facts = {"now": percent(grown.ratio), "before": percent(grown.ratio_before), "name": name or "-"}
    limits = case.limits
    fewer = grown.hits <= limits["E41.fewer"] and grown.ratio_before - grown.ratio >= limits["E41.points"]
    if not fewer or grown.misses < limits["E41.more"]:
        return Reading("E41", "refutes", "E41-refutes", facts, {"cache-buster": -1.0})
    phrase = "E41-name" if name else "E41-confirms"
    return Reading("E41", "confirms", phrase, facts, _busted(1.2 if sluggish(case) is False else 2.0))


def _without_hits(case: Case, name: str | None) -> Reading:
    """Return what the kinds of files that were not in the cache tell by themselves."""
    rows = (case.served, case.failing)
    files = [part.where(part.test("path", _static)) for part in rows]
    asked = sum(part.requests for part in files)
    cached = sum(float(part.weights[part.hit].sum()) for part in files)
    facts = {"files": percent(cached / asked) if asked else "-", "name": name or "-"}
    if name:
        return Reading("E41", "confirms", "E41-parameter", facts, _busted(1.7))
    if asked < case.limits["E41.files"]:
        return Reading("E41", "not-measurable", "E41-not-measurable")
    distinct = {code for part in files for code in part.codes("path").tolist()}
    repeated = sum(len(part) for part in files) >= case.limits["E41.repeated"] * len(distinct)
    if cached < case.limits["E41.uncached"] * asked and repeated:
        return Reading("E41", "confirms", "E41-files", facts, _busted(1.4))
    if cached >= case.limits["E41.cached"] * asked:
        return Reading("E41", "refutes", "E41-kept", facts, {"cache-buster": -1.0})
    return Reading("E41", "weak", "E41-weak", facts)


def _busted(weight: float) -> dict[str, float]:
    return {**dict.fromkeys((*_OTHERS, "origin-overload", "storage-rate-limit"), -0.8), "cache-buster": weight}


def _static(path: str) -> bool:
    return path.rpartition(".")[2].lower() in _STATIC


def new_parameter(case: Case) -> str | None:
    """Return the query parameter that makes nearly every miss a new one, and that hits and earlier requests lack."""
    asked = [_parameters(rows) for rows in (case.misses, case.failing)]
    rows = len(case.misses) + len(case.failing)
    values: dict[str, list[str]] = {}
    for part in asked:
        for name, value, _ in part:
            values.setdefault(name, []).append(value)
    known = _names(case.served.where(case.served.hit)) + _names(case.before)
    others = sum(len(part) for part in (case.served.where(case.served.hit), case.before))
    for name, seen in sorted(values.items(), key=lambda item: (-len(item[1]), item[0])):
        spread = {path for part in asked for one, _, path in part if one == name}
        if (
            len(seen) >= case.limits["E41.share"] * rows
            and len(set(seen)) >= case.limits["E41.distinct"] * len(seen)
            and len(spread) >= case.limits["E41.paths"]
            and known.count(name) <= case.limits["E41.known"] * others
        ):
            return name
    return None


def _parameters(rows: Rows) -> list[tuple[str, str, int]]:
    """Return name, value and path of every parameter of every row."""
    codes, paths_ = rows.codes("query").tolist(), rows.codes("path").tolist()
    texts = {code: parse_qsl(str(rows.text("query", code) or ""), keep_blank_values=True) for code in set(codes)}
    return [(name, value, path) for code, path in zip(codes, paths_, strict=True) for name, value in texts[code]]


def _names(rows: Rows) -> list[str]:
    return [name for name, _, _ in _parameters(rows)]


def storage(case: Case) -> Reading | None:
    """E42: objects that are never cached, asked for in bursts; what is above a rate is turned away at once."""
    if case.status != _STORAGE or from_cache(case):
        return None
    where = paths(case)
    mine = frozenset(where.names) if where else frozenset()
    alike = case.served if "" in mine else case.served.where(case.served.test("path", lambda p: path_group(p) in mine))
    answers = alike.where(~alike.hit)
    failed, quickest = case.failing.quantile("duration_ms", 0.5), answers.quantile("duration_ms", 0.25)
    if failed is None or quickest is None or len(answers) < case.limits["E42.rows"]:
        return Reading("E42", "not-measurable", "E42-not-measurable")
    calm, busy = _by_rate(case.failing, answers)
    facts = {"cached": percent(alike.share(alike.hit)), "calm": percent(calm), "busy": percent(busy)}
    uncached = alike.share(alike.hit) <= case.limits["E42.cached"]
    objects = case.failing.share(case.failing.test("path", _static)) >= case.limits["E42.objects"]
    most = case.limits["E42.calmer" if objects else "E42.calm"]
    error = (busy * (1 - busy) * 4 / (len(case.failing) + len(answers))) ** 0.5  # of a difference of two halves
    rate = calm <= most * busy and busy - calm >= case.limits["E42.chance"] * error
    if uncached and rate and failed <= quickest and sluggish(case) is not True:
        against = dict.fromkeys(("origin-error", "origin-overload", "origin-refused", "cache-buster"), -1.0)
        sure = 2.0 if calm <= case.limits["E42.calm"] * busy else 1.4
        return Reading("E42", "confirms", "E42-confirms", facts, {**against, "storage-rate-limit": sure})
    return Reading("E42", "refutes", "E42-refutes", facts, {"storage-rate-limit": -1.0})


def _by_rate(failing: Rows, answers: Rows) -> tuple[float, float]:
    """Return the share of failures in the calmer and in the busier seconds, each with half of the requests."""
    at = np.concatenate([rows.number("time") // 1_000_000 for rows in (failing, answers)])
    weights = np.concatenate([failing.weights, answers.weights])
    bad: Bools = np.arange(len(at)) < len(failing)
    _, place = np.unique(at, return_inverse=True)
    rate = np.bincount(place, weights=weights)[place]
    order = np.argsort(rate, kind="stable")
    sums = np.cumsum(weights[order])
    middle = rate[order][np.searchsorted(sums, sums[-1] / 2)]
    busy = rate > middle if (rate > middle).any() else rate >= middle
    shares = [float(weights[bad & part].sum() / weights[part].sum()) if part.any() else 0.0 for part in (~busy, busy)]
    return shares[0], shares[1]


RULES: tuple[Rule, ...] = (overload, lost_hits, storage)
