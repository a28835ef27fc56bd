"""What a store holds: its size and nights, its domains, its files."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cdnlog.declared import Lang
from cdnlog.held import HeldFile, Holdings
from cdnlog.report import counted
from cdnlog.report.layout import Section, clock, percent, speaker
from cdnlog.report.tables import aged

FILE = HeldFile.__slots__
_SHOWN = 40


def sections(held: Holdings, lang: Lang) -> list[Section]:
    """Return what a store holds: a line on all of it, then domains, then what is wrong with files, then files."""
    say = speaker(lang)
    size = f"{held.size / 1e6:.1f}"
    facts = {"nights": f"{held.nights:,}", "files": f"{len(held.files):,}", "size": size, "zone": held.zone}
    notes = [say("store", path=held.path, **facts), *aged(held.aged, say)]
    if held.anonymized:
        notes.append(say("store-anonymized"))
    return [Section(notes=tuple(notes)), *_domains(held, lang), *_files(held, lang)]


def _domains(held: Holdings, lang: Lang) -> list[Section]:
    say = speaker(lang)
    headers = tuple(say(key) for key in ("domain", "from", "data-end", "days", "requests", "errors", "error-share"))
    rows = tuple(
        (
            one.domain,
            clock(one.begins),
            clock(one.ends),
            one.days,
            one.requests,
            one.errors,
            percent(one.errors, one.requests),
        )
        for one in held.domains
    )
    return [Section(say("domains"), headers, rows)] if rows else []


def _files(held: Holdings, lang: Lang) -> list[Section]:
    say = speaker(lang)
    headers = tuple(say(key) for key in ("file-name", "file-state", "verdict", "lines-head", "from", "data-end"))
    ordered = sorted(held.files, key=lambda one: one.state == "counted")  # what asks for a look comes first
    rows = tuple(
        (one.path, one.state, one.verdict, one.lines, clock(one.begins or "-"), clock(one.ends or "-"))
        for one in ordered[:_SHOWN]
    )
    more = len(held.files) - _SHOWN
    notes = (say("files-more", n=f"{more:,}"),) if more > 0 else ()
    return [Section(say("page-files"), headers, rows, notes=notes)] if rows else []


def as_dict(held: Holdings) -> dict[str, Any]:
    """Return it as plain dicts and lists."""
    return {"schema": "cdnlog.history/1", **asdict(held), "aged": counted.aged(held.aged)}
