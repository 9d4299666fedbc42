"""Clients of the house ask strange servers within bounds: of time, of size, of depth; and say in one line what came."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import BaseRequestHandler

import pytest
from click.testing import CliRunner

from ltx_mock import MockServer
from ltx_mock.cli import cli
from ltx_mock.errors import LtxMockError
from ltx_mock.testing.remote_server import RemoteServer
from ltx_mock_contracts.conformance import Options, check_server
from ltx_mock_contracts.control_client import ControlClient, HttpTransport, Timeouts
from ltx_mock_contracts.io.http_client import HttpClient
from ltx_mock_contracts.io.reply import NoReplyError
from mutants.unhealthy import _serving, _Tcp
from support.servers import answer, serving

OK = b"HTTP/1.1 200 OK\r\n"
HEALTH = b'{"name": "ltx-mock"}'
DEEP = b'{"name":"ltx-mock","a":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
Pieces = Callable[[bytes], Iterator[bytes]]


@contextmanager
def answering(pieces: Pieces, *, pause: float = 0.0) -> Iterator[str]:
    """A server that sends these pieces in answer to each request, and then hangs up."""
    servers: list[_Tcp] = []

    class Answer(BaseRequestHandler):
        def handle(self) -> None:
            asked = b""
            while b"\r\n\r\n" not in asked:
                more = self.request.recv(65536)
                if not more:
                    return
                asked += more
            try:
                for piece in pieces(asked):
                    self.request.sendall(piece)
                    if pause and servers[0].over.wait(pause):
                        return
            except OSError:
                return

    servers.append(_Tcp(Answer))
    with _serving(servers[0]) as url:
        yield url


def whole(body: bytes, *headers: bytes, status: bytes = OK) -> Pieces:
    head = (
        status
        + b"".join(header + b"\r\n" for header in headers)
        + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    return lambda _: iter([head + body])


def endless(first: bytes, again: bytes) -> Pieces:
    def pieces(_: bytes) -> Iterator[bytes]:
        yield first
        while True:
            yield again

    return pieces


CHUNK = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
BOMB = gzip.compress(gzip.compress(b"\0" * 5_000_000))
ILL = {
    "a header that trickles": (endless(OK, b"x"), 0.01, "no response within 0.3 s"),
    "headers that trickle": (endless(OK, b"x: y\r\n"), 0.01, "no response within 0.3 s"),
    "a body that trickles": (endless(OK + b"Content-Length: 1000000\r\n\r\n", b"x"), 0.01, "no response within 0.3 s"),
    "informational answers without end": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), 0.01, "no response within"),
    "one header without end": (endless(OK + b"x: ", b"x" * 10_000), 0, "no HTTP: Receive buffer too long"),
    "headers without end": (endless(OK, b"x: y\r\n" * 1000), 0, "no HTTP: Receive buffer too long"),
    "a body without end": (endless(OK + b"\r\n", b"x" * 10_000), 0, "a response of more than 1048576 bytes"),
    "chunks without end": (endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK), 0, "a response of more than"),
    "a bomb": (whole(BOMB, b"Content-Encoding: gzip, gzip"), 0, "a response with the encoding 'gzip, gzip'"),
    "gzip": (whole(gzip.compress(HEALTH), b"Content-Encoding: gzip"), 0, "a response with the encoding 'gzip'"),
    "no HTTP": (lambda _: iter([b"SSH-2.0-x\r\n\r\n"]), 0, "no HTTP: illegal status line"),
    "half a head": (lambda _: iter([OK + b"Content-Le"]), 0, "no HTTP: the connection closed without a response"),
    "half an answer": (lambda _: iter([OK + b"Content-Length: 10\r\n\r\nhalf"]), 0, "no HTTP: peer closed connection"),
    "nothing": (lambda _: iter([]), 0, "no HTTP: the connection closed without a response"),
}


@pytest.mark.parametrize(("pieces", "pause", "wanted"), ILL.values(), ids=ILL)
def test_a_response_beyond_the_limits_is_an_error(pieces: Pieces, pause: float, wanted: str) -> None:
    client = HttpClient(0.3 if pause else 60)
    with answering(pieces, pause=pause) as url, pytest.raises(NoReplyError) as error:
        client.send("GET", url)
    assert str(error.value).startswith(wanted)


def test_an_answer_is_read_whole_and_the_connection_used_again() -> None:
    client = HttpClient(60)
    with MockServer(clock="manual") as mock:
        for _ in range(3):
            answer = client.send("POST", f"{mock.base_url}/generateTask/ltx-2-19b?a=é ", content=b"{}")
            assert (answer.status, answer.headers["content-type"]) == (401, "application/json")
            assert answer.body.startswith(b'{"code":401,')
    client.close()


def test_it_asks_for_what_is_not_encoded() -> None:
    asked: list[bytes] = []

    def pieces(request: bytes) -> Iterator[bytes]:
        asked.append(request)
        return whole(b"")(request)

    with answering(pieces) as url:
        HttpClient(60).send("GET", url)
    assert b"\r\naccept-encoding: identity\r\n" in asked[0].lower()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://", "http://[::1", "http://127.0.0.1:99999/", "x"])
def test_an_invalid_url_is_an_error(url: str) -> None:
    with pytest.raises(NoReplyError, match="no HTTP: it is no"):
        HttpClient(60).send("GET", url)


def test_a_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def pieces(request: bytes) -> Iterator[bytes]:
        asked.append(request)
        return whole(b"from the proxy")(request)

    with answering(pieces) as url:
        monkeypatch.setenv("http_proxy", url.replace("://", "://user:word@"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert HttpClient(60, proxies=True).send("GET", "http://example.com/x").body == b"from the proxy"
        assert HttpClient(60).send("GET", url).body == b"from the proxy"
    assert asked[0].startswith(b"GET http://example.com/x HTTP/1.1\r\n")
    assert b"proxy-authorization: Basic dXNlcjp3b3Jk" in asked[0]
    assert b"proxy" not in asked[1]


def strange(body: bytes) -> Pieces:
    """Answer as an ltx-mock to who asks for its health, and with this to all else."""
    return lambda asked: whole(HEALTH if b"/health " in asked else body)(asked)


STRANGE = {"deep": DEEP, "a list": b"[1]", "a text": b'"x"', "nothing": b"{}", "other": b'{"tasks": [{"id": {}}]}'}
COMMANDS = (["tasks"], ["requests"], ["callbacks"], ["clock"], ["scenarios", "armed"], ["clock", "advance", "1"])


@pytest.mark.parametrize("body", STRANGE.values(), ids=STRANGE)
def test_a_command_says_in_one_line_that_it_cannot_read_the_server(body: bytes) -> None:
    with answering(strange(body)) as url:
        for command in COMMANDS:
            ran = CliRunner().invoke(cli, [*command, "--url", url])
            assert isinstance(ran.exception, LtxMockError), command
            assert url in str(ran.exception)


def test_a_command_says_what_keeps_it_from_reading_the_server() -> None:
    with answering(whole(DEEP)) as url:
        failure = CliRunner().invoke(cli, ["tasks", "--url", url]).exception
        assert str(failure).startswith(f"{url} is not an ltx-mock")
    with answering(whole(BOMB, b"Content-Encoding: gzip, gzip")) as url:
        failure = CliRunner().invoke(cli, ["tasks", "--url", url]).exception
        assert str(failure).startswith(f"no ltx-mock at {url}/__admin (a response with the encoding 'gzip, gzip'")


@pytest.mark.parametrize(
    "pieces", [whole(DEEP), whole(BOMB, b"Content-Encoding: gzip"), whole(b"[]")], ids=["deep", "a bomb", "a list"]
)
def test_a_remote_server_that_answers_strangely_is_an_error_that_says_so(pieces: Pieces) -> None:
    with answering(pieces) as url:
        failure = RemoteServer(url).why_not_ours()
        assert failure is not None
        with pytest.raises(LtxMockError):
            RemoteServer(url).tenant("a-key")


DEEP_STATUS = (
    b'{"code":200,"message":"success","data":{"taskId":"task_1","state":"success","resultJson":"'
    + b"[" * 50_000
    + b'"}}'
)


@pytest.mark.parametrize(
    "body",
    [DEEP, DEEP_STATUS, b'{"code":' + b"[" * 900 + b"]" * 900 + b"}", b"9" * 5000],
    ids=["deep", "deep result", "900 levels", "5000 digits"],
)
def test_a_check_of_answers_that_are_nested_or_encoded_ends_in_a_report(body: bytes) -> None:
    for pieces in (whole(body), whole(gzip.compress(body), b"Content-Encoding: gzip")):
        with answering(pieces) as url:
            report = check_server(
                Options(url=url, api_key="any-key-at-all", max_examples=1, rules=frozenset({"AUTH-1", "ENV-1"}))
            )
        assert not report.ok


def test_who_looks_does_not_wait_for_an_answer_without_end() -> None:
    with answering(endless(OK + b"Content-Length: 1000000\r\n\r\n", b" "), pause=0.01) as url:
        client = ControlClient(HttpTransport(url), url, timeouts=Timeouts(read=0.3))
        with pytest.raises(NoReplyError, match=r"no response within 0\.3 s"):
            client.get("/tasks")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"text", "it holds no certificate in PEM form"),
        pytest.param("pipe", "it is not a file", marks=pytest.mark.posix),
    ],
)
def test_a_trust_file_that_cannot_be_used_is_named(
    content: bytes | str | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "trusted.pem"
    if isinstance(content, bytes):
        named.write_bytes(content)
    elif content == "pipe":
        os.mkfifo(named)
    monkeypatch.setenv("SSL_CERT_FILE", str(named))
    with serving([answer(b"")], tls=True) as (port, _), pytest.raises(NoReplyError) as failure:
        HttpClient(10).send("GET", f"https://localhost:{port}/")
    assert str(failure.value) == f"no connection: SSL_CERT_FILE {str(named)!r} cannot be used: {reason}"
