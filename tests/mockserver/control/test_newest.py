"""The newest items of many tenants: in order, and without a look at the others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.asgi.turns import AT_ONCE, in_turns
from ltx_mock.control.journal_filter import Filter, select
from ltx_mock.control.newest import newest
from ltx_mock.control.task_lists import newest_tasks
from ltx_mock.core.settings import Settings
from ltx_mock.store.journal import SEARCHED_AT_ONCE
from ltx_mock.store.memory import MemoryStore
from ltx_mock.store.tenant import Tenant
from support.store_units import record, submit
from support.turns import turns_during

LIST = st.lists(st.integers(0, 9), max_size=6).map(sorted)


def at(_: Tenant, item: int) -> int:
    return item


async def tenants(count: int) -> list[Tenant]:
    store = MemoryStore(Settings(clock="manual"))
    return [await store.tenant(f"key-{number}") for number in range(count)]


@given(st.lists(LIST, max_size=4), st.integers(0, 8), st.integers(0, 9))
def test_it_returns_what_sorting_all_of_them_would(items: list[list[int]], limit: int, low: int) -> None:
    async def check() -> None:
        keys = await tenants(len(items))
        lists = dict(zip(keys, items, strict=True))
        pairs = [(key, item) for key in keys for item in lists[key] if item >= low]
        pairs.sort(key=lambda pair: pair[1])
        found, more = await newest(
            keys,
            lambda key: list(reversed(lists[key])),
            at,
            lambda key: max(lists[key], default=None),
            limit,
            lambda _, item: item >= low,
        )
        assert found == pairs[max(0, len(pairs) - limit) :]
        assert more == (len(pairs) > limit)

    asyncio.run(check())


def test_a_page_looks_at_no_more_items_than_it_shows_and_one_of_each_tenant() -> None:
    looked_at = 0

    def items(_: Tenant) -> Iterator[int]:
        nonlocal looked_at
        for number in range(100_000, 0, -1):
            looked_at += 1
            yield number

    async def check() -> None:
        found, more = await newest(await tenants(3), items, at, lambda _: 100_000, 50)
        assert (len(found), more) == (50, True)

    asyncio.run(check())
    assert looked_at == 53


@pytest.mark.parametrize(("keys", "each"), [(1, 10 * AT_ONCE), (10 * AT_ONCE, 1)])
def test_others_have_a_turn_while_a_rare_item_is_looked_for(keys: int, each: int) -> None:
    async def check() -> int:
        work = newest(await tenants(keys), lambda _: range(each), at, lambda _: 0, 1, lambda *_: False)
        return await turns_during(work)

    assert asyncio.run(check()) >= 10


def test_others_have_a_turn_where_the_next_item_took_long_to_find_and_it_is_no_item() -> None:
    def items(_: Tenant) -> Iterator[int | None]:
        for number in range(10, 0, -1):
            yield from (None, number)

    async def check() -> int:
        keys = await tenants(1)
        found, more = await newest(keys, items, at, lambda _: 10, 100, lambda _, item: item > 5)
        assert ([item for _, item in found], more) == ([6, 7, 8, 9, 10], False)
        return await turns_during(newest(keys, items, at, lambda _: 10, 100))

    assert asyncio.run(check()) >= 10


def test_others_have_a_turn_while_the_last_items_of_very_many_tenants_are_taken() -> None:
    async def check() -> int:
        work = newest(await tenants(10 * AT_ONCE), lambda _: [1], at, lambda _: 1, 100 * AT_ONCE)
        return await turns_during(work)

    assert asyncio.run(check()) >= 30


def test_others_have_their_turn_after_the_items_of_each_tenant_are_read() -> None:
    async def turns() -> int:
        keys = await tenants(50)
        return await turns_during(newest(keys, lambda _: [1], at, lambda _: 1, 10**6))

    assert asyncio.run(turns()) >= 50


def test_what_a_page_does_not_show_is_freed_in_turns() -> None:
    async def check() -> int:
        work = newest(await tenants(10 * AT_ONCE), lambda _: range(2), at, lambda _: 2, 1)
        return await turns_during(work)

    assert asyncio.run(check()) >= 30


def test_the_items_of_a_tenant_below_the_page_are_not_read() -> None:
    async def check() -> list[int]:
        old, new = await tenants(2)

        def items(tenant: Tenant) -> Iterator[int]:
            assert tenant is new
            yield from (9, 8, 7)

        found, more = await newest([old, new], items, at, lambda tenant: 9 if tenant is new else 1, 2)
        assert more
        return [item for _, item in found]

    assert asyncio.run(check()) == [8, 9]


def test_a_loop_in_turns_serves_others_after_each_hundred_items() -> None:
    async def walk() -> list[int]:
        return [item async for item in in_turns(range(10 * AT_ONCE))]

    async def check() -> int:
        work = asyncio.ensure_future(walk())
        turns = await turns_during(work)
        assert await work == list(range(10 * AT_ONCE))
        return turns

    assert asyncio.run(check()) >= 10


@pytest.mark.parametrize(
    ("wanted", "target"),
    [(Filter(), "short"), (Filter(status="200"), "x" * 2 * SEARCHED_AT_ONCE)],
    ids=["all", "search"],
)
def test_what_is_written_while_a_list_is_read_is_left_to_the_next(wanted: Filter, target: str) -> None:
    async def check() -> None:
        store = MemoryStore(Settings(clock="manual"))
        keys = [await store.tenant(f"key-{number}") for number in range(4 * AT_ONCE)]
        for key in keys[1:]:
            await store.run(key, record("before"))
        reading = asyncio.ensure_future(select(keys, wanted, 10**6))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for key in (keys[0], keys[-1]):
            await store.run(key, record(target))
        first = [entry.number for _, entry in (await reading).entries]
        then = [entry.number for _, entry in (await select(keys, Filter(since=first[-1]), 10**6)).entries]
        assert first + then == sorted(first + then)
        assert len(first + then) == 4 * AT_ONCE + 1

    asyncio.run(check())


def test_a_list_says_that_an_entry_was_dropped_while_it_was_read() -> None:
    async def check() -> None:
        store = MemoryStore(Settings(clock="manual", journal_entries=5))
        keys = [await store.tenant(f"key-{number}") for number in range(3 * AT_ONCE)]
        for key in keys:
            await store.run(key, record("before"))
        reading = asyncio.ensure_future(select(keys, Filter(), 10**6))
        for _ in range(4):  # all keys have been looked at, and no items read
            await asyncio.sleep(0)
        for _ in range(5):
            await store.run(keys[10], record("meanwhile"))
        assert (await reading).truncated

    asyncio.run(check())


def test_a_task_that_is_made_while_a_list_is_read_is_not_put_before_older_ones() -> None:
    async def check() -> list[int]:
        store = MemoryStore(Settings(clock="manual"))
        keys = [await store.tenant(f"key-{number}") for number in range(3 * AT_ONCE)]
        task = submit("before", cost=1, lasts=10, fails=False, calls=False)
        for number, key in enumerate(keys):
            key.move_clock(key.clock.now() + 10 * number)
            await store.run(key, task)
        reading = asyncio.ensure_future(newest_tasks(keys, None, 2 * AT_ONCE))
        for _ in range(3):
            await asyncio.sleep(0)
        keys[2 * AT_ONCE].move_clock(keys[-1].clock.now() + 1)
        await store.run(keys[2 * AT_ONCE], submit("meanwhile", cost=1, lasts=10, fails=False, calls=False))
        return [task.timeline.created for _, task in (await reading)[0]]

    created = asyncio.run(check())
    assert created == sorted(created)
    assert len(created) == 2 * AT_ONCE


def test_more_tasks_than_the_limit_made_while_a_list_is_read_hide_no_older_one() -> None:
    async def check() -> tuple[int, bool]:
        store = MemoryStore(Settings(clock="manual"))
        (key,) = [await store.tenant("key")]
        work = [submit(f"{number}", cost=1, lasts=10, fails=False, calls=True) for number in range(9)]
        for each in work[:5]:
            await store.run(key, each)
        reading = asyncio.ensure_future(newest_tasks([key], None, 3))
        await asyncio.sleep(0)
        key.move_clock(key.clock.now() + 1)
        for each in work[5:]:
            await store.run(key, each)
        found, more = await reading
        return len(found), more

    assert asyncio.run(check()) == (3, True)


def test_a_reset_while_a_list_is_read_makes_no_task_a_success() -> None:
    async def check() -> set[str]:
        store = MemoryStore(Settings(clock="manual", max_concurrent=10**6))
        key = await store.tenant("key")
        for number in range(3 * AT_ONCE):
            await store.run(key, submit(f"{number}", cost=1, lasts=10**6, fails=False, calls=False))
        removing = asyncio.ensure_future(store.reset())
        found = list[Any]()
        while not removing.done():
            found += [task for _, task in (await newest_tasks([key], "success", 10**6))[0]]
        return {task.timeline.state(key.clock.now()) for task in found} - {"success"}

    assert asyncio.run(check()) == set()
