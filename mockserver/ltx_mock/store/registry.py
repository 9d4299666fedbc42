"""The list of all tenants, and what future ones begin with, as a worker's copy of a space in a backend."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import uuid4

from ltx_mock.core.clock import Clock
from ltx_mock.core.settings import AT_RUN_TIME, Settings
from ltx_mock.scenarios.matching import activate
from ltx_mock.scenarios.model import Scenario
from ltx_mock.store import codec
from ltx_mock.store.backend import Backend, Change, Committed, Gone, Missed
from ltx_mock.store.tenant import ANONYMOUS

POINTER, SPACE = "registry", "space"
"""The space that names the space of the list, and the record in it.

The list has a new space whenever it is made anew, as when somebody has emptied the store; so no worker can take it for
the one that it knows.
"""
SERVER, CLOCK, SCENARIOS, SETTINGS = "server", "clock", "scenarios", "settings"
TENANT = "tenant/"


class Registered(NamedTuple):
    """A tenant in the list: its key and id, its generation, the space that holds it, whether it has own settings."""

    key: str
    id: str
    generation: int
    space: str
    opened: bool


class Server(NamedTuple):
    """Numbers of the whole store: the last id and generation given, and how often all was reset.

    `lines` is a number below those of all journal lines since the last reset, whose entries are numbered from 1.
    """

    ids: int
    generations: int
    resets: int
    lines: int = 0


class Changed(NamedTuple):
    """What has changed.

    Attributes:
        removed: The tenants that are not in the list any more.
        reset: Whether everything was reset.
        future: Whether future tenants begin with another clock or other scenarios.
        settings: Whether the settings have changed.
        written: Whether this worker wrote it.
    """

    removed: Sequence[Registered] = ()
    reset: bool = False
    future: bool = False
    settings: bool = False
    written: bool = False

    def and_then(self, later: Changed) -> Changed:
        """Return what has changed by both."""
        return Changed(
            (*self.removed, *later.removed),
            self.reset or later.reset,
            self.future or later.future,
            self.settings or later.settings,
            later.written,
        )


class Registry:
    """The list of tenants.

    Attributes:
        settings: The settings of future tenants.
        clock: The initial clock of future tenants.
        scenarios: The initial scenarios of future tenants.
        server: Numbers of the whole store.
        space: The space of the list.
        future_since: The version in which that last changed which future tenants begin with.
    """

    def __init__(self, settings: Settings, backend: Backend) -> None:
        self._given, self._backend = settings, backend
        self.settings = settings
        self.clock = settings.new_clock()
        self.scenarios: tuple[Scenario, ...] = ()
        self.server = Server(0, 0, 0)
        self.space = ""
        self.future_since = self._version = 0
        self._offset_ns = 0
        self._lock = asyncio.Lock()
        self._by_key: dict[str, Registered] = {}
        self._by_id: dict[str, Registered] = {}

    async def open(self, offset_ns: int) -> None:
        """Read the list, or make it."""
        self._offset_ns = offset_ns
        self.clock = self._given.new_clock()
        await self.refresh()

    async def refresh(self, *, whole: bool = False) -> Changed:
        """Take over what others have written, and return what has changed.

        Args:
            whole: whether to read the whole list, since it may be another than before: one of a store that was emptied.
        """
        async with self._lock:
            return await self._take_over(
                Gone() if whole or not self.space else await self._backend.read(self.space, self._version)
            )

    async def change(self, make: Callable[[], Mapping[str, bytes]]) -> Changed:
        """Write the records that `make` returns, if any; it is called again if somebody else was first.

        Returns:
            What changed, also by others.
        """
        changed = Changed()
        async with self._lock:
            while records := make():
                (outcome,) = await self._backend.commit([Change(self.space, self._version, records)])
                if isinstance(outcome, Committed):
                    return changed.and_then(self._apply(Missed(outcome.version, records))._replace(written=True))
                changed = changed.and_then(await self._take_over(outcome))
        return changed

    async def _take_over(self, found: Missed | Gone) -> Changed:
        """Apply what was missed. If this is another list than before, read it as a whole; make it if there is none."""
        if isinstance(found, Missed) and found.version >= self._version:
            return self._apply(found)
        while isinstance(found := await self._read_whole(), Gone):
            pass
        if SETTINGS not in found.records:
            self.settings = self._given
        changed = self._apply(Missed(found.version, {**self.removal(*self._by_key), **found.records}))
        self._by_key = {each.key: each for each in sorted(self.all(), key=lambda each: each.generation)}
        return changed._replace(settings=True)

    async def _read_whole(self) -> Missed | Gone:
        """Read the list where it is now; if it is nowhere, make it and return `Gone`."""
        pointer = await self._backend.read(POINTER)
        if isinstance(pointer, Missed):
            if SPACE not in pointer.records:
                raise codec.UnreadableRecord("list of tenants", "its form is unknown")
            self.space = pointer.records[SPACE].decode()
            found = await self._backend.read(self.space)
            if isinstance(found, Missed):
                return found
        await self._make(pointer.version if isinstance(pointer, Missed) else 0)
        return Gone()

    async def _make(self, pointer: int) -> None:
        """Make an empty list, and let the pointer, which has this version, name it, unless another worker was first."""
        space, resets = f"list-{uuid4().hex}", self.server.resets + bool(self._version)
        first = self.server_record(self.server._replace(ids=0, resets=resets))
        first |= self.future_records(clock=self._given.new_clock(), scenarios=())
        await self._backend.commit([Change(space, 0, first)])
        [outcome] = await self._backend.commit([Change(POINTER, pointer, {SPACE: space.encode()})])
        if not isinstance(outcome, Committed):
            await self._backend.remove([space])

    def find(self, key: str) -> Registered | None:
        """Return the tenant of a key."""
        return self._by_key.get(key)

    def find_id(self, tenant_id: str) -> Registered | None:
        """Return the tenant with an id."""
        return self._by_id.get(tenant_id)

    def __len__(self) -> int:
        return len(self._by_key)

    def all(self) -> list[Registered]:
        """Return all tenants in order of creation."""
        return list(self._by_key.values())

    # ---- records to write

    def server_record(self, server: Server) -> dict[str, bytes]:
        """Return the record of the numbers."""
        return {SERVER: json.dumps(server).encode()}

    def future_records(
        self,
        *,
        clock: Clock | None = None,
        scenarios: tuple[Scenario, ...] | None = None,
        settings: Settings | None = None,
    ) -> dict[str, bytes]:
        """Return the records of what future tenants begin with, of what is given."""
        records = {}
        if clock is not None:
            records[CLOCK] = codec.clock_to_bytes(clock, self._offset_ns)
        if scenarios is not None:
            records[SCENARIOS] = codec.scenarios_to_bytes(tuple(map(activate, scenarios)))
        if settings is not None:
            records[SETTINGS] = json.dumps({name: getattr(settings, name) for name in AT_RUN_TIME}).encode()
        return records

    def registrations(self, tenants: Iterable[tuple[str, str, bool]], reset_at: int | None = None) -> dict[str, bytes]:
        """Return the records of new tenants.

        Args:
            tenants: the key of each, its space, and whether it has own settings.
            reset_at: if they replace all tenants, the number of the last journal line; otherwise they replace those
                that have their keys, and get their ids.
        """
        server, records = self.server, {}
        if reset_at is not None:
            server = server._replace(ids=0, resets=server.resets + 1, lines=reset_at)
            records = self.removal(*self._by_key)
        for key, space, opened in tenants:
            before = None if reset_at is not None else self.find(key)
            if key and before is None:
                server = server._replace(ids=server.ids + 1)
            tenant_id = before.id if before else f"t{server.ids}" if key else ANONYMOUS
            server = server._replace(generations=server.generations + 1)
            records[TENANT + key] = json.dumps([tenant_id, server.generations, space, opened]).encode()
        return records | self.server_record(server)

    def removal(self, *keys: str) -> dict[str, bytes]:
        """Return the records without these tenants."""
        return {TENANT + key: b"" for key in keys if key in self._by_key}

    def _apply(self, news: Missed) -> Changed:
        records, removed = news.records, []
        self._version = news.version
        resets = self.server.resets
        future, settings = CLOCK in records or SCENARIOS in records, SETTINGS in records
        if future or settings:
            self.future_since = self._version
        if SERVER in records:
            self.server = Server(*json.loads(records[SERVER]))
        if CLOCK in records:
            self.clock = codec.clock_from_bytes(records[CLOCK], self._offset_ns)
        if SCENARIOS in records:
            self.scenarios = tuple(each.scenario for each in codec.scenarios_from_bytes(records[SCENARIOS]))
        if SETTINGS in records:
            self.settings = self._given.replace(**json.loads(records[SETTINGS]))
        found = [
            self._registered(name.removeprefix(TENANT), value)
            for name, value in records.items()
            if name.startswith(TENANT)
        ]
        changed = [(key, new) for key, new in found if self._by_key.get(key) != new]
        for key, _ in changed:  # first, since others may have their ids now
            if (before := self._by_key.pop(key, None)) is not None:
                removed.append(before)
                del self._by_id[before.id]
        for new in sorted((new for _, new in changed if new), key=lambda new: new.generation):
            self._by_key[new.key] = self._by_id[new.id] = new
        return Changed(removed, self.server.resets != resets, future, settings)

    @staticmethod
    def _registered(key: str, value: bytes) -> tuple[str, Registered | None]:
        return key, Registered(key, *json.loads(value)) if value else None
