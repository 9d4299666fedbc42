"""Several workers that share a backend: each learns what the others have written, once, whatever comes in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from ltx_mock.core.cause import Cause
from ltx_mock.core.journal_entry import ClockEntry, Entry
from ltx_mock.core.settings import Settings
from ltx_mock.store.backend import Change, Line, News, Outcome
from ltx_mock.store.observers import Observer
from ltx_mock.store.shared import SharedStore
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts import parse_body
from support.memory_backend import MemoryBackend, State
from support.store_units import REQUEST, submit


class Seen(Observer):
    """Notes the numbers of the journal entries that it is notified of."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:  # noqa: ARG002 - the interface
        self.numbers.append(entry.number)


def write(tenant: Tenant) -> None:
    """Write an entry into the journal. A unit of work."""
    tenant.record(lambda number: ClockEntry(number, 0, 1, Cause("clock", "advanced")))


async def opened(backend: MemoryBackend) -> tuple[SharedStore, Seen]:
    store, seen = SharedStore(Settings(clock="manual"), backend), Seen()
    store.observers.add(seen)
    await store.open()
    return store, seen


async def another_wrote_once(state: State) -> None:
    store, _ = await opened(MemoryBackend(state))
    await store.run(await store.tenant("key"), write)
    await store.close()


def test_an_entry_that_is_written_while_others_are_read_is_seen_once_and_stays() -> None:
    class Backend(MemoryBackend):
        async def lines(self, space: str, after: int = 0) -> list[Line]:
            lines = await super().lines(space, after)
            if lines and not seen.numbers:
                await store.run(await store.tenant("key"), write)
            return lines

    async def story() -> None:
        await another_wrote_once(state)
        await store.open()
        tenant = await store.tenant("key")
        for _ in range(3):
            await store.refresh()
        assert sorted(seen.numbers) == [1, 2]
        assert [entry.number for entry in tenant.journal] == [1, 2]
        await store.close()

    state, seen = State(), Seen()
    store = SharedStore(Settings(clock="manual"), Backend(state))
    store.observers.add(seen)
    asyncio.run(story())


def test_an_entry_that_is_read_before_its_commit_is_answered_is_seen_once() -> None:
    class Backend(MemoryBackend):
        async def commit(self, changes: Sequence[Change]) -> list[Outcome]:
            outcomes = await super().commit(changes)
            if any(change.lines for change in changes):
                written.set()
                await read.wait()
            return outcomes

        async def lines(self, space: str, after: int = 0) -> list[Line]:
            lines = await super().lines(space, after)
            if lines:
                read.set()
            return lines

    async def story() -> None:
        store, seen = await opened(Backend())
        tenant = await store.tenant("key")
        await store.refresh()
        commit = asyncio.create_task(store.run(tenant, write))
        await written.wait()
        await store.refresh()
        await commit
        await store.refresh()
        assert seen.numbers == [1]
        assert [entry.number for entry in tenant.journal] == [1]
        await store.close()

    written, read = asyncio.Event(), asyncio.Event()
    asyncio.run(story())


def test_a_restart_reads_tasks_without_parsing_their_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = list[bytes]()

    def parse(body: bytes) -> object:
        parsed.append(body)
        return parse_body(body)

    async def story() -> None:
        before, _ = await opened(MemoryBackend(state))
        await before.run(await before.tenant("key"), submit("a", cost=1, lasts=9, fails=False, calls=True))
        await before.close()
        after, _ = await opened(MemoryBackend(state))
        [task] = (await after.tenant("key")).tasks()
        assert parsed == []
        assert task.request == REQUEST
        assert parsed == [task.body]
        await after.close()

    monkeypatch.setattr("ltx_mock.core.records.parse_body", parse)
    state = State()
    asyncio.run(story())


def test_calls_that_come_while_the_backend_is_slow_share_one_look_at_it() -> None:
    class Backend(MemoryBackend):
        async def news(self, position: str = "") -> News:
            looks.append(position)
            if position:
                asked.set()
                await go_on.wait()
            return await super().news(position)

    async def story() -> None:
        await store.open()
        looks.clear()
        first = asyncio.create_task(store.refresh())
        await asked.wait()
        await another_wrote_once(state)
        later = [asyncio.create_task(store.refresh()) for _ in range(10)]
        for _ in range(3):
            await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, *later)
        assert len(looks) == 2
        assert [tenant.key for tenant in store.tenants()] == ["", "key"]
        await store.close()

    looks: list[str] = []
    state = State()
    asked, go_on = asyncio.Event(), asyncio.Event()
    store = SharedStore(Settings(clock="manual"), Backend(state))
    asyncio.run(story())
