"""A timer that is restarted very often, as with each response of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class IdleTimer:
    """Calls a function when it has run for so many seconds since its last start; see `asyncio.TimerHandle`.

    To start and to cancel it is a note only. The event loop looks at it once in that time, instead of at a timer for
    each start.

    Args:
        loop: The event loop of the connection.
        seconds: How long it runs, in real seconds.
        callback: The function.
    """

    __slots__ = ("_alarm", "_callback", "_ends", "_loop", "_seconds")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, callback: Callable[[], None]) -> None:
        self._loop, self._seconds, self._callback = loop, seconds, callback
        self._ends: float | None = None
        self._alarm: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Run from now on, anew if it runs already."""
        self._ends = self._loop.time() + self._seconds
        if self._alarm is None:
            self._alarm = self._loop.call_later(self._seconds, self._ring)

    def cancel(self) -> None:
        """Run no more, until the next start."""
        self._ends = None

    def when(self) -> float:
        """Return the moment at which it ends or has ended, in the loop's time; infinity if it was cancelled."""
        return float("inf") if self._ends is None else self._ends

    def close(self) -> None:
        """Let go of the event loop and of the function, whose owner has this timer; it cannot be started again."""
        self._ends, self._callback = None, _nothing
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _ring(self) -> None:
        self._alarm = None
        if self._ends is None:
            return
        left = self._ends - self._loop.time()
        if left > 0:
            self._alarm = self._loop.call_later(left, self._ring)
        else:
            self._callback()


def _nothing() -> None:
    """Do nothing."""
