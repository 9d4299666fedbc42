"""Checked by mypy and pyright, and never run: which keyword arguments are right, and which are an error.

Both complain of an ignore that is not needed, so each of those comments is a test. mypy reads this file as every other;
for pyright: `npx pyright -p tests/typed --pythonpath .venv/bin/python`.
"""

from __future__ import annotations

import re

import pytest

import ltx_mock
from ltx_mock import (
    Account,
    ClockHandle,
    Delivery,
    Exchange,
    MockServer,
    MockTransport,
    Received,
    RemoteServer,
    Scenario,
    Settings,
    Task,
    World,
)
from ltx_mock.testing.options import MakeServer, OpenTenant


def servers(make_ltx_server: MakeServer, ltx_tenant: OpenTenant) -> None:
    """Settings."""
    MockServer(clock="manual", credits=5, price={"480p": 1}, scenario=["rate-limited", {"status": 503}], port=0)
    MockServer(clok="manual")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    MockServer(clock="manuel")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    MockServer(credits="5")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    mock: MockServer = make_ltx_server(clock="auto", host="::1")
    make_ltx_server(clok="auto")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    world: World = mock.tenant("a-key", strict=True)
    mock.tenant(clok="auto")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    mock.tenant(port=5)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    RemoteServer("http://127.0.0.1:8219").tenant(rate_limt="5/hour")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    with ltx_tenant(seed=3) as other:
        print(other.api_key, world)
    ltx_tenant(sed=3)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    Settings(clok="real")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def assertions(world: World) -> None:
    """Operations and fields."""
    world.assert_requested("generateTask", times=1, status=200, prompt=re.compile("sea"), duration=lambda n: n > 5)
    world.assert_requested("generateTask", finding="GEN-10", seed=4, image_urls=["https://example.com/a.png"])
    world.assert_requested("generatetask", times=0)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    world.assert_requested(promt="sea")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    world.assert_requested(duration="5")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def scenarios(world: World) -> None:
    """Fields of a scenario."""
    added: Scenario = world.scenarios.add("rate-limited", times=2)
    world.scenarios.add(status=503, operation="statusTask", retry_after=5, name=added.name)
    world.scenarios.add(stats=503)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    world.scenarios.add(fault="EMPTY")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    world.scenarios.add(callback={"copies": 2, "delay": 500}, generation={"type": "uniform", "lower": 1, "upper": 9})
    world.scenarios.add(callback={"copys": 2})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    world.scenarios.add(drift={"end_state": "cancelled", "omit": ["costTime"], "extra": {"progress": 42}})
    world.scenarios.add(drift={"omit": ["cost_time"]})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    world.scenarios.add(delay={"type": "fixed", "lower": 1})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    world.respond_next(500, operation="generatetask")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    world.clock.set("manuel")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def values(world: World, received: Received) -> tuple[list[Task], list[Exchange], list[Delivery], Account]:
    """What public methods return has a public name."""
    clock: ClockHandle = world.clock
    transport: MockTransport = world.transport
    print(clock, transport, received, ltx_mock.ContractFailure, ltx_mock.NotFoundError, ltx_mock.ConflictError)
    return world.tasks, world.requests, world.callbacks, world.account


@pytest.fixture
def typed(ltx_mock: World) -> World:
    """The fixture has a type that users can name."""
    return ltx_mock
