"""The four kinds of journal entries. Plain immutable values. Times are Unix milliseconds of the tenant's clock.

All have `number`, `at`, `kind`, `operation`, `status`, `task_id`, `findings`, `request` (the body), `cause`, `latency`
and `size`: the bytes that clients and receivers brought. Headers and bodies are as they came, secrets included: they
leave only through `ltx_mock.control.to_json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Literal, NamedTuple, TypeAlias

from ltx_mock.core.cause import Cause
from ltx_mock_contracts.api import State
from ltx_mock_contracts.validation.findings import Finding

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
ApiOperation: TypeAlias = Literal["generateTask", "statusTask", "balance", "other"]
RequestOperation: TypeAlias = Literal["generateTask", "statusTask", "balance", "callback", "other"]
"""What an exchange can be: one of the endpoints, a callback that the fake made, or anything else."""
Operation: TypeAlias = Literal[RequestOperation, "clock"]
Kind: TypeAlias = Literal["request", "callback", "clock", "download"]

HEADER_BYTES = 140
FINDING_BYTES = 700
"""What each of these takes beside its text."""


def headers_size(headers: Headers) -> int:
    """Return about how many bytes headers take."""
    return HEADER_BYTES * len(headers) + sum(map(len, chain.from_iterable(headers)))


def findings_size(findings: Sequence[Finding]) -> int:
    """Return about how many bytes findings take; where they point may be as long as a field's name."""
    return sum(FINDING_BYTES + len(each.pointer) for each in findings)


class RequestEntry(NamedTuple):
    """A request and its response. `status` is None where the connection was broken in its stead, by `fault`.

    `ended` is when it was answered, where a scenario made that later than `at`. `response_headers` are those that have
    something to say.
    """

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

    @property
    def kind(self) -> Kind:
        """What it is an entry of."""
        return "request"

    @property
    def latency(self) -> int | None:
        """How late the response was, in virtual milliseconds. The fake's own work takes no virtual time."""
        return (self.ended or self.at) - self.at

    @property
    def size(self) -> int:
        """About how many bytes others brought."""
        size = len(self.request) + len(self.response) + len(self.target) + headers_size(self.request_headers)
        return size + findings_size(self.findings) if self.findings else size


class CallbackEntry(NamedTuple):
    """An attempt to deliver a callback; `cause` says which, and why it was not answered where `status` is None.

    `target` is the receiver's URL, `request` what was sent, `ended` when the receiver had answered or was given up.
    """

    number: int
    at: int
    ended: int
    task_id: str
    target: str
    status: int | None
    request: bytes
    content_type: str
    cause: Cause

    @property
    def kind(self) -> Kind:
        """What it is an entry of."""
        return "callback"

    @property
    def operation(self) -> Operation:
        """See `kind`."""
        return "callback"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """None: receivers are judged elsewhere."""
        return ()

    @property
    def latency(self) -> int | None:
        """How long the receiver took, in virtual milliseconds."""
        return self.ended - self.at

    @property
    def size(self) -> int:
        """About how many bytes it has."""
        return len(self.request) + len(self.target) + HEADER_BYTES


class DownloadEntry(NamedTuple):
    """A download of a task's video: `sent` of `promised` bytes went out; `problem` is the body of an error."""

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

    @property
    def kind(self) -> Kind:
        """What it is an entry of."""
        return "download"

    @property
    def operation(self) -> Operation:
        """It is none of the API's."""
        return "other"

    @property
    def request(self) -> bytes:
        """A GET has no body."""
        return b""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """None: any request for a file is a good one."""
        return ()

    @property
    def latency(self) -> int | None:
        """Downloads take no virtual time."""
        return 0

    @property
    def size(self) -> int:
        """About how many bytes others brought."""
        return len(self.problem) + len(self.target) + headers_size(self.request_headers)


class ClockEntry(NamedTuple):
    """A change of the tenant's clock: it was moved from `at` to `until`, or another mode or speed was set."""

    number: int
    at: int
    until: int
    cause: Cause

    @property
    def kind(self) -> Kind:
        """What it is an entry of."""
        return "clock"

    @property
    def operation(self) -> Operation:
        """See `kind`."""
        return "clock"

    @property
    def status(self) -> int | None:
        """There is no response."""
        return None

    @property
    def task_id(self) -> str | None:
        """It concerns all tasks."""
        return None

    @property
    def request(self) -> bytes:
        """There is no body."""
        return b""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """None."""
        return ()

    @property
    def latency(self) -> int | None:
        """None: nobody waits for it."""
        return None

    @property
    def size(self) -> int:
        """Nobody brought anything."""
        return 0


ExchangeEntry: TypeAlias = RequestEntry | CallbackEntry | DownloadEntry
"""Something was asked, and perhaps answered."""
Entry: TypeAlias = ExchangeEntry | ClockEntry
