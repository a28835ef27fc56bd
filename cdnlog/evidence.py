"""`Evidence`: the rows that the diagnosis looks at, their texts numbered; `gather.py` says which rows these are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cdnlog.buffer import Bools, Ints, Words
from cdnlog.counts import Value, is_error
from cdnlog.model import MICROSECONDS

TEXTS = (
    "domain", "path", "query", "client_ip", "referer", "user_agent", "region", "isp", "node", "method", "protocol",
    "range", "cache", "edge_detail", "request_id",
)  # fmt: skip
"""Text columns of the kept rows."""
NUMBERS = ("time", "status", "bytes", "duration_ms", "ttfb_ms", "origin_status", "origin_ms", "request_bytes")
"""Number columns of the kept rows; -1 where missing."""
MISSING = -1

_URL_LENGTH = len(NUMBERS)


@dataclass(frozen=True)
class Evidence:
    """Kept rows, in no particular order.

    Attributes:
        cell: Length of a time cell in seconds.
        numbers: int64, shape (rows, len(NUMBERS) + 1): `NUMBERS`, then the length of path and query in bytes.
        codes: int64, shape (rows, len(TEXTS)): place of each text in `values`.
        tickets: uint64, what decided on which rows are kept.
        values: For each of `TEXTS` its distinct values, None for a missing one.
    """

    cell: int
    numbers: Ints
    codes: Ints
    tickets: Words
    values: tuple[Sequence[Value], ...]

    def __len__(self) -> int:
        """Number of kept rows."""
        return len(self.tickets)

    def column(self, name: str) -> tuple[Ints, Sequence[Value]]:
        """Return the code of each row in one text column, and the values of the codes."""
        d = TEXTS.index(name)
        return self.codes[:, d], self.values[d]

    def number(self, name: str) -> Ints:
        """Return one number column, `MISSING` where the log has none; "url_length" is one too."""
        return self.numbers[:, _URL_LENGTH if name == "url_length" else NUMBERS.index(name)]

    @property
    def cells(self) -> Ints:
        """Start of each row's time cell, in UTC seconds."""
        return self.number("time") // (MICROSECONDS * self.cell) * self.cell

    @property
    def status(self) -> Ints:
        """Status of each row."""
        return self.number("status")

    @property
    def failing(self) -> Bools:
        """Whether each row's request failed: status 0, or 400 and above."""
        return is_error(self.status)

    def ordered(self, rows: Ints | Bools) -> Evidence:
        """Return some of the rows, in this order."""
        return replace(self, numbers=self.numbers[rows], codes=self.codes[rows], tickets=self.tickets[rows])


def url_length(path: Ints | None, query: Ints | None, rows: int) -> Ints:
    """Return the length of path and query together, with the question mark between them."""
    if path is None:
        return np.full(rows, MISSING)
    return path if query is None else path + query + (query > 0)
