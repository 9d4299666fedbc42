"""What is armed happens to the next request, as often as was said, to one world only, and leaves its cause behind."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.errors import SettingsError
from ltx_mock.scenarios import MESSAGES
from ltx_mock.testing.options import Endpoint
from ltx_mock.testing.tenant import World
from ltx_mock_contracts.model import FAIL_CODES
from support.bodies import GENERATE, STATUS, ask, message_of, post, request_body, submit


@pytest.mark.parametrize("code", FAIL_CODES)
def test_the_next_task_fails_with_the_code_and_the_one_after_it_does_not(
    code: str, world: World, client: httpx.Client
) -> None:
    world.fail_next(code)
    doomed, fine = submit(client), submit(client)
    world.clock.advance(120)
    assert (ask(client, doomed)["failCode"], ask(client, fine)["state"]) == (code, "success")
    assert [task.cause for task in world.tasks] == [f"scenario fail with {code}", None]


def test_a_refused_request_does_not_use_up_a_failure(world: World, client: httpx.Client) -> None:
    world.fail_next()
    message_of(post(client, request_body(duration=4)), 400)
    submit(client)
    assert [task.fail_code for task in world.tasks] == ["CONTENT_VIOLATION"]


def test_a_failed_task_calls_back_and_its_credits_come_back(server: MockServer) -> None:
    world = server.tenant(credits=10)
    world.fail_next()
    with world.client() as client:
        body = request_body() | {"request_type": "callback", "callback_url": "http://127.0.0.1:9/nobody"}
        assert post(client, body).status_code == 200
        assert world.account.credits == 5
        world.clock.advance(20)
    assert world.account.credits == 10
    assert [entry.operation for entry in world.requests] == ["generateTask", "callback"]
    assert world.requests[1].body["data"]["failCode"] == "CONTENT_VIOLATION"


@pytest.mark.parametrize("status", MESSAGES)
@pytest.mark.parametrize("operation", [None, "generateTask", "statusTask"])
def test_the_next_request_is_answered_with_the_error_and_nothing_is_done(
    status: int, operation: Endpoint | None, world: World, client: httpx.Client
) -> None:
    world.respond_next(status, operation=operation)
    if operation == "statusTask":
        submit(client)
        answer = client.get(STATUS, params={"taskId": "task_1"})
    else:
        answer = post(client, request_body())
        assert not world.tasks
    assert message_of(answer, status) == MESSAGES[status]
    assert answer.headers.get("retry-after") == ("1" if status == 429 else None)
    assert world.requests[-1].cause == f"scenario respond with {status}"
    submit(client)


def test_message_and_retry_after_are_as_told(world: World, client: httpx.Client) -> None:
    world.respond_next(503, "down for repairs", retry_after=7)
    answer = client.get(STATUS)
    assert message_of(answer, 503) == "down for repairs"
    assert answer.headers["retry-after"] == "7"


def test_times_and_order_are_kept(world: World, client: httpx.Client) -> None:
    world.respond_next(500, times=2)
    world.respond_next(429, operation="generateTask")
    world.respond_next(503)
    statuses = [client.get(STATUS).status_code for _ in range(4)] + [post(client, request_body()).status_code]
    assert statuses == [500, 500, 503, 400, 429]


def test_a_request_without_access_or_over_the_limit_uses_up_nothing(server: MockServer) -> None:
    world = server.tenant(rate_limit="2/minute")
    world.respond_next(500)
    with world.client() as client:
        assert client.get(STATUS, headers={"authorization": "Basic x"}).status_code == 401
        assert client.put(STATUS).status_code == 405
        assert [client.get(STATUS).status_code for _ in range(3)] == [500, 400, 429]


def test_the_body_of_a_request_so_answered_stands_in_the_journal(world: World, client: httpx.Client) -> None:
    world.respond_next(429)
    post(client, request_body(prompt="a calm sea"))
    world.assert_requested("generateTask", status=429, prompt="a calm sea")


def test_another_world_is_not_concerned(server: MockServer, world: World, client: httpx.Client) -> None:
    other = server.tenant()
    other.respond_next(500)
    other.fail_next()
    submit(client)
    world.clock.advance(60)
    assert [task.state for task in world.tasks] == ["success"]


def test_reset_disarms(world: World, client: httpx.Client) -> None:
    world.respond_next(500, times=100)
    world.reset()
    submit(client)


@pytest.mark.parametrize(
    ("arm", "problem"),
    [
        (lambda world: world.fail_next(""), r"failCode must be a text of 1 to 100 printable characters"),
        (lambda world: world.respond_next(418), "status must be one of 400, 401"),
        (lambda world: world.respond_next(429, operation="statusTasks"), r"did you mean 'statusTask'\?"),
        (lambda world: world.respond_next(429, times=0), "times must be a whole number from 1"),
        (
            lambda world: world.respond_next(429, retry_after="x"),
            "retryAfter must be a whole number from 0 to 86400, not 'x'",
        ),
        (lambda world: world.scenario("rate-limit"), r"did you mean 'rate-limited'\?"),
    ],
)
def test_what_cannot_be_armed_is_an_error_that_says_why(arm: Any, problem: str, world: World) -> None:
    with pytest.raises(SettingsError, match=problem):
        arm(world)


def test_the_control_plane_lists_arms_and_disarms(server: MockServer, world: World) -> None:
    key = {"key": world.api_key}
    with httpx.Client(base_url=f"{server.url}/__admin", params=key, trust_env=False) as admin:
        assert admin.post("/scenarios", json={"name": "server-error", "times": 2}).json()["times"] == 2
        admin.post("/scenarios", json={"failCode": "INVALID_LORA_URL"})
        armed = admin.get("/scenarios").json()["scenarios"]
        assert [each["name"] for each in armed] == ["server-error", "fail with INVALID_LORA_URL"]
        assert world.api_key not in str(armed)
        assert admin.delete("/scenarios").json() == {"scenarios": []}
        assert admin.get("/scenarios").json() == {"scenarios": []}
        wrong: list[dict[str, Any]] = [
            {},
            {"name": "server-error", "status": 503},
            {"status": []},
            {"status": 500, "message": 1},
        ]
        for body in wrong:
            assert admin.post("/scenarios", json=body).status_code == 400


def test_an_error_can_be_asked_for_head_and_for_paths_without_the_prefix(world: World) -> None:
    with world.client(base_url=world.url) as client:
        world.respond_next(500, times=2)
        assert client.head(STATUS).status_code == 500
        assert client.post(GENERATE, json={}).status_code == 500
