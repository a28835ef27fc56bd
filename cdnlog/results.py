"""`Diagnosis`: the findings of a run together with the inputs and counts they stand on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from cdnlog.counts import Counts
from cdnlog.declared import Lang
from cdnlog.model import SEVERITIES, Change, Finding, LostPath
from cdnlog.renderable import Renderable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Diagnosis(Renderable):
    """What is wrong, worst first.

    Attributes:
        items: The findings.
        counts: The counts they were made from, with the inputs.
        lang: Language of their sentences.

    Example:
        >>> import cdnlog
        >>> diagnosis = cdnlog.diagnose("sample_logs")
        >>> diagnosis.items[0].severity
        'critical'
    """

    items: tuple[Finding, ...]
    counts: Counts
    lang: Lang = "en"

    def __iter__(self) -> Iterator[Finding]:
        """Iterate over the findings, worst first."""
        return iter(self.items)

    def __repr__(self) -> str:
        """Say how much there is; `.findings` shows it."""
        worst = f", the worst {self.items[0].severity}" if self.items else ""
        return f"<Diagnosis: {len(self)} findings{worst}>"

    def __len__(self) -> int:
        """Number of findings."""
        return len(self.items)

    @property
    def findings(self) -> pd.DataFrame:
        """The findings as a frame, one row each, columns as in `Finding`; start and end as text in the zone."""
        import pandas as pd  # noqa: PLC0415 - costs 0.4 s, only frames need it

        return pd.DataFrame([asdict(item) for item in self.items], columns=list(Finding.__slots__))

    def at_or_above(self, severity: str) -> bool:
        """Whether a finding is as bad as `severity` or worse."""
        worst = SEVERITIES.index(severity)
        return any(SEVERITIES.index(item.severity) <= worst for item in self.items)


@dataclass(frozen=True)
class Difference(Renderable):
    """How two sets of logs differ.

    Attributes:
        changes: Every code of every domain, the changes that are no chance first.
        lost: Paths that were served and now fail.
        before: Counts of the first set.
        after: Counts of the second.
        lang: Language it is told in.

    Example:
        >>> import cdnlog
        >>> night = "sample_logs/20261120{}-api.example.com.gz"
        >>> cdnlog.diff(night.format("02"), night.format("03")).changes[0].status
        502
    """

    changes: tuple[Change, ...]
    lost: tuple[LostPath, ...]
    before: Counts
    after: Counts
    lang: Lang = "en"

    def __repr__(self) -> str:
        """Say how much changed; `.frame` shows it."""
        changed = sum(change.kind != "same" for change in self.changes)
        return f"<Difference: {changed} of {len(self.changes)} shares changed, {len(self.lost)} paths lost>"

    @property
    def frame(self) -> pd.DataFrame:
        """The changes as a frame, one row each, columns as in `Change`."""
        import pandas as pd  # noqa: PLC0415 - costs 0.4 s, only frames need it

        return pd.DataFrame([asdict(change) for change in self.changes], columns=list(Change.__slots__))
