"""The event feed: numbered events for any number of readers, as server-sent events.

Recent events are kept in one bounded buffer shared by all readers; a reader is only a position in it. A slow reader
costs nothing and blocks nobody: if its position has been dropped, it gets a `missed` event. An event is serialized
once, when the first reader reaches it.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

Data = Callable[[], dict[str, object]]

KEPT_EVENTS = 10_000
KEPT_BYTES = 16 * 1024 * 1024
EVENT_BYTES = 1000
"""The estimated size of an event without bodies, until it is serialized."""
CHUNK_BYTES = 64 * 1024
LINGER_SECONDS = 60.0
"""How long events are kept after the last reader has left, in real seconds: it may reconnect."""


class Event:
    """One event. `key` is its API key; None for all keys. `size` is in bytes."""

    __slots__ = ("_data", "_raw", "key", "kind", "number", "size")

    def __init__(self, number: int, kind: str, data: Data, key: str | None, size: int) -> None:
        self.number, self.kind, self.key, self.size = number, kind, key, size
        self._data: Data | None = data
        self._raw = b""

    def raw(self) -> bytes:
        """Return the serialized event, which also sets its size."""
        if self._data is not None:
            self._raw = frame(self.kind, self._data(), self.number)
            self.size, self._data = len(self._raw), None
        return self._raw


class Feed:
    """Keeps events while there are readers, and for some time after.

    Args:
        first: the number before the first event. If it is higher than all numbers of earlier feeds, a reconnecting
            reader notices that this is another feed.
        on_wake: called when the first reader comes.
        on_sleep: called when there has been no reader for a while.
    """

    def __init__(self, first: int, on_wake: Callable[[], None], on_sleep: Callable[[], None]) -> None:
        self.last = first
        self.readers: set[Reader] = set()
        self.closed = False
        self._on_wake, self._on_sleep = on_wake, on_sleep
        self._events: deque[Event] = deque()
        self._bytes = 0
        self._awake = False
        self._bedtime: asyncio.TimerHandle | None = None

    def publish(self, kind: str, data: Data, key: str | None = None, size: int = 0) -> None:
        """Add an event for the readers of one API key and of all keys; without a key, for all readers.

        Args:
            kind: the kind of the event.
            data: returns its data, the same at each call.
            key: its API key.
            size: the approximate size of the bodies in it, in bytes.
        """
        self.last += 1
        event = Event(self.last, kind, data, key, EVENT_BYTES + size)
        self._events.append(event)
        self._bytes += event.size
        self._trim()
        for reader in self.readers:
            reader.news.set()

    @contextmanager
    def reader(self, key: str | None, after: int | None) -> Iterator[Reader]:
        """Return a new reader of the events of one API key, or of all; with `after`, only later ones."""
        self._wake()
        reader = Reader(self, key, self.last if after is None else after)
        if self.closed:
            reader.close()
        self.readers.add(reader)
        try:
            yield reader
        finally:
            self.readers.discard(reader)
            if not (self.readers or self.closed):
                self._bedtime = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._sleep)

    def after(self, number: int) -> Iterator[Event] | None:
        """Return the events after this number, or None if some of them have been dropped."""
        unread = self.last - number
        if not 0 <= unread <= len(self._events):
            return None
        return reversed(list(islice(reversed(self._events), unread)))

    def raw(self, event: Event) -> bytes:
        """Return a serialized event, and correct the estimate of its size."""
        before = event.size
        raw = event.raw()
        if event.number > self.last - len(self._events):  # otherwise it was dropped after this reader had begun to read
            self._bytes += event.size - before
            self._trim()
        return raw

    def close(self) -> None:
        """Close all readers."""
        self.closed = True
        for reader in self.readers:
            reader.close()
        if self._awake:
            self._on_sleep()

    def _trim(self) -> None:
        """When there are too many events, drop the oldest until nine tenths of both bounds are left.

        If each new event took the place of an old one, the garbage collector, which counts how much more is made than
        freed, would wait for very many and then walk them at once.
        """
        if self._exceeds(1):
            while self._exceeds(0.9):
                self._bytes -= self._events.popleft().size

    def _exceeds(self, share: float) -> bool:
        return len(self._events) > share * KEPT_EVENTS or self._bytes > share * KEPT_BYTES

    def _wake(self) -> None:
        if self._bedtime is not None:
            self._bedtime.cancel()
            self._bedtime = None
        if not (self._awake or self.closed):
            self._awake = True
            self._on_wake()

    def _sleep(self) -> None:
        self._awake = False
        self._bedtime = None
        self._events.clear()
        self._bytes = 0
        self.last += 1  # a reader that reconnects with the last number has missed later events
        self._on_sleep()


class Reader:
    """A position in the feed. `news` is set when there are events to read, or when the feed is closed."""

    def __init__(self, feed: Feed, key: str | None, place: int) -> None:
        self.news = asyncio.Event()
        self._feed, self._key, self._place = feed, key, place
        self._until: int | None = None

    @property
    def closed(self) -> bool:
        """Whether no more events will come."""
        return self._until is not None

    def read(self) -> bytes:
        """Return new events up to a size; empty if there are none."""
        self.news.clear()
        unread = self._feed.after(self._place)
        if unread is None:
            after, self._place = self._place, self._feed.last
            return frame("missed", {"after": after}, self._place)
        chunks, size = [], 0
        for event in unread:
            if self._place == self._until:
                break
            self._place += 1
            if event.key is None or self._key in {None, event.key}:
                chunks.append(self._feed.raw(event))
                size += event.size
            if size >= CHUNK_BYTES:
                self.news.set()
                break
        return b"".join(chunks)

    def close(self) -> None:
        """End the reader after the current events."""
        if self._until is None:
            self._until = self._feed.last
        self.news.set()


def frame(kind: str, data: dict[str, object], number: int) -> bytes:
    """Serialize a server-sent event. ASCII JSON contains no line breaks."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (number, kind.encode(), json.dumps(data).encode())
