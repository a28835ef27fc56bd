"""What the diagnosis asks a history, if there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Usual(Protocol):
    """What is usual at other times than those of the counts."""

    def usual(self, domain: str, status: int, windows: Sequence[int]) -> float | None:
        """Return the share of a code that is usual in these windows, None if that is not known."""
