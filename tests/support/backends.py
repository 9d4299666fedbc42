"""The kinds of backends under test. Each opens two handles of one new, empty state, which act as two workers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis.stateful import RuleBasedStateMachine

from ltx_mock.store.backend import Backend
from ltx_mock.store.sqlite_backend import SqliteBackend
from support.memory_backend import MemoryBackend, State
from support.redis_servers import RedisServer, shared_cluster, shared_server

Opened: TypeAlias = AbstractAsyncContextManager[tuple[Backend, Backend]]
Open: TypeAlias = Callable[[Path], Opened]
"""What opens the handles; it may keep files in a folder."""
FILES = itertools.count()


class TwoWorkers(RuleBasedStateMachine):
    """A state machine that uses two handles of one state.

    Attributes:
        runner: Runs the coroutines.
        backends: The handles.
    """

    def __init__(self, opened: Opened) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.backends = self.runner.run(opened.__aenter__())
        self._opened = opened

    def teardown(self) -> None:
        with self.runner:
            self.runner.run(self._opened.__aexit__(None, None, None))


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


@asynccontextmanager
async def redis(_: Path) -> AsyncIterator[tuple[Backend, Backend]]:
    server = shared_server()
    server.command("FLUSHALL")
    async with _opened(server, server) as handles:
        yield handles


@asynccontextmanager
async def redis_cluster(_: Path) -> AsyncIterator[tuple[Backend, Backend]]:
    """Each handle is given the address of another node."""
    nodes = shared_cluster()
    for node in nodes:
        node.command("FLUSHALL")
    async with _opened(*nodes[:2]) as handles:
        yield handles


@asynccontextmanager
async def _opened(*servers: RedisServer) -> AsyncIterator[tuple[Backend, Backend]]:
    from ltx_mock.store.redis_backend import RedisBackend

    one, two = (RedisBackend(server.url) for server in servers)
    async with AsyncExitStack() as opened:
        for each in (one, two):
            await each.open()
            opened.push_async_callback(each.close)
        yield one, two


BACKENDS = [
    pytest.param(memory, id="memory"),
    pytest.param(sqlite, id="sqlite"),
    pytest.param(redis, id="redis", marks=pytest.mark.redis),
    pytest.param(redis_cluster, id="redis-cluster", marks=pytest.mark.redis),
]
"""One `Open` for each kind; a kind that needs a program bears its mark."""
FOR_LONG_TESTS = [BACKENDS[0], pytest.param(sqlite, id="sqlite", marks=pytest.mark.slow), *BACKENDS[2:]]
"""The same for tests that take seconds."""
