"""The time that a check lives in: the server's, which is moved on, or everybody's, which has to be waited for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltx_mock_contracts.conformance.harness.control_plane import ControlPlane

__all__ = ["Clock", "DrivenClock", "Pace", "RealClock"]


class Clock(Protocol):
    """Tells and passes time."""

    @property
    def whose(self) -> Literal["server", "observer"]:
        """Whose time it is."""

    @property
    def now(self) -> int:
        """The moment in Unix milliseconds."""

    def allow(self, seconds: float) -> None:
        """Raise where there is no time to wait so many seconds."""

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""


class DrivenClock:
    """The clock of a world of ours. Nobody else moves it, so it need not be asked each time."""

    whose: Literal["server"] = "server"

    def __init__(self, control: ControlPlane, key: str, now: int) -> None:
        self._control = control
        self._key = key
        self.now = now

    def allow(self, seconds: float) -> None:
        """Do nothing: there is always time."""

    def advance(self, seconds: float) -> None:
        """Move the server's time on; callbacks that this brings about have been made when it returns."""
        self.now = self._control.advance(self._key, seconds)


class Pace:
    """Real time. A test of the checks puts another in its place."""

    def now(self) -> float:
        """Return Unix seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class RealClock:
    """Our own clock, which may differ from the server's.

    Args:
        pace: How time passes.
        allow: Raises where there is no time left to wait so many seconds.
    """

    whose: Literal["observer"] = "observer"

    def __init__(self, pace: Pace, allow: Callable[[float], None]) -> None:
        self._pace = pace
        self.allow = allow

    @property
    def now(self) -> int:
        """The moment in Unix milliseconds."""
        return round(self._pace.now() * 1000)

    def advance(self, seconds: float) -> None:
        """Wait for so many seconds."""
        self.allow(seconds)
        self._pace.sleep(seconds)
