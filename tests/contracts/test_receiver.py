"""The one server in a thread that callbacks come to: what it reads, what it answers, and what it survives."""

from __future__ import annotations

import socket
import threading
from typing import Any

import httpx
import pytest

from ltx_mock_contracts.io.http_client import send_once
from ltx_mock_contracts.receiver import LARGEST_BODY, HttpReceiver, Request, Response
from support.waiting import SECONDS


class Asked(list[Request]):
    """Notes requests, and answers each with the same."""

    def __init__(self, response: Response | None = None) -> None:
        super().__init__()
        self.response = response

    def __call__(self, request: Request) -> Response | None:
        self.append(request)
        return self.response


def exchange(port: int, *pieces: bytes) -> bytes:
    """Send bytes, and return all that comes until the other side hangs up."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as sock:
        for piece in pieces:
            sock.sendall(piece)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(65536), b""))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_a_request_is_seen_whole_and_answered_as_the_function_says(method: str) -> None:
    asked = Asked(Response(201, {"x-answer": "yes"}, b"a body"))
    with HttpReceiver(asked) as receiver:
        url = f"http://127.0.0.1:{receiver.port}/callback?a=%20b"
        with httpx.Client(trust_env=False, verify=False) as client:
            answer = client.request(method, url, content=b"sent", headers={b"X-Asked": b"caf\xe9"})
    (request,) = asked
    assert (request.method, request.path, request.body) == (method, "/callback?a=%20b", b"sent")
    assert request.headers["x-asked"] == "caf\xe9"
    assert (answer.status_code, answer.reason_phrase, answer.headers["x-answer"]) == (201, "Created", "yes")
    assert answer.headers["content-length"] == "6"
    assert answer.content == (b"" if method == "HEAD" else b"a body")


def test_a_body_in_chunks_is_read_too() -> None:
    asked = Asked(Response())
    with HttpReceiver(asked) as receiver, httpx.Client(trust_env=False, verify=False) as client:
        client.post(f"http://127.0.0.1:{receiver.port}/", content=iter([b"one ", b"and ", b"two"]))
    assert asked[0].body == b"one and two"


def test_who_waits_to_be_told_to_go_on_is() -> None:
    asked = Asked(Response(204))
    head = b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    with HttpReceiver(asked) as receiver, socket.create_connection(("127.0.0.1", receiver.port), SECONDS) as sock:
        sock.sendall(head)
        assert sock.recv(65536).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"{}")
        assert sock.recv(65536).startswith(b"HTTP/1.1 204 No Content\r\n")
    assert asked[0].body == b"{}"


def test_no_more_than_the_largest_body_is_kept() -> None:
    asked = Asked(Response())
    with HttpReceiver(asked) as receiver:
        answer = send_once(
            "POST", f"http://127.0.0.1:{receiver.port}/", timeout=SECONDS, content=b"x" * (LARGEST_BODY + 1)
        )
    assert answer.status == 200
    assert len(asked[0].body) == LARGEST_BODY


def test_none_hangs_up_without_an_answer() -> None:
    asked = Asked(None)
    with HttpReceiver(asked) as receiver:
        assert exchange(receiver.port, b"POST / HTTP/1.1\r\nhost: x\r\n\r\n") == b""
    assert len(asked) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n",
        b"SSH-2.0-x\r\n\r\n",
        b"POST / HT",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"x" * 100_000,
    ],
)
def test_what_is_no_whole_request_is_none_and_does_no_harm(sent: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    asked = Asked(Response())
    with HttpReceiver(asked) as receiver:
        exchange_until_closed(receiver.port, sent)
        assert exchange(receiver.port, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 OK\r\n")
    assert [request.path for request in asked] == ["/"]
    assert capfd.readouterr().err == ""


def exchange_until_closed(port: int, sent: bytes) -> None:
    """Send what may be cut off by a reset."""
    try:
        assert exchange(port, sent) == b""
    except ConnectionError:
        return


def test_a_client_that_does_not_wait_for_the_answer_does_no_harm(capfd: pytest.CaptureFixture[str]) -> None:
    gone, asked = threading.Event(), threading.Event()

    def respond(_: Request) -> Response:
        asked.set()
        gone.wait(SECONDS)
        return Response(200, {}, b"x" * 1_000_000)

    with HttpReceiver(respond) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.port), SECONDS) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert asked.wait(SECONDS)
        gone.set()
        assert exchange(receiver.port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert capfd.readouterr().err == ""


def test_what_the_function_raises_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    def respond(_: Request) -> Any:
        raise ValueError("of the function")

    with HttpReceiver(respond) as receiver:
        assert exchange(receiver.port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n") == b""
    assert "ValueError: of the function" in capfd.readouterr().err


def test_requests_are_answered_side_by_side_and_a_slow_one_does_not_keep_it_from_stopping() -> None:
    go_on = threading.Event()

    def respond(request: Request) -> Response:
        if request.path == "/slow":
            go_on.wait(SECONDS)
        return Response()

    with HttpReceiver(respond) as receiver, socket.create_connection(("127.0.0.1", receiver.port), SECONDS) as slow:
        slow.sendall(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        assert exchange(receiver.port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").startswith(b"HTTP/1.1 200")
        receiver.stop()
        go_on.set()
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", receiver.port), SECONDS)


def test_a_port_that_is_taken_is_an_error_and_one_that_was_left_is_free() -> None:
    with HttpReceiver(Asked()) as receiver, pytest.raises(OSError, match="in use"):
        HttpReceiver(Asked(), port=receiver.port)
    HttpReceiver(Asked(), port=receiver.port).stop()
