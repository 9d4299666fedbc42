"""Delays and faults: a response is late, slow or cut off, or the connection is broken instead."""

from __future__ import annotations

from starlette.types import Message, Receive, Scope, Send

from ltx_mock.asgi.connection import CUT, Connection, connection_of, wait_for_disconnect
from ltx_mock.core.clock import SECOND, Clock
from ltx_mock.engine import responses
from ltx_mock.engine.responses import Effect
from ltx_mock.scenarios.model import EMPTY_RESPONSE, NO_ANSWER

PIECES_A_SECOND = 20
NO_WIRE = "this server cannot break a connection; use ltx-mock serve or MockServer"


async def deliver_with_effect(effect: Effect, clock: Clock, scope: Scope, receive: Receive, send: Send) -> Send | None:
    """Wait or break the connection; return the `send` for the response, or None if none is to be sent.

    Delays are real time, divided by the clock's speed. With a stopped clock there is no delay.
    """
    connection = connection_of(scope)
    if effect.wait_ms and await _gone_before(clock.now() + effect.wait_ms, clock, receive):
        return None
    if effect.fault == NO_ANSWER:
        within = None if effect.close_after_ms is None else effect.close_after_ms / SECOND
        if not await wait_for_disconnect(receive, within) and connection is not None:
            await connection.abort(EMPTY_RESPONSE, b"", receive)
        return None
    breaks = effect.fault is not None or effect.cut is not None or effect.restart_ms is not None
    if connection is None and breaks:
        what = effect.fault or (CUT if effect.restart_ms is None else "restart")
        problem = responses.error(500, f"{what}: {NO_WIRE}")
        await send({"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": problem.body})
        return None
    if connection is not None and effect.fault is not None:
        if effect.restart_ms is not None:  # first, so that no new connection comes before the restart
            connection.restart_server(effect.restart_ms)
        await connection.abort(effect.fault, effect.noise, receive)
        return None
    if effect.media_type is not None:
        send = _as_type(send, effect.media_type)
    if connection is not None and effect.restart_ms is not None:
        return _then_restart(send, connection, effect.restart_ms)
    return send if effect.cut is None and effect.pace is None else _ThrottledSend(effect, clock, scope, receive, send)


async def _gone_before(moment: int, clock: Clock, receive: Receive) -> bool:
    """Wait until a moment of a clock, unless it is stopped; tell whether the client has disconnected before.

    The timers of an event loop count milliseconds, so they may ring a little early.
    """
    while seconds := clock.real_seconds_until(moment):
        if await wait_for_disconnect(receive, seconds):
            return True
    return False


def _as_type(send: Send, media_type: bytes) -> Send:
    """Return a `send` that replaces the `Content-Type`."""

    async def way(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name, media_type if name == b"content-type" else value) for name, value in message["headers"]]
            message = {**message, "headers": headers}
        await send(message)

    return way


def _then_restart(send: Send, connection: Connection, away_ms: int) -> Send:
    """Return a `send` that restarts the server after the last byte of the response."""

    async def way(message: Message) -> None:
        await send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            connection.restart_server(away_ms)

    return way


class _ThrottledSend:
    """A `send` that slows a body down or cuts it off."""

    def __init__(self, effect: Effect, clock: Clock, scope: Scope, receive: Receive, send: Send) -> None:
        self._effect, self._clock, self._connection = effect, clock, connection_of(scope)
        self._receive, self._send = receive, send
        self._began = clock.now()
        self._sent = 0
        self._left: int | None = None
        self._over = False

    async def __call__(self, message: Message) -> None:
        """See ASGI."""
        if self._over:
            return
        body = message.get("body", b"")
        if message["type"] == "http.response.start" and self._effect.cut is not None:
            length = dict(message["headers"]).get(b"content-length", b"0")
            self._left = int(int(length) * self._effect.cut)
        if not body:
            await self._send(message)
            return
        step = max(1, self._effect.pace // PIECES_A_SECOND) if self._effect.pace else len(body)
        for start in range(0, len(body), step):
            await self._piece(body[start : start + step])

    async def _piece(self, body: bytes) -> None:
        if self._over:
            return
        if self._left is not None:
            body = body[: self._left]
            self._left -= len(body)
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        self._sent += len(body)
        if self._left == 0 and self._connection is not None:
            await self._connection.abort(CUT, b"", self._receive)
            self._over = True
        elif self._effect.pace:
            due = self._began + self._sent * SECOND // self._effect.pace
            self._over = await _gone_before(due, self._clock, self._receive)
