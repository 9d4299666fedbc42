"""The run of a client in one case: what the fake recorded, and how the client ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltx_mock.client_checks.cases import Case
    from ltx_mock.client_checks.time_limits import Stop
    from ltx_mock.client_checks.timing import Timing
    from ltx_mock.control.from_json import Exchange, Task
    from ltx_mock.core.records import Delivery

__all__ = ["RESULT_BYTES", "CaseRun", "ClientRun", "Results"]

RESULT_BYTES: Final = 8_000_000
"""The size of the result, larger than the buffers of two sockets, so that a cut download is not sent completely."""

Results = Literal["url", "download", "either"]
"""What a client does with a result: return or print its URL, download it, or either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRun:
    """How a client ended.

    Attributes:
        succeeded: Whether it reports success.
        description: An exit code, an exception, or why it was ended.
        exited: Whether it ended by itself.
        seconds: How long it ran, in real seconds.
        output: Its output or its error message.
        url: The result URL that it returned, if it is a function.
        stop: Why it was ended, if it did not end by itself.
    """

    succeeded: bool
    description: str
    exited: bool = True
    seconds: float = 0.0
    output: str = ""
    url: str | None = None
    stop: Stop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRun:
    """The run of a client in one case.

    Attributes:
        case: The case.
        timing: The timing of fake and client.
        client: How the client ended.
        requests: Its requests with its key, oldest first.
        downloads: Its downloads of results.
        unauthenticated_requests: Requests without a key or with another one.
        deliveries: The callbacks.
        tasks: The tasks.
        spent: What its tasks cost: the `AMOUNTS` of `ltx_mock.control.from_json`.
        results: What the client does with a result.
        signed: Whether callbacks are signed.
        receiver_unreachable: Whether a callback got no response before the client was done.
        control: The run of the same client without faults; None if there was none.
    """

    case: Case
    timing: Timing
    client: ClientRun
    requests: list[Exchange] = field(default_factory=list)
    downloads: list[Exchange] = field(default_factory=list)
    unauthenticated_requests: list[Exchange] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    spent: Mapping[str, int] = field(default_factory=dict)
    results: Results = "either"
    signed: bool = False
    receiver_unreachable: bool = False
    control: CaseRun | None = None

    def of(self, operation: str) -> list[Exchange]:
        """Return the requests for one operation."""
        return [each for each in self.requests if each.operation == operation]

    @property
    def sent(self) -> list[Exchange]:
        """All requests of the client, with its key or without."""
        return [*self.requests, *self.unauthenticated_requests]

    @property
    def got_a_video(self) -> bool:
        """Whether the client ended by itself and reports success."""
        return self.client.succeeded and self.client.exited
