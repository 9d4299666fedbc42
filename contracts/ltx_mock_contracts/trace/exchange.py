"""A trace: recorded requests and responses, as plain data."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, overload
from urllib.parse import parse_qs

from ltx_mock_contracts.api import BALANCE_PATH, REPLAYED, data_of
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.validation import MalformedBody, parse_body, validate_request

if TYPE_CHECKING:
    from ltx_mock_contracts.validation.findings import Finding

__all__ = [
    "CONTENT_HEADERS",
    "SIGNIFICANT_HEADERS",
    "Exchange",
    "Operation",
    "Trace",
    "TraceError",
    "cause_of",
    "decode_body",
    "key_of",
    "operation_of",
]

Operation = Literal["generateTask", "statusTask", "balance", "callback", "other"]
"""The operation of an exchange. A callback goes from the server to a client; `other` is not an endpoint."""

_UNAUTHENTICATED: Final = "nobody"
"""The tenant under which the fake records requests without a valid key."""

_OF_A_PROXY: Final = frozenset({407, 511})
"""Statuses of a proxy or a network before the server (RFC 9110, RFC 6585)."""

_REDIRECTS: Final = range(300, 400)
"""Statuses that lead elsewhere, or to a cache; no document mentions them."""

CONTENT_HEADERS: Final = ("content-type", "content-encoding")
"""The request headers that say how to read a body."""

SIGNIFICANT_HEADERS: Final = frozenset(
    {"allow", "content-type", REPLAYED, "location", "retry-after", "www-authenticate"}
)
"""The response headers that judgements need."""

_QUERY: Final = re.compile(r"\?[^\s\"\\]*")
_ENDPOINT: Final = re.compile(rf"/(generateTask|statusTask)/{re.escape(MODEL.id)}/?(?:[?#]|$)")
_BALANCE: Final = re.compile(rf"{BALANCE_PATH}/?(?:[?#]|$)")


class TraceError(ValueError):
    """A recording cannot be read; the text says where and why.

    Attributes:
        line: The number of the wrong line or entry; None if the whole file is wrong.
    """

    def __init__(self, problem: str, *, line: int | None = None, counted_in: str = "line") -> None:
        super().__init__(problem if line is None else f"{counted_in} {line}: {problem}")
        self.line = line


class _Memo:
    """The place of what is found out once about an exchange, which is no part of it."""

    __slots__ = ("_findings",)
    _findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange(_Memo):
    """One request and its response.

    Attributes:
        at: When it was sent, in Unix milliseconds.
        operation: The operation, by path.
        method: The HTTP method.
        target: The URL, or only path and query.
        status: The HTTP status of the response; None without a response.
        request: The decoded body of the request; text if it is not JSON, None without a body.
        answer: The decoded body of the response, likewise.
        key: The last characters of the API key; None if unknown.
        ended: When the response was complete, in Unix milliseconds; None if unknown.
        headers: The headers of the response by lower-case name; None if they were not recorded.
        content_headers: Those of `CONTENT_HEADERS` in the request; None if its headers were not recorded.
        cause: Why the fake responded in this way, if not because of the request alone.
        cause_kind: The kind of the cause; `manual` for a callback redelivered by hand.
        clock: The clock of the times: the `server`'s own, or that of an `observer`, with any offset.
        gaps: What is missing from the recording: `request`, `answer`, or `time` for callbacks read together.
        number: Its line or entry in the recording.
    """

    at: int
    operation: Operation
    method: str
    target: str
    status: int | None
    request: Any = None
    answer: Any = None
    key: str | None = None
    ended: int | None = None
    headers: Mapping[str, str] | None = None
    content_headers: Mapping[str, str] | None = field(default=None, compare=False)
    cause: str | None = None
    cause_kind: str | None = None
    clock: Literal["server", "observer"] = "server"
    gaps: frozenset[str] = frozenset()
    number: int = field(default=0, compare=False)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the request as one of generateTask. They are looked for once, so do not change it."""
        try:
            return self._findings
        except AttributeError:
            object.__setattr__(self, "_findings", tuple(validate_request(self.request)))
            return self._findings

    @property
    def completed(self) -> int:
        """When the response was complete, or else when the request was sent."""
        return self.at if self.ended is None else self.ended

    @property
    def requested_task_id(self) -> str:
        """The `taskId` in the query; empty if there is none."""
        return parse_qs(self.target.partition("?")[2].partition("#")[0]).get("taskId", [""])[0]

    @property
    def task_id(self) -> str:
        """The id of its task, from the query or else from the envelope; empty if there is none."""
        if self.operation == "statusTask":
            return self.requested_task_id
        task_id = self.data.get("taskId")
        return task_id if isinstance(task_id, str) else ""

    @property
    def has_response(self) -> bool:
        """Whether there is a response of the server that can be judged."""
        by_the_server = self.status is not None and self.status not in _OF_A_PROXY and not self.is_redirect
        return by_the_server and "answer" not in self.gaps and not (self.method == "HEAD" and not self.answer)

    @property
    def is_redirect(self) -> bool:
        """Whether the response leads elsewhere, or to a cache."""
        return self.status in _REDIRECTS

    @property
    def data(self) -> dict[str, Any]:
        """The `data` of the envelope (of the request for a callback); empty if it is not an object.

        Fields with null or "" are left out, and 0 for a time of a task that has not succeeded: a server may write these
        for an absent field.
        """
        data = data_of(self.request if self.operation == "callback" else self.answer)
        absent = (None, "") if data.get("state") == "success" else (None, "", 0)
        return {name: value for name, value in data.items() if value not in absent or value is False}

    @property
    def unsigned_data(self) -> dict[str, Any]:
        """The `data` without the queries of URLs in the result, where a server may put signatures with a time."""
        data, text = self.data, self.data.get("resultJson")
        return data | {"resultJson": _QUERY.sub("", text)} if isinstance(text, str) else data


class Trace(Sequence[Exchange]):
    """The exchanges of a recording in its order.

    Attributes:
        counted_in: The unit of their numbers: `line` or `entry`.
        skipped: One sentence for each unreadable line or entry, in order.
    """

    def __init__(self, exchanges: Sequence[Exchange], *, counted_in: str = "line", skipped: Sequence[str] = ()) -> None:
        self._exchanges = tuple(exchanges)
        self.counted_in = counted_in
        self.skipped = tuple(skipped)

    def __len__(self) -> int:
        return len(self._exchanges)

    @overload
    def __getitem__(self, index: int) -> Exchange: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Exchange, ...]: ...
    def __getitem__(self, index: int | slice) -> Exchange | tuple[Exchange, ...]:
        return self._exchanges[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trace) and self._exchanges == other._exchanges

    __hash__ = None  # type: ignore[assignment] # bodies are dictionaries

    def __repr__(self) -> str:
        return f"<Trace of {len(self)} exchanges>"


def decode_body(raw: bytes) -> Any:
    """Parse a body as JSON; return text if it is not strict JSON, None for an empty body."""
    if not raw:
        return None
    try:
        return parse_body(raw)
    except MalformedBody:
        return raw.decode(errors="replace")


def cause_of(text: str | None, kind: str | None, gaps: Collection[str]) -> str | None:
    """Return the cause of a response; None if it is that of the API behind a proxy, which did what it did by itself."""
    return None if kind == "upstream" and "answer" not in gaps else text


def key_of(tenant: str | None, key: str | None) -> str | None:
    """Return a label that identifies a key in a recording of the fake: the tenant's id, if it has one."""
    return key if tenant in {None, _UNAUTHENTICATED} else tenant


def operation_of(target: str) -> Operation:
    """Return the operation of a URL or path; `other` for no endpoint of this model."""
    match = _ENDPOINT.search(target)
    if match is None:
        return "balance" if _BALANCE.search(target) else "other"
    return match[1]  # type: ignore[return-value] # the pattern has only those
