"""The kinds of backends under test. Each opens two handles of one new, empty state, which act as two workers."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from ltx_mock.store.backend import Backend
from ltx_mock.store.sqlite_backend import SqliteBackend
from support.memory_backend import MemoryBackend, State

Opened: TypeAlias = AbstractAsyncContextManager[tuple[Backend, Backend]]
Open: TypeAlias = Callable[[Path], Opened]
"""What opens the handles; it may keep files in a folder."""
FILES = itertools.count()


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[tuple[Backend, Backend]]:
    state = State()
    yield MemoryBackend(state), MemoryBackend(state)


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[tuple[Backend, Backend]]:
    """The disk's speed does not matter here: test_sqlite_backend.py tests what survives."""
    path = folder / f"{next(FILES)}.db"
    one, two = SqliteBackend(path), SqliteBackend(path)
    async with AsyncExitStack() as opened:
        for each in (one, two):
            await each.open()
            opened.push_async_callback(each.close)
            await each._run(partial(each._db.execute, "PRAGMA synchronous = OFF"))
        yield one, two


BACKENDS = [pytest.param(memory, id="memory"), pytest.param(sqlite, id="sqlite")]
"""One `Open` for each kind; a kind that needs a program bears its mark."""
