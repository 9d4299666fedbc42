"""A backend in this process: the interface in its plainest form. Handles of one state act as several workers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import repeat

from ltx_mock.core import system_time
from ltx_mock.store.backend import ALIVE_SECONDS, Change, Committed, Gone, Line, Missed, News, Outcome


@dataclass
class Space:
    """A space: each record with the version in which it was written."""

    version: int = 0
    records: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    def since(self, version: int) -> Missed:
        """Return what was written after a version; for 0, every record that is there."""
        written = {name: value for name, (at, value) in self.records.items() if at > version and (version or value)}
        return Missed(self.version, written)


@dataclass
class State:
    """What the handles share; `forgotten` counts what was removed from the history."""

    spaces: dict[str, Space] = field(default_factory=dict)
    last_line: int = 0
    history: list[str] = field(default_factory=list)
    forgotten: int = 0
    workers: dict[str, int] = field(default_factory=dict)
    written: asyncio.Event = field(default_factory=asyncio.Event)

    def empty(self) -> None:
        """Remove everything, as FLUSHALL does; no position of before is in the history any more."""
        self.spaces.clear()
        self.forgotten += len(self.history) + 1
        self.history.clear()

    def note(self, space: str) -> None:
        """Write into the history that a space changed, and wake who waits for that."""
        self.history.append(space)
        self.written.set()
        self.written = asyncio.Event()


class MemoryBackend:
    """See `ltx_mock.store.backend.Backend`."""

    def __init__(self, state: State | None = None) -> None:
        self._state = State() if state is None else state

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def commit(self, changes: Sequence[Change]) -> list[Outcome]:
        return [self._commit(change) for change in changes]

    def _commit(self, change: Change) -> Outcome:
        state = self._state
        if change.version == 0:
            state.spaces.setdefault(change.space, Space())
        space = state.spaces.get(change.space)
        if space is None:
            return Gone()
        if space.version != change.version:
            return space.since(change.version)
        space.version += 1
        space.records.update({name: (space.version, value) for name, value in change.records.items()})
        lines = [Line(number, line) for number, line in enumerate(change.lines, state.last_line + 1)]
        space.lines.extend(lines)
        state.last_line += len(lines)
        state.note(change.space)
        return Committed(space.version, lines[0].number if lines else 0)

    async def read(self, space: str, version: int = 0) -> Missed | Gone:
        found = self._state.spaces.get(space)
        return Gone() if found is None else found.since(version)

    async def remove(self, spaces: Sequence[str], versions: Sequence[int] | None = None) -> frozenset[str]:
        removed = set[str]()
        for name, version in zip(spaces, versions or repeat(None), strict=False):
            found = self._state.spaces.get(name)
            if found is not None and version in (None, found.version):
                del self._state.spaces[name]
                self._state.note(name)
                removed.add(name)
        return frozenset(removed)

    async def lines(self, space: str, after: int = 0) -> list[Line]:
        found = self._state.spaces.get(space, Space())
        return [line for line in found.lines if line.number > after]

    async def forget_lines(self, space: str, up_to: int) -> None:
        found = self._state.spaces.get(space, Space())
        found.lines[:] = [line for line in found.lines if line.number > up_to]

    async def space_of(self, record: str) -> str | None:
        for name, space in self._state.spaces.items():
            if space.records.get(record, (0, b""))[1]:
                return name
        return None

    async def news(self, position: str = "") -> News:
        history, forgotten = self._state.history, self._state.forgotten
        now = str(forgotten + len(history))
        known = int(position or now) - forgotten
        return News(now, frozenset(history[known:]) if known >= 0 else None)

    async def wait_for_news(self, position: str, seconds: float) -> None:
        if str(self._state.forgotten + len(self._state.history)) == position:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._state.written.wait(), seconds)

    async def sign_of_life(self, worker: str) -> frozenset[str]:
        now = await self.time_ns()
        self._state.workers[worker] = now
        return frozenset(name for name, at in self._state.workers.items() if now - at <= ALIVE_SECONDS * 1e9)

    async def time_ns(self) -> int:
        return system_time.unix_ns()
