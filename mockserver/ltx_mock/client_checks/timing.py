"""How a client's waits are shortened, and what can then be judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Timing"]

_NO_TIME: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Timing:
    """The relation between the fake's time and the client's waits.

    Attributes:
        scale: The client divides its waits by it, and the fake's clock is as many times faster; 1 is real time. None is
            the clock `auto`: the fake's time jumps ahead when a status is read, and a client should not wait at all.
    """

    scale: float | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the fake."""
        return {"clock": "auto"} if self.scale is None else {"clock": "real", "speed": self.scale}

    @property
    def wait_divisor(self) -> str:
        """The divisor of waits for the client, in decimal digits, which every shell can parse."""
        return f"{_NO_TIME if self.scale is None else self.scale:.15g}"

    @property
    def shows_waits(self) -> bool:
        """Whether the time between two requests is the client's intended wait."""
        return self.scale is not None

    def enough(self, waited: int, wanted: int) -> bool:
        """Tell whether a wait was long enough, with a tolerance for clocks and network; in milliseconds."""
        return waited >= wanted - min(wanted * 0.02 + 10 * (self.scale or 1), wanted * 0.5)

    def __str__(self) -> str:
        if self.scale is None:
            return "clock auto: waits cannot be judged (--scale N or --real judges them)"
        return "real time" if self.scale == 1 else f"time {self.scale:g} times as fast"
