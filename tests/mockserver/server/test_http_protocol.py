"""What comes in over a connection before it is a request: bounds, offers, and what is no HTTP. With both parsers."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from ltx_mock import MockServer
from ltx_mock.collector import paused_collector
from ltx_mock.core.settings import Settings
from ltx_mock.server import http as server
from ltx_mock.server import http_protocol as connection
from ltx_mock.server.app import build, new_engine
from ltx_mock.server.http_protocol_h11 import H11Connection
from ltx_mock.server.http_protocol_httptools import HttptoolsConnection
from support.alarms import ManualLoop
from support.bodies import GENERATE, STATUS, TEXT, message_in
from support.connections import Heard, connect, request, responses, rest, send
from support.processes import Process
from support.waiting import SECONDS

BODY = json.dumps({"input": TEXT}).encode()
GOOD = request("GET", f"{STATUS}?taskId=x")
LAST = request("GET", f"{STATUS}?taskId=x", "Connection: close")


@pytest.fixture(scope="module", params=[HttptoolsConnection, H11Connection])
def mock(request: pytest.FixtureRequest) -> Iterator[MockServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "_connection", lambda: request.param)
        with MockServer(clock="manual") as running:
            yield running


def refused(heard: Heard, status: int) -> str:
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["connection"] == "close"
    assert heard.status == status
    return message_in(heard.body, status)


def statuses(heard: list[Heard]) -> list[int]:
    return [response.status for response in heard]


# ---- bounds of the head


HEADS = {
    "many lines": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431, "128 header lines"),
    "one long line": (b"GET / HTTP/1.1\r\nHost: x\r\na: " + b"b" * 70_000 + b"\r\n\r\n", 431, "65536 bytes"),
    "lines without end": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 100_000, 431, "than"),
    "a line without end": (b"GET / HTTP/1.1\r\nHost: x\r\na: " + b"b" * 1_000_000, 431, "65536 bytes"),
    "a long URL": (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "8192 bytes"),
    "a URL without end": (b"GET /" + b"x" * 1_000_000, 414, "8192 bytes"),
    "large, in a few lines": (
        b"GET / HTTP/1.1\r\nHost: x\r\n" + (b"a: " + b"b" * 9000 + b"\r\n") * 8 + b"\r\n",
        431,
        "65536",
    ),
}


@pytest.mark.parametrize(("raw", "status", "why"), HEADS.values(), ids=HEADS)
def test_a_head_has_a_bound(raw: bytes, status: int, why: str, mock: MockServer) -> None:
    for pieces in ([raw], [raw[at : at + 5000] for at in range(0, len(raw), 5000)]):
        [heard] = send(mock.url, *pieces)
        assert why in refused(heard, status)


def test_a_head_just_within_the_bounds_is_read(mock: MockServer) -> None:
    lines = [f"X-{number}: {'v' * 500}" for number in range(100)]
    raw = request("GET", f"{STATUS}?taskId={'x' * 8000}", *lines)
    for pieces in ([raw, LAST], [raw[:30_000], raw[30_000:], LAST], [raw + raw + LAST]):
        assert set(statuses(send(mock.url, *pieces))) == {404}


TRAILERS = ["Content-Encoding: nonsense", "Content-Type: text/plain", "Prefer: code=503", "X-Mock-Scenario: forbidden"]


@pytest.mark.parametrize("line", TRAILERS)
@pytest.mark.parametrize("apart", [False, True])
def test_what_the_trailer_of_a_chunked_body_says_is_no_header(mock: MockServer, line: str, *, apart: bool) -> None:
    head = request("POST", GENERATE, "Content-Type: application/json", "Transfer-Encoding: chunked")
    chunks, trailer = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY), f"{line}\r\n\r\n".encode()
    pieces = [head + chunks, trailer] if apart else [head + chunks + trailer]
    assert statuses(send(mock.url, *pieces, LAST)) == [200, 404]


@pytest.mark.parametrize("root", ["http://x", "HTTP://127.0.0.1:8219", "https://api.apixo.ai"])
def test_a_target_that_is_a_whole_url_is_its_path(mock: MockServer, root: str) -> None:
    post = request("POST", f"{root}{GENERATE}", "Content-Type: application/json", body=BODY)
    assert statuses(send(mock.url, post, request("GET", f"{root}/"), LAST)) == [200, 200, 404]


def test_a_key_in_the_trailer_is_no_key(mock: MockServer) -> None:
    head = b"POST /api/v1/generateTask/ltx-2-19b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw = head + b"0\r\nAuthorization: Bearer a-key\r\n\r\n"
    assert statuses(send(mock.url, raw, LAST)) == [401, 404]


def test_the_trailer_of_a_chunked_body_has_a_bound(mock: MockServer) -> None:
    head = request("POST", GENERATE, "Content-Type: application/json", "Transfer-Encoding: chunked")
    start = head + b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)
    for trailer in (b"a: b\r\n" * 100_000, b"a: " + b"b" * 9_000_000):
        heard = send(mock.url, start, trailer)
        assert refused(heard[-1], heard[-1].status)
        assert heard[-1].status in {413, 431}


@pytest.mark.parametrize("size", [1, 30_000], ids=["small chunks", "large chunks"])
@pytest.mark.parametrize("read", [True, False], ids=["read", "dropped"])
def test_a_body_has_a_bound_whether_it_is_read_or_dropped_after_a_refusal(
    mock: MockServer, monkeypatch: pytest.MonkeyPatch, read: bool, size: int
) -> None:
    """The body never ends: without the bound its rest would be waited for."""
    monkeypatch.setattr(connection, "REQUEST_BYTES", 100_000)
    head = request("POST", GENERATE, "Transfer-Encoding: chunked", key="k" if read else "")
    chunk = b"%x\r\n%b\r\n" % (size, b" " * size)
    with connect(mock.url) as endless:
        endless.sendall(head)
        if not read:
            assert b" 401 " in endless.recv(65_536)
        for _ in range(6):
            endless.sendall(chunk * (15_000 // size + 1))
        last = list(responses(rest(endless)))[-1]
    assert "longer than 100000 bytes" in refused(last, 413)


def test_a_head_that_does_not_come_is_answered_408(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.02)
    with connect(mock.url) as half_open:
        half_open.sendall(b"GET / HTTP/1.1\r\nHost:")
        [heard] = responses(rest(half_open))
        assert "head of the request did not come within 0.02 s" in refused(heard, 408)


def test_a_body_that_stops_coming_is_answered_408(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BODY_SECONDS", 0.02)
    tenant = mock.tenant()
    raw = request("POST", GENERATE, "Content-Type: application/json", body=BODY, key=tenant.api_key)
    with connect(mock.url) as half_open:
        half_open.sendall(raw[:-5])
        [heard] = responses(rest(half_open))
        assert "body of the request did not come within 0.02 s" in refused(heard, 408)
    assert not tenant.tasks


def test_a_whole_request_is_never_late(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.01)
    monkeypatch.setattr(connection, "BODY_SECONDS", 0.01)
    tenant = mock.tenant()
    tenant.scenarios.add(operation="statusTask", status=503, delay={"type": "fixed", "milliseconds": 60_000})
    raw = request("GET", f"{STATUS}?taskId=x", "Connection: close", key=tenant.api_key)
    with connect(mock.url) as waiting:
        waiting.sendall(raw)
        assert statuses(send(mock.url, b"GET / HT")) == [408]  # that time is over
        tenant.clock.advance(60)
        assert statuses(list(responses(rest(waiting)))) == [503]


# ---- connections run out


SCARCE = """
import resource, sys
{block}
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from ltx_mock.cli import main
main(["serve", "--port", "0", "-q", "--ready-file", sys.argv[1]])
"""


@pytest.mark.sample
@pytest.mark.skipif(sys.platform == "win32", reason="no limit of open files")
@pytest.mark.parametrize(
    "block", ["", "sys.modules['uvloop'] = sys.modules['httptools'] = None"], ids=["uvloop", "h11"]
)
@pytest.mark.parametrize("opening", [b"", b"GET / HTTP/1.1\r\nHo", GOOD], ids=["silent", "half a head", "kept alive"])
def test_idle_connections_shut_nobody_out(block: str, opening: bytes, tmp_path: Path) -> None:
    fake = Process([sys.executable, "-c", SCARCE.format(block=block), str(tmp_path / "ready")])
    try:
        url = fake.wait_for_error_line(r"answers at (\S+)")[1]
        with ExitStack() as open_:
            for _ in range(80):
                idle = open_.enter_context(connect(url))
                idle.sendall(opening)
                if opening is GOOD:
                    idle.recv(2000)
            assert [statuses(send(url, LAST)) for _ in range(3)] == [[404]] * 3
        fake.wait_for_error_line("connections are open, as many as .*ulimit -n")
    finally:
        fake.kill()
    assert "Traceback" not in fake.stderr()


# ---- an offer of another protocol (RFC 9110, 7.8)


OFFERS = {
    "the JDK's HttpClient": ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAA"),
    "Apache HttpClient": ("Connection: Upgrade", "Upgrade: TLS/1.2"),
    "a WebSocket": ("Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
}
CHUNKED = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (9, BODY[:9], len(BODY) - 9, BODY[9:])


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
def test_an_offer_of_another_protocol_is_ignored(
    offer: tuple[str, ...], chunked: bool, mock: MockServer, capfd: pytest.CaptureFixture[str]
) -> None:
    how = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(BODY)}"
    head = request("POST", GENERATE, *offer, "Content-Type: application/json", how)
    body = CHUNKED if chunked else BODY
    poll = request("GET", f"{STATUS}?taskId=x", *offer)
    for pieces in (
        [head + body + poll + LAST],
        [head, body, poll, LAST],
        [head[:40], head[40:] + body[:20], body[20:] + poll[:30], poll[30:], LAST],
        [bytes([byte]) for byte in head + body + poll + LAST],
    ):
        assert statuses(send(mock.url, *pieces)) == [200, 404, 404]
    assert capfd.readouterr().err == ""


def test_a_request_with_an_offer_is_bounded_and_judged_like_any_other(mock: MockServer) -> None:
    offer = OFFERS["Apache HttpClient"]
    heard, _ = send(mock.url, request("POST", GENERATE, *offer, "Content-Length: 0") + LAST)
    assert "it is empty" in message_in(heard.body, 400)
    [heard] = send(mock.url, request("GET", STATUS, *offer, *["a: b"] * 200))
    refused(heard, 431)
    [heard] = send(mock.url, request("POST", GENERATE, *offer, "Transfer-Encoding: chunked") + b"zz\r\n")
    refused(heard, 400)


def test_any_number_of_offers_may_come_at_once(mock: MockServer, capfd: pytest.CaptureFixture[str]) -> None:
    offers = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" * 1000
    assert statuses(send(mock.url, offers + LAST)) == [200] * 1000 + [404]
    assert capfd.readouterr().err == ""


PARSERS = {"httptools": "", "h11": "sys.modules['httptools'] = None"}
SERVE = "import sys; {block}\nfrom ltx_mock.cli import main\nmain(['serve', '--port', '0', '-q'])"


@pytest.mark.parametrize("block", PARSERS.values(), ids=PARSERS)
def test_a_client_that_reads_no_responses_and_hangs_up_is_no_news(block: str) -> None:
    fake = Process([sys.executable, "-c", SERVE.format(block=block)])
    try:
        url = fake.wait_for_error_line(r"answers at (\S+)")[1]
        with connect(url) as connection:
            connection.sendall(b"GET /__admin/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 600)
            connection.recv(100)
        assert statuses(send(url, LAST)) == [404]
    finally:
        fake.kill()
    assert "Traceback" not in fake.stderr()


# ---- what is no HTTP


NOISE = {
    "no request line": b"GARBAGE\r\n\r\n",
    "half a request line": b"GET\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: x\r\na b\r\n\r\n",
    "a NUL in a header": b"GET / HTTP/1.1\r\nHost: x\r\na: \x00\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "a length below zero": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50 + b"\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("raw", NOISE.values(), ids=NOISE)
def test_what_is_no_http_is_answered_in_the_envelope(raw: bytes, mock: MockServer) -> None:
    [heard] = send(mock.url, raw)
    assert "not an HTTP/1.1 request" in refused(heard, 400)


def test_a_bad_chunk_is_answered_in_the_envelope_and_makes_no_task(mock: MockServer) -> None:
    tenant = mock.tenant()
    head = request("POST", GENERATE, "Content-Type: application/json", "Transfer-Encoding: chunked", key=tenant.api_key)
    for pieces in ([head + b"zz\r\n{}\r\n0\r\n\r\n"], [head, b"2\r\n{}\r\n", b"zz\r\n"]):
        [heard] = send(mock.url, *pieces)
        assert "not an HTTP/1.1 request" in refused(heard, 400)
    assert not tenant.tasks


@pytest.mark.parametrize("together", [True, False], ids=["in one segment", "apart"])
@pytest.mark.parametrize("count", [1, 3])
def test_garbage_after_requests_is_refused_after_their_responses(together: bool, count: int, mock: MockServer) -> None:
    tenant = mock.tenant()
    post = request("POST", GENERATE, "Content-Type: application/json", body=BODY, key=tenant.api_key)
    pieces = [post] * count + [b"GARBAGE\r\n\r\n"]
    *good, bad = send(mock.url, *([b"".join(pieces)] if together else pieces))
    assert statuses(good) == [200] * count
    assert [task.id for task in tenant.tasks] == [response.json["data"]["taskId"] for response in good]
    refused(bad, 400)


def test_a_bad_body_after_a_good_request_is_refused_in_its_turn(mock: MockServer) -> None:
    bad = request("POST", GENERATE, "Content-Type: application/json", "Transfer-Encoding: chunked") + b"zz\r\n"
    first, second = send(mock.url, GOOD + bad)
    assert first.status == 404
    refused(second, 400)


def test_a_tunnel_is_refused(mock: MockServer) -> None:
    [heard] = send(mock.url, b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\nxx")
    assert "no proxy" in refused(heard, 405)


def test_noise_is_no_news(mock: MockServer, capfd: pytest.CaptureFixture[str]) -> None:
    for raw in NOISE.values():
        send(mock.url, raw)
    assert capfd.readouterr().err == ""


@pytest.mark.sample
@pytest.mark.java
def test_the_http_client_of_the_jdk_gets_its_tasks(mock: MockServer) -> None:
    tenant = mock.tenant()
    command = ["java", str(Path(__file__).parents[2] / "data" / "JdkClient.java"), mock.base_url, tenant.api_key]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout.split() == ["200", "true", "true"] * 2 + ["404"], done.stderr
    assert len(tenant.tasks) == 2


@pytest.mark.curl
def test_curl_that_offers_http_2_gets_its_task(mock: MockServer) -> None:
    headers = ["-H", "Authorization: Bearer curl", "-H", "Content-Type: application/json"]
    command = ["curl", "--silent", "--http2", *headers, "-d", BODY.decode(), mock.base_url + GENERATE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert json.loads(done.stdout)["code"] == 200, done


class Pausing(asyncio.Transport):
    """A transport that sends nowhere and knows whether it is to read."""

    reads = True

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass


class Noting(Pausing):
    """A transport that notes what is written and when it is closed."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.noted, self.most, self.over = list[bytes](), most, asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._note(bytes(data))

    def close(self) -> None:
        self._note(b"closed")

    def _note(self, what: bytes) -> None:
        self.noted.append(what)
        if len(self.noted) == self.most:
            self.over.set()


class Ending(Noting):
    """A transport that raises an error when something is written after its end, as real ones do."""

    ended = False

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.ended:
            raise RuntimeError("Cannot call write() after write_eof()")
        super().write(data)


IN_ONE_PIECE = {
    "a poll": (GOOD, 404),
    "HEAD": (request("HEAD", f"{STATUS}?taskId=x"), 404),
    "the balance": (request("GET", "/apikeys/current-balance"), 200),
    "another method": (request("PUT", GENERATE), 405),
}


def connected(
    transport: asyncio.Transport, kind: type[HttptoolsConnection] = HttptoolsConnection, loop: Any = None
) -> Any:
    app = build(new_engine(Settings()))
    config = uvicorn.Config(app, log_config=None, lifespan="off", interface="asgi3", timeout_keep_alive=75)
    protocol = kind(config, connection.Connections(), {}, _loop=loop)
    protocol.connection_made(transport)
    return protocol


@pytest.mark.parametrize("name", IN_ONE_PIECE)
def test_a_response_is_written_in_one_piece_before_the_connection_closes(name: str) -> None:
    asked, status = IN_ONE_PIECE[name]

    async def serve() -> list[bytes]:
        transport = Noting(3)
        protocol = connected(transport)
        protocol.data_received(asked + LAST)
        await asyncio.wait_for(transport.over.wait(), SECONDS)
        protocol.connection_lost(None)
        return transport.noted

    first, last, *closed = asyncio.run(serve())
    assert set(closed) == {b"closed"}
    for piece, code in ((first, status), (last, 404)):
        head, _, body = piece.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % code)
        assert (b"\r\nconnection: close" in head) == (piece is last)
        assert json.loads(body)["code"] == code if body else name == "HEAD"


def test_a_client_that_sends_no_more_gets_its_response_while_others_wait(mock: MockServer) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(connect(mock.url))
        listener.sendall(b"GET /__admin/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"hello" in listener.recv(4096)
        for _ in range(10):
            with connect(mock.url) as client:
                client.sendall(GOOD)
                client.shutdown(socket.SHUT_WR)
                assert [heard.status for heard in responses(rest(client))] == [404]


EXPECTS_TO_GO_ON = request("POST", GENERATE, "Expect: 100-continue", "Transfer-Encoding: chunked") + b"ZZZ\r\n"


@pytest.mark.parametrize("kind", [HttptoolsConnection, H11Connection])
@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_request_that_is_refused_before_it_goes_on_costs_no_other_its_response(
    kind: type[HttptoolsConnection], place: int
) -> None:
    async def serve() -> list[list[bytes]]:
        config = uvicorn.Config(build(new_engine(Settings())), log_config=None, lifespan="off", interface="asgi3")
        state, transports = connection.Connections(), [Ending(99) for _ in range(7)]
        protocols: list[Any] = [kind(config, state, {}) for _ in transports]
        for number, (protocol, transport) in enumerate(zip(protocols, transports, strict=True)):
            protocol.connection_made(transport)
            protocol.data_received(EXPECTS_TO_GO_ON if number == place else GOOD)
        for _ in range(100):
            await asyncio.sleep(0)
        for protocol in protocols:
            protocol.connection_lost(None)
        return [transport.noted for transport in transports]

    noted = asyncio.run(serve())
    assert noted.pop(place)[0].startswith(b"HTTP/1.1 400 ")
    assert [each[0][:13] for each in noted] == [b"HTTP/1.1 404 "] * 6


@pytest.mark.parametrize("kind", [HttptoolsConnection, H11Connection])
def test_nothing_is_written_to_a_client_that_reads_too_little(kind: type[HttptoolsConnection]) -> None:
    async def serve() -> tuple[list[bytes], bytes]:
        transport = Noting(1)
        protocol = connected(transport, kind)
        protocol.pause_writing()
        protocol.data_received(GOOD)
        for _ in range(100):
            await asyncio.sleep(0)
        before = list(transport.noted)
        protocol.resume_writing()
        await asyncio.wait_for(transport.over.wait(), SECONDS)
        protocol.connection_lost(None)
        return before, transport.noted[0]

    before, after = asyncio.run(serve())
    assert before == []
    assert after.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("kind", [HttptoolsConnection, H11Connection])
def test_nothing_more_is_read_while_requests_wait_for_their_turn(kind: type[HttptoolsConnection]) -> None:
    transport, reads, over = Pausing(), list[bool](), asyncio.Event()

    async def app(_: Scope, __: Receive, send: Send) -> None:
        reads.append(transport.reads)
        if len(reads) == 4:
            over.set()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def serve() -> None:
        config = uvicorn.Config(app, log_config=None, lifespan="off")
        protocol = kind(config, connection.Connections(), {})
        protocol.connection_made(transport)
        protocol.data_received(GOOD * 4)
        await over.wait()
        protocol.connection_lost(None)

    asyncio.run(serve())
    assert reads == [False, False, False, True]


@pytest.mark.parametrize("kind", [HttptoolsConnection, H11Connection])
def test_a_connection_is_closed_when_it_was_idle_for_so_long_after_a_response(kind: type[HttptoolsConnection]) -> None:
    async def serve() -> tuple[list[bytes], list[bytes]]:
        transport, loop = Noting(99), ManualLoop()
        protocol = connected(transport, kind, loop)
        for _ in range(3):
            loop.pass_seconds(74)
            protocol.data_received(GOOD)
            for _ in range(100):
                await asyncio.sleep(0)
        loop.pass_seconds(74)
        before = list(transport.noted)
        loop.pass_seconds(1)
        protocol.connection_lost(None)
        return before, transport.noted[len(before) :]

    before, after = asyncio.run(serve())
    assert b"".join(before).count(b"HTTP/1.1 404 ") == 3
    assert b"closed" not in before
    assert after[0] == b"closed"


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
def test_nothing_is_left_of_a_connection_that_is_gone_without_the_garbage_collector(error: Exception | None) -> None:
    """That of `serve` hardly ever looks at what has lived for long."""

    async def serve() -> tuple[int, object]:
        loop = ManualLoop()
        protocol = connected(Pausing(), loop=loop)
        protocol.data_received(GOOD)
        for _ in range(100):
            await asyncio.sleep(0)
        protocol.connection_lost(error)
        left = weakref.ref(protocol)
        del protocol
        return loop.waiting, left()

    with paused_collector():
        assert asyncio.run(serve()) == (0, None)


def test_a_client_that_reads_nothing_can_still_make_room_once_its_time_is_over() -> None:
    async def serve() -> float:
        loop = ManualLoop()
        protocol = connected(Pausing(), loop=loop)  # it never closes
        protocol.data_received(GOOD)
        for _ in range(100):
            await asyncio.sleep(0)
        loop.pass_seconds(100)
        since = float(protocol.waits_since)
        protocol.connection_lost(None)
        return since

    assert asyncio.run(serve()) == 0


@pytest.mark.parametrize("answered", [0, 1, 2])
@pytest.mark.parametrize("kind", [HttptoolsConnection, H11Connection])
def test_who_is_served_while_others_wait_is_told_that_the_client_is_gone(
    kind: type[HttptoolsConnection], answered: int
) -> None:
    begun, waits, over = list[Scope](), asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope)
        if len(begun) <= answered:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        assert (await receive())["type"] == "http.request"
        waits.set()
        assert (await receive())["type"] == "http.disconnect"
        over.set()

    async def serve() -> None:
        config = uvicorn.Config(app, log_config=None, lifespan="off")
        protocol = kind(config, connection.Connections(), {})
        protocol.connection_made(Pausing())
        protocol.data_received(GOOD * 4)
        await waits.wait()
        protocol.connection_lost(None)
        await asyncio.wait_for(over.wait(), SECONDS)

    asyncio.run(serve())
    assert len(begun) == answered + 1
