"""`Settings`: how inputs are read and what of them is kept, checked and ready for use."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from cdnlog import source
from cdnlog.catalog import Catalog
from cdnlog.counts import DIMENSIONS
from cdnlog.declared import Lang
from cdnlog.workers import Cluster


@dataclass(frozen=True)
class Settings:
    """How inputs are read and what of them is kept; the options of every command that reads logs.

    Attributes:
        window: Length of a window in seconds, a divisor of a day.
        by: Columns to count by, see `dimensions`.
        format: Name of the format of all files, None to detect it per file.
        provider: Code table, None for the format's own.
        tz: Zone to show and to align windows in, None for the offset of the logs.
        log_tz: Zone of lines that name none, None for the format's own.
        since: First instant kept; naive values are in `tz`.
        until: First instant no longer kept.
        domains: Globs of the domains to keep, all if empty.
        domain_name: Domain of lines that name none.
        jobs: Files read at the same time.
        processes: Whether in processes instead of threads.
        max_rejects: Share of rejected lines above which a file makes the run incomplete.
        keep_damaged: Whether the lines of damaged files count.
        anonymize: Whether rows are kept without what names a person.
        catalog: The declarative data in force.
        lang: Language of the sentences of a diagnosis.
        block: Least bytes of a block.
        cluster: Other machines to read on, None for this one.
    """

    window: int = 300
    by: tuple[str, ...] = ()
    format: str | None = None
    provider: str | None = None
    tz: tzinfo | None = None
    log_tz: tzinfo | None = None
    since: datetime | None = None
    until: datetime | None = None
    domains: tuple[str, ...] = ()
    domain_name: str | None = None
    jobs: int = 1
    processes: bool = False
    max_rejects: float = 0.01
    keep_damaged: bool = False
    anonymize: bool = False
    catalog: Catalog = field(default_factory=Catalog)
    lang: Lang = "en"
    block: int = source.BLOCK
    cluster: Cluster | None = None

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What is counted by: window, domain, status and `by`; only `by` if it names one of these three."""
        named = [*dict.fromkeys("window_start" if name == "window" else name for name in self.by)]
        if not any(name in DIMENSIONS for name in named):
            return (*DIMENSIONS, *named)
        return (*(d for d in DIMENSIONS if d in named), *(n for n in named if n not in DIMENSIONS))

    @property
    def filters(self) -> bool:
        """Whether some lines are left out on purpose."""
        return bool(self.since or self.until or self.domains)
