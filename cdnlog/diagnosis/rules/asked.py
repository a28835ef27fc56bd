"""What the failing requests of a case asked for, as the rules on content and on requests look at it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cdnlog.buffer import Bools, Ints
from cdnlog.diagnosis.case import Case, once
from cdnlog.diagnosis.rows import Rows

_HARMLESS = re.compile(
    r"/(favicon\.(ico|png)|apple-touch-icon[^/]*\.png|robots\.txt|(app-)?ads\.txt|sellers\.json|browserconfig\.xml"
    r"|sitemap[^/]*\.xml(\.gz)?|humans\.txt|security\.txt|crossdomain\.xml)$|/\.well-known/",
    re.IGNORECASE,
)
_PROBE = re.compile(
    r"\.(env|git|svn|hg|aws|ssh|htaccess|htpasswd|ds_store)\b|\b(wp-(login|admin|content|includes|config|json)|xmlrpc"
    r"|phpmyadmin|phpinfo|pma|adminer|eval-stdin|webshell|shell|cgi-bin|actuator|jenkins|solr|struts|owa/auth"
    r"|server-status|manager/html|boaform|hnap1|telescope|id_rsa|etc/passwd|vendor/phpunit)(?![a-z])|\.\./"
    r"|/(backup|dump|db|database|site|www)[^/]*\.(sql|zip|tar|gz|rar|bak)\b|\.(php|asp|aspx|jsp|action|cgi)$"
    r"|%c0%ae|\.\.[\\/%]|<script|union\+|' ?or",
    re.IGNORECASE,
)
_SHORT = frozenset({"ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org", "re"})


def harmless(path: str) -> bool:
    """Whether browsers and robots ask for a path by themselves, whether it is there or not."""
    return _HARMLESS.search(path) is not None


def probing(path: str) -> bool:
    """Whether a path is one that scanners look for."""
    return _PROBE.search(path) is not None


def site(host: str) -> str:
    """Return the part of a host name that belongs to one owner.

    >>> site("img.example.com"), site("www.example.co.kr:8080"), site("example.com")
    ('example.com', 'example.co.kr', 'example.com')
    """
    labels = host.rpartition("@")[2].partition(":")[0].lower().split(".")
    keep = 3 if len(labels) > 2 and labels[-2] in _SHORT else 2  # noqa: PLR2004 - example.co.kr
    return ".".join(labels[-keep:])


def own_referer(case: Case, rows: Rows) -> Bools:
    """Mark the rows whose referer is a page of the same owner."""
    mine = site(case.domain)
    return rows.test("referer", lambda text: "//" in text and site(text.split("//", 1)[1].split("/", 1)[0]) == mine)


@dataclass(frozen=True)
class Asked:
    """The rows of a case from the time that it surely lasts: the windows at its ends are only partly filled.

    Attributes:
        failing: Failing rows; of missing paths without those that are asked for in any case.
        served: Served rows of the same time.
    """

    failing: Rows
    served: Rows

    @property
    def misses(self) -> tuple[float, float]:
        """Failing and served requests that were not answered from the cache."""
        return tuple(rows.where(~rows.hit).requests for rows in (self.failing, self.served))  # type: ignore[return-value]

    @property
    def share(self) -> float:
        """Share of the failing requests in all."""
        both = self.failing.requests + self.served.requests
        return self.failing.requests / both if both else 0.0


@once
def telling(case: Case) -> Rows:
    """Return the failing rows; of missing paths without those that are asked for in any case."""
    rows = case.failing
    return rows.where(~rows.test("path", harmless)) if case.status == 404 else rows  # noqa: PLR2004 - not found


@once
def asked(case: Case) -> Asked:
    """Return what was asked for in the middle nine tenths of the failures."""
    failing = telling(case)
    first, last = (failing.quantile("time", q) or 0.0 for q in (0.05, 0.95))
    return Asked(_between(failing, first, last), _between(case.served, first, last))


def _between(rows: Rows, first: float, last: float) -> Rows:
    times = rows.number("time")
    return rows.where((times >= first) & (times <= last))


def of_paths(rows: Rows, failing: Rows) -> Bools:
    """Mark the rows whose path is among the failing ones."""
    marked: Bools = np.isin(rows.codes("path"), failing.codes("path"))
    return marked


def holders(rows: Rows, column: str, hold: float) -> Ints:
    """Return the fewest texts of a column, as codes, that hold a share of the requests; none if it is often missing."""
    top = rows.top(column)
    sums = np.cumsum([share for _, share in top])
    count = int(np.searchsorted(sums, hold - 1e-9)) + 1
    return np.array([code for code, _ in top[:count]] if len(top) >= count else [], np.int64)


def evenly(rows: Rows, column: str) -> float:
    """Return over how many texts the requests are spread, as if evenly: 1 / sum of squared shares."""
    squares = sum(share * share for _, share in rows.top(column))
    return 1 / squares if squares else 0.0


def distinct_share(rows: Rows, *columns: str) -> float:
    """Return how many different requests there are to one: 1 is that nothing was asked for twice."""
    if not len(rows):
        return 0.0
    return len(np.unique(np.column_stack([rows.codes(name) for name in columns]), axis=0)) / len(rows)


def told(rows: Rows, column: str, count: int = 2) -> str:
    """Return the most frequent texts of a column, for a sentence."""
    return ", ".join(str(rows.text(column, code)) for code, _ in rows.top(column)[:count])


def ages(rows: Rows) -> tuple[npt.NDArray[np.float64], float]:
    """Return for each failure from the cache the seconds since its path last failed without it.

    Where the rows hold no such failure of the path before, it is the time since its first one from the cache, which is
    less. The second value is the share of those with one.
    """
    times, hit, path = rows.number("time") / 1_000_000, rows.hit, rows.codes("path")
    last: dict[int, float] = {}
    reached: set[int] = set()
    found, seen = [], 0
    for row in np.lexsort((hit, times)).tolist():
        if hit[row]:
            found.append(times[row] - last.setdefault(path[row], times[row]))
            seen += path[row] in reached
        else:
            last[path[row]] = times[row]
            reached.add(path[row])
    return np.array(found, np.float64), seen / max(len(found), 1)
