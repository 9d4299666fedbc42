"""The time limits of a client, and the reason why it was ended: a busy machine, or a stuck client."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from ltx_mock.client_checks.timing import Timing
    from ltx_mock.testing.mock_server import MockServer

__all__ = ["Stop", "TimeLimits", "wait_for_end"]

Stop = Literal["requests", "quiet", "time"]
"""Why a client was ended: too many requests, no request for too long, or too long in all."""

_QUIET_SECONDS: Final = 30.0
_GIVES_UP_SECONDS: Final = 1800.0
_MOST_SECONDS: Final = 600.0
_MOST_REQUESTS: Final = 5000
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """The limits at which a client is ended.

    Attributes:
        quiet: Real seconds without a request; None for no limit.
        total: Real seconds in all.
        requests: The number of requests: seven hours of polling every 5 s.
    """

    quiet: float | None = _QUIET_SECONDS
    total: float = _MOST_SECONDS
    requests: int = _MOST_REQUESTS

    @classmethod
    def of(cls, timing: Timing, timeout: float | None = None, http_timeout: float = 0.0) -> TimeLimits:
        """Return the limits for a timing.

        Args:
            timing: The timing of fake and client.
            timeout: The user's limit in real seconds; with it only the number of requests is limited besides.
            http_timeout: How long a response may be withheld, in real seconds.
        """
        if timeout is not None:
            return cls(quiet=None, total=timeout)
        if timing.scale is None:
            return cls(quiet=_QUIET_SECONDS + http_timeout)
        return cls(quiet=None, total=_QUIET_SECONDS + http_timeout + _GIVES_UP_SECONDS / timing.scale)

    def describe(self, stop: Stop) -> str:
        """Return the reason as text."""
        if stop == "requests":
            return f"was ended after {self.requests} requests"
        if stop == "quiet" and self.quiet is not None:
            return f"was ended after {self.quiet:g} s without a request"
        return f"was ended after {self.total:g} s"


def wait_for_end(ended: Callable[[float], bool], mock: MockServer, limits: TimeLimits) -> Stop | None:
    """Wait for the end of a client; return None, or why it must be ended.

    Args:
        ended: Waits for up to so many real seconds, and returns whether the client has ended.
        mock: The fake that it uses.
        limits: The time limits.
    """
    began = last = time.monotonic()
    seen = 0
    while not ended(_LOOK_SECONDS):
        now = time.monotonic()
        requests = mock.look(lambda tenant: len(tenant.journal))
        if requests != seen:
            seen, last = requests, now
        if requests >= limits.requests:
            return "requests"
        if now - began >= limits.total:
            return "time" if now - last < limits.total / 2 else "quiet"
        if limits.quiet is not None and now - last >= limits.quiet:
            return "quiet"
    return None
