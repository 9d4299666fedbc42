"""Work that takes long, done in a thread beside the event loop, so that other requests are answered meanwhile."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ltx_mock_contracts.validation.json_body import LARGE

A = TypeVar("A")
T = TypeVar("T")


def _uncollected(work: Callable[[A], T], argument: A) -> T:
    """Do work without the cyclic garbage collector: hundreds of thousands of new values make it look at all there are.

    It lets no other thread run meanwhile.
    """
    if not gc.isenabled():
        return work(argument)
    gc.disable()
    try:
        return work(argument)
    finally:
        gc.enable()


class WorkerThread:
    """One thread for all large bodies of a server, started when the first of them comes.

    It is one thread on purpose: the event loop gets its turn from one busy thread within milliseconds, from several
    only after each of them.
    """

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None

    async def read(self, reader: Callable[[bytes], T], raw: bytes) -> T:
        """Return what a reader makes of a body."""
        return await self.run(reader, raw, len(raw))

    async def run(self, work: Callable[[A], T], argument: A, size: int) -> T:
        """Return what work makes of something with about so many bytes; where they are few it is done at once.

        The work must be done in Python, not in one long call of C code (see `PatientDecoder`), on values that nobody
        changes meanwhile.
        """
        if size <= LARGE:
            return work(argument)
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "ltx-mock-large-bodies")
        return await asyncio.get_running_loop().run_in_executor(self._executor, _uncollected, work, argument)

    def close(self) -> None:
        """Drop what has not begun. The thread ends after what it is doing."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
