"""`Diagnosis`: the findings of a run together with the inputs and counts they stand on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, overload

from cdnlog import pictures
from cdnlog.counts import Counts
from cdnlog.declared import Lang
from cdnlog.errors import UnknownNameError
from cdnlog.model import SEVERITIES, Change, Finding, LostPath
from cdnlog.renderable import Renderable
from cdnlog.text import visible
from cdnlog.zones import name_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_BARS = 50


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

    @overload
    def __getitem__(self, which: int | str) -> Finding: ...

    @overload
    def __getitem__(self, which: slice) -> tuple[Finding, ...]: ...

    def __getitem__(self, which: int | str | slice) -> Finding | tuple[Finding, ...]:
        """Return a finding by its place, 0 for the worst, or by its id.

        Raises:
            UnknownNameError: There is none of that id.
            IndexError: There are not so many.
        """
        if not isinstance(which, str):
            return self.items[which]
        for item in self.items:
            if item.id == which:
                return item
        raise UnknownNameError("finding", visible(which), [item.id for item in self.items])

    def __len__(self) -> int:
        """Number of findings."""
        return len(self.items)

    @property
    def findings(self) -> pd.DataFrame:
        """The findings as a frame, one row each, worst first; columns as in `Finding`.

        `start` and `end` are timestamps in the zone of the counts; what has several values is a tuple or a dict.
        """
        import pandas as pd  # noqa: PLC0415 - costs 0.4 s, only frames need it

        frame = pd.DataFrame([asdict(item) for item in self.items], columns=list(Finding.__slots__))
        zone = self.counts.zone
        times = {name: pd.to_datetime(frame[name], utc=True).dt.tz_convert(zone) for name in ("start", "end")}
        return frame.assign(**times)

    def plot(self, domain: str | None = None, *, classes: Iterable[str] | None = None, ax: Axes | None = None) -> Axes:
        """Draw requests over time by class of status codes, with the incidents shaded; see `Counts.plot`.

        Example:
            >>> import cdnlog
            >>> ax = cdnlog.diagnose("sample_logs").plot("www.example.com", classes=["4xx", "5xx"])
            >>> ax.get_title()
            'www.example.com'
        """
        return self.counts.plot(domain, classes=classes, incidents=self, ax=ax)

    def timeline(self, *, ax: Axes | None = None) -> Axes:
        """Draw a bar from start to end for every incident, the earliest on top, coloured by severity.

        Args:
            ax: Where to draw; a new figure if None.

        Returns:
            The Axes; the number before a label is that of the card. Of more than 50 incidents the worst are drawn.

        Example:
            >>> import cdnlog
            >>> ax = cdnlog.diagnose("sample_logs").timeline()
            >>> ax.get_yticklabels()[0].get_text()
            '12  medium  www.example.com  514  rate-limit-shared-ip'
        """
        numbered = list(enumerate(pictures.incidents(self), 1))
        shown = sorted(numbered[:_BARS], key=lambda one: (one[1].start, one[0]))
        axes = pictures.axes_of(ax, len(shown))
        pictures.title(axes, f"the worst {_BARS} of {len(numbered)} incidents" if len(numbered) > _BARS else "")
        if not shown:
            return pictures.nothing(axes, "quiet" if len(self) else "none")
        pictures.timeline(axes, shown, self.counts.span)
        axes.set_xlabel(name_of(self.counts.zone))
        return axes

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
