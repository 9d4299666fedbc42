"""The store in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, count
from typing import TypeVar

from ltx_mock.asgi.turns import in_turns
from ltx_mock.core.clock import Clock
from ltx_mock.core.settings import MEBIBYTE, Settings
from ltx_mock.scenarios.model import Scenario
from ltx_mock.store.memory_budget import MAX_TASK_BYTES, Budget, next_crowd, shorten_journals, tenants_to_forget
from ltx_mock.store.memory_tenant import MemoryTenant, Shared
from ltx_mock.store.observers import Observers
from ltx_mock.store.tenant import ANONYMOUS, Tenant

T = TypeVar("T")


class MemoryStore:
    """See `ltx_mock.store.interface.Store`."""

    clock: Clock
    scenarios: tuple[Scenario, ...]

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.observers = Observers()
        self._generations = count(1)
        self._openings = count(1)
        self.worker = ""
        self._clear()

    def is_alive(self, worker: str) -> bool:
        """See `Store.is_alive`: there is one."""
        return worker == self.worker

    async def open(self) -> None:
        """See `Store.open`; all state is kept."""
        self.worker = str(next(self._openings))
        self.observers.workers_ended()

    async def close(self) -> None:
        """See `Store.close`."""

    async def refresh(self) -> None:
        """See `Store.refresh`."""

    async def run(self, tenant: Tenant, work: Callable[[Tenant], T]) -> T:
        """See `Store.run`."""
        return work(tenant)

    async def run_in_background(self, tenant: Tenant, work: Callable[[Tenant], T]) -> T:
        """See `Store.run_in_background`."""
        return work(tenant)

    async def move_clock(self, moment: int) -> None:
        """See `Store.move_clock`."""
        self.clock = self.clock.moved_to(moment)
        self.observers.tenant_changed(None)

    async def set_clock(self, mode: str | None, speed: float | None) -> None:
        """See `Store.set_clock`."""
        self.clock = self.clock.changed(mode, speed)
        self.observers.tenant_changed(None)

    async def reset(self) -> None:
        """See `Store.reset`."""
        removed, shared = self.tenants(), self._shared
        shared.end()
        self._clear()
        self.observers.server_reset()
        for tenant in removed:
            if tenant.opened:
                self._open(tenant.key, tenant.settings)
        await _done(chain.from_iterable(tenant.emptied(shared.owners) for tenant in removed))

    async def existing(self, key: str) -> MemoryTenant | None:
        """See `Store.existing`."""
        return self.find(key)

    async def tenant(self, key: str) -> MemoryTenant:
        """See `Store.tenant`."""
        return self._tenants.get(key) or self._make(key)

    async def open_tenant(self, key: str, settings: Settings | None) -> MemoryTenant:
        """See `Store.open_tenant`."""
        emptying: Iterable[None] = ()
        if (before := self._tenants.pop(key, None)) is not None:
            emptying = before.release()
            self.observers.tenants_removed([before], "reset")
        tenant = self._make(key) if settings is None else self._open(key, settings)
        await _done(emptying)
        return tenant

    async def configure(self, tenant: Tenant | None, change: Callable[[Settings], Settings]) -> Settings:
        """See `Store.configure`."""
        if isinstance(tenant, MemoryTenant):
            tenant.settings = change(tenant.settings)
            return tenant.settings
        self.settings = change(self.settings)
        changed: dict[int, tuple[Settings, Settings]] = {}  # most tenants share the settings of the server
        for each in self._tenants.values():
            before = each.settings
            if id(before) not in changed:
                changed[id(before)] = before, change(before)
            each.settings = changed[id(before)][1]
        return self.settings

    def find(self, key: str) -> MemoryTenant | None:
        """See `Store.find`."""
        return self._tenants.get(key)

    def find_id(self, tenant_id: str) -> MemoryTenant | None:
        """See `Store.find_id`."""
        key = self._keys.get(tenant_id)
        return None if key is None else self._tenants.get(key)

    def tenants(self) -> list[MemoryTenant]:
        """See `Store.tenants`."""
        return list(self._tenants.values())

    async def add_scenario(self, scenario: Scenario) -> None:
        """See `Store.add_scenario`."""
        self.scenarios = (*self.scenarios, scenario)
        self.observers.tenant_changed(None)
        async for tenant in in_turns(self.tenants()):
            tenant.activate(scenario)

    async def drop_scenarios(self) -> None:
        """See `Store.drop_scenarios`."""
        self.scenarios = ()
        self.observers.tenant_changed(None)
        async for tenant in in_turns(self.tenants()):
            tenant.drop_scenarios()

    def owner(self, task_id: str) -> MemoryTenant | None:
        """See `Store.owner`."""
        owner = self._shared.owners.get(task_id)
        return owner if owner is not None and self._tenants.get(owner.key) == owner else None

    async def find_owner(self, task_id: str) -> MemoryTenant | None:
        """See `Store.find_owner`."""
        return self.owner(task_id)

    async def drop(self, tenant: Tenant) -> None:
        """See `Store.drop`."""
        emptying = self._drop(tenant.key)
        self.observers.tenants_removed([tenant], "closed")
        await _done(emptying)

    @property
    def journal_bytes(self) -> int:
        """See `Store.journal_bytes`."""
        return self._shared.journals.used

    @property
    def task_bytes(self) -> int:
        """See `Store.task_bytes`."""
        return self._shared.tasks.used

    def _clear(self) -> None:
        self.clock = self.settings.new_clock()
        self._tenants: dict[str, MemoryTenant] = {}
        self._shared = Shared(
            self.observers,
            Budget(self.settings.journal_memory * MEBIBYTE, self._shorten_journals),
            Budget(MAX_TASK_BYTES, self._forget_tenants),
        )
        self._crowd = next_crowd(0)
        self._ids: dict[str, str] = {"": ANONYMOUS}
        self._keys: dict[str, str] = {ANONYMOUS: ""}
        self._id_numbers = count(1)
        self.scenarios = ()
        self._make("")

    def _drop(self, key: str) -> Iterator[None]:
        """Remove a tenant, and return what then removes its items."""
        if key:
            del self._keys[self._ids.pop(key)]
        return self._tenants.pop(key).release()

    def _id(self, key: str) -> str:
        """Return the id of a key, a new one if it has none."""
        if key not in self._ids:
            tenant_id = f"t{next(self._id_numbers)}"
            self._ids[key], self._keys[tenant_id] = tenant_id, key
        return self._ids[key]

    def _make(self, key: str) -> MemoryTenant:
        self._make_room()
        return self._begin(self._new(key, self.settings, self.clock))

    def _open(self, key: str, settings: Settings) -> MemoryTenant:
        return self._begin(self._new(key, settings, settings.new_clock(), opened=True))

    def _new(self, key: str, settings: Settings, clock: Clock, *, opened: bool = False) -> MemoryTenant:
        generation = next(self._generations)
        return MemoryTenant(self._id(key), key, settings, clock, self._shared, generation, opened=opened)

    def _begin(self, tenant: MemoryTenant) -> MemoryTenant:
        self._tenants[tenant.key] = tenant
        for scenario in self.scenarios:
            tenant.activate(scenario)
        self.observers.tenant_changed(tenant)
        return tenant

    def _make_room(self) -> None:
        """Remove idle tenants if there are too many, as after a flood of random keys."""
        if len(self._tenants) < self._crowd:
            return
        for tenant in self.tenants():
            if tenant.idle:
                deque(self._drop(tenant.key), 0)
        self._crowd = next_crowd(len(self._tenants))

    def _shorten_journals(self, size: int) -> None:
        shorten_journals(self._tenants.values(), size)

    def _forget_tenants(self, size: int) -> None:
        for tenant in tenants_to_forget(self._tenants.values()):
            size -= tenant.task_bytes
            deque(self._drop(tenant.key), 0)
            if size <= 0:
                return


async def _done(steps: Iterable[None]) -> None:
    """Take steps in turns with other requests."""
    async for _ in in_turns(steps):
        pass
