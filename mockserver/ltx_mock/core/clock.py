"""Virtual time. All times of the fake come from a `Clock`; nothing else reads the machine's time.

Times are whole Unix milliseconds, as in the API (rule TASK-5).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from ltx_mock.core import system_time
from ltx_mock.fields import choice, number

ClockMode = Literal["real", "scaled", "manual", "auto"]
MODES: tuple[ClockMode, ...] = get_args(ClockMode)
FLOWING = frozenset({"real", "scaled"})
"""The modes in which time passes by itself."""

SECOND = 1000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE

# The createTime of the documentation's sample. Stopped clocks start here, so that two runs give the same bytes.
FIXED_START = 1_767_965_610_929

# Date types of many languages end with the year 9999, so no clock goes beyond it.
LATEST = 253_370_764_800_000

read_mode = choice(*MODES)
read_speed = number(1_000_000, zero=False)


class Clock(NamedTuple):
    """A clock that runs (`real`, `scaled`) or is stopped until it is advanced (`manual`, `auto`). Immutable.

    `scaled` is `real` with a speed: 60 means a minute per second. `auto` is stopped like `manual`, but reading the
    status of an unfinished task advances it to the task's next transition.

    Attributes:
        anchor: A moment of virtual time.
        anchor_ns: The machine's monotonic time at that moment, nanoseconds.
    """

    mode: ClockMode
    speed: float
    anchor: int
    anchor_ns: int

    @classmethod
    def start(cls, mode: str = "real", *, speed: float = 1.0, at: int | None = None) -> Clock:
        """Return a clock that starts at this moment; by default at the machine's time.

        Raises:
            SettingsError: the mode is unknown or the speed is not a positive number.
        """
        return _clock(mode, speed, system_time.unix_ms() if at is None else at)

    @property
    def flows(self) -> bool:
        """Whether time passes by itself."""
        return self.mode in FLOWING

    def now(self) -> int:
        """Return the virtual time in Unix milliseconds, which never decreases."""
        if self.mode not in FLOWING:
            return self.anchor
        elapsed = system_time.monotonic_ns() - self.anchor_ns
        if self.speed == 1.0:
            return self.anchor + elapsed // 1_000_000
        return self.anchor + int(elapsed * self.speed) // 1_000_000

    def moved_to(self, moment: int) -> Clock:
        """Return the clock advanced to `moment`; unchanged if that has passed."""
        return _clock(self.mode, self.speed, moment) if moment > self.now() else self

    def changed(self, mode: str | None = None, speed: float | None = None) -> Clock:
        """Return the clock with another mode or speed from now on, without a jump in time.

        Raises:
            SettingsError: the mode is unknown or the speed is not a positive number.
        """
        if speed is None:
            speed = 1.0 if mode == "real" else self.speed
        return _clock(self.mode if mode is None else mode, speed, self.now())

    def real_seconds_until(self, moment: int) -> float | None:
        """Return the real seconds until `moment`; None for a stopped clock."""
        if not self.flows:
            return None
        return max(0, moment - self.now()) / SECOND / self.speed

    def as_dict(self) -> dict[str, object]:
        """Return the clock as JSON of the control plane; `now` is in Unix milliseconds."""
        return {"now": self.now(), "mode": self.mode, "speed": self.speed}


def _clock(mode: str, speed: float, now: int) -> Clock:
    found, speed = read_mode("mode", mode), read_speed("speed", speed)
    if found in FLOWING:
        found = "real" if speed == 1 else "scaled"
    return Clock(found, speed, now, system_time.monotonic_ns())


def moment_of(milliseconds: int) -> datetime:
    """Convert a virtual time in Unix milliseconds to a UTC datetime."""
    return datetime.fromtimestamp(min(milliseconds, LATEST) / SECOND, UTC)


def time_of_day(milliseconds: int) -> str:
    """Format a time in Unix milliseconds as hours, minutes and seconds of the local time zone."""
    return _second_of_day(milliseconds // SECOND)


def date_and_time(milliseconds: int) -> str:
    """Format a time in Unix milliseconds as date and time to the second of the local time zone."""
    return moment_of(milliseconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


@lru_cache(maxsize=16)
def _second_of_day(seconds: int) -> str:
    """Format a second; a busy server prints many lines for each."""
    return moment_of(seconds * SECOND).astimezone().strftime("%H:%M:%S")
