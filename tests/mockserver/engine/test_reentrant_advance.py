"""Time that a callback's receiver moves on before it has answered: nobody waits for himself."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer, SettingsError
from ltx_mock.asgi.turns import AT_ONCE
from ltx_mock.core.records import Attempt, Delivery
from ltx_mock.core.settings import Settings
from ltx_mock.server.app import new_engine
from ltx_mock.store.tenant import Tenant
from ltx_mock.testing.options import ClockMode
from ltx_mock.testing.tenant import World
from support.bodies import IMAGE, MINUTE, TEXT, data_of, post, request_body, submit
from support.receivers import Received, Receiver
from support.waiting import SECONDS

FIRST = TEXT | {"prompt": "[[callback-first]]"}


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(clock="manual") as running:
        yield running


@pytest.fixture
def world(server: MockServer) -> World:
    return server.tenant()


def submit_with_callback(world: World, url: str, source: dict[str, Any] = TEXT) -> str:
    with world.client() as client:
        body = request_body(source) | {"request_type": "callback", "callback_url": url}
        return str(data_of(post(client, body))["taskId"])


def doing(work: Callable[[], object], results: list[Any]) -> Callable[[Received], int]:
    """Return what a receiver does with its first callback: some work, whose result is kept. Then it answers 200."""

    def behave(_: Received) -> int:
        if not results:
            results.append(None)  # it may be called again while it works
            results[0] = work()
        return 200

    return behave


def over_http(world: World, key: str, seconds: float) -> Any:
    with httpx.Client(trust_env=False) as client:
        told = client.post(f"{world.url}/__admin/clock/advance{key}", json={"seconds": seconds}, timeout=SECONDS)
    assert told.status_code == 200
    return told.json()


def outcome(world: World) -> list[tuple[str, int | None]]:
    return [(delivery.state, attempt.status) for delivery in world.callbacks for attempt in delivery.attempts]


def test_a_receiver_moves_time_on_and_all_seconds_add_up(world: World) -> None:
    results: list[Any] = []
    start = world.clock.now
    with Receiver(doing(lambda: world.clock.advance(5), results)) as receiver:
        submit_with_callback(world, receiver.url)
        world.clock.advance(MINUTE)
    assert outcome(world) == [("delivered", 200)]
    assert world.clock.now == start + (MINUTE + 5) * 1000
    assert results == [[]]


@pytest.mark.parametrize("everybody", [False, True])
def test_over_http_from_any_language_it_is_the_same(server: MockServer, everybody: bool) -> None:
    world = server.tenant()
    key = "" if everybody else f"?key={world.api_key}"
    results: list[Any] = []
    with Receiver(doing(lambda: over_http(world, key, 5), results)) as receiver:
        submit_with_callback(world, receiver.url)
        world.clock.advance(MINUTE)
    assert outcome(world) == [("delivered", 200)]
    assert results[0]["advanced"] == 5


def test_what_falls_due_meanwhile_is_told_at_once_and_called_back_in_order_afterwards(world: World) -> None:
    results: list[Any] = []
    with Receiver(doing(lambda: world.clock.advance(10 * MINUTE), results)) as receiver:
        first = submit_with_callback(world, receiver.url)
        second = submit_with_callback(world, receiver.url, TEXT | {"resolution": "1080p"})
        with world.client() as client:
            third = submit(client, TEXT, resolution="1080p", prompt="another")
        fired = world.clock.advance(MINUTE)
    changes = [(event["taskId"], event["state"]) for event in results[0]]
    assert {(second, "success"), (third, "success")} <= set(changes)
    assert [event["taskId"] for event in fired if event["event"] == "callback"] == [first, second]
    assert {event["taskId"] for event in fired if event.get("state") == "success"} == {first, second, third}
    assert outcome(world) == [("delivered", 200), ("delivered", 200)]


def test_the_seconds_of_an_advance_that_has_just_begun_and_of_another_add_up() -> None:
    """As in the background a callback waits for its receiver, the second advance does not wait for the first."""

    async def moved() -> int:
        engine = new_engine(Settings(clock="manual"))
        await engine.open()
        tenant = await engine.tenants.of_key("a-key")
        assert tenant is not None
        for number in range(3 * AT_ONCE):
            await engine.store.run(tenant, partial(put_tried, number))
        start = tenant.clock.now()
        first = asyncio.ensure_future(engine.advance(tenant, 60_000))
        while not any(entry.kind == "clock" for entry in tenant.journal):  # noqa: ASYNC110 (it has just begun then)
            await asyncio.sleep(0)
        engine.callbacks._awaited[tenant] += 1
        await engine.advance(tenant, 5_000)
        engine.callbacks._awaited[tenant] -= 1
        await first
        (tenant,) = (each for each in engine.store.tenants() if each.key)
        await engine.close()
        return tenant.clock.now() - start

    assert asyncio.run(moved()) == 65_000


def put_tried(number: int, tenant: Tenant) -> None:
    """Put a callback that was tried once."""
    tried = (Attempt(1, 1, 1, 500, None),)
    tenant.put_delivery(Delivery(f"cb_{number}", tenant.key, "task", "http://a.test/", None, "failed", attempts=tried))


def test_an_advance_during_which_the_key_is_reset_does_nothing_to_its_new_tasks(world: World) -> None:
    start = world.clock.now

    def work() -> str:
        world.reset()
        with world.client() as client:
            return submit(client)

    results: list[Any] = []
    with Receiver(doing(work, results)) as receiver:
        submit_with_callback(world, receiver.url)
        told = world.clock.advance(5 * MINUTE)
    assert {event["taskId"] for event in told} & {*results} == set()
    assert [(task.id, task.state) for task in world.tasks] == [(results[0], "pending")]
    assert world.clock.now == start


@pytest.mark.parametrize("awaited", [0, 1], ids=["alone", "beside a callback"])
def test_an_advance_of_a_key_that_was_just_reset_does_nothing_to_the_new_one(awaited: int) -> None:
    async def moved() -> list[int]:
        engine = new_engine(Settings(clock="manual"))
        await engine.open()
        old = await engine.tenants.of_key("a-key")
        assert old is not None
        start, times = old.clock.now(), list[int]()
        await engine.tenants.reset(old)
        engine.callbacks._awaited[old] += awaited
        assert [*await engine.advance(old, 60_000)] == []
        for milliseconds in (0, 5_000):
            new = await engine.tenants.of_key("a-key")
            await engine.advance(new, milliseconds)
            times += [each.clock.now() - start for each in engine.store.tenants() if each.key]
        await engine.close()
        return times

    assert asyncio.run(moved()) == [0, 5_000]


def test_the_end_of_a_task_whose_image_is_still_checked_is_not_told_yet(world: World) -> None:
    answered = threading.Event()

    def behave(_: Received) -> int:
        answered.wait(SECONDS)
        return 404

    with Receiver(behave) as images:

        def work() -> tuple[str, list[dict[str, Any]]]:
            with world.client() as client:
                task_id = submit(client, IMAGE, image_urls=[f"{images.url}/a.png"])
            try:
                return task_id, world.clock.advance(2 * MINUTE)
            finally:
                answered.set()

        results: list[Any] = []
        with Receiver(doing(work, results)) as receiver:
            submit_with_callback(world, receiver.url)
            world.clock.advance(MINUTE)
    ((task_id, told),) = results
    assert task_id not in {event["taskId"] for event in told}
    assert next(task.state for task in world.tasks if task.id == task_id) == "failed"


def test_a_receiver_makes_a_task_and_waits_until_it_is_done(world: World) -> None:
    def work() -> str:
        with world.client() as client:
            task_id = submit(client)
        world.clock.advance(2 * MINUTE)
        return next(task.state for task in world.tasks if task.id == task_id)

    results: list[Any] = []
    with Receiver(doing(work, results)) as receiver:
        submit_with_callback(world, receiver.url)
        world.clock.advance(MINUTE)
    assert results == ["success"]
    assert outcome(world) == [("delivered", 200)]


def test_a_receiver_that_runs_until_idle_does_not_wait_for_its_own_callback(world: World) -> None:
    def work() -> tuple[set[str], list[str]]:
        world.clock.run_until_idle()
        return {task.state for task in world.tasks}, [delivery.state for delivery in world.callbacks]

    results: list[Any] = []
    with Receiver(doing(work, results)) as receiver:
        submit_with_callback(world, receiver.url)
        with world.client() as client:
            submit(client, TEXT, resolution="1080p")
        world.clock.advance(MINUTE)
    assert results == [({"success"}, ["sending"])]
    assert outcome(world) == [("delivered", 200)]


def test_a_receiver_finishes_another_task_and_has_its_callback_next(world: World) -> None:
    results: list[Any] = []
    with Receiver(doing(lambda: world.finish(world.tasks[1]), results)) as receiver:
        submit_with_callback(world, receiver.url)
        other = submit_with_callback(world, receiver.url, TEXT | {"resolution": "1080p"})
        world.clock.advance(MINUTE)
        called = [json.loads(received.body)["data"]["taskId"] for received in receiver.take_all()]
    assert called[1:] == [other]
    assert outcome(world) == [("delivered", 200), ("delivered", 200)]


def test_a_receiver_asks_for_an_earlier_callback_again(world: World) -> None:
    results: list[Any] = []
    again = doing(lambda: world.redeliver(world.callbacks[0]).id, results)
    with Receiver() as earlier, Receiver(again) as receiver:
        submit_with_callback(world, earlier.url)
        world.clock.advance(2 * MINUTE)
        submit_with_callback(world, receiver.url)
        world.clock.advance(2 * MINUTE)
    assert results == [world.callbacks[0].id]
    assert [len(delivery.attempts) for delivery in world.callbacks] == [2, 1]


@pytest.mark.parametrize("clock", ["manual", "real", "auto"])
def test_a_callback_before_the_answer_may_move_time_on_too(server: MockServer, clock: ClockMode) -> None:
    world = server.tenant(clock=clock)
    results: list[Any] = []
    with Receiver(doing(lambda: world.clock.advance(5), results)) as receiver:
        submit_with_callback(world, receiver.url, FIRST)
        receiver.take()
        world.clock.advance(0)
    assert results == [[]]
    assert world.callbacks[0].attempts[0].status == 200


def test_a_receiver_of_a_clock_that_runs_may_move_it_on(server: MockServer) -> None:
    world = server.tenant(clock="scaled", speed=100_000)
    results: list[Any] = []
    with Receiver(doing(lambda: world.clock.advance(5), results)) as receiver:
        submit_with_callback(world, receiver.url)
        receiver.take()
    assert results != [None]


def test_a_receiver_that_moves_time_beyond_its_end_is_told_so(server: MockServer) -> None:
    world = server.tenant(start_time="9990-01-01T00:00:00Z")

    def work() -> str:
        world.clock.advance(3650 * 24 * 3600)
        return "no end"

    refused: list[Any] = []

    def guarded() -> str:
        with pytest.raises(SettingsError, match="the clock ends") as error:
            work()
        refused.append(str(error.value))
        return "refused"

    results: list[Any] = []
    with Receiver(doing(guarded, results)) as receiver:
        submit_with_callback(world, receiver.url)
        world.clock.advance(MINUTE)
    assert results == ["refused"]
    assert outcome(world) == [("delivered", 200)]


def test_an_advance_after_the_answer_waits_for_its_callbacks_again(world: World) -> None:
    with Receiver(doing(lambda: world.clock.advance(1), [])) as receiver:
        submit_with_callback(world, receiver.url)
        world.clock.advance(MINUTE)
        submit_with_callback(world, receiver.url)
        fired = world.clock.advance(MINUTE)
    assert [event["status"] for event in fired if event["event"] == "callback"] == [200]
