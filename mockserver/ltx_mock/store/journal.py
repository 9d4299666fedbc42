"""The journal of one key in memory.

Its entries are packed, one string of bytes each: that takes less memory, and the garbage collector has nothing to walk.
A full journal loses an entry with each new one, so that the collector would wait for very many, then walk them at once.
A large entry is kept as it is, since it shares its body with its task, and so is one with findings.
"""

from __future__ import annotations

import marshal
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from ltx_mock.asgi.turns import Portion
from ltx_mock.core.cause import Cause
from ltx_mock.core.journal_entry import CallbackEntry, ClockEntry, DownloadEntry, Entry, RequestEntry

KINDS: dict[str, type[Entry]] = {each.__name__: each for each in (CallbackEntry, DownloadEntry, ClockEntry)}
"""The kinds that are packed with their names. Most entries are requests, which have none."""
WITHOUT_REFERENCES = 2
"""The version of marshal that does not look for values that occur twice."""
LARGE = 8 * 1024
"""The number of bytes from which a body is not copied."""
SEARCHED_AT_ONCE = 64 * 1024
"""The number of bytes that a search looks through before others can have a turn."""
PACKED_BYTES, ENTRY_BYTES = 100, 700
"""The overhead in bytes, of a packed entry and of another."""


class Packed(NamedTuple):
    """An entry as it is kept: its number, and its bytes or itself."""

    number: int
    data: bytes | Entry

    @property
    def size(self) -> int:
        """The approximate size in bytes."""
        return _size(self.data)

    def unpack(self) -> Entry:
        """Return the entry."""
        return _unpacked(self.data)


class Journal(Iterable[Entry]):
    """Entries in the order of their numbers, the oldest first. Whoever reads them reads those of the moment."""

    __slots__ = ("_numbers", "_packed")

    def __init__(self) -> None:
        self._numbers: deque[int] = deque()
        self._packed: deque[bytes | Entry] = deque()

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Entry]:
        return map(_unpacked, list(self._packed))

    def newest_first(self, after: int, values: Sequence[str | int], searched: Portion) -> Iterator[Packed | None]:
        """Yield the entries of the moment after a number as they are kept, the newest first.

        Those without one of `values` are left out, but for some that have its bytes elsewhere. `searched` measures
        the bytes that are looked through; for each of its portions None is yielded.
        """
        newer = len(self._numbers) - bisect_right(self._numbers, after)
        numbers, packed = islice(reversed(self._numbers), newer), islice(reversed(self._packed), newer)
        entries = map(Packed, list(numbers), list(packed))
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
        return _unpacked(self._packed[place]) if self._numbers[place] == number else None

    def of_task(self, task_id: str) -> Iterator[Entry]:
        """Yield the entries of a task, the oldest first."""
        name = packed_value(task_id)
        found = [each for each in self._packed if not isinstance(each, bytes) or name in each]
        return (entry for entry in map(_unpacked, found) if entry.task_id == task_id)

    def append(self, entry: Entry) -> int:
        """Add the newest entry, and return the bytes that it takes."""
        packed = _packed(entry)
        self._numbers.append(entry.number)
        self._packed.append(packed)
        return _size(packed)

    def remove_oldest(self) -> tuple[int, int]:
        """Remove the oldest entry, and return its number and the bytes that it took."""
        return self._numbers.popleft(), _size(self._packed.popleft())

    def take_newest(self) -> tuple[Entry, int]:
        """Remove the newest entry, and return it and the bytes that it took."""
        self._numbers.pop()
        packed = self._packed.pop()
        return _unpacked(packed), _size(packed)

    def clear(self) -> None:
        """Remove all entries."""
        self._numbers.clear()
        self._packed.clear()


def packed_value(value: str | int) -> bytes:
    """Return bytes that are in each packed entry with this value; others may have them too."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return marshal.dumps(value, WITHOUT_REFERENCES)


def _with_values(entries: Iterator[Packed], values: Sequence[bytes], searched: Portion) -> Iterator[Packed | None]:
    for entry in entries:
        data = entry.data
        if not isinstance(data, bytes):
            yield entry
            continue
        if searched.add(len(data)):
            yield None
        for value in values:
            if value not in data:
                break
        else:
            yield entry


def _packed(entry: Entry) -> bytes | Entry:
    if len(entry.request) >= LARGE:
        return entry
    fields: Any = tuple(entry) if type(entry) is RequestEntry else (type(entry).__name__, *entry)
    if entry.cause is not None:
        fields = tuple(tuple(each) if each is entry.cause else each for each in fields)
    try:
        return marshal.dumps(fields, WITHOUT_REFERENCES)
    except ValueError:  # it has findings
        return entry


def _unpacked(packed: bytes | Entry) -> Entry:
    if not isinstance(packed, bytes):
        return packed
    fields = marshal.loads(packed)  # noqa: S302 - of this process
    entry = KINDS[fields[0]](*fields[1:]) if fields[0] in KINDS else RequestEntry._make(fields)
    return entry if entry.cause is None else entry._replace(cause=Cause(*entry.cause))


def _size(packed: bytes | Entry) -> int:
    return PACKED_BYTES + len(packed) if isinstance(packed, bytes) else ENTRY_BYTES + packed.size
