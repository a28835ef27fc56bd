"""How long what is kept: minutes become hours, hours days, and days nothing; counted from the newest data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np

from cdnlog.errors import UsageError
from cdnlog.history.tables import DAY, Grains
from cdnlog.text import visible
from cdnlog.zones import floor_to_window

_LENGTH = re.compile(r"([0-9]{1,4})([dwy])")
_DAYS = {"d": 1, "w": 7, "y": 365}
_PARTS = 3


@dataclass(frozen=True)
class Keep:
    """Days of data that are kept by 5 minutes, by the hour and by the day.

    Attributes:
        minutes: By 5 minutes; so long a re-sorted file is recognised by its lines, too.
        hours: By the hour.
        days: By the day.
    """

    minutes: int = 7
    hours: int = 400
    days: int = 1825

    def grains(self, newest: int, zone: tzinfo) -> Grains:
        """Return what is kept how finely, given the newest data in UTC seconds."""
        midnight = int(floor_to_window(np.array([newest]), DAY, zone)[0])
        # Half a day more and down to midnight: days are 23 to 25 hours long where clocks change.
        starts = [midnight - days * DAY + DAY // 2 for days in (self.minutes, self.hours, self.days, -2)]
        return Grains(zone, *floor_to_window(np.array(starts), DAY, zone).tolist())


def keep(text: str) -> Keep:
    """Read "7d,400d,5y": how long to keep minutes, hours and days.

    Raises:
        UsageError: It does not say that.
    """
    parts = [_LENGTH.fullmatch(part.strip()) for part in text.split(",")]
    days = [int(part[1]) * _DAYS[part[2]] for part in parts if part]
    if len(parts) != _PARTS or len(days) != _PARTS or not 1 <= days[0] <= days[1] <= days[2]:
        raise UsageError(
            f"keep '{visible(text)}' does not say how long to keep minutes, hours and days, each at least as long as "
            "the one before; write 7d,400d,5y"
        )
    return Keep(*days)
