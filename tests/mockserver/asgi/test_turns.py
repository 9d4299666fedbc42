"""Long work in turns with other requests."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from ltx_mock.asgi.turns import AT_ONCE, Portion, Turns, drained, free_in_turns, in_turns

STEPS = 5


def test_a_portion_is_full_as_soon_as_all_since_the_last_is_enough() -> None:
    portion, items = Portion(1000), Portion()
    assert [portion.add(more) for more in (0, 300, 699, 1, 5000, 1, 999, 1)] == [0, 0, 0, 1, 1, 0, 1, 0]
    assert [items.add() for _ in range(2 * AT_ONCE)].index(True) == AT_ONCE - 1


async def _beside(*works: asyncio.Task[None]) -> int:
    """Return how many turns another task had until all works were done."""
    turns = 0
    while not all(work.done() for work in works):
        await asyncio.sleep(0)
        turns += 1
    return turns


@pytest.mark.parametrize(("items", "alone"), [(AT_ONCE + 1, True), (1, False)], ids=["long", "short"])
def test_only_long_steps_of_several_tasks_wait_for_a_turn_of_the_others(items: int, alone: bool) -> None:
    async def steps() -> list[int]:
        turns, taken, now = Turns(), list[int](), 0

        async def step() -> None:
            await turns.take(items)
            taken.append(now)

        works = [asyncio.create_task(step()) for _ in range(STEPS)]
        while len(taken) < STEPS:
            await asyncio.sleep(0)
            now += 1
        await asyncio.gather(*works)
        return taken

    taken = asyncio.run(steps())
    assert all(before < after for before, after in pairwise(taken)) is alone


def test_items_are_freed_some_at_a_time() -> None:
    async def freed() -> tuple[int, set[int]]:
        items = set(range(10 * AT_ONCE))
        return await _beside(asyncio.create_task(free_in_turns(items))), items

    turns, left = asyncio.run(freed())
    assert turns >= 10
    assert left == set()


def test_a_drained_list_yields_its_items_in_order_and_keeps_none_of_them() -> None:
    items = list(range(5))
    rest = drained(items)
    assert [next(rest), next(rest)] == [0, 1]
    assert sorted(items) == [2, 3, 4]
    assert [*rest] == [2, 3, 4]
    assert items == []


def test_items_are_yielded_in_order_with_turns_of_the_others() -> None:
    found = list[int]()

    async def read() -> None:
        async for item in in_turns(range(10 * AT_ONCE)):
            found.append(item)

    async def turns() -> int:
        return await _beside(asyncio.create_task(read()))

    assert asyncio.run(turns()) >= 10
    assert found == list(range(10 * AT_ONCE))
