"""Who and what an incident hits: the most frequent paths, clients and so on among its failing rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from cdnlog.buffer import Ints
from cdnlog.diagnosis.rows import Rows, Weights

TOP = 5
_DENSE = 8  # places per row up to which adding up in place beats sorting
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


def affected(rows: Rows, bounds: Ints, requests: Sequence[int]) -> list[Affected]:
    """Return who is hit by each of several findings.

    Args:
        rows: The kept failing rows of all of them, one finding after the other.
        bounds: Place of the first row of each finding, and the end of the last one.
        requests: Failing requests of each.
    """
    parts = list(pairwise(bounds.tolist()))
    owner = np.repeat(np.arange(len(parts)), np.diff(bounds))
    sums = np.array([rows.weights[a:b].sum() for a, b in parts], np.float64)
    columns = {key: _Shares(rows, column, owner, sums) for key, column in COLUMNS.items()}
    tops = {key: shares.top() for key, shares in columns.items()}
    words, clients = _Shares(rows, "edge_detail", owner, sums).top(), columns["client_ips"].distinct()
    return [
        Affected(
            top={key: tuple(value for value, _ in top[i]) for key, top in tops.items()},
            shares={key: tuple(share for _, share in top[i]) for key, top in tops.items()},
            clients=clients[i] or None,
            word=next((word for word, share in words[i] if share > 1 / 2), None),
            sampled=0 < b - a < requests[i],
        )
        for i, (a, b) in enumerate(parts)
    ]


class _Shares:
    """The texts of a column among the rows of each finding, with their shares of its requests."""

    def __init__(self, rows: Rows, column: str, owner: Ints, requests: Weights) -> None:
        self._texts, self._findings = rows.texts(column), len(requests)
        many = max(len(self._texts), 1)
        number = owner * many + rows.codes(column)
        if len(requests) * many <= _DENSE * len(number):
            used = np.flatnonzero(np.bincount(number, minlength=len(requests) * many))
            sums = np.bincount(number, rows.weights, len(requests) * many)[used]
        else:
            used, place = np.unique(number, return_inverse=True)
            sums = np.bincount(place, rows.weights, len(used))
        named = np.array([text is not None for text in self._texts], bool)[used % many]
        self._owner, self._code = used[named] // many, used[named] % many
        self._share = sums[named] / requests[self._owner]

    def distinct(self) -> list[int]:
        """Return the number of texts of each finding."""
        numbers: list[int] = np.bincount(self._owner, minlength=self._findings).tolist()
        return numbers

    def top(self) -> list[list[tuple[str, float]]]:
        """Return the most frequent texts of each finding."""
        order = np.lexsort((-self._share, self._owner))
        owner, share = self._owner[order], self._share[order]
        begins = np.searchsorted(owner, np.arange(self._findings + 1))
        last = np.minimum(begins[:-1] + TOP, begins[1:])[owner] - 1
        likely = share >= share[last]  # with all that are as frequent as the last one: then the text decides
        ends = np.append(0, np.cumsum(likely))[begins]
        texts = [str(self._texts[code]) for code in self._code[order][likely].tolist()]
        pairs = list(zip((-share[likely]).tolist(), texts, strict=True))
        return [
            [(text, round(-share, 4)) for share, text in sorted(pairs[a:b])[:TOP]] for a, b in pairwise(ends.tolist())
        ]
