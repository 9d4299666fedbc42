"""Callbacks on every clock, in every order: running clocks, split advances, receivers that act, reset and stop."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltx_mock import LtxMockError, MockServer
from ltx_mock.testing.tenant import World
from support.bodies import STATUS, TEXT, data_of, post, request_body
from support.receivers import Received, Receiver
from support.waiting import SECONDS, until

LONG = 100


def submit(world: World, url: str, prompt: str = "a city") -> str:
    body = request_body(TEXT, prompt=prompt) | {"request_type": "callback", "callback_url": url}
    with world.client(verify=False) as client:
        return str(data_of(post(client, body))["taskId"])


def status(world: World, task_id: str) -> dict[str, Any]:
    with world.client(verify=False) as client:
        return data_of(client.get(STATUS, params={"taskId": task_id}))


@pytest.mark.rule("CB-1", "CB-2")
def test_on_a_fast_clock_callbacks_and_retries_come_by_themselves() -> None:
    with Receiver(500, 500, 200) as receiver, MockServer(speed=2000) as mock:
        task_id = submit(mock, receiver.url)
        bodies = [receiver.take().body for _ in range(3)]
        assert json.loads(bodies[0])["data"] == status(mock, task_id)
        assert len(set(bodies)) == 1
        until(lambda: len(mock.callbacks[0].attempts) == 3)  # the last is written down after it was answered
        first, second, third = mock.callbacks[0].attempts
    assert second.at - first.ended >= 30_000
    assert third.at - second.ended >= 60_000


@pytest.mark.rule("CB-2")
def test_on_a_running_clock_a_receiver_has_thirty_seconds_however_little_patience_is_set() -> None:
    patience = 0.01

    def take_longer(_: Received) -> int:
        begin = time.monotonic()
        while time.monotonic() - begin < 5 * patience:
            pass
        return 200

    with Receiver(take_longer) as receiver, MockServer(speed=1, callback_timeout=patience) as mock:
        mock.finish(submit(mock, receiver.url))
        receiver.take()
        until(lambda: mock.callbacks[0].attempts)
        assert [each.status for each in mock.callbacks[0].attempts] == [200]


@pytest.mark.rule("CB-1", "CB-2")
def test_on_an_auto_clock_callbacks_and_retries_come_at_once() -> None:
    with Receiver(500, 500, 500, 200) as receiver, MockServer(clock="auto") as mock:
        task_id = submit(mock, receiver.url)
        body = [receiver.take().body for _ in range(4)][-1]
        assert json.loads(body)["data"] == status(mock, task_id)


def test_on_an_auto_clock_polls_and_callbacks_agree() -> None:
    with Receiver() as receiver, MockServer(clock="auto") as mock:
        task_id = submit(mock, receiver.url, "[[content-violation]]")
        task = status(mock, task_id)
        while task["state"] not in {"success", "failed"}:
            task = status(mock, task_id)
        assert json.loads(receiver.take().body)["data"] == task


def test_a_clock_that_is_set_going_makes_the_callbacks_that_are_due() -> None:
    with Receiver() as receiver, MockServer(clock="manual") as mock:
        submit(mock, receiver.url)
        mock.clock.set("scaled", speed=10_000)
        assert receiver.take().body


def test_a_clock_that_is_stopped_makes_no_more_callbacks() -> None:
    with Receiver() as receiver, MockServer(speed=10) as mock:
        submit(mock, receiver.url)
        mock.clock.set("manual")
        assert receiver.take_all() == []
        mock.clock.advance(LONG)
        assert len(receiver.take_all()) == 1


Story = list[tuple[str, float]]
PROMPTS = st.sampled_from(["a city", "a wood", "[[content-violation]]", "[[invalid-lora-url]]"])


def told(world: World, receiver: Receiver, stories: Story, steps: list[float]) -> tuple[list[Any], list[bytes]]:
    """Submit at some moments, move on in some steps, and return the events and what the receiver saw."""
    events: list[Any] = []
    names: dict[str, int] = {}
    for prompt, pause in stories:
        names[submit(world, receiver.url, prompt)] = len(names)
        events += world.clock.advance(pause)
    for step in steps:
        events += world.clock.advance(step)
    seen = [each.body for each in receiver.take_all()]
    for event in events:
        event.pop("deliveryId", None)
        event["taskId"] = names[event["taskId"]]
    return events, [json.loads(body)["data"]["taskId"] for body in seen]


@settings(max_examples=8)
@given(
    st.lists(st.tuples(PROMPTS, st.sampled_from([0.0, 1.0, 7.5, 40.0])), min_size=1, max_size=4),
    st.lists(st.integers(0, 300), max_size=6),
    st.sampled_from([(200,), (500,), (500, 200), ("close", 204, 200)]),
)
def test_many_small_steps_bring_the_same_as_one_large_one(
    stories: Story, steps: list[float], script: tuple[Any, ...]
) -> None:
    results = []
    for walk in (steps, [sum(steps)]):
        with Receiver(*script) as receiver, MockServer(clock="manual", callback_timeout=SECONDS) as mock:
            results.append(told(mock, receiver, stories, walk))
    assert results[0] == results[1]


@pytest.mark.rule("CB-4")
@pytest.mark.parametrize("options", [{"clock": "manual"}, {"clock": "auto"}, {"speed": 5000}])
def test_a_receiver_that_polls_in_its_handler_sees_the_final_state(options: dict[str, Any]) -> None:
    seen: queue.Queue[dict[str, Any]] = queue.Queue()

    def poll(received: Received) -> int:
        seen.put(status(mock, json.loads(received.body)["data"]["taskId"]))
        return 200

    with MockServer(**options) as mock, Receiver(poll) as receiver:
        submit(mock, receiver.url)
        if mock.clock.mode == "manual":
            mock.clock.advance(LONG)
        task = seen.get(timeout=SECONDS)
        assert task == json.loads(receiver.take().body)["data"]


@pytest.mark.parametrize("prompt", ["a city", "[[content-violation]]"])
def test_a_receiver_may_submit_the_next_task_in_its_handler(prompt: str) -> None:
    def next_one(_: Received) -> int:
        if len(mock.tasks) < 3:
            submit(mock, receiver.url, prompt)
        return 200

    with MockServer(clock="manual", callback_timeout=SECONDS) as mock, Receiver(next_one) as receiver:
        submit(mock, receiver.url, prompt)
        fired = mock.clock.advance(4 * LONG)
        tasks = mock.tasks
    assert len(tasks) == 3
    assert len(receiver.take_all()) == 3
    assert [event["event"] for event in fired].count("callback") == 3
    assert [task.create_time for task in tasks[1:]] == [task.end_time for task in tasks[:2]]


def test_a_receiver_may_end_another_task_in_its_handler() -> None:
    def end_the_other(_: Received) -> int:
        for task in mock.tasks:
            if not task.finished:
                mock.finish(task)
        return 200

    with MockServer(clock="manual", callback_timeout=SECONDS) as mock, Receiver(end_the_other) as receiver:
        submit(mock, receiver.url, "[[content-violation]]")
        submit(mock, receiver.url)
        mock.clock.advance(20)
        assert [len(each.attempts) for each in mock.callbacks] == [1, 1]
        assert {each.state for each in mock.callbacks} == {"delivered"}


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, queue.Queue[BaseException | None]]:
    """Start work that will block; its exception, or None, comes out of the queue."""
    outcome: queue.Queue[BaseException | None] = queue.Queue()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is looked at in the test's thread
            outcome.put(error)
        else:
            outcome.put(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, outcome


def test_a_reset_while_a_delivery_hangs_forgets_those_behind_it() -> None:
    with MockServer(clock="manual", callback_timeout=SECONDS) as mock, Receiver("hang", 200) as receiver:
        for prompt in ("one", "two", "three"):
            submit(mock, receiver.url, prompt)
        thread, outcome = in_thread(lambda: mock.clock.advance(LONG))
        receiver.take()
        mock.reset()
        receiver.release.set()
        outcome.get(timeout=SECONDS)
        thread.join(SECONDS)
        assert receiver.take_all() == []
        assert (mock.tasks, mock.callbacks) == ([], [])


def test_after_a_reset_the_clock_moves_while_an_earlier_advance_still_waits_for_its_receiver() -> None:
    with MockServer(clock="manual", callback_timeout=SECONDS) as mock, Receiver("hang", 200) as receiver:
        submit(mock, receiver.url)
        thread, outcome = in_thread(lambda: mock.clock.advance(LONG))
        receiver.take()
        mock.reset()
        again, moved = in_thread(lambda: mock.clock.advance(1))
        assert moved.get(timeout=SECONDS) is None
        assert outcome.empty()
        receiver.release.set()
        outcome.get(timeout=SECONDS)
        for each in (thread, again):
            each.join(SECONDS)


@pytest.mark.parametrize("options", [{"clock": "auto"}, {"speed": 5000}])
def test_a_reset_while_a_delivery_hangs_stops_its_retries(options: dict[str, Any]) -> None:
    with MockServer(callback_timeout=SECONDS, **options) as mock, Receiver("hang", 200) as receiver:
        submit(mock, receiver.url)
        receiver.take()
        mock.reset()
        receiver.release.set()
        assert (mock.tasks, mock.callbacks) == ([], [])
        submit(mock, receiver.url, "afterwards")
        receiver.take()
        assert receiver.take_all() == []


@pytest.mark.parametrize("options", [{"clock": "auto"}, {"speed": 5000}])
def test_stop_does_not_wait_for_a_receiver_that_hangs(options: dict[str, Any]) -> None:
    with Receiver("hang") as receiver:
        mock = MockServer(callback_timeout=600, **options)
        submit(mock, receiver.url)
        receiver.take()
        thread, outcome = in_thread(mock.stop)
        assert outcome.get(timeout=SECONDS) is None
        thread.join(SECONDS)


def test_stop_ends_an_advance_that_waits_for_a_receiver() -> None:
    with Receiver("hang") as receiver:
        mock = MockServer(clock="manual", callback_timeout=600)
        submit(mock, receiver.url)
        thread, outcome = in_thread(lambda: mock.clock.advance(LONG))
        receiver.take()
        mock.stop()
        assert isinstance(outcome.get(timeout=SECONDS), LtxMockError)
        thread.join(SECONDS)
