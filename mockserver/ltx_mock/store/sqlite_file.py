"""The file of the SQLite backend: how it is made, recognized, migrated and opened, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from os import stat  # tests of users replace `os.stat`
from pathlib import Path
from typing import TypeVar

from ltx_mock.core import system_time
from ltx_mock.store.backend import BackendError, NotReachedError

T = TypeVar("T")

APPLICATION_ID = int.from_bytes(b"LTXM")
"""Marks our files. SQLite keeps this number at byte 68 of the file, and `file` shows it."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE spaces (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, version INTEGER NOT NULL)",
        """CREATE TABLE records (id INTEGER PRIMARY KEY, space INTEGER NOT NULL, name TEXT NOT NULL,
        version INTEGER NOT NULL, value BLOB NOT NULL, UNIQUE (name, space))""",
        "CREATE INDEX records_by_version ON records (space, version)",
        "CREATE TABLE lines (number INTEGER PRIMARY KEY AUTOINCREMENT, space INTEGER NOT NULL, value BLOB NOT NULL)",
        "CREATE INDEX lines_by_space ON lines (space)",
        "CREATE TABLE history (position INTEGER PRIMARY KEY AUTOINCREMENT, space TEXT NOT NULL)",
        "CREATE TABLE workers (name TEXT PRIMARY KEY, alive_ns INTEGER NOT NULL) WITHOUT ROWID",
    ),
    ("ALTER TABLE lines ADD COLUMN sizes TEXT",),
)
"""What makes a file of each version, from 1 on, out of one of the version before. A released one never changes."""

LOG_PAGES = 4000
"""The length of SQLite's log (`-wal`), 16 MB, from which on SQLite itself copies it into the file and begins it anew.

It cannot begin anew while other workers go on writing.
"""
MAX_LOG_BYTES = 20_000_000
"""The length of the log above which others have to wait for that."""

_MOVE = "move it away to begin anew"
_NO_ACCESS = "cannot be used: allow this user to read and write it, and to make files in its directory"
_MEANINGS = {
    sqlite3.SQLITE_BUSY: "is locked by another program: end it; it may be a backup or a shell in a transaction",
    sqlite3.SQLITE_CANTOPEN: _NO_ACCESS,
    sqlite3.SQLITE_CORRUPT: f"is damaged: put back a copy, or {_MOVE}",
    sqlite3.SQLITE_FULL: "cannot grow, since the disk is full: free some space",
    sqlite3.SQLITE_IOERR: "cannot be read or written: look for a full or broken disk, or a limit on the size of files",
    sqlite3.SQLITE_NOTADB: "is no SQLite file: name another file",
    sqlite3.SQLITE_READONLY: _NO_ACCESS,
}


def explain(path: Path, error: sqlite3.Error) -> BackendError:
    """Return an error that says in one line what happened to the file, and what to do."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    meaning = _MEANINGS.get(code, "cannot be used")
    kind = NotReachedError if code == sqlite3.SQLITE_BUSY else BackendError
    return kind(f"the store {path} {meaning} (SQLite: {error})")


@contextmanager
def transaction(db: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """Write everything in the block or nothing; `DEFERRED` gives reads one common moment."""
    db.execute(f"BEGIN {kind}")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def patiently(job: Callable[[], T], patience: float) -> T:
    """Do something as soon as no other program has locked the file, for so many seconds at most.

    SQLite's own way of waiting sleeps up to 100 ms at a time, so that among busy workers some would starve; and it does
    not wait everywhere.
    """
    end = system_time.monotonic() + patience
    while True:
        try:
            return job()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or system_time.monotonic() > end:
                raise
        system_time.sleep(0.001)


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells the file at a path from every other one; None if there is none."""
    try:
        status = stat(path)  # noqa: PTH116 (it takes half the time)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def checkpoint(path: Path, db: sqlite3.Connection) -> None:
    """Empty the log if it is too long and nobody reads from it. Call it after a transaction."""
    with suppress(OSError, sqlite3.OperationalError):  # what was committed is on the disk anyhow
        if stat(f"{path}-wal").st_size > MAX_LOG_BYTES:  # noqa: PTH116 (it takes half the time)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file at an absolute path; make it if there is none, and migrate it if it is of an older version.

    A file that is not ours, or of a newer version, is not touched.

    Raises:
        BackendError: it should not be opened.
        sqlite3.Error: it cannot be opened.
    """
    _make(path)
    _check_untouched(path)
    db = _connect(path, "mode=rw")
    try:
        _prepare(path, db)
    except BaseException:
        db.close()
        raise
    return db


def _make(path: Path) -> None:
    """Make an empty file that only this user can read: it will hold API keys."""
    try:
        if path.is_dir():
            raise BackendError(f"the store {path} is a directory: name a file in it, such as {path / 'ltx-mock.db'}")
        if path.exists() and not path.is_file():
            raise BackendError(f"the store {path} is no regular file: name another file")
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        # Never open and close it ourselves: that would free the locks of other connections in this process.
        if not (os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK)):
            raise BackendError(f"the store {path} {_NO_ACCESS}") from None
    except FileNotFoundError:
        raise BackendError(f"the store {path} cannot be made: make the directory {path.parent} first") from None
    except OSError as error:
        raise BackendError(f"the store {path} cannot be made ({error.strerror}): name another file") from error


def _connect(path: Path, options: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?{options}", uri=True, timeout=0, isolation_level=None)


def _check_untouched(path: Path) -> None:
    """Check a file as it lies there: without locks, and without ending what a killed program had begun."""
    if path.stat().st_size:
        with closing(_connect(path, "immutable=1")) as db:
            try:
                _check(path, db)
            except sqlite3.DatabaseError as error:
                # Without locks, a file that another worker is making looks damaged.
                if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                    raise


def _check(path: Path, db: sqlite3.Connection) -> int:
    """Return the version of the file; refuse a file of others, and one of a newer version."""
    application, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if application != APPLICATION_ID:
        raise BackendError(f"the store {path} belongs to another program: name another file")
    if version > len(MIGRATIONS):
        raise BackendError(f"the store {path} was made by a newer ltx-mock: update this one, or {_MOVE}")
    return int(version)


def _prepare(path: Path, db: sqlite3.Connection) -> None:
    with transaction(db):
        empty = not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        version = 0 if empty else _check(path, db)
        for statement in (each for migration in MIGRATIONS[version:] for each in migration):
            db.execute(statement)
        if version < len(MIGRATIONS):
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
