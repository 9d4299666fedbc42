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

__all__ = ["Ran", "Results", "Story"]

Results = Literal["url", "download", "either"]
"""What a client does with a result: return or print its URL, download it, or the one or the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a client ended.

    Attributes:
        well: Whether it says that it has the video.
        how: What it said or did: an exit code, an exception, or why it was ended.
        ended: Whether it ended by itself.
        seconds: How long it ran, in real seconds.
        output: What it printed, or said when it failed.
        url: The result that it returned, where it is a function.
        stop: Why it was ended, where it did not end by itself.
    """

    well: bool
    how: str
    ended: bool = True
    seconds: float = 0.0
    output: str = ""
    url: str | None = None
    stop: Stop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One case, played.

    Attributes:
        case: The case.
        timing: How time went.
        ran: How the client ended.
        requests: What it asked of the API with its key, oldest first.
        downloads: The results that it fetched.
        strangers: What was asked without a key, or with one that is not its own.
        deliveries: The callbacks.
        tasks: The tasks that were made.
        results: What the client does with a result.
        deaf: Whether a callback found nobody who answers, while the client was not yet done.
        control: How the same client does where all goes well; None where that was not tried.
    """

    case: Case
    timing: Timing
    ran: Ran
    requests: list[Exchange] = field(default_factory=list)
    downloads: list[Exchange] = field(default_factory=list)
    strangers: list[Exchange] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    results: Results = "either"
    deaf: bool = False
    control: Story | None = None

    def of(self, operation: str) -> list[Exchange]:
        """Return the requests for one operation."""
        return [each for each in self.requests if each.operation == operation]

    @property
    def sent(self) -> list[Exchange]:
        """All that the client sent to the API, with its key or without."""
        return [*self.requests, *self.strangers]

    @property
    def got_a_video(self) -> bool:
        """Whether the client ended by itself and says that it has the video."""
        return self.ran.well and self.ran.ended
