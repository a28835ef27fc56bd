"""How two sets of logs differ, as tables."""

from __future__ import annotations

from cdnlog.model import Change
from cdnlog.report.layout import Cell, Section, clock, speaker
from cdnlog.report.tables import health
from cdnlog.results import Difference

_SHOWN = 40


def sections(document: Difference) -> list[Section]:
    """Return the health of both inputs, the changes that are no chance, and the lost paths."""
    lang = document.lang
    say = speaker(lang)
    changed = [change for change in document.changes if change.kind != "same"]
    keys = ("domain", "code", "change-kind", "before-share", "after-share", "change-points", "interval")
    rows = tuple(_row(change) for change in changed[:_SHOWN])
    notes: tuple[str, ...] = (say("changes-same", n=f"{len(document.changes) - len(changed):,}"),)
    if len(changed) > _SHOWN:
        notes = (say("changes-more", n=f"{len(changed) - _SHOWN:,}"), *notes)
    lost = tuple((p.domain, p.path, p.rows, clock(p.last_served), clock(p.first_failed)) for p in document.lost)
    lost_keys = ("domain", "path", "failing-rows", "last-served", "first-failed")
    return [
        Section(say("before"), notes=health(document.before, lang).notes),
        Section(say("after"), notes=health(document.after, lang).notes),
        Section(say("changes"), tuple(say(key) for key in keys), rows, notes=notes),
        *([Section(say("lost-paths"), tuple(say(key) for key in lost_keys), lost)] if lost else []),
    ]


def _row(change: Change) -> tuple[Cell, ...]:
    return (
        change.domain,
        str(change.status),
        change.kind,
        f"{100 * change.before_share:.2f}",
        f"{100 * change.after_share:.2f}",
        f"{100 * change.change:+.2f}",
        f"{100 * change.low:+.2f} ~ {100 * change.high:+.2f}",
    )
