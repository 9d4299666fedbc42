"""Long loops in the event loop, in turns with other requests."""

from __future__ import annotations

from asyncio import Lock, sleep  # tests of users replace `asyncio.sleep`
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 100
"""The number of items that are processed before other requests are served."""


async def serve_others() -> None:
    """Let other requests be served before what follows."""
    await sleep(0)


async def in_turns(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield items; other requests are served after each `AT_ONCE` of them."""
    rest = iter(items)
    while several := list(islice(rest, AT_ONCE)):
        for item in several:
            yield item
        await serve_others()


class Portion:
    """Measures a long loop, in items or in bytes: after each portion it is time to serve other requests."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._done = 0

    def add(self, more: int = 1) -> bool:
        """Add so much, and tell whether that fills the portion; then another begins."""
        self._done += more
        if self._done < self._at_once:
            return False
        self._done = 0
        return True


class Turns:
    """The turns of several tasks whose steps are long, so that not all take one before other requests are served."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._items = 0

    async def take(self, items: int = AT_ONCE + 1) -> None:
        """Wait for the turn of a step that processes so many items; other requests are served before a long one."""
        async with self._lock:
            self._items += items
            if self._items > AT_ONCE:
                self._items = 0
                await serve_others()


def drained(items: list[T]) -> Iterator[T]:
    """Yield items in order, and empty the list meanwhile: to free very many at once takes long.

    The list is reversed first, so nobody else may read it.
    """
    items.reverse()
    while items:
        yield items.pop()


async def free_in_turns(items: set[T] | list[T]) -> None:
    """Remove all items, in turns with other requests, since to free very many at once takes long."""
    while items:
        for _ in range(min(AT_ONCE, len(items))):
            items.pop()
        await serve_others()
