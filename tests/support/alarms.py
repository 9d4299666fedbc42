"""The alarms of an event loop, in time that a test lets pass."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any


class Alarm:
    """The handle of an alarm, see `asyncio.TimerHandle`."""

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self._when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def when(self) -> float:
        return self._when


class ManualLoop:
    """What connections use of an event loop; tasks run in the real one.

    Attributes:
        made: How many alarms were set.
    """

    def __init__(self) -> None:
        self._now, self.made = 0.0, 0
        self._alarms: list[tuple[float, int, Alarm]] = []
        self._numbers = count()

    def time(self) -> float:
        return self._now

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Alarm:
        alarm = Alarm(self._now + seconds, callback)
        self.made += 1
        heapq.heappush(self._alarms, (alarm.when(), next(self._numbers), alarm))
        return alarm

    def pass_seconds(self, seconds: float) -> None:
        until = self._now + seconds
        while self._alarms and self._alarms[0][0] <= until:
            self._now, _, alarm = heapq.heappop(self._alarms)
            if alarm.callback is not None:
                alarm.callback()
        self._now = until

    @property
    def waiting(self) -> int:
        """How many alarms are still to ring."""
        return sum(alarm.callback is not None for _, _, alarm in self._alarms)

    @staticmethod
    def create_task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)
