"""`Diagnosis`: the findings of a run together with the inputs and counts they stand on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, ClassVar, overload

from cdnlog import pictures
from cdnlog.counts import Counts
from cdnlog.declared import Lang
from cdnlog.errors import UnknownNameError
from cdnlog.model import SEVERITIES, Change, Finding, LostPath
from cdnlog.mute import Mute, Muting, muting
from cdnlog.renderable import Renderable
from cdnlog.slo import Budget, Spends, budget
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
        rows: Whether log lines were looked at; without, causes are what code tables and counts alone can say.

    Example:
        >>> import cdnlog
        >>> diagnosis = cdnlog.diagnose("sample_logs")
        >>> diagnosis.items[0].severity
        'critical'
    """

    items: tuple[Finding, ...]
    counts: Counts
    lang: Lang = "en"
    rows: bool = True

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
        lost: Paths that were served and now fail, None where there are counts alone to compare.
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
    lost: tuple[LostPath, ...] | None
    before: Counts
    after: Counts
    lang: Lang = "en"

    def __repr__(self) -> str:
        """Say how much changed; `.frame` shows it."""
        if self.uncounted:
            return f"<Difference: nothing to compare, not one request {' and '.join(self.uncounted)}>"
        changed = sum(change.kind != "same" for change in self.changes)
        lost = "" if self.lost is None else f", {len(self.lost)} paths lost"
        return f"<Difference: {changed} of {len(self.changes)} shares changed{lost}>"

    @property
    def uncounted(self) -> tuple[str, ...]:
        """Which of "before" and "after" have not one request: then nothing can be compared, and nothing is."""
        return tuple(side for side, counts in (("before", self.before), ("after", self.after)) if not len(counts))

    @property
    def frame(self) -> pd.DataFrame:
        """The changes as a frame, one row each, columns as in `Change`."""
        import pandas as pd  # noqa: PLC0415 - costs 0.4 s, only frames need it

        return pd.DataFrame([asdict(change) for change in self.changes], columns=list(Change.__slots__))


NEWS = (
    "duplicate",
    "covered",
    "grown",
    "replaced",
    "redelivered",
    "partly",
    "rotated",
    "forced",
    "refused",
    "damaged",
    "mended",
    "overlap",
)
"""The kinds of `FileNews`."""


@dataclass(frozen=True, slots=True)
class FileNews:
    """What the store made of one file, where that is more than "new, and counted".

    Attributes:
        path: The file, safe to print.
        kind: "duplicate" (the same content counts already), "covered" (all its lines are in another file that counts),
            "grown" (the same file with lines added), "replaced" (the same path, whose lines are all there again),
            "redelivered" (a larger file under another name, which takes the place of `other`), "partly" (what
            `other` has of it counts there, only the rest as its own: it grew after `other` had come), "rotated" (a new
            log begun under the path, which counts beside the one before), "forced" (replaced by `--replace` although
            lines are missing), "refused" (lost lines, what was counted stays), "damaged" (not counted, tried again next
            night), "mended" (was damaged, counts now), "overlap" (counted, but some of its lines seem to be in `other`
            too).
        other: The other file that this is about, or empty.
        others: How many more of them there are.
        before: Lines that counted before in its place, 0 without any; of "partly" those that count through others.
        after: Lines of the file.
        text: All this as a sentence.
    """

    path: str
    kind: str
    other: str
    before: int
    after: int
    text: str
    others: int = 0


@dataclass(frozen=True, slots=True)
class Changed:
    """An hour that earlier nights had told and that this night's files changed.

    Attributes:
        domain: The domain.
        start: Begin of the hour, ISO 8601 with offset.
        before: Requests that were told before.
        after: Requests now.
    """

    domain: str
    start: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Missing:
    """A time for which a domain usually has requests, and has none now.

    Attributes:
        domain: The domain.
        start: Begin, ISO 8601 with offset.
        end: End, exclusive.
        usual: Requests that the domain had in such a time before.
        whole: Whether the domain is missing from the whole night.
        state: "new", or "chronic" for a domain that the nights before lacked already.
    """

    domain: str
    start: str
    end: str
    usual: int
    whole: bool
    state: str = "new"


@dataclass(frozen=True, slots=True)
class Gone:
    """An incident of a night before that is over, as the first night with later data of its domain can tell.

    Attributes:
        id: Of its finding.
        domain: Its domain.
        status: Its code.
        cause: Its cause.
        end: When it was last seen, ISO 8601 with offset.
    """

    id: str
    domain: str
    status: int
    cause: str
    end: str


@dataclass(frozen=True)
class Night(Renderable):
    """One night: what came in, what is wrong in it, and how that compares with the nights before.

    A function of the files and of what the store holds, so that the same night told again is the same.

    Attributes:
        diagnosis: The findings with their `state`, worst first. Its counts are those of the hours that this night's
            files are about (requests of earlier files in these hours included), its `counts.inputs` this night's files
            with their verdicts and accounting: new, grown, duplicate, refused, damaged or missing ones.
        number: Of the night, from 1; nights are counted by the store.
        news: What is to be said of files, by path.
        changed: Hours that earlier nights had told otherwise, in order of time.
        missing: Hours or whole domains that are usually there.
        gone: Incidents of the night before that ended.
        unknown: Sentences on what the store cannot know yet; empty when there is history enough.
        history: Counts by hour, domain and status of the last four weeks up to this night's newest data, this night
            included: what charts and objectives are made from.
        known: Files of earlier nights that were found again as they were; none of them is among the inputs.
        days: Days with data among these four weeks.
        ends: End of the hour that the data reaches to, in UTC seconds, stray times left out; None without any data.
        alone: How many days the newest day is after the one before it, if so many that a wrong clock may have made
            `--keep` drop what is older; else 0.
        muting: The mutes; findings they silence are not in `diagnosis`.
        budget: What was spent of an objective's budget, None without an objective.
        again: How many files were found, all known already, if nothing new came in and the last night is told again;
            None for a new night. It is in no report: what is told again is the same.

    Example:
        >>> import cdnlog, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     night = cdnlog.nightly("sample_logs/2026112003-api.example.com.gz", folder + "/history.db")
        >>> night.number, [finding.status for finding in night.diagnosis]
        (1, [502, 499, 404])
    """

    outputs: ClassVar[tuple[str, ...]] = ("prometheus",)
    """What a night can be rendered as besides what any result can."""

    diagnosis: Diagnosis
    number: int
    news: tuple[FileNews, ...]
    changed: tuple[Changed, ...]
    missing: tuple[Missing, ...]
    gone: tuple[Gone, ...]
    unknown: tuple[str, ...]
    history: Counts
    known: int
    days: int
    ends: int | None
    alone: int = 0
    muting: Muting = field(default_factory=Muting)
    budget: Budget | None = None
    again: int | None = field(default=None, compare=False)

    def muted(self, mutes: Sequence[Mute]) -> Night:
        """Return the same night with known findings silenced, see `mute.muting`."""
        newest = None if self.ends is None else date.fromisoformat(self.history.shown(self.ends - 1)[:10])
        heard, made = muting(self.diagnosis, mutes, newest)
        return replace(self, diagnosis=replace(self.diagnosis, items=heard), muting=made)

    def held_to(self, percent: float, spends: Spends) -> Night:
        """Return the same night held to an objective in per cent, see `slo.budget`."""
        return replace(self, budget=budget(self.history, percent, spends, self.ends))

    @property
    def gaps(self) -> list[Missing]:
        """What is missing, the worst first: whole domains, new ones before others, then where most is usual."""
        return sorted(
            self.missing, key=lambda one: (not one.whole, one.state != "new", -one.usual, one.domain, one.start)
        )

    @property
    def counts(self) -> Counts:
        """The counts of this night, with its inputs."""
        return self.diagnosis.counts

    @property
    def lang(self) -> Lang:
        """Language of all sentences."""
        return self.diagnosis.lang

    def __repr__(self) -> str:
        """Say how much there is."""
        background = sum(finding.severity == "info" for finding in self.diagnosis)
        beside = f" and {background} of background" if background else ""
        found = f"{len(self.diagnosis) - background} findings{beside}"
        return f"<Night {self.number}: {len(self.counts.inputs.files)} files, {found}>"
