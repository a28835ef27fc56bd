"""`cdnlog diff`."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from pathlib import Path

import cdnlog
from cdnlog.cli.commands import application
from cdnlog.cli.output import Output, OutputOption, deliver
from cdnlog.cli.reading import Reading, reading
from cdnlog.cli.screen import say
from cdnlog.cli.shared import StoredOption
from cdnlog.cli.values import Command
from cdnlog.errors import UsageError
from cdnlog.text import visible

_SIDES = 2
_PATHS = "paths, BEFORE and AFTER; put several files into a folder, or quote a glob"
_DAYS = "days of the store, BEFORE and AFTER; write 2026-11-19 2026-11-20"
_HELPS = {"paths": "BEFORE and AFTER: two files, folders, globs or URLs; with --store two of its days, 2026-11-20."}


app = application()


@app.command(cls=Command)
@partial(reading, helps=_HELPS, days=True)
def diff(job: Reading, store: StoredOption = None, output: OutputOption = Output.table) -> int:
    """Compare two sets of logs, BEFORE and AFTER: what became more or less frequent, which paths used to work.

    cdnlog diff logs/2026-11-19/ logs/2026-11-20/

    cdnlog diff before.gz after.gz --domain 'www.*' -o json

    cdnlog diff 2026-11-19 2026-11-20 --store history.db
    """
    if len(job.paths) != _SIDES:
        raise UsageError(f"diff takes two {_PATHS if store is None else _DAYS}")
    with job.observed() as observers:
        before, after = job.paths if store is None else _days(job, store)
        difference = cdnlog.diff(before, after, **job.options(), **observers)
    deliver(difference, output, job.out, job.lang)
    code = job.tell(difference.before.inputs, difference.after.inputs)
    if difference.uncounted:
        sides = " and ".join(side.upper() for side in difference.uncounted)
        say(f"cdnlog: nothing was compared: not one line was counted of {sides}")
    return code


def _days(job: Reading, store: Path) -> list[cdnlog.Counts]:
    """Return the counts of two days of a store."""
    if job.given["since"] or job.given["until"]:
        raise UsageError("with --store diff compares whole days; leave --since and --until out")
    options = job.choosing()
    counts = []
    for text in job.paths:
        options["since"], options["until"] = _day(text)
        counts.append(cdnlog.stored(store, "1d", **options))
    return counts


def _day(text: str) -> tuple[date, date]:
    """Return the begin and the end of a day."""
    try:
        day = date.fromisoformat(text)
        return day, day + timedelta(days=1)
    except (ValueError, OverflowError):
        raise UsageError(f"'{visible(text)}' is no day of a store; write 2026-11-20") from None
