"""Signed URLs: which requests carry a signature, and what time it names, for the schemes in use at the common CDNs.

Tencent CDN: type A `?sign=TIME-RAND-UID-MD5`, B `/YYYYMMDDhhmm/MD5/path`, C `/MD5/HEXTIME/path`, D `?sign=MD5&t=TIME`
(https://www.tencentcloud.com/document/product/228/41622); others by the names of their parameters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import numpy as np
import numpy.typing as npt

from cdnlog.buffer import Bools
from cdnlog.diagnosis.case import Case
from cdnlog.diagnosis.rows import Rows
from cdnlog.diagnosis.rules.refused import section

Times = npt.NDArray[np.float64]

_SIGNING = re.compile(
    r"sign?|signature|token|auth(_?key)?|hmac|hash|md5|st|wssecret|txsecret|hdn(ts|ea|tl)|__token__|x-(amz|goog|oss)-signature"
    r"|q-signature|q-sign-algorithm|key-pair-id|policy|secure|verify",
    re.IGNORECASE,
)
_TIMING = re.compile(
    r"t|e|exp|expires?|expiry|expiration|deadline|se|ts|time|timestamp|wstime|txtime|etime|validto|q-sign-time|sign"
    r"|auth_?key|hdn(ts|ea|tl)",
    re.IGNORECASE,
)
_LEAST = 8  # characters of a signature
_DAY_PATH = re.compile(r"^/(\d{12}|\d{14})/[0-9a-f]{32}(?=/)", re.IGNORECASE)
_HEX_PATH = re.compile(r"^/[0-9a-f]{32}/([0-9a-f]{8})(?=/)", re.IGNORECASE)
_TIME = re.compile(r"(?<![0-9a-z])(1\d{9})(?:\d{3})?(?![0-9a-z])|^([4-7][0-9a-f]{7})$", re.IGNORECASE)
_CHINA = timezone(timedelta(hours=8))  # of the times that Tencent's type B spells out
_YEARS = 3 * 366 * 86_400.0  # further from the log's time nothing is a time of it
_MICRO = 1_000_000


@dataclass(frozen=True)
class Signature:
    """What a URL says of its signature.

    Attributes:
        there: Whether it carries one.
        time: The time it names in UTC seconds, when it was made or when it ends; nan if none.
        section: First folder of the path behind it.
    """

    there: bool
    time: float
    section: str


def signature(path: str, query: str) -> Signature:
    """Return the signature of a URL."""
    if found := _DAY_PATH.match(path):
        return Signature(True, _day(found[1]), section(path[found.end() :]))
    if found := _HEX_PATH.match(path):
        return Signature(True, float(int(found[1], 16)), section(path[found.end() :]))
    there, time = False, float("nan")
    for part in query.split("&"):
        name, _, value = part.partition("=")
        there |= bool(_SIGNING.fullmatch(name)) and len(value) >= _LEAST
        if np.isnan(time) and _TIMING.fullmatch(name) and (hit := _TIME.search(value)):
            time = float(hit[1]) if hit[1] else float(int(hit[2], 16))
    return Signature(there, time if there else float("nan"), section(path))


def _day(digits: str) -> float:
    try:
        return datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=_CHINA).timestamp()
    except ValueError:
        return float("nan")


@dataclass(frozen=True)
class Signed:
    """The signatures of some rows.

    Attributes:
        rows: The rows.
        there: Whether each carries a signature.
        age: Seconds from the time its signature names to the request; nan where it names none.
        sections: First folder of each path.
    """

    rows: Rows
    there: Bools
    age: Times
    sections: npt.NDArray[np.str_]

    @classmethod
    def of(cls, rows: Rows) -> Signed:
        """Return the signatures of rows; each distinct URL is looked at once."""
        urls = np.column_stack([rows.codes("path"), rows.codes("query")])
        used, place = np.unique(urls, axis=0, return_inverse=True)
        found = [signature(str(rows.text("path", p) or ""), str(rows.text("query", q) or "")) for p, q in used.tolist()]
        place = place.reshape(-1)
        times = np.array([one.time for one in found], np.float64)[place]
        age = rows.number("time") / _MICRO - times
        age[np.abs(age) > _YEARS] = np.nan
        there = np.array([one.there for one in found], bool)[place]
        return cls(rows, there, age, np.array([one.section for one in found], np.str_)[place])


@dataclass(frozen=True)
class Compared:
    """Refused signatures beside accepted ones.

    Attributes:
        carry: Share of the refused requests that carry a signature.
        lack: Share of the refused that carry none where nearly all that pass carry one.
        untimely: Share of the refused whose signature names a time unlike any that passed.
        age: Its age in the middle, seconds; negative for a time to come; nan if unknown.
        refused: Share of the requests with a signature that are refused.
        unsigned: Share of the requests without one that are refused.
        passed: Kept rows with a signature that passed.
        free: Kept rows without one that passed.
    """

    carry: float
    lack: float
    untimely: float
    age: float
    refused: float
    unsigned: float
    passed: int
    free: int

    @property
    def nowhere(self) -> bool:
        """Whether no request at all is signed."""
        return not self.carry and not self.passed and not self.lack


def compared(case: Case, passed: tuple[Rows, ...]) -> Compared:
    """Return how the refused requests' signatures differ from those that pass now, or passed before the incident."""
    refused = Signed.of(case.failing)
    now = [Signed.of(rows) for rows in passed]
    known = [*now, Signed.of(case.before)]
    untimely = _untimely(case, refused, known)
    ages = refused.age[untimely]

    def passing(signed: bool) -> float:
        return sum(float(one.rows.weights[one.there == signed].sum()) for one in now)

    def rate(signed: bool) -> float:
        failed = float(case.failing.weights[refused.there == signed].sum())
        return failed / (failed + passing(signed)) if failed else 0.0

    return Compared(
        case.failing.share(refused.there),
        case.failing.share(~refused.there & np.isin(refused.sections, _guarded(case, known))),
        case.failing.share(untimely),
        float(np.median(ages)) if len(ages) else float("nan"),
        rate(True),
        rate(False),
        sum(int(one.there.sum()) for one in known),
        sum(int((~one.there).sum()) for one in now),
    )


def _guarded(case: Case, known: list[Signed]) -> list[str]:
    """Return the folders where nearly all that passed was signed."""
    sections = np.concatenate([one.sections for one in known])
    weights = np.concatenate([one.rows.weights for one in known])
    there = np.concatenate([one.there for one in known])
    names, place, rows = np.unique(sections, return_inverse=True, return_counts=True)
    signed = np.bincount(place, weights * there, len(names))
    total = np.bincount(place, weights, len(names))
    guarded = (rows >= case.limits["E24.rows"]) & (signed >= case.limits["E24.guarded"] * total)
    return [str(name) for name in names[guarded]]


def _untimely(case: Case, refused: Signed, known: list[Signed]) -> Bools:
    """Mark the refused whose signature is older or younger than those that pass.

    Where none pass there is nothing to learn what is usual from: then nothing is marked.
    """
    ages = np.concatenate([one.age[one.there] for one in known])
    ages = ages[~np.isnan(ages)]
    if len(ages) < case.limits["E24.rows"]:
        return np.zeros(len(refused.age), bool)
    low, high = np.quantile(ages, [0.01, 0.99])
    slack = case.limits["E24.slack"]
    untimely: Bools = (refused.age < low - slack) | (refused.age > high + slack)
    return untimely
