"""Waits for what must happen, with bounds that only a failure reaches: no test depends on how fast the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

SECONDS = 300.0
"""How long a test waits for what must come; it never waits that long when all is well."""

GIVES_UP = httpx.Timeout(SECONDS, read=0.05)
"""For a client that gives up while it waits for an answer, but not while it connects."""


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, "it has not come"
        time.sleep(0.001)
