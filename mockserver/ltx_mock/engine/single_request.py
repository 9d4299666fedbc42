"""A connection for one request, read by h11. It is imported when the first such request is sent."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import h11

from ltx_mock.engine.outbound import READ_BYTES, Unanswered

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

MAX_INFORMATIONAL = 8

Headers = Sequence[tuple[str, str]]


class SingleRequest:
    """A connection for one request. All methods raise `Unanswered` for what is not HTTP."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT)

    async def ask(self, method: str, path: str, headers: Headers, body: bytes = b"") -> h11.Response:
        """Send a request and return the head of the response."""
        self._writer.write(self._written(method, path, headers, body))
        with contextlib.suppress(
            ConnectionError
        ):  # a server that closes the connection early may have responded before
            await self._writer.drain()
        return await self._response()

    async def read(self, method: str, path: str, headers: Headers, body: bytes, begun: bytes) -> h11.Response:
        """Return the head of the response to a request that was sent; `begun` was read of it."""
        self._written(method, path, headers, body)
        if begun:
            self._http.receive_data(begun)
        return await self._response()

    async def part(self) -> bytes | None:
        """Return the next part of the body; None at its end."""
        event = await self._next_event()
        return event.data if isinstance(event, h11.Data) else None

    def _written(self, method: str, path: str, headers: Headers, body: bytes) -> bytes:
        with _errors_of_protocol():
            request = h11.Request(method=method, target=path, headers=list(headers))
            return b"".join(self._http.send(part) or b"" for part in (request, h11.Data(data=body), h11.EndOfMessage()))

    async def _response(self) -> h11.Response:
        for _ in range(MAX_INFORMATIONAL + 1):
            event = await self._next_event()
            if isinstance(event, h11.Response):
                return event
        raise Unanswered("no end to its informational answers (1xx)")

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        with _errors_of_protocol():
            while (event := self._http.next_event()) is h11.NEED_DATA:
                data = await self._reader.read(READ_BYTES)
                if not data and self._http.their_state is h11.SEND_RESPONSE:
                    raise Unanswered("the connection closed without a response")
                self._http.receive_data(data)
        return event  # type: ignore[return-value]

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


@contextlib.contextmanager
def _errors_of_protocol() -> Iterator[None]:
    try:
        yield
    except h11.ProtocolError as error:
        raise Unanswered(f"{type(error).__name__}: {error}") from None
