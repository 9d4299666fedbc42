"""JSON lists. A long one is written and sent in pieces, so that it does not block other requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TypeAlias

from starlette.responses import Response

from ltx_mock.asgi.streamed_response import StreamedResponse
from ltx_mock.asgi.worker_thread import Part, WorkerThread
from ltx_mock_contracts.io.json_text import write_json
from ltx_mock_contracts.validation.json_body import LARGE

VIEW_SIZE = 500
"""The approximate JSON size of a task, callback, scenario or tenant in bytes, besides the client's data."""

Text: TypeAlias = Part[str]
"""A part of a body: its approximate size in bytes, and a function that returns it."""


def listing(aside: WorkerThread, name: str, rows: Iterable[Text], **rest: object) -> Response:
    """Return a response with a list of this name and further fields; each row is JSON."""
    head = f"{{{write_json(name)}:["
    tail = "]" + "".join(f",{write_json(key)}:{write_json(value)}" for key, value in rest.items()) + "}"
    rows = iter(rows)
    begun, size = list[Text](), 0
    for row in rows:
        begun.append(row)
        size += row[0]
        if size > LARGE:
            pieces = _between(head, in_pieces(aside, chain(begun, rows), ","), tail)
            return StreamedResponse(pieces, "application/json")
    return Response(head + ",".join([text() for _, text in begun]) + tail, media_type="application/json")


async def in_pieces(aside: WorkerThread, texts: Iterable[Text], separator: str = "") -> AsyncIterator[str]:
    """Yield texts in pieces, in turns with other requests."""
    before = ""
    async for several in aside.each(texts):
        yield before + separator.join(several)
        before = separator


def field(name: str, rows: Iterable[Text]) -> Iterator[Text]:
    """Yield the field of an object that has a list; each row is JSON."""
    yield 0, lambda: f"{write_json(name)}:["
    yield from with_commas(rows)
    yield 0, lambda: "]"


def with_commas(rows: Iterable[Text]) -> Iterator[Text]:
    """Yield texts, with a comma before each but the first."""
    before = ""
    for size, text in rows:
        yield size, partial(_after, before, text)
        before = ","


def _after(before: str, text: Callable[[], str]) -> str:
    return before + text()


async def _between(head: str, pieces: AsyncIterator[str], tail: str) -> AsyncIterator[str]:
    async for piece in pieces:
        yield head + piece
        head = ""
    yield tail
