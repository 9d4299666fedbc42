"""What the store in memory does to all tenants, or to many tasks: in turns with other requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ltx_mock.asgi.turns import AT_ONCE
from ltx_mock.core.settings import Settings
from ltx_mock.scenarios import NAMED
from ltx_mock.server.app import new_engine
from ltx_mock.store.memory import MemoryStore
from support.store_units import record, submit
from support.turns import turns_during

ROOMY = Settings(clock="manual", max_concurrent=10**6)
MANY = 10 * AT_ONCE


async def with_tasks() -> MemoryStore:
    store = MemoryStore(ROOMY)
    tenant = await store.tenant("key")
    for number in range(MANY):
        await store.run(tenant, submit(f"{number}", cost=1, lasts=9, fails=False, calls=number % 2 == 0))
        await store.run(tenant, record("entry"))
    return store


async def reset(store: MemoryStore) -> None:
    await store.reset()


async def reset_one(store: MemoryStore) -> None:
    await store.open_tenant("key", None)


async def drop(store: MemoryStore) -> None:
    tenant = store.find("key")
    assert tenant is not None
    await store.drop(tenant)


@pytest.mark.parametrize("remove", [reset, reset_one, drop])
def test_others_have_a_turn_while_tasks_are_removed_and_see_none_of_them(
    remove: Callable[[MemoryStore], Awaitable[None]],
) -> None:
    async def check() -> None:
        store = await with_tasks()
        before = store.find("key")
        assert before is not None
        assert store.owner("task_7") == before
        work = asyncio.ensure_future(remove(store))
        await asyncio.sleep(0)
        assert store.owner("task_7") is None
        assert (store.task_bytes, store.journal_bytes) == (0, 0)
        assert await turns_during(work) >= 2 * MANY // AT_ONCE
        assert (list(before.tasks()), list(before.deliveries()), list(before.journal)) == ([], [], [])

    asyncio.run(check())


def test_a_new_task_with_the_id_of_a_removed_one_keeps_its_tenant() -> None:
    async def check() -> None:
        store = await with_tasks()
        work = asyncio.ensure_future(store.open_tenant("key", None))
        await asyncio.sleep(0)
        tenant = await store.tenant("key")
        await store.run(tenant, submit("7", cost=1, lasts=9, fails=False, calls=False))
        await work
        assert store.owner("task_7") == tenant

    asyncio.run(check())


def test_others_have_a_turn_while_a_scenario_of_all_tenants_comes_and_goes() -> None:
    async def check() -> None:
        store = MemoryStore(ROOMY)
        tenants = [await store.tenant(f"key-{number}") for number in range(MANY)]
        assert await turns_during(store.add_scenario(NAMED["stuck"])) >= MANY // AT_ONCE
        assert all(len(each.scenarios) == 1 for each in tenants)
        assert await turns_during(store.drop_scenarios()) >= MANY // AT_ONCE
        assert not any(each.scenarios for each in tenants)

    asyncio.run(check())


def test_others_have_a_turn_while_all_clocks_are_advanced_or_set() -> None:
    async def check() -> None:
        engine = new_engine(ROOMY)
        await engine.open()
        for number in range(MANY):
            await engine.tenants.of_key(f"key-{number}")
        assert await turns_during(engine.advance(None, 1000)) >= MANY // AT_ONCE
        assert await turns_during(engine.set_clock(None, "auto", None)) >= MANY // AT_ONCE
        assert {(each.clock.mode, each.clock.now()) for each in engine.store.tenants()} == {
            ("auto", engine.clock.now())
        }
        await engine.close()

    asyncio.run(check())


def test_two_advances_of_very_many_tenants_at_once_add_up() -> None:
    async def check() -> set[int]:
        engine = new_engine(ROOMY)
        await engine.open()
        for number in range(MANY):
            await engine.store.tenant(f"key-{number}")
        begun = engine.clock.now()
        await asyncio.gather(engine.advance(None, 1000), engine.advance(None, 1000))
        await engine.close()
        return {clock.now() - begun for clock in (engine.clock, *(each.clock for each in engine.store.tenants()))}

    assert asyncio.run(check()) == {2000}
