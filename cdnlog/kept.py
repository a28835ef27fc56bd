"""What a store holds, to be looked at, counted and diagnosed like logs."""

from __future__ import annotations

import os
from datetime import tzinfo
from pathlib import Path
from typing import Unpack

import numpy as np

from cdnlog.counts import DIMENSIONS, Counts, is_error
from cdnlog.errors import UsageError
from cdnlog.held import HeldDomain, HeldFile, Holdings
from cdnlog.history import VERSION
from cdnlog.history.chosen import EVER, Files, aged, chosen
from cdnlog.history.entry import Entry
from cdnlog.history.ledger import Ledger
from cdnlog.history.store import opened
from cdnlog.history.tables import DAY, GRAIN, Sums
from cdnlog.options import Options, refuse_of_logs, settings
from cdnlog.text import visible
from cdnlog.zones import floor_to_window, instant, name_of


def stored(store: str | os.PathLike[str], window: str = "5min", **options: Unpack[Options]) -> Counts:
    """Return the counts of a store, as `count` returns those of logs.

    Args:
        store: The store.
        window: Length of a window. Where some of the time asked for is kept more coarsely, windows are as long as that.
        **options: `tz`, `since`, `until`, `domain` and `by` (of window, domain and status) as in
            `cdnlog.options.Options`; what tells how to read logs is refused.

    Returns:
        The counts. `Counts.inputs` are the files with data in that time; of their lines those count that are in the
        table, the others are filtered. `Counts.aged` says what is kept less finely, or no longer.

    Raises:
        UsageError: There is no such store, or an option cannot work: what is kept by the hour or the day cannot be cut
            within one, nor put together to days of a zone that begin within one.
        StoreError: It is damaged.

    Example:
        >>> import cdnlog, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     night = cdnlog.nightly("sample_logs", f"{folder}/history.db")
        ...     counts = cdnlog.stored(f"{folder}/history.db", window="1h")
        >>> counts == cdnlog.count("sample_logs", window="1h")
        True
    """
    refuse_of_logs(options)
    made = settings(window, options, GRAIN)
    if others := [name for name in made.dimensions if name not in DIMENSIONS]:
        raise UsageError(
            f"a store keeps counts by window, domain and status only; count the log files for '{visible(others[0])}'"
        )
    with opened(Path(store)) as open_store:
        return chosen(Ledger(open_store), made)


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
        where, entries = ledger.zone, ledger.entries()
        held = ledger.held(-EVER, EVER)
        dropped = Files([one for one in entries if one.counts], held).dropped()
        return Holdings(
            path=visible(place),
            size=place.stat().st_size,
            version=VERSION,
            zone=name_of(where),
            nights=ledger.last_night(),
            anonymized=ledger.anonymized,
            aged=tuple(aged(held.sums, ledger.grains, where, *dropped)),
            files=tuple(_file(entry, where) for entry in entries),
            domains=tuple(_domains(held.sums, ledger.words(), where)),
        )


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
        counted=entry.told.counted,
        rejected=entry.told.rejected,
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
        requests, errors, sent = own[:, 0].sum(), own[is_error(status), 0].sum(), own[:, 1].sum()
        name = words[int(keys[rows.start, 1])]
        held.append(HeldDomain(name, first, last, len(days), int(requests), int(errors), int(sent)))
    return sorted(held, key=lambda row: row.domain)
