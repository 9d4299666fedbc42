"""Ways round a client's own sleeping, and what each of them lets us judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Timing"]

_NO_TIME: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Timing:
    """How the time of the fake goes with that of a client.

    Attributes:
        scale: By what a client divides its waits, while ours run so many times faster: 1 is real time. None is the
            clock `auto`: the fake's time jumps ahead when a status is read, and a client should not wait at all.
    """

    scale: float | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the fake."""
        return {"clock": "auto"} if self.scale is None else {"clock": "real", "speed": self.scale}

    @property
    def wait_divisor(self) -> str:
        """What a client is told to divide its waits by; digits, which every shell can read."""
        return f"{_NO_TIME if self.scale is None else self.scale:.15g}"

    @property
    def shows_waits(self) -> bool:
        """Whether the time between two requests is the time that the client believes in."""
        return self.scale is not None

    def enough(self, waited: int, wanted: int) -> bool:
        """Tell whether a wait was long enough, but for what a clock and a network may be wrong; milliseconds."""
        return waited >= wanted - min(wanted * 0.02 + 10 * (self.scale or 1), wanted * 0.5)

    def __str__(self) -> str:
        if self.scale is None:
            return "clock auto: waits cannot be judged (--scale N or --real judges them)"
        return "real time" if self.scale == 1 else f"time {self.scale:g} times as fast"
