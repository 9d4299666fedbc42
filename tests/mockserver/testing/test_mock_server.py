"""MockServer: worlds of their own, a transport without a socket, time on demand, and an end that never hangs."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import httpx
import pytest

from ltx_mock import LtxMockError, MockServer, SettingsError
from ltx_mock.errors import ConflictError, NotFoundError
from ltx_mock.testing.receiver import CallbackReceiver
from ltx_mock.testing.remote_server import RemoteServer
from ltx_mock.testing.tenant import World
from support.bodies import GENERATE, STATUS, TEXT, ask, data_of, post, request_body, submit
from support.waiting import GIVES_UP, SECONDS


def callback_body(url: str) -> dict[str, object]:
    return request_body() | {"request_type": "callback", "callback_url": url}


# ---- worlds


def test_a_world_has_settings_of_its_own(server: MockServer) -> None:
    poor, other = server.tenant(credits=4, seed=7), server.tenant()
    with poor.client() as mine, other.client() as theirs:
        assert post(mine, request_body()).json()["message"] == "Insufficient credits"
        assert post(theirs, request_body()).status_code == 200


def test_a_world_keeps_its_settings_through_a_reset(server: MockServer) -> None:
    world = server.tenant(credits=5, clock="auto")
    with world.client() as client:
        submit(client)
        world.reset()
        assert (world.account.credits, world.tasks, world.requests, world.clock.mode) == (5, [], [], "auto")
        submit(client)
        assert post(client, request_body()).status_code == 400


def test_a_server_that_accepts_one_key_accepts_those_it_opens() -> None:
    with MockServer(api_key=["the-only-one"], clock="manual") as mock:
        world = mock.tenant()
        for each in (mock, world):
            with each.client() as accepted:
                submit(accepted)
        with mock.client(headers={"authorization": "Bearer made-up"}) as stranger:
            assert post(stranger, request_body()).status_code == 401
        world.close()
        with world.client() as late:
            assert post(late, request_body()).status_code == 401


def test_a_reset_of_the_whole_server_leaves_opened_worlds_open() -> None:
    with MockServer(api_key=["the-only-one"], clock="manual") as mock:
        world = mock.tenant(credits=5)
        with world.client() as client:
            submit(client)
            assert httpx.post(f"{mock.url}/__admin/reset", trust_env=False).status_code == 200
            assert world.tasks == []
            submit(client)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"credit": 5}, r"unknown setting 'credit' \(did you mean 'credits'\?\)"),
        ({"port": 80}, "port is a setting of the whole server"),
        ({"api_key": "x"}, "api_key is a setting of the whole server"),
        ({"credits": -1}, "credits must be a whole number of at least 0"),
    ],
)
def test_a_world_with_wrong_settings_is_refused(settings: dict[str, Any], problem: str, server: MockServer) -> None:
    with pytest.raises(SettingsError, match=problem):
        server.tenant(**settings)


def test_the_same_key_and_seed_give_the_same_tasks(server: MockServer) -> None:
    def run(**settings: Any) -> list[tuple[str, int, int]]:
        world = server.tenant("twice-the-same", **settings)
        with world.client() as client:
            submit(client)
            submit(client, prompt="another")
        return [(task.id, task.seed, task.end_time) for task in world.tasks]

    assert run(seed=3) == run(seed=3) != run(seed=4)


def test_a_world_shows_no_key_when_it_is_printed(server: MockServer) -> None:
    assert "secret" not in repr(server.tenant("a-secret-key"))


def test_tasks_are_small_values(world: World, client: httpx.Client) -> None:
    task_id = submit(client, seed=11)
    world.fail_next("INVALID_LORA_URL")
    submit(client)
    world.clock.advance(60)
    task, failed = world.tasks
    assert (task.id, task.state, task.seed, task.cost, task.fail_code) == (task_id, "success", 11, 5, None)
    assert task.request == request_body(seed=11)
    assert task.result_url == f"{world.url}/files/results/{task_id}.mp4"
    assert (failed.state, failed.fail_code, failed.result_url, failed.finished) == (
        "failed",
        "INVALID_LORA_URL",
        None,
        True,
    )


def test_finish_takes_a_task_or_an_id(world: World, client: httpx.Client) -> None:
    first, second = submit(client), submit(client)
    world.finish(world.tasks[0])
    world.finish(second, fail_code="INVALID_IMAGE_URL")
    assert (ask(client, first)["state"], ask(client, second)["failCode"]) == ("success", "INVALID_IMAGE_URL")
    with pytest.raises(ConflictError):
        world.finish(first)
    with pytest.raises(NotFoundError):
        world.finish("task_none")


# ---- time


def test_run_until_idle_finishes_tasks_and_makes_callbacks_with_their_retries(world: World) -> None:
    with CallbackReceiver() as receiver, world.client() as client:
        receiver.answer(500, 500, 200)
        post(client, callback_body(receiver.url))
        events = world.clock.run_until_idle()
        assert [each.state for each in receiver.received] == ["success"] * 3
    assert [(task.state, world.callbacks[0].state) for task in world.tasks] == [("success", "delivered")]
    assert [event["event"] for event in events] == ["state", "state", "callback", "callback", "callback"]
    assert world.clock.run_until_idle() == []


def test_run_until_idle_does_not_run_for_ever(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setattr("ltx_mock.testing.tenant.MAX_ROUNDS", 2)
    with CallbackReceiver() as receiver, world.client() as client:
        receiver.answer(500)
        post(client, callback_body(receiver.url))
        with pytest.raises(LtxMockError, match="not idle after 2 rounds: 1 tasks and callbacks"):
            world.clock.run_until_idle()


# ---- without a socket


def test_the_transport_serves_sync_and_async_clients_in_one_world(server: MockServer, world: World) -> None:
    async def later(task_id: str) -> str:
        async with world.async_client(transport=world.transport) as client:
            world.clock.advance(60)
            return str(data_of(await client.get(STATUS, params={"taskId": task_id}))["state"])

    with world.client(transport=world.transport) as client:
        task_id = submit(client)
    assert asyncio.run(later(task_id)) == "success"
    assert anyio.run(later, task_id, backend="asyncio") == "success"
    assert world.transport is server.transport
    assert [entry.operation for entry in world.requests] == ["generateTask", "statusTask", "statusTask"]


def test_answers_are_the_same_with_and_without_a_socket(world: World) -> None:
    with world.client() as socket_, world.client(transport=world.transport) as direct:
        task_id = submit(socket_)
        world.clock.advance(60)
        requests: list[Callable[[httpx.Client], httpx.Response]] = [
            lambda client: client.get(STATUS, params={"taskId": task_id}),
            lambda client: client.get(f"{world.url}/files/results/{task_id}.mp4", headers={"range": "bytes=0-9"}),
            lambda client: client.post(GENERATE, content=b"\xff"),
            lambda client: client.head("/%C3%A9?a=%20"),
        ]
        for send in requests:
            one, other = send(socket_), send(direct)
            assert (one.status_code, one.content, one.headers) == (other.status_code, other.content, other.headers)


def test_callbacks_come_over_a_socket_all_the_same(world: World) -> None:
    with CallbackReceiver() as receiver, world.client(transport=world.transport) as client:
        post(client, callback_body(receiver.url))
        world.clock.advance(60)
        assert receiver.wait()[0].task_id == world.tasks[0].id


def test_the_transport_is_safe_in_many_threads(world: World) -> None:
    def work(number: int) -> str:
        with world.client(transport=world.transport) as client:
            return submit(client, seed=number + 1)

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(work, range(40)))
    assert len(set(ids)) == 40
    assert {task.id for task in world.tasks} == set(ids)


def test_the_read_timeout_holds_without_a_socket(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    async def stand_still(*_: object) -> None:
        await asyncio.Event().wait()

    async def ask_later() -> None:
        async with world.async_client(transport=world.transport, timeout=GIVES_UP) as client:
            await client.get(STATUS)

    monkeypatch.setattr("ltx_mock.api.endpoints.access", stand_still)
    with world.client(transport=world.transport, timeout=GIVES_UP) as client, pytest.raises(httpx.ReadTimeout):
        client.get(STATUS)
    with pytest.raises(httpx.ReadTimeout):
        asyncio.run(ask_later())


def test_without_a_server_the_transport_has_no_connection() -> None:
    mock = MockServer()
    transport = mock.transport
    mock.stop()
    with mock.client(transport=transport) as client, pytest.raises(httpx.ConnectError, match="stopped"):
        client.get(STATUS)


# ---- a child process


def test_a_child_process_finds_the_world_in_its_environment(world: World) -> None:
    code = (
        "import os, urllib.request as r\n"
        "url = os.environ['APIXO_BASE_URL'] + '{}/statusTask/ltx-2-19b?taskId=x'\n"
        "request = r.Request(url, headers={{'Authorization': 'Bearer ' + os.environ['APIXO_API_KEY']}})\n"
        "try: r.urlopen(request)\nexcept r.HTTPError as error: print(error.code)"
    )
    proxy = {"http_proxy": "http://127.0.0.1:9", "NO_PROXY": "example.com"}
    for prefix in ("", "/api/v1"):
        run = subprocess.run(
            [sys.executable, "-c", code.format(prefix)],
            env=os.environ | proxy | world.env,
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout == "404\n"
    assert [entry.status for entry in world.requests] == [404, 404]


def test_what_no_proxy_was_there_stays(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert world.env["NO_PROXY"] == world.env["no_proxy"] == "example.com,127.0.0.1"
    assert RemoteServer("https://api.apixo.ai/api/v1").env["NO_PROXY"] == "example.com,api.apixo.ai"


# ---- beginning and end


def test_it_stops_twice_and_says_that_it_is_stopped() -> None:
    mock = MockServer()
    mock.stop()
    mock.stop()
    with pytest.raises(LtxMockError, match="stopped"):
        mock.clock.advance(1)
    with pytest.raises(LtxMockError, match="stopped"):
        mock.tenant()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `stop` wait for the server's thread on a slow machine too, where it gives up otherwise."""
    monkeypatch.setattr("ltx_mock.server.thread.STOP_SECONDS", SECONDS)


def stops(mock: MockServer) -> bool:
    mock.stop()
    return not mock._server_thread._thread.is_alive()


@pytest.mark.slow
@pytest.mark.usefixtures("patient")
def test_open_connections_do_not_keep_it_from_stopping() -> None:
    mock = MockServer()
    host, port = mock.url.removeprefix("http://").split(":")
    with mock.client() as idle, socket.create_connection((host, int(port))) as half:
        post(idle, request_body())
        half.sendall(b"POST /generateTask/ltx-2-19b HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\n")
        half.sendall(b"content-length: 100\r\n\r\n{")
        assert stops(mock)


@pytest.mark.usefixtures("patient")
def test_a_receiver_that_hangs_does_not_keep_it_from_stopping() -> None:
    mock = MockServer(clock="manual", callback_timeout=60)
    problems: list[Exception] = []

    def advance() -> None:
        try:
            mock.clock.advance(60)
        except LtxMockError as error:
            problems.append(error)

    with CallbackReceiver() as receiver, mock.client() as client:
        receiver.answer(None)
        post(client, callback_body(receiver.url))
        waiting = threading.Thread(target=advance)
        waiting.start()
        receiver.wait()
        assert stops(mock)
        waiting.join(SECONDS)
    assert "stopped" in str(problems[0])


@pytest.mark.slow
@pytest.mark.usefixtures("patient")
def test_a_slow_request_does_not_keep_it_from_stopping_and_gets_no_response(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived = threading.Event()

    async def stand_still(*_: object) -> None:
        arrived.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("ltx_mock.api.endpoints.access", stand_still)
    mock = MockServer()

    def ask_for_ever() -> None:
        with mock.client(timeout=None) as client, pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            client.get(STATUS)

    waiting = threading.Thread(target=ask_for_ever)
    waiting.start()
    assert arrived.wait(SECONDS)
    assert stops(mock)
    waiting.join(SECONDS)
    assert not waiting.is_alive()


def test_a_mistake_of_ours_is_answered_in_the_envelope_and_noted(
    monkeypatch: pytest.MonkeyPatch, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError("a slip")

    monkeypatch.setattr("ltx_mock.engine.submissions.validate_parsed_request", break_down)
    for options in ({}, {"transport": world.transport}):
        with world.client(**options) as client:
            answer = post(client, request_body())
        assert (answer.status_code, list(answer.json())) == (500, ["code", "message", "data"])
        assert "bug in the fake: ZeroDivisionError: a slip (test_mock_server.py:" in str(world.requests[-1].cause)
    assert "ZeroDivisionError" in caplog.text


class InUnittest(unittest.TestCase):
    """The same without pytest: `addCleanup` or `setUpClass` and `tearDownClass`."""

    mock: MockServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.mock = MockServer(clock="manual")
        cls.addClassCleanup(cls.mock.stop)

    def setUp(self) -> None:
        self.world = self.mock.tenant()
        self.addCleanup(self.world.close)

    def test_a_video_is_made(self) -> None:
        with self.world.client() as client:
            submit(client)
        self.world.clock.advance(60)
        self.assertEqual(self.world.tasks[0].state, "success")  # noqa: PT009 - as unittest does it

    def test_a_failed_assertion_is_an_ordinary_one(self) -> None:
        with self.assertRaises(self.failureException):  # noqa: PT027
            self.world.assert_requested("generateTask")


# ---- another process's server


def test_a_world_on_a_server_elsewhere_is_driven_through_its_control_plane(server: MockServer) -> None:
    remote = RemoteServer(f"{server.url}/api/v1")
    assert remote.why_not_ours() is None
    world = remote.tenant("from-afar", credits=10, clock="manual")
    with CallbackReceiver() as receiver, world.client() as client:
        assert post(client, callback_body(receiver.url)).status_code == 200
        world.clock.run_until_idle()
        assert receiver.wait()[0].state == "success"
    world.assert_requested("generateTask", mode=TEXT["mode"], times=1)
    world.assert_spent(exactly=5)
    with pytest.raises(LtxMockError, match="another process"):
        _ = world.transport
    world.close()
    assert server.tenant("from-afar").tasks == []


def test_a_server_that_is_no_ltx_mock_is_told_apart() -> None:
    with CallbackReceiver() as receiver:
        reason = RemoteServer(receiver.url.removesuffix("/callback")).why_not_ours()
    assert "is not an ltx-mock: /__admin/health responded with HTTP 501" in str(reason)
    assert "no response from http://127.0.0.1:9" in str(RemoteServer("http://127.0.0.1:9").why_not_ours())


def test_a_token_opens_the_control_plane_from_afar(monkeypatch: pytest.MonkeyPatch) -> None:
    with MockServer(admin_token="let-me-in") as mock:
        assert mock.clock.mode == "real"
        with pytest.raises(LtxMockError, match="control plane needs"):
            RemoteServer(mock.url, admin_token="wrong").tenant("key")
        monkeypatch.setenv("LTX_MOCK_ADMIN_TOKEN", "let-me-in")
        assert RemoteServer(mock.url).tenant("key").tasks == []
