"""The receivers of callbacks during one advance."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ltx_mock.engine.outbound import Unanswered

MAX_UNANSWERED = 8
"""A receiver that is silent or refuses the connection so often in a row gets no more attempts in the same advance."""


class Receivers:
    """The receivers that were called in one advance, by origin."""

    def __init__(self) -> None:
        self._by_origin: dict[str, Receiver] = {}

    def of(self, origin: str) -> Receiver:
        """Return the receiver at scheme, host and port."""
        return self._by_origin.setdefault(origin, Receiver())


class Receiver:
    """A receiver. What it costs to call a dead one is bounded by `MAX_UNANSWERED` time limits."""

    def __init__(self) -> None:
        self._unanswered: list[Unanswered] = []

    async def attempt(self, post: Callable[[], Awaitable[int]]) -> int:
        """Post, unless the receiver is dead, and return the status.

        Raises:
            Unanswered: no response, or no attempt because it is dead.
        """
        if len(self._unanswered) >= MAX_UNANSWERED:
            latest = self._unanswered[-1]
            raise Unanswered(f"not sent: {MAX_UNANSWERED} attempts before had no response ({latest})", latest.kind)
        try:
            status = await post()
        except Unanswered as reason:
            if reason.kind in {"silent", "refused"}:
                self._unanswered.append(reason)
            else:
                self._unanswered.clear()
            raise
        self._unanswered.clear()
        return status
