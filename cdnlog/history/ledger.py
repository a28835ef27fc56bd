"""The ledger: one row per content that was delivered under a path, with its counts; and the words it uses."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import tzinfo
from hashlib import sha256
from typing import Any

import numpy as np

from cdnlog.errors import AccountingError
from cdnlog.history.entry import COUNTED, COVERED, DUPLICATE, Entry
from cdnlog.history.fingerprint import Sketch
from cdnlog.history.packed import Damaged
from cdnlog.history.store import Store
from cdnlog.history.tables import DAY, HOUR, Grains, HeldSums, Sums
from cdnlog.history.volume import Volume
from cdnlog.model import Accounting, Verdict
from cdnlog.zones import floor_to_window, zone

_LINES = ("lines", "counted", "rejected", "comments", "blank", "withheld")
_WORDS = ("format", "provider")
_OWN = tuple(f.name for f in fields(Entry) if f.name not in {"path", "accounting", "id", *_WORDS})
_TEXTS = ", ".join(f"(SELECT text FROM word WHERE word.id = {name}) AS {name}" for name in _WORDS)  # noqa: S608
_FOLDER = "(SELECT text FROM word WHERE word.id = folder) AS folder"
_SELECT = f"SELECT id, name, {_FOLDER}, {', '.join((*_OWN, *_LINES, 'reasons'))}, {_TEXTS} FROM file"  # noqa: S608
_TIMED = "INDEXED BY file_time WHERE cells IS NOT NULL AND begins < ? AND ends > ?"
_COUNTING = "retired IS NULL AND state = ?"
_FORGOTTEN = "retired < ? AND NOT EXISTS (SELECT 1 FROM sketch WHERE sketch.file = file.id)"
_OUTDATED = f"""DELETE FROM file WHERE {_FORGOTTEN} AND EXISTS
  (SELECT 1 FROM file AS now WHERE now.key = file.key AND now.retired IS NULL AND now.id > file.id)"""  # noqa: S608
_MOST = 2**62  # requests of an hour, as many as SQLite can add up
_COUNT = "INSERT INTO volume VALUES (?, ?) ON CONFLICT (hour) DO UPDATE SET requests = requests + excluded.requests"


class Ledger:
    """Reads and writes the rows of a store.

    Args:
        store: The open store.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._run = store.connection.execute
        self._words: dict[str | bytes, int] = {}

    def last_night(self) -> int:
        """Return the number of the last night that was finished, 0 before the first."""
        (number,) = self._run("SELECT coalesce(max(number), 0) FROM night").fetchone()
        return int(number)

    def volume(self) -> Volume:
        """Return how many requests of the files that count came of which time."""
        rows = np.array(self._run("SELECT hour, requests FROM volume ORDER BY hour").fetchall(), np.int64)
        return Volume(*rows.reshape(-1, 2).T)

    def ends_before(self, night: int) -> int:
        """Return the end of the data of the nights before one, stray times left out; 0 without any."""
        row = self._run("SELECT ends FROM night WHERE number < ? ORDER BY number DESC LIMIT 1", (night,)).fetchone()
        return row[0] if row else 0

    def setting(self, name: str) -> str | None:
        """Return a setting."""
        row = self._run("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set(self, name: str, value: str) -> None:
        """Change a setting; within a transaction."""
        self._run("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def horizon(self, name: str) -> int:
        """Return the end of what is kept by "hours" or "days" only, in UTC seconds; 0 if nothing is."""
        return int(self.setting(name) or 0)

    @property
    def zone(self) -> tzinfo:
        """The zone that hours and days are aligned to."""
        return zone(self.setting("zone") or "UTC")

    @property
    def anonymized(self) -> bool:
        """Whether all nights were told without naming a client."""
        return self.setting("anonymized") == "yes"

    @property
    def grains(self) -> Grains:
        """How finely data is kept; not since when none is."""
        return Grains(self.zone, self.horizon("hours"), self.horizon("days"))

    def counting(self, begins: int, ends: int) -> list[Entry]:
        """Return what counts and has data in a time, or has none at all; by path."""
        where = f"WHERE {_COUNTING} AND (begins IS NULL OR (begins < ? AND ends > ?))"
        return sorted(self._entries(where, (COUNTED, ends, begins)), key=lambda entry: entry.path)

    def at(self, path: str) -> list[Entry]:
        """Return what came under a path, the latest last."""
        return [entry for entry in self._entries("WHERE key = ? ORDER BY id", (_key(path),)) if entry.path == path]

    def content(self, sha: bytes) -> list[Entry]:
        """Return the rows of a content."""
        return self._entries("WHERE substr(sha, 1, 8) = ? AND sha = ? ORDER BY id", (sha[:8], sha))

    def of_night(self, night: int) -> list[Entry]:
        """Return what came in a night, by path."""
        return sorted(self._entries("WHERE night = ?", (night,)), key=lambda entry: entry.path)

    def retired_in(self, night: int) -> list[Entry]:
        """Return what ceased to count in a night."""
        return self._entries("WHERE retired = ? ORDER BY id", (night,))

    def leaning(self, entry: Entry) -> list[Entry]:
        """Return what may count through a row, all of it or in part, and copies of that."""
        lean = "state IN (?, ?) OR retired IS NOT NULL OR state = ? AND withheld > 0"
        same = "begins < ? AND ends > ? AND (domain IS NULL OR ? IS NULL OR domain = ?)"
        where = f"WHERE id != ? AND (sha = ? OR {same}) AND ({lean}) ORDER BY id"
        place = (entry.ends, entry.begins, entry.domain, entry.domain)
        found = self._entries(where, (entry.id, entry.sha, *place, DUPLICATE, COVERED, COUNTED))
        copies = (copy for row in found if row.sha for copy in self.content(row.sha) if copy.state == DUPLICATE)
        return list({row.id: row for row in (*found, *copies)}.values())

    def entries(self) -> list[Entry]:
        """Return all rows, by path."""
        return sorted(self._entries("", ()), key=lambda entry: (entry.path, entry.id))

    def around(
        self, begins: int, ends: int, domain: int | None, *, counting: bool = True
    ) -> Iterator[tuple[Entry, Sketch]]:
        """Yield the files whose lines are still known, of a domain (or of several) at a time: that count, or do not."""
        where = f"{_TIMED} AND ({_COUNTING}) = ? AND (? IS NULL OR domain IS NULL OR domain = ?)"
        found = self._entries(where, (ends, begins, COUNTED, counting, domain, domain))
        for entry in sorted(found, key=lambda entry: entry.id):
            sketch = self.sketch(entry)
            if sketch is not None:
                yield entry, sketch

    def sketch(self, entry: Entry) -> Sketch | None:
        """Return the lines of a file, None if they are not known any more."""
        row = self._run("SELECT lines FROM sketch WHERE file = ?", (entry.id,)).fetchone()
        return Sketch.unpack(row[0]) if row else None

    def sums(self, begins: int, ends: int) -> Sums:
        """Return all that counts in the files with data in a time; cells beside it are among them."""
        return self._sums(_COUNTING, (ends, begins, COUNTED))

    def held(self, begins: int, ends: int) -> HeldSums:
        """Return the same by the files."""
        rows: list[int] = []

        def blobs() -> Iterator[bytes]:
            values = (ends, begins, COUNTED)
            for row, blob in self._run(f"SELECT id, cells FROM file {_TIMED} AND {_COUNTING}", values):  # noqa: S608
                rows.append(row)
                yield blob

        return HeldSums(*Sums.unpack_sized(blobs()), rows)

    def sums_before(self, night: int, begins: int, ends: int) -> Sums:
        """Return the same as it was before a night."""
        then = "night < ? AND (retired IS NULL OR retired >= ?) AND state = ?"
        return self._sums(then, (ends, begins, night, night, COUNTED))

    def cells(self, ids: Iterable[int]) -> Sums:
        """Return what is kept of some rows."""
        return Sums.unpack(self.blobs(ids))

    def blobs(self, ids: Iterable[int]) -> Iterator[bytes]:
        """Yield the packed cells of the rows that have any."""
        for one in ids:
            (blob,) = self._run("SELECT cells FROM file WHERE id = ?", (one,)).fetchone()
            if blob is not None:
                yield blob

    def words(self) -> dict[int, str]:
        """Return all words by number."""
        return _Words(self._run("SELECT id, text FROM word"))

    def word(self, text: str | bytes) -> int:
        """Return the number of a word, which it gets now if it has none; within a transaction."""
        if text not in self._words:
            self._run("INSERT OR IGNORE INTO word (text) VALUES (?)", (text,))
            (self._words[text],) = self._run("SELECT id FROM word WHERE text = ?", (text,)).fetchone()
        return self._words[text]

    def add(self, entry: Entry, sums: Sums | None, sketch: Sketch | None) -> int:
        """Add a row with its counts; within a transaction."""
        row = self._row(entry) | {"key": _key(entry.path), "cells": None if sums is None else sums.pack()}
        names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        number = self._run(f"INSERT INTO file ({names}) VALUES ({marks})", row).lastrowid  # noqa: S608 - our own names
        if sketch is not None:
            self._run("INSERT INTO sketch VALUES (?, ?)", (number, sketch.pack()))
        self._run("DELETE FROM setting WHERE name = 'told'")  # that was of fewer files
        if entry.counts and sums is not None:
            self._keep_step(sums, 1)
        return int(number or 0)

    def remove(self, entry: Entry) -> None:
        """Take a row out that never counted."""
        self._run("DELETE FROM file WHERE id = ?", (entry.id,))
        self.forget(entry)

    def retire(self, entry: Entry, night: int) -> None:
        """Let a row count no longer; its lines and counts stay known, for files that have them and more may come."""
        if entry.counts:
            self._keep_step(self.cells([entry.id]), -1)
        self._run("UPDATE file SET retired = ? WHERE id = ?", (night, entry.id))

    def disown(self, entry: Entry) -> None:
        """Let the content of a row be known no longer: its lines need not be in any file that counts."""
        self._run("UPDATE file SET sha = NULL WHERE id = ?", (entry.id,))
        self.forget(entry)

    def forget(self, entry: Entry) -> None:
        """Let the lines of a row be known no longer, nor its counts from the end of the night on if it is retired."""
        self._run("DELETE FROM sketch WHERE file = ?", (entry.id,))

    def forget_retired(self, night: int) -> None:
        """Drop what ceased to count before a night, unless its lines stay known.

        That a file was read stays known while nothing newer is there.
        """
        self._run(_OUTDATED, (night,))
        self._run(f"UPDATE file SET cells = NULL, grain = 0 WHERE {_FORGOTTEN} AND cells IS NOT NULL", (night,))  # noqa: S608

    def touch(self, entry: Entry, size: int, mtime: int, inode: int) -> None:
        """Note that a file is unchanged though it looks otherwise."""
        self._run("UPDATE file SET size = ?, mtime = ?, inode = ? WHERE id = ?", (size, mtime, inode, entry.id))

    def leave(self, entry: Entry) -> None:
        """Note that a path holds another log now: the one of this row ended, and goes on counting."""
        self._run("UPDATE file SET inode = 0 WHERE id = ?", (entry.id,))

    def move(self, entry: Entry, path: str) -> None:
        """Note that a file has another name now."""
        folder, name = self._placed(path)
        values = (folder, name, _key(path), entry.id)
        self._run("UPDATE file SET folder = ?, name = ?, key = ? WHERE id = ?", values)

    def days(self, first: int, end: int) -> list[tuple[int, bytes]]:
        """Return the packed cells of the days that are kept as a whole and begin in a time."""
        return self._run("SELECT start, cells FROM day WHERE start >= ? AND start < ?", (first, end)).fetchall()

    def keep_days(self, cells: Mapping[int, bytes], first: int, end: int) -> None:
        """Keep days as a whole, by their begin, and drop those that begin outside of a time; within a transaction."""
        self.store.connection.executemany("INSERT OR REPLACE INTO day VALUES (?, ?)", cells.items())
        self._run("DELETE FROM day WHERE start < ? OR start >= ?", (first, end))

    def _keep_step(self, sums: Sums, sign: int) -> None:
        """Let days and volume keep step with cells that begin to count, or cease to where the sign is -1."""
        self._forget_days(sums)
        hours, places = np.unique(sums.keys[:, 0] // HOUR * HOUR, return_inverse=True)
        requests = np.zeros(len(hours), sums.sums.dtype)
        np.add.at(requests, places, sums.sums[:, 0])
        rows = ((hour, sign * min(n, _MOST)) for hour, n in zip(hours.tolist(), requests.tolist(), strict=True))
        self.store.connection.executemany(_COUNT, rows)
        if sign < 0:  # cells may have become coarser since they were added
            self._run("DELETE FROM volume WHERE requests <= 0")

    def _forget_days(self, sums: Sums) -> None:
        """Drop the days that are kept as a whole and are so no longer."""
        where = self.setting("zone")
        if where is not None:
            days = np.unique(floor_to_window(sums.keys[:, 0], DAY, zone(where)))
            self.store.connection.executemany("DELETE FROM day WHERE start = ?", ((day,) for day in days.tolist()))

    def _row(self, entry: Entry) -> dict[str, Any]:
        row: dict[str, Any] = {name: getattr(entry, name) for name in _OWN}
        row |= {name: getattr(entry.accounting, name) for name in _LINES}
        reasons = dict(sorted(entry.accounting.reject_reasons.items()))
        row |= {name: None if (text := getattr(entry, name)) is None else self.word(text) for name in _WORDS}
        other = None if entry.other is None else _stored(entry.other)
        folder, name = self._placed(entry.path)
        more = {"folder": folder, "name": name, "other": other, "reasons": json.dumps(reasons) if reasons else None}
        return row | more

    def _placed(self, path: str) -> tuple[int, str | bytes]:
        """Return the number of a path's folder, and its name: a year of files has few folders."""
        folder, name = os.path.split(path)
        if os.path.join(folder, name) != path:  # noqa: PTH118 - a key of an object store may have two slashes
            folder, name = "", path
        return self.word(_stored(folder)), _stored(name)

    def _entries(self, where: str, values: Sequence[Any]) -> list[Entry]:
        cursor = self._run(f"{_SELECT} {where}", values)
        names = [column[0] for column in cursor.description]
        return [_entry(dict(zip(names, row, strict=True))) for row in cursor]

    def _sums(self, where: str, values: Sequence[Any]) -> Sums:
        """Return the cells of files with data in a time, the first two values, for which more holds."""
        return Sums.unpack(blob for (blob,) in self._run(f"SELECT cells FROM file {_TIMED} AND {where}", values))  # noqa: S608


def _key(path: str) -> int:
    """Return what paths are looked up by: short, and the same on every machine."""
    return int.from_bytes(sha256(os.fsencode(path)).digest()[:7], "big")


def _stored(path: str) -> str | bytes:
    """Return a path as SQLite takes it: text, or bytes where it is not UTF-8."""
    raw = os.fsencode(path)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


class _Words(dict[int, str]):
    """Words by number."""

    def __missing__(self, number: int) -> str:
        raise Damaged(f"word {number} is not there any more")


def _entry(row: dict[str, Any]) -> Entry:
    """Return a row.

    Raises:
        Damaged: It says what no row can.
    """
    number = row["id"]
    try:
        entry = _made(row)
        entry.accounting.check(entry.path)
    except (TypeError, ValueError, AccountingError) as error:
        raise Damaged(f"the row of file {number} cannot be read") from error
    return entry


def _made(row: dict[str, Any]) -> Entry:
    lines = {name: row.pop(name) for name in _LINES}
    reasons = json.loads(row.pop("reasons") or "{}")
    path = os.path.join(os.fsdecode(row.pop("folder")), os.fsdecode(row.pop("name")))  # noqa: PTH118 - as it was split
    row |= {"path": path, "other": None if row["other"] is None else os.fsdecode(row["other"])}
    row |= {"verdict": Verdict(row["verdict"]), "over": bool(row["over"]), "problem": row["problem"] or ""}
    return Entry(**row, accounting=Accounting(**lines, reject_reasons=reasons))
