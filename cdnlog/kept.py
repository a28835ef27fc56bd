"""What a store holds, to be looked at, counted and diagnosed like logs."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Unpack

import numpy as np

from cdnlog.buffer import Bools
from cdnlog.counts import Counts
from cdnlog.errors import UsageError
from cdnlog.filters import microseconds
from cdnlog.held import HeldDomain, HeldFile, Holdings
from cdnlog.history.ledger import Entry, Ledger
from cdnlog.history.store import VERSION, opened
from cdnlog.history.tables import DAY, GRAIN, HOUR, Sums
from cdnlog.model import MICROSECONDS, Inputs
from cdnlog.options import Options, settings
from cdnlog.settings import Settings
from cdnlog.text import visible
from cdnlog.zones import floor_to_window, instant, name_of, zone

_EVER = 2**62
FAILING = 400


def stored(store: str | os.PathLike[str], window: str = "5min", **options: Unpack[Options]) -> Counts:
    """Return the counts of a store, as `count` returns those of logs.

    Args:
        store: The store.
        window: Length of a window. Where some of the time asked for is kept more coarsely, windows are as long as that.
        **options: `tz`, `since`, `until` and `domain` as in `cdnlog.options.Options`; others have no effect.

    Raises:
        UsageError: There is no such store, or an option cannot work.
        StoreError: It is damaged.

    Example:
        >>> import cdnlog, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     night = cdnlog.nightly("sample_logs", f"{folder}/history.db")
        ...     counts = cdnlog.stored(f"{folder}/history.db", window="1h")
        >>> counts == cdnlog.count("sample_logs", window="1h")
        True
    """
    made = settings(window, options, GRAIN)
    if made.by:
        raise UsageError("history is kept by window, domain and status; leave --by out, or count the logs themselves")
    with opened(Path(store)) as open_store:
        ledger = Ledger(open_store)
        where = made.tz or zone(ledger.setting("zone") or "UTC")
        begins, ends = _bounds(made, where)
        words = ledger.words()
        sums = ledger.sums(begins, ends)
        keys = sums.keys
        sums = sums.where((keys[:, 0] >= begins) & (keys[:, 0] < ends) & _wanted(keys[:, 1], words, made))
        inputs = Inputs(tuple(entry.report() for entry in ledger.counting(begins, ends)))
        coarsest = _coarsest(sums, ledger)
    return replace(sums.counts(words, max(made.window, coarsest), where), inputs=inputs)


def _bounds(made: Settings, where: tzinfo) -> tuple[int, int]:
    since, until = (
        None if moment is None else -(-microseconds(moment, where) // MICROSECONDS)
        for moment in (made.since, made.until)
    )
    return -_EVER if since is None else since, _EVER if until is None else until


def _wanted(domains: np.ndarray[tuple[int], np.dtype[np.int64]], words: dict[int, str], made: Settings) -> Bools:
    globs = [glob.lower() for glob in made.domains]
    distinct, places = np.unique(domains, return_inverse=True)
    wanted = [not globs or any(fnmatchcase(words[number], glob) for glob in globs) for number in distinct.tolist()]
    kept: Bools = np.array(wanted, bool)[places]
    return kept


def _coarsest(sums: Sums, ledger: Ledger) -> int:
    """Return the length of the coarsest cells that may be among some."""
    first = int(sums.keys[:, 0].min()) if len(sums.keys) else _EVER
    if first < ledger.horizon("days"):
        return DAY
    return HOUR if first < ledger.horizon("hours") else GRAIN


def holdings(store: str | os.PathLike[str]) -> Holdings:
    """Return what a store holds: files, domains, days and verdicts.

    Raises:
        UsageError: There is no such store.
        StoreError: It is damaged.

    Example:
        >>> import cdnlog, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     night = cdnlog.nightly("sample_logs", f"{folder}/history.db")
        ...     held = cdnlog.holdings(f"{folder}/history.db")
        >>> len(held.files), len(held.domains)
        (24, 4)
    """
    place = Path(store)
    with opened(place) as open_store:
        ledger = Ledger(open_store)
        where = zone(ledger.setting("zone") or "UTC")
        files = tuple(_file(entry, where) for entry in ledger.entries())
        domains = tuple(_domains(ledger.sums(-_EVER, _EVER), ledger.words(), where))
        nights = ledger.last_night()
    size = place.stat().st_size
    return Holdings(visible(place), size, VERSION, name_of(where), nights, files, domains)


def _file(entry: Entry, where: tzinfo) -> HeldFile:
    begins, ends = (None if time is None else instant(time, where) for time in (entry.begins, entry.ends))
    return HeldFile(
        path=visible(entry.path),
        state=entry.state if entry.retired is None else "replaced",
        verdict=entry.verdict.value,
        night=entry.night,
        sha256=entry.sha.hex() if entry.sha else None,
        length=entry.length,
        lines=entry.accounting.lines,
        counted=entry.accounting.counted,
        rejected=entry.accounting.rejected,
        begins=begins,
        ends=ends,
        grain=entry.grain,
        problem=entry.problem,
    )


def _domains(sums: Sums, words: dict[int, str], where: tzinfo) -> list[HeldDomain]:
    order = np.lexsort((sums.keys[:, 0], sums.keys[:, 1]))
    keys, numbers = sums.keys[order], sums.sums[order]
    begins = np.flatnonzero(np.diff(keys[:, 1], prepend=-1))
    held = []
    for rows in map(slice, begins.tolist(), [*begins[1:].tolist(), len(keys)]):
        windows, status, own = keys[rows, 0], keys[rows, 2], numbers[rows]
        days = np.unique(floor_to_window(windows, DAY, where))
        first, last = (instant(int(time), where) for time in (windows[0], windows[-1] + GRAIN))
        requests, errors, sent = own[:, 0].sum(), own[(status == 0) | (status >= FAILING), 0].sum(), own[:, 1].sum()
        name = words[int(keys[rows.start, 1])]
        held.append(HeldDomain(name, first, last, len(days), int(requests), int(errors), int(sent)))
    return sorted(held, key=lambda row: row.domain)
