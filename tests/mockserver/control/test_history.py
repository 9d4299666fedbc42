"""The whole story of a task: what happened, why, and what comes next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.testing.tenant import World
from support.bodies import STATUS, TEXT, post, request_body, submit
from support.processes import ltx_mock as run
from support.receivers import Receiver

START = 1_767_965_610_929


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual") as running:
        yield running


@pytest.fixture
def world(mock: MockServer) -> World:
    return mock.tenant()


@pytest.fixture
def client(world: World) -> Iterator[httpx.Client]:
    with world.client(transport=world.transport) as client:
        yield client


def story(world: World, task_id: str) -> dict[str, Any]:
    return world._admin.get(f"/tasks/{task_id}")


def steps(told: list[dict[str, Any]]) -> list[tuple[str, str | None, str | None]]:
    return [(step["event"], step["state"], step.get("cause")) for step in told]


def callback(client: httpx.Client, url: str, **changes: Any) -> str:
    body = request_body(TEXT, **changes) | {"request_type": "callback", "callback_url": url}
    return str(post(client, body).json()["data"]["taskId"])


DRAWN = "drawn from the request and the seed"


def test_a_success_is_told_with_what_comes_next(world: World, client: httpx.Client) -> None:
    task_id = submit(client, extra=1)
    told = story(world, task_id)
    (task,) = world.tasks
    assert steps(told["story"]) == [("request", "pending", None)]
    assert [finding["rule"] for finding in told["findings"]] == ["GEN-16"]
    assert [(step["at"], step["state"], step["cause"]) for step in told["next"]] == [
        (task.processing_time, "processing", DRAWN),
        (task.end_time, "success", DRAWN),
    ]
    assert told["next"][0]["inSeconds"] == (task.processing_time - START) / 1000
    assert told["next"][0]["inRealSeconds"] is None
    world.clock.advance(100)
    for _ in range(3):
        client.get(STATUS, params={"taskId": task_id})
        world.clock.advance(1)
    told = story(world, task_id)
    assert steps(told["story"]) == [
        ("request", "pending", None),
        ("state", "processing", DRAWN),
        ("state", "success", DRAWN),
        ("request", "success", None),
    ]
    assert (told["next"], told["polls"]) == ([], 3)
    assert [step["at"] for step in told["story"]] == [START, task.processing_time, task.end_time, START + 100_000]


def test_a_failure_is_told_with_its_cause(world: World, client: httpx.Client) -> None:
    task_id = submit(client, prompt="a city [[content-violation]]")
    world.clock.advance(100)
    client.get(STATUS, params={"taskId": task_id})
    told = story(world, task_id)
    (failed,) = [step for step in told["story"] if step["event"] == "state" and step["state"] == "failed"]
    cause = "directive [[content-violation]] in the prompt"
    assert (failed["failCode"], failed["cause"]) == ("CONTENT_VIOLATION", cause)


@pytest.mark.parametrize("state", ["success", "failed"])
def test_an_end_by_hand_is_told(world: World, client: httpx.Client, state: str) -> None:
    task_id = submit(client)
    world.finish(task_id, fail_code="CONTENT_VIOLATION" if state == "failed" else None)
    told = story(world, task_id)
    assert steps(told["story"])[1:] == [("state", state, "finished by hand")]


def test_a_scenario_is_told_as_the_cause(world: World, client: httpx.Client) -> None:
    world.scenario("stuck")
    stuck = submit(client)
    world.clock.advance(10_000)
    told = story(world, stuck)
    assert steps(told["story"])[1:] == [("state", "processing", DRAWN)]
    assert told["next"] == []
    assert "stuck" in told["story"][0]["cause"]


def test_callbacks_are_told_with_each_attempt_and_when_the_next_is_made(world: World, client: httpx.Client) -> None:
    with Receiver(500, "close", 200) as receiver:
        task_id = callback(client, receiver.url)
        end = story(world, task_id)["next"][-1]
        assert (end["event"], end["number"], end["cause"]) == ("callback", 1, "the task ends")
        world.clock.advance(61)
        told = story(world, task_id)
        (first,) = [step for step in told["story"] if step["event"] == "callback"]
        assert (first["number"], first["status"], first["state"], first["at"]) == (1, 500, "refused", end["at"])
        (second,) = told["next"]
        assert (second["at"], second["number"]) == (end["at"] + 30_000, 2)
        assert second["inSeconds"] == (second["at"] - START - 61_000) / 1000
        world.clock.run_until_idle()
        told = story(world, task_id)
    calls = [step for step in told["story"] if step["event"] == "callback"]
    assert [(step["number"], step["state"]) for step in calls] == [(1, "refused"), (2, "unanswered"), (3, "answered")]
    assert told["next"] == []


def test_each_copy_of_a_callback_is_told(world: World, client: httpx.Client) -> None:
    world.scenarios.add(callback={"copies": 3})
    with Receiver() as receiver:
        task_id, other = callback(client, receiver.url), callback(client, receiver.url)
        world.clock.run_until_idle()
    for each, copies in ((task_id, 3), (other, 1)):
        told = story(world, each)
        calls = [step["deliveryId"] for step in told["story"] if step["event"] == "callback"]
        assert (len(calls), [delivery["id"] for delivery in told["callbacks"]]) == (copies, calls)


def test_a_callback_that_is_withheld_or_given_up_is_told(world: World, client: httpx.Client) -> None:
    withheld = callback(client, "https://your-server.com/callback")
    told = story(world, withheld)["story"][-1]
    assert (told["event"], told["state"]) == ("callback", "withheld")
    assert "--allow-callback-host your-server.com" in told["cause"]
    with Receiver(500) as receiver:
        task_id = callback(client, receiver.url)
        world.clock.run_until_idle()
    assert story(world, task_id)["story"][-1]["cause"] == "given up after 4 attempts"


def test_where_time_flows_real_seconds_are_told() -> None:
    with MockServer(clock="real", speed=10) as mock, mock.client(transport=mock.transport) as client:
        (step, _) = story(mock, submit(client))["next"]
    assert step["inRealSeconds"] == pytest.approx(step["inSeconds"] / 10, abs=0.001)


def test_a_story_goes_on_when_the_journal_has_forgotten(mock: MockServer) -> None:
    world = mock.tenant("forgetful-key", journal_entries=0)
    with world.client(transport=world.transport) as client:
        task_id = submit(client)
    told = story(world, task_id)
    assert steps(told["story"]) == [("request", "pending", None)]
    assert (told["story"][0]["at"], told["story"][0]["number"]) == (START, None)


def test_no_key_is_in_a_story(mock: MockServer) -> None:
    key = "a-very-secret-key-9999"
    world = mock.tenant(key)
    with world.client(transport=world.transport) as client:
        task_id = callback(client, f"https://a.example/{key}", prompt=key)
    assert key not in str(story(world, task_id))


def test_the_shell_tells_the_story(mock: MockServer, world: World, client: httpx.Client) -> None:
    with Receiver(500, 200) as receiver:
        task_id = callback(client, receiver.url, prompt="a city\x1b[31m at night", extra=1)
        world.clock.advance(62)
        code, out, err = run("tasks", task_id, "--url", mock.url)
    assert (code, err) == (0, "")
    lines = re.sub(r"\d\d:\d\d:\d\d", "TIME", out).replace(task_id, "TASK").splitlines()
    assert lines[0].startswith("TASK  success  (key …")
    assert lines[1].startswith("  text-to-video 480p 16:9 5 s, seed ")
    assert lines[2:4] == ["  a city�[31m at night", lines[3]]
    assert lines[3].endswith("(GEN-16)")
    assert re.sub(r"request \d+", "request N", lines[4]) == "TIME  request N, generateTask: 200 pending"
    assert lines[5] == f"TIME  processing: {DRAWN}"
    assert lines[6] == f"TIME  success: {DRAWN}"
    assert lines[7] == f"TIME  callback to {receiver.url}, attempt 1: HTTP 500"
    assert lines[-1].startswith(f"next      TIME  callback to {receiver.url}, attempt 2: the previous attempt did not")
