"""The store whose state lies in a backend, so that it survives and several workers can share it.

A worker keeps copies of the tenants that it has worked on (`replica`, `copies`). All units of work that wait are run on
them and committed together (`commits`). If another worker was first, the changes are taken back, what was missed is
taken over, and the units are run again. The list of tenants is a space of its own (`registry`).
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar
from uuid import uuid4

from ltx_mock.core import system_time
from ltx_mock.core.clock import Clock
from ltx_mock.core.settings import Settings
from ltx_mock.errors import LtxMockError, UnavailableError
from ltx_mock.scenarios.model import Scenario
from ltx_mock.store.backend import ALIVE_SECONDS, Backend, BackendError, Change, Committed, Gone, Missed
from ltx_mock.store.commits import Commits, ForgottenError, stopping
from ltx_mock.store.copies import Copies, new_copy
from ltx_mock.store.memory_budget import next_crowd
from ltx_mock.store.memory_tenant import Shared
from ltx_mock.store.observers import Observers, Outbox
from ltx_mock.store.reach import Reach
from ltx_mock.store.registry import POINTER, Changed, Registered, Registry
from ltx_mock.store.replica import TASK, ReplicaTenant
from ltx_mock.store.tenant import Tenant

T = TypeVar("T")

SIGN_SECONDS = 1.0
"""The time between two signs of life of a worker, in real seconds."""
RETRY_SECONDS = 0.2
"""The time between two tries to reach a backend, for work that must not be lost."""
LISTEN_SECONDS = 5.0
"""How long a worker waits for news before it looks whether anybody still listens."""
READS_AT_ONCE = 16
REMOVED_AT_ONCE = 250


class _RemovedError(Exception):
    """The tenant was removed or replaced."""


class SharedStore:
    """See `ltx_mock.store.interface.Store`.

    Args:
        settings: the settings of the server.
        backend: where the state lies.
    """

    def __init__(self, settings: Settings, backend: Backend) -> None:
        self.observers = Observers()
        self.worker = uuid4().hex
        self._backend = backend
        self._given = settings
        self._registry = Registry(settings, backend)
        self._reach = Reach()
        self._copies = Copies(settings, Outbox(self.observers), self._is_busy)
        self._commits = Commits(backend, self._copies, self._reach)
        self._loads: dict[str, asyncio.Task[ReplicaTenant | None]] = {}
        self._refreshing = asyncio.Lock()
        self._next_refresh: asyncio.Task[None] | None = None
        self._position = ""
        self._offset_ns = 0
        self._crowd = next_crowd(0)
        self._alive: frozenset[str] = frozenset()
        self._last_sign = self._trust_from = 0.0
        self._background: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """See `Store.open`."""
        self._commits.give_up()
        self._copies.forget_all()  # begin anew, as another worker that knows nothing
        self._copies.configure(self._given)
        self._registry = Registry(self._given, self._backend)
        try:
            await self._backend.open()
            try:
                await self._begin()
            except BaseException:
                await self._backend.close()
                raise
        except BackendError as error:
            raise LtxMockError(str(error)) from None
        work = self._commits.run_forever(), self._sign_forever(), self._listen_forever()
        self._background = [asyncio.create_task(each) for each in work]
        self.observers.workers_ended()

    async def _begin(self) -> None:
        """Read all that is there."""
        self._offset_ns = await self._backend.time_ns() - system_time.monotonic_ns()
        self._position = (await self._backend.news()).position
        await self._registry.open(self._offset_ns)
        before, self.worker = self.worker, uuid4().hex
        self._alive = await self._backend.sign_of_life(self.worker) - {before}
        self._last_sign = system_time.monotonic()
        await self.tenant("")
        await self._load_all()

    async def close(self) -> None:
        """See `Store.close`."""
        background, self._background = self._background, []
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        self._commits.give_up()
        with contextlib.suppress(BackendError):
            await self._backend.close()

    # ---- units of work

    async def run(self, tenant: Tenant, work: Callable[[Tenant], T]) -> T:
        """See `Store.run`."""
        while True:
            try:
                return await self._run(tenant, work)
            except _RemovedError:
                tenant = await self.tenant(tenant.key)

    async def run_in_background(self, tenant: Tenant, work: Callable[[Tenant], T]) -> T:
        """See `Store.run_in_background`."""
        while True:
            try:
                return await self._run(tenant, work)
            except _RemovedError:
                return work(tenant)
            except UnavailableError:
                await asyncio.sleep(RETRY_SECONDS)

    async def _run(self, tenant: Tenant | Registered, work: Callable[[Any], T]) -> T:
        while True:
            registered = self._registry.find(tenant.key)
            if registered is None or registered.generation != tenant.generation:
                raise _RemovedError
            with contextlib.suppress(ForgottenError):
                return await self._run_here(registered, work)

    async def _run_here(self, registered: Registered, work: Callable[[Any], T]) -> T:
        """Run a unit of work on the copy of a tenant.

        Raises:
            ForgottenError: there is no copy any more.
        """
        if registered.space not in self._copies and await self._load(registered) is None:
            await self._find_out(registered)
            raise ForgottenError
        if not self._background:
            raise stopping()
        return await self._commits.add(registered.space, work)

    async def _run_on_all(self, work: Callable[[ReplicaTenant], object]) -> None:
        """Run a unit of work on each tenant that is registered now. Later ones begin with what it does."""

        async def run(registered: Registered) -> None:
            with contextlib.suppress(_RemovedError):
                await self._run(registered, work)

        await asyncio.gather(*map(run, self._registry.all()))

    # ---- copies

    async def _load(self, registered: Registered) -> ReplicaTenant | None:
        """Return the copy of a tenant, read it if there is none; None if the tenant was removed meanwhile."""
        if (copy := self._copies.get(registered.space)) is not None:
            return copy
        load = self._loads.get(registered.space)
        if load is None:
            load = self._loads[registered.space] = asyncio.create_task(self._read(registered))
            load.add_done_callback(lambda _: self._loads.pop(registered.space, None))
        with self._reach.required():
            return await asyncio.shield(load)

    async def _find_out(self, registered: Registered) -> None:
        """Learn why a tenant has no space: it was removed; if not, its state is lost, and it is removed now."""

        def removal() -> dict[str, bytes]:
            lost = self._registry.find(registered.key) == registered
            return self._registry.removal(registered.key) if lost else {}

        await self._learn(whole=True)
        await self._register(removal)

    async def _learn(self, *, whole: bool = False) -> None:
        """Take over what other workers have written into the list of tenants; see `Registry.refresh`."""
        with self._reach.required():
            self._note(await self._registry.refresh(whole=whole))
        if self._registry.find("") is None:  # the store was emptied, or is new
            await self._make("", None)

    async def _read(self, registered: Registered) -> ReplicaTenant | None:
        found = await self._backend.read(registered.space)
        if isinstance(found, Gone) or self._registry.find(registered.key) != registered:
            return None
        copy = self._new_copy(registered, self.settings, self._registry.clock, self._copies.shared)
        self._copies.add(copy, found)
        return copy

    async def _load_all(self) -> None:
        """Read all tenants."""
        await _some_at_once(self._load(each) for each in self._registry.all() if each.space not in self._copies)

    def _new_copy(self, registered: Registered, settings: Settings, clock: Clock, shared: Shared) -> ReplicaTenant:
        lines = self._registry.server.lines
        return new_copy(registered, settings, clock, shared, offset_ns=self._offset_ns, lines=lines)

    def _is_busy(self, space: str) -> bool:
        return self._commits.waits_for(space)

    # ---- other workers

    async def refresh(self) -> None:
        """See `Store.refresh`. Calls that come while one is under way share the next one."""
        if self._next_refresh is None:
            self._next_refresh = asyncio.create_task(self._refresh())
            self._next_refresh.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._next_refresh)

    async def _refresh(self) -> None:
        async with self._refreshing:
            self._next_refresh = None
            with self._reach.required():
                news = await self._backend.news(self._position)
                if news.spaces is None or POINTER in news.spaces:
                    await self._learn(whole=True)
                elif self._registry.space in news.spaces:
                    await self._learn()
                await self._load_all()
                await _some_at_once(
                    self._catch_up(copy)
                    for copy in self._copies
                    if news.spaces is None or copy.space in news.spaces or not copy.has_journal
                )
                self._position = news.position

    async def _catch_up(self, copy: ReplicaTenant) -> None:
        """Take over what other workers have written about a tenant."""
        found = await self._backend.read(copy.space, copy.version)
        lines = await self._backend.lines(copy.space, copy.complete_to + copy.lines)
        async with self._commits.lock:  # the lines may hold what is being committed here
            if isinstance(found, Missed) and found.version > copy.version:
                copy.apply(found.version, found.records)
            for entry in copy.merge(lines):
                self.observers.entry_recorded_elsewhere(copy, entry)

    async def _sign_forever(self) -> None:
        while True:
            await asyncio.sleep(SIGN_SECONDS)
            with contextlib.suppress(UnavailableError):
                with self._reach.required():
                    alive = await self._backend.sign_of_life(self.worker)
                back = self._reach.answered()
                if self._note_alive(alive) or back:
                    await self.refresh()
                    self.observers.workers_ended()

    def _note_alive(self, alive: frozenset[str]) -> bool:
        """Note which workers are alive, and tell whether one may have ended.

        After a time without signs the others get time to give theirs. One may have begun and ended meanwhile.
        """
        now, last = system_time.monotonic(), self._last_sign
        if now - last > ALIVE_SECONDS:
            self._trust_from = now + ALIVE_SECONDS
        self._last_sign = now
        if now < self._trust_from:
            alive |= self._alive
        ended, self._alive = self._alive - alive, alive
        return bool(ended) or last < self._trust_from <= now

    async def _listen_forever(self) -> None:
        """Keep up with other workers while somebody listens here."""
        while True:
            if not self.observers.listens:
                await asyncio.sleep(SIGN_SECONDS / 10)
                continue
            try:
                with self._reach.required():
                    await self._backend.wait_for_news(self._position, LISTEN_SECONDS)
                await self.refresh()
            except UnavailableError:
                await asyncio.sleep(RETRY_SECONDS)

    def is_alive(self, worker: str) -> bool:
        """See `Store.is_alive`."""
        return worker in self._alive

    # ---- all tenants

    @property
    def settings(self) -> Settings:
        """See `Store.settings`."""
        return self._registry.settings

    @property
    def clock(self) -> Clock:
        """See `Store.clock`."""
        return self._registry.clock

    @property
    def scenarios(self) -> Sequence[Scenario]:
        """See `Store.scenarios`."""
        return self._registry.scenarios

    async def move_clock(self, moment: int) -> None:
        """See `Store.move_clock`."""
        registry = self._registry
        await self._register(lambda: registry.future_records(clock=registry.clock.moved_to(moment)))

    async def set_clock(self, mode: str | None, speed: float | None) -> None:
        """See `Store.set_clock`."""
        registry = self._registry
        await self._register(lambda: registry.future_records(clock=registry.clock.changed(mode, speed)))

    async def add_scenario(self, scenario: Scenario) -> None:
        """See `Store.add_scenario`."""
        registry = self._registry
        await self._register(lambda: registry.future_records(scenarios=(*registry.scenarios, scenario)))
        await self._run_on_all(lambda tenant: tenant.activate(scenario))

    async def drop_scenarios(self) -> None:
        """See `Store.drop_scenarios`."""
        await self._register(lambda: self._registry.future_records(scenarios=()))
        await self._run_on_all(lambda tenant: tenant.drop_scenarios())

    async def configure(self, tenant: Tenant | None, change: Callable[[Settings], Settings]) -> Settings:
        """See `Store.configure`."""

        def configured(tenant: Tenant) -> Settings:
            tenant.configure(change(tenant.settings))
            return tenant.settings

        if tenant is not None:
            return await self.run(tenant, configured)
        await self._register(lambda: self._registry.future_records(settings=change(self.settings)))
        await self._run_on_all(lambda tenant: configured(tenant) if tenant.own_settings else None)
        return self.settings

    async def tenant(self, key: str) -> Tenant:
        """See `Store.tenant`."""
        return self.find(key) or await self.existing(key) or await self._make(key, None)

    async def existing(self, key: str) -> Tenant | None:
        """See `Store.existing`."""
        while True:
            await self._learn()
            registered = self._registry.find(key)
            if registered is None:
                return None
            if (copy := await self._load(registered)) is not None:
                return copy
            await self._find_out(registered)

    async def open_tenant(self, key: str, settings: Settings | None) -> Tenant:
        """See `Store.open_tenant`."""
        return await self._make(key, settings, replace=True)

    async def _make(self, key: str, settings: Settings | None, *, replace: bool = False) -> Tenant:
        """Make a tenant; without `replace`, return the one that another worker made meanwhile."""
        if len(self._registry) >= self._crowd:
            await self._make_room()
        while (made := await self._try_to_make(key, settings, replace=replace)) is None:
            pass
        self.observers.tenant_changed(made)
        return made

    async def _try_to_make(self, key: str, settings: Settings | None, *, replace: bool) -> ReplicaTenant | None:
        """Write a new tenant and register it, unless what it has to begin with has changed meanwhile."""
        registry = self._registry
        draft, since = self._draft(key, settings, registry.clock, registry.scenarios), registry.future_since

        def registration() -> dict[str, bytes]:
            right = registry.future_since == since and (replace or registry.find(key) is None)
            return registry.registrations([(key, draft.space, draft.opened)]) if right else {}

        await self._write([draft])
        written = await self._register(registration)
        if not written:
            await self._remove_spaces([draft.space])
        registered = registry.find(key)
        return await self._load(registered) if registered and (written or not replace) else None

    def _draft(self, key: str, settings: Settings | None, clock: Clock, scenarios: Iterable[Scenario]) -> ReplicaTenant:
        """Return a new tenant, with own settings unless they are None, that is not written yet."""
        registered = Registered(key, "", 0, f"tenant-{uuid4().hex}", settings is not None)
        clock = settings.new_clock() if settings else clock
        draft = self._new_copy(registered, settings or self.settings, clock, Shared.nothing())
        for scenario in scenarios:
            draft.activate(scenario)
        return draft

    async def _write(self, drafts: Sequence[ReplicaTenant]) -> None:
        with self._reach.required():
            await self._backend.commit([Change(draft.space, 0, draft.changed_records()) for draft in drafts])

    async def drop(self, tenant: Tenant) -> None:
        """See `Store.drop`."""
        registry = self._registry

        def removal() -> dict[str, bytes]:
            found = registry.find(tenant.key)
            return registry.removal(tenant.key) if found and found.generation == tenant.generation else {}

        await self._register(removal)

    async def reset(self) -> None:
        """See `Store.reset`."""
        while not await self._try_to_reset():
            pass
        with self._reach.required():
            await self._load_all()

    async def _try_to_reset(self) -> bool:
        """Replace all tenants, unless another worker has opened one with own settings meanwhile, or closed one."""
        await self.refresh()
        registry, clock = self._registry, self.settings.new_clock()
        opened = [each for each in self.tenants() if each.opened]
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
        written = await self._register(cleared)
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

    async def _register(self, make: Callable[[], dict[str, bytes]]) -> bool:
        """Change the list of tenants; remove the spaces of those that are not in it any more. See `Registry.change`."""
        with self._reach.required():
            changed = await self._registry.change(make)
        self._note(changed)
        await self._remove_spaces([each.space for each in changed.removed])
        return changed.written

    async def _make_room(self) -> None:
        """Remove idle tenants, those that nobody changes meanwhile."""
        self._crowd = sys.maxsize  # once at a time
        try:
            with self._reach.required():
                await self._load_all()
                idle = [copy for copy in self._copies if copy.idle and not self._is_busy(copy.space)]
                for some in (idle[start : start + REMOVED_AT_ONCE] for start in range(0, len(idle), REMOVED_AT_ONCE)):
                    removed = await self._backend.remove([copy.space for copy in some], [copy.version for copy in some])
                    await self._unregister([copy for copy in some if copy.space in removed])
        finally:
            self._crowd = next_crowd(len(self._registry))

    async def _unregister(self, copies: Sequence[ReplicaTenant]) -> None:
        """Take tenants out of the list, those that are still in it."""
        spaces = {copy.space for copy in copies}
        registry = self._registry
        await self._register(lambda: registry.removal(*(each.key for each in registry.all() if each.space in spaces)))

    async def _remove_spaces(self, spaces: Sequence[str]) -> None:
        if spaces:
            with self._reach.required():
                await self._backend.remove(spaces)

    def find(self, key: str) -> ReplicaTenant | None:
        """See `Store.find`."""
        registered = self._registry.find(key)
        return self._copies.get(registered.space) if registered else None

    def find_id(self, tenant_id: str) -> ReplicaTenant | None:
        """See `Store.find_id`."""
        registered = self._registry.find_id(tenant_id)
        return self._copies.get(registered.space) if registered else None

    def tenants(self) -> list[ReplicaTenant]:
        """See `Store.tenants`."""
        return [copy for each in self._registry.all() if (copy := self._copies.get(each.space)) is not None]

    def owner(self, task_id: str) -> Tenant | None:
        """See `Store.owner`."""
        return self._copies.shared.owners.get(task_id)

    async def find_owner(self, task_id: str) -> Tenant | None:
        """See `Store.find_owner`."""
        with self._reach.required():
            space = await self._backend.space_of(TASK + task_id)
            if space is None:
                return None
            if (copy := self._copies.get(space)) is not None:
                await self._catch_up(copy)
            else:
                await self._learn()
                for registered in self._registry.all():
                    if registered.space == space:
                        await self._load(registered)
        return self.owner(task_id)

    @property
    def journal_bytes(self) -> int:
        """See `Store.journal_bytes`."""
        return self._copies.shared.journals.used

    @property
    def task_bytes(self) -> int:
        """See `Store.task_bytes`."""
        return self._copies.shared.tasks.used

    def _note(self, changed: Changed) -> None:
        """Forget tenants that are not in the list any more, and notify of that."""
        copies = [copy for each in changed.removed if (copy := self._copies.get(each.space)) is not None]
        for copy in copies:
            self._copies.forget(copy)
        if changed.reset:
            self.observers.server_reset()
        else:
            for copy in copies:
                self.observers.tenants_removed([copy], "reset" if self._registry.find(copy.key) else "closed")
        if changed.future:
            self.observers.tenant_changed(None)
        if changed.settings:
            self._copies.configure(self.settings)


async def _some_at_once(reads: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Wait for coroutines that read from the backend, not all of them at once."""
    free = asyncio.Semaphore(READS_AT_ONCE)

    async def run(read: Coroutine[Any, Any, object]) -> None:
        async with free:
            await read

    await asyncio.gather(*map(run, reads))
