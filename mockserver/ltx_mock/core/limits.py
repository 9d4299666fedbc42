"""The limits of one API key: requests in a window (LIM-1), unfinished tasks (LIM-2), credits (GEN-15)."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Collection, Iterable, Mapping
from itertools import compress, count, islice
from operator import attrgetter, is_not

from ltx_mock.core.records import Refusal, Task
from ltx_mock.core.setting_readers import Rate
from ltx_mock.core.settings import Settings
from ltx_mock.core.timeline import NEVER, Timeline
from ltx_mock_contracts.api import ENDED, State

MANY = 1000
"""So many tasks are not sorted, but looked for among all, which are in order."""
SETTLED_BY_A_REQUEST = 10
"""The number of ended tasks that a new task settles, which will end once."""


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
        unfinished: The timelines of the tasks that have not ended, by their ids.
        failed: The number of tasks that have failed.

    Call `settle` before you read them.
    """

    __slots__ = ("_ending", "_moments", "_next_start", "_tasks", "_waiting", "failed", "spent", "unfinished")

    def __init__(self, tasks: dict[str, Task]) -> None:
        self._tasks = tasks
        self._moments: list[int] = []
        """A heap of the moments at which tasks may end."""
        self._ending: dict[int, list[str]] = {}
        """The ids of the tasks at each of them: under load many tasks share a millisecond."""
        self.unfinished: dict[str, Timeline] = {}
        self._waiting: dict[str, Timeline] = {}
        """Those of them that had not started when somebody asked, and newer ones."""
        self._next_start = NEVER
        """No task of these starts before."""
        self.spent = self.failed = 0

    def refusal(self, task: Task, settings: Settings, now: int) -> Refusal | None:
        """Return why a new task cannot be taken at a moment, or None.

        What is not settled yet makes both counts too high. So a task that they allow can be taken, and very many ended
        tasks are settled some at a time.
        """
        settled = self.settle(now, SETTLED_BY_A_REQUEST)
        refused = self._refusal(task, settings)
        if refused is None or settled:
            return refused
        self.settle(now)
        return self._refusal(task, settings)

    def _refusal(self, task: Task, settings: Settings) -> Refusal | None:
        if settings.credits is not None and self.spent + task.cost > settings.credits:
            return Refusal("credits")
        if len(self.unfinished) >= settings.max_concurrent:
            ends = [line.ended for line in self.unfinished.values() if not line.endless]
            return Refusal("concurrency", min(ends, default=None))
        return None

    def replace(self, before: Task | None, after: Task | None) -> None:
        """Take the slot and the credits of a task, in place of those that it had; None before it was made.

        Call it after the change of `tasks`. What has ended is settled by the next call of `settle`.
        """
        if before is not None:
            taken = self.unfinished.pop(before.id, None) is not None
            self._waiting.pop(before.id, None)
            if taken or before.timeline.failure is None:  # the credits of a settled failure are back already
                self.spent -= before.cost
            else:
                self.failed -= 1
        if after is not None:
            self.spent += after.cost
            line = self.unfinished[after.id] = self._waiting[after.id] = after.timeline
            self._next_start = min(self._next_start, line.started)
            moment = line.ended
            if moment in self._ending:
                self._ending[moment].append(after.id)
            else:
                self._ending[moment] = [after.id]
                heapq.heappush(self._moments, moment)

    def settle(self, now: int, most: int = sys.maxsize) -> bool:
        """Free the slots of ended tasks, and refund the credits of failed ones.

        Return whether all are settled; False after `most` tasks.
        """
        moments, unfinished = self._moments, self.unfinished
        while moments and moments[0] <= now:
            ending = self._ending[moments[0]]
            while ending:
                if most <= 0:
                    return False
                most -= 1
                task_id = ending.pop()
                line = unfinished.get(task_id)
                if line is not None and line.ended <= now:  # else it has another timeline by now
                    self._end(task_id, line)
            del self._ending[heapq.heappop(moments)]
        return True

    def pending(self, now: int) -> Mapping[str, Timeline]:
        """Return the unfinished tasks that have not started."""
        if self._next_start <= now:
            self._waiting = {task_id: line for task_id, line in self._waiting.items() if line.started > now}
            self._next_start = min([line.started for line in self._waiting.values()], default=NEVER)
        return self._waiting

    def in_state(self, state: State, now: int) -> Iterable[Task]:
        """Return the tasks that are in a state at this moment, newest first."""
        newest_first = reversed(self._tasks.values())
        if state in ENDED:
            # Under load the newest tasks are all unfinished.
            differ = map(is_not, reversed(self._tasks), reversed(self.unfinished))
            unfinished = next(compress(count(), differ), len(self.unfinished))
            ended = [*islice(newest_first, unfinished, None)]
            return (task for task in ended if task.timeline.state(now) == state)
        ids: Collection[str] = self.pending(now)
        if state == "processing":
            ids = self.unfinished.keys() - ids if ids else self.unfinished
        if len(ids) < MANY:
            return sorted(map(self._tasks.__getitem__, ids), key=attrgetter("number"), reverse=True)
        return [*compress(newest_first, map(ids.__contains__, reversed(self._tasks)))]

    def _end(self, task_id: str, line: Timeline) -> None:
        del self.unfinished[task_id]
        self._waiting.pop(task_id, None)
        if line.failure is not None:
            self.spent -= self._tasks[task_id].cost
            self.failed += 1
