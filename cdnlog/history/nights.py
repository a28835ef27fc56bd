"""One night in the store: which counts it is about, what was told before, and how it is finished."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import tzinfo

import msgspec
import numpy as np

from cdnlog.buffer import Bools, Ints
from cdnlog.cells import joint
from cdnlog.counts import Counts
from cdnlog.evidence import Evidence
from cdnlog.history.baseline import Seen, base_id
from cdnlog.history.days import Days
from cdnlog.history.entry import COUNTED, DAMAGED, REFUSED, Entry
from cdnlog.history.ledger import Ledger
from cdnlog.history.packed import Damaged
from cdnlog.history.tables import DAY, GRAIN, HOUR, Grains, Sums
from cdnlog.model import Finding
from cdnlog.zones import floor_to_window, name_of

HISTORY = 28 * DAY
"""How far back counts are compared and drawn."""
_REMEMBERED = 60 * DAY
_UNTOLD = "untold"  # the setting that is there from the end of a night until its reports are written
_SEEN = tuple(one.name for one in fields(Seen))
_STRAY = 0.999  # share of the requests by whose end a night ends: the rest may be stray times


@dataclass(frozen=True)
class Told:
    """One hour of one domain: requests that were told before a night, and now."""

    domain: str
    hour: int
    before: int
    after: int


def open_night(ledger: Ledger) -> int:
    """Return the night that new files are of: the last one until its reports are written, then the next."""
    return ledger.last_night() + (ledger.setting(_UNTOLD) is None)


class NightData:
    """What the store holds of one night.

    Args:
        ledger: Of the open store, when all files are in.
        number: Of the night.
        zone: Zone of the store.
        grains: How finely data is kept.
    """

    def __init__(self, ledger: Ledger, number: int, zone: tzinfo, grains: Grains) -> None:
        self._ledger, self.number, self._zone, self._grains = ledger, number, zone, grains
        self.entries = ledger.of_night(number)
        self._words = ledger.words()
        self._days = Days(ledger, zone)
        active = [entry for entry in self.entries if entry.counts]
        self._new = ledger.cells(entry.id for entry in active)
        gone = (entry for entry in ledger.retired_in(number) if entry.night < number and entry.state == COUNTED)
        self._old = ledger.cells(entry.id for entry in gone)
        touched = np.vstack([self._hours(self._new), self._hours(self._old)])
        self._touched = np.unique(touched, axis=0)
        self.providers = self._providers(active)

    @property
    def domains(self) -> set[str]:
        """The domains that the night's files are about."""
        return {self._words[number] for number in self._touched[:, 1].tolist()}

    def waiting(self, paths: Iterable[str]) -> list[Entry]:
        """Return what is refused or damaged among some paths, of whatever night."""
        return [row for path in paths for row in self._ledger.at(path) if row.state in (REFUSED, DAMAGED)]

    def counts(self, window: int) -> Counts:
        """Return what counts in the hours and domains that the night's files are about, as far as it is kept finely."""
        recent = self._touched[self._touched[:, 0] >= self._grains.hours]
        return self._all(recent).counts(self._words, window, self._zone)

    def history(self) -> Counts:
        """Return all that counts in the last four weeks by the hour."""
        end = self._grains.end
        noon = end - DAY - DAY // 2 - HISTORY  # days are 23 to 25 hours long where clocks change
        kept = self._midnight(self._ledger.horizon("days") - 1) + DAY + DAY // 2  # days of which none is kept as one
        return self._days.between(self._midnight(max(noon, kept)), end).counts(self._words, HOUR, self._zone)

    def without(self, history: Counts) -> Counts:
        """Return a history without the hours and domains that this night is about."""
        numbers = {text: number for number, text in self._words.items()}
        names = history.cells.values[1] or ()
        table = np.array([numbers[str(name)] for name in names], np.int64)
        cells = history.cells
        pairs = np.column_stack([cells.keys[:, 0], table[cells.keys[:, 1]]]) if len(table) else cells.keys[:, :2]
        keep = ~_among(pairs, self._touched)
        kept = replace(cells, keys=cells.keys[keep], sums=cells.sums[keep])
        return replace(history, cells=kept)

    def changed(self) -> list[Told]:
        """Return the hours that earlier nights had told otherwise."""
        end = self._ends_before()
        touched = self._touched[self._touched[:, 0] < (end or 0)]
        if not len(touched):
            return []
        first, last = int(touched[:, 0].min()), int(touched[:, 0].max()) + HOUR
        before = self._requests(self._ledger.sums_before(self.number, first, last))
        after = self._requests(self._ledger.sums(first, last))
        told = [
            (hour, domain, before.get((hour, domain), 0), after.get((hour, domain), 0))
            for hour, domain in touched.tolist()
        ]
        rows = [Told(self._words[domain], hour, was, now) for hour, domain, was, now in told if was != now]
        return sorted(rows, key=lambda row: (row.hour, row.domain))

    def span(self) -> tuple[int, int] | None:
        """Return the time that is new, in whole hours of UTC seconds: from where the nights before ended."""
        ends = self._ends()
        if ends is None:
            return None
        before = self._ends_before()
        begins = int(self._touched[:, 0].min()) if before is None else before
        return (begins, ends) if begins < ends else None

    def stray(self) -> int:
        """Return how many of the night's requests are later than the newest day and the one after it."""
        return int(self._new.sums[self._new.keys[:, 0] >= self._grains.end, 0].sum())

    def alone(self) -> int:
        """Return how many days the newest day is after all the others; it may be one of a wrong clock."""
        return self._ledger.volume().alone(self._zone)

    def seen(self) -> list[Seen]:
        """Return the findings of the nights before."""
        return self._seen("night < ?", self.number)

    def over(self, latest: Mapping[str, int]) -> list[Seen]:
        """Return the findings after whose end this night is the first one with data of their domain.

        Args:
            latest: The last window of each domain in this night, UTC seconds.
        """
        seen = self._seen("night < ? AND (over IS NULL OR over = ?)", self.number, self.number)
        return [one for one in seen if latest.get(one.domain, 0) >= one.ends]

    def again(self) -> bool:
        """Whether nothing came in since the night was told to its end."""
        if not self.entries:
            return True
        return self.number < open_night(self._ledger)

    def told(self, how: str) -> tuple[Finding, ...] | None:
        """Return the findings as they were told when the night was finished, None if it is not or they were told else.

        Args:
            how: What they depend on besides the store.
        """
        if self._ledger.setting("told") != _telling(self.number, how):
            return None
        rows = self._ledger.store.connection.execute("SELECT finding FROM told ORDER BY place")
        try:
            return tuple(msgspec.json.decode(text, type=Finding) for (text,) in rows)
        except msgspec.MsgspecError as error:
            raise Damaged("what was told of the last night cannot be read") from error

    def finish(
        self, seen: Iterable[Seen], told: Iterable[Finding], latest: Mapping[str, int], how: str, *, anonymized: bool
    ) -> None:
        """Write down that the night is over, and what was found; not again once that has reached its reports."""
        if self.number < open_night(self._ledger) or not self.entries:
            return
        ends = self.ends or 0
        with self._ledger.store.transaction() as connection:
            run = connection.execute
            run("INSERT OR REPLACE INTO night VALUES (?, ?, ?)", (self.number, self._grains.end, ends))
            if self._grains.end:
                run("INSERT OR IGNORE INTO setting VALUES ('zone', ?)", (name_of(self._zone),))
            run("DELETE FROM finding WHERE night = ?", (self.number,))
            run("UPDATE finding SET over = NULL WHERE over = ?", (self.number,))
            ended = [(self.number, domain, last) for domain, last in latest.items()]
            connection.executemany("UPDATE finding SET over = ? WHERE over IS NULL AND domain = ? AND ends <= ?", ended)
            rows = [(s.night, s.id, s.domain, s.status, s.cause, s.requests, s.total, s.starts, s.ends) for s in seen]
            connection.executemany("INSERT INTO finding VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)", rows)
            run("DELETE FROM finding WHERE ends < ?", (self._grains.end - _REMEMBERED,))
            run("DELETE FROM told")
            texts = ((msgspec.json.encode(one).decode(),) for one in told)
            connection.executemany("INSERT INTO told (finding) VALUES (?)", texts)
            self._ledger.set("told", _telling(self.number, how))
            self._ledger.set(_UNTOLD, str(self.number))
            all_are = anonymized and (self.number == 1 or self._ledger.anonymized)
            self._ledger.set("anonymized", "yes" if all_are else "no")
            self._days.keep()
            self._ledger.forget_retired(self.number)

    def delivered(self) -> None:
        """Write down that the night is told to its end: its reports are where they were to be."""
        if self._ledger.setting(_UNTOLD) is not None:
            with self._ledger.store.transaction() as connection:
                connection.execute("DELETE FROM setting WHERE name = ?", (_UNTOLD,))

    @property
    def ends(self) -> int | None:
        """The end of the hour that the data of this night and those before reaches to, stray times left out."""
        return max((end for end in (self._ends(), self._ends_before()) if end is not None), default=None)

    def _seen(self, where: str, *values: int) -> list[Seen]:
        run = self._ledger.store.connection.execute
        rows = run(f"SELECT {', '.join(_SEEN)} FROM finding WHERE {where} ORDER BY night, id", values)  # noqa: S608
        return [Seen(night, base_id(name), *rest) for night, name, *rest in rows]

    def _midnight(self, time: int) -> int:
        """Return the begin of a time's day."""
        return int(floor_to_window(np.array([time]), DAY, self._zone)[0])

    def _hours(self, sums: Sums) -> Ints:
        """Return hour and domain of each cell, each pair once."""
        hours = floor_to_window(sums.keys[:, 0], HOUR, self._zone) if len(sums.keys) else sums.keys[:, 0]
        return np.unique(np.column_stack([hours, sums.keys[:, 1]]), axis=0)

    def _all(self, touched: Ints) -> Sums:
        """Return all that counts in some hours of some domains."""
        if not len(touched):
            return Sums.unpack([])
        sums = self._ledger.sums(int(touched[:, 0].min()), int(touched[:, 0].max()) + HOUR + GRAIN)
        hours = floor_to_window(sums.keys[:, 0], HOUR, self._zone)
        return sums.where(_among(np.column_stack([hours, sums.keys[:, 1]]), touched))

    def _requests(self, sums: Sums) -> dict[tuple[int, int], int]:
        hours = floor_to_window(sums.keys[:, 0], HOUR, self._zone) if len(sums.keys) else sums.keys[:, 0]
        requests: dict[tuple[int, int], int] = {}
        for hour, domain, n in zip(hours.tolist(), sums.keys[:, 1].tolist(), sums.sums[:, 0].tolist(), strict=True):
            requests[hour, domain] = requests.get((hour, domain), 0) + n
        return requests

    def _ends(self) -> int | None:
        """Return the end of the hour by which nearly all of the night's requests were made."""
        new = self._new.where(self._new.keys[:, 0] < self._grains.end)
        if not len(new.keys):
            return None
        order = np.argsort(new.keys[:, 0], kind="stable")
        done = np.cumsum(new.sums[order, 0].astype(np.float64))
        last = new.keys[order[np.searchsorted(done, _STRAY * done[-1])], 0]
        return int(floor_to_window(np.array([last]), HOUR, self._zone)[0]) + HOUR

    def _ends_before(self) -> int | None:
        """Return the end of what the nights before had told; they may have taken a stray time for it."""
        return min(self._ledger.ends_before(self.number), self._grains.end) or None

    def _providers(self, active: Iterable[Entry]) -> Mapping[str, str]:
        """Return the code table that most requests of each domain ask for."""
        lines: dict[str, dict[str, int]] = {}
        for entry in active:
            if entry.provider is None:
                continue
            sums = self._ledger.cells([entry.id])
            for domain, n in zip(sums.keys[:, 1].tolist(), sums.sums[:, 0].tolist(), strict=True):
                of = lines.setdefault(self._words[domain], {})
                of[entry.provider] = of.get(entry.provider, 0) + n
        return {domain: max(of, key=lambda name: (of[name], name)) for domain, of in lines.items()}


def _telling(number: int, how: str) -> str:
    return f"{number} {how}"


def _among(pairs: Ints, wanted: Ints) -> Bools:
    """Mark the pairs that are among some."""
    if not len(pairs) or not len(wanted):
        return np.zeros(len(pairs), bool)
    numbers, _ = joint(np.vstack([wanted, pairs]))
    among: Bools = np.isin(numbers[len(wanted) :], numbers[: len(wanted)])
    return among


def within(evidence: Evidence, counts: Counts) -> Evidence:
    """Return the kept rows whose window, domain and status are counted."""
    if not len(evidence):
        return evidence
    codes, names = evidence.column("domain")
    windows = floor_to_window(evidence.cells, counts.window, counts.zone)
    table = counts.table
    keys = zip(windows.tolist(), codes.tolist(), evidence.status.tolist(), strict=True)
    known: dict[tuple[int, int, int], bool] = {}
    keep = []
    for key in keys:
        if key not in known:
            known[key] = (key[0], names[key[1]], key[2]) in table
        keep.append(known[key])
    return evidence.ordered(np.array(keep, bool))
