"""A task as its submitter sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ltx_mock_contracts.request import GenerateRequest
    from ltx_mock_contracts.stateful.client import Exchange, Span

__all__ = ["SeenTask", "generation_ms"]

_GENERATION_MS: Final = {"480p": (40_000, 60_000), "720p": (60_000, 90_000), "1080p": (90_000, 120_000)}
_LORA_MS: Final = (10_000, 20_000)


def generation_ms(request: GenerateRequest) -> tuple[int, int]:
    """Return the shortest and the longest time that the generation takes, in milliseconds (TASK-8)."""
    shortest, longest = _GENERATION_MS[request.resolution]
    extra = _LORA_MS if request.is_lora else (0, 0)
    return shortest + extra[0], longest + extra[1]


@dataclass(eq=False, kw_only=True)
class SeenTask:
    """What is known of a task so far.

    Attributes:
        id: Its id.
        request: What was asked for.
        second_key: Whether the second key made it.
        made: When it was submitted; None without a clock.
        must_fail: Whether its prompt breaks the content rules.
        by_hand: Whether it was ended by hand, so that its times are its own.
        last: The last answer about it.
        end: Its final envelope, as an answer or a callback told it first.
        callbacks: How many callbacks came for it.
        created: The `createTime` that was told first.
        unfinished_at: The last moment at which it was seen unfinished.
    """

    id: str
    request: GenerateRequest
    second_key: bool
    made: Span | None
    must_fail: bool = False
    by_hand: bool = False
    last: Exchange | None = None
    end: dict[str, Any] | None = None
    callbacks: int = 0
    created: int | None = None
    unfinished_at: int = 0

    def __repr__(self) -> str:
        return f"<task {self.id}>"

    def has_ended(self, now: int) -> bool:
        """Tell whether it must have ended by a moment, Unix milliseconds."""
        longest = generation_ms(self.request)[1]
        return self.by_hand or self.end is not None or (self.made is not None and now >= self.made.after + longest)
