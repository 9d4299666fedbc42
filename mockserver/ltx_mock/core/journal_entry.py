"""The four kinds of journal entries. Plain immutable values. Times are Unix milliseconds of the tenant's clock.

All have `number`, `at`, `kind`, `operation`, `status`, `task_id`, `findings`, `request` (the body), `request_headers`,
`cause`, `latency` and `size` (the approximate bytes from clients and receivers). Headers and bodies are unchanged, with
secrets; only `ltx_mock.control.to_json`, which hides these, may output them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, TypeAlias

from ltx_mock.core.cause import Cause
from ltx_mock.core.trace_context import TraceContext
from ltx_mock_contracts.api import State
from ltx_mock_contracts.validation.findings import Finding

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
Endpoint: TypeAlias = Literal["generateTask", "statusTask", "balance"]
ApiOperation: TypeAlias = Literal[Endpoint, "other"]
RequestOperation: TypeAlias = Literal[Endpoint, "callback", "other"]
"""The operation of an exchange: an endpoint, a callback of the fake, or `other`."""
Operation: TypeAlias = Literal[RequestOperation, "clock"]
Kind: TypeAlias = Literal["request", "callback", "clock", "download"]

IDEMPOTENCY_KEY = b"idempotency-key"
HEADER_BYTES = 140
FINDING_BYTES = 700
"""The overhead of each in bytes."""


def headers_size(headers: Headers) -> int:
    """Return the approximate size of headers in bytes."""
    size = 0
    for name, value in headers:
        size += HEADER_BYTES + len(name) + len(value)
    return size


def findings_size(findings: Sequence[Finding]) -> int:
    """Return the approximate size of findings in bytes; a pointer may be as long as a field's name."""
    return sum(FINDING_BYTES + len(each.pointer) for each in findings)


class _RequestFields(NamedTuple):
    number: int
    at: int
    operation: ApiOperation
    method: str
    target: str
    status: int | None
    request: bytes
    response: bytes
    request_headers: Headers = ()
    response_headers: Headers = ()
    task_id: str | None = None
    state: State | None = None
    findings: tuple[Finding, ...] = ()
    cause: Cause | None = None
    fault: str | None = None
    ended: int | None = None
    gaps: tuple[str, ...] = ()


class RequestEntry(_RequestFields):
    """A request and its response. `status` is None if `fault` broke the connection instead.

    `ended` is the time of the response, if a scenario delayed it. `response_headers` are the significant ones. `gaps`
    names the bodies of an exchange with an API that were not read: `request`, `answer`.
    """

    __slots__ = ()
    kind: ClassVar[Kind] = "request"

    @property
    def latency(self) -> int | None:
        """The delay of the response in virtual milliseconds. The fake's own work takes no virtual time."""
        return (self.ended or self.at) - self.at

    @property
    def size(self) -> int:
        """The approximate size in bytes of what the other side sent."""
        size = len(self.request) + len(self.response) + len(self.target) + headers_size(self.request_headers)
        return size + findings_size(self.findings) if self.findings else size


class _CallbackFields(NamedTuple):
    number: int
    at: int
    ended: int
    task_id: str
    target: str
    status: int | None
    request: bytes
    content_type: str
    cause: Cause
    request_headers: Headers = ()


class CallbackEntry(_CallbackFields):
    """An attempt to deliver a callback; `cause` has its number, and the reason for a missing response.

    `target` is the receiver's URL, `request` the sent body, `request_headers` the sent headers besides `content_type`,
    `ended` the time of the response or of the timeout. Its receiver is judged elsewhere, so it has no findings.
    """

    __slots__ = ()
    kind: ClassVar[Kind] = "callback"
    operation: ClassVar[Operation] = "callback"
    method: ClassVar[str] = "POST"
    findings: ClassVar[tuple[Finding, ...]] = ()

    @property
    def latency(self) -> int | None:
        """The time of the receiver in virtual milliseconds."""
        return self.ended - self.at

    @property
    def size(self) -> int:
        """About how many bytes it has."""
        return len(self.request) + len(self.target) + HEADER_BYTES + headers_size(self.request_headers)


class _DownloadFields(NamedTuple):
    number: int
    at: int
    method: str
    target: str
    status: int | None
    task_id: str
    sent: int
    promised: int
    problem: bytes = b""
    request_headers: Headers = ()
    cause: Cause | None = None


class DownloadEntry(_DownloadFields):
    """A download of a task's video: `sent` of `promised` bytes were sent; `problem` is the body of an error.

    It has no body, takes no virtual time, and any request for a file is a good one.
    """

    __slots__ = ()
    kind: ClassVar[Kind] = "download"
    operation: ClassVar[Operation] = "other"
    request: ClassVar[bytes] = b""
    findings: ClassVar[tuple[Finding, ...]] = ()
    latency: ClassVar[int | None] = 0

    @property
    def size(self) -> int:
        """The approximate size in bytes of what the other side sent."""
        return len(self.problem) + len(self.target) + headers_size(self.request_headers)


class _ClockFields(NamedTuple):
    number: int
    at: int
    until: int
    cause: Cause


class ClockEntry(_ClockFields):
    """A change of the tenant's clock: advanced from `at` to `until`, or another mode or speed.

    It concerns all tasks, has no request and no response.
    """

    __slots__ = ()
    kind: ClassVar[Kind] = "clock"
    operation: ClassVar[Operation] = "clock"
    status: ClassVar[int | None] = None
    task_id: ClassVar[str | None] = None
    request: ClassVar[bytes] = b""
    request_headers: ClassVar[Headers] = ()
    findings: ClassVar[tuple[Finding, ...]] = ()
    latency: ClassVar[int | None] = None
    size: ClassVar[int] = 0


ExchangeEntry: TypeAlias = RequestEntry | CallbackEntry | DownloadEntry
"""The entries with a request."""
Entry: TypeAlias = ExchangeEntry | ClockEntry


def numbered(entry: Entry, number: int) -> Entry:
    """Return an entry with another number, the first field of each kind, in a third of the time of `_replace`."""
    return type(entry)._make((number, *entry[1:]))


def idempotency_key_of(entry: Entry) -> str | None:
    """Return the `Idempotency-Key` of a request; None without one."""
    return next((value.decode("latin-1") for name, value in entry.request_headers if name == IDEMPOTENCY_KEY), None)


def trace_id_of(entry: Entry) -> str | None:
    """Return the id of the trace that a request belongs to; None without a valid `traceparent`."""
    trace = TraceContext.of(dict(reversed(entry.request_headers)))
    return trace.trace_id if trace else None
