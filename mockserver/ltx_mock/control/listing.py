"""JSON lists. A long one is written and sent in pieces, so that it does not block other requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
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
    rows = iter(rows)
    begun, size = list[Text](), 0
    for row in rows:
        begun.append(row)
        size += row[0]
        if size > LARGE:
            return StreamedResponse(in_pieces(aside, _texts(name, chain(begun, rows), rest)), "application/json")
    return Response("".join(text() for _, text in _texts(name, begun, rest)), media_type="application/json")


async def in_pieces(aside: WorkerThread, texts: Iterable[Text]) -> AsyncIterator[str]:
    """Yield texts in pieces, in turns with other requests."""
    async for several in aside.each(texts):
        yield "".join(several)


def _texts(name: str, rows: Iterable[Text], rest: Mapping[str, object]) -> Iterator[Text]:
    yield 0, lambda: f"{{{write_json(name)}:["
    comma = ""
    for size, text in rows:
        yield size, lambda comma=comma, text=text: comma + text()  # type: ignore[misc]
        comma = ","
    yield 0, lambda: "]" + "".join(f",{write_json(key)}:{write_json(value)}" for key, value in rest.items()) + "}"
