"""Mocks of HTTP in the user's tests: they see the program's traffic, and neither the fake's nor the way to it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from unittest import mock as unittest_mock

import anyio
import httpx
import pytest
import respx
from pytest_httpx import HTTPXMock

from ltx_mock import CallbackReceiver, LtxMockError, MockServer, RemoteServer
from ltx_mock.testing.tenant import World
from support.bodies import GENERATE, IMAGE, MINUTE, TEXT, data_of, post, request_body, submit
from support.receivers import Receiver
from support.waiting import GIVES_UP


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(clock="manual") as running:
        yield running


@pytest.fixture
def world(server: MockServer) -> World:
    return server.tenant()


def live(server: MockServer, world: World) -> None:
    """Do all that the fake and its clients do over HTTP, and look whether it was done."""
    with Receiver() as receiver, world.client() as client:
        body = request_body(IMAGE, image_urls=[f"{server.url}/files/images/reference.jpg"])
        answer = post(client, body | {"request_type": "callback", "callback_url": receiver.url})
        world.clock.advance(2 * MINUTE)
        assert len(receiver.take_all()) == 1
    assert [task.id for task in world.tasks] == [data_of(answer)["taskId"]]
    assert (world.tasks[0].state, world.callbacks[0].state) == ("success", "delivered")

    async def ask() -> int:
        async with world.async_client() as client:
            return (await client.post(GENERATE, json=request_body(TEXT))).status_code

    assert anyio.run(ask) == 200


def test_pytest_httpx_sees_only_the_programs_traffic(server: MockServer, world: World, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"caught": True}, is_reusable=True)
    assert httpx.post("https://other.example/notify").json() == {"caught": True}
    live(server, world)
    assert len(httpx_mock.get_requests()) == 1


def test_respx_sees_only_the_programs_traffic(server: MockServer, world: World) -> None:
    with respx.mock() as router:
        router.route().respond(json={"caught": True})
        assert httpx.post("https://other.example/notify").json() == {"caught": True}
        live(server, world)
        assert router.calls.call_count == 1


def test_a_mock_of_httpx_itself_harms_no_callback_now_or_later(server: MockServer) -> None:
    for patched in (True, False):
        world = server.tenant()
        with Receiver() as receiver, world.client() as client:
            body = request_body(TEXT) | {"request_type": "callback", "callback_url": receiver.url}
            post(client, body)
            with unittest_mock.patch("httpx.AsyncClient" if patched else "httpx.Nothing", create=True):
                world.clock.advance(MINUTE)
            assert len(receiver.take_all()) == 1


def blocked(*_: object, **__: object) -> None:
    """Stand for what a test has put in the place of something."""
    raise RuntimeError("blocked")


def patched(*names: str, by: object = blocked) -> AbstractContextManager[object]:
    stack = ExitStack()
    for name in names:
        stack.enter_context(unittest_mock.patch(name, by, create=True))
    return stack


PATCHES = {
    "httpx": ("httpx.Client", "httpx.AsyncClient", "httpx.Response", "httpx.HTTPTransport", "httpx.AsyncHTTPTransport"),
    "httpcore": ("httpcore.ConnectionPool", "httpcore.HTTP11Connection", "httpcore.SyncBackend"),
    "names": ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostname", "socket.getfqdn"),
    "socket": ("socket.socket", "socket.create_connection", "socket.create_server"),
    "connect": ("socket.socket.connect",),
    "urllib": ("urllib.request.urlopen", "http.client.HTTPConnection"),
    "asyncio": ("asyncio.open_connection", "asyncio.sleep", "asyncio.run"),
    "files": ("builtins.open", "os.path.exists", "os.stat", "os.open", "os.listdir"),
    "threads": ("threading.Thread",),
    "chance": ("random.random", "random.Random", "secrets.token_hex", "os.urandom", "uuid.uuid4"),
    "processes": ("subprocess.run", "subprocess.Popen"),
    "sleep": ("time.sleep",),
}


@pytest.mark.parametrize("names", PATCHES.values(), ids=PATCHES)
@pytest.mark.parametrize("by", [blocked, unittest_mock.MagicMock()], ids=["blocked", "mocked"])
def test_what_a_test_patches_is_not_in_the_way_to_the_fake_and_back(
    server: MockServer, names: tuple[str, ...], by: object
) -> None:
    world = server.tenant()
    with patched(*names, by=by), CallbackReceiver() as receiver, world.client() as client:
        task = data_of(post(client, request_body(TEXT) | {"request_type": "callback", "callback_url": receiver.url}))
        world.clock.advance(MINUTE)
        assert [each.task_id for each in receiver.received] == [task["taskId"]]
        world.assert_requested("generateTask", times=1)


FIRST_USE = """
import contextlib, json, sys
from unittest import mock
import http.client, httpcore, httpx, urllib.request
from ltx_mock import CallbackReceiver, MockServer

def blocked(*_, **__):
    raise RuntimeError("blocked")

def use(server):
    world = server.tenant()
    with CallbackReceiver() as receiver, world.client() as client:
        body = json.loads(sys.argv[1]) | {"request_type": "callback", "callback_url": receiver.url}
        assert client.post("/generateTask/ltx-2-19b", json=body).status_code == 200
        world.clock.advance(60)
        assert len(receiver.received) == 1
        world.assert_requested("generateTask", times=1)

with MockServer(clock="manual") as server:
    with contextlib.ExitStack() as patches:
        for name in sys.argv[3:]:
            patches.enter_context(mock.patch(name, blocked if sys.argv[2] == "blocked" else mock.MagicMock()))
        use(server)
    use(server)
"""


@pytest.mark.sample
@pytest.mark.parametrize("names", PATCHES.values(), ids=PATCHES)
@pytest.mark.parametrize("by", ["blocked", "mocked"])
def test_nor_is_it_if_the_fake_is_used_for_the_first_time_then(names: tuple[str, ...], by: str) -> None:

    subprocess.run([sys.executable, "-c", FIRST_USE, json.dumps(request_body(TEXT)), by, *names], check=True)


@pytest.mark.parametrize("name", ["httpx", "names", "urllib", "files", "processes", "sleep"])
def test_nor_is_it_in_the_way_to_a_server_elsewhere(server: MockServer, name: str) -> None:
    with patched(*PATCHES[name], "socket.create_connection"):
        world = RemoteServer(server.url.replace("127.0.0.1", "localhost")).tenant()
        with world.client() as client:
            submit(client)
        world.clock.advance(MINUTE)
        assert [task.state for task in world.tasks] == ["success"]


def test_a_guard_in_the_way_to_a_server_elsewhere_is_told_with_what_to_do() -> None:
    elsewhere = RemoteServer("http://127.0.0.1:9")
    with patched("socket.socket"), pytest.raises(LtxMockError, match=r"RuntimeError: blocked; .*--allow-hosts"):
        elsewhere.clock.advance(1)


def test_a_connection_that_is_made_while_loggers_are_mocked_is_served(world: World) -> None:
    with unittest_mock.patch("logging.getLogger"), world.client() as client:
        assert post(client, request_body(TEXT)).status_code == 200


@pytest.mark.parametrize("names", [PATCHES["httpx"], PATCHES["names"]], ids=["httpx", "names"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nor_is_it_in_the_way_of_asynchronous_clients(world: World, names: tuple[str, ...], backend: str) -> None:
    async def ask() -> int:
        with patched(*names):
            async with world.async_client() as client:
                return (await client.post(GENERATE, json=request_body(TEXT))).status_code

    assert anyio.run(ask, backend=backend) == 200


def test_an_environment_that_is_cleared_and_an_event_loop_policy_of_ones_own_change_nothing(
    world: World,
) -> None:
    policy = unittest_mock.patch.object(asyncio.DefaultEventLoopPolicy, "new_event_loop", blocked)
    with unittest_mock.patch.dict(os.environ, clear=True), world.client() as client, CallbackReceiver() as receiver:
        with policy:
            post(client, request_body(TEXT) | {"request_type": "callback", "callback_url": receiver.url})
            world.clock.advance(MINUTE)
        assert len(receiver.received) == 1


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_client_of_a_server_that_is_not_ours_says_what_to_do_about_a_guard(
    server: MockServer, *, asynchronous: bool
) -> None:
    async def ask() -> None:
        async with server.async_client() as client:
            await client.get(elsewhere)

    with socket.create_server(("127.0.0.1", 0)) as listening, patched("socket.socket.connect"):
        elsewhere = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with pytest.raises(httpx.ConnectError, match=r"^RuntimeError: blocked; .*--allow-hosts=127.*transport"):
            anyio.run(ask) if asynchronous else server.client().get(elsewhere)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_clients_and_transport_run_on_any_event_loop(world: World, backend: str) -> None:
    async def both() -> list[int]:
        statuses = []
        for options in ({}, {"transport": world.transport}):
            async with world.async_client(**options) as client:
                answers = [await client.post(GENERATE, json=request_body(TEXT)) for _ in range(2)]
                statuses += [answer.status_code for answer in answers]
        return statuses

    assert anyio.run(both, backend=backend) == [200] * 4


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_transport_keeps_the_read_timeout_on_any_event_loop(server: MockServer, backend: str) -> None:
    world = server.tenant(clock="real", scenario={"delay": {"type": "fixed", "milliseconds": 60_000}})

    async def ask() -> None:
        async with world.async_client(transport=world.transport, timeout=GIVES_UP) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.post(GENERATE, json=request_body(TEXT))

    anyio.run(ask, backend=backend)


def test_a_client_keeps_its_connection_and_takes_a_new_one_when_it_is_gone(world: World) -> None:
    with world.client() as client:
        ports = set()
        for _ in range(3):
            answer = client.post(GENERATE, json=request_body(TEXT))
            stream = answer.extensions["network_stream"]
            ports.add(stream.get_extra_info("client_addr"))
        assert len(ports) == 1
        stream.close()
        assert submit(client)


def test_a_client_raises_what_httpx_raises(world: World) -> None:
    with world.client() as client:
        with pytest.raises(httpx.ConnectError):
            client.get("http://127.0.0.1:1/")
        with pytest.raises(httpx.UnsupportedProtocol):
            client.get("ftp://127.0.0.1/")
        world.scenarios.add(fault="EMPTY_RESPONSE")
        with pytest.raises(httpx.RemoteProtocolError):
            submit(client)


BLOCKED = """
import httpx

BODY = {"input": {"mode": "text-to-video", "prompt": "a calm sea", "resolution": "480p", "duration": 5}}


def test_a_callback_comes(ltx_mock, ltx_callbacks):
    with ltx_mock.client() as client:
        body = BODY | {"request_type": "callback", "callback_url": ltx_callbacks.url}
        assert client.post("/generateTask/ltx-2-19b", json=body).status_code == 200
    ltx_mock.clock.run_until_idle()
    assert ltx_mock.callbacks[0].state == "delivered"
    assert ltx_callbacks.wait()[0].state == "success"


def test_no_socket_is_needed(ltx_mock):
    with ltx_mock.client(transport=ltx_mock.transport) as client:
        body = BODY | {"request_type": "callback", "callback_url": "http://localhost:1/"}
        assert client.post("/generateTask/ltx-2-19b", json=body).status_code == 200
    ltx_mock.clock.run_until_idle()
    assert ltx_mock.tasks[0].state == "success"
    assert {attempt.error.partition(":")[0] for attempt in ltx_mock.callbacks[0].attempts} == {"EXPECTED"}
    assert "--allow-hosts=127.0.0.1" in ltx_mock.callbacks[0].attempts[0].error
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "expected"),
    [("--disable-socket", "SocketBlockedError"), ("--allow-hosts=10.0.0.1", "SocketConnectBlockedError")],
)
def test_where_sockets_are_blocked_the_fake_and_its_receiver_work_and_another_callback_says_what_blocked_it(
    pytester: pytest.Pytester, option: str, expected: str
) -> None:
    pytester.makepyfile(BLOCKED.replace("EXPECTED", expected))
    pytester.runpytest_subprocess(option, "-p", "no:cacheprovider").assert_outcomes(passed=2, warnings=None)
