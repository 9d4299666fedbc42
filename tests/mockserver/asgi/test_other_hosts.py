"""The application under another ASGI server than ours."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.types import Message

from ltx_mock.core.settings import Settings
from ltx_mock.server.app import build, new_engine


def test_headers_may_be_lists_as_asgi_allows() -> None:
    async def bodies() -> list[dict[str, Any]]:
        engine = new_engine(Settings())
        await engine.open()
        app, sent = build(engine), list[bytes]()

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message.get("body", b""))

        for path in ("/api/v1/apikeys/current-balance", "/__admin/requests"):
            scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "scheme": "http"}
            headers = [[b"host", b"127.0.0.1"], [b"authorization", b"Bearer a-key"]]
            await app({**scope, "headers": headers, "raw_path": path.encode(), "root_path": ""}, receive, send)
            sent.append(b"\n")
        await engine.close()
        return [json.loads(line) for line in b"".join(sent).splitlines()]

    balance, journal = asyncio.run(bodies())
    assert balance["code"] == 200
    assert journal["requests"][0]["requestHeaders"] == {"host": "127.0.0.1", "authorization": "Bearer …"}
