"""Tests that freeze or move Python's time: the fake's clocks and its event loop keep the machine's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import freezegun
import httpx
import pytest
import time_machine

from ltx_mock import CallbackReceiver, MockServer
from ltx_mock.core.system_time import keep_time
from support.bodies import ask, post, request_body, submit

pytestmark = pytest.mark.sample

FAR = "2082-03-04T05:06:07Z"
DAY_MS = 24 * 60 * 60 * 1000
Freezer = Callable[[], AbstractContextManager[Any]]
ASKS_DOCKER = ["testcontainers"]
"""freezegun reads all attributes of all modules; one of this package asks Docker and leaves a socket open."""
FREEZERS: dict[str, Freezer] = {
    "freezegun": lambda: freezegun.freeze_time(FAR, ignore=ASKS_DOCKER),
    "freezegun, ticking": lambda: freezegun.freeze_time(FAR, tick=True, ignore=ASKS_DOCKER),
    "time-machine": lambda: time_machine.travel(FAR),
    "time-machine, standing": lambda: time_machine.travel(FAR, tick=False),
    "a mock": lambda: mock.patch.multiple(time, monotonic_ns=lambda: 10**19, monotonic=lambda: 1e10, time=lambda: 3e9),
}


@pytest.fixture(params=FREEZERS)
def frozen(request: pytest.FixtureRequest) -> Freezer:
    return FREEZERS[request.param]


def passes(server: MockServer) -> bool:
    """Tell whether the server's time passes: it is asked until it has, which is soon or never."""
    start = server.clock.now
    return any(server.clock.now > start for _ in range(10_000))


def test_a_clock_that_runs_goes_on(frozen: Freezer) -> None:
    with MockServer(clock="real", speed=1000) as server:
        before = server.clock.now
        with frozen():
            inside = server.clock.now
            assert before <= inside < before + DAY_MS
            assert passes(server)
        after = server.clock.now
        assert inside <= after < inside + DAY_MS


def test_a_server_that_starts_meanwhile_has_the_machines_time(frozen: Freezer) -> None:
    now = int(time.time() * 1000)
    with frozen(), MockServer(clock="real") as server:
        world = server.tenant(credits=5)
        assert now <= server.clock.now < now + DAY_MS
        assert now <= world.clock.now < now + DAY_MS
        server.reset()
        assert now <= server.clock.now < now + DAY_MS


def test_a_clock_that_stands_is_moved_as_ever(frozen: Freezer) -> None:
    with frozen(), MockServer(clock="manual") as server:
        start = server.clock.now
        with httpx.Client(
            base_url=server.base_url, headers={"authorization": f"Bearer {server.api_key}"}, transport=server.transport
        ) as client:
            task = submit(client)
            server.clock.advance(60)
            assert ask(client, task)["state"] == "success"
        assert server.clock.now == start + 60_000


def test_callbacks_of_a_running_clock_come(frozen: Freezer) -> None:
    with frozen(), MockServer(clock="real", speed=100_000) as server, CallbackReceiver() as receiver:
        with server.client() as client:
            post(client, request_body() | {"request_type": "callback", "callback_url": receiver.url})
        assert receiver.wait()[0].state == "success"


def test_asyncios_own_loop_has_the_machines_time(frozen: Freezer) -> None:
    with frozen():
        loop = keep_time(asyncio.SelectorEventLoop())
        try:
            assert loop.run_until_complete(asyncio.sleep(0.01, "slept")) == "slept"
        finally:
            loop.close()
