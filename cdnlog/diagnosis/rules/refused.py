"""Who is refused and who is not: what the rules on refusals measure, without saying what it means."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from cdnlog.buffer import Bools, Ints
from cdnlog.diagnosis.case import Case, once
from cdnlog.diagnosis.rows import Numbered, Rows

Weights = npt.NDArray[np.float64]
BLANK = "(none)"
_PRODUCT = re.compile(r"[A-Za-z][\w.+-]*[A-Za-z](?=[/ ;,)]|$)")
_VERSION = re.compile(r"[A-Za-z][\w.+-]*/\d[\w.]*")
_SECOND = 1_000_000
_LEAST = 3  # rows below which an element says nothing by itself; such elements are judged together
_EDGE = 0.01  # share of the refused at either end that may be stragglers or noise of another kind
_TOKENS = 5  # words that one list of agents is told by at most
_FEW = 0.05  # share of the refused that each such word must cover


@dataclass(frozen=True)
class Split:
    """A group of requests that a property tells from the others.

    Attributes:
        names: Values of the property inside the group, those with most refused first.
        coverage: Share of all refused requests that are in the group.
        rate: Share of the group's requests that are refused.
        outside: Share of the other requests that are refused.
        let_in: Kept rows outside the group that passed.
    """

    names: tuple[str, ...]
    coverage: float
    rate: float
    outside: float
    let_in: int

    def explains(self, case: Case) -> bool:
        """Whether nearly all refused are in the group, nearly all of the group are refused, and others pass."""
        limits = case.limits
        return (
            self.coverage >= limits["group.coverage"]
            and self.rate >= limits["group.inside"]
            and self.outside <= limits["group.outside"]
            and self.let_in >= limits["group.rows"]
        )

    def sharp(self, case: Case) -> bool:
        """Whether it does so nearly without exception."""
        return min(self.coverage, self.rate, 1 - self.outside) >= case.limits["group.sharp"]


@dataclass(frozen=True)
class Both(Numbered):
    """Refused rows, then those that passed: 2xx, 3xx, and what failed for other reasons."""

    parts: tuple[Rows, ...]

    @cached_property
    def weights(self) -> Weights:
        """Requests that each row stands for."""
        return np.concatenate([part.weights for part in self.parts])

    @cached_property
    def refused(self) -> Bools:
        """Marks the refused rows."""
        return np.arange(sum(map(len, self.parts))) < len(self.parts[0])

    def number(self, name: str) -> Ints:
        """Return a number column."""
        return np.concatenate([part.number(name) for part in self.parts])

    def codes(self, name: str) -> Ints:
        """Return a text column as numbers."""
        return np.concatenate([part.codes(name) for part in self.parts])

    def labels(self, name: str, label: Callable[[str], str]) -> tuple[Ints, list[str]]:
        """Return a column as places in a list of labels; a missing text is labelled as ""."""
        used, place = self.used(name)
        given = [label(str(self.parts[0].text(name, code) or "")) for code in used.tolist()]
        names = sorted(set(given))
        at = {text: i for i, text in enumerate(names)}
        return np.array([at[text] for text in given], np.int64)[place], names


@once
def both_of(case: Case) -> Both:
    """Return those of a case; of what passed only the rows between the first refused and the last, or nearly so."""
    times = case.failing.number("time")
    first, last = np.quantile(times, [_EDGE, 1 - _EDGE]) if len(times) else (0, 0)

    def meanwhile(rows: Rows) -> Rows:
        at = rows.number("time")
        return rows.where((at >= first) & (at <= last))

    return Both((case.failing, meanwhile(case.served), meanwhile(case.others)))


def places(both: Both) -> Ints:
    """Number the paths of the rows, those with few rows by their folder."""
    _, place = both.used("path")
    folder, _ = both.labels("path", section)
    numbers: Ints = np.unique(np.where(np.bincount(place)[place] < _LEAST, -1 - folder, place), return_inverse=True)[1]
    return numbers


def referer_host(text: str) -> str:
    """Return the host of a referer."""
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname
    except ValueError:
        return text
    return (host or BLANK).removeprefix("www.")


def section(text: str) -> str:
    """Return the first folder of a path, or the path where it has none."""
    parts = text.split("/", 2)
    return f"/{parts[1]}/" if len(parts) > 2 else text  # noqa: PLR2004 - "", folder, rest


def network(text: str) -> str:
    """Return the /24 or the /48 of an address."""
    return ":".join(text.split(":")[:3]) if ":" in text else text.rpartition(".")[0]


@once
def split(case: Case, column: str, label: Callable[[str], str] = lambda text: text or BLANK) -> Split:
    """Return the group of a column's values that nearly always are refused."""
    both = both_of(case)
    place, names = both.labels(column, label)
    return _split(case, both, place, names)


@once
def pair(case: Case, first: str, second: str) -> Split:
    """Return the same for pairs of two columns' values, as region and carrier together."""
    both = both_of(case)
    (a, left), (b, right) = (both.labels(name, lambda text: text or BLANK) for name in (first, second))
    used, place = np.unique(a * len(right) + b, return_inverse=True)
    names = [f"{left[i // len(right)]}, {right[i % len(right)]}" for i in used.tolist()]
    return _split(case, both, place, names)


def _split(case: Case, both: Both, place: Ints, names: list[str]) -> Split:
    """Values with few rows are judged as one, lest each of them seem to be refused always."""
    rows = np.bincount(place, minlength=len(names))
    place = np.where(rows[place] < _LEAST, len(names), place)
    refused, weights = both.refused, both.weights
    failing = np.bincount(place, weights * refused, len(names) + 1)
    passed = np.bincount(place, weights * ~refused, len(names) + 1)
    group = (failing > 0) & (failing >= case.limits["group.inside"] * (failing + passed))
    ranked = sorted(np.flatnonzero(group).tolist(), key=lambda i: -failing[i])
    return _told(both, group[place], tuple([*names, "..."][i] for i in ranked))


def _told(both: Both, inside: Bools, names: tuple[str, ...]) -> Split:
    refused, weights = both.refused, both.weights

    def rate(rows: Bools) -> float:
        return _ratio(float(weights[rows & refused].sum()), float(weights[rows].sum()))

    coverage = _ratio(float(weights[inside & refused].sum()), float(weights[refused].sum()))
    return Split(names, coverage, rate(inside), rate(~inside), int((~inside & ~refused).sum()))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


@once
def agents(case: Case) -> Split:
    """Return the words of User-Agents, or the blank one, that nearly always are refused."""
    both = both_of(case)
    used, place = both.used("user_agent")
    words = [_words(str(case.failing.text("user_agent", code) or "")) for code in used.tolist()]
    refused = np.bincount(place, both.weights * both.refused, len(used))
    passed = np.bincount(place, both.weights * ~both.refused, len(used))
    holders: dict[str, list[int]] = {}
    for i, own in enumerate(words):
        for word in own:
            holders.setdefault(word, []).append(i)
    inside = case.limits["group.inside"]
    pure = {
        word: at for word, at in holders.items() if refused[at].sum() >= inside * (refused[at].sum() + passed[at].sum())
    }
    chosen, taken = [], np.zeros(len(used), bool)
    for _ in range(_TOKENS):
        gain = {word: float(refused[[i for i in at if not taken[i]]].sum()) for word, at in pure.items()}
        best = max(gain, key=lambda word: (gain[word], -len(word), word), default="")
        if not best or gain[best] < _FEW * refused.sum():
            break
        chosen.append(best)
        taken[pure[best]] = True
    return _told(both, taken[place], tuple(chosen))


def _words(agent: str) -> set[str]:
    return {*_PRODUCT.findall(agent), *_VERSION.findall(agent)} or {BLANK if not agent.strip("-") else agent}


@once
def addresses(case: Case) -> Split:
    """Return the addresses that nearly always are refused; those with a single row say nothing and are left out."""
    both = both_of(case)
    place, names = both.labels("client_ip", str)
    refused = both.refused
    seen = np.bincount(place, minlength=len(names)) > 1
    weights = both.weights
    failing = np.bincount(place, weights * refused, len(names))
    total = np.bincount(place, weights, len(names))
    judged = seen & (failing > 0)
    group = judged & (failing >= case.limits["E20.address"] * total)
    ranked = sorted(np.flatnonzero(group).tolist(), key=lambda i: -failing[i])
    coverage = _ratio(float(failing[group].sum()), float(failing[judged].sum()))
    inside = judged[place]
    rate = _ratio(float(failing[judged].sum()), float(total[judged].sum()))
    return Split(tuple(names[i] for i in ranked), coverage, rate, 0.0, int((~inside & ~refused).sum()))


def effective(rows: Rows, column: str) -> float:
    """Return among how many values the rows are spread: 1 / the chance that two of them have the same one.

    It does not depend on how many of the rows were kept (E. H. Simpson, 1949).
    """
    _, counts = np.unique(rows.codes(column), return_counts=True)
    n = int(counts.sum())
    same = float((counts * (counts - 1)).sum())
    return n * (n - 1) / same if same else float(n * n)


@dataclass(frozen=True)
class Pace:
    """How busy addresses are: other requests of the same address, on average over requests.

    Attributes:
        refused: In the same second, for a refused request.
        ordinary: In the same second, for a request of an address that was never refused.
        volume: In all the time, for a refused request.
        usual: In all the time, for a request of an address that was never refused.
    """

    refused: float
    ordinary: float
    volume: float
    usual: float


@once
def pace(case: Case) -> Pace:
    """Return how busy those are who are refused, and others; kept rows stand for those that were not kept."""
    both = both_of(case)
    weights, refused = both.weights, both.refused
    _, address = both.used("client_ip")
    _, second = np.unique(both.number("time") // _SECOND, return_inverse=True)
    never = ~refused & ~np.isin(address, address[refused])

    def company(key: Ints, rows: Bools) -> float:
        _, place = np.unique(key, return_inverse=True)
        others = np.bincount(place, weights)[place] - weights
        return _ratio(float((others * weights)[rows].sum()), float(weights[rows].sum()))

    seconds = address * (second.max(initial=0) + 1) + second
    return Pace(*(company(key, rows) for key in (seconds, address) for rows in (refused, never)))


@dataclass(frozen=True)
class Crowd:
    """Who is behind the refused addresses.

    Attributes:
        crowded: Share of the refused requests whose address holds many kinds of client.
        single: Share of the refused requests whose address holds one kind of client, or nearly so.
        homes: Share of the refused addresses that hold one kind of client, or nearly so.
        known: Share of the refused requests whose address has rows enough to tell.
        agents: Kinds of client behind an address, in the middle.
    """

    crowded: float
    single: float
    homes: float
    known: float
    agents: float


@once
def crowd(case: Case) -> Crowd:
    """Return how mixed the User-Agents behind the refused addresses are: the chance that two requests differ."""
    both = both_of(case)
    refused, weights = both.refused, both.weights
    (used, address), (words, agent) = both.used("client_ip"), both.used("user_agent")
    _, first, counts = np.unique(address * len(words) + agent, return_index=True, return_counts=True)
    rows = np.bincount(address, minlength=len(used))
    same = np.bincount(address[first], counts * (counts - 1), len(used))
    differ = 1 - same / np.maximum(rows * (rows - 1), 1)
    kinds = np.bincount(address[first], minlength=len(used))
    failing = np.bincount(address, weights * refused, len(used))
    told = (rows >= case.limits["E21.rows"]) & (failing > 0)
    known = float(failing[told].sum())
    mixed = differ >= case.limits["E21.mixed"]
    middle = float(np.median(kinds[told])) if told.any() else 0.0
    crowded = _ratio(float(failing[told & mixed].sum()), known)
    homes = _ratio(float((told & ~mixed).sum()), float(told.sum()))
    share = _ratio(known, float(failing.sum()))
    return Crowd(crowded, 1 - crowded if known else 0.0, homes, share, middle)


def hurried(case: Case, busy: Pace) -> bool:
    """Whether the refused ask much faster than others do."""
    faster, least = case.limits["E19.faster"], case.limits["E19.least"]
    return busy.refused >= least and busy.refused >= faster * max(busy.ordinary, 1.0)


def measured(case: Case) -> bool:
    """Whether rows that passed were kept densely enough to have met some of the refused addresses."""
    passed = np.concatenate([case.served.weights, case.others.weights])
    return bool(len(passed)) and case.failing.requests / float(passed.mean()) >= case.limits["E20.met"]


def known(case: Case, column: str) -> bool:
    """Whether the log has a column."""
    return case.failing.has(column) or case.served.has(column)


@once
def browsing(case: Case) -> bool:
    """Whether the refused ask for what others ask for, and come from pages as others do."""
    both = both_of(case)
    weights, refused = both.weights, both.refused
    if not (~refused).any():
        return True
    folder, names = both.labels("path", section)
    blank, hosts = both.labels("referer", referer_host)

    def shares(place: Ints, rows: Bools, length: int) -> Weights:
        sums = np.bincount(place[rows], weights[rows], length)
        part: Weights = sums / sums.sum()
        return part

    alike = np.minimum(shares(folder, refused, len(names)), shares(folder, ~refused, len(names))).sum()
    referred = np.array([host != BLANK for host in hosts])
    from_pages = [float(shares(blank, rows, len(hosts))[referred].sum()) for rows in (refused, ~refused)]
    limits = case.limits
    return bool(alike >= limits["E21.alike"]) and from_pages[0] >= limits["E21.referred"] * from_pages[1]


def one_agent(case: Case) -> bool:
    """Whether nearly all the refused are one kind of client, which is not common among those who pass."""
    top = case.failing.top("user_agent")
    if not top or top[0][1] < case.limits["E21.agent"]:
        return False
    passed = case.served.share(case.served.codes("user_agent") == top[0][0])
    return top[0][1] >= case.limits["E21.lift"] * passed
