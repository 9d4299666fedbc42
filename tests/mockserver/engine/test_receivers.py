"""Many callbacks of one advance: over kept connections to live receivers, and in few attempts to dead ones."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from ltx_mock import MockServer
from ltx_mock.asgi.in_process import call
from ltx_mock.asgi.turns import AT_ONCE
from ltx_mock.core.settings import Settings
from ltx_mock.engine import outbound
from ltx_mock.engine.outbound import Sender, Unanswered
from ltx_mock.engine.receivers import MAX_UNANSWERED
from ltx_mock.engine.target import Target, connected
from ltx_mock.server.app import build, new_engine
from ltx_mock.testing.tenant import World
from support.bodies import GENERATE, MINUTE, TEXT, post, request_body

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"


class Came(NamedTuple):
    """A request: the number of its connection, and its head."""

    connection: int
    head: bytes

    @property
    def closes(self) -> bool:
        """Whether the client asks to close the connection."""
        return b"\r\nconnection: close\r\n" in self.head


Respond = Callable[[int], tuple[bytes, bool]]


@contextmanager
def receiving(respond: Respond) -> Iterator[tuple[str, list[Came]]]:
    """Run a receiver; `respond(number)` returns what to send, and whether to keep the connection open."""
    came: list[Came] = []
    server = socket.create_server(("127.0.0.1", 0))

    def talk(connection: socket.socket, number: int) -> None:
        with connection:
            data = b""
            while more := connection.recv(65536):
                data += more
                head, found, body = data.partition(b"\r\n\r\n")
                if not found or len(body) < int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0]):
                    continue
                data = b""
                came.append(Came(number, head + b"\r\n"))
                response, keeps = respond(len(came))
                connection.sendall(response)
                if not keeps:
                    return

    def serve() -> None:
        for number in range(1000):
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection, number), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hook", came
    finally:
        server.close()


@pytest.fixture
def world() -> Iterator[World]:
    with MockServer(clock="manual", callback_timeout=5, rate_limit="100000/minute") as mock:
        yield mock.tenant()


def submit(world: World, url: str, count: int) -> None:
    with world.client(verify=False) as client:
        for _ in range(count):
            post(client, request_body(TEXT) | {"request_type": "callback", "callback_url": url})


def statuses(world: World) -> list[list[int | None]]:
    return [[attempt.status for attempt in each.attempts] for each in world.callbacks]


def test_callbacks_that_are_due_together_come_over_one_connection_and_the_last_closes_it(world: World) -> None:
    with receiving(lambda _: (OK, True)) as (url, came):
        submit(world, url, 5)
        world.clock.advance(10 * MINUTE)
    assert statuses(world) == [[200]] * 5
    assert [each.connection for each in came] == [0] * 5
    assert [each.closes for each in came] == [False] * 4 + [True]


def test_a_single_callback_closes_its_connection(world: World) -> None:
    with receiving(lambda _: (OK, True)) as (url, came):
        submit(world, url, 1)
        world.clock.advance(10 * MINUTE)
    assert [each.closes for each in came] == [True]


NOT_KEPT = {
    "closed without notice": (OK, False),
    "closed with notice": (OK.replace(b"Content", b"Connection: close\r\nContent"), False),
    "HTTP/1.0": (OK.replace(b"1.1", b"1.0"), False),
    "no length": (b"HTTP/1.1 200 OK\r\n\r\n{}", False),
    "chunked": (CHUNKED, True),
    "informational": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, True),
    "two lengths": (OK.replace(b"\r\n\r\n", b"\r\ncontent-length: 2\r\n\r\n"), True),
    "more than the body": (OK + b"!", True),
    "less than the body": (OK[:-1], False),
}


@pytest.mark.parametrize("kind", NOT_KEPT)
def test_a_connection_that_cannot_be_used_again_is_not(world: World, kind: str) -> None:
    with receiving(lambda _: NOT_KEPT[kind]) as (url, came):
        submit(world, url, 4)
        world.clock.advance(10 * MINUTE)
    assert statuses(world) == [[200]] * 4
    assert [each.connection for each in came] == [0, 1, 2, 3]


KEPT = {
    "a length": OK,
    "keep-alive": OK.replace(b"Content", b"Connection: Keep-Alive\r\nKeep-Alive: timeout=5\r\nContent"),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "no reason": b"HTTP/1.1 500 \r\ncontent-length:0\r\n\r\n",
    "a redirect": b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("kind", KEPT)
def test_a_plain_response_keeps_the_connection(world: World, kind: str) -> None:
    with receiving(lambda _: (KEPT[kind], True)) as (url, came):
        submit(world, url, 3)
        world.clock.advance(80)
    assert [each.connection for each in came[:3]] == [0] * 3
    assert {status for status, *_ in statuses(world)} == {int(KEPT[kind][9:12])}


def test_a_receiver_that_drops_a_request_gets_it_once_for_each_attempt(world: World) -> None:
    with receiving(lambda number: (b"", False) if number == 3 else (OK, True)) as (url, came):
        submit(world, url, 4)
        world.clock.advance(10 * MINUTE)
    assert sorted(statuses(world), key=len) == [[200], [200], [200], [None, 200]]
    assert len(came) == 5
    errors = [attempt.error for each in world.callbacks for attempt in each.attempts if attempt.error]
    assert errors == ["the connection closed without a response"]


# ---- dead receivers


def dead_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_port_where_nobody_listens_is_tried_a_few_times_however_many_callbacks_there_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[object] = []

    async def counted(target: Target, *, only_public: bool = False) -> socket.socket:
        tries.append(target)
        return await connected(target, only_public=only_public)

    monkeypatch.setattr(outbound, "connected", counted)
    submit(world, f"http://127.0.0.1:{dead_port()}/hook", 30)
    world.clock.advance(10 * MINUTE)
    assert statuses(world) == [[None] * 4] * 30
    assert len(tries) == MAX_UNANSWERED
    last = str(world.callbacks[-1].attempts[-1].error)
    assert last.startswith("not sent: 8 attempts before had no response (nothing listens on 127.0.0.1:")


def silence_after(answers: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make receivers silent after so many responses; return the URLs of the attempts."""
    sent: list[str] = []

    async def silent(_: Sender, url: str, *__: object, **___: object) -> int:
        sent.append(url)
        if len(sent) > answers:
            raise Unanswered("no response within 5 s", "silent")
        return 500

    monkeypatch.setattr(Sender, "post", silent)
    return sent


def test_a_silent_receiver_costs_a_few_time_limits_and_counts_as_silent_ever_after(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = silence_after(0, monkeypatch)
    submit(world, "http://127.0.0.1:1/hook", 20)
    world.clock.advance(20 * MINUTE)
    assert len(sent) == MAX_UNANSWERED
    attempts = [attempt for each in world.callbacks for attempt in each.attempts]
    assert {attempt.ended - attempt.at for attempt in attempts} == {30_000}
    world.redeliver(world.callbacks[0])
    assert len(sent) == MAX_UNANSWERED + 1  # in another advance it is tried again


def test_a_receiver_is_not_dead_as_long_as_it_responds_to_some(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = silence_after(30, monkeypatch)
    submit(world, "http://127.0.0.1:1/hook", 10)
    world.clock.advance(20 * MINUTE)
    assert len(sent) == 30 + MAX_UNANSWERED


def test_others_have_a_turn_while_a_dead_receiver_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    silence_after(0, monkeypatch)
    body = json.dumps(request_body(TEXT) | {"request_type": "callback", "callback_url": "http://127.0.0.1:1/hook"})
    headers = [(b"authorization", b"Bearer a-key"), (b"content-type", b"application/json")]

    async def turns() -> int:
        engine = new_engine(Settings(clock="manual"))
        app = build(engine)
        await engine.open()
        for _ in range(2 * AT_ONCE):
            await call(app, "POST", GENERATE, headers=headers, body=body.encode())
        work = asyncio.ensure_future(engine.advance(None, 1200_000))
        counted = 0
        while not work.done():
            await asyncio.sleep(0)
            counted += 1
        assert sum(event["event"] == "callback" for event in await work) == 8 * AT_ONCE
        await engine.close()
        return counted

    assert asyncio.run(turns()) >= 8 + 8
