"""Connections break for real: as httpx, curl and Node see it, with each of uvicorn's protocols and loops."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.core.settings import Settings
from ltx_mock.server.app import build, new_engine
from ltx_mock.testing.options import Fault
from ltx_mock.testing.tenant import World
from support.bodies import GENERATE, STATUS, post, request_body, submit
from support.waiting import GIVES_UP, SECONDS, until

BREAKING = {
    "CONNECTION_RESET_BY_PEER": httpx.ReadError,
    "EMPTY_RESPONSE": httpx.RemoteProtocolError,
    "MALFORMED_RESPONSE_CHUNK": httpx.RemoteProtocolError,
    "RANDOM_DATA_THEN_CLOSE": httpx.RemoteProtocolError,
}
# What curl and Node say, by their exit code and the code of the error.
CURL = {
    "CONNECTION_RESET_BY_PEER": {56},  # failure in receiving
    "EMPTY_RESPONSE": {52},  # nothing came
    "MALFORMED_RESPONSE_CHUNK": {18, 56},  # a part of it came, for some versions
    "RANDOM_DATA_THEN_CLOSE": {1},  # a protocol that it does not know
}
NODE = {
    "CONNECTION_RESET_BY_PEER": "ECONNRESET",
    "EMPTY_RESPONSE": "UND_ERR_SOCKET",
    "MALFORMED_RESPONSE_CHUNK": "HPE_INVALID_CHUNK_SIZE",
    "RANDOM_DATA_THEN_CLOSE": "HPE_INVALID_CONSTANT",
}
ASK_WITH_NODE = """
const [url, key] = process.argv.slice(1);
try {
  await (await fetch(url, {headers: {authorization: `Bearer ${key}`}})).text();
  console.log("answered");
} catch (error) {
  const cause = error.cause ?? error;
  console.log(cause.code ?? cause.message);
}
"""
ASK_WITH_OTHERS = """
import sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None  # as if it were not installed
import asyncio, httpx
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from ltx_mock import MockServer
with MockServer(clock="manual") as mock, mock.client() as client:
    print(AutoHTTPProtocol.__name__, type(mock._server_thread._loop).__module__.partition(".")[0])
    for fault in sys.argv[2:]:
        mock.scenarios.add(fault=fault)
        try:
            client.get("/statusTask/ltx-2-19b")
        except httpx.TransportError as error:
            print(fault, type(error).__name__)
    print(client.get("/statusTask/ltx-2-19b").status_code, mock.internal_errors)
"""


@pytest.mark.parametrize("fault", BREAKING)
def test_httpx_raises_over_a_socket_what_it_raises_without_one(fault: Fault, server: MockServer, world: World) -> None:
    for options in ({}, {"transport": server.transport}):
        with world.client(**options) as client:
            world.scenarios.add(fault=fault)
            with pytest.raises(BREAKING[fault]):
                post(client, request_body())
            submit(client)  # the next connection is a good one
    assert [task.number for task in world.tasks] == [1, 2]


@pytest.mark.parametrize("fault", BREAKING)
def test_async_httpx_without_a_socket_too(fault: Fault, server: MockServer, world: World) -> None:
    async def story() -> None:
        world.scenarios.add(fault=fault)
        async with world.async_client(transport=server.transport) as client:
            with pytest.raises(BREAKING[fault]):
                await client.get(STATUS)

    asyncio.run(story())


@pytest.mark.parametrize("fault", [*BREAKING, "NO_ANSWER"])
def test_after_commit_the_work_is_done_and_only_the_answer_is_lost(fault: Fault, world: World) -> None:
    world.scenarios.add(fault=fault, after_commit=True)
    with world.client(timeout=SECONDS) as client:
        with pytest.raises(httpx.TransportError):
            client.post(GENERATE, json=request_body(), timeout=GIVES_UP if fault == "NO_ANSWER" else SECONDS)
        until(lambda: world.requests)  # the server may come to the request later than the client gives up
        (task,) = world.tasks
        assert world.requests[0].task_id == task.id
        assert world.requests[0].cause == f"scenario break with {fault}: {fault}, after processing"
        assert client.get(STATUS, params={"taskId": task.id}).status_code == 200


def test_a_request_that_is_refused_has_no_answer_to_lose(world: World, client: httpx.Client) -> None:
    world.scenario("lost-answer")
    assert post(client, request_body(duration=4)).status_code == 400
    with pytest.raises(httpx.ReadError):
        post(client, request_body())


@pytest.mark.curl
@pytest.mark.parametrize("fault", BREAKING)
def test_curl_sees_the_connection_break(fault: Fault, world: World) -> None:
    world.scenarios.add(fault=fault, times="forever")
    command = ["curl", "-sS", "--noproxy", "*", "-H", f"Authorization: Bearer {world.api_key}", world.base_url + STATUS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode in CURL[fault], done.stderr


@pytest.mark.node
@pytest.mark.parametrize("fault", BREAKING)
def test_node_sees_the_connection_break(fault: Fault, world: World) -> None:
    world.scenarios.add(fault=fault, times="forever")
    command = ["node", "--input-type=module", "-e", ASK_WITH_NODE, world.base_url + STATUS, world.api_key]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == NODE[fault], done.stdout


@pytest.mark.sample
@pytest.mark.parametrize(
    ("missing", "runs_on"),
    [
        ("httptools", "H11Protocol uvloop"),
        ("uvloop", "HttpToolsProtocol asyncio"),
        ("httptools,uvloop", "H11Protocol asyncio"),
    ],
)
def test_faults_need_neither_httptools_nor_uvloop(missing: str, runs_on: str) -> None:
    command = [sys.executable, "-c", ASK_WITH_OTHERS, missing, *BREAKING]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    seen = [f"{fault} {error.__name__}" for fault, error in BREAKING.items()]
    assert done.stdout.splitlines() == [runs_on, *seen, "400 []"]
    assert done.stderr == ""


def test_the_rubbish_is_drawn_from_the_seed() -> None:
    def rubbish(seed: int) -> bytes:
        with MockServer(clock="manual", seed=seed) as mock:
            mock.scenario("random-data")
            return asyncio.run(raw(mock))

    assert rubbish(1) == rubbish(1) != rubbish(2)


async def raw(mock: MockServer) -> bytes:
    reader, writer = await asyncio.open_connection(*mock.url.removeprefix("http://").split(":"))
    head = f"GET {STATUS} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {mock.api_key}\r\n\r\n"
    writer.write(head.encode())
    told = await reader.read()
    writer.close()
    return told


def test_a_server_that_does_not_tell_its_connection_says_so() -> None:
    async def story() -> httpx.Response:
        engine = new_engine(Settings(clock="manual"))
        await engine.open()
        (scenario,) = Settings(scenario="connection-reset").scenario  # type: ignore[arg-type]
        await engine.store.run(await engine.store.tenant("k"), lambda tenant: tenant.add_scenario(scenario))
        transport = httpx.ASGITransport(build(engine))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.get(STATUS, headers={"authorization": "Bearer k"})
        await engine.close()
        return answer

    answer = asyncio.run(story())
    assert answer.status_code == 500
    assert answer.json()["message"].startswith("CONNECTION_RESET_BY_PEER: this server cannot break a connection")


# ---- slowness


@pytest.fixture(scope="module")
def racing() -> Iterator[MockServer]:
    """A server whose clock flows, a thousand times faster."""
    with MockServer(speed=1000) as running:
        yield running


def test_a_delay_is_real_time_and_the_speed_of_the_clock_shortens_it(racing: MockServer) -> None:
    world = racing.tenant()
    with world.client() as client:
        submit(client)
        world.scenarios.add(delay=20_000)
        began = time.monotonic()
        submit(client)
        assert time.monotonic() - began >= 0.02  # and no twenty seconds: the client would have given up
    assert [request.cause for request in world.requests] == [None, "scenario delay: 20000 ms late"]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": 503},
        {"fault": "EMPTY_RESPONSE"},
        {"fault": "EMPTY_RESPONSE", "after_commit": True},
        {"fail_code": "CONTENT_VIOLATION"},
        {"callback": {"copies": 2}},
        {"drift": {"nulls": True}},
    ],
    ids="-".join,
)
def test_a_delay_goes_with_everything(fields: dict[str, Any], racing: MockServer) -> None:
    world = racing.tenant()
    world.scenarios.add(**fields, delay=20_000)
    body = request_body() | {"request_type": "callback", "callback_url": "http://127.0.0.1:9/nobody"}
    began = time.monotonic()
    with world.client() as client, suppress(httpx.RemoteProtocolError):
        post(client, body)
    assert time.monotonic() - began >= 0.02
    assert "20000 ms late" in (world.requests[0].cause or "")


def test_a_client_that_gives_up_leaves_its_task_behind(racing: MockServer) -> None:
    world = racing.tenant()
    world.scenarios.add(delay=10_000_000, operation="generateTask")
    with world.client(timeout=GIVES_UP) as client, pytest.raises(httpx.ReadTimeout):
        post(client, request_body())
    until(lambda: world.tasks)  # the server may come to the request later than the client gives up
    assert len(world.tasks) == 1


def test_delays_are_drawn_from_the_seed(server: MockServer) -> None:
    shapes: list[dict[str, object]] = [
        {"type": "uniform", "lower": 10, "upper": 500},
        {"type": "lognormal", "median": 100, "sigma": 0.5},
    ]

    def causes(seed: int) -> list[str | None]:
        world = server.tenant(seed=seed, scenario=[{"delay": shape, "times": 4} for shape in shapes])
        with world.client() as client:
            for _ in range(8):
                client.get(STATUS)
        return [request.cause for request in world.requests]

    assert causes(3) == causes(3) != causes(4)
    assert len(set(causes(3))) > 6


def test_a_slow_download_takes_its_time_and_is_whole(racing: MockServer) -> None:
    world = racing.tenant()
    with world.client() as client:
        task_id = submit(client)
        world.clock.advance(60)
        url = f"{world.url}/files/results/{task_id}.mp4"
        whole = client.get(url)
        world.scenarios.add(bytes_per_second=len(whole.content) // 20)  # twenty seconds
        began = time.monotonic()
        slow = client.get(url)
        took = time.monotonic() - began
    assert slow.content == whole.content
    assert slow.headers == whole.headers
    assert took >= 0.02


@pytest.mark.parametrize(("cut", "came"), [(0, 0), (0.5, 0.5)])
def test_a_cut_download_breaks_off_where_it_was_told(
    cut: float, came: float, world: World, client: httpx.Client
) -> None:
    task_id = submit(client)
    world.clock.advance(60)
    url = f"{world.url}/files/results/{task_id}.mp4"
    size = int(client.head(url).headers["content-length"])
    world.scenarios.add(cut=cut)
    received = rf"received {int(size * came)} bytes, expected {size}\)"
    with pytest.raises(httpx.RemoteProtocolError, match=received):
        client.get(url)
    rest = client.get(url, headers={"range": f"bytes={int(size * came)}-"})
    assert len(rest.content) == size - int(size * came)


def test_a_cut_download_without_a_socket(server: MockServer, world: World) -> None:
    with world.client(transport=server.transport) as client:
        task_id = submit(client)
        world.clock.advance(60)
        world.scenario("cut-download")
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(f"{world.url}/files/results/{task_id}.mp4")


def test_no_answer_without_a_socket_is_a_timeout(server: MockServer, world: World) -> None:
    world.scenario("no-answer")
    with world.client(transport=server.transport, timeout=GIVES_UP) as client, pytest.raises(httpx.ReadTimeout):
        client.post(GENERATE, json=request_body())


def test_a_server_stops_though_somebody_waits_for_an_answer() -> None:
    with MockServer(clock="manual") as mock:
        mock.scenario("no-answer")
        client = mock.client(timeout=GIVES_UP)
        with pytest.raises(httpx.ReadTimeout):
            client.get(STATUS)
        client.close()
    assert json.dumps(mock.internal_errors) == "[]"
