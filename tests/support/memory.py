"""What is left in memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

LITTLE = 10_000_000
"""In bytes; the floods of the tests have more than this."""


@contextmanager
def little_is_kept() -> Iterator[None]:
    """Fail if what was done leaves more than `LITTLE` in memory."""
    tracemalloc.start()
    try:
        yield
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < LITTLE
    finally:
        tracemalloc.stop()
