"""JSON lists. A long one is serialized and sent item by item, so that it does not block other requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

from starlette.responses import Response

from ltx_mock.asgi.json_response import JSONResponse
from ltx_mock.asgi.streamed_response import StreamedResponse
from ltx_mock.asgi.worker_thread import WorkerThread
from ltx_mock_contracts.io.json_text import write_json
from ltx_mock_contracts.validation.json_body import LARGE

VIEW_SIZE = 500
"""The approximate JSON size of a task, callback, scenario or tenant in bytes, besides the client's data."""
PIECE = 64 * 1024
"""The number of characters per chunk, or one item if that is longer."""


def listing(aside: WorkerThread, name: str, items: Iterable[object], size: int, **rest: object) -> Response:
    """Return a response with a list of this name and further fields; `size` is its approximate size in bytes."""
    if size <= LARGE:
        return JSONResponse({name: list(items), **rest})
    return StreamedResponse(in_pieces(aside, _written(name, items, rest), size), "application/json")


async def in_pieces(aside: WorkerThread, texts: Iterator[str], size: int) -> AsyncIterator[str]:
    """Yield texts made from about so many bytes, in chunks."""
    while piece := await aside.run(_next_piece, texts, size):
        yield piece


def _written(name: str, items: Iterable[object], rest: Mapping[str, object]) -> Iterator[str]:
    yield f"{{{write_json(name)}:["
    for index, item in enumerate(items):
        yield ("," if index else "") + write_json(item)
    yield "]" + "".join(f",{write_json(key)}:{write_json(value)}" for key, value in rest.items()) + "}"


def _next_piece(texts: Iterator[str]) -> str:
    taken, size = [], 0
    for text in texts:
        taken.append(text)
        size += len(text)
        if size >= PIECE:
            break
    return "".join(taken)
