"""The trace of a request goes on in the callbacks of its task, and the journal finds both."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.testing.tenant import World
from support.bodies import GENERATE, TEXT, data_of, request_body
from support.receivers import Receiver
from support.waiting import SECONDS

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACED = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "congo=t61rcWkgMzE"}


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(clock="manual", callback_timeout=SECONDS) as running:
        yield running


def submit(world: World, url: str, headers: dict[str, str]) -> str:
    body = request_body(TEXT) | {"request_type": "callback", "callback_url": url}
    with world.client(verify=False) as client:
        return str(data_of(client.post(GENERATE, json=body, headers=headers))["taskId"])


def sent_with(world: World, headers: dict[str, str]) -> list[str | None]:
    """Return the `traceparent` of each attempt of a callback."""
    with Receiver(500, 200) as receiver:
        submit(world, receiver.url, headers)
        world.clock.run_until_idle()
        received = receiver.take_all()
    assert {each.headers.get("tracestate") for each in received} == {headers.get("tracestate")}
    return [each.headers.get("traceparent") for each in received]


def test_each_attempt_is_in_the_trace_with_an_id_of_its_own(server: MockServer) -> None:
    first, second = sent_with(server.tenant(), TRACED)
    for each in (first, second):
        assert each is not None
        assert each.startswith(f"00-{TRACE}-")
        assert each.endswith("-01")
        assert SPAN not in each
    assert first != second


def test_each_copy_of_a_callback_has_an_id_of_its_own(server: MockServer) -> None:
    parents = sent_with(server.tenant(), TRACED | {"x-mock-scenario": "duplicate-callback"})
    assert len(parents) > 2
    assert len({*parents}) == len(parents)


def test_a_request_without_a_valid_trace_starts_none(server: MockServer) -> None:
    assert sent_with(server.tenant(), {}) == [None, None]
    assert sent_with(server.tenant(), {"traceparent": f"00-{TRACE}-{SPAN}"}) == [None, None]


def test_the_ids_derive_from_the_seed() -> None:
    def sent(seed: int) -> list[str | None]:
        with MockServer(clock="manual", callback_timeout=SECONDS, seed=seed) as mock:
            return sent_with(mock, TRACED)

    assert sent(1) == sent(1) != sent(2)


def test_the_journal_finds_a_request_and_its_callbacks_by_their_trace(server: MockServer) -> None:
    world = server.tenant()
    with Receiver() as receiver:
        submit(world, receiver.url, {})
        submit(world, receiver.url, TRACED)
        world.clock.run_until_idle()
    query = {"key": world.api_key, "trace": TRACE}
    found = httpx.get(f"{world.url}/__admin/requests", params=query, trust_env=False).json()["requests"]
    assert [(each["operation"], each["traceId"]) for each in found] == [("generateTask", TRACE), ("callback", TRACE)]
    assert [each.trace_id for each in world.requests].count(TRACE) == 2
