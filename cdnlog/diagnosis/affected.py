"""Who and what an incident hits: the most frequent paths, clients and so on among its failing rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cdnlog.evidence import Evidence

TOP = 5
COLUMNS = {
    "paths": "path",
    "client_ips": "client_ip",
    "referers": "referer",
    "user_agents": "user_agent",
    "regions": "region",
    "isps": "isp",
    "nodes": "node",
    "methods": "method",
}
"""Keys of `Finding.affected` and the columns they come from."""


@dataclass(frozen=True)
class Affected:
    """The hardest hit.

    Attributes:
        top: For each key of `COLUMNS` its most frequent values, most frequent first.
        shares: The share of the failing requests that each of them has.
        clients: Distinct client addresses seen among the failing requests, None if the log names none.
        word: The vendor's error word that most of them carry, None if there is none.
        sampled: Whether this stands on a sample of the failing requests.
    """

    top: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict.fromkeys(COLUMNS, ()))
    shares: Mapping[str, tuple[float, ...]] = field(default_factory=lambda: dict.fromkeys(COLUMNS, ()))
    clients: int | None = None
    word: str | None = None
    sampled: bool = False


def affected(rows: Evidence, windows: npt.NDArray[np.int64], failing: Mapping[int, int]) -> Affected:
    """Return who is hit.

    Args:
        rows: The kept rows of the incident.
        windows: Start of each row's window.
        failing: Failing requests of the incident per window: what the kept rows of that window stand for.
    """
    if not len(rows):
        return Affected()
    distinct, place = np.unique(windows, return_inverse=True)
    stands_for = np.array([failing[start] for start in distinct.tolist()]) / np.bincount(place)
    weights = stands_for[place]
    tops = {key: _top(rows, column, weights) for key, column in COLUMNS.items()}
    codes, names = rows.column("client_ip")
    known = [names[code] for code in np.unique(codes).tolist()]
    return Affected(
        top={key: tuple(value for value, _ in top) for key, top in tops.items()},
        shares={key: tuple(share for _, share in top) for key, top in tops.items()},
        clients=None if known == [None] else sum(name is not None for name in known),
        word=next((word for word, share in _top(rows, "edge_detail", weights) if share > 1 / 2), None),
        sampled=len(rows) < sum(failing.values()),
    )


def _top(rows: Evidence, column: str, weights: npt.NDArray[np.float64]) -> list[tuple[str, float]]:
    codes, values = rows.column(column)
    distinct, place = np.unique(codes, return_inverse=True)
    sums = np.bincount(place, weights=weights).tolist()
    named = [
        (str(values[code]), n) for code, n in zip(distinct.tolist(), sums, strict=True) if values[code] is not None
    ]
    whole = float(weights.sum())
    return [(value, round(n / whole, 4)) for value, n in sorted(named, key=lambda item: (-item[1], item[0]))[:TOP]]
