"""What cdnlog must reach: a share of another's time, or a peak of memory."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from benchmarks.measure import Memory, Spent

MEGA = 1e6


@dataclass
class Result:
    """What became of one job."""

    runs: list[Spent] = field(default_factory=list)
    memory: Memory | None = None
    answer: Any = None

    @property
    def median(self) -> float:
        """The median of the seconds."""
        return statistics.median(run.seconds for run in self.runs)


Results = dict[str, Result]


@dataclass(frozen=True)
class Faster:
    """The median time of one job is at most `limit` times that of the fastest of others."""

    own: str
    others: tuple[str, ...]
    limit: float
    stretch: bool = False

    def judge(self, results: Results) -> str | None:
        """Say whether it is held; None if one of the two was not run."""
        run = [name for name in self.others if name in results and results[name].runs]
        if self.own not in results or not results[self.own].runs or not run:
            return None
        other = min(run, key=lambda name: results[name].median)
        ratio = results[self.own].median / results[other].median
        which = f"{other}, the fastest" if len(run) > 1 else other
        name = "stretch" if self.stretch else "bar"
        return f"{name}: {self.own} <= {self.limit:.2f} x {which}: {ratio:.2f} {_word(ratio <= self.limit)}"


@dataclass(frozen=True)
class Smaller:
    """The peak memory (PSS) of one job is at most `limit` MB, or so much more than that of another."""

    own: str
    limit: float
    other: str | None = None

    def judge(self, results: Results) -> str | None:
        """Say whether it is held; None if a figure is lacking."""
        peaks = [result.memory for name in (self.own, self.other) if name and (result := results.get(name))]
        if None in peaks or len(peaks) < (2 if self.other else 1):
            return None
        sizes = [peak.pss / MEGA for peak in peaks if peak]
        more = sizes[0] - (sizes[1] if self.other else 0)
        than = f" more than {self.other}" if self.other else ""
        return f"bar: peak of {self.own} <= {self.limit:.0f} MB{than}: {more:.0f} {_word(more <= self.limit)}"


def _word(held: bool) -> str:
    return "held" if held else "missed"
