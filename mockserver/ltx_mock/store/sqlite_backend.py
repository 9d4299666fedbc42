"""State in a SQLite file, for workers on one machine."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import TypeVar

from ltx_mock.core import system_time
from ltx_mock.store import sqlite_lines
from ltx_mock.store.backend import (
    ALIVE_SECONDS,
    BackendError,
    Change,
    Committed,
    Gone,
    Line,
    Missed,
    News,
    Outcome,
    Records,
)
from ltx_mock.store.sqlite_file import checkpoint, connect, explain, identity, patiently, transaction

T = TypeVar("T")

HISTORY_LENGTH = 10_000
"""So many of the latest commits are remembered for `Backend.news`, and up to a hundredth more for each process."""
POLL_SECONDS = 0.025
"""The time between two looks at what other processes have committed, since SQLite does not notify."""


class SqliteBackend:
    """See `ltx_mock.store.backend.Backend`.

    A thread owns the connection, so that the event loop goes on while a commit waits for the disk, which may take a
    hundred times as long as handing the call over.
    """

    def __init__(self, path: str | os.PathLike[str], *, patience: float = 5.0) -> None:
        """`patience` is how long to wait for other programs that have locked the file, in seconds."""
        self._path, self._patience = Path(path).absolute(), patience
        self._thread: ThreadPoolExecutor | None = None
        self._identity: tuple[int, int] | None = None
        self._noted = HISTORY_LENGTH
        self._db: sqlite3.Connection

    async def open(self) -> None:
        """See `Backend.open`."""
        self._thread = ThreadPoolExecutor(1, "ltx-mock-sqlite")
        try:
            self._db = await self._run(lambda: connect(self._path))
            self._identity = identity(self._path)
        except BaseException:
            self._stop()
            raise

    async def close(self) -> None:
        """See `Backend.close`."""
        if self._thread is not None:
            self._identity = None  # also what was removed is closed
            await self._run(self._db.close)
            self._stop()

    async def commit(self, changes: Sequence[Change]) -> list[Outcome]:
        """See `Backend.commit`; all changes are one transaction."""
        return await self._run(lambda: self._commit(changes))

    async def read(self, space: str, version: int = 0) -> Missed | Gone:
        """See `Backend.read`."""
        return await self._run(lambda: self._read(space, version))

    async def remove(self, spaces: Sequence[str], versions: Sequence[int] | None = None) -> frozenset[str]:
        """See `Backend.remove`."""
        return await self._run(lambda: self._remove(spaces, versions))

    async def lines(self, space: str, after: int = 0) -> list[Line]:
        """See `Backend.lines`."""
        return await self._run(lambda: sqlite_lines.read(self._db, space, after))

    async def forget_lines(self, space: str, up_to: int) -> None:
        """See `Backend.forget_lines`."""
        await self._run(lambda: self._forget_lines(space, up_to))

    async def space_of(self, record: str) -> str | None:
        """See `Backend.space_of`."""
        query = (
            "SELECT spaces.name FROM records JOIN spaces ON spaces.id = records.space"
            " WHERE records.name = ? AND records.value != x''"
        )
        found = await self._run(lambda: self._db.execute(query, (record,)).fetchone())
        return None if found is None else str(found[0])

    async def news(self, position: str = "") -> News:
        """See `Backend.news`."""
        return await self._run(lambda: self._news(position))

    async def wait_for_news(self, position: str, seconds: float) -> None:
        """See `Backend.wait_for_news`."""
        end = system_time.monotonic() + seconds
        while (  # noqa: ASYNC110 (other processes cannot set an event)
            await self._run(self._position) == position and (left := end - system_time.monotonic()) > 0
        ):
            await asyncio.sleep(min(left, POLL_SECONDS))

    async def sign_of_life(self, worker: str) -> frozenset[str]:
        """See `Backend.sign_of_life`."""
        return await self._run(lambda: self._sign_of_life(worker))

    async def time_ns(self) -> int:
        """See `Backend.time_ns`: the machine's time."""
        return system_time.unix_ns()

    async def _run(self, job: Callable[[], T]) -> T:
        if self._thread is None:
            raise BackendError(f"the store {self._path} is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, job)
        except sqlite3.Error as error:
            raise explain(self._path, error) from error

    def _do(self, job: Callable[[], T]) -> T:
        known = self._identity  # read once: `close` takes it away meanwhile
        if known is not None and identity(self._path) != known:
            raise BackendError(
                f"the store {self._path} was removed or replaced while in use: put it back, or start ltx-mock again"
            )
        return patiently(job, self._patience)

    def _stop(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None

    def _commit(self, changes: Sequence[Change]) -> list[Outcome]:
        with transaction(self._db):
            outcomes = [self._write(change) for change in changes]
            self._note([each.space for each, done in zip(changes, outcomes, strict=True) if type(done) is Committed])
        checkpoint(self._path, self._db)
        return outcomes

    def _write(self, change: Change) -> Outcome:
        db = self._db
        found = self._find(change.space)
        if found is None:
            if change.version:
                return Gone()
            space = db.execute("INSERT INTO spaces (name, version) VALUES (?, 0)", (change.space,)).lastrowid or 0
        else:
            space, version = found
            if version != change.version:
                return Missed(version, self._records(space, change.version))
        version = change.version + 1
        db.execute("UPDATE spaces SET version = ? WHERE id = ?", (version, space))
        db.executemany(
            "INSERT INTO records (space, name, version, value) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name, space) DO UPDATE SET version = excluded.version, value = excluded.value",
            [(space, name, version, value) for name, value in change.records.items()],
        )
        return Committed(version, sqlite_lines.append(db, space, change.lines))

    def _forget_lines(self, space: str, up_to: int) -> None:
        with transaction(self._db):
            sqlite_lines.forget(self._db, space, up_to)

    def _find(self, space: str) -> tuple[int, int] | None:
        """Return the id and the version of a space."""
        found: tuple[int, int] | None = self._db.execute(
            "SELECT id, version FROM spaces WHERE name = ?", (space,)
        ).fetchone()
        return found

    def _records(self, space: int, version: int) -> Records:
        query = "SELECT name, value FROM records WHERE space = ? AND version > ?"
        if not version:
            query += " AND value != x''"
        return dict(self._db.execute(query, (space, version)))

    def _read(self, space: str, version: int) -> Missed | Gone:
        with transaction(self._db, "DEFERRED"):
            found = self._find(space)
            return Gone() if found is None else Missed(found[1], self._records(found[0], version))

    def _remove(self, spaces: Sequence[str], versions: Sequence[int] | None) -> frozenset[str]:
        db = self._db
        with transaction(db):
            found = dict[str, int]()
            for name, version in zip(spaces, versions or repeat(None), strict=False):
                there = self._find(name)
                if there is not None and version in (None, there[1]):
                    found[name] = there[0]
            for space in found.values():
                db.execute("DELETE FROM records WHERE space = ?", (space,))
                db.execute("DELETE FROM lines WHERE space = ?", (space,))
                db.execute("DELETE FROM spaces WHERE id = ?", (space,))
            self._note(list(found))
        return frozenset(found)

    def _note(self, spaces: Sequence[str]) -> None:
        """Write into the history that these spaces changed."""
        if spaces:
            db = self._db
            db.executemany("INSERT INTO history (space) VALUES (?)", [(space,) for space in spaces])
            self._noted += len(spaces)
            if self._noted * 100 >= HISTORY_LENGTH:
                self._noted = 0
                db.execute("DELETE FROM history WHERE position <= last_insert_rowid() - ?", (HISTORY_LENGTH,))

    def _position(self) -> str:
        return str(self._db.execute("SELECT coalesce(max(position), 0) FROM history").fetchone()[0])

    def _news(self, position: str) -> News:
        db = self._db
        with transaction(db, "DEFERRED"):
            now = self._position()
            if not position:
                return News(now, frozenset())
            oldest = db.execute("SELECT coalesce(min(position), 1) FROM history").fetchone()[0]
            if not oldest - 1 <= int(position) <= int(now):
                return News(now, None)
            found = db.execute("SELECT DISTINCT space FROM history WHERE position > ?", (int(position),))
            return News(now, frozenset(space for (space,) in found))

    def _sign_of_life(self, worker: str) -> frozenset[str]:
        now, span = system_time.unix_ns(), int(ALIVE_SECONDS * 1e9)
        with transaction(self._db):
            self._db.execute("INSERT OR REPLACE INTO workers VALUES (?, ?)", (worker, now))
            # A sign from the future was given before the machine's time was set back.
            self._db.execute("DELETE FROM workers WHERE alive_ns NOT BETWEEN ? AND ?", (now - span, now + span))
            return frozenset(name for (name,) in self._db.execute("SELECT name FROM workers"))
