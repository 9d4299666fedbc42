"""Call an ASGI application with one request, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive

from ltx_mock.asgi import connection

Headers = Iterable[tuple[bytes, bytes]]


class Reply(NamedTuple):
    """The response of the application."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class BrokenError(Exception):
    """The connection was broken before the response was complete. `fault` says how."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


class _NoSocket:
    """A connection that records its fault."""

    fault: str | None = None

    is_open = True

    def __init__(self, restart: Callable[[int], None]) -> None:
        self.restart_server = restart

    def buffer_little(self) -> None:
        """See `Connection.buffer_little`; there are no buffers."""

    def respond(self, *_: object) -> bool:
        """See `Connection.respond`."""
        return False

    async def abort(self, fault: str, noise: bytes, receive: Receive) -> None:  # noqa: ARG002 - see `Connection`
        """See `Connection.abort`."""
        self.fault = fault


async def call(
    app: ASGIApp,
    method: str,
    target: str,
    *,
    headers: Headers = (),
    body: bytes = b"",
    scheme: str = "http",
    server: tuple[str, int | None] = ("127.0.0.1", None),
    restart: Callable[[int], None] = lambda _: None,
) -> Reply:
    """Send a request and return the whole response. `target` is the percent-encoded path with its query.

    `restart` lets the server begin to restart; it is away for at least so many real milliseconds.

    Raises:
        BrokenError: a scenario broke the connection.
    """
    no_socket = _NoSocket(restart)
    path, _, query = target.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in headers],
        "client": ("127.0.0.1", 0),
        "server": server,
        "state": {connection.KEY: no_socket},
    }
    incoming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        if incoming:
            return incoming.pop()
        await asyncio.get_running_loop().create_future()  # the client stays connected until it is cancelled
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        await app(scope, receive, send)
    except Exception:
        if not sent:
            raise  # otherwise the response was a 500, which the client gets
    if no_socket.fault is not None:
        raise BrokenError(no_socket.fault)
    return Reply(sent[0]["status"], sent[0]["headers"], b"".join(message.get("body", b"") for message in sent[1:]))
