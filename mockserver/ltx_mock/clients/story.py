"""What happened in one case, as the fake saw it, and how the client ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ltx_mock.clients.cases import Case
    from ltx_mock.clients.timing import Timing
    from ltx_mock.records import Delivery
    from ltx_mock.seen import Exchange, Task

__all__ = ["Ran", "Story"]


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
    """

    well: bool
    how: str
    ended: bool = True
    seconds: float = 0.0
    output: str = ""
    url: str | None = None


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
        stray: What its receiver answered to a callback that was not its own; None where there was none.
        fetches: Whether the client fetches results itself; a function only returns their URL.
        deaf: Whether a callback found nobody who answers, while the client was not yet done.
    """

    case: Case
    timing: Timing
    ran: Ran
    requests: list[Exchange]
    downloads: list[Exchange]
    strangers: list[Exchange]
    deliveries: list[Delivery]
    tasks: list[Task]
    stray: Literal["none", "taken", "refused"] = "none"
    fetches: bool = True
    deaf: bool = False

    def of(self, operation: str) -> list[Exchange]:
        """Return the requests for one operation."""
        return [each for each in self.requests if each.operation == operation]
