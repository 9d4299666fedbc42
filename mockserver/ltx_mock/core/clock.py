"""Virtual time. Every moment the fake knows of comes from a `Clock`; nothing else asks the machine for the time.

Times are whole Unix milliseconds, as the API itself gives them (rule TASK-5).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from ltx_mock.core import system_time
from ltx_mock.fields import choice, number

ClockMode = Literal["real", "scaled", "manual", "auto"]
MODES: tuple[ClockMode, ...] = get_args(ClockMode)

SECOND = 1000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE

# The createTime of the seed document's sample. Clocks that stand start here, so that two runs give the same bytes.
FIXED_START = 1_767_965_610_929

# Calendars of many languages end with the year 9999; no clock here is moved to where a client could not follow.
LATEST = 253_370_764_800_000

read_mode = choice(*MODES)
read_speed = number(1_000_000, zero=False)


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that runs (`real`, `scaled`) or stands until it is moved (`manual`, `auto`). A change is a new value.

    `scaled` is `real` with a speed: 60 means a minute a second. `auto` stands like `manual`; whoever reads an
    unfinished status moves it to the task's next transition.

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
        """Return a clock that shows this moment now; by default that of the machine.

        Raises:
            SettingsError: the mode is unknown or the speed is not a positive number.
        """
        return _clock(mode, speed, system_time.unix_ms() if at is None else at)

    @property
    def flows(self) -> bool:
        """Whether time passes by itself."""
        return self.mode in {"real", "scaled"}

    def now(self) -> int:
        """Return the virtual time in Unix milliseconds; it never goes back."""
        if not self.flows:
            return self.anchor
        elapsed = system_time.monotonic_ns() - self.anchor_ns
        if self.speed == 1.0:
            return self.anchor + elapsed // 1_000_000
        return self.anchor + int(elapsed * self.speed) // 1_000_000

    def moved_to(self, moment: int) -> Clock:
        """Return the clock set forward to `moment`, or as it is where that has passed."""
        return _clock(self.mode, self.speed, moment) if moment > self.now() else self

    def changed(self, mode: str | None = None, speed: float | None = None) -> Clock:
        """Return the clock with another mode or speed from this moment on, without a jump in time.

        Raises:
            SettingsError: the mode is unknown or the speed is not a positive number.
        """
        if speed is None:
            speed = 1.0 if mode == "real" else self.speed
        return _clock(self.mode if mode is None else mode, speed, self.now())

    def real_seconds_until(self, moment: int) -> float | None:
        """Return how many real seconds pass until `moment`, or None while the clock stands."""
        if not self.flows:
            return None
        return max(0, moment - self.now()) / SECOND / self.speed

    def as_dict(self) -> dict[str, object]:
        """Return the clock as the control plane shows it; `now` in Unix milliseconds."""
        return {"now": self.now(), "mode": self.mode, "speed": self.speed}


def _clock(mode: str, speed: float, now: int) -> Clock:
    found, speed = read_mode("mode", mode), read_speed("speed", speed)
    if found in {"real", "scaled"}:
        found = "real" if speed == 1 else "scaled"
    return Clock(found, speed, now, system_time.monotonic_ns())


def moment_of(milliseconds: int) -> datetime:
    """Return a moment of virtual time, Unix milliseconds, as the calendar has it (UTC)."""
    return datetime.fromtimestamp(min(milliseconds, LATEST) / SECOND, UTC)


def time_of_day(milliseconds: int) -> str:
    """Return hours, minutes and seconds of a moment, Unix milliseconds, in the local time zone."""
    return moment_of(milliseconds).astimezone().strftime("%H:%M:%S")
