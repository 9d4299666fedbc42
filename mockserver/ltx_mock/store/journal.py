"""The journal of one key in memory.

Its entries are packed, one string of bytes each: that takes less memory, and the garbage collector has nothing to walk.
A full journal loses an entry with each new one, so that the collector would wait for very many, then walk them at once.
The body of a large request is kept beside them: a task shares it, so a copy would take as much memory again.
"""

from __future__ import annotations

import marshal
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import islice, repeat
from operator import attrgetter
from typing import Any, NamedTuple, cast

from ltx_mock.asgi.turns import Portion
from ltx_mock.core.cause import Cause
from ltx_mock.core.journal_entry import CallbackEntry, ClockEntry, DownloadEntry, Entry, RequestEntry
from ltx_mock_contracts.validation.findings import Finding

KINDS: dict[str, type[Entry]] = {each.__name__: each for each in (CallbackEntry, DownloadEntry, ClockEntry)}
"""The kinds that are packed with their names. Most entries are requests, which have none."""
WITHOUT_REFERENCES = 2
"""The version of marshal that does not look for values that occur twice."""
LARGE = 8 * 1024
"""The number of bytes from which a request's body is not copied."""
SEARCHED_AT_ONCE = 64 * 1024
"""The number of bytes that a search looks through before others can have a turn."""
ENTRY_BYTES = 100
"""The overhead of an entry in bytes."""
_NAMES = tuple(each.name for each in fields(Finding))
_request_of = tuple.__new__  # `RequestEntry._make` without its check of the length
_values_of = attrgetter(*_NAMES)


class Packed(NamedTuple):
    """An entry as it is kept: its number, its bytes, and the body of its request if that is large."""

    number: int
    data: bytes
    body: bytes | None = None

    @property
    def size(self) -> int:
        """The approximate size in bytes."""
        return _size(self.data, self.body)

    def unpack(self) -> Entry:
        """Return the entry."""
        values = marshal.loads(self.data)  # noqa: S302 - of this process
        kind = values[0]
        entry: Entry = KINDS[kind](*values[1:]) if type(kind) is str else _request_of(RequestEntry, values)
        if entry.cause is not None:
            entry = entry._replace(cause=Cause(*entry.cause))
        if isinstance(entry, RequestEntry) and entry.findings:
            entry = entry._replace(findings=tuple([_finding(each) for each in cast("Any", entry.findings)]))
        return entry if self.body is None else _with_request(entry, self.body)


class Journal(Iterable[Entry]):
    """Entries in the order of their numbers, the oldest first. Whoever reads them reads those of the moment."""

    __slots__ = ("_bodies", "_numbers", "_packed")

    def __init__(self) -> None:
        self._numbers: deque[int] = deque()
        self._packed: deque[bytes] = deque()
        self._bodies: dict[int, bytes] = {}
        """The large bodies of requests by the numbers of their entries."""

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Entry]:
        return map(Packed.unpack, self._kept(self._numbers, self._packed))

    def _kept(self, numbers: Iterable[int], packed: Iterable[bytes]) -> Iterator[Packed]:
        """Return entries as they are kept at this moment."""
        found = list(numbers)
        return map(Packed, found, list(packed), [*map(self._bodies.get, found)] if self._bodies else repeat(None))

    def newest_first(self, after: int, values: Sequence[str | int], searched: Portion) -> Iterator[Packed | None]:
        """Yield the entries of the moment after a number as they are kept, the newest first.

        Those without one of `values` are left out, but for some that have its bytes elsewhere. `searched` measures
        the bytes that are looked through; for each of its portions None is yielded.
        """
        newer = len(self._numbers) - bisect_right(self._numbers, after)
        entries = self._kept(islice(reversed(self._numbers), newer), islice(reversed(self._packed), newer))
        return _with_values(entries, [packed_value(each) for each in values], searched) if values else entries

    @property
    def first(self) -> int:
        """The number of the oldest entry; 0 without one."""
        return self._numbers[0] if self._numbers else 0

    @property
    def last(self) -> int:
        """The number of the newest entry; 0 without one."""
        return self._numbers[-1] if self._numbers else 0

    def entry(self, number: int) -> Entry | None:
        """Return the entry with this number."""
        if not 0 < self.first <= number <= self.last:
            return None
        place = bisect_left(self._numbers, number)
        found = self._numbers[place] == number
        return Packed(number, self._packed[place], self._bodies.get(number)).unpack() if found else None

    def of_task(self, task_id: str) -> Iterator[Entry]:
        """Yield the entries of a task, the oldest first."""
        name = packed_value(task_id)
        found = [place for place, each in enumerate(self._packed) if name in each]
        numbers, packed = list(self._numbers), list(self._packed)
        entries = self._kept([numbers[place] for place in found], [packed[place] for place in found])
        return (entry for each in entries if (entry := each.unpack()).task_id == task_id)

    def append(self, entry: Entry) -> int:
        """Add the newest entry, and return the bytes that it takes."""
        number, body = entry.number, None
        if len(entry.request) >= LARGE:
            body, entry = entry.request, _with_request(entry, b"")
        packed = _packed(entry)
        if body is not None:
            self._bodies[number] = body
        self._numbers.append(number)
        self._packed.append(packed)
        return _size(packed, body)

    def remove_oldest(self) -> tuple[int, int]:
        """Remove the oldest entry, and return its number and the bytes that it took."""
        number, packed = self._numbers.popleft(), self._packed.popleft()
        return number, _size(packed, self._take_body(number))

    def take_newest(self) -> tuple[Entry, int]:
        """Remove the newest entry, and return it and the bytes that it took."""
        number, packed = self._numbers.pop(), self._packed.pop()
        taken = Packed(number, packed, self._take_body(number))
        return taken.unpack(), taken.size

    def _take_body(self, number: int) -> bytes | None:
        return self._bodies.pop(number, None) if self._bodies else None

    def clear(self) -> None:
        """Remove all entries."""
        self._numbers.clear()
        self._packed.clear()
        self._bodies.clear()


def packed_value(value: str | int) -> bytes:
    """Return bytes that are in each packed entry with this value; others may have them too."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return marshal.dumps(value, WITHOUT_REFERENCES)


def _with_values(entries: Iterator[Packed], values: Sequence[bytes], searched: Portion) -> Iterator[Packed | None]:
    for entry in entries:
        data = entry.data
        if searched.add(len(data)):
            yield None
        for value in values:
            if value not in data:
                break
        else:
            yield entry


def _packed(entry: Entry) -> bytes:
    values: Any = tuple(entry) if type(entry) is RequestEntry else (type(entry).__name__, *entry)
    if entry.cause is not None or entry.findings:
        values = tuple([_plain(each, entry) for each in values])
    return marshal.dumps(values, WITHOUT_REFERENCES)


def _plain(value: Any, entry: Entry) -> Any:
    if value is entry.findings:
        return tuple(map(_values_of, entry.findings))
    return tuple(value) if value is entry.cause and value is not None else value


def _finding(values: Sequence[Any]) -> Finding:
    return Finding(**dict(zip(_NAMES, values, strict=True)))


def _with_request(entry: Entry, body: bytes) -> Entry:
    return entry._replace(request=body) if isinstance(entry, RequestEntry | CallbackEntry) else entry


def _size(packed: bytes, body: bytes | None) -> int:
    return ENTRY_BYTES + len(packed) + (0 if body is None else len(body))
