"""What Redis adds to the contract of backends: it is away, slow, full, restarted, or a cluster that changes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis.crc import key_slot

from ltx_mock.client_checks.programs import free_port
from ltx_mock.store import redis_backend, redis_client
from ltx_mock.store.backend import BackendError, Change, Committed, Gone, Missed
from ltx_mock.store.redis_backend import RedisBackend
from support.redis_servers import RedisServer, redis_server, shared_cluster, shared_server
from support.servers import CERTIFICATE, DATA
from support.waiting import SECONDS
from support.waiting import until as until_now

pytestmark = pytest.mark.redis


@pytest.fixture
def server() -> RedisServer:
    """A server without data, which runs on after the test."""
    server = shared_server()
    server.command("FLUSHALL")
    return server


@pytest.fixture
def cluster() -> Sequence[RedisServer]:
    """Three nodes without data, which run on after the test."""
    nodes = shared_cluster()
    for node in nodes:
        node.command("FLUSHALL")
    return nodes


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[RedisBackend]:
    backend = RedisBackend(url)
    await backend.open()
    try:
        yield backend
    finally:
        await backend.close()


def story(url: str, tell: Callable[[RedisBackend], Coroutine[Any, Any, None]]) -> None:
    """Run a story with a backend, to its end."""

    async def run() -> None:
        async with opened(url) as backend:
            await tell(backend)

    asyncio.run(asyncio.wait_for(run(), SECONDS))


async def error_of(call: Awaitable[object]) -> str:
    """Return the one line of a call's error."""
    with pytest.raises(BackendError) as caught:
        await call
    text = str(caught.value)
    assert text.startswith("Redis at 127.0.0.1:")
    assert "\n" not in text
    return text


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds, also after errors."""
    while True:
        with suppress(BackendError):
            if await holds():
                return
        await asyncio.sleep(0.001)


async def append(backend: RedisBackend, space: str, version: int, line: bytes) -> int:
    """Append a line to a space, whatever others do; return the version in which it was written."""
    while True:
        [outcome] = await backend.commit([Change(space, version, {"last": line}, [line])])
        assert not isinstance(outcome, Gone)
        version = outcome.version
        if isinstance(outcome, Committed):
            return version


def test_a_restart_between_two_calls_goes_unnoticed(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:

        async def tell(backend: RedisBackend) -> None:
            assert await backend.commit([Change("a", 0, {"x": b"1"}, [b"line"])]) == [Committed(1, 1)]
            server.kill()
            await asyncio.to_thread(server.start)
            assert await backend.commit([Change("a", 1, {"y": b"2"}, [b"more"])]) == [Committed(2, 2)]
            assert await backend.read("a") == Missed(2, {"x": b"1", "y": b"2"})

        story(server.url, tell)


def test_what_was_acknowledged_survives_a_kill_in_mid_load(tmp_path: Path) -> None:
    acknowledged: dict[str, list[bytes]] = {f"space-{number}": [] for number in range(4)}

    async def work(backend: RedisBackend, space: str, enough: asyncio.Event) -> None:
        version, number = 0, 0
        while not enough.is_set():
            line = b"%d" % number
            number += 1
            try:
                version = await append(backend, space, version, line)
                acknowledged[space].append(line)
            except BackendError:
                await asyncio.sleep(0)

    def has(number: int) -> bool:
        return sum(map(len, acknowledged.values())) >= number

    async def tell(backend: RedisBackend) -> None:
        enough = asyncio.Event()
        workers = [asyncio.create_task(work(backend, space, enough)) for space in acknowledged]
        for _ in range(3):
            await asyncio.to_thread(until_now, partial(has, sum(map(len, acknowledged.values())) + 50))
            running.kill()
            await asyncio.to_thread(running.start)
        enough.set()
        await asyncio.gather(*workers)
        for space, lines in acknowledged.items():
            found = await backend.lines(space)
            written = [line.value for line in found]
            assert [line for line in written if line in set(lines)] == lines
            assert len(written) == len(set(written))
            read = await backend.read(space)
            assert isinstance(read, Missed)
            assert read == Missed(len(written), {"last": written[-1]})

    with redis_server(tmp_path) as running:
        story(running.url, tell)


def test_it_is_away_at_the_start(tmp_path: Path) -> None:
    async def tell() -> None:
        backend = RedisBackend(running.url)
        assert "Connect call failed" in await error_of(backend.open())
        running.start()
        await backend.open()
        assert await backend.read("a") == Gone()
        await backend.close()

    with redis_server(tmp_path) as running:
        running.kill()
        asyncio.run(asyncio.wait_for(tell(), SECONDS))


def test_a_slow_server_is_given_up_and_tried_again(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def tell(backend: RedisBackend) -> None:
        await backend.commit([Change("a", 0, {"x": b"1"})])
        server.pause()
        try:
            with monkeypatch.context() as patch:
                patch.setattr(redis_client, "CONNECT_SECONDS", 0.05)
                patch.setattr(redis_client, "ANSWER_SECONDS", 0.05)
                assert "did not answer in time" in await error_of(backend.commit([Change("a", 1, {"x": b"2"})]))
                assert "did not answer in time" in await error_of(backend.read("a"))  # a new connection
        finally:
            server.resume()

        async def is_written() -> bool:
            return await backend.read("a") == Missed(2, {"x": b"2"})

        await until(is_written)  # it was executed late, and once
        assert await backend.commit([Change("a", 2, {})]) == [Committed(3)]

    story(server.url, tell)


@pytest.mark.sample
def test_a_lost_cache_of_scripts_is_filled_again(server: RedisServer) -> None:
    async def tell(backend: RedisBackend) -> None:
        for version in range(3):
            server.command("SCRIPT FLUSH")
            changes = [Change(space, version, {space: b"1"}, [b"line"]) for space in "abc"]
            assert [outcome.version for outcome in await backend.commit(changes)] == [version + 1] * 3  # type: ignore[union-attr]
            server.command("SCRIPT FLUSH")
            assert len(await backend.lines("a")) == version + 1
            assert await backend.sign_of_life("me") == {"me"}

    story(server.url, tell)


def test_no_error_has_the_password(tmp_path: Path) -> None:
    async def tell(url: str) -> None:
        text = await error_of(RedisBackend(url).open())
        assert "secret" not in text
        assert "wrong" not in text

    with redis_server(tmp_path, password="secret") as server:

        async def works(backend: RedisBackend) -> None:
            assert await backend.read("a") == Gone()

        story(server.url, works)
        for part in (":wrong@", "somebody:wrong@", ""):
            asyncio.run(tell(server.url.replace(":secret@", part)))
        server.kill()
        asyncio.run(tell(server.url))


@pytest.mark.parametrize("url", ["redis://localhost:port/0", "http://localhost/0", "redis://localhost/0?color=blue"])
def test_a_url_that_is_not_valid(url: str) -> None:
    with pytest.raises(BackendError, match=r"^The URL of Redis is not valid: .+$"):
        RedisBackend(url)


def test_other_data_in_the_database_stays(server: RedisServer) -> None:
    server.command("SET", "theirs", "1")

    async def tell(backend: RedisBackend) -> None:
        await backend.commit([Change("a", 0, {"x": b"1"}, [b"line"])])
        await backend.remove(["a"])

    story(server.url, tell)
    keys = {key.decode() for key in server.command("KEYS", "*")}
    assert {key for key in keys if not key.startswith("ltx-mock:")} == {"theirs"}
    assert not {key for key in keys if "{a}" in key or "index" in key}


def test_databases_are_separate(server: RedisServer) -> None:
    async def tell(backend: RedisBackend) -> None:
        await backend.commit([Change("a", 0, {"x": b"1"})])
        async with opened(server.url.removesuffix("/0") + "/1") as other:
            assert await other.read("a") == Gone()

    story(server.url, tell)


@pytest.mark.parametrize(
    ("value", "text"),
    [("2", "the store has format 2, this version of ltx-mock knows 1"), ("x", "is not from ltx-mock")],
)
def test_a_newer_or_foreign_store_is_refused(server: RedisServer, value: str, text: str) -> None:
    server.command("SET", "ltx-mock:format", value)
    with pytest.raises(BackendError, match=text):
        asyncio.run(RedisBackend(server.url).open())


@pytest.mark.parametrize(
    ("setting", "undo", "text"),
    [
        (("CONFIG SET", "maxmemory", 1), ("CONFIG SET", "maxmemory", 0), "maxmemory"),
        (("REPLICAOF", "127.0.0.1", 9), ("REPLICAOF", "NO", "ONE"), "read only replica"),
    ],
)
def test_a_server_that_cannot_write_says_why_and_has_written_nothing(
    server: RedisServer, setting: tuple[str, ...], undo: tuple[str, ...], text: str
) -> None:
    async def tell(backend: RedisBackend) -> None:
        await backend.commit([Change("a", 0, {"x": b"1"})])
        server.command(*setting)
        try:
            change = Change("a", 1, {"x": b"", "y": b"2"}, [b"line"])
            assert text in await error_of(backend.commit([change]))
            assert text in await error_of(backend.commit([change._replace(lines=[])]))
            assert await backend.read("a") == Missed(1, {"x": b"1"})
            assert await backend.lines("a") == []
        finally:
            server.command(*undo)
        assert await backend.commit([change]) == [Committed(2, 1)]

    story(server.url, tell)


def test_a_server_that_is_loading_its_data_says_so(tmp_path: Path) -> None:
    slowly = ["--appendonly", "no", "--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"]

    async def write(backend: RedisBackend) -> None:
        await backend.commit([Change(f"space-{number}", 0, {"x": b"x" * 1000}) for number in range(1000)])

    async def loading(url: str) -> None:
        while "loading the dataset" not in (problem := await error_of(RedisBackend(url).open())):
            assert "refused" in problem or "Connect call failed" in problem

    async def there(backend: RedisBackend) -> None:
        assert await backend.read("space-7") == Missed(1, {"x": b"x" * 1000})

    with redis_server(tmp_path) as server:
        story(server.url, write)
        server.command("SAVE")
        server.kill()
        server.begin(*slowly)
        asyncio.run(asyncio.wait_for(loading(server.url), SECONDS))
        server.kill()
        server.start()
        story(server.url, there)


def test_tls_with_a_certificate_that_is_trusted_and_one_that_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    options = ["--tls-port", str(port), "--tls-auth-clients", "no", "--tls-ca-cert-file", str(CERTIFICATE)]
    options += ["--tls-cert-file", str(CERTIFICATE), "--tls-key-file", str(DATA / "localhost-key.pem")]

    async def works(backend: RedisBackend) -> None:
        assert await backend.read("a") == Gone()

    async def fails() -> None:
        assert "CERTIFICATE_VERIFY_FAILED" in await error_of(RedisBackend(f"rediss://127.0.0.1:{port}/0").open())

    with redis_server(tmp_path, *options):
        asyncio.run(fails())
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        story(f"rediss://127.0.0.1:{port}/0", works)


def test_a_unix_socket(tmp_path: Path) -> None:
    async def works(backend: RedisBackend) -> None:
        assert await backend.read("a") == Gone()

    with tempfile.TemporaryDirectory() as folder:  # a short path, as sockets need it
        path = Path(folder) / "socket"
        with redis_server(tmp_path, "--unixsocket", str(path)):
            story(f"unix://{path}", works)


def test_a_history_that_does_not_reach_back_says_so(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_backend, "KEPT_NEWS", 1)

    async def tell(backend: RedisBackend) -> None:
        first = (await backend.news()).position
        await backend.commit([Change("a", 0, {})])
        assert (await backend.news(first)).spaces == frozenset({"a"})
        await backend.commit([Change(f"space-{number}", 0, {}) for number in range(300)])  # Redis drops them in blocks
        lost = await backend.news(first)
        assert lost.spaces is None
        await backend.remove(["a", "unknown"])
        assert (await backend.news(lost.position)).spaces == frozenset({"a"})
        server.command("FLUSHALL")
        assert (await backend.news(lost.position)).spaces is None

    story(server.url, tell)


def test_a_wait_may_be_longer_than_an_answer(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    options = redis_client._options(server.url)
    assert (options["socket_timeout"], options["socket_connect_timeout"]) == (None, None)
    monkeypatch.setattr(redis_client, "ANSWER_SECONDS", 0.2)

    async def tell(backend: RedisBackend) -> None:
        await backend.wait_for_news((await backend.news()).position, 0.3)

    story(server.url, tell)


def test_a_cancelled_wait_leaves_nothing_behind(server: RedisServer) -> None:
    async def tell(backend: RedisBackend) -> None:
        position = (await backend.news()).position
        waiting = asyncio.create_task(backend.wait_for_news(position, SECONDS))
        await asyncio.to_thread(until_now, lambda: b"cmd=xread" in server.command("CLIENT", "LIST"))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        assert (await backend.news(position)).spaces == frozenset()

    story(server.url, tell)


def test_connections_beyond_those_kept_and_those_in_use_at_the_end_are_closed(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "KEPT_CONNECTIONS", 2)

    def connections() -> int:
        return int(server.command("INFO", "clients")["connected_clients"]) - 1  # that which asks

    async def tell(backend: RedisBackend) -> None:
        assert await asyncio.gather(*(backend.read("a") for _ in range(10))) == [Gone()] * 10
        await asyncio.to_thread(until_now, lambda: connections() == 2)
        position = (await backend.news()).position
        waiting = asyncio.create_task(backend.wait_for_news(position, SECONDS))
        await asyncio.to_thread(until_now, lambda: b"cmd=xread" in server.command("CLIENT", "LIST"))
        await backend.close()
        server.command("XADD", "ltx-mock:news", "*", "space", "a")
        await waiting
        await asyncio.to_thread(until_now, lambda: connections() == 0)

    story(server.url, tell)


def test_a_large_space_is_read_whole(server: RedisServer) -> None:
    async def tell(backend: RedisBackend) -> None:
        records = {f"record-{number}": b"%d" % number for number in range(20_000)}
        assert await backend.commit([Change("a", 0, {"x": b"1"}), Change("b", 0, {"y": b"1"})])
        assert await backend.commit([Change("a", 1, records)]) == [Committed(2)]
        assert await backend.read("a", 1) == Missed(2, records)
        assert await backend.read("a") == Missed(2, {"x": b"1"} | records)

    story(server.url, tell)


def test_a_cluster_has_one_database(cluster: Sequence[RedisServer]) -> None:
    async def tell() -> None:
        backend = RedisBackend(cluster[0].url.removesuffix("/0") + "/1")
        assert "SELECT is not allowed in cluster mode" in await error_of(backend.open())

    asyncio.run(tell())


def test_lines_of_a_space_have_their_numbers_in_the_order_of_commits(cluster: Sequence[RedisServer]) -> None:
    async def tell(backend: RedisBackend) -> None:
        written: dict[int, bytes] = {}

        async def work(worker: RedisBackend, name: bytes) -> None:
            version = 0
            for number in range(40):
                version = await append(worker, "a", version, b"%s %d" % (name, number))
                written[version] = b"%s %d" % (name, number)

        async with opened(cluster[1].url) as other:
            await asyncio.gather(work(backend, b"one"), work(backend, b"two"), work(other, b"three"))
        lines = await backend.lines("a")
        assert [line.value for line in lines] == [written[version] for version in range(1, 121)]
        assert sorted({line.number for line in lines}) == [line.number for line in lines]

    story(cluster[0].url, tell)


def test_a_commit_that_comes_too_late_takes_no_line_number(cluster: Sequence[RedisServer]) -> None:
    async def tell(backend: RedisBackend) -> None:
        changes = [Change(space, 0, {}, [b"line", b"line"]) for space in "abc"]
        assert await backend.commit(changes) == [Committed(1, 1), Committed(1, 3), Committed(1, 5)]
        assert await backend.commit([changes[0], Change("b", 1, {}, [b"line"])]) == [Missed(1, {}), Committed(2, 7)]

    story(cluster[0].url, tell)


def test_a_space_moves_to_another_node(cluster: Sequence[RedisServer]) -> None:
    slot = key_slot(b"a")
    [source] = [node for node in cluster if _owns(node, slot)]
    target = next(node for node in cluster if node is not source)
    ids = {node: node.command("CLUSTER MYID") for node in (source, target)}

    async def tell(backend: RedisBackend) -> None:
        assert await backend.commit([Change("a", 0, {"x": b"1"}, [b"line"])]) == [Committed(1, 1)]
        target.command("CLUSTER SETSLOT", slot, "IMPORTING", ids[source])
        source.command("CLUSTER SETSLOT", slot, "MIGRATING", ids[target])
        for key in source.command("CLUSTER GETKEYSINSLOT", slot, 10):
            source.command("MIGRATE", "127.0.0.1", target.port, key, 0, 10_000)
        assert await backend.commit([Change("a", 1, {"x": b"2"})]) == [Committed(2)]
        for node in cluster:
            node.command("CLUSTER SETSLOT", slot, "NODE", ids[target])
        assert await backend.commit([Change("a", 2, {"x": b"3"}), Change("b", 0, {})]) == [Committed(3), Committed(1)]
        assert await backend.read("a") == Missed(3, {"x": b"3"})

    story(cluster[0].url, tell)


def test_a_node_is_away_for_a_while(cluster: Sequence[RedisServer]) -> None:
    space_of = {
        node: next(name for name in map(str, range(99)) if _owns(node, key_slot(name.encode()))) for node in cluster
    }

    async def tell(backend: RedisBackend) -> None:
        await backend.commit([Change(space, 0, {"x": b"1"}) for space in space_of.values()])
        cluster[0].kill()
        await error_of(backend.read(space_of[cluster[0]]))
        assert await backend.read(space_of[cluster[1]]) == Missed(1, {"x": b"1"})
        await asyncio.to_thread(cluster[0].start)

        async def is_back() -> bool:
            return await backend.read(space_of[cluster[0]]) == Missed(1, {"x": b"1"})

        await until(is_back)

    story(cluster[0].url, tell)


def _owns(node: RedisServer, slot: int) -> bool:
    ranges = node.command("CLUSTER SLOTS")
    return any(first <= slot <= last and owner[1] == node.port for first, last, owner, *_ in ranges)
