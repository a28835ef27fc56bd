"""The store as a file: made whole or not at all, locked, checked, migrated; and one transaction at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from cdnlog.errors import StoreBusy, StoreError, UsageError
from cdnlog.failpoints import failpoint
from cdnlog.history import VERSION, real
from cdnlog.history.packed import Damaged, plain
from cdnlog.text import visible
from cdnlog.urls import check_local

APPLICATION = 0x63646E6C  # "cdnl", by which file(1) and we know a store from any other database
_WAITING = 256 << 20  # bytes of logs whose counts may wait for one commit
_WAIT = 10.0  # seconds that a reader waits for a commit
_SCHEMA = """
PRAGMA page_size = 8192;
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE word (id INTEGER PRIMARY KEY, text NOT NULL UNIQUE);
CREATE TABLE night (
  number INTEGER PRIMARY KEY, newest INTEGER NOT NULL, ends INTEGER NOT NULL
);
CREATE TABLE file (
  id INTEGER PRIMARY KEY,
  folder INTEGER NOT NULL, name NOT NULL, key INTEGER NOT NULL,
  size INTEGER NOT NULL, mtime INTEGER NOT NULL, inode INTEGER NOT NULL,
  state TEXT NOT NULL, night INTEGER NOT NULL, retired INTEGER,
  kind TEXT, other, before INTEGER NOT NULL,
  sha BLOB, length INTEGER NOT NULL, format INTEGER, provider INTEGER, verdict TEXT NOT NULL, problem TEXT,
  lines INTEGER NOT NULL, counted INTEGER NOT NULL, rejected INTEGER NOT NULL, comments INTEGER NOT NULL,
  blank INTEGER NOT NULL, withheld INTEGER NOT NULL, reasons TEXT, offset INTEGER, over INTEGER NOT NULL,
  domain INTEGER, begins INTEGER, ends INTEGER, middle INTEGER, grain INTEGER NOT NULL, cells BLOB
);
CREATE INDEX file_path ON file (key);
CREATE INDEX file_content ON file (substr(sha, 1, 8));
CREATE INDEX file_night ON file (night);
CREATE INDEX file_retired ON file (retired) WHERE retired IS NOT NULL;
CREATE INDEX file_time ON file (ends, begins, grain) WHERE cells IS NOT NULL;
CREATE TABLE sketch (file INTEGER PRIMARY KEY, lines BLOB NOT NULL);
CREATE TABLE finding (
  night INTEGER NOT NULL, id TEXT NOT NULL, domain TEXT NOT NULL, status INTEGER NOT NULL, cause TEXT NOT NULL,
  requests INTEGER NOT NULL, total INTEGER NOT NULL, starts INTEGER NOT NULL, ends INTEGER NOT NULL,
  PRIMARY KEY (night, id)
) WITHOUT ROWID;
"""
_SECOND = """
CREATE TABLE day (start INTEGER PRIMARY KEY, cells BLOB NOT NULL);
CREATE TABLE told (place INTEGER PRIMARY KEY, finding TEXT NOT NULL);
"""
_THIRD = """
CREATE TABLE volume (hour INTEGER PRIMARY KEY, requests INTEGER NOT NULL);
INSERT INTO volume SELECT coalesce(middle, begins) / 3600 * 3600, sum(counted) FROM file
  WHERE state = 'counted' AND retired IS NULL AND begins IS NOT NULL GROUP BY 1;
"""
_FOURTH = """
DELETE FROM sketch;  -- lines were numbered otherwise, and cannot be compared
ALTER TABLE finding ADD COLUMN over INTEGER;
UPDATE finding SET over = night + 1 WHERE night < (SELECT max(number) FROM night);
ALTER TABLE file ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
UPDATE file SET requests = counted;
ALTER TABLE file ADD COLUMN others INTEGER NOT NULL DEFAULT 0;
"""
MIGRATIONS: Mapping[int, str] = {1: _SECOND, 2: _THIRD, 3: _FOURTH}
"""For each older version the statements that lead to the next one."""

_held: set[int] = set()  # descriptors of locks: a worker that was forked must not keep the lock of a dead parent


def _let_go() -> None:
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_let_go)


class Store:
    """An open store.

    Args:
        path: The file, for messages.
        connection: To it, in autocommit mode.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self.connection = path, connection
        self._together, self._waiting, self._sound = False, 0, False

    @contextmanager
    def transaction(self, weight: int = 0) -> Iterator[sqlite3.Connection]:
        """Do all of it or, on whatever error or signal, nothing of it.

        Args:
            weight: Bytes of logs to be read again if it were lost; within `together` only.
        """
        run = self.connection.execute
        with _told(self.path):
            failpoint()
            if not self.connection.in_transaction:
                run("BEGIN IMMEDIATE")
            run("SAVEPOINT step")
            try:
                yield self.connection
                failpoint()
                run("RELEASE step")
            except BaseException:
                with suppress(sqlite3.Error):  # after some errors SQLite has rolled back already
                    run("ROLLBACK TO step" if self._together else "ROLLBACK")
                raise
            self._waiting += weight
            if not self._together:
                self._commit()
            elif self._waiting >= _WAITING:
                self._check_packed()
                self._commit()
            failpoint()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Commit several transactions at once, to wait for the disk once.

        Those that are done are kept in any case but one: to a store that turns out to be damaged nothing is written.
        What is read of it is checked on the way; all of it is before the first of several commits, as what is read
        after that could not undo it.
        """
        self._together = True
        try:
            with _told(self.path):
                yield
        except StoreError:
            with suppress(sqlite3.Error):  # as above
                self.connection.execute("ROLLBACK")
            raise
        finally:
            self._together = False
            if self.connection.in_transaction:
                with _told(self.path):
                    self._commit()

    def _check_packed(self) -> None:
        if not self._sound:
            check_packed(self.connection)
            self._sound = True

    def _commit(self) -> None:
        self._waiting = 0
        failpoint()
        try:
            self.connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")
            raise

    def tidy(self) -> None:
        """Give freed space back where there is more of it than of what is left."""
        with _told(self.path):
            (free,), (pages,) = (self.connection.execute(f"PRAGMA {name}").fetchone() for name in _SIZES)
            if free > _FREE and free * 2 > pages:
                failpoint()
                self.connection.execute("VACUUM")
                failpoint()


_SIZES = ("freelist_count", "page_count")
_FREE = 512  # pages below which nobody cares


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """Open a store to read it.

    Raises:
        StoreError: It is no store, or damaged.
        StoreBusy: A night is just being written.
        UsageError: There is none, or a newer cdnlog wrote it.
    """
    check_local(path)
    if not path.exists():
        raise UsageError(f"there is no store {visible(path)}; 'cdnlog nightly PATH... --store FILE' makes one")
    with _told(path), closing(_connected(path)) as connection:
        connection.execute("BEGIN")  # all that is read is of one moment: a commit waits until it is read
        if _version(path, connection) < VERSION:
            raise UsageError(f"{visible(path)} is of an older version; the next 'cdnlog nightly' migrates it")
        yield Store(path, connection)


@contextmanager
def writing(path: Path) -> Iterator[Store]:
    """Lock a store, make it if there is none, check it, migrate it, and open it to be written.

    Raises:
        StoreBusy: Another run has it.
        StoreError: It is no store, damaged, cannot be written, or its folder does not exist.
        UsageError: A newer cdnlog wrote it.
    """
    check_local(path)
    path = real(path) if path.is_symlink() else path
    if path.is_symlink():
        raise StoreError(visible(path), "it is a link to itself", "name a file")
    if not path.parent.is_dir():
        raise StoreError(visible(path), "its folder does not exist", "make it first")
    with _locked(path):
        with _written(path), _told(path):
            sweep(path.parent, path)
            if not path.exists():
                _make(path)
        with _told(path), closing(_connected(path)) as connection:
            version = _version(path, connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_spill = OFF")  # readers are not kept out before a commit
            _check(path, connection)
            if version < VERSION:
                check_packed(connection)
                with _written(path):
                    _migrate(path, connection, version)
            yield Store(path, connection)


def sweep(folder: Path, store: Path) -> None:
    """Remove what runs with this store that were killed left in a folder; its lock must be held."""
    for stray in folder.glob(f"{temporary_prefix(store)}*"):
        if stray.is_dir():
            shutil.rmtree(stray)
        else:
            stray.unlink()


def temporary_prefix(store: Path) -> str:
    """Return how all temporary files of runs with this store begin: whoever holds its lock may remove them."""
    return f".cdnlog-nightly-{sha256(os.fsencode(real(store))).hexdigest()[:8]}-"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = path.with_name(f"{path.name}.lock")
    try:
        handle = _lock(lock)
    except OSError as error:
        raise StoreError(visible(path), f"cannot lock {visible(lock)}: {error.strerror or error}") from error
    if handle is None:
        raise StoreBusy(visible(path))
    _held.add(handle)
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
        _held.discard(handle)
        os.close(handle)


def _lock(lock: Path) -> int | None:
    """Return the descriptor of the locked file, None if another run has it."""
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):  # who had it may have removed it between our two calls
                if os.stat(lock).st_ino == os.fstat(handle).st_ino:  # noqa: PTH116 - beside fstat
                    return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _make(path: Path) -> None:
    """Make an empty store, which appears under its name when it is whole."""
    with _whole(path, path) as made, closing(sqlite3.connect(made, isolation_level=None)) as connection:
        marks = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
        connection.executescript(f"{_SCHEMA} {' '.join(MIGRATIONS.values())} {marks}")
    sync(path.parent)
    failpoint()


@contextmanager
def _whole(path: Path, store: Path) -> Iterator[Path]:
    """Give a place for a file that appears under its name when it is whole; what does not become so is removed."""
    made = path.with_name(f"{temporary_prefix(store)}store.tmp")
    try:
        yield made
        sync(made)
        failpoint()
        made.replace(path)
    finally:
        for suffix in ("", "-journal"):
            with suppress(OSError):  # what cannot be removed now is swept by the next run
                Path(f"{made}{suffix}").unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _connected(path: Path) -> sqlite3.Connection:
    if path.is_dir():
        raise StoreError(visible(path), "it is a folder", "name a file")
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=_WAIT)


def _version(path: Path, connection: sqlite3.Connection) -> int:
    """Return the version of a store.

    Raises:
        StoreError: It is no store.
        UsageError: A newer cdnlog wrote it.
    """
    where = visible(path)
    try:
        connection.execute("SELECT * FROM sqlite_master").fetchall()
    except UnicodeDecodeError as error:  # what SQLite says of them quotes them
        raise StoreError(where, "its tables cannot be read", _RESTORE) from error
    (kind,), (version,) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
    )
    if kind != APPLICATION:
        raise StoreError(where, "it is no store of cdnlog", "name another file, or restore a copy")
    if version < 1:
        raise StoreError(where, f"it is no store of cdnlog (version {version})", "name another file, or restore a copy")
    if version > VERSION:
        raise UsageError(f"{where} was written by a newer cdnlog (version {version}, this one knows {VERSION}); update")
    return int(version)


def _check(path: Path, connection: sqlite3.Connection) -> None:
    """Make sure that a store is sound.

    Raises:
        StoreError: It is not.
    """
    (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if result != "ok":
        raise StoreError(visible(path), f"it fails SQLite's integrity check ({visible(result)})", _RESTORE)


def check_packed(connection: sqlite3.Connection) -> None:
    """Make sure that all packed counts and lines of a store can be unpacked; it takes a second for a year of files.

    Raises:
        Damaged: Some cannot.
    """
    for table, column in connection.execute(_BLOBS).fetchall():
        for (blob,) in connection.execute(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"):  # noqa: S608
            plain(blob)


def _migrate(path: Path, connection: sqlite3.Connection, version: int) -> None:
    """Lead an older store to this version, one transaction for all steps; a copy is made first."""
    copy = path.with_name(f"{path.name}.v{version}")
    with _whole(copy, path) as draft, closing(sqlite3.connect(draft)) as to:
        connection.backup(to)
    failpoint()
    steps = "".join(MIGRATIONS[step] for step in range(version, VERSION))
    connection.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {VERSION}; COMMIT;")
    failpoint()


_RESTORE = "restore a copy, or move it away and count the logs anew"
_BLOBS = """SELECT tables.name, columns.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
  WHERE tables.type = 'table' AND columns.name IN ('cells', 'lines') AND columns.type = 'BLOB'"""


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say what SQLite says in words that tell what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise StoreBusy(visible(path)) from error
        raise StoreError(visible(path), str(error), _RESTORE if "decode" in str(error) else "") from error
    except (sqlite3.DatabaseError, Damaged) as error:
        raise StoreError(visible(path), str(error), _RESTORE) from error


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Say what the operating system says of files beside a store that cannot be written."""
    try:
        yield
    except OSError as error:
        raise StoreError(visible(path), error.strerror or str(error)) from error
