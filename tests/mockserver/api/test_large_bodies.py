"""Large bodies are read beside the event loop: others are answered meanwhile, and then it is as if nobody waited."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.control import params as control_input
from ltx_mock.engine.submissions import Submission
from ltx_mock.testing.tenant import World
from ltx_mock_contracts.validation.json_body import LARGE
from support.bodies import GENERATE, STATUS, data_of, message_of, post, request_body, submit
from support.waiting import SECONDS

FILLED = request_body() | {"x": "y" * LARGE}
MANY_PARTS = request_body() | {"x": [[]] * 6000}


class Gate:
    """A reader that waits, with a large body, until it is let go."""

    def __init__(self, reader: Any) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        self._reader = reader

    def __call__(self, raw: bytes) -> Any:
        if len(raw) > LARGE:
            self.reached.set()
            assert self.open.wait(SECONDS)
        return self._reader(raw)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, pool: ThreadPoolExecutor) -> Iterator[Gate]:  # noqa: ARG001 - it ends later
    found = Gate(Submission.of)
    monkeypatch.setattr(Submission, "of", staticmethod(found))
    yield found
    found.open.set()


def begin(pool: ThreadPoolExecutor, gate: Gate, client: httpx.Client, body: Any) -> Future[httpx.Response]:
    sent = pool.submit(client.post, GENERATE, json=body)
    assert gate.reached.wait(SECONDS)
    return sent


def test_others_are_answered_while_a_large_body_is_read(
    pool: ThreadPoolExecutor, gate: Gate, client: httpx.Client, world: World
) -> None:
    sent = begin(pool, gate, client, FILLED)
    task_id = submit(client)
    world.clock.advance(200)
    assert data_of(client.get(STATUS, params={"taskId": task_id}))["state"] == "success"
    assert not sent.done()
    gate.open.set()
    assert data_of(sent.result())["taskId"] in {task.id for task in world.tasks}
    assert [request.task_id for request in world.requests if request.operation == "generateTask"] == [
        task.id for task in world.tasks
    ]


def test_a_reset_while_a_large_body_is_read_leaves_its_task_in_the_new_world(
    pool: ThreadPoolExecutor, gate: Gate, client: httpx.Client, world: World
) -> None:
    submit(client)
    sent = begin(pool, gate, client, FILLED)
    world.reset()
    gate.open.set()
    task_id = data_of(sent.result())["taskId"]
    assert [(task.id, task.number) for task in world.tasks] == [(task_id, 1)]
    assert len(world.requests) == 1


def test_the_control_plane_reads_large_bodies_so_too(
    monkeypatch: pytest.MonkeyPatch, pool: ThreadPoolExecutor, client: httpx.Client, world: World
) -> None:
    gate = Gate(control_input._decode)
    monkeypatch.setattr(control_input, "_decode", gate)
    root = world.url.removesuffix("/api/v1")
    body = json.dumps({"seconds": 30}) + " " * LARGE
    sent = pool.submit(httpx.post, f"{root}/__admin/clock/advance", params={"key": world.api_key}, content=body)
    try:
        assert gate.reached.wait(SECONDS)
        assert submit(client)
        assert not sent.done()
    finally:
        gate.open.set()
    assert sent.result().json()["advanced"] == 30


def test_the_control_plane_looks_into_no_body_of_too_many_parts(world: World) -> None:
    root = world.url.removesuffix("/api/v1")
    for path in ("clock", "requests/count", "requests/near", "scenarios", "tenants"):
        answer = httpx.post(f"{root}/__admin/{path}", json={"body": [[]] * 340_000})
        assert answer.json() == {"error": "the body has more than 40000 commas and opening brackets"}


@pytest.mark.parametrize("end", ["", "{", "[" * 100, '"a": NaN}', "9" * 5000, "\ud800"])
def test_what_is_no_json_is_refused_by_the_control_plane_however_large(end: str, world: World) -> None:
    root = world.url.removesuffix("/api/v1")
    for size in (10, LARGE):
        answer = httpx.post(f"{root}/__admin/clock", content=(" " * size + "[" + end).encode("utf-8", "surrogatepass"))
        assert (answer.status_code, answer.json()) == (400, {"error": "the body must be a JSON object"})


def test_large_bodies_of_a_client_that_waits_are_answered_as_small_ones(server: MockServer) -> None:
    made = []
    for body in (request_body(), FILLED):
        tenant = server.tenant()
        with tenant.client(verify=False) as client:
            assert [data_of(post(client, body))["taskId"] for _ in range(3)] == [task.id for task in tenant.tasks]
        made.append([(task.number, task.state, task.cost) for task in tenant.tasks])
    assert made[0] == made[1]


def test_a_scenario_sees_the_prompt_of_a_large_body(client: httpx.Client, world: World) -> None:
    world.scenarios.add(prompt="flying cars", status=503)
    assert message_of(post(client, FILLED), 503)
    directed = FILLED | {"input": FILLED["input"] | {"prompt": "[[server-error]]"}}
    assert post(client, directed).status_code >= 500


def test_a_body_of_many_parts_is_shown_as_text(client: httpx.Client, world: World) -> None:
    for body in (FILLED, MANY_PARTS):
        assert data_of(post(client, body))["taskId"]
    assert [request.findings[0].rule for request in world.requests] == ["GEN-16"] * 2
    assert world.requests[0].body == FILLED
    assert json.loads(world.requests[1].body) == MANY_PARTS


@pytest.mark.slow
def test_a_key_has_a_thousand_scenarios_at_most(world: World) -> None:
    root = world.url.removesuffix("/api/v1")
    with httpx.Client(base_url=f"{root}/__admin", params={"key": world.api_key}) as client:
        statuses = [client.post("/scenarios", json={"name": "stuck"}).status_code for _ in range(1001)]
        assert statuses == [200] * 1000 + [400]
        assert "1000 scenarios are active" in client.post("/scenarios", json={"name": "stuck"}).json()["error"]
        assert client.delete("/scenarios").status_code == 200
        assert client.post("/scenarios", json={"name": "stuck"}).status_code == 200


def test_what_a_scenario_adds_to_answers_is_short(world: World) -> None:
    from ltx_mock import SettingsError

    with pytest.raises(SettingsError, match="extra must be JSON of at most 131072 bytes, not of 20"):
        world.scenarios.add(drift={"extra": {"x": "y" * 200_000}})
