"""Requests a minute, tasks at once, credits: exactly at their edges, on a clock that stands."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.core.records import Account
from ltx_mock.server.app import build
from ltx_mock.store import memory_tenant
from ltx_mock.testing.tenant import World
from support.bodies import (
    GENERATE,
    IMAGE,
    IMAGE_LORA,
    STATUS,
    ask,
    call,
    data_of,
    message_of,
    post,
    request_body,
    submit,
)
from support.receivers import Received, Receiver
from support.waiting import SECONDS, until


def account_of(world: World) -> Account:
    return world.account


def test_the_documented_limits_are_the_defaults(server: MockServer) -> None:
    assert (str(server.settings.rate_limit), server.settings.max_concurrent) == ("10000/minute", 1000)


@pytest.mark.rule("LIM-1", "LIM-3")
def test_one_request_too_many_is_a_429_until_the_minute_is_over() -> None:
    with MockServer(clock="manual", rate_limit="3/minute") as mock, mock.client(verify=False) as client:
        task_id = submit(client)
        mock.clock.advance(10)
        for _ in range(2):
            ask(client, task_id)
        for gone, retry_after in ((0, "50"), (0.001, "50"), (48.999, "1"), (0.999, "1")):
            mock.clock.advance(gone)
            refused = client.get(STATUS, params={"taskId": task_id})
            assert "3/minute" in message_of(refused, 429)
            assert refused.headers["retry-after"] == retry_after
        mock.clock.advance(0.001)
        for _ in range(3):
            ask(client, task_id)
        message_of(post(client, request_body()), 429)


@pytest.mark.rule("LIM-1")
def test_waiting_as_long_as_retry_after_says_is_long_enough() -> None:
    with MockServer(clock="manual", rate_limit="1/second") as mock, mock.client(verify=False) as client:
        task_id = submit(client)
        mock.clock.advance(0.3)
        refused = client.get(STATUS, params={"taskId": task_id})
        mock.clock.advance(float(refused.headers["retry-after"]))
        ask(client, task_id)


@pytest.mark.rule("LIM-1")
def test_every_accepted_key_pays_for_its_bad_requests_and_refused_ones_cost_nothing() -> None:
    with MockServer(clock="manual", rate_limit="2/minute") as mock, mock.client(verify=False) as client:
        message_of(post(client, b"{"), 400)
        message_of(client.get(STATUS), 400)
        for _ in range(5):
            message_of(client.get(STATUS), 429)
        assert account_of(mock).requests_in_window == 2
        mock.clock.advance(60)
        message_of(client.get(STATUS), 400)


@pytest.mark.rule("LIM-1", "LIM-3")
def test_what_is_no_call_of_the_api_does_not_count() -> None:
    with MockServer(clock="manual", rate_limit="2/minute") as mock, mock.client(verify=False) as client:
        for answer in (client.get("/nothing"), client.delete(GENERATE), client.get(GENERATE)):
            assert answer.status_code in {404, 405}
        assert client.get(mock.url).status_code == 200
        submit(client)
        submit(client)


@pytest.mark.rule("LIM-3")
def test_keys_have_limits_and_credits_of_their_own() -> None:
    with MockServer(clock="manual", rate_limit="2/minute", max_concurrent=1, credits=5) as mock:
        for world in (mock.tenant(), mock.tenant()):
            with world.client(verify=False) as client:
                submit(client)
                message_of(post(client, request_body()), 400)
                message_of(post(client, request_body()), 429)


@pytest.mark.rule("LIM-2", "LIM-3")
def test_a_slot_comes_free_at_the_very_moment_a_task_ends() -> None:
    with MockServer(clock="manual", max_concurrent=2) as mock, mock.client(verify=False) as client:
        submit(client, seed=1)
        submit(client, seed=2)
        soonest = min(task.end_time for task in mock.tasks)
        refused = post(client, request_body())
        wait = (soonest - mock.clock.now) / 1000
        assert "Too many concurrent tasks" in message_of(refused, 429)
        assert wait <= int(refused.headers["retry-after"]) < wait + 1
        mock.clock.advance(wait - 0.001)
        assert post(client, request_body()).headers["retry-after"] == "1"
        mock.clock.advance(0.001)
        submit(client)
        message_of(post(client, request_body()), 429)


@pytest.mark.rule("LIM-2")
@pytest.mark.parametrize("state", ["success", "failed"])
def test_a_task_finished_by_hand_frees_its_slot(state: str) -> None:
    with MockServer(clock="manual", max_concurrent=1) as mock, mock.client(verify=False) as client:
        first = submit(client)
        message_of(post(client, request_body()), 429)
        mock.finish(first, state)
        submit(client)
        message_of(post(client, request_body()), 429)


@pytest.mark.rule("LIM-2")
def test_a_thousand_tasks_at_once_are_taken_and_one_more_is_not(
    server: MockServer, world: World, client: httpx.Client
) -> None:
    app, raw = build(server._server_thread.engine), json.dumps(request_body()).encode()
    headers = [(b"authorization", f"Bearer {world.api_key}".encode())]

    async def submit_many() -> None:
        for _ in range(1000):
            assert (await call(app, "POST", GENERATE, headers=headers, chunks=[raw])).status == 200

    server._server_thread.wait_for(submit_many())
    message_of(post(client, request_body()), 429)
    assert (account_of(world).made, account_of(world).active) == (1000, 1000)
    world.clock.advance(60)
    assert account_of(world).active == 0
    submit(client)


@pytest.mark.rule("GEN-15")
@pytest.mark.parametrize(("size", "price"), [("480p", 1), ("720p", 2), ("1080p", 4)])
def test_a_second_of_video_has_a_price_by_resolution(size: str, price: int) -> None:
    with MockServer(clock="manual", credits=100) as mock, mock.client(verify=False) as client:
        submit(client, IMAGE_LORA, resolution=size, duration=7)
        assert (account_of(mock).spent, account_of(mock).credits) == (7 * price, 100 - 7 * price)


@pytest.mark.rule("GEN-15")
def test_prices_can_be_set_and_credits_can_be_none() -> None:
    with MockServer(clock="manual", credits=0, price={"480p": 0}) as mock, mock.client(verify=False) as client:
        submit(client)
        assert message_of(post(client, request_body(resolution="720p")), 400) == "Insufficient credits"


@pytest.mark.rule("GEN-15")
def test_credits_come_back_when_a_task_fails_and_not_before() -> None:
    with MockServer(clock="manual", credits=5) as mock, mock.client(verify=False) as client:
        submit(client, prompt="[[content-violation]]")
        end = mock.tasks[0].end_time
        mock.clock.advance((end - mock.clock.now) / 1000 - 0.001)
        message_of(post(client, request_body()), 400)
        mock.clock.advance(0.001)
        good = submit(client)
        mock.clock.advance(60)
        assert ask(client, good)["state"] == "success"
        assert message_of(post(client, request_body()), 400) == "Insufficient credits"
        assert account_of(mock).credits == 0


@pytest.mark.rule("GEN-15")
def test_a_success_made_a_failure_by_hand_is_refunded_once() -> None:
    with MockServer(clock="manual", credits=10) as mock, mock.client(verify=False) as client:
        task_id = submit(client)
        mock.finish(task_id, "failed")
        assert account_of(mock).credits == 10
        mock.clock.advance(3600)
        assert account_of(mock).credits == 10
        assert data_of(post(client, request_body(duration=10)))


PADDED = request_body() | {"padding": "x" * 20_000}
HEAVY = {
    "a padded body": PADDED,
    "a long URL": request_body(IMAGE, image_urls=["http://a/" + "x" * 17_000]),
    "a long URL that is not used": request_body() | {"callback_url": "http://a/" + "x" * 17_000},
    "many remarks": request_body() | {f"unknown{number}": 1 for number in range(30)},
    "a long pointer": request_body() | {"x" * 10_000: 1},
}


@pytest.mark.parametrize("body", HEAVY.values(), ids=HEAVY)
def test_the_requests_of_one_key_have_a_bound_of_our_own(
    monkeypatch: pytest.MonkeyPatch, server: MockServer, world: World, body: dict[str, Any]
) -> None:
    monkeypatch.setattr(memory_tenant, "MAX_REQUEST_BYTES", 50_000)
    with (
        world.client(transport=server.transport) as client,
        server.tenant().client(transport=server.transport) as other,
    ):
        made = [answer for answer in (post(client, body) for _ in range(4)) if answer.status_code == 200]
        assert len(made) == 2
        assert "reset" in message_of(post(client, body), 503)
        assert [request.cause for request in world.requests][-1] == "memory for the requests of one key (choice)"
        assert account_of(world).active == 2
        assert post(client, request_body()).status_code == 200, "a usual one still has room"
        assert ask(client, data_of(made[0])["taskId"])["state"] == "pending"
        assert post(other, body).status_code == 200
        world.reset()
        assert post(client, body).status_code == 200


@pytest.mark.rule("GEN-15")
def test_credits_come_back_when_a_failure_becomes_known_after_the_task_was_taken_for_a_success() -> None:
    settled = threading.Event()

    def not_found(_: Received) -> int:
        assert settled.wait(SECONDS)
        return 404

    with (
        Receiver(not_found) as images,
        MockServer(speed=100_000, credits=5) as mock,
        mock.client(verify=False) as client,
    ):
        task_id = submit(client, IMAGE, image_urls=[f"{images.root}/a.png"])
        until(lambda: not account_of(mock).active)
        assert account_of(mock).credits == 0
        settled.set()
        assert ask(client, task_id)["state"] == "failed"
        assert (account_of(mock).spent, account_of(mock).credits) == (0, 5)


def test_a_reset_gives_back_credits_slots_and_requests() -> None:
    limits: dict[str, Any] = {"credits": 5, "max_concurrent": 1, "rate_limit": "1/hour"}
    with MockServer(clock="manual", **limits) as mock, mock.client(verify=False) as client:
        first = submit(client)
        message_of(post(client, request_body()), 429)
        mock.reset()
        assert submit(client) == first, "the same world again, down to its ids"
