"""The clock of a check: that of its tenant, which it advances, or real time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltx_mock_contracts.conformance.harness.control_plane import ControlPlane

__all__ = ["Clock", "ControlledClock", "Pace", "RealClock"]


class Clock(Protocol):
    """The interface of clocks."""

    @property
    def owner(self) -> Literal["server", "observer"]:
        """`server` for the server's clock, `observer` for ours."""

    @property
    def now(self) -> int:
        """The time in Unix milliseconds."""

    def require_time(self, seconds: float) -> None:
        """Raise `CheckStoppedError` if the run ends before `seconds` have passed."""

    def advance(self, seconds: float) -> None:
        """Advance the clock, or wait in real time."""


class ControlledClock:
    """The clock of a tenant of the checks. Only the check advances it, so its time is known without a request."""

    owner: Literal["server"] = "server"

    def __init__(self, control: ControlPlane, key: str, now: int) -> None:
        self._control = control
        self._key = key
        self.now = now

    def require_time(self, seconds: float) -> None:
        """Do nothing: advancing takes no real time."""

    def advance(self, seconds: float) -> None:
        """Advance the server's clock; on return all due callbacks have been delivered."""
        self.now = self._control.advance(self._key, seconds)


class Pace:
    """The source of real time. Tests of the checks replace it."""

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
        require_time: Raises if so many seconds are not left.
    """

    owner: Literal["observer"] = "observer"

    def __init__(self, pace: Pace, require_time: Callable[[float], None]) -> None:
        self._pace = pace
        self.require_time = require_time

    @property
    def now(self) -> int:
        """The time in Unix milliseconds."""
        return round(self._pace.now() * 1000)

    def advance(self, seconds: float) -> None:
        """Wait in real time."""
        self.require_time(seconds)
        self._pace.sleep(seconds)
