"""What users see while the store of the state is away, slow or full, and after it has come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from support.bodies import TEXT, ask, message_of, post, request_body
from support.processes import serving
from support.redis_servers import RedisServer, redis_server
from support.waiting import SECONDS, until

PASSWORD = "not-to-be-shown"
CREDITS = 10**6
WIDE = ("--credits", str(CREDITS), "--max-concurrent", "100000", "--rate-limit", "1000000/minute")
"""Limits that no load of these tests reaches."""
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
