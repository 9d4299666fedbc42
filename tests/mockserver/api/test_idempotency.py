"""`Idempotency-Key`: noted in the journal always, honoured with `--idempotency` in every store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock import MockServer
from ltx_mock.core.settings import Settings
from ltx_mock.engine.idempotency import KEPT_MS
from ltx_mock.testing.tenant import World
from ltx_mock_contracts import check_trace, read_trace
from ltx_mock_contracts.api import REPLAYED
from support.bodies import GENERATE, STATUS, TEXT, data_of, message_of, request_body
from support.new_stores import STORES, store_of
from support.receivers import Receiver

HOUR = 3600
DAY = 24 * HOUR
BODIES = [request_body(TEXT), request_body(TEXT, duration=7), request_body(TEXT, prompt="a calm sea")]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(clock="manual", idempotency=True) as running:
        yield running


@pytest.fixture
def world(server: MockServer) -> World:
    return server.tenant(idempotency=True, credits=100)


def send(
    world: World, key: str | None, body: Mapping[str, Any] | bytes = BODIES[0], scenario: str = ""
) -> httpx.Response:
    given = {"idempotency-key": key} if key is not None else {}
    given |= {"x-mock-scenario": scenario} if scenario else {}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with world.client(verify=False) as client:
        return client.post(GENERATE, content=raw, headers={"content-type": "application/json"} | given)


def made(world: World, key: str | None, body: Mapping[str, Any] | bytes = BODIES[0]) -> str:
    return str(data_of(send(world, key, body))["taskId"])


def test_by_default_a_key_is_only_noted(server: MockServer) -> None:
    assert not Settings().idempotency
    world = server.tenant(idempotency=False)
    assert made(world, "k") != made(world, "k")
    assert [each.idempotency_key for each in world.requests] == ["k", "k"]


def test_the_same_key_and_body_get_the_same_task_and_pay_once(world: World) -> None:
    first, second = send(world, "k"), send(world, "k")
    assert first.json() == second.json()
    assert (first.headers.get(REPLAYED), second.headers.get(REPLAYED)) == (None, "true")
    assert len(world.tasks) == 1
    assert (world.account.credits, world.account.spent) == (95, 5)
    assert made(world, "other") != made(world, None) != made(world, "k")


def test_the_journal_has_the_state_of_the_task_at_a_repeated_request(world: World) -> None:
    made(world, "k")
    world.clock.advance(200)
    made(world, "k")
    assert [each.state for each in world.requests] == ["pending", "success"]


def test_another_body_with_the_same_key_is_a_422_that_says_what_to_do(world: World) -> None:
    task_id = made(world, "k")
    message = message_of(send(world, "k", BODIES[1]), 422)
    assert message == f"Idempotency-Key 'k' belongs to {task_id}, which has another body; use a new key for a new task"
    assert len(world.tasks) == 1
    assert made(world, "k") == task_id


@pytest.mark.parametrize("body", [b"", b"{", b'"text"', b"[" * 200, {"input": {}}])
def test_an_invalid_body_is_another_body(world: World, body: dict[str, Any] | bytes) -> None:
    assert send(world, "k", body).status_code == 400
    made(world, "k")
    assert send(world, "k", body).status_code == 422


def test_the_same_json_written_otherwise_is_the_same_body(world: World) -> None:
    turned = {"input": dict(reversed(BODIES[0]["input"].items()))}
    assert made(world, "k") == made(world, "k", json.dumps(turned, indent=2).encode())


@pytest.mark.parametrize("other", [5.0, True])
def test_values_that_python_takes_for_equal_are_other_bodies(world: World, other: object) -> None:
    made(world, "k", BODIES[0] | {"source": 5 if other == 5 else 1})
    assert send(world, "k", BODIES[0] | {"source": other}).status_code == 422


def test_a_key_belongs_to_an_api_key(server: MockServer, world: World) -> None:
    assert made(world, "k") != made(server.tenant(idempotency=True), "k")


def test_a_refused_request_binds_no_key(world: World) -> None:
    assert send(world, "k", {"input": {}}).status_code == 400
    world.scenario("server-error")
    assert send(world, "k").status_code == 500
    made(world, "k")


def test_a_repeated_request_gets_its_task_though_no_slot_and_no_credits_are_left(server: MockServer) -> None:
    world = server.tenant(idempotency=True, credits=5, max_concurrent=1)
    task_id = made(world, "k")
    assert send(world, "other").status_code in {400, 429}
    assert made(world, "k") == task_id


def test_a_lost_response_can_be_asked_for_again(world: World) -> None:
    with pytest.raises(httpx.ReadError):
        send(world, "k", scenario="lost-answer")
    (task,) = world.tasks
    assert made(world, "k") == task.id
    world.clock.advance(2 * HOUR)
    made(world, None)
    assert [each.repeats for each in world.spend.wasted_tasks] == [None]


def test_a_scenario_for_tasks_waits_for_a_new_task(world: World) -> None:
    made(world, "k")
    world.scenario("content-violation")
    made(world, "k")
    assert [each.name for each in world.scenarios] == ["content-violation"]


def test_there_is_one_callback(world: World) -> None:
    with Receiver() as receiver:
        body = BODIES[0] | {"request_type": "callback", "callback_url": receiver.url}
        made(world, "k", body)
        world.clock.advance(120)
        made(world, "k", body)
        world.clock.run_until_idle()
        assert len(receiver.take_all()) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "caf\xe9"])
def test_what_cannot_be_a_key_is_refused(world: World, key: str) -> None:
    with world.client(verify=False) as client:
        answer = client.post(GENERATE, json=BODIES[0], headers=[(b"idempotency-key", key.encode("latin-1"))])
    assert message_of(answer, 400) == "Idempotency-Key must be 1 to 255 printable ASCII characters"
    assert not world.tasks


def test_a_key_is_free_after_a_day_of_the_fakes_clock(world: World) -> None:
    first = made(world, "k")
    world.clock.advance(DAY - 0.001)
    assert made(world, "k") == first
    world.clock.advance(0.001)
    second = made(world, "k", BODIES[1])
    assert second != first
    assert send(world, "k", BODIES[0]).status_code == 422


def test_the_journal_has_a_field_and_a_filter(world: World) -> None:
    made(world, "one")
    made(world, "two")
    made(world, "one")
    with httpx.Client(base_url=f"{world.url}/__admin", params={"key": world.api_key}, trust_env=False) as admin:
        found = admin.get("/requests", params={"idempotencyKey": "one"}).json()["requests"]
        assert admin.post("/requests/count", json={"idempotencyKey": "two"}).json() == {"count": 1}
    assert [each["idempotencyKey"] for each in found] == ["one", "one"]
    assert [each["cause"] for each in found] == [None, "the same Idempotency-Key: no new task"]
    assert [each["headers"] for each in found] == [{}, {REPLAYED: "true"}]
    world.assert_requested("generateTask", idempotency_key="one", times=2)


def test_a_recording_of_a_repeated_request_breaks_no_rule(world: World, tmp_path: Path) -> None:
    task_id = made(world, "k")
    made(world, "k")
    world.clock.advance(60)
    with world.client(verify=False) as client:
        client.get(STATUS, params={"taskId": task_id})
    for form in ("ndjson", "har"):
        query = {"key": world.api_key, "format": form}
        text = httpx.get(f"{world.url}/__admin/requests", params=query, trust_env=False).text
        (tmp_path / f"journal.{form}").write_text(text, encoding="utf-8")
        report = check_trace(read_trace(tmp_path / f"journal.{form}"))
        assert (report.broken, report.having("observed")) == ((), ())


# ---- in every store


class Step(NamedTuple):
    """A request, `hours` after the one before: its API key, its `Idempotency-Key`, its body."""

    world: int
    key: str | None
    body: int
    hours: int


KEYS, HOURS = st.sampled_from([None, "a", "b"]), st.sampled_from([0, 9, 16])
STEPS = st.lists(st.builds(Step, st.integers(0, 1), KEYS, st.integers(0, 1), HOURS), max_size=12)


@pytest.fixture(scope="module", params=["memory", *STORES])
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[MockServer]]:
    """Two servers that share a store; one if the store cannot be shared."""
    with store_of(request.param, tmp_path_factory.mktemp("store")) as store:
        first = MockServer(store=store, clock="manual", idempotency=True)
        with first, MockServer(store=store, clock="manual", idempotency=True) as second:
            yield [first] if request.param == "memory" else [first, second]


@given(steps=STEPS)
def test_each_store_does_what_a_table_of_keys_does(servers: list[MockServer], steps: list[Step]) -> None:
    keys = [servers[0].tenant().api_key for _ in range(2)]
    worlds = [[server.tenant(key) for server in servers] for key in keys]
    hours = [0, 0]
    known: dict[tuple[int, str], tuple[int, int, str]] = {}
    ids: list[str] = []
    for step, turn in zip(steps, cycle(range(len(servers)))):
        world = worlds[step.world][turn]
        world.clock.advance(step.hours * HOUR)
        hours[step.world] += step.hours
        body, since, task_id = known.get((step.world, step.key or ""), (0, 0, ""))
        kept = bool(task_id) and hours[step.world] - since < KEPT_MS // (HOUR * 1000)
        answer = send(world, step.key, BODIES[step.body])
        if kept and body != step.body:
            assert answer.status_code == 422
        elif kept:
            assert data_of(answer) == {"taskId": task_id}
        else:
            ids.append(str(data_of(answer)["taskId"]))
            if step.key:
                known[step.world, step.key] = (step.body, hours[step.world], ids[-1])
    assert sorted(task.id for each in worlds for task in each[-1].tasks) == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_of_many_at_the_same_time_one_makes_the_task(servers: list[MockServer]) -> None:
    world = servers[0].tenant()
    handles = [server.tenant(world.api_key) for server in servers]
    for round_ in range(5):
        bodies = [BODIES[number % 4 == 3] for number in range(12)]
        with ThreadPoolExecutor(12) as pool:
            jobs = [
                pool.submit(send, handles[number % len(handles)], f"key {round_}", body)
                for number, body in enumerate(bodies)
            ]
            answers = [job.result() for job in jobs]
        accepted = [each for each in answers if each.status_code == 200]
        assert len({each.json()["data"]["taskId"] for each in accepted}) == 1
        assert sum(REPLAYED not in each.headers for each in accepted) == 1
        assert {each.status_code for each in answers} == {200, 422}
        assert len(handles[-1].tasks) == round_ + 1
