"""The events of an advance: in order whoever has them, and never very many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.asgi.turns import AT_ONCE
from ltx_mock.core.records import Attempt, Delivery, Task
from ltx_mock.core.timeline import NEVER, Timeline
from ltx_mock.engine import fired as fired_events
from ltx_mock.engine.fired import After, Before, Fired, Placed
from support.turns import turns_during

BEFORE = Before(0, [])
MOMENTS = st.lists(st.integers(0, 3), max_size=8)


def events_of(tenant: int, moments: list[int]) -> list[Placed]:
    return [Placed(at, (0, number, 0), f"{tenant}-{number}", "success") for number, at in enumerate(moments)]


async def fired_of(lists: list[list[Placed]]) -> Fired:
    fired = Fired()
    await fired.add(lists)
    return fired


@pytest.fixture(scope="module", autouse=True)
def short_runs() -> Iterator[None]:
    """Let a few events fill more than one list."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fired_events, "RUN", 10)
        patch.setattr(fired_events, "AT_ONCE", 5)
        yield


@given(st.lists(MOMENTS, max_size=6))
def test_events_of_several_tenants_are_in_order_of_time_and_then_of_tenants(moments: list[list[int]]) -> None:
    lists = [events_of(tenant, each) for tenant, each in enumerate(moments)]

    async def together() -> list[dict[str, object]]:
        each = [await fired_of([one]) for one in lists]
        return list(await fired_of([run for fired in each for run in fired.runs]))

    wanted = sorted((event for each in lists for event in each), key=lambda event: event[:2])
    assert asyncio.run(together()) == [event.as_dict() for event in wanted]


def test_events_of_very_many_tenants_are_few_lists() -> None:
    fired = asyncio.run(fired_of([events_of(tenant, [1, 2]) for tenant in range(20)]))
    assert len(fired.runs) == 4
    assert len(list(fired)) == 40


def test_callbacks_of_the_same_time_are_in_the_order_of_their_creation() -> None:
    attempt = Attempt(1, 7, 7, 200, None)
    deliveries = [
        Delivery(f"{number}", "key", "t", "http://app.example/", None, "delivered", attempts=(attempt,))
        for number in range(12)
    ]

    async def ids() -> list[object]:
        fired = Fired()
        await fired.add(After([], deliveries).events(BEFORE, {}, 9))
        return [event["deliveryId"] for event in fired]

    assert asyncio.run(ids()) == [f"{number}" for number in range(12)]


def test_others_have_a_turn_while_very_many_callbacks_without_events_are_looked_at() -> None:
    deliveries = [Delivery(f"d{number}", "key", "t", "http://app.example/", None, "withheld") for number in range(50)]

    async def looked_at() -> int:
        return await turns_during(Fired().add(After([], deliveries).events(BEFORE, {}, 1)))

    assert asyncio.run(looked_at()) >= 10


def test_others_have_a_turn_while_the_attempts_of_very_many_callbacks_are_counted() -> None:
    attempt = Attempt(1, 7, 7, 500, None)
    deliveries = [
        Delivery(
            f"d{number}", "key", "t", "http://app.example/", None, "scheduled", attempts=(attempt,) * (1 + number % 3)
        )
        for number in range(10 * AT_ONCE)
    ]
    before = Before(0, deliveries)

    async def counted() -> tuple[int, dict[str, int]]:
        counting = asyncio.ensure_future(before.attempts())
        return await turns_during(counting), await counting

    turns, attempts = asyncio.run(counted())
    assert turns >= 10
    assert attempts == {f"d{number}": 1 + number % 3 for number in range(10 * AT_ONCE)}


def test_only_changes_after_the_start_count_and_none_without_a_final_outcome() -> None:
    tasks = [
        Task(f"{number}", "key", number, b"", 0, Timeline(0, started, ended), 0, "")
        for number, (started, ended) in enumerate([(1, 5), (1, 6), (5, 7), (6, 6), (6, 99), (6, NEVER), (6, 7)])
    ]

    async def states() -> list[tuple[object, ...]]:
        fired = Fired()
        await fired.add(After(tasks, []).events(Before(5, [], frozenset({"6"})), {}, 50))
        return [(event["at"], event["taskId"], event["state"]) for event in fired]

    assert asyncio.run(states()) == [
        (6, "1", "success"),
        (6, "3", "success"),
        (6, "4", "processing"),
        (6, "5", "processing"),
        (7, "2", "success"),
    ]


def test_what_is_read_is_freed() -> None:
    fired = asyncio.run(fired_of([events_of(0, [1, 2, 3])]))
    assert (len(list(fired)), fired.runs) == (3, [[]])
