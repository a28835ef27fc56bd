"""Rules on the shape of requests: length, body, range, method, and the release of a client that sends them wrongly."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from cdnlog.buffer import Bools
from cdnlog.diagnosis.case import Case, Reading, Rule, percent
from cdnlog.diagnosis.rows import Rows
from cdnlog.diagnosis.rules.asked import asked, evenly, of_paths, told
from cdnlog.evidence import MISSING

RELEASE_CODES = frozenset({400, 405, 411, 415, 416, 417, 431, 505})
_METHOD_REFUSED, _TOO_LARGE, _TOO_LONG, _RANGE = 405, 413, 414, 416
_PRODUCT = re.compile(r"[A-Za-z][\w.-]*/v?\d[\w.-]*")
_RANGE_START = re.compile(r"(?:bytes=)?(\d+)-(\d*)")
_UPLOADS = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True)
class Release:
    """The product and version that failing requests share and served ones lack.

    Attributes:
        name: As it stands in the User-Agent, or the whole of that.
        failing: Its share of the failing requests.
        served: Its share of the served ones.
    """

    name: str
    failing: float
    served: float

    def stands_out(self, case: Case) -> bool:
        """Whether nearly all failures are its, and few of the served requests."""
        return self.failing >= max(case.limits["E35.share"], case.limits["E35.lift"] * self.served)

    def of(self, rows: Rows) -> Bools:
        """Mark its rows."""
        return rows.test("user_agent", lambda agent: self.name == agent or self.name in _PRODUCT.findall(agent))


def release(failing: Rows, served: Rows) -> Release | None:
    """Return the product that tells failing from served requests best, None without User-Agents."""
    shares: dict[str, list[float]] = {}
    for side, rows in enumerate((failing, served)):
        for code, share in rows.top("user_agent"):
            agent = str(rows.text("user_agent", code))
            for name in {agent, *_PRODUCT.findall(agent)}:
                shares.setdefault(name, [0.0, 0.0])[side] += share
    if not shares:
        return None
    best = max(shares, key=lambda name: (round(shares[name][0] - shares[name][1], 6), "/" in name, -len(name), name))
    return Release(best, *shares[best])


def client_release(case: Case) -> Reading | None:
    """E35: the failing requests come from one version of one client, of many people, and few of the served ones do."""
    if case.status not in RELEASE_CODES or not len(case.failing):
        return None
    if not case.failing.has("user_agent"):
        return Reading("E35", "not-measurable", "E35-not-measurable")
    core = asked(case)
    found = release(core.failing, core.served)
    if found is None:
        return None
    facts = {"version": found.name, "failing": percent(found.failing), "served": percent(found.served)}
    spread = evenly(core.failing, "client_ip") >= case.limits["E35.clients"] or not core.failing.has("client_ip")
    if found.stands_out(case):
        weights = {"client-release": 1.3, "range-beyond-file": -1.0, "access-rule": -0.7, "origin-denied": -0.7}
        return Reading("E35", "confirms", "E35-confirms", facts, weights) if spread else None
    if found.failing >= case.limits["E35.share"]:
        return None
    return Reading("E35", "refutes", "E35-refutes", facts, {"client-release": -1.0})


def always(case: Case) -> Reading | None:
    """E35b: on the same paths that version nearly always fails and the others nearly never."""
    if case.status not in RELEASE_CODES or not case.failing.has("user_agent"):
        return None
    core = asked(case)
    found = release(core.failing, core.served)
    if found is None or found.failing < case.limits["E35.share"]:
        return None
    beside = core.served.where(of_paths(core.served, core.failing))
    others = int((~found.of(beside)).sum())
    if others < case.limits["E35b.rows"] or evenly(core.failing, "client_ip") < case.limits["E35.clients"]:
        return None
    inside, outside = (_failing_share(core.failing, beside, found, holds=holds) for holds in (True, False))
    if inside < case.limits["E35b.inside"] or outside > case.limits["E35b.outside"]:
        return None
    new = bool(len(case.before)) and case.before.share(found.of(case.before)) == 0
    facts = {"version": found.name, "inside": percent(inside), "outside": percent(outside)}
    key = "E35b-new" if new else "E35b-always"
    return Reading("E35b", "confirms", key, facts, {"client-release": 1.0 if new else 0.7})


def _failing_share(failing: Rows, served: Rows, found: Release, *, holds: bool) -> float:
    bad, good = (rows.where(found.of(rows) == holds).requests for rows in (failing, served))
    return bad / (bad + good) if bad else 0.0


def method_refused(case: Case) -> Reading | None:
    """E35: one method fails for clients of all kinds: it is not allowed."""
    if case.status != _METHOD_REFUSED or not case.failing.has("method"):
        return None
    core = asked(case)
    code, share = core.failing.top("method")[0] if len(core.failing) else (0, 0.0)
    usual = core.served.share(core.served.codes("method") == code)
    if share < case.limits["E35.method"] or usual > case.limits["E35.method-served"]:
        return None
    if evenly(core.failing, "user_agent") < case.limits["E35.method-agents"]:
        return None
    facts = {"method": str(core.failing.text("method", code)), "share": percent(share), "served": percent(usual)}
    return Reading("E35", "confirms", "E35-method", facts, {"access-rule": 0.6})


def url_length(case: Case) -> Reading | None:
    """E32: what fails is longer than all that is served."""
    if case.status != _TOO_LONG or not len(case.failing):
        return None
    least, middle = (case.failing.quantile("url_length", q) for q in (0.02, 0.5))
    if least is None or middle is None:
        return Reading("E32", "not-measurable", "E32-not-measurable")
    longest = max(int(rows.number("url_length").max(initial=0)) for rows in (case.served, case.before))
    facts = {"least": f"{least:.0f}", "middle": f"{middle:.0f}", "longest": f"{longest:.0f}"}
    if least > longest and middle >= case.limits["E32.least"]:
        return Reading("E32", "confirms", "E32-confirms", facts, {"url-too-long": 0.7})
    if not case.failing.has("query") and not case.served.has("query"):
        return Reading("E32", "not-measurable", "E32-not-measurable")
    return Reading("E32", "refutes", "E32-refutes", facts, {"url-too-long": -0.7})


def body_size(case: Case) -> Reading | None:
    """E33: uploads to a few paths; larger than all that pass, where the log has their size."""
    rows = case.failing
    if case.status != _TOO_LARGE or not len(rows):
        return None
    if rows.has("request_bytes"):
        least = rows.quantile("request_bytes", 0.02) or 0.0
        largest = int(case.served.number("request_bytes").max(initial=0))
        facts = {"least": _megabytes(least), "largest": _megabytes(largest)}
        if least > largest:
            return Reading("E33", "confirms", "E33-confirms", facts, {"body-too-large": 1.0})
        return Reading("E33", "refutes", "E33-refutes", facts, {"body-too-large": -0.7})
    uploads = rows.share(rows.test("method", _UPLOADS.__contains__))
    paths = evenly(rows, "path")
    facts = {"share": percent(uploads), "paths": told(rows, "path")}
    if uploads < case.limits["E33.uploads"] or paths > case.limits["E33.paths"]:
        return Reading("E33", "not-measurable", "E33-not-measurable")
    return Reading("E33", "weak", "E33-weak", facts, {"body-too-large": 0.7})


def _megabytes(number: float) -> str:
    return f"{number / 1_000_000:.1f} MB"


def range_starts(rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return where the asked range of each row starts, -1 where it has none."""
    codes = rows.codes("range")
    used, place = np.unique(codes, return_inverse=True)
    found = [_RANGE_START.match(str(rows.text("range", code) or "")) for code in used.tolist()]
    return np.array([int(hit[1]) if hit else MISSING for hit in found], np.int64)[place]


def beyond_file(case: Case) -> Reading | None:
    """E34: ranges that start where nothing is served any more; whether something was served there before."""
    if case.status != _RANGE or not len(case.failing):
        return None
    if not case.failing.has("range"):
        return Reading("E34", "not-measurable", "E34-not-measurable")
    core = asked(case)
    found = release(core.failing, core.served)
    single = found is not None and found.stands_out(case)
    split, shrunk, paths = _beyond(case, core.failing, core.served)
    facts = {"split": percent(split), "shrunk": percent(shrunk), "paths": told(core.failing, "path")}
    if shrunk >= case.limits["E34.shrunk"] and not single:
        return Reading("E34", "confirms", "E34-confirms", facts, {"range-beyond-file": 1.5, "client-release": -0.7})
    few = paths <= case.limits["E34.paths"]
    if split >= case.limits["E34.split"] and few and not single:
        return Reading("E34", "weak", "E34-weak", facts, {"range-beyond-file": 0.9})
    return Reading("E34", "refutes", "E34-refutes", facts, {"range-beyond-file": -0.7}) if single else None


def _beyond(case: Case, failing: Rows, served: Rows) -> tuple[float, float, float]:
    """Return the shares of failures beyond what is served now, and within what was served before; number of paths."""
    starts, path = range_starts(failing), failing.codes("path")
    now, then = (_reach(rows) for rows in (served, case.before))
    beyond = np.array([start > now.get(code, -1) for start, code in zip(starts.tolist(), path.tolist(), strict=True)])
    within = np.array([start <= then.get(code, -1) for start, code in zip(starts.tolist(), path.tolist(), strict=True)])
    return failing.share(beyond), failing.share(beyond & within), evenly(failing, "path")


def _reach(rows: Rows) -> dict[int, int]:
    """Return for each path the furthest start of a range that was served."""
    reach: dict[int, int] = {}
    for code, start in zip(rows.codes("path").tolist(), range_starts(rows).tolist(), strict=True):
        reach[code] = max(start, reach.get(code, MISSING))
    return reach


RULES: tuple[Rule, ...] = (client_release, always, method_refused, url_length, body_size, beyond_file)
