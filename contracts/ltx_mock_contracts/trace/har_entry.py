"""One entry of a HAR, read defensively: anything in it may be missing or have another type."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from ltx_mock_contracts.trace.exchange import CONTENT_HEADERS, TraceError, operation_of
from ltx_mock_contracts.trace.har_bodies import RecordedBody
from ltx_mock_contracts.validation.findings import show

__all__ = ["HarEntry"]

_NO_RESPONSE: Final = frozenset({None, 0, -1, *range(300, 400)})
"""Statuses without a response of the server: aborted and blocked requests, redirects, and `304`."""

_STATUSES: Final = _NO_RESPONSE | frozenset(range(100, 1000))
_OTHER_SOURCES: Final = frozenset({"Memory Cache", "Disk Cache", "Service Worker"})
_MAX_DURATION_MS: Final = 10**12


class HarEntry:
    """The parts of an entry that make an exchange.

    Attributes:
        number: Its position in the file.
        url: The URL of the request.
        method: Its method in capital letters.
        operation: The operation, by path.
        request_headers: The headers of the request by lower-case name.

    Raises:
        TraceError: The entry has no request with method and URL.
    """

    def __init__(self, entry: Any, number: int) -> None:
        self.number = number
        self._entry = self._object(entry, "it")
        self._request = self._object(self._entry.get("request"), "request")
        self.url = self._text(self._request.get("url"), "request.url")
        self.method = self._text(self._request.get("method"), "request.method").upper()
        self.operation = operation_of(self.path)
        self.request_headers = _headers(self._request)

    @property
    def path(self) -> str:
        """The path of the URL, without query and fragment; empty for an invalid URL."""
        try:
            return urlsplit(self.url).path
        except ValueError:
            return ""

    @property
    def origin(self) -> str:
        """Scheme, host and port of the URL."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return ""
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def content_headers(self) -> dict[str, str] | None:
        """How to read the body of the request; None if the recorder leaves out the headers of requests."""
        headers, posted = self.request_headers, self._request.get("postData")
        kind = posted.get("mimeType") if isinstance(posted, dict) else None
        if isinstance(kind, str) and kind:
            headers = {"content-type": kind} | headers
        return {name: headers[name] for name in CONTENT_HEADERS if name in headers} if headers else None

    @cached_property
    def response_headers(self) -> dict[str, str]:
        """The headers of the response by lower-case name."""
        return _headers(self._response)

    @property
    def status(self) -> int | None:
        """The status of the server's response; None without one, or if a cache or service worker responded.

        Raises:
            TraceError: There is no response, or its status is invalid.
        """
        response = self._response
        status = response.get("status")
        is_status = status is None or (isinstance(status, int) and not isinstance(status, bool))
        if not is_status or status not in _STATUSES:
            raise self._error(f"response.status must be an HTTP status, but is {show(status)}")
        from_cache = self._entry.get("_fromCache") or response.get("_fetchedViaServiceWorker")
        sources = (self._entry.get("_fetchType"), response.get("_fetchType"))
        from_cache = from_cache or any(isinstance(each, str) and each in _OTHER_SOURCES for each in sources)
        return None if from_cache or status in _NO_RESPONSE else status

    def times(self) -> tuple[int, int | None]:
        """Return when the request was sent and when the response was complete (None if unknown), in Unix milliseconds.

        Raises:
            TraceError: The time of the request is missing.
        """
        started = self._text(self._entry.get("startedDateTime"), "startedDateTime")
        try:
            time = datetime.fromisoformat(started.strip())
            at = _milliseconds(time if time.tzinfo else time.replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            raise self._error(f"startedDateTime must be an ISO 8601 time, but is {show(started)}") from None
        duration = self._entry.get("time")
        is_known = (
            isinstance(duration, (int, float)) and not isinstance(duration, bool) and 0 <= duration < _MAX_DURATION_MS
        )
        return at, at + math.ceil(duration) if is_known else None  # type: ignore[arg-type] # it is a number

    def request_body(self) -> str | None:
        """Return the body of the request as text; None if it was not recorded."""
        if self.method in {"GET", "HEAD", "OPTIONS"}:
            return ""
        post_data, headers = self._request.get("postData"), self.request_headers
        if isinstance(post_data, str):
            post_data = {"text": post_data}
        status = self._entry["response"].get("status") if isinstance(self._entry.get("response"), dict) else None
        return RecordedBody(
            part=post_data if isinstance(post_data, dict) else {},
            size=self._request.get("bodySize"),
            length=headers.get("content-length"),
            chunked="transfer-encoding" in headers,
            encoded=headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"},
            maybe_lost=status in range(200, 300),
        ).text

    def response_body(self) -> str | None:
        """Return the body of the response as text; None if it was not recorded."""
        response, headers = self._response, self.response_headers
        content = response.get("content")
        part = content if isinstance(content, dict) else {}
        return RecordedBody(
            part=part,
            size=part.get("size"),
            length=headers.get("content-length"),
            chunked="transfer-encoding" in headers,
            interrupted=bool(response.get("_error") or response.get("_failureText") or self._entry.get("_error")),
            maybe_lost=response.get("bodySize") != 0,
        ).text

    def custom_field(self, name: str) -> str | None:
        """Return a custom field that only a fake writes."""
        value = self._entry.get(name)
        return value if isinstance(value, str) else None

    @property
    def _response(self) -> dict[str, Any]:
        return self._object(self._entry.get("response"), "response")

    def _error(self, problem: str) -> TraceError:
        return TraceError(problem, line=self.number, counted_in="entry")

    def _text(self, value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise self._error(f"{name} must be a string, but is {show(value)}")
        return value

    def _object(self, value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._error(f"{name} must be an object, but is {show(value)}")
        return value


def _headers(message: dict[str, Any]) -> dict[str, str]:
    given = message.get("headers")
    pairs = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    named = ((each.get("name"), each.get("value")) for each in pairs)
    return {name.lower(): value for name, value in named if isinstance(name, str) and isinstance(value, str)}


def _milliseconds(time: datetime) -> int:
    return round((time - datetime.fromtimestamp(0, UTC)).total_seconds() * 1000)
