"""Callbacks that are signed by Standard Webhooks, as the library of that standard sees them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import time_machine
from standardwebhooks import Webhook, WebhookVerificationError

from ltx_mock import MockServer
from ltx_mock.core.records import Attempt
from ltx_mock.testing.tenant import World
from support.bodies import TEXT, data_of, post, request_body
from support.receivers import Received, Receiver
from support.waiting import SECONDS

SECRET = f"whsec_{base64.b64encode(bytes(range(200, 232))).decode()}"
HEADERS = {"webhook-id", "webhook-timestamp", "webhook-signature"}
LONG = 100


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(clock="manual", callback_timeout=SECONDS, callback_secret=SECRET) as running:
        yield running


@pytest.fixture
def world(server: MockServer) -> World:
    return server.tenant()


def submit(world: World, url: str, prompt: str = "a city", **top: Any) -> str:
    body = request_body(TEXT, prompt=prompt) | {"request_type": "callback", "callback_url": url} | top
    with world.client(verify=False) as client:
        return str(data_of(post(client, body))["taskId"])


def verify(received: Received, attempt: Attempt, secret: str = SECRET) -> str:
    """Verify as a receiver does at the time of the attempt, and return the id of the message."""
    with time_machine.travel(datetime.fromtimestamp(attempt.at / 1000, UTC), tick=False):
        Webhook(secret).verify(received.body, received.headers)
    assert received.headers["webhook-timestamp"] == str(attempt.at // 1000)
    return received.headers["webhook-id"]


def test_nothing_is_signed_by_default() -> None:
    with MockServer(clock="manual") as mock, Receiver() as receiver:
        submit(mock, receiver.url)
        mock.clock.advance(LONG)
        assert not HEADERS & set(receiver.take().headers)


def test_retries_have_the_same_id_and_the_time_of_their_attempt(world: World) -> None:
    with Receiver(500, "close", 500, 200) as receiver:
        task_id = submit(world, receiver.url)
        world.clock.run_until_idle()
        received = receiver.take_all()
    (callback,) = world.callbacks
    assert callback.state == "delivered"
    ids = {verify(*each) for each in zip(received, callback.attempts, strict=True)}
    assert ids == {task_id.replace("task_", "cb_")}
    assert len({each.headers["webhook-timestamp"] for each in received}) == 4


def test_copies_and_redeliveries_have_the_same_id(world: World) -> None:
    with Receiver() as receiver:
        task_id = submit(world, receiver.url, "a city [[duplicate-callback]]")
        world.clock.run_until_idle()
        answer = httpx.post(f"{world.url}/__admin/callbacks/{task_id}/redeliver", trust_env=False)
        assert answer.status_code == 200
        received = receiver.take_all()
    first, copy = world.callbacks
    attempts = [first.attempts[0], copy.attempts[0], first.attempts[1]]
    assert len({verify(*each) for each in zip(received, attempts, strict=True)}) == 1


@pytest.mark.parametrize("keeps", [True, False])
def test_many_callbacks_for_one_receiver_have_each_their_own_signature(world: World, keeps: bool) -> None:
    with Receiver(headers={} if keeps else {"connection": "close"}) as receiver:
        for _ in range(5):
            submit(world, receiver.url)
        world.clock.advance(LONG)
        received = receiver.take_all()
    attempts = {each.message_id: each.attempts[0] for each in world.callbacks}
    assert len({verify(each, attempts[each.headers["webhook-id"]]) for each in received}) == 5


def test_a_body_that_a_scenario_changed_is_signed_as_it_is_sent(world: World) -> None:
    with Receiver() as receiver:
        submit(world, receiver.url, "a city [[callback-extra-fields]]")
        world.clock.advance(LONG)
        received = receiver.take()
    assert b'"progress"' in received.body
    verify(received, world.callbacks[0].attempts[0])


@pytest.mark.parametrize(
    ("name", "why", "cause"),
    [
        ("bad-signature", "No matching signature", "the signature is that of another body"),
        ("old-signature", "Message timestamp too old", "the signature is 60 minutes old"),
        ("no-signature", "Missing required headers", "the signature is left out"),
    ],
)
def test_a_flaw_stays_in_all_attempts_and_the_journal_names_it(world: World, name: str, why: str, cause: str) -> None:
    world.scenario(name)
    with Receiver(401, 401, 200) as receiver:
        submit(world, receiver.url)
        world.clock.run_until_idle()
        received = receiver.take_all()
        submit(world, receiver.url)
        world.clock.advance(LONG)
        verify(receiver.take(), world.callbacks[1].attempts[0])
    flawed = world.callbacks[0]
    assert len(received) == 3
    for each, attempt in zip(received, flawed.attempts, strict=True):
        with pytest.raises(WebhookVerificationError, match=why):
            verify(each, attempt)
    told = [each for each in world.requests if each.task_id == flawed.task_id and each.operation == "callback"]
    assert [each.cause for each in told] == [f"attempt {number}; {cause}" for number in (1, 2, 3)]
    assert {each.cause_kind for each in told} == {"scenario"}


def test_without_a_secret_the_journal_says_why_a_scenario_does_nothing() -> None:
    with MockServer(clock="manual") as mock, Receiver() as receiver:
        submit(mock, receiver.url, "a city [[bad-signature]]")
        mock.clock.advance(LONG)
        assert not HEADERS & set(receiver.take().headers)
        assert mock.requests[-1].cause == "attempt 1; there is no signature: callback_secret is not set"


def test_a_key_may_have_its_own_secret(server: MockServer) -> None:
    other = f"whsec_{base64.b64encode(bytes(24)).decode()}"
    world = server.tenant(callback_secret=other)
    with Receiver() as receiver:
        submit(world, receiver.url)
        world.clock.advance(LONG)
        received = receiver.take()
    verify(received, world.callbacks[0].attempts[0], other)


def test_the_journal_has_the_headers_without_the_signature(world: World) -> None:
    with Receiver() as receiver:
        submit(world, receiver.url)
        world.clock.advance(LONG)
        received = receiver.take()
    headers = world.requests[-1].request_headers
    shown = {name: received.headers[name] for name in ("content-type", "webhook-id", "webhook-timestamp")}
    assert headers == shown | {"webhook-signature": "…"}


def test_the_secret_is_shown_nowhere(server: MockServer) -> None:
    with Receiver() as receiver:
        world = server.tenant(callback_secret=SECRET)
        submit(world, f"{receiver.url}?s={SECRET}", f"a city for {SECRET}", secret=SECRET)
        with world.client(verify=False) as client:
            client.get(f"/{SECRET}")
            post(client, {SECRET: SECRET})
        world.clock.advance(LONG)
        signature = receiver.take().headers["webhook-signature"]
    paths = ["settings", "tenants", "tasks", f"tasks/{world.tasks[0].id}", "requests", "callbacks", "metrics"]
    paths += ["requests?format=har", "requests?format=ndjson", "spend", "events?wait=0"]
    with httpx.Client(base_url=f"{server.url}/__admin", trust_env=False) as admin:
        told = "\n".join(admin.get(path).text for path in paths)
    told += f"{server.settings}{world}{world.callbacks}{world.requests}{world.tasks}"
    assert '"callback_secret":"…"' in told
    assert SECRET not in told
    assert signature.partition(",")[2] not in told
