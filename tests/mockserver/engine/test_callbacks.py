"""Callbacks on a clock that stands: what is posted, what counts as received, when it is tried again (CB-1 to CB-4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ltx_mock import MockServer
from ltx_mock.testing.tenant import World
from support.bodies import STATUS, TEXT, data_of, post, request_body
from support.receivers import Behaviour, Received, Receiver
from support.waiting import SECONDS

LONG = 100  # virtual seconds after which each task of these tests is finished
FAILING = "[[content-violation]] a city"


@pytest.fixture(scope="module")
def patient() -> Iterator[MockServer]:
    """A server that waits for receivers longer than a busy machine needs."""
    with MockServer(clock="manual", callback_timeout=SECONDS) as running:
        yield running


@pytest.fixture(scope="module")
def hasty() -> Iterator[MockServer]:
    """A server that gives receivers a tenth of a second, for those that never answer."""
    with MockServer(clock="manual", callback_timeout=0.1) as running:
        yield running


@pytest.fixture
def world(patient: MockServer) -> World:
    return patient.tenant()


def submit(world: World, url: str, prompt: str = "a city", **top: Any) -> str:
    """Make a task that calls back."""
    body = request_body(TEXT, prompt=prompt) | {"request_type": "callback", "callback_url": url} | top
    with world.client(verify=False) as client:
        return str(data_of(post(client, body))["taskId"])


def status(world: World, task_id: str) -> bytes:
    with world.client(verify=False) as client:
        return client.get(STATUS, params={"taskId": task_id}).content


def attempts(world: World) -> list[tuple[float, int | None]]:
    """Return the attempts of the only delivery: seconds after the first, and the receiver's status."""
    (delivery,) = world.callbacks
    first = delivery.attempts[0].at
    return [((attempt.at - first) / 1000, attempt.status) for attempt in delivery.attempts]


@pytest.mark.rule("CB-1", "CB-4")
@pytest.mark.parametrize(("prompt", "state"), [("a city", "success"), (FAILING, "failed")])
def test_the_callback_is_byte_for_byte_what_status_task_answers(world: World, prompt: str, state: str) -> None:
    with Receiver() as receiver:
        task_id = submit(world, receiver.url, prompt)
        world.clock.advance(LONG)
        received = receiver.take()
    assert received.body == status(world, task_id)
    assert json.loads(received.body)["data"]["state"] == state
    assert received.path == "/callback"
    assert received.headers["content-type"] == "application/json"


@pytest.mark.rule("CB-1")
def test_the_callback_comes_at_the_end_and_not_before(world: World) -> None:
    with Receiver() as receiver:
        submit(world, receiver.url)
        end = world.tasks[0].end_time
        world.clock.advance((end - world.clock.now - 1) / 1000)
        assert receiver.take_all() == []
        world.clock.advance(0.001)
        assert len(receiver.take_all()) == 1
    assert world.callbacks[0].attempts[0].at == end


@pytest.mark.rule("CB-1")
def test_a_callback_goes_out_once_however_often_time_moves_on(world: World) -> None:
    with Receiver() as receiver:
        submit(world, receiver.url)
        for _ in range(5):
            world.clock.advance(LONG)
        assert len(receiver.take_all()) == 1
    assert world.callbacks[0].state == "delivered"


@pytest.mark.rule("CB-3")
@pytest.mark.parametrize("top", [{"request_type": "async"}, {"request_type": "async", "provider": "official"}])
def test_an_async_task_never_calls_back_whatever_url_it_carries(world: World, top: dict[str, str]) -> None:
    with Receiver() as receiver:
        submit(world, receiver.url, **top)
        world.clock.advance(LONG)
        assert receiver.take_all() == []
    assert world.callbacks == []


@pytest.mark.rule("GEN-18")
def test_a_refused_request_calls_nobody(world: World) -> None:
    with Receiver() as receiver, world.client(verify=False) as client:
        body = request_body(TEXT, duration=99) | {"request_type": "callback", "callback_url": receiver.url}
        assert post(client, body).status_code == 400
        world.clock.advance(LONG)
        assert receiver.take_all() == []
    assert world.callbacks == []


@pytest.mark.rule("CB-2")
def test_a_refused_callback_is_tried_four_times_with_pauses_of_30_60_and_120_seconds(world: World) -> None:
    with Receiver(500) as receiver:
        submit(world, receiver.url)
        world.clock.advance(LONG + 10_000)
        bodies = [each.body for each in receiver.take_all()]
    assert attempts(world) == [(0, 500), (30, 500), (90, 500), (210, 500)]
    assert (world.callbacks[0].state, world.callbacks[0].reason) == ("failed", "given up after 4 attempts")
    assert len(set(bodies)) == 1


@pytest.mark.rule("CB-2")
@pytest.mark.parametrize("answer", [201, 202, 204, 206, 301, 302, 307, 308, 400, 404, 429, 503])
def test_no_answer_but_200_counts(world: World, answer: int) -> None:
    with Receiver(answer, 200) as receiver:
        submit(world, receiver.url)
        world.clock.advance(LONG + 30)
        assert len(receiver.take_all()) == 2
    assert attempts(world) == [(0, answer), (30, 200)]


@pytest.mark.rule("CB-2")
def test_a_redirect_is_not_followed(world: World) -> None:
    with Receiver() as elsewhere, Receiver(302, headers={"Location": elsewhere.url}) as receiver:
        submit(world, receiver.url)
        world.clock.advance(LONG + 1000)
        assert len(receiver.take_all()) == 4
        assert elsewhere.take_all() == []


@pytest.mark.rule("CB-2")
def test_retries_end_with_the_first_200(world: World) -> None:
    with Receiver(500, "close", 200, 500) as receiver:
        submit(world, receiver.url)
        world.clock.advance(LONG + 10_000)
        assert len(receiver.take_all()) == 3
    assert attempts(world) == [(0, 500), (30, None), (90, 200)]
    assert world.callbacks[0].state == "delivered"


@pytest.mark.rule("CB-2")
def test_a_receiver_that_hangs_up_or_is_not_there_is_tried_again(world: World) -> None:
    with Receiver() as gone:
        pass
    submit(world, gone.url)
    world.clock.advance(LONG + 10_000)
    assert attempts(world) == [(0, None), (30, None), (90, None), (210, None)]
    assert all("nothing listens on" in str(attempt.error) for attempt in world.callbacks[0].attempts)


@pytest.mark.rule("CB-2")
def test_silence_counts_as_a_failure_after_30_virtual_seconds(hasty: MockServer) -> None:
    world = hasty.tenant()
    with Receiver("hang") as receiver:
        submit(world, receiver.url)
        world.clock.advance(LONG + 10_000)
    assert attempts(world) == [(0, None), (60, None), (150, None), (300, None)]
    first = world.callbacks[0].attempts[0]
    assert first.ended - first.at == 30_000
    assert first.error == "no response within 0.1 s"


@pytest.mark.rule("CB-2")
def test_a_slow_answer_within_the_patience_counts(world: World) -> None:
    with Receiver() as receiver:
        slow = Receiver(lambda _: 200 if receiver.release.wait(SECONDS) else 500)
        with slow:
            submit(world, slow.url)
            receiver.release.set()
            world.clock.advance(LONG)
    assert attempts(world) == [(0, 200)]


def test_a_dead_receiver_does_not_delay_another() -> None:
    with MockServer(clock="manual", callback_timeout=60) as world, Receiver("hang") as dead:

        def let_the_dead_one_go(_: Received) -> int:
            dead.release.set()
            return 200

        with Receiver(let_the_dead_one_go) as live:
            submit(world, dead.url)
            submit(world, live.url)
            world.clock.advance(LONG)
            assert len(live.take_all()) == 1
        first = next(each for each in world.callbacks if each.url == dead.url).attempts[0]
    assert "no response within" not in str(first.error)


def test_one_receiver_gets_its_callbacks_in_order(world: World) -> None:
    with Receiver() as receiver:
        for number in range(8):
            submit(world, receiver.url, f"city {number}")
        world.clock.advance(LONG)
        taken = [json.loads(each.body)["data"] for each in receiver.take_all()]
    moments = [task["completeTime"] for task in taken]
    assert len(moments) == 8
    assert moments == sorted(moments)


def test_a_cookie_that_a_receiver_sets_is_not_brought_back(world: World) -> None:
    with Receiver(headers={"Set-Cookie": "session=1; Path=/"}) as receiver:
        for prompt in ("one", "two"):
            submit(world, receiver.url, prompt)
        world.clock.advance(LONG)
        assert [each.headers.get("cookie") for each in receiver.take_all()] == [None, None]


def test_advance_returns_changes_of_state_and_callbacks_in_order(world: World) -> None:
    with Receiver(500, 200) as receiver:
        task_id = submit(world, receiver.url)
        end = world.tasks[0].end_time
        fired = world.clock.advance(LONG + 30)
    told = [(event["at"], event["event"], event.get("state"), event.get("status")) for event in fired]
    assert told == [
        (world.tasks[0].processing_time, "state", "processing", None),
        (end, "state", "success", None),
        (end, "callback", None, 500),
        (end + 30_000, "callback", None, 200),
    ]
    assert {event["taskId"] for event in fired} == {task_id}


def test_the_journal_has_an_entry_for_each_attempt(world: World) -> None:
    with Receiver(500, "close", 200) as receiver:
        task_id = submit(world, receiver.url)
        world.clock.advance(LONG + 200)
    entries = [entry for entry in world.requests if entry.operation == "callback"]
    assert [entry.status for entry in entries] == [500, None, 200]
    assert {(entry.task_id, entry.target, entry.method) for entry in entries} == {(task_id, receiver.url, "POST")}
    assert [entry.body for entry in entries] == [json.loads(status(world, task_id))] * 3


@pytest.mark.parametrize(("state", "code"), [("success", None), ("failed", "INVALID_LORA_URL")])
def test_finishing_a_task_by_hand_calls_back_at_once(world: World, state: str, code: str | None) -> None:
    with Receiver() as receiver:
        task_id = submit(world, receiver.url)
        world.finish(task_id, state, code)
        (received,) = receiver.take_all()
        assert received.body == status(world, task_id)
        world.clock.advance(LONG)
        assert receiver.take_all() == []


Script = tuple[Behaviour, ...]


@pytest.mark.parametrize("script", [(200,), (500, 500, 200), ("close", 201, 500, 404)])
def test_polling_agrees_with_the_callback_however_late_that_arrives(world: World, script: Script) -> None:
    with Receiver(*script) as receiver:
        task_id = submit(world, receiver.url)
        world.clock.advance(LONG)
        before = status(world, task_id)
        world.clock.advance(1000)
        assert {each.body for each in receiver.take_all()} == {before} == {status(world, task_id)}
