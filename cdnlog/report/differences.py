"""How two sets of logs differ, as tables."""

from __future__ import annotations

from cdnlog.model import Change
from cdnlog.report.layout import Cell, Say, Section, clock, speaker
from cdnlog.report.tables import health
from cdnlog.results import Difference

_SHOWN = 40


def sections(document: Difference) -> list[Section]:
    """Return the health of both inputs, the changes that are no chance, and the lost paths."""
    say = speaker(document.lang)
    inputs = [
        Section(say("before"), notes=health(document.before, document.lang).notes),
        Section(say("after"), notes=health(document.after, document.lang).notes),
    ]
    if document.uncounted:
        notes = tuple(say("incomparable", side=say(side)) for side in document.uncounted)
        return [*inputs, Section(say("changes"), notes=notes)]
    return [*inputs, *_changes(document, say)]


def _changes(document: Difference, say: Say) -> list[Section]:
    changed = [change for change in document.changes if change.kind != "same"]
    keys = ("domain", "code", "change-kind", "before-share", "after-share", "change-points", "interval")
    rows = tuple(_row(change) for change in changed[:_SHOWN])
    notes: tuple[str, ...] = (say("changes-same", n=f"{len(document.changes) - len(changed):,}"),)
    if len(changed) > _SHOWN:
        notes = (say("changes-more", n=f"{len(changed) - _SHOWN:,}"), *notes)
    paths = document.lost or ()
    lost = tuple((p.domain, p.path, p.rows, clock(p.last_served), clock(p.first_failed)) for p in paths)
    if document.lost is None:
        notes = (*notes, say("lost-paths-unknown"))
    lost_keys = ("domain", "path", "failing-rows", "last-served", "first-failed")
    return [
        Section(say("changes"), tuple(say(key) for key in keys), rows, notes=notes),
        *([Section(say("lost-paths"), tuple(say(key) for key in lost_keys), lost)] if lost else []),
    ]


def _row(change: Change) -> tuple[Cell, ...]:
    sides = ((change.before_share, change.before_total), (change.after_share, change.after_total))
    both = all(total for _, total in sides)
    return (
        change.domain,
        str(change.status),
        change.kind,
        *(f"{100 * share:.2f}" if total else "-" for share, total in sides),
        f"{100 * change.change:+.2f}" if both else "-",
        f"{100 * change.low:+.2f} ~ {100 * change.high:+.2f}" if both else "-",
    )
