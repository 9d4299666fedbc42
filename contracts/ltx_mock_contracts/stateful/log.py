"""What happened in a run, line by line, and the failures that tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.failure import ContractFailure

if TYPE_CHECKING:
    from ltx_mock_contracts.stateful.target import Clock

__all__ = ["Story"]


class Story:
    """The steps of one run, each with its moment where there is a clock."""

    def __init__(self, clock: Clock | None) -> None:
        self._clock = clock
        self._start = self.now()
        self._lines: list[tuple[str | None, str]] = []

    def now(self) -> int | None:
        """Return the moment in Unix milliseconds, or None without a clock."""
        return None if self._clock is None else self._clock.now

    def tell(self, text: str, about: str | None = None) -> None:
        """Note a step; `about` is the id of the task that it concerns, if any."""
        now = self.now()
        moment = "" if now is None or self._start is None else f"at {(now - self._start) / 1000:g} s: "
        self._lines.append((about, moment + text))

    def failure(
        self, rule: str, title: str, *, expected: str, actual: str, about: str | None = None
    ) -> ContractFailure:
        """Return a failure that tells the story of the task that it is about, or with none the whole."""
        lines = [line for task_id, line in self._lines if about is None or about == task_id]
        return ContractFailure(title, rule=rule, expected=expected, actual=actual, story=lines)
