"""Count the sent bytes of a result, for journal entries of kind `download`."""

from __future__ import annotations

from starlette.types import Message, Scope, Send

from ltx_mock.asgi.connection import Connection
from ltx_mock.core.cause import Cause
from ltx_mock.core.journal_entry import DownloadEntry
from ltx_mock.core.records import Task
from ltx_mock.store.tenant import Tenant


class Counted:
    """A `send` that counts bytes.

    Attributes:
        status: The status of the response; None before it starts.
        size: Its `Content-Length`.
        sent: The number of sent bytes of the body.
        problem: The body of an error.
    """

    def __init__(self, send: Send, connection: Connection | None) -> None:
        self._send = send
        self._connection = connection
        self.status: int | None = None
        self.size = 0
        self.sent = 0
        self.problem = b""

    async def __call__(self, message: Message) -> None:
        """Count and forward a message."""
        if message["type"] == "http.response.start":
            lengths = [value for name, value in message["headers"] if name.lower() == b"content-length"]
            self.status, self.size = message["status"], int(lengths[0]) if lengths else 0
        await self._send(message)
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            # After a disconnect uvicorn accepts and drops what is sent.
            self.sent += len(body) if self._connection is None or self._connection.is_open else 0
            self.problem += body if (self.status or 0) >= 400 else b""


def note(tenant: Tenant, task: Task, scope: Scope, counted: Counted, cause: Cause | None) -> None:
    """Write a download into the journal. A unit of work."""
    tenant.record(
        lambda number: DownloadEntry(
            number=number,
            at=tenant.clock.now(),
            method=scope["method"],
            target=scope["path"],
            status=counted.status,
            task_id=task.id,
            sent=counted.sent,
            promised=counted.size,
            problem=counted.problem,
            request_headers=tuple(scope["headers"]),
            cause=cause,
        )
    )
