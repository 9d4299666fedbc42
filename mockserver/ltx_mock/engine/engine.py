"""The machine behind the endpoints: what happens to a request, to a task, and to time.

Runs in one event loop. The methods that are no coroutines do their work in one step, so requests never see half of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

from ltx_mock.asgi.worker_thread import Aside
from ltx_mock.core.cause import Cause
from ltx_mock.core.clock import SECOND, Clock
from ltx_mock.core.failures import CONTENT_VIOLATION, failure, foreseen
from ltx_mock.core.journal_entry import ClockEntry, Entry
from ltx_mock.core.keys import key_label
from ltx_mock.core.origins import refusal
from ltx_mock.core.records import Delivery, Task, delivery_id
from ltx_mock.core.seeding import between, digest
from ltx_mock.core.settings import OF_THE_SERVER, Settings
from ltx_mock.core.timeline import EARLIEST_FAILURE_MS
from ltx_mock.engine import responses as answers
from ltx_mock.engine.advances import Advances, check_end_of_time
from ltx_mock.engine.assets import NOTHING, Inspector
from ltx_mock.engine.callbacks import Courier
from ltx_mock.engine.inspections import Inspections
from ltx_mock.engine.observers import Observers
from ltx_mock.engine.outbound import Sender
from ltx_mock.engine.planned_task import Fate, altered, life
from ltx_mock.engine.responses import Answer
from ltx_mock.engine.scenario_effects import claimed, laid
from ltx_mock.engine.submissions import Submission
from ltx_mock.errors import ConflictError, NotFoundError, SettingsError
from ltx_mock.scenarios.matching import Armed, Call, Subject, followers
from ltx_mock.scenarios.model import MAX_FAIL_CODE
from ltx_mock.store.interface import Store, Tenant
from ltx_mock.store.memory import MemoryStore
from ltx_mock_contracts.request import GenerateRequest

MAX_SEED = 2**31 - 1
ID_BYTES = 6
BY_HAND = Cause("manual", "finished by hand")


class Engine:
    """One fake: its settings, its tenants, its clock and all that is under way."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.started = Clock().now()
        self._keys = frozenset(settings.api_key)
        self._sender = Sender(settings.ca_file)
        self.observers = Observers()
        self.aside = Aside()
        self._start()

    def _start(self) -> None:
        self.clock = self.settings.new_clock()
        self.store: Store = MemoryStore(self.settings, self.clock.copy)
        self.nobody: Tenant = self.store.tenant("")
        self._inspector = Inspector(self._sender, fetch_all=self.settings.fetch_assets)
        self._inspections = Inspections()
        self.courier = Courier(self.store, self._sender, self.record, self.ready, self.observers)
        self._advances = Advances(self.courier, self._inspections, self._note_clock)

    @property
    def undecided(self) -> Container[str]:
        """The ids of the tasks of which it is still being found out how they end."""
        return self._inspections

    # ---- who asks

    def tenant_of(self, key: str) -> Tenant | None:
        """Return the tenant of an API key, or None when the key is not accepted (AUTH-2)."""
        if self._keys and key not in self._keys:
            return self.store.find(key)  # a world that was opened for somebody
        return self.store.tenant(key)

    async def open(self, key: str, values: Mapping[str, Any], *, new: bool = False) -> Tenant:
        """Make a new world for a key, in the place of its old one, with settings that differ from the server's.

        Raises:
            SettingsError: a setting is unknown, is one of the whole server, or its value is not allowed.
            ConflictError: it has to be `new`, and the key has a world.
        """
        if new and self.store.find(key) is not None:
            raise ConflictError(
                f"the key {key_label(key)} is in use: somebody else, such as another run of tests, has a tenant with it"
            )
        for name in values:
            if name in OF_THE_SERVER:
                raise SettingsError(f"{name} is a setting of the whole server; a world of its own cannot have another")
        settings = self.settings.replace(**values)
        await self.close_world(key)
        tenant = self.store.open(key, settings)
        self.observers.tenant_changed(tenant)
        return tenant

    async def close_world(self, key: str) -> None:
        """Forget a key, its world and the settings of that."""
        if (tenant := self.store.find(key)) is not None:
            await self._forget([tenant])

    def record(self, tenant: Tenant, entry: Entry) -> None:
        """Write an entry into the tenant's journal and tell the observers."""
        tenant.record(entry)
        self.observers.entry_recorded(tenant, entry)

    # ---- the two endpoints

    async def generate(
        self,
        tenant: Tenant,
        submitted: Submission,
        root: str,
        now: int,
        wishes: tuple[Armed, ...] = (),
        page: str | None = None,
    ) -> Answer:
        """Answer generateTask.

        Args:
            tenant: who asks.
            submitted: the body, read and judged.
            root: the URL under which the client knows the fake.
            now: the moment of asking, Unix milliseconds of the tenant's clock.
            wishes: the scenarios that the request asks for itself.
            page: the foreign site whose page asks; None where no such page does.
        """
        request, findings = submitted.request, submitted.findings
        if request is None or (findings and tenant.settings.strict):
            strict = tenant.settings.strict
            return answers.invalid([each for each in findings if strict or each.severity == "violation"])
        if self._inspections:
            await self.ready(tenant, now)
            tenant = self.tenant_of(tenant.key) or tenant  # a reset may have put a new world in its place
            now = tenant.clock.now()
        task = self._task(tenant, submitted.raw, request, root, now, wishes)._replace(page=page, findings=findings)
        refusal = tenant.add_task(task, now)
        if refusal is not None:
            return answers.no_slot(tenant.settings, refusal, now)
        fate = self._fate(tenant, task, request, wishes) if tenant.scenarios or wishes else Fate(task)
        self._begin(tenant, request, fate)
        if fate.callback.first:
            await self._advances.make_due(tenant)
        answer = answers.created(fate.task, findings)
        return laid(tenant, fate.scenario, answer) if fate.scenario and not fate.fails_only else answer

    async def status(self, tenant: Tenant, task_id: str, now: int) -> Answer:
        """Answer statusTask. With an `auto` clock an unfinished task then moves on to its next state."""
        task = tenant.task(task_id)
        if task is None:
            return answers.unknown_task(task_id)
        if task_id in self._inspections:
            await self.ready(tenant, now)
            task = tenant.task(task_id) or task
        answer = answers.status(task, now)
        if tenant.clock.mode == "auto":
            await self.ready(tenant)
            task = tenant.task(task_id) or task
            tenant.clock.move_to(task.timeline.next_transition(now) or now)
            self.courier.arm(tenant)
        return answer

    def _task(
        self,
        tenant: Tenant,
        raw: bytes,
        request: GenerateRequest,
        root: str,
        now: int,
        wishes: tuple[Armed, ...],
    ) -> Task:
        settings = tenant.settings
        number = tenant.next_number()
        dice = self._new_task(tenant, number)
        seed = request.seed or between(1, MAX_SEED, dice[ID_BYTES:])
        return Task(
            _task_id(dice),
            tenant.key,
            number,
            raw,
            request,
            seed,
            life(request, seed, settings.seed, now, foreseen(request)),
            settings.price[request.resolution] * request.duration,
            settings.public_url or root,
            followers(wishes),
        )

    def _fate(self, tenant: Tenant, task: Task, request: GenerateRequest, wishes: tuple[Armed, ...]) -> Fate:
        """Return the new task as a scenario has it, or as it is."""
        subject = Subject.of(request)
        chosen = claimed(tenant, wishes, Call("generateTask", "task", subject))
        if chosen is None:
            return Fate(task)
        redraw = partial(life, request, task.seed, tenant.settings.seed, task.timeline.created)
        fate = altered(task._replace(cause=Cause("scenario", chosen.cause)), chosen, tenant.dice, redraw)
        tenant.replace_task(fate.task)
        return fate

    def _begin(self, tenant: Tenant, request: GenerateRequest, fate: Fate) -> None:
        """Set going what happens beside the request: the callback, and a look at the assets."""
        self.observers.task_changed(tenant, fate.task, "made")
        if request.request_type == "callback" and request.callback_url:
            self.courier.plan(tenant, fate, request.callback_url)
        line = fate.task.timeline
        if line.failure is None and not line.endless and self._inspector.concerns(request):
            if fate.task.page is None:
                self._inspect(tenant, fate.task, request)
            else:
                tenant.replace_task(
                    fate.task._replace(cause=Cause("asset", f"assets not fetched: {refusal(fate.task.page)}"))
                )

    def _new_task(self, tenant: Tenant, number: int) -> bytes:
        """Draw the digest from which a task has its id, one that no task has yet (GEN-17), and its own choices."""
        dice = digest("task", tenant.settings.seed, tenant.key, number)
        while self.store.owner(_task_id(dice)) is not None:
            dice = digest("again", dice)
        return dice

    # ---- what is found out beside the request

    def _inspect(self, tenant: Tenant, task: Task, request: GenerateRequest) -> None:
        async def inspect() -> None:
            found = await self._inspector.inspect(request)
            current = tenant.task(task.id)
            if found == NOTHING or current is None or current.timeline is not task.timeline:
                return
            if found.failure is not None:
                failed = life(request, task.seed, tenant.settings.seed, task.timeline.created, found.failure)
                self._change(tenant, current._replace(timeline=failed))
            else:
                self._change(tenant, current._replace(cause=found.doubt))

        earliest = task.timeline.started + EARLIEST_FAILURE_MS
        self._inspections.begin(tenant, task.id, earliest, inspect(), lambda: self.observers.tenant_changed(tenant))

    async def ready(self, tenant: Tenant, by: int | None = None) -> None:
        """Wait until it is known how the tenant's tasks end; see `Inspections.ready`."""
        await self._inspections.ready(tenant, by)

    def _change(self, tenant: Tenant, task: Task) -> None:
        tenant.replace_task(task)
        self.observers.task_changed(tenant, task, "changed")
        self.courier.replan(tenant, task)

    # ---- what the control plane does

    def set_clock(self, tenant: Tenant | None, mode: str | None, speed: float | None) -> None:
        """Change the clock of one tenant, or of all and of those to come.

        Raises:
            SettingsError: the mode is unknown or the speed is not allowed.
        """
        if tenant is None:
            self.clock.set(mode, speed)
        for each in [tenant] if tenant else self.store.tenants():
            each.clock.set(mode, speed)
            self._note_clock(each, f"set to {each.clock.mode}, speed {each.clock.speed:g}", each.clock.now())
            self.courier.arm(each)
        self.observers.tenant_changed(tenant)

    async def advance(self, tenant: Tenant | None, milliseconds: int) -> list[dict[str, object]]:
        """Move the time of one tenant, or of all, and return what happened on the way, in order.

        Each event has `at` (Unix milliseconds), `event` (`state` or `callback`) and `taskId`. While a receiver is
        waited for, callbacks are left to the advance that waits; see `Advances`.

        Raises:
            SettingsError: the span is negative.
        """
        if milliseconds < 0:
            raise SettingsError(f"time only moves forward, not by {milliseconds / SECOND:g} s")
        if tenant is None:
            check_end_of_time(milliseconds, self.clock, *(each.clock for each in self.store.tenants()))
        else:
            return await self._advances.advance(tenant, milliseconds)
        self.clock.move_to(self.clock.now() + milliseconds)
        self.observers.tenant_changed(None)
        worlds = await asyncio.gather(*(self._advances.advance(each, milliseconds) for each in self.store.tenants()))
        return sorted((event for events in worlds for event in events), key=itemgetter("at"))

    def _note_clock(self, tenant: Tenant, cause: str, until: int) -> None:
        if tenant.key:
            now = tenant.clock.now()
            self.record(tenant, ClockEntry(self.store.next_entry(), now, until, Cause("clock", cause)))

    def extend_settings(self, tenant: Tenant | None, values: Mapping[str, Any]) -> Settings:
        """Give more values to settings of one tenant, or of all and those to come; return what is then in force.

        Raises:
            SettingsError: see `Settings.with_more`.
        """
        if tenant is not None:
            tenant.configure(tenant.settings.with_more(values))
            return tenant.settings
        self.settings = self.settings.with_more(values)
        self.store.configure(self.settings)
        for each in self.store.tenants():
            each.configure(each.settings.with_more(values))
        return self.settings

    async def redeliver(self, named: str) -> Delivery:
        """Make a callback once more, by hand, and return it as it then stands.

        One that was withheld goes where the settings now in force let it go.

        Args:
            named: the id of the callback, or of its task.

        Raises:
            NotFoundError: there is no such callback.
            ConflictError: it is still to come, is being made just now, or may go nowhere.
        """
        for tenant in self.store.tenants():
            delivery = tenant.delivery(named) or tenant.delivery(delivery_id(named))
            if delivery is not None:
                break
        else:
            raise NotFoundError(f"no callback {named[:80]!r}")
        if delivery.state in {"scheduled", "sending"}:
            raise ConflictError(f"{delivery.id} is {delivery.state}; it needs no help")
        _, task = self.find_task(delivery.task_id)
        self.courier.again(tenant, task, delivery)
        if tenant.clock.mode == "manual":
            await self.advance(tenant, 0)
        return tenant.delivery(delivery.id) or delivery

    async def finish(self, task_id: str, state: str, fail_code: str | None) -> Task:
        """End a task now, by hand.

        Raises:
            NotFoundError: nobody made this task.
            ConflictError: it is finished already (TASK-1).
            SettingsError: the state is no end, or the fail code cannot be told.
        """
        tenant, task = self.find_task(task_id)
        if state not in {"success", "failed"}:
            raise SettingsError(f"state must be success or failed, not {state!r}")
        code = CONTENT_VIOLATION if fail_code is None else fail_code
        if not 1 <= len(code) <= MAX_FAIL_CODE or not code.isprintable():
            raise SettingsError(f"failCode must have 1 to {MAX_FAIL_CODE} printable characters, not {code[:40]!r}")
        await self.ready(tenant)
        task = tenant.task(task_id) or task
        now = tenant.clock.now()
        if task.timeline.state(now) in {"success", "failed"}:
            raise ConflictError(f"{task_id} is finished: {task.timeline.state(now)} is its last state (TASK-1)")
        ending = failure(code, BY_HAND) if state == "failed" else None
        self._change(tenant, task._replace(timeline=task.timeline.finished_at(now, ending), cause=BY_HAND))
        if tenant.clock.mode == "manual":
            await self.advance(tenant, 0)
        return tenant.task(task_id) or task

    def find_task(self, task_id: str) -> tuple[Tenant, Task]:
        """Return a task, whoever made it, and its tenant; for the control plane and for result files.

        Raises:
            NotFoundError: nobody made it.
        """
        tenant = self.store.owner(task_id)
        task = tenant.task(task_id) if tenant else None
        if tenant is None or task is None:
            raise NotFoundError(f"no task {task_id[:80]!r}")
        return tenant, task

    async def reset(self, key: str | None = None) -> None:
        """Forget what happened to one tenant, or to all of them. Settings of their own stay."""
        tenants = self.store.tenants() if key is None else [self.store.find(key)]
        await self._forget([tenant for tenant in tenants if tenant is not None], reopen=True, restart=key is None)

    async def close(self) -> None:
        """Stop all that is under way."""
        self.observers.stopping()
        self.aside.close()
        self._inspections.cancel()
        await self.courier.close()

    async def _forget(self, tenants: list[Tenant], *, reopen: bool = False, restart: bool = False) -> None:
        """Drop worlds and stop what is under way for them; the new ones are there before anything is waited for."""
        courier, inspections = self.courier, self._inspections
        for tenant in tenants:
            self.store.drop(tenant.key, forever=not reopen)
            self._advances.forget(tenant)
            if tenant is self.nobody:
                self.nobody = self.store.tenant("")
        if restart:
            self._start()
            self.observers.server_reset()
        else:
            self.observers.tenants_removed(tenants, "reset" if reopen else "closed")
        for tenant in tenants:
            if reopen and tenant.opened:
                self.store.open(tenant.key, tenant.settings)
        await asyncio.gather(*inspections.cancel(tenants), return_exceptions=True)
        for tenant in tenants:
            await courier.forget(tenant)


def _task_id(dice: bytes) -> str:
    return f"task_{dice[:ID_BYTES].hex()}"
