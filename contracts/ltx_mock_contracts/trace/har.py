"""Recordings of browsers and proxies: HAR 1.2. What is no exchange of the API is left out."""

from __future__ import annotations

import base64
import binascii
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from ltx_mock_contracts.findings import show
from ltx_mock_contracts.json_io import read_json
from ltx_mock_contracts.parsing import MalformedBody, parse_body
from ltx_mock_contracts.reporting.redaction import HIDDEN, Redactor
from ltx_mock_contracts.trace.exchange import Exchange, Operation, Trace, TraceError, key_of, operation_of

__all__ = ["read_har", "read_har_log"]

_KEPT_HEADERS: Final = frozenset({"allow", "content-type", "location", "retry-after", "www-authenticate"})
_NEAR: Final = re.compile(r"/api/v1/(?!(?:generate|status)Task/)")
"""Paths that a typo leads to; other models have other contracts."""
_NO_ANSWER: Final = frozenset({0, -1, 304})


def read_har(text: str) -> Trace:
    """Read the exchanges of the API in a HAR file; all others are ignored.

    An exchange of the API is one whose path is that of an endpoint, on any host, one to another path under `/api/v1/`
    of such a host, or a POST that brings the envelope of a task somewhere: a callback. Preflights are ignored.

    Raises:
        TraceError: It is no HAR.
    """
    try:
        document = read_json(text)
    except ValueError as error:
        raise TraceError(f"it is no JSON: {error}") from None
    return read_har_log(document)


def read_har_log(document: Any) -> Trace:
    """Read the exchanges of a HAR file that is decoded already; see `read_har`."""
    log = document.get("log") if isinstance(document, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise TraceError("it is no HAR: there is no log.entries")
    reading = _Reading([_Entry(entry, number) for number, entry in enumerate(entries, 1)])
    found = [reading.exchange(entry) for entry in reading.entries]
    return Trace([exchange for exchange in found if exchange is not None], counted_in="entry")


class _Entry:
    """One entry, looked at with care: anything may be of any type."""

    def __init__(self, entry: Any, number: int) -> None:
        self.number = number
        self.given = self._object(entry, "it")
        self.request = self._object(self.given.get("request"), "request")
        self.url = self.text(self.request.get("url"), "request.url")
        self.method = self.text(self.request.get("method"), "request.method").upper()
        self.operation = operation_of(_path(self.url))

    def error(self, problem: str) -> TraceError:
        return TraceError(problem, line=self.number, counted_in="entry")

    def text(self, value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise self.error(f"{name} must be a string, but is {show(value)}")
        return value

    def _object(self, value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.error(f"{name} must be an object, but is {show(value)}")
        return value

    @property
    def response(self) -> dict[str, Any]:
        return self._object(self.given.get("response"), "response")

    @property
    def authorization(self) -> str:
        return _headers(self.request).get("authorization", "")

    def own(self, name: str) -> str | None:
        """Return what only a fake tells, in a field of its own."""
        value = self.given.get(name)
        return value if isinstance(value, str) else None

    @property
    def status(self) -> int | None:
        status = self.response.get("status")
        if isinstance(status, bool) or not isinstance(status, int) or status not in {*_NO_ANSWER, *range(100, 1000)}:
            raise self.error(f"response.status must be an HTTP status, but is {show(status)}")
        return None if status in _NO_ANSWER else status

    def times(self) -> tuple[int, int | None]:
        """Return when it was sent and when the answer had come, in Unix milliseconds."""
        started = self.text(self.given.get("startedDateTime"), "startedDateTime")
        try:
            moment = datetime.fromisoformat(started)
        except ValueError:
            raise self.error(f"startedDateTime must be an ISO 8601 time, but is {show(started)}") from None
        at = _milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        took = self.given.get("time")
        known = isinstance(took, (int, float)) and not isinstance(took, bool) and 0 <= took < 10**12
        return at, at + math.ceil(took) if known else None  # type: ignore[arg-type] # it is known to be a number

    def sent(self) -> str | None:
        """Return the body of the request as text; None when the recording lacks it."""
        posted = self.request.get("postData")
        if isinstance(posted, dict) and isinstance(posted.get("text"), str):
            return str(posted["text"])
        return None if self.method == "POST" and self.request.get("bodySize") != 0 else ""

    def came(self) -> str | None:
        """Return the body of the answer as text; None when the recording lacks it."""
        content = self.response.get("content")
        text = content.get("text") if isinstance(content, dict) else None
        if not isinstance(content, dict) or not isinstance(text, str):
            return "" if isinstance(content, dict) and content.get("size") == 0 else None
        if content.get("encoding") != "base64":
            return text
        try:
            return base64.b64decode("".join(text.split()), validate=True).decode(errors="replace")
        except (binascii.Error, ValueError):
            raise self.error("response.content.text is said to be base64, but is not") from None


@dataclass
class _Reading:
    """All entries, and what is known of them together: which hosts serve the API, which keys must not be shown."""

    entries: list[_Entry]
    _origins: set[str] = field(default_factory=set)
    _labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        taken: set[str] = set()
        for entry in self.entries:
            if entry.operation != "other":
                self._origins.add(_origin(entry.url))
            if (key := _key(entry.authorization)) and key not in self._labels:
                self._labels[key] = _label(key, taken)
                taken.add(self._labels[key])
        self._redactor = Redactor(self._labels)

    def exchange(self, entry: _Entry) -> Exchange | None:
        """Return the exchange, or None when it is none of the API."""
        if entry.method == "OPTIONS":
            return None
        posted = entry.sent()
        request = None if posted is None else self._body(posted)
        operation = self._operation(entry, request)
        if operation is None:
            return None
        came, (at, ended) = entry.came(), entry.times()
        missing = {name for name, body in (("request", posted), ("answer", came)) if body is None}
        return Exchange(
            at=at,
            operation=operation,
            method=entry.method,
            target=self._hidden(entry.url),
            status=entry.status,
            request=request,
            answer=None if came is None else self._body(came),
            key=self._labels.get(_key(entry.authorization)) or key_of(entry.own("_tenant"), entry.own("_key")),
            ended=ended,
            cause=entry.own("_cause"),
            headers={name: text for name, text in _headers(entry.response).items() if name in _KEPT_HEADERS},
            clock="server" if entry.own("_clock") == "server" else "observer",
            gaps=frozenset(missing),
            number=entry.number,
        )

    def _operation(self, entry: _Entry, request: Any) -> Operation | None:
        if entry.operation != "other":
            return entry.operation
        if entry.method == "POST" and isinstance(request, dict) and {"code", "message", "data"} <= request.keys():
            data = request["data"]
            return "callback" if isinstance(data, dict) and "taskId" in data else None
        known = _origin(entry.url) in self._origins
        return "other" if known and _NEAR.match(_path(entry.url)) else None

    def _body(self, text: str) -> Any:
        text = self._hidden(text)
        try:
            return parse_body(text.encode(errors="surrogatepass")) if text else None
        except MalformedBody:
            return text

    def _hidden(self, text: str) -> str:
        """Take keys out of a text."""
        return self._redactor.text(text)


def _headers(message: dict[str, Any]) -> dict[str, str]:
    given = message.get("headers")
    pairs = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    named = ((each.get("name"), each.get("value")) for each in pairs)
    return {name.lower(): value for name, value in named if isinstance(name, str) and isinstance(value, str)}


def _key(authorization: str) -> str:
    scheme, _, key = authorization.strip().partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() != HIDDEN else ""


def _label(key: str, taken: set[str]) -> str:
    """Return what may be shown of a key: its last four characters, or less of a short one, told apart from others."""
    shown = "…" + key[len(key) - min(4, len(key) // 2) :]
    return shown if shown not in taken else f"{shown} ({len(taken) + 1})"


def _milliseconds(moment: datetime) -> int:
    return round((moment - datetime.fromtimestamp(0, UTC)).total_seconds() * 1000)


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
