"""The machine's own time, also while a test has frozen or moved Python's.

freezegun replaces the functions of the module `time` and every reference to them. A second module object, made from the
same built-in code, has functions of its own that it does not know. time-machine changes the code itself, though not
that of the monotonic clocks, and offers a way around it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from importlib.util import module_from_spec

_time = module_from_spec(time.__spec__)

monotonic: Callable[[], float] = _time.monotonic
"""Seconds of a clock that never goes back."""

monotonic_ns: Callable[[], int] = _time.monotonic_ns
"""The same in nanoseconds."""


def unix_ms() -> int:
    """Return the wall clock's time in Unix milliseconds."""
    time_machine = sys.modules.get("time_machine")
    moved = time_machine is not None and time_machine.escape_hatch.is_travelling()
    source = time_machine.escape_hatch.time if time_machine and moved else _time
    return int(source.time_ns()) // 1_000_000


def keep_time(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    """Return the event loop with the machine's time as its own. uvloop has that anyway."""
    if isinstance(loop, asyncio.BaseEventLoop):
        loop.time = monotonic  # type: ignore[method-assign]
    return loop
