"""The journal of one key in memory.

Its entries are packed, one string of bytes each: that takes less memory, and the garbage collector has nothing to walk.
A full journal loses an entry with each new one, so that the collector would wait for very many, then walk them at once.
"""

from __future__ import annotations

import marshal
import pickle
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ltx_mock.core.cause import Cause
from ltx_mock.core.journal_entry import CallbackEntry, ClockEntry, DownloadEntry, Entry, RequestEntry

KINDS: dict[str, type[Entry]] = {each.__name__: each for each in (CallbackEntry, DownloadEntry, ClockEntry)}
"""The kinds that are packed with their names. Most entries are requests, which have none."""
WITHOUT_REFERENCES = 2
"""The version of marshal that does not look for values that occur twice."""
ENTRY_BYTES = 100
"""The overhead of an entry in bytes."""


class Packed(NamedTuple):
    """An entry as it is kept: its number, and its bytes."""

    number: int
    data: bytes

    def unpack(self) -> Entry:
        """Return the entry."""
        return _unpacked(self.data)


class Journal(Iterable[Entry]):
    """Entries in the order of their numbers, the oldest first. Whoever reads them reads those of the moment."""

    __slots__ = ("_numbers", "_packed")

    def __init__(self) -> None:
        self._numbers: deque[int] = deque()
        self._packed: deque[bytes] = deque()

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Entry]:
        return map(_unpacked, list(self._packed))

    def newest_first(self) -> Iterator[Packed]:
        """Yield the entries of the moment as they are kept, the newest first."""
        return map(Packed, list(reversed(self._numbers)), list(reversed(self._packed)))

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
        name = task_id.encode("utf-8", "surrogatepass")  # as both write it
        found = map(_unpacked, [packed for packed in self._packed if name in packed])
        return (entry for entry in found if entry.task_id == task_id)

    def append(self, entry: Entry) -> int:
        """Add the newest entry, and return the bytes that it takes."""
        packed = _packed(entry)
        self._numbers.append(entry.number)
        self._packed.append(packed)
        return ENTRY_BYTES + len(packed)

    def remove_oldest(self) -> tuple[int, int]:
        """Remove the oldest entry, and return its number and the bytes that it took."""
        return self._numbers.popleft(), ENTRY_BYTES + len(self._packed.popleft())

    def take_newest(self) -> tuple[Entry, int]:
        """Remove the newest entry, and return it and the bytes that it took."""
        self._numbers.pop()
        packed = self._packed.pop()
        return _unpacked(packed), ENTRY_BYTES + len(packed)

    def clear(self) -> None:
        """Remove all entries."""
        self._numbers.clear()
        self._packed.clear()


def _packed(entry: Entry) -> bytes:
    """Return an entry as bytes: by marshal, which is fastest; by pickle if a value is not plain."""
    fields: Any = tuple(entry) if type(entry) is RequestEntry else (type(entry).__name__, *entry)
    if entry.cause is not None:
        fields = tuple(tuple(each) if each is entry.cause else each for each in fields)
    try:
        return marshal.dumps(fields, WITHOUT_REFERENCES)
    except ValueError:
        return pickle.dumps(entry)


def _unpacked(packed: bytes) -> Entry:
    if packed.startswith(pickle.PROTO):
        entry: Entry = pickle.loads(packed)  # noqa: S301 - of this process
        return entry
    fields = marshal.loads(packed)  # noqa: S302 - of this process
    entry = KINDS[fields[0]](*fields[1:]) if fields[0] in KINDS else RequestEntry(*fields)
    return entry if entry.cause is None else entry._replace(cause=Cause(*entry.cause))
