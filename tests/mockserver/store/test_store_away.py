"""What users see while the store of the state is away, slow or full, and after it has come back."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from ltx_mock import LtxMockError, MockServer
from ltx_mock.control.journal import News
from ltx_mock.core.records import Delivery
from ltx_mock.store import redis_client
from ltx_mock.store.backend import BackendError, Change, Outcome
from ltx_mock.store.codec import delivery_from_bytes
from ltx_mock.store.replica import DELIVERY
from ltx_mock.store.shared import SharedStore
from support.bodies import TEXT, ask, message_of, post, request_body
from support.memory_backend import MemoryBackend
from support.processes import serving
from support.receivers import Received, Receiver
from support.redis_servers import RedisServer, redis_server
from support.sse import listening
from support.waiting import SECONDS, until

PASSWORD = "not-to-be-shown"
CREDITS = 10**6
WIDE = ("--credits", str(CREDITS), "--max-concurrent", "100000", "--rate-limit", "1000000/minute")
"""Limits that no load of these tests reaches."""
CALLED = request_body(TEXT) | {"request_type": "callback"}
PAGE = {"origin": "https://app.example"}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of its own, with a password."""
    with redis_server(tmp_path / "redis", password=PASSWORD) as server:
        yield server


def client_of(url: str, key: str = "key") -> httpx.Client:
    """Return a client of the API at a root."""
    headers = {"authorization": f"Bearer {key}"}
    return httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=SECONDS, trust_env=False, verify=False)


def control(url: str) -> httpx.Client:
    """Return a client of the control plane at a root."""
    return httpx.Client(base_url=f"{url}/__admin", timeout=SECONDS, trust_env=False, verify=False)


def check_away(url: str, reason: str) -> None:
    """Check what every part of the server answers while its store is away."""
    with client_of(url) as client, client_of(url, "a-new-key") as new, control(url) as admin:
        for response in (
            *(post(each, request_body(TEXT)) for each in (client, new)),
            client.get("/statusTask/ltx-2-19b?taskId=a"),
            client.get("/apikeys/current-balance"),
            client.get("/no/such/path"),
            client.get("/apikeys/current-balance", headers={"authorization": ""}),
            httpx.get(f"{url}/files/results/task_a.mp4", trust_env=False, verify=False),
        ):
            assert reason in message_of(response, 503)
            assert response.headers["retry-after"] == "1"
        shown = post(client, b"{}"), client.get("/apikeys/current-balance", headers=PAGE)
        assert shown[1].headers["access-control-allow-origin"] == "*"
        assert "Retry-After" in shown[1].headers["access-control-expose-headers"]
        preflight = client.options("/apikeys/current-balance", headers={**PAGE, "access-control-request-method": "GET"})
        assert preflight.status_code == 200
        for method, path in (
            *(("GET", path) for path in ("/tasks", "/requests", "/metrics", "/tasks/task_a", "/events?key=a-new-key")),
            *(("POST", path) for path in ("/reset", "/clock/advance", "/tenants", "/scenarios")),
        ):
            response = admin.request(method, path, json={} if method == "POST" else None)
            assert response.status_code == 503, (path, response.text)
            assert list(response.json()) == ["error"]
            assert reason in response.json()["error"]
            assert response.headers["retry-after"] == "1"
        for path in ("/health", "/version", "/openapi.json", "/model.json", "/schemas", "/"):
            assert admin.get(path).status_code == 200


class Load:
    """A client with a key of its own that asks for tasks until it is told to end.

    Attributes:
        made: The ids of the tasks that were acknowledged.
        unknown: How many requests were answered with 503, so that their tasks may exist.
    """

    def __init__(self, url: str, key: str) -> None:
        self.key = key
        self.made: list[str] = []
        self.unknown = 0
        self._over, self._go_on = threading.Event(), threading.Event()
        self._client = client_of(url, key)

    def run(self) -> None:
        """Ask; after a 503 wait for `go_on`."""
        with self._client as client:
            while not self._over.is_set():
                response = post(client, request_body(TEXT))
                if response.status_code == 200:
                    self.made.append(response.json()["data"]["taskId"])
                    continue
                message_of(response, 503)
                self.unknown += 1
                self._go_on.wait(SECONDS)

    def go_on(self) -> None:
        """Ask again, also after a 503."""
        self._go_on.set()

    def end(self) -> None:
        """End soon."""
        self._over.set()
        self._go_on.set()


@pytest.mark.redis
@pytest.mark.posix
def test_redis_is_killed_and_started_again_in_mid_load(redis: RedisServer) -> None:
    with (
        serving("--store", redis.url, "--clock", "manual", "--quiet", *WIDE) as served,
        ThreadPoolExecutor() as threads,
    ):
        loads = [Load(served.url, f"key-{number}") for number in range(4)]
        running = [threads.submit(load.run) for load in loads]
        try:
            until(lambda: all(len(load.made) >= 5 for load in loads))
            redis.kill()
            until(lambda: all(load.unknown for load in loads))
            check_away(served.url, f"Redis at 127.0.0.1:{redis.port}/0")
            counts = [len(load.made) for load in loads]
            redis.start()
            served.wait_for_error_line("the store is back")
            for load in loads:
                load.go_on()
            until(lambda: all(len(load.made) >= count + 5 for load, count in zip(loads, counts, strict=True)))
        finally:
            for load in loads:
                load.end()
        for each in running:
            each.result(SECONDS)
        with control(served.url) as admin:
            for load in loads:
                check_exact(served.url, admin, load)
        served.end()
        lines = served.stderr().partition("Ctrl-C stops the server.\n")[2].splitlines()
        assert len(lines) == 2
        assert lines[0].startswith(f"Redis at 127.0.0.1:{redis.port}/0: ")
        assert lines[0].endswith("; requests are answered with 503 until it is back")
        assert PASSWORD not in served.stderr()


def check_exact(url: str, admin: httpx.Client, load: Load) -> None:
    """Check that nothing which was acknowledged is lost, and nothing is there twice or half."""
    tasks = admin.get("/tasks", params={"key": load.key, "limit": 10_000}).json()["tasks"]
    ids = [task["id"] for task in tasks]
    assert len(set(ids)) == len(ids)
    assert set(load.made) <= set(ids)
    assert len(ids) <= len(load.made) + load.unknown
    entries = admin.get("/requests", params={"key": load.key, "operation": "generateTask", "limit": 10_000}).json()
    assert sorted(entry["taskId"] for entry in entries["requests"]) == sorted(ids)
    with client_of(url, load.key) as client:
        assert {ask(client, each)["state"] for each in load.made} == {"pending"}
        assert client.get("/apikeys/current-balance").json()["data"] == CREDITS - sum(task["cost"] for task in tasks)


@pytest.mark.redis
@pytest.mark.posix
def test_callbacks_that_are_under_way_or_due_while_redis_is_away_are_made_once(redis: RedisServer) -> None:
    def behave(_: Received) -> int:
        if not ids:
            submit_one()
            redis.kill()
        return 200

    def submit_one() -> None:
        response = post(client, CALLED | {"callback_url": receiver.url})
        ids.append(response.json()["data"]["taskId"])

    ids: list[str] = []
    with (
        Receiver(behave) as receiver,
        MockServer(store=redis.url, speed=200) as mock,
        mock.client(verify=False) as client,
    ):
        first = post(client, CALLED | {"callback_url": receiver.url}).json()["data"]["taskId"]
        assert made_for(receiver.take()) == first
        until(lambda: mock.look(lambda tenant: (tenant.next_due() or 0) < tenant.clock.now()))
        redis.start()
        assert made_for(receiver.take()) == ids[0]
        until(lambda: [each.state for each in mock.callbacks] == ["delivered"] * 2)
        assert not receiver.take_all()


@pytest.mark.redis
@pytest.mark.posix
def test_events_and_long_polls_go_on_after_a_gap(redis: RedisServer) -> None:
    with (
        MockServer(store=redis.url, clock="manual") as mock,
        MockServer(store=redis.url, clock="manual") as other,
        mock.client(verify=False) as client,
        client_of(other.url, mock.api_key) as client_of_other,
        control(mock.url) as admin,
        ThreadPoolExecutor() as threads,
        listening(mock.url) as listener,
    ):
        before = ask_for_one(client)
        assert listener.next("task").data["id"] == before
        polling = threads.submit(admin.get, "/requests", params={"wait": SECONDS, "operation": "balance"})
        until(lambda: News in map(type, mock._server_thread.engine.observers))
        redis.kill()
        until(lambda: post(client, request_body(TEXT)).status_code == 503)
        redis.start()
        until(lambda: client_of_other.get("/apikeys/current-balance").status_code == 200)
        [polled] = polling.result(SECONDS).json()["requests"]
        assert polled["operation"] == "balance"
        after = ask_for_one(client_of_other)
        assert listener.next("task").data["id"] == after
        assert [task["id"] for task in admin.get("/tasks").json()["tasks"]] == [before, after]


@pytest.mark.redis
@pytest.mark.posix
def test_a_request_waits_for_a_slow_redis_and_health_does_not(redis: RedisServer) -> None:
    with (
        MockServer(store=redis.url, clock="manual") as mock,
        mock.client(verify=False) as client,
        control(mock.url) as admin,
        ThreadPoolExecutor() as threads,
    ):
        ask_for_one(client)
        redis.pause()
        waiting = [threads.submit(ask_for_one, client) for _ in range(5)]
        assert admin.get("/health").status_code == 200
        assert not any(each.done() for each in waiting)
        redis.resume()
        assert len({each.result(SECONDS) for each in waiting}) == 5
        assert len(mock.tasks) == 6


@pytest.mark.redis
@pytest.mark.posix
def test_requests_to_a_redis_that_hangs_are_given_up_and_not_made_twice(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        MockServer(store=redis.url, clock="manual") as mock,
        mock.client(verify=False) as client,
        control(mock.url) as admin,
        ThreadPoolExecutor(20) as threads,
    ):
        ask_for_one(client)
        for limit in ("CONNECT_SECONDS", "ANSWER_SECONDS"):
            monkeypatch.setattr(redis_client, limit, 0.1)
        redis.pause()
        asked = [threads.submit(post, client, request_body(TEXT)) for _ in range(5)]
        listed = [threads.submit(admin.get, "/tasks") for _ in range(10)]
        for each in asked:
            assert "did not answer in time" in message_of(each.result(SECONDS), 503)
            assert each.result(SECONDS).headers["retry-after"] == "1"
        assert {each.result(SECONDS).status_code for each in listed} == {503}
        for limit in ("CONNECT_SECONDS", "ANSWER_SECONDS"):
            monkeypatch.setattr(redis_client, limit, SECONDS)
        redis.resume()
        until(lambda: post(client, request_body(TEXT)).status_code == 200)
        tasks = mock.tasks
        assert 2 <= len(tasks) <= 7
        assert len({each.id for each in tasks}) == len(tasks)


def made_for(received: Received) -> str:
    """Return the id of the task that a callback is about."""
    return str(json.loads(received.body)["data"]["taskId"])


def ask_for_one(client: httpx.Client) -> str:
    """Have a task made and return its id."""
    response = post(client, request_body(TEXT))
    assert response.status_code == 200, response.text
    return str(response.json()["data"]["taskId"])


class LosesReplies(MemoryBackend):
    """A backend that writes a commit but does not say so: the first one with a delivery that has reached a `step`."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step: str | None = step

    async def commit(self, changes: Sequence[Change]) -> list[Outcome]:
        outcomes = await super().commit(changes)
        records = [record for change in changes for record in change.records.items()]
        written = [delivery_from_bytes(value) for name, value in records if name.startswith(DELIVERY)]
        if any(step_of(each) == self._step for each in written):
            self._step = None
            raise BackendError("the reply was lost")
        return outcomes


def step_of(delivery: Delivery) -> str:
    return "claimed" if delivery.state == "sending" and "/" in delivery.sender else delivery.state


@pytest.fixture
def lose(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make servers keep their state in a backend that loses the reply to a step."""

    def use(step: str) -> None:
        monkeypatch.setattr("ltx_mock.store.shared.SIGN_SECONDS", 0.01)
        monkeypatch.setattr("ltx_mock.server.app.new_store", lambda given: SharedStore(given, LosesReplies(step)))

    return use


STEPS = ("scheduled", "claimed", "sending", "delivered")


def check_made_once(mock: MockServer, receiver: Receiver) -> None:
    """Wait until the only callback is made."""
    receiver.take()
    until(lambda: [each.state for each in mock.callbacks] == ["delivered"])
    kinds = [entry.kind for entry in mock.look(lambda tenant: list(tenant.entries()))]
    assert kinds.count("callback") == 1
    assert not receiver.take_all()


@pytest.mark.parametrize("step", STEPS)
def test_a_callback_is_made_once_whichever_reply_of_the_store_is_lost(step: str, lose: Callable[[str], None]) -> None:
    lose(step)
    with Receiver() as receiver, MockServer(speed=1000) as mock, mock.client(verify=False) as client:
        response = post(client, CALLED | {"callback_url": receiver.url})
        assert response.status_code == (503 if step == "scheduled" else 200)
        check_made_once(mock, receiver)
        assert len(mock.tasks) == 1


@pytest.mark.parametrize("step", STEPS[1:])
def test_a_clock_that_is_advanced_again_makes_a_callback_once(step: str, lose: Callable[[str], None]) -> None:
    lose(step)
    with Receiver() as receiver, MockServer(clock="manual") as mock, mock.client(verify=False) as client:
        assert post(client, CALLED | {"callback_url": receiver.url}).status_code == 200
        if step == "claimed":
            with pytest.raises(LtxMockError, match="the reply was lost"):
                mock.clock.advance(600)
        mock.clock.advance(600)
        check_made_once(mock, receiver)
