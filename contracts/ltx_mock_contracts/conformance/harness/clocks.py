"""The clock of a check: a tenant's clock that can be advanced, or real time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltx_mock_contracts.conformance.harness.control_plane import ControlPlane

__all__ = ["Clock", "DrivenClock", "Pace", "RealClock"]


class Clock(Protocol):
    """The interface of clocks."""

    @property
    def whose(self) -> Literal["server", "observer"]:
        """`server` for the server's clock, `observer` for ours."""

    @property
    def now(self) -> int:
        """The moment in Unix milliseconds."""

    def allow(self, seconds: float) -> None:
        """Raise if there is no time to wait so many seconds."""

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""


class DrivenClock:
    """The clock of a tenant of the checks. Only the check advances it, so it is not polled."""

    whose: Literal["server"] = "server"

    def __init__(self, control: ControlPlane, key: str, now: int) -> None:
        self._control = control
        self._key = key
        self.now = now

    def allow(self, seconds: float) -> None:
        """Do nothing: advancing takes no time."""

    def advance(self, seconds: float) -> None:
        """Advance the server's clock; on return all due callbacks have been delivered."""
        self.now = self._control.advance(self._key, seconds)


class Pace:
    """Real time. Tests of the checks replace it."""

    def now(self) -> float:
        """Return Unix seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class RealClock:
    """The clock of this machine, which may differ from the server's.

    Args:
        pace: The source of time.
        allow: Raises if there is no time left to wait so many seconds.
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
