"""Run long work in a thread beside the event loop, so that other requests are served meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias, TypeVar

from ltx_mock.asgi.turns import AT_ONCE, serve_others
from ltx_mock.collector import paused_collector
from ltx_mock_contracts.validation.json_body import LARGE

A = TypeVar("A")
T = TypeVar("T")


def _uncollected(work: Callable[[A], T], argument: A) -> T:
    """Run work without the garbage collector, which hundreds of thousands of new values would trigger."""
    with paused_collector():
        return work(argument)


Part: TypeAlias = tuple[int, Callable[[], T]]
"""A piece of work: the approximate number of bytes that it processes, and a function that returns its result."""


def _results(parts: list[Part[T]]) -> list[T]:
    return [work() for _, work in parts]


def _grouped(parts: Iterable[Part[T]]) -> Iterator[tuple[list[Part[T]], int]]:
    """Yield parts together that process at most `LARGE` bytes, larger ones alone, with the number of these bytes."""
    several, total = list[Part[T]](), 0
    for part in parts:
        size = part[0]
        if several and (total + size > LARGE or len(several) == AT_ONCE):
            yield several, total
            several, total = [], 0
        several.append(part)
        total += size
    if several:
        yield several, total


class WorkerThread:
    """One thread for all large bodies of a server, started on first use.

    There is only one: the event loop gets the GIL from one busy thread within milliseconds, from several only after
    each of them.
    """

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None

    def read(self, reader: Callable[[bytes], T], raw: bytes) -> Awaitable[T]:
        """Return the result of a reader for a body."""
        return self.run(reader, raw, len(raw))

    async def run(self, work: Callable[[A], T], argument: A, size: int) -> T:
        """Return the result of work on data of about so many bytes; small data is processed at once, in no thread.

        The work must run in Python, not in one long call of C code (see `PythonDecoder`), on values that do not change
        meanwhile.
        """
        if size <= LARGE:
            return work(argument)
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "ltx-mock-large-bodies")
        return await asyncio.get_running_loop().run_in_executor(self._executor, _uncollected, work, argument)

    async def each(self, parts: Iterable[Part[T]]) -> AsyncIterator[list[T]]:
        """Yield the results of many small pieces of work, several at a time; see `Part`.

        Other requests are served after each several, and while a large one is done in the thread.
        """
        for several, size in _grouped(parts):
            yield await self.run(_results, several, size)
            await serve_others()

    def close(self) -> None:
        """Cancel pending work. The thread ends after its current work."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
