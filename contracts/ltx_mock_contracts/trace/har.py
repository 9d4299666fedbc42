"""Read recordings of browsers and proxies: HAR 1.2. Exchanges with other servers are left out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ltx_mock_contracts.api import BASE_PATH
from ltx_mock_contracts.io.json_text import read_json
from ltx_mock_contracts.reporting.redaction import HIDDEN, Redactor, secrets_of_headers
from ltx_mock_contracts.trace.exchange import (
    SIGNIFICANT_HEADERS,
    Exchange,
    Operation,
    Trace,
    TraceError,
    cause_of,
    key_of,
)
from ltx_mock_contracts.trace.har_entry import HarEntry
from ltx_mock_contracts.validation.json_body import MalformedBody, parse_body

__all__ = ["read_har", "read_har_log"]

_SIMILAR_PATH: Final = re.compile(rf"{BASE_PATH}/(?!(?:generate|status)Task/)")
"""Paths with a typo; paths of other models have other contracts."""
_TASK_ID: Final = "taskId"
"""A string in the body of every callback."""


def read_har(text: str) -> Trace:
    """Read the exchanges of the API in a HAR file; all others are ignored.

    An exchange belongs to the API if its path is an endpoint (on any host), if it goes to another path under `/api/v1/`
    of such a host, or if it is a callback: a POST with the envelope of a task. Preflights are ignored. Unreadable
    entries are skipped; the trace says how many and why.

    Raises:
        TraceError: The file is not a HAR.
    """
    try:
        document = read_json(text)
    except ValueError as error:
        raise TraceError(f"it is not JSON: {error}") from None
    return read_har_log(document)


def read_har_log(document: Any) -> Trace:
    """Read the exchanges of a decoded HAR file; see `read_har`."""
    log = document.get("log") if isinstance(document, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise TraceError("it is not a HAR: log.entries is missing")
    skipped: list[TraceError] = []
    recording = _Recording(_readable(entries, skipped))
    exchanges: list[Exchange] = []
    for entry in recording.entries:
        try:
            exchange = recording.exchange(entry)
        except TraceError as error:
            skipped.append(error)
        else:
            exchanges += [] if exchange is None else [exchange]
    skipped.sort(key=lambda error: error.line or 0)
    return Trace(exchanges, counted_in="entry", skipped=[recording.redacted(str(error)) for error in skipped])


def _readable(entries: Iterable[Any], skipped: list[TraceError]) -> list[HarEntry]:
    readable = []
    for number, entry in enumerate(entries, 1):
        try:
            readable.append(HarEntry(entry, number))
        except TraceError as error:
            skipped.append(error)
    return readable


@dataclass
class _Recording:
    """All entries, with the hosts that serve the API and the keys to hide."""

    entries: list[HarEntry]
    _origins: set[str] = field(default_factory=set)
    _labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        used: set[str] = set()
        for entry in self.entries:
            if entry.operation != "other":
                self._origins.add(entry.origin)
            if (key := _key_of(entry)) and key not in self._labels:
                self._labels[key] = _label(key, used)
                used.add(self._labels[key])
            for secret in secrets_of_headers(entry.request_headers.items()):
                if not (key and key in secret):
                    self._labels.setdefault(secret, HIDDEN)
        self._redactor = Redactor(self._labels)

    def exchange(self, entry: HarEntry) -> Exchange | None:
        """Return the exchange; None if it does not belong to the API.

        Raises:
            TraceError: It belongs to the API, but cannot be read.
        """
        if entry.method == "OPTIONS":
            return None
        operation = self._operation(entry)
        if operation is None:
            return None
        status, (at, ended) = entry.status, entry.times()
        request, response = entry.request_body(), entry.response_body()
        missing = {name for name, body in (("request", request), ("answer", response)) if body is None}
        gaps = frozenset(missing) | frozenset((entry.custom_field("_gaps") or "").split())
        kind = entry.custom_field("_causeKind")
        return Exchange(
            at=at,
            operation=operation,
            method=entry.method,
            target=self.redacted(entry.url),
            status=status,
            request=None if request is None else self._body(request),
            answer=None if response is None else self._body(response),
            key=self._labels.get(_key_of(entry)) or key_of(entry.custom_field("_tenant"), entry.custom_field("_key")),
            ended=ended,
            cause=cause_of(entry.custom_field("_cause"), kind, gaps),
            cause_kind=kind,
            headers={name: text for name, text in entry.response_headers.items() if name in SIGNIFICANT_HEADERS},
            content_headers=entry.content_headers,
            clock="server" if entry.custom_field("_clock") == "server" else "observer",
            gaps=gaps,
            number=entry.number,
        )

    def redacted(self, text: str) -> str:
        """Replace keys in a text by labels."""
        return self._redactor.text(text)

    def _operation(self, entry: HarEntry) -> Operation | None:
        if entry.operation != "other":
            return entry.operation
        if entry.method == "POST" and (request := entry.request_body()) and _TASK_ID in request:
            body = self._body(request)
            if isinstance(body, dict) and {"code", "message", "data"} <= body.keys():
                data = body["data"]
                return "callback" if isinstance(data, dict) and _TASK_ID in data else None
        return "other" if entry.origin in self._origins and _SIMILAR_PATH.match(entry.path) else None

    def _body(self, text: str) -> Any:
        text = self.redacted(text)
        try:
            return parse_body(text.encode(errors="surrogatepass")) if text else None
        except MalformedBody:
            return text


def _key_of(entry: HarEntry) -> str:
    scheme, _, key = entry.request_headers.get("authorization", "").strip().partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() != HIDDEN else ""


def _label(key: str, used: set[str]) -> str:
    """Return a unique label of a key: its last four characters, or fewer of a short key."""
    label = "…" + key[len(key) - min(4, len(key) // 2) :]
    return label if label not in used else f"{label} ({len(used) + 1})"
