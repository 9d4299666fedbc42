"""The store in memory."""

from __future__ import annotations

from itertools import count

from ltx_mock.core.clock import Clock
from ltx_mock.core.settings import MEBIBYTE, Settings
from ltx_mock.scenarios.model import Scenario
from ltx_mock.store.interface import ANONYMOUS
from ltx_mock.store.memory_budget import Budget, journals_to_shorten, tenants_to_forget
from ltx_mock.store.memory_tenant import MemoryTenant, Shared

MAX_IDLE_TENANTS = 10_000
MAX_TASK_BYTES = 512 * MEBIBYTE
"""The limit on the tasks of all keys without own settings; the least recently used keys are forgotten."""


class MemoryStore:
    """See `ltx_mock.store.interface.Store`."""

    clock: Clock

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._generations = count(1)
        self.reset()

    def move_clock(self, moment: int) -> None:
        """See `Store.move_clock`."""
        self.clock = self.clock.moved_to(moment)

    def set_clock(self, mode: str | None, speed: float | None) -> None:
        """See `Store.set_clock`."""
        self.clock = self.clock.changed(mode, speed)

    def reset(self) -> None:
        """See `Store.reset`."""
        self.clock = self._settings.new_clock()
        self._tenants: dict[str, MemoryTenant] = {}
        self._shared = Shared(
            Budget(self._settings.journal_memory * MEBIBYTE, self._shorten_journals),
            Budget(MAX_TASK_BYTES, self._forget_tenants),
        )
        self._crowd = MAX_IDLE_TENANTS
        self._ids: dict[str, str] = {"": ANONYMOUS}
        self._keys: dict[str, str] = {ANONYMOUS: ""}
        self._id_numbers = count(1)
        self.scenarios: tuple[Scenario, ...] = ()
        self._entry_numbers = count(1)

    def tenant(self, key: str) -> MemoryTenant:
        """See `Store.tenant`."""
        tenant = self._tenants.get(key)
        if tenant is None:
            self._make_room()
            tenant = self._begin(self._new(key, self._settings, self.clock))
        return tenant

    def open(self, key: str, settings: Settings) -> MemoryTenant:
        """See `Store.open`."""
        self.drop(key, forever=False)
        return self._begin(self._new(key, settings, settings.new_clock(), opened=True))

    def configure(self, settings: Settings) -> None:
        """See `Store.configure`."""
        self._settings = settings

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

    def add_scenario(self, scenario: Scenario) -> None:
        """See `Store.add_scenario`."""
        self.scenarios = (*self.scenarios, scenario)
        for tenant in self._tenants.values():
            tenant.activate(scenario)

    def drop_scenarios(self) -> None:
        """See `Store.drop_scenarios`."""
        self.scenarios = ()
        for tenant in self._tenants.values():
            tenant.drop_scenarios()

    def owner(self, task_id: str) -> MemoryTenant | None:
        """See `Store.owner`."""
        return self._shared.owners.get(task_id)

    @property
    def journal_bytes(self) -> int:
        """See `Store.journal_bytes`."""
        return self._shared.journals.used

    @property
    def task_bytes(self) -> int:
        """See `Store.task_bytes`."""
        return self._shared.tasks.used

    def drop(self, key: str, *, forever: bool = True) -> None:
        """See `Store.drop`."""
        tenant = self._tenants.pop(key, None)
        if tenant is not None:
            tenant.release()
        if forever and key and key in self._ids:
            del self._keys[self._ids.pop(key)]

    def _id(self, key: str) -> str:
        """Return the id of a key, a new one if it has none."""
        if key not in self._ids:
            tenant_id = f"t{next(self._id_numbers)}"
            self._ids[key], self._keys[tenant_id] = tenant_id, key
        return self._ids[key]

    def next_entry(self) -> int:
        """See `Store.next_entry`."""
        return next(self._entry_numbers)

    def _new(self, key: str, settings: Settings, clock: Clock, *, opened: bool = False) -> MemoryTenant:
        generation = next(self._generations)
        return MemoryTenant(self._id(key), key, settings, clock, self._shared, generation, opened=opened)

    def _begin(self, tenant: MemoryTenant) -> MemoryTenant:
        self._tenants[tenant.key] = tenant
        for scenario in self.scenarios:
            tenant.activate(scenario)
        return tenant

    def _make_room(self) -> None:
        """Remove idle tenants if there are too many, as after a flood of random keys."""
        if len(self._tenants) < self._crowd:
            return
        for tenant in self.tenants():
            if tenant.idle:
                self.drop(tenant.key)
        self._crowd = max(
            MAX_IDLE_TENANTS, 2 * len(self._tenants)
        )  # otherwise each new key would check all tenants again

    def _shorten_journals(self, size: int) -> None:
        for tenant in journals_to_shorten(self._tenants.values()):
            size -= tenant.shorten_journal(size)
            if size <= 0:
                return

    def _forget_tenants(self, size: int) -> None:
        for tenant in tenants_to_forget(self._tenants.values()):
            size -= tenant.task_bytes
            self.drop(tenant.key)
            if size <= 0:
                return
