"""What may be spent through the proxy: a limit on tasks, and one on credits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.request import GenerateRequest

LONGEST = MODEL.durations.high
"""The longest video, in seconds."""


class Settle(Protocol):
    """Takes the outcome of a request: whether it created a task. Only the first one counts."""

    def __call__(self, *, created: bool) -> None:
        """Take the outcome."""


class Limits(NamedTuple):
    """The limits; None is none. Credits are counted by our prices, and failed tasks are counted too."""

    tasks: int | None = None
    credits: int | None = None


class Purse:
    """Counts tasks and credits, also those of requests under way, whose tasks may have been created.

    Args:
        limits: The limits.
        prices: Credits for a second of video, by resolution.
        on_spent: Called after each new task.
    """

    def __init__(self, limits: Limits, prices: Mapping[str, int], on_spent: Callable[[Purse], None]) -> None:
        self._limits, self._prices, self._on_spent = limits, prices, on_spent
        self.tasks = self.credits = 0
        self._tasks_under_way = self._credits_under_way = 0

    def price_of(self, request: GenerateRequest | None) -> int:
        """Return what a request costs; one that we cannot read costs as much as the most expensive one."""
        if request is None:
            return max(self._prices.values()) * LONGEST
        return self._prices[request.resolution] * request.duration

    def refusal(self, price: int) -> str | None:
        """Return why a request must not be sent, or None."""
        tasks, credits_ = self._limits
        if tasks is not None and self.tasks + self._tasks_under_way >= tasks:
            return f"--max-tasks {tasks} is reached"
        if credits_ is not None and self.credits + self._credits_under_way + price > credits_:
            return f"--max-credits {credits_} would be exceeded: {self.credits} are spent, and this task costs {price}"
        return None

    @contextmanager
    def under_way(self, price: int | None) -> Iterator[Settle]:
        """Count a request while it is under way, until its outcome is told to the yielded function.

        Without an outcome it counts as one that created a task.

        Args:
            price: What it costs; None if it cannot create a task.
        """
        open_ = [] if price is None else [price]

        def settle(*, created: bool) -> None:
            while open_:
                self._settle(open_.pop(), created=created)

        self._tasks_under_way += len(open_)
        self._credits_under_way += sum(open_)
        try:
            yield settle
        finally:
            settle(created=True)

    def _settle(self, price: int, *, created: bool) -> None:
        self._tasks_under_way -= 1
        self._credits_under_way -= price
        if created:
            self.tasks += 1
            self.credits += price
            self._on_spent(self)
