"""What every store holds, whichever keeps the tenants: one state machine and a few properties."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.core.settings import Settings
from ltx_mock.errors import ConflictError
from ltx_mock.scenarios import NAMED
from ltx_mock.store.backends import wait_for_store
from ltx_mock.store.interface import Store
from ltx_mock.store.memory import MemoryStore
from ltx_mock.store.shared import SharedStore
from ltx_mock.store.sqlite_backend import SqliteBackend
from support.bodies import STATUS, TEXT, data_of, post, request_body
from support.fresh_handles import FreshHandles
from support.memory_backend import MemoryBackend
from support.receivers import Receiver
from support.sse import listening

Make = Callable[[Settings], Any]


def in_memory_backend(settings: Settings) -> SharedStore:
    return SharedStore(settings, MemoryBackend())


def in_file(settings: Settings) -> SharedStore:
    return SharedStore(settings, SqliteBackend(Path(tempfile.mkdtemp()) / "state.db"))


STORES: list[Make] = [MemoryStore, FreshHandles, in_memory_backend, in_file]


@pytest.fixture(params=STORES, ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = request.param
    return found


@pytest.fixture
def mock(make: Make, monkeypatch: pytest.MonkeyPatch) -> Iterator[MockServer]:
    """A server that keeps its state in the store."""
    monkeypatch.setattr("ltx_mock.server.app.new_store", make)
    with MockServer(clock="manual") as server:
        yield server


def story(tell: Callable[[Store], Coroutine[None, None, None]]) -> Callable[[Make], None]:
    """Make a coroutine that is given an open store a test of every store."""

    async def told(make: Make) -> None:
        store = make(Settings(clock="manual"))
        await store.open()
        try:
            await tell(store)
        finally:
            await store.close()

    return lambda make: asyncio.run(told(make))


@story
async def test_a_tenant_is_equal_to_itself_however_it_was_found(store: Store) -> None:
    tenant = await store.tenant("key")
    assert tenant == store.find("key") == store.find_id(tenant.id) == store.tenants()[-1] == await store.existing("key")
    assert len({tenant, store.find("key")}) == 1
    assert tenant != await store.tenant("another")
    assert [each.id for each in store.tenants()] == ["nobody", "t1", "t2"]


@story
async def test_a_tenant_that_is_opened_anew_is_another_with_the_same_id(store: Store) -> None:
    before = await store.tenant("key")
    after = await store.open_tenant("key", Settings(clock="manual", credits=5))
    assert before != after == store.find("key")
    assert (before.key, before.id) == (after.key, after.id)
    assert before.generation < after.generation
    assert (before.opened, after.opened, after.settings.credits) == (False, True, 5)


@story
async def test_a_tenant_that_is_dropped_is_gone_with_its_id(store: Store) -> None:
    before = await store.tenant("key")
    await store.drop(before)
    assert store.find("key") is store.find_id(before.id) is await store.existing("key") is None
    assert (await store.tenant("key")).id == "t2"


@story
async def test_no_generation_comes_again_after_everything_was_forgotten(store: Store) -> None:
    before = await store.tenant("key")
    await store.reset()
    assert store.find("key") is None
    after = await store.tenant("key")
    assert after != before
    assert after.id == before.id


@story
async def test_a_clock_is_a_value_and_moves_with_its_tenant_only(store: Store) -> None:
    tenant, other = await store.tenant("key"), await store.tenant("another")
    shown, start = tenant.clock, tenant.clock.now()
    for moment in (start + 1000, start):
        await store.run(tenant, lambda tenant, to=moment: tenant.move_clock(to))  # type: ignore[misc]
    assert (shown.now(), tenant.clock.now(), other.clock.now()) == (start, start + 1000, start)
    await store.run(tenant, lambda tenant: tenant.set_clock("auto", None))
    assert (tenant.clock.mode, shown.mode, store.clock.mode) == ("auto", "manual", "manual")
    await store.move_clock(start + 5000)
    third = await store.tenant("third")
    assert (third.clock.now(), other.clock.now()) == (start + 5000, start)


@story
async def test_advances_that_overlap_add_up(store: Store) -> None:
    tenant = await store.tenant("key")
    start = tenant.clock.now()
    ends = [await store.run(tenant, lambda tenant: tenant.begin_advance(1000)) for _ in range(3)]
    assert ends == [start + 1000, start + 2000, start + 3000]
    await store.run(tenant, lambda tenant: tenant.move_clock(start + 9000))
    assert await store.run(tenant, lambda tenant: tenant.begin_advance(500)) == start + 9500


@story
async def test_what_a_unit_of_work_raises_reaches_its_caller(store: Store) -> None:
    tenant = await store.tenant("key")

    def work(_: object) -> None:
        raise ConflictError("no")

    with pytest.raises(ConflictError, match="no"):
        await store.run(tenant, work)
    assert await store.run(tenant, lambda tenant: tenant.next_number()) == 1


@story
async def test_scenarios_of_all_are_those_of_future_tenants_too(store: Store) -> None:
    tenant = await store.tenant("key")
    scenario = NAMED["server-error"]
    await store.add_scenario(scenario)
    later = await store.tenant("later")
    assert [each.scenario for each in (*tenant.scenarios, *later.scenarios)] == [scenario, scenario]
    await store.drop_scenarios()
    assert [*tenant.scenarios, *later.scenarios, *store.scenarios] == []


@story
async def test_settings_change_for_one_tenant_or_for_all(store: Store) -> None:
    tenant, own = await store.tenant("key"), await store.open_tenant("own", Settings(clock="manual", credits=1))
    await store.configure(tenant, lambda settings: settings.with_more({"allow_callback_host": ["one.test"]}))
    await store.configure(None, lambda settings: settings.with_more({"allow_callback_host": ["all.test"]}))
    later = await store.tenant("later")
    assert [each.settings.allow_callback_host for each in (tenant, own, later)] == [
        ("one.test", "all.test"),
        ("all.test",),
        ("all.test",),
    ]
    assert own.settings.credits == 1


def made(client: httpx.Client, url: str | None = None) -> str:
    more = {"request_type": "callback", "callback_url": url} if url else {}
    return str(data_of(post(client, request_body(TEXT) | more))["taskId"])


def test_a_callback_comes_and_its_task_is_found_by_its_key(mock: MockServer) -> None:
    with mock.client(transport=mock.transport) as client, Receiver() as receiver:
        task_id = made(client, receiver.url)
        fired = mock.clock.advance(120)
        assert [each["event"] for each in fired] == ["state", "state", "callback"]
        assert receiver.take().path == "/callback"
        assert [each.state for each in mock.callbacks] == ["delivered"]
        assert mock._admin.get(f"/tasks/{task_id}")["state"] == "success"


def test_what_is_under_way_for_a_tenant_that_was_reset_touches_the_new_one_nowhere(mock: MockServer) -> None:
    with mock.client(transport=mock.transport) as client, Receiver() as receiver:
        made(client, receiver.url)
        mock.reset()
        assert mock.clock.advance(200) == []
        assert receiver.take_all() == []
        assert (mock.tasks, mock.callbacks) == ([], [])


def test_a_reset_of_one_key_leaves_the_others(mock: MockServer) -> None:
    other = mock.tenant()
    with mock.client(transport=mock.transport) as mine, other.client(transport=other.transport) as theirs:
        made(mine)
        task_id = made(theirs)
        mock.reset()
        assert theirs.get(STATUS, params={"taskId": task_id}).status_code == 200
        assert mine.get(STATUS, params={"taskId": task_id}).status_code == 404
    assert [each.id for each in other.tasks] == [task_id]


def test_events_tell_of_changes(mock: MockServer) -> None:
    with mock.client(transport=mock.transport) as client, listening(mock.url) as events:
        task_id = made(client)
        task = events.take(1, "task")[0].data
        mock.clock.advance(120)
        clock = events.take(1, "clock")[0].data
    assert (task["change"], task["id"], task["state"]) == ("made", task_id, "pending")
    assert [each["state"] for each in task["timeline"]] == ["processing", "success"]
    assert clock["now"] == mock.clock.now


def test_who_gives_no_seed_takes_that_of_the_store(tmp_path: Path) -> None:
    def seed_of(store: str, seed: int, *, agree: bool) -> int:
        settings = Settings(store=store, seed=seed)
        return asyncio.run(wait_for_store(settings, 0, lambda _: None, agree=agree)).seed

    path = f"sqlite:{tmp_path / 'state.db'}"
    assert [seed_of(path, 5, agree=True), seed_of(path, 6, agree=True), seed_of(path, 7, agree=False)] == [5, 5, 7]
    assert seed_of("memory", 8, agree=True) == 8
