"""What the machine needs of a server, and what it can use where there is more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

__all__ = ["DOCUMENTED_CONCURRENCY", "CallbackInbox", "Clock", "Target"]

DOCUMENTED_CONCURRENCY: Final = 1000


class Clock(Protocol):
    """The time by which the server lives."""

    @property
    def now(self) -> int:
        """The moment in Unix milliseconds."""

    def advance(self, seconds: float) -> Any:
        """Let so many seconds pass. When this returns, all that they bring about has happened, callbacks too."""


class CallbackInbox(Protocol):
    """A receiver of callbacks that answers each with 200. It must get those of this target only."""

    @property
    def url(self) -> str:
        """What to give as `callback_url`."""

    def bodies(self) -> Sequence[bytes]:
        """Return the body of every callback so far, in order. Those that are due by now must be among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server to be judged, without tasks at first. As a context manager it closes its clients.

    Attributes:
        client: A client with the root of the API as base URL (`…/api/v1`) and a key.
        other_client: The same with a second key, to see that keys are apart.
        clock: The server's time, the same for both keys. Without it only what can be seen at once is judged.
        finish: Ends a task by hand, given its id and `success` or `failed`.
        callbacks: Where callbacks arrive. Without it no task asks for one.
        max_concurrent: How many unfinished tasks a key may have; small ones are filled up (LIM-2).
        violating_prompt: A prompt that breaks the content rules, where one is known (FAIL-1).
        choices: Whether to hold the server to what no document says and only the fake has chosen (AUTH-4, CB-4,
            GEN-16, GEN-18, LIM-3, TASK-12) or reads in its own way (a dialect).
            If not, deviations are Hypothesis events, shown in its statistics.
    """

    client: httpx.Client
    other_client: httpx.Client | None = None
    clock: Clock | None = None
    finish: Callable[[str, str], object] | None = None
    callbacks: CallbackInbox | None = None
    max_concurrent: int = DOCUMENTED_CONCURRENCY
    violating_prompt: str | None = None
    choices: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self.other_client is not None:
            self.other_client.close()
