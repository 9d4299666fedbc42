"""The store whose state lies in a backend, so that it survives and several workers can share it.

A worker keeps copies of the tenants that it has worked on (`replica`, `copies`). All units of work that wait are run on
them and committed together (`commits`). If another worker was first, the changes are taken back, what was missed is
taken over, and the units are run again. Tenants are made, found and removed by `shared_tenants`; their list is a space
of its own (`registry`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ltx_mock.core.clock import Clock
from ltx_mock.core.settings import Settings
from ltx_mock.errors import LtxMockError, UnavailableError
from ltx_mock.scenarios.model import Scenario
from ltx_mock.store.backend import Backend, BackendError, Missed
from ltx_mock.store.commits import Commits, ForgottenError, stopping
from ltx_mock.store.copies import Copies
from ltx_mock.store.observers import Observers, Outbox
from ltx_mock.store.presence import Presence
from ltx_mock.store.reach import Reach
from ltx_mock.store.registry import POINTER, Registered, Registry
from ltx_mock.store.replica import TASK, ReplicaTenant
from ltx_mock.store.shared_tenants import SharedTenants, some_at_once
from ltx_mock.store.tenant import Tenant

T = TypeVar("T")

SIGN_SECONDS = 1.0
"""The time between two signs of life of a worker, in real seconds."""
RETRY_SECONDS = 0.2
"""The time between two tries to reach a backend, for work that must not be lost."""
LISTEN_SECONDS = 5.0
"""How long a worker waits for news before it looks whether anybody still listens."""


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
        self._backend = backend
        self._given = settings
        self._presence = Presence(backend)
        self._reach = Reach()
        self._copies = Copies(settings, Outbox(self.observers), self._is_busy)
        self._commits = Commits(backend, self._copies, self._reach)
        self._tenants = SharedTenants(settings, backend, self._copies, self._reach, self.observers)
        self._refreshing = asyncio.Lock()
        self._next_refresh: asyncio.Task[None] | None = None
        self._position = ""
        self._background: list[asyncio.Task[None]] = []

    def _is_busy(self, space: str) -> bool:
        return self._commits.waits_for(space)

    @property
    def _registry(self) -> Registry:
        return self._tenants.registry

    @property
    def worker(self) -> str:
        """See `Store.worker`."""
        return self._presence.worker

    async def open(self) -> None:
        """See `Store.open`."""
        self._commits.give_up()
        self._copies.forget_all()  # begin anew, as another worker that knows nothing
        self._copies.configure(self._given)
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
        self._position = (await self._backend.news()).position
        await self._presence.begin()
        await self._tenants.open()

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
        """Run a unit of work on the copy of a tenant.

        Raises:
            _RemovedError: the tenant was removed or replaced.
        """
        while True:
            registered = self._registry.find(tenant.key)
            if registered is None or registered.generation != tenant.generation:
                raise _RemovedError
            if registered.space not in self._copies and await self._tenants.load(registered) is None:
                await self._tenants.find_out(registered)
                continue
            if not self._background:
                raise stopping()
            try:
                return await self._commits.add(registered.space, work)
            except ForgottenError:
                continue

    async def _run_on_all(self, work: Callable[[ReplicaTenant], object]) -> None:
        """Run a unit of work on each tenant that is registered now. Later ones begin with what it does."""

        async def run(registered: Registered) -> None:
            with contextlib.suppress(_RemovedError):
                await self._run(registered, work)

        await asyncio.gather(*map(run, self._registry.all()))

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
                    await self._tenants.learn(whole=True)
                elif self._registry.space in news.spaces:
                    await self._tenants.learn()
                await self._tenants.load_all()
                await some_at_once(
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
            with contextlib.suppress(LtxMockError):  # what cannot be reached, or read, is told to those who ask for it
                with self._reach.required():
                    ended = await self._presence.sign()
                back = self._reach.answered()
                if ended or back:
                    await self.refresh()
                    self.observers.workers_ended()

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
            except LtxMockError:
                await asyncio.sleep(RETRY_SECONDS)

    def is_alive(self, worker: str) -> bool:
        """See `Store.is_alive`."""
        return self._presence.is_alive(worker)

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
        await self._tenants.register(lambda: registry.future_records(clock=registry.clock.moved_to(moment)))

    async def set_clock(self, mode: str | None, speed: float | None) -> None:
        """See `Store.set_clock`."""
        registry = self._registry
        await self._tenants.register(lambda: registry.future_records(clock=registry.clock.changed(mode, speed)))

    async def add_scenario(self, scenario: Scenario) -> None:
        """See `Store.add_scenario`."""
        registry = self._registry
        await self._tenants.register(lambda: registry.future_records(scenarios=(*registry.scenarios, scenario)))
        await self._run_on_all(lambda tenant: tenant.activate(scenario))

    async def drop_scenarios(self) -> None:
        """See `Store.drop_scenarios`."""
        await self._tenants.register(lambda: self._registry.future_records(scenarios=()))
        await self._run_on_all(lambda tenant: tenant.drop_scenarios())

    async def configure(self, tenant: Tenant | None, change: Callable[[Settings], Settings]) -> Settings:
        """See `Store.configure`."""

        def configured(tenant: Tenant) -> Settings:
            tenant.configure(change(tenant.settings))
            return tenant.settings

        if tenant is not None:
            return await self.run(tenant, configured)
        await self._tenants.register(lambda: self._registry.future_records(settings=change(self.settings)))
        await self._run_on_all(lambda tenant: configured(tenant) if tenant.own_settings else None)
        return self.settings

    async def open_tenant(self, key: str, settings: Settings | None) -> Tenant:
        """See `Store.open_tenant`."""
        return await self._tenants.make(key, settings, replace=True)

    async def tenant(self, key: str) -> Tenant:
        """See `Store.tenant`."""
        return await self._tenants.get(key)

    async def existing(self, key: str) -> Tenant | None:
        """See `Store.existing`."""
        return await self._tenants.existing(key)

    def find(self, key: str) -> ReplicaTenant | None:
        """See `Store.find`."""
        return self._tenants.find(key)

    def find_id(self, tenant_id: str) -> ReplicaTenant | None:
        """See `Store.find_id`."""
        return self._tenants.find_id(tenant_id)

    def tenants(self) -> list[ReplicaTenant]:
        """See `Store.tenants`."""
        return self._tenants.all()

    async def drop(self, tenant: Tenant) -> None:
        """See `Store.drop`."""
        await self._tenants.drop(tenant)

    async def reset(self) -> None:
        """See `Store.reset`."""
        await self.refresh()
        while not await self._tenants.try_to_reset():
            await self.refresh()
        with self._reach.required():
            await self._tenants.load_all()

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
                await self._tenants.learn()
                for registered in self._registry.all():
                    if registered.space == space:
                        await self._tenants.load(registered)
        return self.owner(task_id)

    @property
    def journal_bytes(self) -> int:
        """See `Store.journal_bytes`."""
        return self._copies.shared.journals.used

    @property
    def task_bytes(self) -> int:
        """See `Store.task_bytes`."""
        return self._copies.shared.tasks.used
