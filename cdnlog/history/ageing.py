"""Makes what is old coarser: minutes become hours, hours days, and days nothing."""

from __future__ import annotations

from collections.abc import Sequence

from cdnlog.history.entry import COVERED
from cdnlog.history.ledger import Ledger
from cdnlog.history.tables import GRAIN, Grains, rolled_up
from cdnlog.zones import name_of

_AT_ONCE = 1024  # rows per transaction
_AGED = """SELECT id, begins, ends FROM file INDEXED BY file_time
  WHERE cells IS NOT NULL AND begins < max(:hours, :days, :nothing)
  AND (grain = 300 OR grain = 3600 AND begins < :days OR begins < :nothing) ORDER BY id"""


def roll_up(ledger: Ledger, grains: Grains, oldest: int | None) -> None:
    """Make all cells as coarse as their age asks for.

    Ages move on at midnight only: whether the last run has done the same already is noted when it is through.

    Args:
        ledger: Of the open store.
        grains: How finely data is kept.
        oldest: Begin of the oldest data that came since the last run, in UTC seconds; None without any.
    """
    ages = {"hours": grains.hours, "days": grains.days, "nothing": grains.nothing}
    done = f"{name_of(grains.zone)} {' '.join(map(str, ages.values()))}"
    if ledger.setting("rolled") == done and (oldest is None or oldest >= max(ages.values())):
        return
    rows = ledger.store.connection.execute(_AGED, ages).fetchall()
    for first in range(0, len(rows) + 1, _AT_ONCE):
        with ledger.store.transaction():
            some = rows[first : first + _AT_ONCE]
            for name in ("hours", "days"):
                coarse = (min(ends, ages[name]) for _, begins, ends in some if begins < ages[name])
                ledger.set(name, str(max([ledger.horizon(name), *coarse])))
            _coarser(ledger, grains, [number for number, *_ in some])
    with ledger.store.transaction():
        ledger.set("rolled", done)


def _coarser(ledger: Ledger, grains: Grains, rows: Sequence[int]) -> None:
    run = ledger.store.connection.execute
    found = [run("SELECT grain, cells FROM file WHERE id = ?", (number,)).fetchone() for number in rows]
    rolled = rolled_up(grains, [cells for _, cells in found])
    for number, (grain, cells), (kept, finest) in zip(rows, found, rolled, strict=True):
        if kept != cells or finest != grain:
            run("UPDATE file SET cells = ?, grain = ? WHERE id = ?", (kept, finest, number))
            if finest != GRAIN:
                run("DELETE FROM sketch WHERE file = ?", (number,))
                run("UPDATE file SET cells = NULL, grain = 0 WHERE id = ? AND state = ?", (number, COVERED))
