"""How long a client may run, and why it was ended: what a busy machine can bring about is told from what it cannot."""

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
"""Why a client was ended: it made too many requests, none for too long, or it ran for too long."""

_QUIET_SECONDS: Final = 30.0
_GIVES_UP_SECONDS: Final = 1800.0
_MOST_SECONDS: Final = 600.0
_MOST_REQUESTS: Final = 5000
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """When a client is ended that does not end by itself.

    Attributes:
        quiet: After so many real seconds without a request; None for no such bound.
        total: After so many real seconds in all.
        requests: After so many requests: a client that polls every 5 s has then polled for seven hours.
    """

    quiet: float | None = _QUIET_SECONDS
    total: float = _MOST_SECONDS
    requests: int = _MOST_REQUESTS

    @classmethod
    def of(cls, timing: Timing, timeout: float | None = None, http_timeout: float = 0.0) -> TimeLimits:
        """Return the patience for clients whose time goes like this.

        Args:
            timing: How time goes.
            timeout: What the user allows a client in all, in real seconds; then nothing else ends it but a flood.
            http_timeout: For how long a client may wait for an answer, in real seconds.
        """
        if timeout is not None:
            return cls(quiet=None, total=timeout)
        if timing.scale is None:
            return cls(quiet=_QUIET_SECONDS + http_timeout)
        return cls(quiet=None, total=_QUIET_SECONDS + http_timeout + _GIVES_UP_SECONDS / timing.scale)

    def describe(self, stop: Stop) -> str:
        """Return what a client did that was ended for this."""
        if stop == "requests":
            return f"was ended after {self.requests} requests"
        if stop == "quiet" and self.quiet is not None:
            return f"was ended after {self.quiet:g} s without a request"
        return f"was ended after {self.total:g} s"


def wait_for_end(ended: Callable[[float], bool], mock: MockServer, limits: TimeLimits) -> Stop | None:
    """Wait for the end of a client, and return None, or why it has to be ended.

    Args:
        ended: Waits for so many real seconds, and returns whether the client has ended.
        mock: The fake that it asks.
        limits: The time limits.
    """
    began = last = time.monotonic()
    seen = 0
    while not ended(_LOOK_SECONDS):
        now = time.monotonic()
        requests = mock.look(lambda tenant: len(tenant.entries()))
        if requests != seen:
            seen, last = requests, now
        if requests >= limits.requests:
            return "requests"
        if now - began >= limits.total:
            return "time" if now - last < limits.total / 2 else "quiet"
        if limits.quiet is not None and now - last >= limits.quiet:
            return "quiet"
    return None
