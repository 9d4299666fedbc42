"""Access: which keys get in, and what each of them sees."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.testing.tenant import World
from support.bodies import GENERATE, MINUTE, STATUS, ask, data_of, message_of, request_body, submit

RIGHT = "sk-right"


@pytest.fixture(scope="module")
def locked() -> Iterator[httpx.Client]:
    """A client without a key of a server that takes two keys."""
    with (
        MockServer(clock="manual", api_key=[RIGHT, "sk-other"]) as mock,
        httpx.Client(base_url=mock.base_url) as client,
    ):
        yield client


@pytest.mark.rule("AUTH-1", "ENV-1", "ENV-3", "ENV-4")
def test_without_the_header_it_is_a_401_that_says_what_to_send(locked: httpx.Client) -> None:
    for answer in (locked.post(GENERATE, json=request_body()), locked.get(STATUS, params={"taskId": "task_1"})):
        assert "Authorization: Bearer" in message_of(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.rule("AUTH-2")
@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer",
        RIGHT,
        f"Basic {RIGHT}",
        f"Token {RIGHT}",
        f"Bearer: {RIGHT}",
        f"Bearer{RIGHT}",
        f"Bearer {RIGHT} {RIGHT}",
        f"Bearer {RIGHT}\tx",
        f"Bearer\t{RIGHT}",
        f"Bearer {RIGHT}x",
        f"Bearer {RIGHT.upper()}",
        f"Bearer {'k' * 100_000}"[:8000],
        "Bearer \xe9",
        "Bearer sk-rıght".encode().decode("latin-1"),
    ],
)
def test_a_header_that_is_not_bearer_and_an_accepted_key_is_a_401(locked: httpx.Client, given: str) -> None:
    headers = {b"authorization": given.encode("latin-1")}
    assert RIGHT not in message_of(locked.post(GENERATE, json=request_body(), headers=headers), 401)


@pytest.mark.rule("AUTH-2")
@pytest.mark.parametrize("given", [f"Bearer {RIGHT}", f"bearer {RIGHT}", f"BEARER   {RIGHT}", "Bearer sk-other"])
def test_an_accepted_key_gets_in_however_bearer_is_written(locked: httpx.Client, given: str) -> None:
    assert data_of(locked.post(GENERATE, json=request_body(), headers={"authorization": given}))


@pytest.mark.rule("AUTH-2")
def test_any_key_gets_in_where_none_was_set(server: MockServer) -> None:
    with httpx.Client(base_url=server.base_url) as client:
        for key in ("x", "YOUR_API_KEY", "k" * 512):
            data_of(client.post(GENERATE, json=request_body(), headers={"authorization": f"Bearer {key}"}))
        message_of(client.post(GENERATE, json=request_body(), headers={"authorization": f"Bearer {'k' * 513}"}), 401)


@pytest.mark.rule("AUTH-3")
def test_access_comes_before_method_body_and_task(locked: httpx.Client) -> None:
    for answer in (
        locked.delete(GENERATE),
        locked.post(STATUS),
        locked.post(GENERATE, content=b"{", headers={"content-type": "text/plain"}),
        locked.post(GENERATE, content=b" " * (2 << 20)),
        locked.get(STATUS),
    ):
        message_of(answer, 401)


@pytest.mark.rule("AUTH-3")
def test_a_refused_key_leaves_nothing_in_any_world(locked: httpx.Client, world: World) -> None:
    message_of(locked.post(GENERATE, json=request_body()), 401)
    assert not world.requests


@pytest.mark.rule("AUTH-4")
def test_the_task_of_another_key_answers_like_one_that_nobody_made(server: MockServer) -> None:
    mine, other = server.tenant(), server.tenant()
    with mine.client(verify=False) as me, other.client(verify=False) as stranger:
        task_id = submit(me)
        for seconds in (0, MINUTE):
            mine.clock.advance(seconds)
            told = message_of(stranger.get(STATUS, params={"taskId": task_id}), 404)
            assert told == message_of(stranger.get(STATUS, params={"taskId": "task_x"}), 404).replace("task_x", task_id)
        assert ask(me, task_id)["state"] == "success"


def test_keys_share_neither_tasks_nor_time_nor_journal(server: MockServer) -> None:
    mine, other = server.tenant(), server.tenant()
    with mine.client(verify=False) as me, other.client(verify=False) as stranger:
        first, second = submit(me), submit(stranger)
        assert first != second
        mine.clock.advance(2 * MINUTE)
        assert (ask(me, first)["state"], ask(stranger, second)["state"]) == ("success", "pending")
        mine.reset()
        assert (mine.tasks, mine.requests) == ([], [])
        assert ask(stranger, second)["state"] == "pending"
        assert [entry.task_id for entry in other.requests] == [second] * 3
