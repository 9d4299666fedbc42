"""What users see while the store of the state is away, slow or full, and after it has come back."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import pytest

from ltx_mock import LtxMockError, MockServer
from ltx_mock.control.journal import News
from ltx_mock.core.records import Delivery
from ltx_mock.core.settings import Settings
from ltx_mock.store import redis_client
from ltx_mock.store.backend import BackendError, Change, Outcome
from ltx_mock.store.backends import wait_for_store
from ltx_mock.store.codec import delivery_from_bytes
from ltx_mock.store.replica import DELIVERY
from ltx_mock.store.shared import SharedStore
from ltx_mock.store.sqlite_backend import SqliteBackend
from ltx_mock.store.sqlite_file import MIGRATIONS
from support.bodies import TEXT, ask, message_of, post, request_body
from support.memory_backend import MemoryBackend
from support.processes import LTX_MOCK, Process, Served, ltx_mock, serving
from support.receivers import Received, Receiver
from support.redis_servers import RedisServer, redis_server
from support.slow_proxy import delayed
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


@contextmanager
def loaded(served: Served, count: int) -> Iterator[list[Load]]:
    """Run loads while the store goes away and comes back; then check that they go on, and that nothing is lost."""
    loads = [Load(served.url, f"key-{number}") for number in range(count)]
    with ThreadPoolExecutor() as threads:
        running = [threads.submit(load.run) for load in loads]
        try:
            yield loads
            served.wait_for_error_line("the store is back")
            counts = [len(load.made) for load in loads]
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


@pytest.mark.redis
@pytest.mark.posix
@pytest.mark.slow
def test_redis_is_killed_and_started_again_in_mid_load(redis: RedisServer) -> None:
    with serving("--store", redis.url, "--clock", "manual", "--quiet", *WIDE) as served:
        with loaded(served, 4) as loads:
            until(lambda: all(len(load.made) >= 5 for load in loads))
            redis.kill()
            until(lambda: all(load.unknown for load in loads))
            check_away(served.url, f"Redis at 127.0.0.1:{redis.port}/0")
            redis.start()
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
        with client_of(other.url, "another-key") as another:
            assert ask_for_one(another) == listener.next("task").data["id"]


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
    kinds = [entry.kind for entry in mock.look(lambda tenant: list(tenant.journal))]
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


@pytest.mark.redis
@pytest.mark.posix
@pytest.mark.slow
def test_serve_waits_for_a_redis_that_starts_later(redis: RedisServer) -> None:
    redis.kill()
    process = Process([*LTX_MOCK, "serve", "--port", "0", "--store", redis.url])
    try:
        line = process.wait_for_error_line(".+")[0]
        assert line.startswith(f"ltx-mock: Redis at 127.0.0.1:{redis.port}/0: ")
        assert line.endswith("; waiting for it for up to 30 s")
        redis.start()
        url = process.wait_for_error_line(r"answers at (\S+)")[1]
        with client_of(url) as client:
            ask_for_one(client)
        assert process.end() == 0
        assert process.stderr().count("waiting") == 1
        assert PASSWORD not in process.stderr()
    finally:
        process.kill()


@pytest.mark.redis
@pytest.mark.posix
def test_a_redis_that_does_not_come_is_given_up_with_one_line(redis: RedisServer) -> None:
    redis.kill()
    notes: list[str] = []
    with pytest.raises(LtxMockError, match=f"^Redis at 127.0.0.1:{redis.port}/0: "):
        asyncio.run(wait_for_store(Settings(store=redis.url), 0, notes.append))
    assert notes == []
    with pytest.raises(LtxMockError, match=f"^Redis at 127.0.0.1:{redis.port}/0: "):
        MockServer(store=redis.url)


def check_refused(store: str, reason: str) -> None:
    """Check that a store is refused at once, in one line."""
    code, out, err = ltx_mock("serve", "--port", "0", "--store", store)
    assert (code, out) == (2, "")
    [line] = err.splitlines()
    assert line.startswith("ltx-mock: ")
    assert reason in line
    with pytest.raises(LtxMockError) as caught:
        MockServer(store=store)
    for text in (line, str(caught.value)):
        assert reason in text
        assert PASSWORD not in text


@pytest.mark.redis
def test_a_redis_that_refuses_is_told_of_at_once(redis: RedisServer) -> None:
    check_refused(redis.url.replace(PASSWORD, f"{PASSWORD}-wrong"), "invalid username-password pair")
    check_refused(redis.url.removesuffix("0") + "99", "DB index is out of range")
    redis.command("SET", "ltx-mock:format", "9")
    check_refused(redis.url, "the store has format 9")


def newer(path: Path) -> None:
    with MockServer(store=f"sqlite:{path}"):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")


def corrupt(path: Path) -> None:
    with MockServer(store=f"sqlite:{path}"):
        pass
    path.write_bytes(path.read_bytes()[:5000])


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE users (name)")


@pytest.mark.sample
@pytest.mark.parametrize(
    ("make", "reason"),
    [(newer, "made by a newer ltx-mock"), (corrupt, "is damaged"), (foreign, "belongs to another program")],
)
def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(
    make: Callable[[Path], None], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "state.db"
    make(path)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    check_refused(f"sqlite:{path}", reason)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_a_file_of_an_older_version_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.db"
    with MockServer(store=f"sqlite:{path}", clock="manual") as mock, mock.client(verify=False) as client:
        made = ask_for_one(client)
    index = "CREATE INDEX lines_by_value ON lines (value)"
    monkeypatch.setattr("ltx_mock.store.sqlite_file.MIGRATIONS", (*MIGRATIONS, (index,)))
    with MockServer(store=f"sqlite:{path}", clock="manual") as mock:
        assert [task.id for task in mock.tasks] == [made]
    monkeypatch.undo()
    check_refused(f"sqlite:{path}", "made by a newer ltx-mock")


@pytest.mark.posix
@pytest.mark.slow
def test_a_file_that_is_removed_while_in_use_is_told_of_until_it_is_back(tmp_path: Path) -> None:
    path, aside = tmp_path / "state.db", tmp_path / "aside.db"
    with serving("--store", f"sqlite:{path}", "--quiet", "--clock", "manual") as served:
        assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}
        with client_of(served.url) as client:
            made = ask_for_one(client)
            path.rename(aside)
            check_away(served.url, f"the store {path} was removed or replaced while in use: put it back")
            path.touch()
            assert "was removed or replaced" in message_of(post(client, request_body(TEXT)), 503)
            aside.rename(path)
            served.wait_for_error_line("the store is back")
            assert ask(client, made)["taskId"] == made
        assert served.end() == 0
        assert served.stderr().count("removed or replaced while in use") == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs the limits of another process")
def test_a_full_disk_refuses_requests_until_there_is_space_again(tmp_path: Path) -> None:
    import resource  # not everywhere

    def limit(size: int) -> None:
        resource.prlimit(served.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    store = f"sqlite:{tmp_path / 'state.db'}"
    with serving("--store", store, "--quiet", "--clock", "manual", *WIDE) as served:
        limit(400_000)
        with loaded(served, 3) as loads:
            until(lambda: all(load.unknown for load in loads))
            with control(served.url) as admin:
                assert admin.get("/health").status_code == 200
            limit(resource.RLIM_INFINITY)
        assert served.end() == 0
        assert served.stderr().count("look for a full or broken disk") == 1


def test_a_file_that_another_program_has_locked_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.db"
    backend = SqliteBackend(path, patience=0.01)
    monkeypatch.setattr("ltx_mock.server.app.new_store", lambda given: SharedStore(given, backend))
    with MockServer(clock="manual") as mock, mock.client(verify=False) as client:
        made = ask_for_one(client)
        with closing(sqlite3.connect(path, isolation_level=None)) as shell:
            shell.execute("BEGIN IMMEDIATE")
            assert "is locked by another program: end it" in message_of(post(client, request_body(TEXT)), 503)
            shell.execute("ROLLBACK")
        assert [made, ask_for_one(client)] == [task.id for task in mock.tasks]


@pytest.mark.redis
def test_a_full_redis_refuses_requests_until_there_is_space_again(redis: RedisServer) -> None:
    with MockServer(store=redis.url, clock="manual") as mock, mock.client(verify=False) as client:
        made = ask_for_one(client)
        redis.command("CONFIG SET", "maxmemory", 1)
        assert "maxmemory" in message_of(post(client, request_body(TEXT)), 503)
        redis.command("CONFIG SET", "maxmemory", 0)
        assert [made, ask_for_one(client)] == [task.id for task in mock.tasks]


@pytest.mark.redis
def test_no_view_shows_the_password(redis: RedisServer) -> None:
    with MockServer(store=redis.url, clock="manual") as mock, control(mock.url) as admin:
        assert f'"store":"redis://…@127.0.0.1:{redis.port}/0"' in admin.get("/settings").text
        for path in ("/settings", "/tenants", "/metrics", "/health", "/requests", "/openapi.json"):
            assert PASSWORD not in admin.get(path).text
        assert PASSWORD not in f"{mock!r} {mock.settings}"


@pytest.mark.redis
@pytest.mark.parametrize("workers", [1, 2])
def test_a_redis_that_has_lost_everything_begins_anew(redis: RedisServer, workers: int) -> None:
    with ExitStack() as opened:
        mocks = [opened.enter_context(MockServer(store=redis.url, clock="manual")) for _ in range(workers)]
        clients = [opened.enter_context(mock.client(verify=False)) for mock in mocks]
        for client in clients:
            for _ in range(3):
                ask_for_one(client)
        redis.command("FLUSHALL")
        made = [ask_for_one(client) for client in clients]
        for mock, client in zip(mocks, clients, strict=True):
            assert client.get("/apikeys/current-balance", headers={"authorization": ""}).status_code == 401
            assert [task.id for task in mock.tasks] == made
            with control(mock.url) as admin:
                assert len(admin.get("/tenants").json()["tenants"]) == 2


@pytest.mark.redis
@pytest.mark.slow
def test_a_redis_that_is_far_away_makes_requests_slow_and_nothing_else(redis: RedisServer) -> None:
    with (
        delayed(redis.port, 0.05) as port,
        MockServer(store=redis.url.replace(str(redis.port), str(port)), clock="manual") as mock,
        mock.client(verify=False) as client,
        ThreadPoolExecutor(8) as threads,
    ):
        made = list(threads.map(lambda _: ask_for_one(client), range(40)))
        assert sorted(task.id for task in mock.tasks) == sorted(set(made))
        assert len(set(made)) == 40
