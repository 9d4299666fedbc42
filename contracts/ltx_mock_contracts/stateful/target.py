"""The server under test, as the state machine uses it: required and optional parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from ltx_mock_contracts.api import MAX_UNFINISHED_TASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

__all__ = ["CallbackInbox", "Clock", "Target"]


class Clock(Protocol):
    """The clock of the server."""

    @property
    def now(self) -> int:
        """The time in Unix milliseconds."""

    def advance(self, seconds: float) -> Any:
        """Advance the clock. On return, all due callbacks have been delivered."""


class CallbackInbox(Protocol):
    """A receiver of the callbacks of this target only. It responds to each with 200."""

    @property
    def url(self) -> str:
        """The `callback_url` for requests."""

    def bodies(self) -> Sequence[bytes]:
        """Return the bodies of all callbacks until now, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server under test, initially without tasks. As a context manager it closes its clients.

    Attributes:
        client: An httpx client with the API's root as base URL (`…/api/v1`) and a key.
        other_client: A client with a second key, to check that keys are separated.
        clock: The server's clock, common to both keys. Without it only immediate responses are judged.
        finish: A function that ends a task, given its id and `success` or `failed`.
        callbacks: The inbox for callbacks. Without it no request asks for one.
        max_concurrent: The limit of unfinished tasks per key; a small limit is tested (LIM-2).
        violating_prompt: A prompt that violates the content rules, if known (FAIL-1).
        choices: Whether the server must also follow undocumented choices of the fake (AUTH-4, CB-4, GEN-16, GEN-18,
            LIM-3, TASK-12) and its dialects. If not, deviations from them are Hypothesis events,
            shown in its statistics.
    """

    client: httpx.Client
    other_client: httpx.Client | None = None
    clock: Clock | None = None
    finish: Callable[[str, str], object] | None = None
    callbacks: CallbackInbox | None = None
    max_concurrent: int = MAX_UNFINISHED_TASKS
    violating_prompt: str | None = None
    choices: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self.other_client is not None:
            self.other_client.close()
