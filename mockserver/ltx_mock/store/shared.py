"""The store whose state lies in a backend, so that it survives and several workers can share it.

A worker keeps copies of the tenants that it has worked on (`ltx_mock.store.replica`). All units of work that wait are
run on them and committed together. If another worker was first, the changes are taken back, what was missed is taken
over, and the units are run again.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from ltx_mock.core import system_time
from ltx_mock.core.clock import Clock
from ltx_mock.core.settings import MEBIBYTE, Settings
from ltx_mock.errors import LtxMockError, UnavailableError
from ltx_mock.scenarios.model import Scenario
from ltx_mock.store.backend import ALIVE_SECONDS, Backend, BackendError, Change, Committed, Gone, Missed, Outcome
from ltx_mock.store.memory_budget import MAX_TASK_BYTES, Budget, journals_to_shorten, tenants_to_forget
from ltx_mock.store.memory_tenant import Shared
from ltx_mock.store.observers import Observers, Outbox
from ltx_mock.store.reach import Reach
from ltx_mock.store.registry import SPACE, Changed, Registered, Registry
from ltx_mock.store.replica import TASK, ReplicaTenant
from ltx_mock.store.tenant import Tenant

T = TypeVar("T")

SIGN_SECONDS = 1.0
"""The time between two signs of life of a worker, in real seconds."""
RETRY_SECONDS = 0.2
"""The time between two tries to reach a backend, for work that must not be lost."""
LISTEN_SECONDS = 5.0
"""How long a worker waits for news before it looks whether anybody still listens."""
LOADS_AT_ONCE = 16
MANY_RECORDS = 10_000


class _RemovedError(Exception):
    """The tenant was removed or replaced."""


class _Unit(NamedTuple):
    """A unit of work that waits, and the future of its result."""

    work: Callable[[Any], Any]
    done: asyncio.Future[Any]


class _Attempt(NamedTuple):
    """What was done to one copy, and not yet written: the results of its units, and the notifications to come."""

    copy: ReplicaTenant
    units: list[_Unit]
    results: list[tuple[object, Exception | None]]
    notifications: list[Callable[[], None]]
    change: Change


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
        self._outbox = Outbox(self.observers)
        self._given = settings
        self._registry = Registry(settings, backend)
        self._copies: dict[str, ReplicaTenant] = {}
        self._loads: dict[str, asyncio.Task[ReplicaTenant | None]] = {}
        self._waiting: dict[str, list[_Unit]] = {}
        self._work_came = asyncio.Event()
        self._refreshing = asyncio.Lock()
        self._committing = asyncio.Lock()
        self._position = ""
        self._offset_ns = 0
        self._alive: frozenset[str] = frozenset()
        self._last_sign = self._trust_from = 0.0
        self._background: list[asyncio.Task[None]] = []
        self._reach = Reach()
        self._shared = Shared(
            self._outbox,
            Budget(settings.journal_memory * MEBIBYTE, self._shorten_journals),
            Budget(MAX_TASK_BYTES, self._forget_copies),
        )

    async def open(self) -> None:
        """See `Store.open`."""
        self._forget_all()
        try:
            await self._backend.open()
            try:
                await self._begin()
            except BaseException:
                await self._backend.close()
                raise
        except BackendError as error:
            raise LtxMockError(str(error)) from None
        self._background = [
            asyncio.create_task(each) for each in (self._commit_forever(), self._sign_forever(), self._listen_forever())
        ]
        self.observers.workers_ended()

    async def _begin(self) -> None:
        """Read all that is there."""
        self._offset_ns = await self._backend.time_ns() - system_time.monotonic_ns()
        await self._registry.open(self._offset_ns)
        self._position = (await self._backend.news()).position
        before, self.worker = self.worker, uuid4().hex
        self._alive = await self._backend.sign_of_life(self.worker) - {before}
        self._last_sign = system_time.monotonic()
        await self.tenant("")
        await self._load_all()

    async def close(self) -> None:
        """See `Store.close`."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        for units in self._waiting.values():
            _fail(units, UnavailableError("the server is stopping"))
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

    async def _run(self, tenant: Tenant, work: Callable[[Tenant], T]) -> T:
        registered = self._registry.find(tenant.key)
        if registered is None or registered.generation != tenant.generation:
            raise _RemovedError
        if registered.space not in self._copies:
            with self._reach.required():
                await self._load(registered)
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(registered.space, []).append(_Unit(work, done))
        self._work_came.set()
        return await done

    async def _commit_forever(self) -> None:
        while True:
            await self._work_came.wait()
            self._work_came.clear()
            waiting, self._waiting = self._waiting, {}
            for space in waiting.keys() - self._copies.keys():
                _fail(waiting.pop(space), _RemovedError())
            async with self._committing:
                await self._commit([self._attempt(space, units) for space, units in waiting.items()])

    def _attempt(self, space: str, units: list[_Unit]) -> _Attempt:
        """Run units of work on a copy."""
        copy = self._copies[space]
        self._outbox.hold()
        units = [unit for unit in units if not unit.done.done()]
        results = [_outcome_of(copy, unit.work) for unit in units]
        change = Change(space, copy.version, copy.changed_records(), copy.new_lines())
        return _Attempt(copy, units, results, self._outbox.release(), change)

    async def _commit(self, attempts: list[_Attempt]) -> None:
        try:
            outcomes = await self._backend.commit([attempt.change for attempt in attempts])
        except BackendError as error:
            unavailable = self._reach.lost(error)
            for attempt in attempts:
                self._take_back(attempt)
                _fail(attempt.units, unavailable)
            return
        for attempt, outcome in zip(attempts, outcomes, strict=True):
            await self._finish(attempt, outcome)

    async def _finish(self, attempt: _Attempt, outcome: Outcome) -> None:
        copy = attempt.copy
        if isinstance(outcome, Committed):
            cleared = copy.committed(outcome.version, outcome.first_line)
            for notify in attempt.notifications:
                notify()
            for unit, (result, error) in zip(attempt.units, attempt.results, strict=True):
                if unit.done.done():
                    continue
                if error is None:
                    unit.done.set_result(result)
                else:
                    unit.done.set_exception(error)
            with contextlib.suppress(BackendError):
                if cleared:
                    await self._backend.forget_lines(copy.space, copy.cleared)
            return
        self._take_back(attempt)
        if isinstance(outcome, Missed):
            copy.apply(outcome.version, outcome.records)
            self._waiting[copy.space] = [*attempt.units, *self._waiting.get(copy.space, ())]
            self._work_came.set()
        else:
            with contextlib.suppress(BackendError):
                self._note(await self._registry.refresh())
            self._forget(copy)
            _fail(attempt.units, _RemovedError())

    def _take_back(self, attempt: _Attempt) -> None:
        self._outbox.hold()
        attempt.copy.take_back()
        self._outbox.release()

    # ---- copies

    async def _load(self, registered: Registered) -> ReplicaTenant | None:
        """Return the copy of a tenant, read it if there is none; None if the tenant was removed meanwhile."""
        if (copy := self._copies.get(registered.space)) is not None:
            return copy
        load = self._loads.get(registered.space)
        if load is None:
            load = self._loads[registered.space] = asyncio.create_task(self._read(registered))
            load.add_done_callback(lambda _: self._loads.pop(registered.space, None))
        return await asyncio.shield(load)

    async def _read(self, registered: Registered) -> ReplicaTenant | None:
        found = await self._backend.read(registered.space)
        if isinstance(found, Gone) or self._registry.find(registered.key) != registered:
            return None
        copy = self._new_copy(registered, self.settings, self._registry.clock)
        with _without_collector(len(found.records)):
            copy.apply(found.version, found.records)
        self._copies[registered.space] = copy
        return copy

    async def _load_all(self) -> None:
        """Read all tenants, some at once."""
        free = asyncio.Semaphore(LOADS_AT_ONCE)

        async def load(registered: Registered) -> None:
            async with free:
                await self._load(registered)

        await asyncio.gather(*(load(each) for each in self._registry.all() if each.space not in self._copies))

    def _new_copy(self, registered: Registered, settings: Settings, clock: Clock) -> ReplicaTenant:
        _, tenant_id, generation, space, opened = registered
        key, offset = registered.key, self._offset_ns
        return ReplicaTenant(tenant_id, key, settings, clock, self._shared, generation, space, offset, opened=opened)

    def _forget(self, copy: ReplicaTenant) -> None:
        """Remove a copy; the tenant stays, unless it was removed."""
        if self._copies.pop(copy.space, None) is not None:
            copy.release()

    def _forget_all(self) -> None:
        """Begin anew, as another worker that knows nothing."""
        for copy in list(self._copies.values()):
            self._forget(copy)
        self._registry = Registry(self._given, self._backend)
        self._waiting.clear()

    def _shorten_journals(self, size: int) -> None:
        for copy in journals_to_shorten(self._copies.values()):
            size -= copy.shorten_journal(size)
            if size <= 0:
                return

    def _forget_copies(self, size: int) -> None:
        for copy in tenants_to_forget(self._copies.values()):
            if copy.space not in self._waiting:
                size -= copy.task_bytes
                self._forget(copy)
            if size <= 0:
                return

    # ---- other workers

    async def refresh(self) -> None:
        """See `Store.refresh`."""
        async with self._refreshing:
            with self._reach.required():
                news = await self._backend.news(self._position)
                if news.spaces is None or SPACE in news.spaces:
                    self._note(await self._registry.refresh())
                await self._load_all()
                for copy in list(self._copies.values()):
                    if news.spaces is None or copy.space in news.spaces or not copy.has_journal:
                        await self._catch_up(copy)
                self._position = news.position

    async def _catch_up(self, copy: ReplicaTenant) -> None:
        """Take over what other workers have written about a tenant."""
        found = await self._backend.read(copy.space, copy.version)
        lines = await self._backend.lines(copy.space, copy.complete_to)
        async with self._committing:  # the lines may hold what is being committed here
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
                ended = self._note_alive(alive)
                if ended or back:
                    await self.refresh()
                    self.observers.workers_ended()

    def _note_alive(self, alive: frozenset[str]) -> frozenset[str]:
        """Return which workers have ended. After a time without signs the others get time to give theirs."""
        now = system_time.monotonic()
        if now - self._last_sign > ALIVE_SECONDS:
            self._trust_from = now + ALIVE_SECONDS
        self._last_sign = now
        if now < self._trust_from:
            alive |= self._alive
        ended, self._alive = self._alive - alive, alive
        return ended

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
        for tenant in await self._all():
            await self.run(tenant, lambda tenant: tenant.activate(scenario))

    async def drop_scenarios(self) -> None:
        """See `Store.drop_scenarios`."""
        await self._register(lambda: self._registry.future_records(scenarios=()))
        for tenant in await self._all():
            await self.run(tenant, lambda tenant: tenant.drop_scenarios())

    async def configure(self, tenant: Tenant | None, change: Callable[[Settings], Settings]) -> Settings:
        """See `Store.configure`."""

        def configured(tenant: Tenant) -> Settings:
            tenant.configure(change(tenant.settings))
            return tenant.settings

        if tenant is not None:
            return await self.run(tenant, configured)
        await self._register(lambda: self._registry.future_records(settings=change(self.settings)))
        for each in await self._all():
            if each.own_settings is not None:
                await self.run(each, configured)
        return self.settings

    async def tenant(self, key: str) -> Tenant:
        """See `Store.tenant`."""
        return await self.existing(key) or await self._make(key, None)

    async def existing(self, key: str) -> Tenant | None:
        """See `Store.existing`."""
        with self._reach.required():
            if self._registry.find(key) is None:
                self._note(await self._registry.refresh())
            while (registered := self._registry.find(key)) is not None:
                if (copy := await self._load(registered)) is not None:
                    return copy
                self._note(await self._registry.refresh())
        return None

    async def open_tenant(self, key: str, settings: Settings | None) -> Tenant:
        """See `Store.open_tenant`."""
        return await self._make(key, settings, replace=True)

    async def _make(self, key: str, settings: Settings | None, *, replace: bool = False) -> Tenant:
        """Write a new tenant and register it; without `replace`, return the one that another worker made meanwhile."""
        registry, opened = self._registry, settings is not None
        clock = settings.new_clock() if settings else registry.clock
        draft = Registered(key, "", 0, f"tenant-{uuid4().hex}", opened)
        copy = self._new_copy(draft, settings or self.settings, clock)
        for scenario in registry.scenarios:
            copy.activate(scenario)

        def registration() -> dict[str, bytes]:
            return registry.registration(key, draft.space, opened=opened) if replace or not registry.find(key) else {}

        before = registry.find(key)
        with self._reach.required():
            await self._backend.commit([Change(draft.space, 0, copy.changed_records())])
            self._note(await registry.change(registration))
            registered = registry.find(key)
            unused = draft.space if registered is None or registered.space != draft.space else before and before.space
            if unused:
                await self._backend.remove([unused])
            made = registered and await self._load(registered)
        if made is None:  # somebody else has removed it at once
            return await self._make(key, settings, replace=replace)
        self.observers.tenant_changed(made)
        return made

    async def drop(self, tenant: Tenant) -> None:
        """See `Store.drop`."""
        await self._remove([tenant])

    async def _remove(self, tenants: Sequence[Tenant]) -> None:
        registry = self._registry
        generations = {tenant.key: tenant.generation for tenant in tenants}
        found = [each for each in registry.all() if generations.get(each.key) == each.generation]

        def removal() -> dict[str, bytes]:
            return registry.removal(*(each.key for each in found if registry.find(each.key) == each))

        await self._register(removal)
        await self._remove_spaces([each.space for each in found])

    async def reset(self) -> None:
        """See `Store.reset`."""
        await self.refresh()
        registry, tenants = self._registry, await self._all()
        opened = [(each.key, each.settings) for each in tenants if each.opened]
        spaces = [each.space for each in registry.all()]

        def cleared() -> dict[str, bytes]:
            server = registry.server
            records = registry.removal(*(each.key for each in registry.all()))
            records |= registry.server_record(server._replace(ids=0, resets=server.resets + 1))
            return records | registry.future_records(clock=self.settings.new_clock(), scenarios=())

        await self._register(cleared)
        await self._remove_spaces(spaces)
        await self._make("", None)
        for key, settings in opened:
            await self._make(key, settings, replace=True)

    async def _register(self, make: Callable[[], dict[str, bytes]]) -> None:
        with self._reach.required():
            self._note(await self._registry.change(make))

    async def _remove_spaces(self, spaces: Sequence[str]) -> None:
        with self._reach.required():
            await self._backend.remove(spaces)

    async def _all(self) -> list[ReplicaTenant]:
        with self._reach.required():
            await self._load_all()
        return self.tenants()

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
        return self._shared.owners.get(task_id)

    async def find_owner(self, task_id: str) -> Tenant | None:
        """See `Store.find_owner`."""
        if (owner := self.owner(task_id)) is not None:
            return owner
        with self._reach.required():
            space = await self._backend.space_of(TASK + task_id)
            if space is None:
                return None
            if space not in self._copies:
                self._note(await self._registry.refresh())
                for registered in self._registry.all():
                    if registered.space == space:
                        await self._load(registered)
            elif self.owner(task_id) is None:
                await self._catch_up(self._copies[space])
        return self.owner(task_id)

    @property
    def journal_bytes(self) -> int:
        """See `Store.journal_bytes`."""
        return self._shared.journals.used

    @property
    def task_bytes(self) -> int:
        """See `Store.task_bytes`."""
        return self._shared.tasks.used

    def _note(self, changed: Changed) -> None:
        """Forget tenants that are not in the list any more, and notify of that."""
        copies = [copy for each in changed.removed if (copy := self._copies.get(each.space)) is not None]
        for copy in copies:
            self._forget(copy)
        if changed.reset:
            self.observers.server_reset()
        else:
            for copy in copies:
                self.observers.tenants_removed([copy], "reset" if self._registry.find(copy.key) else "closed")
        if changed.future:
            self.observers.tenant_changed(None)
        for copy in self._copies.values():
            if copy.own_settings is None:
                copy.settings = self.settings


def _outcome_of(copy: ReplicaTenant, work: Callable[[Any], T]) -> tuple[T | None, Exception | None]:
    """Run a unit of work and return its result, or what it raised."""
    try:
        return copy.attempt(work), None
    except Exception as error:  # noqa: BLE001 - it is raised where the result is awaited
        return None, error


def _fail(units: Iterable[_Unit], error: Exception) -> None:
    for unit in units:
        if not unit.done.done():
            unit.done.set_exception(error)


@contextlib.contextmanager
def _without_collector(size: int) -> Iterator[None]:
    """Switch off the garbage collector while many records are read, which produces no garbage."""
    if size < MANY_RECORDS or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
