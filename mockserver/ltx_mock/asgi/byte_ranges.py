"""Serve bytes with ranges, conditional requests and HEAD, as video players need them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from hashlib import blake2b
from typing import Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Receive, Scope, Send

__all__ = ["CHUNK_BYTES", "BytesResponse", "Content", "parse_range"]

CHUNK_BYTES = 64 * 1024
"""The size of a chunk of a body; between chunks the server's flow control applies."""

# No file is that long, and `int` raises on texts of some thousand digits.
_RANGE = re.compile(r"bytes=([0-9]{0,40})-([0-9]{0,40})", re.IGNORECASE)
_ETAG = re.compile(r'"[^"]*"')


class Content(Protocol):
    """What can be sent: bytes, or what reads or makes them when it is sliced. A `close` is called at the end."""

    def __len__(self) -> int:
        """Return the size in bytes."""

    def __getitem__(self, part: slice, /) -> bytes:
        """Return some of the bytes."""


class BytesResponse:
    """Answers GET and HEAD with bytes (TASK-10); used as `await response(scope, receive, send)`.

    It supports a single `Range` (first-last, first- and -suffix), `If-Range` and `If-None-Match`. Multiple ranges and a
    malformed `Range` are ignored, as RFC 9110 allows.

    Args:
        content: The content, or a function that returns it, which is only called if it is needed.
        media_type: The `Content-Type`.
        etag: A token for this version of the content, without quotes; by default a hash of the content.
        headers: Further headers, such as `Last-Modified` and `Content-Disposition`.
    """

    def __init__(
        self,
        content: Content | Callable[[], Content],
        *,
        media_type: str,
        etag: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._content = content
        self._etag = f'"{etag or blake2b(self._whole()[:], digest_size=16).hexdigest()}"'
        self._headers = MutableHeaders({"accept-ranges": "bytes", "content-type": media_type, "etag": self._etag})
        self._headers.update(headers or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        """Respond to one request."""
        request = Headers(scope=scope)
        if _names(request.get("if-none-match"), self._etag):
            await self._send(send, 304)
            return
        content = self._whole()
        with ExitStack() as at_end:
            if hasattr(content, "close"):
                at_end.callback(content.close)
            await self._answer(request, scope["method"], content, send)

    async def _answer(self, request: Headers, method: str, content: Content, send: Send) -> None:
        # Ranges are defined for GET only (RFC 9110, 14.2).
        part = self._asked_for(request, len(content)) if method == "GET" else None
        if part is None:
            sent = range(0 if method == "HEAD" else len(content))
            await self._send(send, 200, content, sent, {"content-length": str(len(content))})
        elif part:
            span = f"bytes {part.start}-{part.stop - 1}/{len(content)}"
            await self._send(send, 206, content, part, {"content-length": str(len(part)), "content-range": span})
        else:
            headers = {"content-length": "0", "content-range": f"bytes */{len(content)}"}
            await self._send(send, 416, headers=headers)

    def _whole(self) -> Content:
        return self._content() if callable(self._content) else self._content

    def _asked_for(self, request: Headers, size: int) -> range | None:
        condition = request.get("if-range")
        if condition is not None and condition not in {self._etag, self._headers.get("last-modified")}:
            return None
        return parse_range(request.get("range", ""), size)

    async def _send(
        self,
        send: Send,
        status: int,
        content: Content = b"",
        part: range = range(0),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        raw = self._headers.raw + MutableHeaders(headers or {}).raw
        await send({"type": "http.response.start", "status": status, "headers": raw})
        for start in range(part.start, part.stop, CHUNK_BYTES):
            piece = content[start : min(part.stop, start + CHUNK_BYTES)]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def parse_range(header: str, size: int) -> range | None:
    """Return the positions that a `Range` header asks for.

    Args:
        header: The header of the client, possibly invalid.
        size: The length of the content in bytes.

    Returns:
        The positions; an empty range if the response must be 416; None if the header must be ignored.
    """
    match = _RANGE.fullmatch(header)
    if match is None or not size:
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size) if last else None
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1) if last else size)


def _names(header: str | None, etag: str) -> bool:
    """Tell whether an `If-None-Match` header contains this ETag, weak or strong (RFC 9110, 13.1.2)."""
    return header is not None and (header.strip() == "*" or etag in _ETAG.findall(header))
