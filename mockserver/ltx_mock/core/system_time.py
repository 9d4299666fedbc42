"""The machine's real time, even while a test has frozen or shifted Python's.

freezegun replaces the functions of the module `time` and all references to them. A second instance of the built-in
module has separate functions, which it does not replace. time-machine patches the C functions, except for the monotonic
clocks, and has an escape hatch.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from importlib.util import module_from_spec

_time = module_from_spec(time.__spec__)

monotonic: Callable[[], float] = _time.monotonic
"""Monotonic time in seconds."""

monotonic_ns: Callable[[], int] = _time.monotonic_ns
"""Monotonic time in nanoseconds."""


sleep: Callable[[float], None] = _time.sleep
"""Wait so many seconds."""


def unix_ns() -> int:
    """Return the wall clock's time in Unix nanoseconds."""
    time_machine = sys.modules.get("time_machine")
    moved = time_machine is not None and time_machine.escape_hatch.is_travelling()
    source = time_machine.escape_hatch.time if time_machine and moved else _time
    return int(source.time_ns())


def unix_ms() -> int:
    """Return the wall clock's time in Unix milliseconds."""
    return unix_ns() // 1_000_000


def keep_time(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    """Make an event loop use the real monotonic time, as uvloop does anyway, and return it."""
    if isinstance(loop, asyncio.BaseEventLoop):
        loop.time = monotonic  # type: ignore[method-assign]
    return loop
