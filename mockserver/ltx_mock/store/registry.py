"""The list of all tenants, and what future ones begin with, as a worker's copy of a space in a backend."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ltx_mock.core.clock import Clock
from ltx_mock.core.settings import AT_RUN_TIME, Settings
from ltx_mock.scenarios.matching import activate
from ltx_mock.scenarios.model import Scenario
from ltx_mock.store import codec
from ltx_mock.store.backend import Backend, Change, Committed, Gone, Missed
from ltx_mock.store.tenant import ANONYMOUS

SPACE = "registry"
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
    """Numbers of the whole store: the last id and generation given, how often all was reset, and the seed."""

    ids: int
    generations: int
    resets: int
    seed: int


class Changed(NamedTuple):
    """What a change of the list means for others."""

    removed: list[Registered]
    reset: bool
    future: bool


class Registry:
    """The list of tenants.

    Attributes:
        settings: The settings of future tenants.
        clock: The initial clock of future tenants.
        scenarios: The initial scenarios of future tenants.
        server: Numbers of the whole store.
    """

    def __init__(self, settings: Settings, backend: Backend) -> None:
        self._given, self._backend = settings, backend
        self.settings = settings
        self.clock = settings.new_clock()
        self.scenarios: tuple[Scenario, ...] = ()
        self.server = Server(0, 0, 0, settings.seed)
        self._version = 0
        self._offset_ns = 0
        self._by_key: dict[str, Registered] = {}
        self._by_id: dict[str, Registered] = {}

    async def open(self, offset_ns: int) -> None:
        """Read the list, or make it."""
        self._offset_ns = offset_ns
        self.clock = self._given.new_clock()
        if isinstance(await self._backend.read(SPACE), Gone):
            await self._backend.commit([Change(SPACE, 0, self.future_records() | self.server_record(self.server))])
        await self.refresh()

    async def refresh(self) -> Changed:
        """Take over what others have written."""
        found = await self._backend.read(SPACE, self._version)
        return self._apply(found) if isinstance(found, Missed) else Changed([], reset=False, future=False)

    async def change(self, make: Callable[[], Mapping[str, bytes]]) -> Changed:
        """Write the records that `make` returns, if any; it is called again if somebody else was first.

        Returns:
            What changed, also by others.
        """
        changed = Changed([], reset=False, future=False)
        while records := make():
            (outcome,) = await self._backend.commit([Change(SPACE, self._version, records)])
            if isinstance(outcome, Committed):
                return _sum(changed, self._apply(Missed(outcome.version, records)))
            if isinstance(outcome, Missed):
                changed = _sum(changed, self._apply(outcome))
        return changed

    def find(self, key: str) -> Registered | None:
        """Return the tenant of a key."""
        return self._by_key.get(key)

    def find_id(self, tenant_id: str) -> Registered | None:
        """Return the tenant with an id."""
        return self._by_id.get(tenant_id)

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
        """Return the records of what future tenants begin with; the given ones, or all if none is given."""
        everything = clock is None and scenarios is None and settings is None
        records = {}
        if clock is not None or everything:
            records[CLOCK] = codec.clock_to_bytes(clock or self.clock, self._offset_ns)
        if scenarios is not None or everything:
            records[SCENARIOS] = codec.scenarios_to_bytes(tuple(map(activate, scenarios or ())))
        if settings is not None:
            records[SETTINGS] = json.dumps({name: _plain(getattr(settings, name)) for name in AT_RUN_TIME}).encode()
        return records

    def registration(self, key: str, space: str, *, opened: bool, keep_id: bool = True) -> dict[str, bytes]:
        """Return the records of a new tenant of a key, in place of that which it has."""
        before, server = self.find(key), self.server
        tenant_id = before.id if before and keep_id else ANONYMOUS if not key else f"t{server.ids + 1}"
        ids = server.ids if (before and keep_id) or not key else server.ids + 1
        server = server._replace(ids=ids, generations=server.generations + 1)
        entry = [tenant_id, server.generations, space, opened]
        return self.server_record(server) | {TENANT + key: json.dumps(entry).encode()}

    def removal(self, *keys: str) -> dict[str, bytes]:
        """Return the records without these tenants."""
        return {TENANT + key: b"" for key in keys if key in self._by_key}

    def _apply(self, news: Missed) -> Changed:
        records, removed = news.records, []
        self._version = news.version
        resets = self.server.resets
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
        for key, new in sorted(found, key=lambda each: each[1].generation if each[1] else 0):
            if (before := self._by_key.get(key)) == new:
                continue
            if before is not None:
                removed.append(before)
                del self._by_key[key], self._by_id[before.id]
            if new is not None:
                self._by_key[key] = self._by_id[new.id] = new
        return Changed(removed, self.server.resets != resets, CLOCK in records or SCENARIOS in records)

    @staticmethod
    def _registered(key: str, value: bytes) -> tuple[str, Registered | None]:
        return key, Registered(key, *json.loads(value)) if value else None


def _sum(one: Changed, other: Changed) -> Changed:
    return Changed([*one.removed, *other.removed], one.reset or other.reset, one.future or other.future)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
