"""Who and what an incident hits: the most frequent paths, clients and so on among its failing rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cdnlog.diagnosis.rows import Rows

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


def affected(rows: Rows, requests: int) -> Affected:
    """Return who is hit.

    Args:
        rows: The kept failing rows of the incident.
        requests: Its failing requests.
    """
    if not len(rows):
        return Affected()
    tops = {key: _top(rows, column) for key, column in COLUMNS.items()}
    return Affected(
        top={key: tuple(value for value, _ in top) for key, top in tops.items()},
        shares={key: tuple(share for _, share in top) for key, top in tops.items()},
        clients=rows.distinct("client_ip") if rows.has("client_ip") else None,
        word=next((word for word, share in _top(rows, "edge_detail") if share > 1 / 2), None),
        sampled=len(rows) < requests,
    )


def _top(rows: Rows, column: str) -> list[tuple[str, float]]:
    return [(str(rows.text(column, code)), round(share, 4)) for code, share in rows.top(column)[:TOP]]
