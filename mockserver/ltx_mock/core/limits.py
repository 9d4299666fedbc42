"""The limits of one API key: requests in a window (LIM-1), unfinished tasks (LIM-2), credits (GEN-15)."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Mapping

from ltx_mock.core.clock import LATEST
from ltx_mock.core.records import Refusal, Task
from ltx_mock.core.setting_readers import Rate
from ltx_mock.core.settings import Settings

SETTLED_BY_A_REQUEST = 10
"""The number of changes of states that a new task notes, which adds two."""


class RequestWindow:
    """Counts the requests of a window. It opens with the first request after the last window closed.

    Attributes:
        start: The moment at which the last window was opened.
        used: The number of requests in it.
    """

    __slots__ = ("start", "used")

    def __init__(self, rate: Rate, now: int) -> None:
        self.start, self.used = now - rate.window_ms, 0

    def take(self, rate: Rate, now: int) -> int:
        """Count a request. Return 0, or the milliseconds to wait when the limit is reached."""
        if now - self.start >= rate.window_ms:
            self.start, self.used = now, 0
        if self.used >= rate.count:
            return self.ends(rate) - now
        self.used += 1
        return 0

    def ends(self, rate: Rate) -> int:
        """Return the moment at which the window closes."""
        return self.start + rate.window_ms


class TaskLimits:
    """The unfinished tasks and the credits of one key.

    Args:
        tasks: All tasks by their ids; the caller adds and replaces them.

    Attributes:
        spent: Credits spent, net of refunds.
        unfinished: The ends of the tasks that have not ended, by their ids.
        processing: The ids of those that have started.
        failed: The number of tasks that have failed.

    Call `settle` before you read them.
    """

    __slots__ = ("_tasks", "_transitions", "failed", "processing", "spent", "unfinished")

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self._tasks = tasks
        self._transitions: list[tuple[int, str]] = []
        self.unfinished: dict[str, int] = {}
        self.processing: set[str] = set()
        self.spent = self.failed = 0

    def refusal(self, task: Task, settings: Settings, now: int) -> Refusal | None:
        """Return why a new task cannot be taken at a moment, or None.

        What is not settled yet makes both counts too high. So a task that they allow can be taken, and very many ended
        tasks are settled some at a time.
        """
        if not self.settle(now, SETTLED_BY_A_REQUEST) and self._refusal(task, settings) is None:
            return None
        self.settle(now)
        return self._refusal(task, settings)

    def _refusal(self, task: Task, settings: Settings) -> Refusal | None:
        if settings.credits is not None and self.spent + task.cost > settings.credits:
            return Refusal("credits")
        if len(self.unfinished) >= settings.max_concurrent:
            return Refusal("concurrency", min((end for end in self.unfinished.values() if end <= LATEST), default=None))
        return None

    def replace(self, before: Task | None, after: Task | None) -> None:
        """Take the slot and the credits of a task, in place of those that it had; None before it was made.

        Call it after the change of `tasks`. What has ended is settled by the next call of `settle`.
        """
        if before is not None:
            taken = self.unfinished.pop(before.id, None) is not None
            self.processing.discard(before.id)
            if taken or before.timeline.failure is None:  # the credits of a settled failure are back already
                self.spent -= before.cost
            else:
                self.failed -= 1
        if after is not None:
            self.spent += after.cost
            self.unfinished[after.id] = after.timeline.ended
            heapq.heappush(self._transitions, (after.timeline.started, after.id))

    def settle(self, now: int, most: int = sys.maxsize) -> bool:
        """Note the started tasks, free the slots of ended ones and refund the credits of failed ones.

        Return whether all are settled; False after `most` changes of states.
        """
        transitions, unfinished, processing = self._transitions, self.unfinished, self.processing
        while transitions and transitions[0][0] <= now:
            if most <= 0:
                return False
            most -= 1
            task_id = transitions[0][1]
            ended = unfinished.get(task_id)
            if ended is not None and now < ended and task_id not in processing and self._has_started(task_id, now):
                processing.add(task_id)
                heapq.heapreplace(transitions, (ended, task_id))
                continue
            heapq.heappop(transitions)
            if ended is None or ended > now:
                continue  # the timeline of the task has changed
            del unfinished[task_id]
            processing.discard(task_id)
            task = self._tasks[task_id]
            if task.timeline.failure is not None:
                self.spent -= task.cost
                self.failed += 1
        return True

    def _has_started(self, task_id: str, now: int) -> bool:
        """Tell whether it has; a transition may be that of a timeline that was taken back."""
        return self._tasks[task_id].timeline.started <= now
