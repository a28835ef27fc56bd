"""Known findings that are kept out of the way until a day, each with a reason and a person who knows of it.

A mute silences a finding only if it covers all of it: every domain and code of the incident, every path that it names.
What is new beside something known is heard.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from cdnlog import faults
from cdnlog.catalog import decode
from cdnlog.declared import Declared, Line
from cdnlog.errors import SchemaError, UsageError
from cdnlog.model import Finding
from cdnlog.text import visible

_KEYS = (
    'a file of mutes begins with schema = "cdnlog.mute/1"; each [[mute]] has reason, owner and until (its last day), '
    "and one or more of id, domain, code and path"
)
Status = Annotated[int, Meta(ge=0, le=999)]


class Mute(Declared, frozen=True):
    """What is silenced: all that is named must fit; at least one of `id`, `domain`, `code` and `path` is.

    Attributes:
        reason: Why it is known and left as it is.
        owner: Who knows of it.
        until: The last day of data on which it is silenced, on the clock of the report.
        id: The finding's id, as the JSON report has it.
        domain: Glob of the domains.
        code: A status code, or several.
        path: Glob of the paths; `*` stands for slashes too.
    """

    reason: Line
    owner: Line
    until: date
    id: Line | None = None
    domain: Line | None = None
    code: Status | Annotated[tuple[Status, ...], Meta(min_length=1)] | None = None
    path: Line | None = None

    def silences(self, finding: Finding) -> bool:
        """Whether a finding is covered as a whole."""
        paths = finding.affected.get("paths", ())
        return (
            self.id in (None, finding.id)
            and all(self._fits(domain, status) for domain, status in parts(finding))
            and (self.path is None or (bool(paths) and all(fnmatchcase(path, self.path) for path in paths)))
        )

    def covers(self, domain: str, status: int) -> bool:
        """Whether every request with this status of this domain is silenced, whatever its cause and path."""
        return self.id is None and self.path is None and self._fits(domain, status)

    def _fits(self, domain: str, status: int) -> bool:
        codes = (self.code,) if isinstance(self.code, int) else self.code
        of_domain = self.domain is None or fnmatchcase(domain, self.domain.lower())
        return of_domain and (codes is None or status in codes)


class MuteFile(Declared, frozen=True):
    """The file that `--mute` takes.

    Attributes:
        mute: What is silenced.
    """

    schema: Literal["cdnlog.mute/1"]
    mute: tuple[Mute, ...] = ()


@dataclass(frozen=True, slots=True)
class Muted:
    """A finding that is silenced, and by what."""

    finding: Finding
    by: Mute


@dataclass(frozen=True, slots=True)
class Muting:
    """What mutes made of some findings.

    Attributes:
        muted: The findings that are silenced, in their order.
        active: The mutes in force.
        expired: The mutes whose last day is over.
    """

    muted: tuple[Muted, ...] = ()
    active: tuple[Mute, ...] = ()
    expired: tuple[Mute, ...] = ()

    @property
    def unused(self) -> tuple[Mute, ...]:
        """The mutes in force that fit none of the findings."""
        return tuple(mute for mute in self.active if not any(mute.silences(one.finding) for one in self.muted))

    @property
    def requests(self) -> int:
        """Failing requests of the silenced findings."""
        return sum(failing(muted.finding) for muted in self.muted)

    def covers(self, domain: str, status: int) -> bool:
        """Whether a mute in force silences every request with this status of this domain."""
        return any(mute.covers(domain, status) for mute in self.active)


def parts(finding: Finding) -> Iterator[tuple[str, int]]:
    """Yield every domain and code of an incident."""
    yield finding.domain, finding.status
    for one in finding.also:
        yield str(one["domain"]), int(str(one["status"]))


def failing(finding: Finding) -> int:
    """Return the failing requests of an incident, those of its other codes and domains with them."""
    return finding.requests + sum(int(str(one["requests"])) for one in finding.also)


def read(path: str | os.PathLike[str]) -> tuple[Mute, ...]:
    """Return the mutes of a TOML file.

    Raises:
        UsageError: It cannot be read, or says something that no mute can; the message names line and key.
    """
    where = visible(path)
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise UsageError(f"cannot read the mutes in {where}: it is no regular file")
        data = Path(path).read_bytes()
        mutes = decode(data, where, MuteFile).mute
    except OSError as error:
        raise UsageError(f"cannot read the mutes in {where}: {error.strerror or error}") from error
    except SchemaError as error:
        raise UsageError(f"{error.where}: {error.problem}; {_KEYS}") from error
    for i, mute in enumerate(mutes):
        if (mute.id, mute.domain, mute.code, mute.path) == (None, None, None, None):
            line = faults.line_of(data, "mute", i)
            raise UsageError(f"{where}:{line}: a mute must name an id, domain, code or path; this one silences all")
    return mutes


def muting(findings: Iterable[Finding], mutes: Sequence[Mute], day: date | None) -> tuple[tuple[Finding, ...], Muting]:
    """Return the findings that no mute covers, in their order, and what became of the others.

    Args:
        findings: The findings, worst first.
        mutes: What to silence.
        day: The day of the newest data on the clock of the report, None without data; no clock of the machine is
            asked, so that a report of old logs is the same whenever it is made.
    """
    active = tuple(mute for mute in mutes if day is None or day <= mute.until)
    heard, muted = [], []
    for finding in findings:
        by = next((mute for mute in active if mute.silences(finding)), None)
        if by is None:
            heard.append(finding)
        else:
            muted.append(Muted(finding, by))
    return tuple(heard), Muting(tuple(muted), active, tuple(mute for mute in mutes if mute not in active))
