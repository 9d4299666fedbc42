"""The log of a run: the steps that a failure shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.failure import ContractFailure

if TYPE_CHECKING:
    from ltx_mock_contracts.stateful.target import Clock
    from ltx_mock_contracts.verdicts import Deviation

__all__ = ["RunLog"]


class RunLog:
    """The steps of one run, with times if there is a clock."""

    def __init__(self, clock: Clock | None) -> None:
        self._clock = clock
        self._start = self.now()
        self._lines: list[tuple[str | None, str]] = []

    def now(self) -> int | None:
        """Return the time in Unix milliseconds, or None without a clock."""
        return None if self._clock is None else self._clock.now

    def add(self, text: str, task_id: str | None = None) -> None:
        """Add a step and the id of its task, if any."""
        now = self.now()
        time = "" if now is None or self._start is None else f"at {(now - self._start) / 1000:g} s: "
        self._lines.append((task_id, time + text))

    def failure(self, deviation: Deviation) -> ContractFailure:
        """Return a failure with the steps of its task, or with all steps if it has no task."""
        task = deviation.task
        story = [line for task_id, line in self._lines if task is None or task == task_id]
        return ContractFailure(
            deviation.title, rule=deviation.rule, expected=deviation.expected, actual=deviation.actual, story=story
        )
