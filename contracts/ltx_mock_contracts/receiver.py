"""A small HTTP server in a thread, for callbacks and for downloads of test files.

It uses Python's original sockets and threads, even while a test has patched them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from socketserver import BaseRequestHandler, BaseServer, TCPServer
from threading import Thread
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self

import h11

from ltx_mock_contracts.io.own_sockets import OwnSocket

__all__ = ["HttpReceiver", "Request", "Response"]

LARGEST_BODY: Final = 10 * 1024 * 1024
_LARGEST_HEAD: Final = 64 * 1024
_CHUNK_BYTES: Final = 64 * 1024
_TIMEOUT_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.01


class Request(NamedTuple):
    """A received request. The path includes the query; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Response(NamedTuple):
    """The response to a request."""

    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""


class HttpReceiver:
    """Responds to each request with the result of a function, in a thread for each connection.

    Use it as a context manager.

    Args:
        respond: Returns the response to a request, whose body is cut at `LARGEST_BODY` bytes; None closes the
            connection without a response.
        host: The address to listen on; empty means all.
        port: The port; 0 takes a free one.

    Raises:
        OSError: The port is not available.

    Attributes:
        port: The port.
    """

    def __init__(self, respond: Callable[[Request], Response | None], host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = _Server((host, port), respond)
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Return the file descriptor of the listening socket."""
        return self._server.fileno()

    def stop(self) -> None:
        """Stop listening. Responses in progress are completed."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(TCPServer):
    """Listens as soon as it is created, without a DNS lookup."""

    def __init__(self, address: tuple[str, int], respond: Callable[[Request], Response | None]) -> None:
        BaseServer.__init__(self, address, _Handler)
        self.respond = respond
        self.socket = OwnSocket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if os.name == "posix":  # on other systems this would let two programs share the port
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(address)
            self.socket.listen()
        except BaseException:
            self.socket.close()
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """See `socketserver`."""
        Thread(target=self._serve, args=(request, client_address), daemon=True).start()

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:  # noqa: BLE001 - an error of `respond`, which must be printed
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)


class _Handler(BaseRequestHandler):
    """One connection, with one request on it."""

    request: socket.socket
    server: _Server

    def handle(self) -> None:
        """See `socketserver`."""
        self.request.settimeout(_TIMEOUT_SECONDS)
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEAD)
        try:
            request = self._read(http)
        except (OSError, h11.RemoteProtocolError):
            return  # the client has disconnected, or does not speak HTTP
        response = self.server.respond(request)
        if response is None:
            return
        raw = _serialized(http, request.method, response)
        try:
            self.request.sendall(raw)
        except OSError:
            return  # the client has disconnected

    def _read(self, http: h11.Connection) -> Request:
        head, body = self._event(http), bytearray()
        if not isinstance(head, h11.Request):
            raise ConnectionError
        while len(body) < LARGEST_BODY and isinstance(event := self._event(http), h11.Data):
            body += event.data
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
        return Request(head.method.decode("ascii"), head.target.decode("latin-1"), headers, bytes(body[:LARGEST_BODY]))

    def _event(self, http: h11.Connection) -> object:
        while (event := http.next_event()) is h11.NEED_DATA:
            if http.they_are_waiting_for_100_continue:
                self.request.sendall(http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            http.receive_data(self.request.recv(_CHUNK_BYTES))
        return event


def _serialized(http: h11.Connection, method: str, response: Response) -> bytes:
    """Serialize a response with `Connection: close`."""
    headers = {**response.headers, "content-length": str(len(response.body)), "connection": "close"}
    head = h11.Response(status_code=response.status, headers=list(headers.items()), reason=_reason(response.status))
    body = b"" if method == "HEAD" else response.body
    return b"".join(http.send(event) or b"" for event in (head, h11.Data(data=body), h11.EndOfMessage()))


def _reason(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
