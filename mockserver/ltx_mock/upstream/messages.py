"""The requests and responses that the proxy passes on, and what of them it keeps. No upstream is asked here."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from starlette.types import Receive, Scope

from ltx_mock.asgi.content_encoding import EncodingError, TooLargeError, decoded
from ltx_mock.asgi.messages import ClientGoneError
from ltx_mock.core.cause import Cause
from ltx_mock.core.journal_entry import Headers
from ltx_mock.engine.submissions import Submission
from ltx_mock_contracts.api import data_of
from ltx_mock_contracts.trace.exchange import decode_body

KEPT_BYTES = 1024 * 1024
"""How many bytes of a body are kept for the journal and judged; a longer body is passed on and left out there."""
OK, ERROR = 200, 400
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods that cost nothing, if no header overrides them."""
OVERRIDES = frozenset({b"x-http-method-override", b"x-http-method", b"x-method-override"})
"""Headers that make a request one of another method, for some servers."""
REPEAT_ELSEWHERE = frozenset({307, 308})


class Sent(NamedTuple):
    """A request to pass on.

    Attributes:
        scope: Its scope.
        body: Its body without the content coding; empty if it is too long to be kept, or has an unknown coding.
        began: When it came, in Unix milliseconds.
        submitted: The parsed body if the request may create a task, by whatever method.
        price: What that task costs.
        kept: Whether `body` is the body.
    """

    scope: Scope
    body: bytes
    began: int
    submitted: Submission | None
    price: int
    kept: bool

    @property
    def target(self) -> str:
        """Path and query."""
        query = self.scope["query_string"].decode("latin-1")
        return f"{self.scope['path']}?{query}" if query else str(self.scope["path"])


class Received(NamedTuple):
    """The response to it.

    Attributes:
        status: Its status; None if `fault` broke it.
        body: Its body without content coding; empty if it is too long to be kept, or has an unknown coding.
        headers: Its headers without those of one connection.
        cause: Where it comes from.
        fault: How it broke.
        problem: Why it broke.
        kept: Whether `body` is the body.
    """

    status: int | None
    body: bytes
    headers: Headers
    cause: Cause
    fault: str | None = None
    problem: str | None = None
    kept: bool = True

    @property
    def data(self) -> dict[str, Any]:
        """The `data` of the envelope; empty if there is none."""
        return data_of(decode_body(self.body))

    @property
    def task_id(self) -> str | None:
        """The `taskId` of a success."""
        task_id = self.data.get("taskId")
        return task_id if self.status == 200 and isinstance(task_id, str) and task_id else None

    @property
    def refuses(self) -> bool:
        """Whether it says that no task was created: by its status, or a 200 with the code of an error.

        What cannot be read says nothing.
        """
        if self.status is None or self.task_id is not None:
            return False
        envelope = decode_body(self.body) if self.status == OK else None
        code = envelope.get("code") if isinstance(envelope, dict) else None
        return self.status in REPEAT_ELSEWHERE or self.status >= ERROR or (isinstance(code, int) and code >= ERROR)

    @property
    def is_broken_json(self) -> bool:
        """Whether it is a 200 in which no client can find a task, since its body is no JSON."""
        if self.status != OK or not self.kept:
            return False
        try:
            json.loads(self.body)
        except ValueError:
            return True
        except RecursionError:  # some clients read it
            pass
        return False


class Content(NamedTuple):
    """The body of a request: its start, whether that is all, and where the rest comes from."""

    start: bytes
    whole: bool
    receive: Receive

    @classmethod
    async def read(cls, receive: Receive) -> Content:
        """Read up to `KEPT_BYTES`.

        Raises:
            ClientGoneError: The client disconnected first.
        """
        start, more = b"", True
        while more and len(start) <= KEPT_BYTES:
            chunk, more = await _chunk(receive)
            start += chunk
        return cls(start, not more, receive)

    def all(self) -> bytes | AsyncIterator[bytes]:
        """Return the body to send; the rest is read while it is sent."""
        return self.start if self.whole else self._stream()

    async def _stream(self) -> AsyncIterator[bytes]:
        yield self.start
        more = True
        while more:
            chunk, more = await _chunk(self.receive)
            yield chunk


async def _chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return message.get("body", b""), message.get("more_body", False)


def plain_body(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes | None:
    """Return a body without its content coding; None if it cannot be decoded, or is too long."""
    try:
        return decoded(headers, body, KEPT_BYTES) if body else b""
    except (EncodingError, TooLargeError):
        return None


def may_cost(scope: Scope) -> bool:
    """Tell whether a request may cost something: by its method, or by one that a header names."""
    return scope["method"] not in SAFE_METHODS or any(name in OVERRIDES for name, _ in scope["headers"])


def asked_task_id(scope: Scope) -> str:
    """Return the `taskId` of a query."""
    query: str = scope["query_string"].decode("latin-1")
    return parse_qs(query).get("taskId", [""])[0]
