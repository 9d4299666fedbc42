"""An endpoint before the upstream that replays what is recorded."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ltx_mock.asgi.messages import ClientGoneError, header
from ltx_mock.core.keys import bearer_key
from ltx_mock.engine.engine import Engine
from ltx_mock.upstream.messages import Content, asked_task_id, plain_body


class UnlessRecorded:
    """Forwards a request, unless the fake has a recording of it, or of its task.

    Args:
        engine: Has the recordings.
        replays: The endpoint of the fake.
        forwards: The endpoint before the upstream.
    """

    def __init__(self, engine: Engine, replays: ASGIApp, forwards: ASGIApp) -> None:
        self._engine, self._replays, self._forwards = engine, replays, forwards

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        try:
            content = await Content.read(receive)
        except ClientGoneError:
            return
        body = plain_body(scope["headers"], content.start) if content.whole else None
        is_recorded = body is not None and await self._is_recorded(scope, body)
        began = False

        async def again() -> Message:
            nonlocal began
            if began:
                return await receive()
            began = True
            return {"type": "http.request", "body": content.start, "more_body": not content.whole}

        await (self._replays if is_recorded else self._forwards)(scope, again, send)

    async def _is_recorded(self, scope: Scope, body: bytes) -> bool:
        tenant = await self._engine.tenants.of_key(bearer_key(header(scope, b"authorization") or "") or "")
        if tenant is None:
            return False
        if scope["method"] == "POST":
            return self._engine.recordings.has(tenant, body)
        task = tenant.task(asked_task_id(scope))
        return task is not None and task.recording != b""
