"""What happened in one case, as the fake saw it, and how the client ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ltx_mock.client_checks.cases import Case
    from ltx_mock.client_checks.time_limits import Stop
    from ltx_mock.client_checks.timing import Timing
    from ltx_mock.control.from_json import Exchange, Task
    from ltx_mock.core.records import Delivery

__all__ = ["CaseRun", "ClientRun", "Results"]

Results = Literal["url", "download", "either"]
"""What a client does with a result: return or print its URL, download it, or the one or the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRun:
    """How a client ended.

    Attributes:
        succeeded: Whether it says that it has the video.
        description: What it said or did: an exit code, an exception, or why it was ended.
        exited: Whether it ended by itself.
        seconds: How long it ran, in real seconds.
        output: What it printed, or said when it failed.
        url: The result that it returned, where it is a function.
        stop: Why it was ended, where it did not end by itself.
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
    """One case, played.

    Attributes:
        case: The case.
        timing: How time went.
        client: How the client ended.
        requests: What it asked of the API with its key, oldest first.
        downloads: The results that it fetched.
        unauthenticated_requests: What was asked without a key, or with one that is not its own.
        deliveries: The callbacks.
        tasks: The tasks that were made.
        results: What the client does with a result.
        receiver_unreachable: Whether a callback found nobody who answers, while the client was not yet done.
        control: How the same client does where all goes well; None where that was not tried.
    """

    case: Case
    timing: Timing
    client: ClientRun
    requests: list[Exchange] = field(default_factory=list)
    downloads: list[Exchange] = field(default_factory=list)
    unauthenticated_requests: list[Exchange] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    results: Results = "either"
    receiver_unreachable: bool = False
    control: CaseRun | None = None

    def of(self, operation: str) -> list[Exchange]:
        """Return the requests for one operation."""
        return [each for each in self.requests if each.operation == operation]

    @property
    def sent(self) -> list[Exchange]:
        """All that the client sent to the API, with its key or without."""
        return [*self.requests, *self.unauthenticated_requests]

    @property
    def got_a_video(self) -> bool:
        """Whether the client ended by itself and says that it has the video."""
        return self.client.succeeded and self.client.exited
