"""Who leaves before the answer, where and after how long: what the rules on aborts measure, without judging it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cdnlog.buffer import Bools
from cdnlog.diagnosis.case import Case, once
from cdnlog.diagnosis.rows import Rows
from cdnlog.diagnosis.rules.compare import Concentration, Pile, concentration, path_group, pile
from cdnlog.evidence import MISSING

_PRODUCT = re.compile(r"([A-Za-z][\w.+-]*[A-Za-z]|[A-Za-z])/(\d[\w.]*)")
_SHARED = frozenset({"Mozilla", "AppleWebKit", "Gecko", "Safari", "Mobile", "Version"})  # said by many browsers
_PULLS = {"origin-timeout": (504, 524, 537), "origin-unreachable": (502, 522, 523, 532, 533, 564)}
_MILLISECONDS = 1000


@once
def sections(case: Case) -> frozenset[str]:
    """Return the largest groups of paths that together hold most of the failures."""
    weights: dict[str, float] = {}
    for code, share in case.failing.top("path"):
        group = path_group(str(case.failing.text("path", code)))
        weights[group] = weights.get(group, 0.0) + share
    chosen, held = set[str](), 0.0
    for group in sorted(weights, key=lambda name: (-weights[name], name)):
        if held >= case.limits["E15.paths"] * sum(weights.values()):
            break
        chosen.add(group)
        held += weights[group]
    return frozenset(chosen)


def of_sections(rows: Rows, groups: frozenset[str]) -> Rows:
    """Return the rows of some groups of paths."""
    return rows.where(rows.test("path", lambda path: path_group(path) in groups))


@once
def aborted_misses(case: Case) -> Rows:
    """Return the failing rows that were not in the cache."""
    return case.failing.where(~case.failing.hit)


@dataclass(frozen=True)
class Wait:
    """How long misses of the hit paths take, in milliseconds; one that a client gave up counts with what it waited.

    Attributes:
        now: Three quarters of them take less, in the incident.
        before: The same in the quiet time.
        rows: Kept rows of the quiet time.
    """

    now: float
    before: float
    rows: int

    @property
    def ratio(self) -> float:
        """How much slower they have become, at least."""
        return self.now / max(self.before, 1.0)


@once
def wait(case: Case) -> Wait | None:
    """Return the waits of the group of paths with most aborts that can be compared, None if none can."""
    gone, least = aborted_misses(case), int(case.limits["E15.rows"])
    best: Wait | None = None
    most = 0.0
    for group in sorted(sections(case)):
        mine, served, before = (of_sections(r, frozenset({group})) for r in (gone, case.misses, case.misses_before))
        if mine.requests <= most or len(before) < least:
            continue
        now, then = _late((mine, served)), _late((before,))
        if now is not None and then is not None:
            best, most = Wait(now, then, len(before)), mine.requests
    return best


def _late(parts: tuple[Rows, ...]) -> float | None:
    values = np.concatenate([part.number("duration_ms") for part in parts])
    weights = np.concatenate([part.weights for part in parts])
    values, weights = values[values != MISSING], weights[values != MISSING]
    if not len(values):
        return None
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weights[order])
    return float(values[order][min(int(np.searchsorted(sums, 0.75 * sums[-1])), len(values) - 1)])


@once
def slower(case: Case) -> bool | None:
    """Whether misses of the hit paths have become slow, or surely have not; None where the log does not tell."""
    found, limits = wait(case), case.limits
    if found is None:
        return None
    return True if found.ratio >= limits["E15.slower"] else False if found.ratio <= limits["E15.steady"] else None


@once
def timer(case: Case) -> Pile | None:
    """Return the value at which most durations of the aborts end, None if they are spread or too short to tell."""
    found = pile(case.failing, case.limits["E16.width"])
    if (
        found is None
        or found.share < case.limits["E16.share"]
        or found.at < case.limits["E16.shortest"] * _MILLISECONDS
    ):
        return None
    return found


@once
def carrier(case: Case) -> Concentration | None:
    """Return the one carrier or region that holds the aborts, being hit far more than the others; else None."""
    found = [place for place in _carriers(case) if _stands_out(case, place)]
    return min(found, key=lambda place: place.contrast, default=None)


def _carriers(case: Case) -> Iterator[Concentration]:
    groups = sections(case)
    failing, served = of_sections(case.failing, groups), of_sections(case.served, groups)
    for name in ("isp", "region"):
        if case.failing.has(name):
            place = concentration(failing, served, name, case.limits["E10.share"])
            if place is not None:
                yield place


def carriers_even(case: Case) -> bool:
    """Whether there are others, and they are hit about as much."""
    likely = [place for place in _carriers(case) if place.expected >= case.limits["E10.others"]]
    return bool(likely) and min(place.contrast for place in likely) >= case.limits["E10.level"]


def _stands_out(case: Case, place: Concentration) -> bool:
    limits = case.limits
    return (
        len(place.names) == 1
        and place.names != ("",)
        and place.contrast <= limits["E10.apart"]
        and place.expected >= limits["E10.others"]
        and (place.base ** case.failing.distinct("client_ip") <= limits["E10.luck"] or _all_slow(case, place.names[0]))
    )


def hits_too(case: Case) -> bool:
    """Whether hits are aborted about as much as misses: then the origin has no part in it."""
    served = case.served.share(case.served.hit)
    failing = case.failing.share(case.failing.hit)
    return served >= case.limits["E08.cached"] and failing >= case.limits["E08.alike"] * served


def _all_slow(case: Case, name: str) -> bool:
    """Whether hits crawl there too: then even a single address behind which many are tells of its network."""
    found = crawl(case, name)
    return hits_too(case) and bool(found.slow and found.usual and found.slow >= case.limits["E18.slower"] * found.usual)


@dataclass(frozen=True)
class Crawl:
    """How requests fare in one network.

    Attributes:
        hits: Share of the hits there that are aborted.
        misses: The same of misses.
        rows: Kept rows of aborted hits there.
        slow: What three quarters of the requests there take less than, aborted or served, in milliseconds.
        usual: The same elsewhere, None where there is not enough to compare.
    """

    hits: float
    misses: float
    rows: int
    slow: float | None
    usual: float | None


def crawl(case: Case, name: str) -> Crawl:
    """Return how requests of the hit paths fare in a carrier or region."""
    groups = sections(case)
    failing, served = (of_sections(rows, groups) for rows in (case.failing, case.served))
    bad, good = (rows.where(_within(rows, name)) for rows in (failing, served))
    others = served.where(~_within(served, name))
    cached = (bad.where(bad.hit), good.where(good.hit))
    enough = min(sum(map(len, cached)), int(others.hit.sum())) >= case.limits["E15.rows"]
    slow = _late(cached if enough else (bad, good))  # hits tell best: how long the origin takes is no part of it
    usual = _late((others.where(others.hit) if enough else others,))
    misses = (bad.where(~bad.hit), good.where(~good.hit))
    comparable = len(others) >= case.limits["E15.rows"]
    return Crawl(_aborted(*cached), _aborted(*misses), len(cached[0]), slow, usual if comparable else None)


def _aborted(bad: Rows, good: Rows) -> float:
    both = bad.requests + good.requests
    return bad.requests / both if both else 0.0


def _within(rows: Rows, name: str) -> Bools:
    return rows.test("isp", name.__eq__) | rows.test("region", name.__eq__)


@dataclass(frozen=True)
class Pulls:
    """What the CDN itself reports of the origin on the paths of the aborts.

    Attributes:
        cause: What these codes mean.
        codes: The codes.
        gone: When the aborts end, in the middle, in milliseconds.
        ended: When the 5xx do.
        same: Whether the aborts without a status end as the 5xx do: the same failure under another number.
    """

    cause: str
    codes: str
    gone: float
    ended: float
    same: bool


@once
def pulls(case: Case) -> Pulls | None:
    """Return the failed fetches on the paths of the aborts, None if there are few."""
    limits = case.limits
    if case.status not in (0, 499) or case.failing.share(case.failing.hit) > limits["E18b.hits"]:
        return None
    here = of_sections(case.others, sections(case))
    sides = {cause: here.where(np.isin(here.number("status"), codes)) for cause, codes in _PULLS.items()}
    cause = max(sides, key=lambda name: sides[name].requests)
    errors = sides[cause]
    if len(errors) < limits["E15.rows"] or errors.requests < limits["E18b.share"] * case.failing.requests:
        return None
    gone, ended = case.failing.quantile("duration_ms", 0.5), errors.quantile("duration_ms", 0.5)
    if gone is None or ended is None:
        return None
    reach = max(limits["E16.width"] * ended, limits["E18b.quick"])
    close = case.failing.share(np.abs(case.failing.number("duration_ms") - ended) <= reach) >= limits["E16.most"]
    codes = ", ".join(map(str, sorted(set(errors.number("status").tolist()))))
    return Pulls(cause, codes, gone, ended, close and case.status == 0)


@dataclass(frozen=True)
class Agent:
    """A word of User-Agents whose requests are aborted more than those of others on the same paths.

    Attributes:
        name: The product, with as much of its version as tells it apart.
        held: Its share of the aborts there.
        inside: Share of its requests that are aborted.
        outside: The same of others.
        expected: Aborts to be expected of others if they were alike.
        versions: Whether other versions of the product ask for the same.
        fresh: Whether it was not there in the quiet time, when other versions were.
    """

    name: str
    held: float
    inside: float
    outside: float
    expected: float
    versions: bool
    fresh: bool


@once
def agent(case: Case) -> Agent | None:
    """Return the product or version that stands out, None if none does or the log does not tell."""
    if not case.failing.has("user_agent"):
        return None
    groups = sections(case)
    failing, served = of_sections(case.failing, groups), of_sections(case.served, groups)
    bad, good = _by_word(failing), _by_word(served)
    k_all, n_all = failing.requests, failing.requests + served.requests
    found = []
    for word, k in bad.items():
        n = k + good.get(word, 0.0)
        inside, rest = k / n, n_all - n
        outside = (k_all - k) / rest if rest > 0 else 0.0
        if k < case.limits["E35.held"] * k_all or inside * rest < case.limits["E35.others"]:
            continue
        if outside <= case.limits["E35.apart"] * inside:
            found.append((-k * inside, -len(word), word, k, inside, outside, inside * rest))
    if not found:
        return None
    _, _, word, k, inside, outside, expected = min(found)
    product = word.partition("/")[0]
    others = good.get(product, 0.0) + bad.get(product, 0.0) - good.get(word, 0.0) - bad[word]
    earlier = _by_word(case.before)
    fresh = word != product and earlier.get(product, 0.0) >= case.limits["E35.seen"] and not earlier.get(word)
    return Agent(word, k / k_all, inside, outside, expected, others >= case.limits["E35.others"], fresh)


def _by_word(rows: Rows) -> dict[str, float]:
    sums: dict[str, float] = {}
    for code, share in rows.top("user_agent"):
        for word in _words(str(rows.text("user_agent", code))):
            sums[word] = sums.get(word, 0.0) + share * rows.requests
    return sums


@lru_cache(maxsize=4096)
def _words(agent: str) -> frozenset[str]:
    """Return the products of a User-Agent, each alone and with every length of its version."""
    words = set[str]()
    for product, version in _PRODUCT.findall(agent):
        if product in _SHARED:
            continue
        parts = version.split(".")
        words |= {product, *(f"{product}/{'.'.join(parts[:i])}" for i in range(1, len(parts) + 1))}
    return frozenset(words or {agent})
