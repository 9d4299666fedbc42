"""A scenario restarts the server: connections break, and what its store holds is there again on the same port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx
import pytest

from ltx_mock import MockServer
from support.bodies import GENERATE, STATUS, TEXT, data_of, request_body, submit
from support.receivers import Receiver
from support.waiting import SECONDS, until


@pytest.fixture(params=["memory", "sqlite"])
def mock(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MockServer]:
    store = "memory" if request.param == "memory" else f"sqlite:{tmp_path / 'state.db'}"
    with MockServer(store=store, clock="manual", credits=10_000) as server:
        yield server
        assert server.internal_errors == []


@pytest.fixture(params=["socket", "transport"])
def client(request: pytest.FixtureRequest, mock: MockServer) -> Iterator[httpx.Client]:
    transport = mock.transport if request.param == "transport" else None
    with mock.client(transport=transport, timeout=SECONDS) as made:
        yield made


def state(client: httpx.Client, task_id: str) -> str | None:
    """Return the state of a task, or None if the connection breaks."""
    try:
        return str(data_of(client.get(STATUS, params={"taskId": task_id}))["state"])
    except httpx.TransportError:
        return None


def calls_back(receiver: Receiver) -> dict[str, object]:
    return request_body(TEXT) | {"request_type": "callback", "callback_url": receiver.url}


def test_one_poll_breaks_and_the_next_finds_the_task(mock: MockServer, client: httpx.Client) -> None:
    task_id = submit(client)
    mock.clock.advance(10)
    before, credits_left = mock.clock.now, client.get("apikeys/current-balance").json()["data"]
    mock.scenarios.add("restart")
    assert [state(client, task_id) for _ in range(3)] == [None, "processing", "processing"]
    assert (mock.clock.now, [task.id for task in mock.tasks]) == (before, [task_id])
    assert client.get("apikeys/current-balance").json()["data"] == credits_left
    assert [each.status for each in mock.requests if each.operation == "statusTask"] == [None, 200, 200]


def test_by_a_directive_in_the_prompt_the_poll_of_this_task_breaks(mock: MockServer, client: httpx.Client) -> None:
    other = submit(client)
    task_id = submit(client, prompt="a city [[restart]]")
    assert [state(client, each) for each in (other, task_id, task_id)] == ["pending", None, "pending"]
    assert len(mock.tasks) == 2


def test_after_the_response_it_is_away_for_a_while(mock: MockServer, client: httpx.Client) -> None:
    mock.scenarios.add(operation="generateTask", restart=20)
    task_id = submit(client)
    seen: list[str | None] = []

    def is_back() -> bool:
        seen.append(state(client, task_id))
        return seen[-1] is not None

    until(is_back)
    assert seen[0] is None
    assert set(seen) == {None, "pending"}
    assert mock.requests[0].cause == "scenario restart the server: the server restarts, away for 20 ms"


def test_a_callback_that_is_due_later_comes(mock: MockServer, client: httpx.Client) -> None:
    with Receiver() as receiver:
        task_id = str(data_of(client.post(GENERATE, json=calls_back(receiver)))["taskId"])
        mock.scenarios.add("restart")
        assert state(client, task_id) is None
        mock.clock.advance(120)
        receiver.take()
        assert [each.state for each in mock.callbacks] == ["delivered"]


def test_a_callback_that_is_on_its_way_is_tried_again(mock: MockServer, client: httpx.Client) -> None:
    mock.clock.set("real", speed=1000)
    with Receiver("hang", 200) as receiver:
        task_id = str(data_of(client.post(GENERATE, json=calls_back(receiver)))["taskId"])
        receiver.take()
        mock.scenarios.add("restart")
        assert state(client, task_id) is None
        until(lambda: mock.callbacks[0].state == "delivered")
    assert mock.callbacks[0].attempts[0].error == "the fake was ended during this attempt"


def test_a_request_that_waits_for_its_response_breaks_too(mock: MockServer) -> None:
    mock.scenarios.add(operation="statusTask", fault="NO_ANSWER")
    ends: list[str | None] = []
    with mock.client(timeout=SECONDS) as one, mock.client(timeout=SECONDS) as other:
        task_id = submit(one)
        waits = Thread(target=lambda: ends.append(state(other, task_id)))
        waits.start()
        until(lambda: any(each.operation == "statusTask" for each in mock.requests))
        mock.scenarios.add(restart=0)
        assert state(one, task_id) == "pending"
        waits.join(SECONDS)
    assert ends == [None]


def test_a_lost_answer_may_come_with_a_restart(mock: MockServer, client: httpx.Client) -> None:
    mock.scenarios.add(operation="generateTask", fault="CONNECTION_RESET_BY_PEER", after_commit=True, restart=0)
    with pytest.raises(httpx.TransportError):
        client.post(GENERATE, json=request_body(TEXT))
    (task,) = mock.tasks
    assert state(client, task.id) == "pending"


def test_it_can_be_stopped_while_it_is_away(tmp_path: Path) -> None:
    with MockServer(store=f"sqlite:{tmp_path / 'state.db'}", clock="manual") as mock, mock.client() as client:
        mock.scenarios.add(operation="generateTask", restart=60_000)
        submit(client)
        assert state(client, "task_1") is None
        mock.stop()
        assert not mock._server_thread._thread.is_alive()
