"""What is read from the headers of a request."""

from __future__ import annotations

import asyncio

import pytest

from ltx_mock.asgi.in_process import call
from ltx_mock.core.settings import Settings
from ltx_mock.server.app import build, new_engine
from support.memory import little_is_kept

LONG = 60_000


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/api/v1/generateTask/ltx-2-19b", b"authorization", b"Bearer %08d" + b"x" * LONG),
        ("/", b"host", b"%08d" + b"x" * LONG),
    ],
    ids=["key", "host"],
)
def test_of_a_flood_of_long_headers_little_is_kept(path: str, name: bytes, value: bytes) -> None:
    app = build(new_engine(Settings(journal_entries=10)))

    async def flood() -> None:
        for number in range(250):
            headers = {b"host": b"127.0.0.1"} | {name: value % number}
            await call(app, "GET", path, headers=[*headers.items()])

    with little_is_kept():
        asyncio.run(flood())
