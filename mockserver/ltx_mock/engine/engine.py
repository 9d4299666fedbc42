"""The engine behind the endpoints and the control plane.

It runs in one event loop. What changes a tenant is a unit of work: a plain function that the store runs as a whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Literal, NamedTuple

from ltx_mock.asgi.worker_thread import WorkerThread
from ltx_mock.core.caller import Caller
from ltx_mock.core.cause import Cause
from ltx_mock.core.clock import Clock
from ltx_mock.core.failures import CONTENT_VIOLATION, failure
from ltx_mock.core.nearest_request import nearest_request
from ltx_mock.core.records import Delivery, Task, delivery_id
from ltx_mock.core.settings import Settings
from ltx_mock.engine import replays, responses
from ltx_mock.engine.assets import Inspector
from ltx_mock.engine.callbacks import Callbacks
from ltx_mock.engine.clocks import Clocks
from ltx_mock.engine.deliveries import redeliver
from ltx_mock.engine.fired import Fired
from ltx_mock.engine.idempotency import repeated
from ltx_mock.engine.inspections import Inspections
from ltx_mock.engine.outbound import Sender
from ltx_mock.engine.recordings import RecordingFolders
from ltx_mock.engine.responses import ApiResponse
from ltx_mock.engine.scenario_effects import PlannedTask
from ltx_mock.engine.submissions import Submission
from ltx_mock.engine.task_creation import TaskCreation, change_task
from ltx_mock.engine.tenants import Tenants, no_task
from ltx_mock.errors import ConflictError, NotFoundError
from ltx_mock.scenarios.matching import ActiveScenario
from ltx_mock.store.interface import Store
from ltx_mock.store.observers import Observers
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.api import ENDED

BY_HAND = Cause("manual", "finished by hand")


class Created(NamedTuple):
    """The response to a generateTask, and the task as planned; None if there is none."""

    response: ApiResponse
    planned: PlannedTask | None = None

    @property
    def callback_first(self) -> bool:
        """Whether the callback is to arrive before the response."""
        return self.planned is not None and self.planned.callback.first

    @property
    def is_done(self) -> bool:
        """Whether nothing is left for `Engine.after_generate`."""
        return self.planned is None or not (self.planned.task.inspecting or self.planned.callback.first)


class Engine:
    """The state and operations of one fake.

    Args:
        settings: the server's settings.
        store: the state of all tenants.
        sender: sends the fake's own requests.

    Attributes:
        sender: Sends the fake's own requests.
        tenants: The tenants by key.
        worker: A thread for long work outside the event loop.
        recordings: The folders of recordings.
        is_open: Set while it can process requests.
    """

    def __init__(self, settings: Settings, store: Store, sender: Sender) -> None:
        self.started = Clock.start().now()
        self.store, self.sender = store, sender
        self.worker = WorkerThread()
        self.recordings = RecordingFolders()
        self.is_open = asyncio.Event()
        self._inspections = Inspections()
        self.callbacks = Callbacks(store, sender, self.wait_for_inspections)
        self._clocks = Clocks(store, self.callbacks, self.wait_for_inspections)
        self.tenants = Tenants(settings, store, self.callbacks, self._inspections, self.recordings)
        inspector = Inspector(sender, fetch_all=settings.fetch_assets)
        self._creation = TaskCreation(store, inspector, self._inspections)
        store.observers.add(self.callbacks)
        store.observers.add(self._creation)

    @property
    def observers(self) -> Observers:
        """Are notified of every change."""
        return self.store.observers

    @property
    def settings(self) -> Settings:
        """The server's settings, which are the defaults of tenants."""
        return self.store.settings

    @property
    def clock(self) -> Clock:
        """The clock of future tenants."""
        return self.store.clock

    # ---- the two endpoints

    async def before_generate(self, tenant: Tenant) -> None:
        """Wait for what decides whether there is a free slot: inspections of tasks that may have failed by now."""
        await self.wait_for_inspections(tenant, tenant.clock.now())

    def generate(
        self,
        tenant: Tenant,
        submitted: Submission,
        caller: Caller,
        now: int,
        requested: tuple[ActiveScenario, ...] = (),
    ) -> Created:
        """Process generateTask and return the response. A unit of work; see `after_generate`.

        Args:
            tenant: the tenant of the request's key.
            submitted: the parsed and validated body.
            caller: who sent the request.
            now: the time of the request, in Unix milliseconds of the tenant's clock.
            requested: the scenarios that the request asks for.
        """
        key = caller.idempotency_key if tenant.settings.idempotency else None
        if key is not None and (earlier := repeated(tenant, key, submitted, now)):
            return Created(earlier)
        if tenant.settings.recordings is not None:
            replayed = self._replayed(tenant, submitted, caller, now, requested)
            if replayed is not None:
                return replayed
        request, findings = submitted.request, submitted.findings
        if request is None or (findings and tenant.settings.strict):
            strict = tenant.settings.strict
            return Created(responses.invalid([each for each in findings if strict or each.severity == "violation"]))
        return Created(*self._creation.create(tenant, submitted, request, caller, now, requested))

    def _replayed(
        self,
        tenant: Tenant,
        submitted: Submission,
        caller: Caller,
        now: int,
        requested: tuple[ActiveScenario, ...],
    ) -> Created | None:
        """Process a generateTask by a recording of it; None if the fake itself is to respond."""
        if tenant.settings.strict and submitted.findings:
            return None
        recording = self.recordings.take(tenant, submitted.raw)
        if recording is None:
            only = tenant.settings.recordings_only
            return Created(self.recordings.nothing(tenant, submitted.raw)) if only else None
        if recording.task_id is None:
            return Created(replays.refused(recording, submitted.findings))
        request = submitted.request or nearest_request(submitted.raw)
        return Created(*self._creation.create(tenant, submitted, request, caller, now, requested, recording))

    async def after_generate(self, tenant: Tenant, created: Created) -> None:
        """Start what a new task needs: the check of its assets, and its callback if that comes before the response."""
        if created.planned is None:
            return
        tenant = self.store.find(tenant.key) or tenant  # another process may have reset it meanwhile
        if created.planned.task.inspecting:
            self._creation.begin(tenant, created.planned.task)
        if created.callback_first:
            await self._clocks.make_due(tenant)

    async def before_status(self, tenant: Tenant, task_id: str) -> None:
        """Wait for what decides the state of a task, and with an `auto` clock its next one."""
        if tenant.clock.mode == "auto":
            await self.wait_for_inspections(tenant)
        elif task_id in tenant.inspecting:
            await self.wait_for_inspections(tenant, tenant.clock.now())

    def status(self, tenant: Tenant, task_id: str, now: int) -> ApiResponse:
        """Process statusTask and return the response. An `auto` clock then advances to the task's next state.

        A unit of work.
        """
        task = tenant.task(task_id)
        if task is None:
            return responses.unknown_task(task_id)
        if tenant.clock.mode == "auto":
            tenant.move_clock(_next_transition(task, now) or now)
        return replays.status(task, now) if task.recording else responses.status(task, now)

    async def wait_for_inspections(self, tenant: Tenant, by: int | None = None) -> None:
        """Wait for the inspections of the tenant's tasks; see `Inspections`."""
        self._creation.begin_missing(tenant)
        await self._inspections.wait_for_inspections(tenant, by)

    # ---- for the control plane

    async def set_clock(self, tenant: Tenant | None, mode: str | None, speed: float | None) -> None:
        """See `Clocks.set`."""
        await self._clocks.set(tenant, mode, speed)

    async def advance(self, tenant: Tenant | None, milliseconds: int) -> Fired:
        """See `Clocks.advance`."""
        return await self._clocks.advance(tenant, milliseconds)

    async def redeliver(self, named: str) -> Delivery:
        """Deliver a callback once more, by hand, and return its new state.

        A withheld callback is routed by the current settings.

        Args:
            named: the id of the callback or of its task.

        Raises:
            NotFoundError: unknown callback.
            ConflictError: it is still scheduled, is being delivered, or its URL may not be called.
        """
        for tenant in self.store.tenants():
            delivery = tenant.delivery(named) or tenant.delivery(delivery_id(named))
            if delivery is not None:
                break
        else:
            raise NotFoundError(f"no callback {named[:80]!r}")

        def again(tenant: Tenant) -> None:
            current = tenant.delivery(delivery.id) or delivery
            if current.state in {"scheduled", "sending"}:
                raise ConflictError(f"{current.id} is {current.state}; it cannot be redelivered")
            task = tenant.task(current.task_id)
            if task is not None:
                redeliver(tenant, task, current)

        await self.store.run(tenant, again)
        if tenant.clock.mode == "manual":
            await self.advance(tenant, 0)
        return tenant.delivery(delivery.id) or delivery

    async def finish(self, task_id: str, wanted: Literal["success", "failed"], fail_code: str | None) -> Task:
        """End a task now, by hand.

        Raises:
            NotFoundError: unknown task.
            ConflictError: it is finished already (TASK-1).
        """
        tenant, task = await self.tenants.find_task(task_id)
        await self.wait_for_inspections(tenant)

        def end(tenant: Tenant) -> None:
            current, now = tenant.task(task_id), tenant.clock.now()
            if current is None:  # its key was reset meanwhile
                raise no_task(task_id)
            state = current.timeline.state(now)
            if state in ENDED:
                raise ConflictError(f"{task_id} is finished: {state} is its last state (TASK-1)")
            ending = failure(fail_code or CONTENT_VIOLATION, BY_HAND) if wanted == "failed" else None
            ended = current.timeline.finished_at(now, ending)
            change_task(tenant, current._replace(timeline=ended, cause=BY_HAND, recording=b""))

        await self.store.run(tenant, end)
        if tenant.clock.mode == "manual":
            await self.advance(tenant, 0)
        return tenant.task(task_id) or task

    async def open(self) -> None:
        """Get ready; call it once, in the event loop of the server."""
        await self.store.open()
        if self.settings.recordings is not None:
            await asyncio.to_thread(self.recordings.prepare, self.settings)
        self.is_open.set()

    async def restart(self, pause: Awaitable[None]) -> None:
        """Let go of everything, wait for a pause, and read the state again as a new process does."""
        await self._let_go()
        await pause
        await self.open()

    async def close(self) -> None:
        """Stop all that is under way."""
        self.observers.stopping()
        await self._let_go()

    async def _let_go(self) -> None:
        self.is_open.clear()
        self.worker.close()
        self._inspections.cancel()
        await self.callbacks.close()
        await self.store.close()


def _next_transition(task: Task, now: int) -> int | None:
    return replays.next_transition(task, now) if task.recording else task.timeline.next_transition(now)
