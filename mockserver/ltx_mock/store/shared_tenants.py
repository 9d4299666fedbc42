"""The tenants of a shared store: their list, and the copies that a worker keeps of them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any
from uuid import uuid4

from ltx_mock.core import system_time
from ltx_mock.core.clock import Clock
from ltx_mock.core.settings import Settings
from ltx_mock.scenarios.model import Scenario
from ltx_mock.store.backend import Backend, Change, Committed, Gone
from ltx_mock.store.copies import Copies
from ltx_mock.store.memory_budget import next_crowd
from ltx_mock.store.memory_tenant import Shared
from ltx_mock.store.observers import Observers
from ltx_mock.store.reach import Reach
from ltx_mock.store.registry import Changed, Registered, Registry
from ltx_mock.store.replica import ReplicaTenant
from ltx_mock.store.tenant import Tenant

READS_AT_ONCE = 16
REMOVED_AT_ONCE = 250


class SharedTenants:
    """Makes, loads and removes tenants, and learns of those that other workers have made or removed.

    Args:
        settings: the settings of the server.
        backend: where the state lies.
        copies: the copies of tenants.
        reach: is told when the backend cannot be reached.
        observers: are notified of what comes and goes.

    Attributes:
        registry: The list of tenants.
    """

    def __init__(
        self, settings: Settings, backend: Backend, copies: Copies, reach: Reach, observers: Observers
    ) -> None:
        self._given, self._backend, self._copies, self._reach = settings, backend, copies, reach
        self._observers = observers
        self.registry = Registry(settings, backend)
        self._loads: dict[str, asyncio.Task[ReplicaTenant | None]] = {}
        self._offset_ns = 0
        self._crowd = next_crowd(0)

    async def open(self) -> None:
        """Read all tenants, as a worker that knows nothing."""
        self.registry = Registry(self._given, self._backend)
        self._offset_ns = await self._backend.time_ns() - system_time.monotonic_ns()
        await self.registry.open(self._offset_ns)
        await self.get("")
        await self.load_all()

    def find(self, key: str) -> ReplicaTenant | None:
        """Return the copy of the tenant of a key, or None."""
        registered = self.registry.find(key)
        return self._copies.get(registered.space) if registered else None

    def find_id(self, tenant_id: str) -> ReplicaTenant | None:
        """Return the copy of the tenant with an id, or None."""
        registered = self.registry.find_id(tenant_id)
        return self._copies.get(registered.space) if registered else None

    def all(self) -> list[ReplicaTenant]:
        """Return the copies of all tenants in order of creation."""
        return [copy for each in self.registry.all() if (copy := self._copies.get(each.space)) is not None]

    async def get(self, key: str) -> Tenant:
        """Return the tenant of a key; make it if the key is new."""
        return self.find(key) or await self.existing(key) or await self.make(key, None)

    async def existing(self, key: str) -> Tenant | None:
        """Return the tenant of a key, or None, with a look at what other workers did."""
        while True:
            await self.learn()
            registered = self.registry.find(key)
            if registered is None:
                return None
            if (copy := await self.load(registered)) is not None:
                return copy
            await self.find_out(registered)

    # ---- copies

    async def load(self, registered: Registered) -> ReplicaTenant | None:
        """Return the copy of a tenant, read it if there is none; None if the tenant was removed meanwhile."""
        if (copy := self._copies.get(registered.space)) is not None:
            return copy
        load = self._loads.get(registered.space)
        if load is None:
            load = self._loads[registered.space] = asyncio.create_task(self._read(registered))
            load.add_done_callback(lambda _: self._loads.pop(registered.space, None))
        with self._reach.required():
            return await asyncio.shield(load)

    async def load_all(self) -> None:
        """Read all tenants."""
        await some_at_once(self.load(each) for each in self.registry.all() if each.space not in self._copies)

    async def _read(self, registered: Registered) -> ReplicaTenant | None:
        found = await self._backend.read(registered.space)
        if isinstance(found, Gone) or self.registry.find(registered.key) != registered:
            return None
        copy = self._new_copy(registered, self.registry.settings, self.registry.clock, self._copies.shared)
        self._copies.add(copy, found)
        return copy

    def _new_copy(self, registered: Registered, settings: Settings, clock: Clock, shared: Shared) -> ReplicaTenant:
        lines = self.registry.server.lines
        return ReplicaTenant(registered, settings, clock, shared, offset_ns=self._offset_ns, lines=lines)

    # ---- the list

    async def learn(self, *, whole: bool = False) -> None:
        """Take over what other workers have written into the list of tenants; see `Registry.refresh`."""
        with self._reach.required():
            self._note(await self.registry.refresh(whole=whole))
        if self.registry.find("") is None:  # the store was emptied, or is new
            await self.make("", None)

    async def find_out(self, registered: Registered) -> None:
        """Learn why a tenant has no space: it was removed; if not, its state is lost, and it is removed now."""

        def removal() -> dict[str, bytes]:
            lost = self.registry.find(registered.key) == registered
            return self.registry.removal(registered.key) if lost else {}

        await self.learn(whole=True)
        await self.register(removal)

    async def register(self, make: Callable[[], dict[str, bytes]]) -> bool:
        """Change the list of tenants; remove the spaces of those that are not in it any more. See `Registry.change`."""
        with self._reach.required():
            changed = await self.registry.change(make)
        self._note(changed)
        await self._remove_spaces([each.space for each in changed.removed])
        return changed.written

    def _note(self, changed: Changed) -> None:
        """Forget tenants that are not in the list any more, and notify of that."""
        copies = [copy for each in changed.removed if (copy := self._copies.get(each.space)) is not None]
        for copy in copies:
            self._copies.forget(copy)
        if changed.reset:
            self._observers.server_reset()
        else:
            for copy in copies:
                self._observers.tenants_removed([copy], "reset" if self.registry.find(copy.key) else "closed")
        if changed.future:
            self._observers.tenant_changed(None)
        if changed.settings:
            self._copies.configure(self.registry.settings)

    # ---- new tenants

    async def make(self, key: str, settings: Settings | None, *, replace: bool = False) -> Tenant:
        """Make a tenant; without `replace`, return the one that another worker made meanwhile."""
        if len(self.registry) >= self._crowd:
            await self._make_room()
        while (made := await self._try_to_make(key, settings, replace=replace)) is None:
            pass
        self._observers.tenant_changed(made)
        return made

    async def _try_to_make(self, key: str, settings: Settings | None, *, replace: bool) -> ReplicaTenant | None:
        """Write a new tenant and register it, unless what it has to begin with has changed meanwhile."""
        registry = self.registry
        draft, since = self._draft(key, settings, registry.clock, registry.scenarios), registry.future_since

        def registration() -> dict[str, bytes]:
            right = registry.future_since == since and (replace or registry.find(key) is None)
            return registry.registrations([(key, draft.space, draft.opened)]) if right else {}

        await self._write([draft])
        written = await self.register(registration)
        if not written:
            await self._remove_spaces([draft.space])
        registered = registry.find(key)
        return await self.load(registered) if registered and (written or not replace) else None

    def _draft(self, key: str, settings: Settings | None, clock: Clock, scenarios: Iterable[Scenario]) -> ReplicaTenant:
        """Return a new tenant, with own settings unless they are None, that is not written yet."""
        registered = Registered(key, "", 0, f"tenant-{uuid4().hex}", settings is not None)
        clock = settings.new_clock() if settings else clock
        draft = self._new_copy(registered, settings or self.registry.settings, clock, Shared.nothing())
        for scenario in scenarios:
            draft.activate(scenario)
        return draft

    async def _write(self, drafts: Sequence[ReplicaTenant]) -> None:
        with self._reach.required():
            await self._backend.commit([Change(draft.space, 0, draft.changed_records()) for draft in drafts])

    async def try_to_reset(self) -> bool:
        """Replace all tenants, unless another worker has opened one with own settings meanwhile, or closed one."""
        registry, clock = self.registry, self.registry.settings.new_clock()
        opened = [each for each in self.all() if each.opened]
        drafts = [
            self._draft("", None, clock, ()),
            *(self._draft(each.key, each.settings, clock, ()) for each in opened),
        ]
        generations = [each.generation for each in opened]
        lines = await self._last_line()

        def cleared() -> dict[str, bytes]:
            if generations != [each.generation for each in registry.all() if each.opened]:
                return {}
            new = [(draft.key, draft.space, draft.opened) for draft in drafts]
            return registry.registrations(new, lines) | registry.future_records(clock=clock, scenarios=())

        await self._write(drafts)
        written = await self.register(cleared)
        if not written:
            await self._remove_spaces([draft.space for draft in drafts])
        return written

    async def _last_line(self) -> int:
        """Return the number of the last journal line of all, which is written for that."""
        space = f"reset-{uuid4().hex}"
        with self._reach.required():
            (outcome,) = await self._backend.commit([Change(space, 0, {}, [b""])])
        await self._remove_spaces([space])
        return outcome.first_line if isinstance(outcome, Committed) else 0

    # ---- removal

    async def drop(self, tenant: Tenant) -> None:
        """Remove a tenant."""
        registry = self.registry

        def removal() -> dict[str, bytes]:
            found = registry.find(tenant.key)
            return registry.removal(tenant.key) if found and found.generation == tenant.generation else {}

        await self.register(removal)

    async def _make_room(self) -> None:
        """Remove idle tenants, those that nobody changes meanwhile."""
        self._crowd = sys.maxsize  # once at a time
        try:
            with self._reach.required():
                await self.load_all()
                idle = [copy for copy in self._copies if copy.idle and not self._copies.is_busy(copy.space)]
                for some in (idle[start : start + REMOVED_AT_ONCE] for start in range(0, len(idle), REMOVED_AT_ONCE)):
                    removed = await self._backend.remove([copy.space for copy in some], [copy.version for copy in some])
                    await self._unregister([copy for copy in some if copy.space in removed])
        finally:
            self._crowd = next_crowd(len(self.registry))

    async def _unregister(self, copies: Sequence[ReplicaTenant]) -> None:
        """Take tenants out of the list, those that are still in it."""
        spaces = {copy.space for copy in copies}
        registry = self.registry
        await self.register(lambda: registry.removal(*(each.key for each in registry.all() if each.space in spaces)))

    async def _remove_spaces(self, spaces: Sequence[str]) -> None:
        if spaces:
            with self._reach.required():
                await self._backend.remove(spaces)


async def some_at_once(reads: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Wait for coroutines that read from the backend, not all of them at once."""
    free = asyncio.Semaphore(READS_AT_ONCE)

    async def run(read: Coroutine[Any, Any, object]) -> None:
        async with free:
            await read

    await asyncio.gather(*map(run, reads))
