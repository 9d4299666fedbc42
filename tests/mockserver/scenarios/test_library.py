"""Each scenario of the library through a real socket, as three HTTP clients see it; and what the journal says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ltx_mock import MockServer
from ltx_mock.scenarios import LIBRARY, MESSAGES, NAMED, as_dict, from_dict
from ltx_mock_contracts.model import FAIL_CODES
from support.http_clients import CLIENTS, Caller, Lost, Told
from support.receivers import Receiver
from support.waiting import until

SHORT = 0.05
Story = Callable[[Caller, Receiver], None]
STORIES: dict[str, Story] = {}


def story(*names: str) -> Callable[[Story], Story]:
    def note(tell: Story) -> Story:
        STORIES.update(dict.fromkeys(names, tell))
        return tell

    return note


def refused(answer: Told, status: int, message: str) -> None:
    assert answer.status == status
    assert json.loads(answer.body) == {"code": status, "message": message, "data": None}


def causes(caller: Caller) -> list[str]:
    return [request.cause for request in caller.world.requests if request.cause]


@story(*(row.name for row in LIBRARY if "failCode" in row.fields))
def _(caller: Caller, _: Receiver) -> None:
    (armed,) = caller.world.scenarios
    task_id, other = caller.submit(), caller.submit()
    caller.world.clock.advance(120)
    failed = caller.status(task_id).data
    assert (failed["state"], failed["failCode"]) == ("failed", armed.outcome.fail_code)
    assert armed.outcome.fail_code in {*FAIL_CODES, "SensitiveContentDetected"}
    assert caller.status(other).data["state"] == "success"
    assert set(causes(caller)) == {f"scenario {armed.name}"}


@story("insufficient-credits", "concurrency-limited")
def _(caller: Caller, _: Receiver) -> None:
    (armed,) = caller.world.scenarios
    assert caller.status("task_0").status == 404
    refused(caller.generate(), armed.outcome.status or 0, armed.outcome.message or "")
    assert not caller.world.tasks
    caller.submit()
    assert causes(caller) == [f"scenario {armed.name}"]


@story("unauthorized", "forbidden", "rate-limited", "server-error", "unavailable")
def _(caller: Caller, _: Receiver) -> None:
    (armed,) = caller.world.scenarios
    status, wait = armed.outcome.status or 0, armed.outcome.retry_after
    answer = caller.status("task_0")
    refused(answer, status, MESSAGES[status])
    assert answer.headers.get("retry-after") == (None if wait is None else str(wait))
    assert caller.status("task_0").status == 404
    caller.world.scenario(armed.name)
    assert caller.generate().status == status
    assert not caller.world.tasks


@story("flaky")
def _(caller: Caller, _: Receiver) -> None:
    statuses = [caller.status("task_0").status for _ in range(40)]
    assert set(statuses) == {404, 503}
    assert 4 <= statuses.count(503) <= 20
    assert len(list(caller.world.scenarios)) == 1


@story("no-answer")
def _(caller: Caller, _: Receiver) -> None:
    with pytest.raises(Lost, match=r"(?i)time"):
        caller.generate(patience=SHORT)
    until(lambda: caller.world.requests)  # the server may come to the request later than the client gives up
    assert not caller.world.tasks
    assert causes(caller) == ["scenario no-answer: NO_ANSWER"]


@story("connection-reset", "empty-response", "malformed-chunk", "random-data")
def _(caller: Caller, _: Receiver) -> None:
    (armed,) = caller.world.scenarios
    with pytest.raises(Lost) as lost:
        caller.generate()
    assert ("reset by peer" in str(lost.value)) == (armed.name == "connection-reset")
    assert not caller.world.tasks
    task_id = caller.submit()
    caller.world.scenario(armed.name)
    with pytest.raises(Lost):
        caller.status(task_id)
    assert causes(caller) == [f"scenario {armed.name}: {armed.outcome.fault}"] * 2
    assert [request.status for request in caller.world.requests] == [None, 200, None]


@story("lost-answer")
def _(caller: Caller, _: Receiver) -> None:
    with pytest.raises(Lost, match="reset by peer"):
        caller.generate()
    (task,) = caller.world.tasks
    (request,) = caller.world.requests
    assert (request.task_id, request.status) == (task.id, None)
    assert request.cause == "scenario lost-answer: CONNECTION_RESET_BY_PEER, after processing"


@story("restart")
def _(caller: Caller, receiver: Receiver) -> None:
    task_id = caller.submit(callback_url=receiver.url)
    with pytest.raises(Lost, match="reset by peer"):
        caller.status(task_id)
    assert caller.status(task_id).data["state"] == "pending"
    assert causes(caller) == ["scenario restart: CONNECTION_RESET_BY_PEER, the server restarts"]
    caller.world.clock.advance(120)
    assert json.loads(receiver.take().body)["data"] == caller.status(task_id).data


@story("slow-answer")
def _(caller: Caller, _: Receiver) -> None:
    caller.submit()
    (cause,) = causes(caller)
    assert cause.startswith("scenario slow-answer: ")
    assert cause.endswith(" ms late (not delayed: the clock is stopped)")


@story("slow")
def _(caller: Caller, _: Receiver) -> None:
    task_id = caller.submit()
    caller.world.clock.advance(599)
    assert caller.status(task_id).data["state"] == "processing"
    caller.world.clock.advance(1)
    assert caller.status(task_id).data["costTime"] == 600_000


@story("stuck")
def _(caller: Caller, receiver: Receiver) -> None:
    task_id = caller.submit(callback_url=receiver.url)
    caller.world.clock.run_until_idle()
    caller.world.clock.advance(10 * 24 * 3600)
    assert caller.status(task_id).data["state"] == "processing"
    (task,) = caller.world.tasks
    assert (task.end_state, task.finished) == ("processing", False)
    assert receiver.take_all() == []
    caller.world.finish(task_id)
    assert json.loads(receiver.take().body)["data"]["state"] == "success"


@story("duplicate-callback")
def _(caller: Caller, receiver: Receiver) -> None:
    caller.submit(callback_url=receiver.url)
    caller.submit(callback_url=receiver.url)
    caller.world.clock.run_until_idle()
    bodies = [received.body for received in receiver.take_all()]
    assert (len(bodies), len(set(bodies))) == (3, 2)


@story("lost-callback")
def _(caller: Caller, receiver: Receiver) -> None:
    caller.submit()  # it has no callback to lose
    lost, kept = caller.submit(callback_url=receiver.url), caller.submit(callback_url=receiver.url)
    caller.world.clock.run_until_idle()
    assert [json.loads(received.body)["data"]["taskId"] for received in receiver.take_all()] == [kept]
    assert caller.world.callbacks[0].reason == "scenario lost-callback"
    assert caller.status(lost).data["state"] == "success"


@story("late-callback")
def _(caller: Caller, receiver: Receiver) -> None:
    late, other = caller.submit(callback_url=receiver.url), caller.submit(callback_url=receiver.url)
    caller.world.clock.run_until_idle()
    assert [json.loads(received.body)["data"]["taskId"] for received in receiver.take_all()] == [other, late]
    task, delivery = caller.world.tasks[0], caller.world.callbacks[0]
    assert delivery.attempts[0].at == task.end_time + 120_000


@story("shuffled-callbacks")
def _(caller: Caller, receiver: Receiver) -> None:
    made = [caller.submit(callback_url=receiver.url) for _ in range(8)]
    caller.world.clock.run_until_idle()
    came = [json.loads(received.body)["data"]["taskId"] for received in receiver.take_all()]
    assert sorted(came) == sorted(made)
    ended = [task.id for task in sorted(caller.world.tasks, key=lambda task: task.end_time)]
    assert came != ended


@story("callback-first")
def _(caller: Caller, receiver: Receiver) -> None:
    task_id = caller.submit(callback_url=receiver.url)
    told = json.loads(receiver.received.get_nowait().body)["data"]
    assert (told["taskId"], told["state"]) == (task_id, "success")
    assert caller.status(task_id).data == told
    assert [request.operation for request in caller.world.requests][:2] == ["callback", "generateTask"]


@story("bad-signature", "old-signature", "no-signature")
def _(caller: Caller, receiver: Receiver) -> None:
    (armed,) = caller.world.scenarios
    caller.submit(callback_url=receiver.url)
    caller.world.clock.run_until_idle()
    assert not any(name.startswith("webhook-") for name in receiver.take().headers)
    unsigned = "attempt 1; there is no signature: callback_secret is not set"
    assert causes(caller) == [f"scenario {armed.name}", unsigned]


@story("callback-as-text")
def _(caller: Caller, receiver: Receiver) -> None:
    caller.submit(callback_url=receiver.url)
    caller.submit(callback_url=receiver.url)
    caller.world.clock.run_until_idle()
    assert sorted(received.headers["content-type"] for received in receiver.take_all()) == [
        "application/json",
        "text/plain",
    ]


@story("callback-extra-fields")
def _(caller: Caller, receiver: Receiver) -> None:
    task_id = caller.submit(callback_url=receiver.url)
    caller.world.clock.run_until_idle()
    told = json.loads(receiver.take().body)
    assert (told["requestId"], told["data"]["progress"], told["data"]["taskId"]) == ("req_1", 100, task_id)
    assert "progress" not in caller.status(task_id).data
    assert causes(caller) == ["attempt 1; scenario callback-extra-fields"]


@story("expired-result")
def _(caller: Caller, _: Receiver) -> None:
    task_id = caller.submit()
    assert caller.download(task_id).status == 404
    caller.world.clock.run_until_idle()
    for _again in range(2):
        refused(caller.download(task_id), 410, "Result URLs work for 15 days; this one has expired")
    assert causes(caller) == ["scenario expired-result"] * 2


@story("cut-download")
def _(caller: Caller, _: Receiver) -> None:
    task_id = caller.submit()
    caller.world.clock.run_until_idle()
    with pytest.raises(Lost):
        caller.download(task_id)
    assert caller.download(task_id).body[4:8] == b"ftyp"
    assert causes(caller) == ["scenario cut-download: cut after 50%"]


@story("slow-download")
def _(caller: Caller, _: Receiver) -> None:
    task_id = caller.submit()
    caller.world.clock.run_until_idle()
    assert caller.download(task_id).body == caller.download(task_id).body  # and nothing is waited for: the clock stands
    assert causes(caller) == ["scenario slow-download: 50000 bytes a second"]


@story("unknown-state")
def _(caller: Caller, _: Receiver) -> None:
    task_id = caller.submit()
    seen = [caller.status(task_id).data["state"]]
    for seconds in (6, 6, 120):
        caller.world.clock.advance(seconds)
        seen.append(caller.status(task_id).data["state"])
    assert seen == ["pending", "processing_r2", "processing_r2", "success"]


@story("extra-fields")
def _(caller: Caller, _: Receiver) -> None:
    made = json.loads(caller.generate().body)
    assert list(made) == ["requestId", "progress", "code", "message", "data"]
    told = caller.status(made["data"]["taskId"]).data
    assert (told["requestId"], told["progress"], told["state"]) == ("req_1", 42, "pending")


@story("missing-fields")
def _(caller: Caller, _: Receiver) -> None:
    task_id = caller.submit()
    assert caller.status(task_id).data == {"taskId": task_id, "state": "pending"}
    caller.world.clock.run_until_idle()
    assert set(caller.status(task_id).data) == {"taskId", "state", "resultJson"}


@story("null-fields")
def _(caller: Caller, _: Receiver) -> None:
    task_id = caller.submit()
    told = caller.status(task_id).data
    assert {name for name, value in told.items() if value is None} == {
        "resultJson",
        "failCode",
        "failMsg",
        "completeTime",
        "costTime",
    }


@story("malformed-json")
def _(caller: Caller, _: Receiver) -> None:
    answer = caller.generate()
    assert answer.status == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(answer.body)
    assert len(caller.world.tasks) == 1
    caller.submit()


def test_each_scenario_has_a_story_here() -> None:
    assert set(STORIES) == set(NAMED)


@pytest.fixture(scope="module")
def socket_server() -> Iterator[MockServer]:
    with MockServer(clock="manual", seed=5) as running:
        yield running


@pytest.mark.sample
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", NAMED)
def test_each_named_scenario_over_a_socket(name: str, client: str, socket_server: MockServer) -> None:
    world = socket_server.tenant()
    with Receiver() as receiver:
        world.scenario(name)
        STORIES[name](Caller(CLIENTS[client], world), receiver)


@pytest.mark.parametrize("row", LIBRARY, ids=lambda row: row.name)
def test_a_scenario_of_the_library_says_what_it_does_and_can_be_read_again(row: Any) -> None:
    assert row.about.endswith(".")
    assert from_dict(as_dict(NAMED[row.name])) == NAMED[row.name]
    assert from_dict({"name": row.name}) == NAMED[row.name]
