"""The feed of what happens: numbered events for any number of readers, in the form of server-sent events.

The events of a while are kept once for all readers, within bounds, and each reader has only a place in them. So one
that is slow costs nothing and holds up nobody: when what it has not read is gone, it is told that it missed something.
An event is put into words when the first reader gets to it, once for all of them.
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
"""What an event takes beside the bodies in it, until it is known."""
CHUNK_BYTES = 64 * 1024
LINGER_SECONDS = 60.0
"""How long events are kept on after the last reader has left, in real time: it may have lost its connection."""


class Event:
    """One event. `key` is the API key that it is about; None where it is about all. `size` is in bytes."""

    __slots__ = ("_data", "_raw", "key", "kind", "number", "size")

    def __init__(self, number: int, kind: str, data: Data, key: str | None, size: int) -> None:
        self.number, self.kind, self.key, self.size = number, kind, key, size
        self._data: Data | None = data
        self._raw = b""

    def raw(self) -> bytes:
        """Return the event as it goes over the wire. Its size is known from now on."""
        if self._data is not None:
            self._raw = frame(self.kind, self._data(), self.number)
            self.size, self._data = len(self._raw), None
        return self._raw


class Feed:
    """Keeps events while somebody reads them, and for some time after.

    Args:
        first: the number before that of the first event. One that no earlier feed has reached lets a reader who was
            there before learn that this is another feed.
        on_wake: called when the first reader comes.
        on_sleep: called when nobody has read for a while.
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
        """Add an event for the readers of one API key and of all, or without a key for everybody.

        Args:
            kind: what kind of event.
            data: gives its data, whenever it is called the same.
            key: the API key that it is about.
            size: about how many bytes of bodies are in it.
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
        """Come as a reader of one API key's events, or of all; with `after`, of those after the one of this number."""
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
        """Return the events after the one of this number, or None when some of them are no longer there."""
        unread = self.last - number
        if not 0 <= unread <= len(self._events):
            return None
        return reversed(list(islice(reversed(self._events), unread)))

    def raw(self, event: Event) -> bytes:
        """Return an event as it goes over the wire. It may turn out larger than it was taken for."""
        before = event.size
        raw = event.raw()
        if event.number > self.last - len(self._events):  # else it was let go, after this reader had begun to read
            self._bytes += event.size - before
            self._trim()
        return raw

    def close(self) -> None:
        """Let all readers come to their end, at once."""
        self.closed = True
        for reader in self.readers:
            reader.close()
        if self._awake:
            self._on_sleep()

    def _trim(self) -> None:
        while len(self._events) > KEPT_EVENTS or self._bytes > KEPT_BYTES:
            self._bytes -= self._events.popleft().size

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
        self.last += 1  # who comes back with the number of the last event has missed what comes now
        self._on_sleep()


class Reader:
    """A place in the feed. `news` is set when there is something to read, or when it is over."""

    def __init__(self, feed: Feed, key: str | None, place: int) -> None:
        self.news = asyncio.Event()
        self._feed, self._key, self._place = feed, key, place
        self._until: int | None = None

    @property
    def closed(self) -> bool:
        """Whether there will be nothing more than what there is."""
        return self._until is not None

    def read(self) -> bytes:
        """Return what has come since, up to a size; nothing when there is nothing."""
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
        """Let the reader come to its end when it has read what there is."""
        if self._until is None:
            self._until = self._feed.last
        self.news.set()


def frame(kind: str, data: dict[str, object], number: int) -> bytes:
    """Return a server-sent event. In ASCII JSON no line ends where it should not."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (number, kind.encode(), json.dumps(data).encode())
