"""An answer in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.types import Message

from ltx_mock.asgi.streamed_response import StreamedResponse


async def endless() -> AsyncIterator[str]:
    while True:
        yield "a piece"


def test_it_makes_no_more_pieces_once_the_client_has_hung_up() -> None:
    sent: list[Message] = []

    async def answer() -> None:
        gone = asyncio.Event()

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)
            await asyncio.sleep(0)
            if len(sent) == 5:
                gone.set()

        await StreamedResponse(endless(), "text/plain")({"type": "http"}, receive, send)

    asyncio.run(answer())
    start, *pieces = sent
    assert (b"content-type", b"text/plain; charset=utf-8") in start["headers"]
    assert 4 <= len(pieces) < 10
    assert all(each == {"type": "http.response.body", "body": b"a piece", "more_body": True} for each in pieces)
