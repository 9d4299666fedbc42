"""A connection with the parser httptools. It keeps the received part of a head, to check the limits during parsing."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import httptools
from starlette.types import Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ltx_mock.asgi.connection import Headers
from ltx_mock.server.http_protocol import (
    HEAD_BYTES,
    HEAD_LINES,
    TARGET_BYTES,
    HttpConnection,
    RefusedError,
    no_tunnel,
    not_http,
    too_large,
    too_long,
)
from ltx_mock.server.idle_timer import IdleTimer

Header = tuple[bytes, bytes]
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class HttptoolsConnection(HttpConnection, HttpToolsProtocol):
    """uvicorn's protocol with limits, and without `Upgrade`."""

    _offered: list[Header] | None = None
    _running: Any = None
    """The current request while others wait behind it."""

    def connection_made(self, transport: Any) -> None:
        """See asyncio."""
        self._idle = IdleTimer(self.loop, self.timeout_keep_alive, self.timeout_keep_alive_handler)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._unset_keepalive_if_required()
        if len(data) <= HEAD_BYTES and self.refusal is None:
            if rest := self._fed(data):
                self._feed(*rest)
            return
        for start in range(0, len(data), HEAD_BYTES):
            self._feed(data[start : start + HEAD_BYTES])

    def _feed(self, *pieces: bytes) -> None:
        left = [*reversed(pieces)]
        while left and self.refusal is None:
            left += reversed(self._fed(left.pop()))

    def _fed(self, data: bytes) -> tuple[bytes, ...]:
        """Feed the parser, and return the bytes to feed again: a request with `Upgrade`, and the following ones."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            return self._without_offer(data[offer.args[0] :])
        except httptools.HttpParserError as error:
            reason = error.__context__
            self.refuse(reason if isinstance(reason, RefusedError) else not_http(_detail(error)))
            return ()
        cycle = self.cycle
        if cycle is None or cycle.more_body or cycle.scope is not self.scope:
            self._unfinished(len(data))
        elif self._timer is not None:
            self.stop_waiting()
        return ()

    def _unfinished(self, size: int) -> None:
        """Check the limits of an incomplete request, and wait for the rest."""
        self.count_bytes(self.scope, size)
        cycle = self.cycle
        if self.scope is None:
            self.await_client("blank")
            return
        if cycle is None or cycle.scope is not self.scope:
            # The request may start anywhere in its first piece, which is at most HEAD_BYTES long.
            problem = too_long(len(self.headers), len(self.url), self._bytes - HEAD_BYTES)
            phase = "head"
        else:
            problem = too_long(len(self.headers), 0, 0) or too_large(self._bytes)
            phase = "blank" if cycle.response_complete else "body"
        if problem is None:
            self.await_client(phase)  # type: ignore[arg-type]
        else:
            self.refuse(problem)

    def on_headers_complete(self) -> None:
        """See httptools. Only a head in several pieces can be too long as a whole."""
        headers = self.headers
        if len(headers) > HEAD_LINES or len(self.url) > TARGET_BYTES or self._counted is self.scope:
            size = len(self.url) + sum(map(len, chain.from_iterable(headers))) + 4 * len(headers)
            problem = too_long(len(headers), len(self.url), size)
            if problem is not None:
                raise problem
        if self._offered is not None:
            headers[:], self._offered = self._offered, None
        before = self.cycle
        if before is not None and not before.response_complete and not self.pipeline:
            self._running = before
        super().on_headers_complete()
        self.headers = headers.copy()  # from here on header lines belong to the trailer (RFC 9110, 6.5.1)

    def on_response_complete(self) -> None:
        """See uvicorn, which reads on after each response, so that a fast sender would fill the memory.

        It also makes a new timer after each, which takes longer than the rest of this; `data_received` cancels ours.
        """
        self.server_state.total_requests += 1
        waiting = self.pipeline
        self._running = waiting[-1][0] if waiting else None
        if self.transport.is_closing():
            return
        if self._running is None:
            self._idle.start()
            self.timeout_keep_alive_task = self._idle
        else:
            self._start_asgi_task(*waiting.pop())
        if waiting:
            self.flow.pause_reading()
        else:
            self.flow.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio. uvicorn notifies the last request, but not the current one before it."""
        running = self._running
        if running is not None and running is not self.cycle:
            running.disconnected = not running.response_complete
            running.message_event.set()
        super().connection_lost(exc)
        self._idle.close()

    @staticmethod
    def respond(send: Send, status: int, headers: Headers, body: bytes) -> bool:
        """See `Connection.respond`. uvicorn writes head and body apart: two system calls and two packets."""
        cycle = getattr(send, "__self__", None)
        if type(cycle) is not RequestResponseCycle or cycle.response_started or cycle.disconnected:
            return False
        if cycle.flow.write_paused or (headers and _CONTROLS.search(b"".join(chain.from_iterable(headers)))):
            return False
        more = b"".join([b"%b: %b\r\n" % header for header in headers])
        if not cycle.keep_alive:
            more += b"connection: close\r\n"
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.transport.write(
            b"%bcontent-type: application/json\r\ncontent-length: %d\r\n%b\r\n%b"
            % (STATUS_LINE[status], len(body), more, body)
        )
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True

    # ---- Upgrade

    def _should_upgrade(self) -> bool:
        """Make uvicorn ignore a request with `Upgrade`; it is parsed again without the header."""
        return True

    def _without_offer(self, rest: bytes) -> tuple[bytes, ...]:
        """Return the head without `Upgrade` (RFC 9110, 7.8), and the rest.

        With it the parser would skip the body.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.refuse(no_tunnel())
            return ()
        head = [b"%b %b HTTP/%b\r\n" % (method, self.url, self.parser.get_http_version().encode())]
        head += [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self._offered = self.headers
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return (b"".join(head) + b"\r\n", rest) if rest else (b"".join(head) + b"\r\n",)


def _detail(error: httptools.HttpParserError) -> str:
    if isinstance(error, httptools.HttpParserCallbackError):
        return "its URL cannot be read"
    text = str(error)
    return text[:1].lower() + text[1:]
