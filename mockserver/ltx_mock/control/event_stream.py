"""`GET /__admin/events`: server-sent events, until the client disconnects."""

from __future__ import annotations

import asyncio
import contextlib
import re

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from ltx_mock.asgi.connection import wait_for_disconnect
from ltx_mock.control.event_feed import Feed, frame
from ltx_mock.control.params import real_seconds, tenant_of_query
from ltx_mock.control.refusals import refusal
from ltx_mock.engine.engine import Engine
from ltx_mock.errors import LtxMockError
from ltx_mock.version import VERSION

HEARTBEAT_SECONDS = 15.0
RETRY = b"retry: 1000\n\n"
"""How many real milliseconds a browser waits before it reconnects."""
HEARTBEAT = b": still here\n\n"
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


class EventStream:
    """The handler. `?key=` selects the events of one key; `?wait=` ends the stream after so many real seconds."""

    def __init__(self, engine: Engine, feed: Feed) -> None:
        self._engine, self._feed = engine, feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the client disconnects, its time is over, or the server stops."""
        request = Request(scope)
        try:
            tenant = await tenant_of_query(self._engine, request)
            seconds = real_seconds(request)
        except LtxMockError as error:
            await refusal(error)(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        if scope["method"] == "GET":
            await self._stream(tenant.key if tenant else None, _last(request), seconds, receive, send)
        await send({"type": "http.response.body", "body": b""})

    async def _stream(
        self, key: str | None, last: int | None, seconds: float | None, receive: Receive, send: Send
    ) -> None:
        loop, feed = asyncio.get_running_loop(), self._feed
        with feed.reader(key, last) as reader:
            alarm = None if seconds is None else loop.call_later(seconds, reader.close)
            gone = asyncio.create_task(wait_for_disconnect(receive))
            gone.add_done_callback(lambda _: reader.close())
            try:
                chunk = RETRY + (_hello(feed) if last is None else b"")
                while not gone.done():
                    over = reader.closed
                    chunk += reader.read()
                    if chunk:
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    elif over:
                        break
                    chunk = b"" if over else await _heartbeat(reader.news)
            finally:
                gone.cancel()
                if alarm is not None:
                    alarm.cancel()


async def _heartbeat(news: asyncio.Event) -> bytes:
    """Wait for events; return a heartbeat if none come for long."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(news.wait(), HEARTBEAT_SECONDS)
        return b""
    return HEARTBEAT


def _hello(feed: Feed) -> bytes:
    """Return the first event of a new stream. Later changes are in the stream, earlier ones in the lists."""
    return frame("hello", {"name": "ltx-mock", "version": VERSION}, feed.last)


def _last(request: Request) -> int | None:
    """Return the client's `Last-Event-ID`, or -1 (never a valid id) if it is not a number."""
    given = request.headers.get("last-event-id")
    if given is None:
        return None
    return int(given) if _NUMBER.fullmatch(given) else -1
