"""What only the SQLite backend can break: the file, the disk, other programs, and the end of the process."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import time_machine

from ltx_mock.core import system_time
from ltx_mock.store import sqlite_backend, sqlite_file
from ltx_mock.store.backend import ALIVE_SECONDS, BackendError, Change, Committed, Gone, Line, Missed, News
from ltx_mock.store.sqlite_backend import SqliteBackend
from ltx_mock.store.sqlite_file import APPLICATION_ID, MIGRATIONS
from ltx_mock.store.sqlite_lines import ROW_BYTES

NEW_INDEX = ("CREATE INDEX lines_by_value ON lines (value)",)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state #1%3f.db"


@asynccontextmanager
async def opened(path: Path, patience: float = 5.0) -> AsyncIterator[SqliteBackend]:
    backend = SqliteBackend(path, patience=patience)
    await backend.open()
    try:
        yield backend
    finally:
        await backend.close()


def raw(path: Path, *statements: str) -> None:
    """Change the file as another program would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def fill(path: Path) -> None:
    """Make a store with one space."""

    async def story() -> None:
        async with opened(path) as backend:
            changes = [Change("a", 0, {f"record-{number}": b"x" * 500 for number in range(200)}, [b"line"])]
            assert await backend.commit(changes) == [Committed(1, 1)]

    asyncio.run(story())


def refusal(path: Path) -> str:
    """Return why the file is not opened, in one line that names it."""

    async def story() -> str:
        with pytest.raises(BackendError) as caught:
            async with opened(path, patience=0.01):
                pass
        return str(caught.value)

    text = asyncio.run(story())
    assert str(path) in text
    assert "\n" not in text
    return text


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.mark.posix
def test_only_the_user_can_read_the_files(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as backend:
            await backend.commit([Change("a", 0, {"key": b"secret"})])
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
            assert modes == {path.name + end: 0o600 for end in ("", "-wal", "-shm")}

    asyncio.run(story())
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    fill(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_commit_waits_for_the_disk(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as backend:
            assert await backend._run(lambda: backend._db.execute("PRAGMA synchronous").fetchone()) == (2,)  # FULL

    asyncio.run(story())


COMMIT_FOREVER = """
import asyncio, sys
from itertools import count
from ltx_mock.store.backend import Change, Committed
from ltx_mock.store.sqlite_backend import SqliteBackend

async def main():
    backend = SqliteBackend(sys.argv[1])
    await backend.open()
    for version in count():
        change = Change("a", version, {f"record-{version}": b"x", "last": b"%d" % version}, [b"%d" % version])
        (done,) = await backend.commit([change])
        assert isinstance(done, Committed)
        print(done.version, flush=True)

asyncio.run(main())
"""


@pytest.mark.posix
def test_a_killed_process_loses_nothing_that_was_acknowledged(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", COMMIT_FOREVER, path], stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        for _ in range(25):
            assert worker.stdout.readline()
        worker.kill()
        acknowledged = [25, *map(int, worker.stdout.read().split())][-1]
    assert worker.returncode == -signal.SIGKILL

    async def story() -> None:
        async with opened(path) as backend:
            found = await backend.read("a")
            assert isinstance(found, Missed)
            made = found.version
            assert acknowledged <= made <= acknowledged + 1
            assert found.records == {f"record-{version}": b"x" for version in range(made)} | {
                "last": b"%d" % (made - 1)
            }
            assert await backend.lines("a") == [Line(version + 1, b"%d" % version) for version in range(made)]

    asyncio.run(story())


OPEN_AND_COMMIT = """
import asyncio, sys
from ltx_mock.store.backend import Change
from ltx_mock.store.sqlite_backend import SqliteBackend

async def main():
    backend = SqliteBackend(sys.argv[1])
    sys.stdin.read()
    await backend.open()
    await backend.commit([Change(sys.argv[2], 0, {}, [b"line"])])
    await backend.close()

asyncio.run(main())
"""


def test_workers_may_make_the_file_at_the_same_time(path: Path) -> None:
    names = ["a", "b", "c", "d"]
    command = [sys.executable, "-c", OPEN_AND_COMMIT, str(path)]
    workers = [subprocess.Popen([*command, name], stdin=subprocess.PIPE) for name in names]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.close()
    assert [worker.wait() for worker in workers] == [0] * len(names)

    async def story() -> None:
        async with opened(path) as backend:
            lines = [line.number for name in names for line in await backend.lines(name)]
            assert sorted(lines) == [1, 2, 3, 4]

    asyncio.run(story())


def test_a_full_disk_stops_whole_batches_until_there_is_space_again(path: Path) -> None:
    small, large = Change("a", 1, {"x": b"2"}, [b"2"]), Change("b", 0, {"x": b"x" * 1_000_000})

    async def story() -> None:
        async with opened(path) as backend:
            await backend.commit([Change("a", 0, {"x": b"1"}, [b"1"])])
            await backend._run(lambda: backend._db.execute("PRAGMA max_page_count = 60"))
            with pytest.raises(BackendError, match="disk is full: free some space"):
                await backend.commit([small, large])
            assert await backend.read("a") == Missed(1, {"x": b"1"})
            assert await backend.lines("a") == [Line(1, b"1")]
            assert await backend.read("b") == Gone()
            await backend._run(lambda: backend._db.execute("PRAGMA max_page_count = 10000"))
            assert await backend.commit([small, large]) == [Committed(2, 2), Committed(1)]

    asyncio.run(story())


FILL_UP = """
import asyncio, resource, sys
from ltx_mock.store.backend import BackendError, Change, Missed
from ltx_mock.store.sqlite_backend import SqliteBackend

async def main():
    backend = SqliteBackend(sys.argv[1])
    await backend.open()
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    version = 0
    try:
        while True:
            await backend.commit([Change("a", version, {str(version): b"x" * 9000})])
            version += 1
    except BackendError as error:
        print(error)
    assert 5 < version < 45
    assert (await backend.read("a")).version == version
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    await backend.commit([Change("a", version, {str(version): b"x"})])
    assert len((await backend.read("a")).records) == version + 1
    await backend.close()

asyncio.run(main())
"""


@pytest.mark.posix
def test_a_file_that_may_not_grow_stops_commits_until_it_may(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FILL_UP, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cannot be read or written: look for a full or broken disk" in done.stdout


def test_a_locked_file_is_waited_for_but_not_forever(path: Path) -> None:
    fill(path)

    async def story() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as shell:
            async with opened(path) as patient, opened(path, patience=0.01) as impatient:
                shell.execute("BEGIN IMMEDIATE")
                waiting = asyncio.create_task(patient.commit([Change("b", 0, {})]))
                with pytest.raises(BackendError, match="locked by another program"):
                    await impatient.commit([Change("a", 1, {})])
                assert await impatient.read("b") == Gone(), "reading goes on"
                assert not waiting.done()
                shell.execute("ROLLBACK")
                assert await waiting == [Committed(1)]
                assert await impatient.commit([Change("a", 1, {})]) == [Committed(2)]

    asyncio.run(story())


def test_a_file_that_is_locked_at_the_start_is_reported(path: Path) -> None:
    fill(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        assert "locked by another program" in refusal(path)


def test_a_log_that_is_too_long_is_emptied_as_soon_as_nobody_reads_from_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "LOG_PAGES", 0)
    monkeypatch.setattr(sqlite_file, "MAX_LOG_BYTES", 300_000)
    log = path.with_name(f"{path.name}-wal")

    async def story() -> None:
        async with opened(path) as backend:
            with closing(sqlite3.connect(path, isolation_level=None)) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT * FROM spaces").fetchall()
                for version in range(5):
                    await backend.commit([Change("a", version, {f"{version}": b"x" * 100_000})])
                assert log.stat().st_size > 500_000
                assert isinstance(await backend.read("a"), Missed)
            await backend.commit([Change("a", 5, {"5": b"x"})])
            assert log.stat().st_size == 0
            found = await backend.read("a")
            assert isinstance(found, Missed)
            assert sorted(found.records) == ["0", "1", "2", "3", "4", "5"]

    asyncio.run(story())


def test_a_batch_that_cannot_be_written_is_undone(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as backend:
            with pytest.raises(UnicodeEncodeError):
                await backend.commit([Change("a", 0, {"x": b"1"}), Change("b", 0, {"\ud800": b"1"})])
            assert await backend.read("a") == Gone()
            assert await backend.commit([Change("a", 0, {})]) == [Committed(1)]

    asyncio.run(story())


def test_a_removed_space_leaves_nothing_in_the_file(path: Path) -> None:
    async def story() -> None:
        fill_up = Change("a", 0, {"x": b"1"}, [b"line"])
        async with opened(path) as backend:
            await backend.commit([fill_up, fill_up._replace(space="b")])
            await backend.remove(["a"])

    asyncio.run(story())
    with closing(sqlite3.connect(path)) as db:
        counts = [db.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("spaces", "records", "lines")]
        assert counts == [(1,)] * 3


def no_sqlite(path: Path) -> None:
    path.write_bytes(b"a text of another program, which is long enough for a header of SQLite " * 9)


def of_another_program(path: Path) -> None:
    raw(path, "PRAGMA application_id = 77", "CREATE TABLE spaces (name)")


def without_an_application(path: Path) -> None:
    raw(path, "PRAGMA journal_mode = WAL", "CREATE TABLE users (name)", "INSERT INTO users VALUES ('a')")


def of_a_killed_program(path: Path) -> None:
    """What was committed last is in the log, where SQLite would take it from."""
    source = path.with_suffix(".source")
    with closing(sqlite3.connect(source, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE users (name)")
        for end in ("", "-wal"):
            shutil.copy(f"{source}{end}", f"{path}{end}")


def newer(path: Path) -> None:
    fill(path)
    raw(path, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")


def cut_off(path: Path) -> None:
    fill(path)
    os.truncate(path, path.stat().st_size // 2)


def damaged(path: Path) -> None:
    """The header is whole, the rest of its page is not."""
    fill(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * 3900 + whole[4000:])


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (no_sqlite, "is no SQLite file: name another file"),
        (of_another_program, "belongs to another program: name another file"),
        (without_an_application, "belongs to another program: name another file"),
        (of_a_killed_program, "belongs to another program: name another file"),
        (newer, "was made by a newer ltx-mock: update this one, or move it away to begin anew"),
        (cut_off, "is damaged: put back a copy, or move it away to begin anew"),
        (damaged, "is damaged: put back a copy, or move it away to begin anew"),
    ],
)
def test_a_file_that_is_no_store_of_ours_is_refused_untouched(
    path: Path, make: Callable[[Path], None], expected: str
) -> None:
    make(path)
    before = contents(path.parent)
    assert expected in refusal(path)
    assert contents(path.parent) == before


def test_damage_that_is_found_later_is_reported(path: Path) -> None:
    fill(path)
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + b"\xff" * (len(whole) - middle))

    async def story() -> None:
        async with opened(path) as backend:
            with pytest.raises(BackendError, match="is damaged: put back a copy"):
                await backend.read("a")

    asyncio.run(story())


def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    assert "is a directory: name a file in it" in refusal(tmp_path)
    assert f"make the directory {tmp_path / 'missing'} first" in refusal(tmp_path / "missing" / "state.db")
    (tmp_path / "file").touch()
    assert "cannot be made (Not a directory): name another file" in refusal(tmp_path / "file" / "state.db")
    assert "cannot be made (File name too long): name another file" in refusal(tmp_path / ("x" * 300))
    assert not (tmp_path / "missing").exists()


@pytest.mark.posix
def test_a_device_is_refused() -> None:
    assert "is no regular file" in refusal(Path(os.devnull))


NO_ACCESS = "cannot be used: allow this user to read and write it, and to make files in its directory"
OPEN_AS_NOBODY = """
import asyncio, os, sys
from ltx_mock.store.backend import BackendError
from ltx_mock.store.sqlite_backend import SqliteBackend

if os.geteuid() == 0:
    os.setuid(65534)

async def main():
    try:
        await SqliteBackend(sys.argv[1]).open()
    except BackendError as error:
        print(error)

asyncio.run(main())
"""


@pytest.mark.posix
@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "expected"),
    [
        (0o444, 0o777, NO_ACCESS),
        (0o000, 0o777, NO_ACCESS),
        (0o666, 0o555, NO_ACCESS),
        (None, 0o555, "cannot be made (Permission denied): name another file"),
        (0o666, 0o000, "cannot be made (Permission denied): name another file"),
    ],
    ids=["read-only", "unreadable", "read-only-directory", "not-there-in-read-only-directory", "unreadable-directory"],
)
def test_a_file_without_permissions_is_refused_untouched(
    file_mode: int | None, folder_mode: int, expected: str
) -> None:
    with TemporaryDirectory() as folder:  # the folders of pytest are closed to other users
        path = Path(folder) / "state.db"
        if file_mode is not None:
            fill(path)
            path.chmod(file_mode)
        before = contents(path.parent)
        path.parent.chmod(folder_mode)
        done = subprocess.run([sys.executable, "-c", OPEN_AS_NOBODY, path], capture_output=True, text=True, check=False)
        assert f"the store {path} {expected}" in done.stdout, done.stderr
        path.parent.chmod(0o700)
        for each in path.parent.iterdir():
            each.chmod(0o600)
        assert contents(path.parent) == before


def test_a_file_of_an_older_version_is_migrated_and_then_too_new_for_the_old(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    with monkeypatch.context() as newer_release:
        newer_release.setattr(sqlite_file, "MIGRATIONS", (*MIGRATIONS, NEW_INDEX))

        async def story() -> None:
            async with opened(path) as backend:
                assert await backend.lines("a") == [Line(1, b"line")]
                assert await backend.commit([Change("a", 1, {}, [b"line 2"])]) == [Committed(2, 2)]

        asyncio.run(story())
        asyncio.run(reopen(path))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
        assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'lines_by_value'").fetchone() == (1,)
    assert "newer ltx-mock" in refusal(path)


async def reopen(path: Path) -> None:
    async with opened(path) as backend:
        assert isinstance(await backend.read("a"), Missed)


def rows(path: Path) -> list[int]:
    """Return the numbers of the rows of lines."""
    with closing(sqlite3.connect(path)) as db:
        return [number for (number,) in db.execute("SELECT number FROM lines ORDER BY number")]


def test_the_lines_of_a_commit_are_one_row_unless_they_are_large(path: Path) -> None:
    large = b"x" * (ROW_BYTES // 2)

    async def story() -> None:
        async with opened(path) as backend:
            await backend.commit([Change("a", 0, {}, [b"1", b"", b"3"]), Change("b", 0, {}, [b"4"])])
            await backend.commit([Change("a", 1, {}, [large, large, b"7"])])
            lines = [Line(1, b"1"), Line(2, b""), Line(3, b"3"), Line(5, large), Line(6, large), Line(7, b"7")]
            assert await backend.lines("a") == lines
            for number in range(8):
                assert await backend.lines("a", number) == [line for line in lines if line.number > number]

    asyncio.run(story())
    assert rows(path) == [3, 4, 5, 6, 7]


@pytest.mark.parametrize("up_to", range(7))
def test_some_of_the_lines_of_a_commit_can_be_forgotten(path: Path, up_to: int) -> None:
    async def story() -> None:
        async with opened(path) as backend:
            await backend.commit([Change("a", 0, {}, [b"1", b"22", b""]), Change("b", 0, {}, [b"4"])])
            await backend.commit([Change("a", 1, {}, [b"5", b"6"])])
            lines = await backend.lines("a")
            await backend.forget_lines("a", up_to)
            assert await backend.lines("a") == [line for line in lines if line.number > up_to]
            assert await backend.lines("b") == [Line(4, b"4")]
            assert await backend.commit([Change("a", 2, {}, [b"7"])]) == [Committed(3, 7)]

    asyncio.run(story())


def test_lines_of_the_first_version_of_the_file_are_read_and_forgotten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def make() -> None:
        async with opened(path):
            pass

    with monkeypatch.context() as first_release:
        first_release.setattr(sqlite_file, "MIGRATIONS", MIGRATIONS[:1])
        asyncio.run(make())
    insert = "INSERT INTO lines (space, value) VALUES (1, x'31'), (1, x'32')"
    raw(path, "INSERT INTO spaces (name, version) VALUES ('a', 1)", insert)

    async def story() -> None:
        async with opened(path) as backend:
            assert await backend.commit([Change("a", 1, {}, [b"3", b"4"])]) == [Committed(2, 3)]
            assert [line.value for line in await backend.lines("a")] == [b"1", b"2", b"3", b"4"]
            await backend.forget_lines("a", 1)
            assert [line.value for line in await backend.lines("a", 2)] == [b"3", b"4"]
            assert await backend.lines("a") == [Line(2, b"2"), Line(3, b"3"), Line(4, b"4")]

    asyncio.run(story())


def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path)
    before = contents(path.parent)
    with monkeypatch.context() as newer_release:
        newer_release.setattr(sqlite_file, "MIGRATIONS", (*MIGRATIONS, (*NEW_INDEX, "CREATE TABLE spaces (name)")))
        assert "cannot be used (SQLite: table spaces already exists)" in refusal(path)
    assert contents(path.parent) == before


def test_a_position_before_the_remembered_history_may_have_missed_anything(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_backend, "HISTORY_LENGTH", 3)

    async def story() -> None:
        async with opened(path) as backend:
            positions = []
            for name in "abcde":
                positions.append((await backend.news()).position)
                await backend.commit([Change(name, 0, {})])
            now = (await backend.news()).position
            assert [await backend.news(position) for position in positions] == [
                News(now, None),
                News(now, None),
                News(now, frozenset("cde")),
                News(now, frozenset("de")),
                News(now, frozenset("e")),
            ]
            assert await backend.news("99") == News(now, None), "of a file that was there before"

    asyncio.run(story())


def test_the_history_is_little_longer_than_what_is_remembered(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_backend, "HISTORY_LENGTH", 200)

    async def kept_after(backend: SqliteBackend, version: int) -> int:
        await backend.commit([Change("a", version, {})])
        kept: int = await backend._run(lambda: backend._db.execute("SELECT count(*) FROM history").fetchone()[0])
        return kept

    async def story() -> None:
        async with opened(path) as backend:
            for version in range(300):
                assert min(version, 200) <= await kept_after(backend, version) <= 202
        for version in range(300, 310):
            async with opened(path) as backend:
                assert 200 <= await kept_after(backend, version) <= 202

    asyncio.run(story())


def test_a_worker_without_a_sign_of_life_is_no_longer_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 1_800_000_000.0
    monkeypatch.setattr(system_time, "unix_ns", lambda: int(seconds * 1e9))

    async def story() -> None:
        nonlocal seconds
        async with opened(path) as backend:
            await backend.sign_of_life("one")
            seconds += ALIVE_SECONDS - 0.01
            assert await backend.sign_of_life("two") == {"one", "two"}
            seconds += 0.02
            assert await backend.sign_of_life("three") == {"two", "three"}
            seconds -= 1
            assert await backend.sign_of_life("two") == {"two", "three"}, "given while this one waited for the file"
            seconds -= 3600
            assert await backend.sign_of_life("three") == {"three"}, "the machine's time was set back"

    asyncio.run(story())


def test_time_goes_on_while_a_test_has_frozen_it(path: Path) -> None:
    async def story() -> None:
        backend = SqliteBackend(path)
        before = await backend.time_ns()
        with time_machine.travel(1, tick=False):
            assert before <= await backend.time_ns() < before + 60 * 10**9

    asyncio.run(story())


def test_a_closed_backend_says_so(path: Path) -> None:
    async def story() -> None:
        async with opened(path) as backend:
            pass
        await backend.close()
        with pytest.raises(BackendError, match="is closed"):
            await backend.commit([])

    asyncio.run(story())


def test_a_backend_that_could_not_open_may_try_again(tmp_path: Path) -> None:
    async def story() -> None:
        backend = SqliteBackend(tmp_path / "later" / "state.db")
        with pytest.raises(BackendError):
            await backend.open()
        (tmp_path / "later").mkdir()
        await backend.open()
        assert await backend.read("a") == Gone()
        await backend.close()

    asyncio.run(story())
