"""The engine behind the endpoints and the control plane.

It runs in one event loop. Methods that are not coroutines are atomic for other requests.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Literal

from ltx_mock.asgi.worker_thread import WorkerThread
from ltx_mock.core.cause import Cause
from ltx_mock.core.clock import Clock
from ltx_mock.core.failures import CONTENT_VIOLATION, failure
from ltx_mock.core.journal_entry import Entry
from ltx_mock.core.records import Delivery, Task, delivery_id
from ltx_mock.core.settings import Settings
from ltx_mock.engine import responses
from ltx_mock.engine.assets import Inspector
from ltx_mock.engine.callbacks import Callbacks
from ltx_mock.engine.clocks import Clocks
from ltx_mock.engine.inspections import Inspections
from ltx_mock.engine.observers import Observers
from ltx_mock.engine.outbound import Sender
from ltx_mock.engine.responses import ApiResponse
from ltx_mock.engine.submissions import Submission
from ltx_mock.engine.task_creation import TaskCreation
from ltx_mock.engine.tenants import Tenants
from ltx_mock.errors import ConflictError, NotFoundError
from ltx_mock.scenarios.matching import ActiveScenario
from ltx_mock.store.interface import Store, Tenant
from ltx_mock_contracts.api import ENDED

BY_HAND = Cause("manual", "finished by hand")


class Engine:
    """The state and operations of one fake.

    Args:
        settings: the server's settings.
        store: the state of all tenants.
        sender: sends the fake's own requests.

    Attributes:
        sender: Sends the fake's own requests.
        observers: Are notified of every change.
        tenants: The tenants by key.
        worker: A thread for long work outside the event loop.
    """

    def __init__(self, settings: Settings, store: Store, sender: Sender) -> None:
        self.started = Clock.start().now()
        self.store, self.sender = store, sender
        self.observers = Observers()
        self.worker = WorkerThread()
        self._inspections = Inspections()
        self.callbacks = Callbacks(store, sender, self.record, self.wait_for_inspections, self.observers)
        self._clocks = Clocks(store, self.callbacks, self._inspections, self.record, self.observers)
        self.tenants = Tenants(settings, store, self.callbacks, self._inspections, self._clocks, self.observers)
        inspector = Inspector(sender, fetch_all=settings.fetch_assets)
        self._creation = TaskCreation(store, self.callbacks, inspector, self._inspections, self.observers)

    @property
    def settings(self) -> Settings:
        """The server's settings, which are the defaults of tenants."""
        return self.tenants.settings

    @property
    def clock(self) -> Clock:
        """The clock of future tenants."""
        return self.store.clock

    @property
    def tasks_under_inspection(self) -> Container[str]:
        """Ids of tasks whose assets are still being checked, so their outcome is not final."""
        return self._inspections

    def record(self, tenant: Tenant, entry: Entry) -> None:
        """Write an entry into the tenant's journal and notify the observers."""
        tenant.record(entry)
        self.observers.entry_recorded(tenant, entry)

    # ---- the two endpoints

    async def generate(
        self,
        tenant: Tenant,
        submitted: Submission,
        root: str,
        now: int,
        requested: tuple[ActiveScenario, ...] = (),
        page: str | None = None,
    ) -> ApiResponse:
        """Process generateTask and return the response.

        Args:
            tenant: the tenant of the request's key.
            submitted: the parsed and validated body.
            root: the root URL that the client used.
            now: the time of the request, in Unix milliseconds of the tenant's clock.
            requested: the scenarios that the request asks for.
            page: the origin of the foreign page that sent the request, if any.
        """
        request, findings = submitted.request, submitted.findings
        if request is None or (findings and tenant.settings.strict):
            strict = tenant.settings.strict
            return responses.invalid([each for each in findings if strict or each.severity == "violation"])
        if self._inspections:
            await self.wait_for_inspections(tenant, now)
            tenant = self.tenants.of_key(tenant.key) or tenant  # a reset may have replaced the tenant
            now = tenant.clock.now()
        response, planned = self._creation.create(tenant, submitted, request, root, now, requested, page)
        if planned is not None and planned.callback.first:
            await self._clocks.make_due(tenant)
        return response

    async def status(self, tenant: Tenant, task_id: str, now: int) -> ApiResponse:
        """Process statusTask and return the response. An `auto` clock then advances to the task's next state."""
        task = tenant.task(task_id)
        if task is None:
            return responses.unknown_task(task_id)
        if task_id in self._inspections:
            await self.wait_for_inspections(tenant, now)
            task = tenant.task(task_id) or task
        response = responses.status(task, now)
        if tenant.clock.mode == "auto":
            await self.wait_for_inspections(tenant)
            task = tenant.task(task_id) or task
            tenant.move_clock(task.timeline.next_transition(now) or now)
            self.callbacks.set_alarm(tenant)
        return response

    async def wait_for_inspections(self, tenant: Tenant, by: int | None = None) -> None:
        """Wait for the inspections of the tenant's tasks; see `Inspections`."""
        await self._inspections.wait_for_inspections(tenant, by)

    # ---- for the control plane

    def set_clock(self, tenant: Tenant | None, mode: str | None, speed: float | None) -> None:
        """See `Clocks.set`."""
        self._clocks.set(tenant, mode, speed)

    async def advance(self, tenant: Tenant | None, milliseconds: int) -> list[dict[str, object]]:
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
        if delivery.state in {"scheduled", "sending"}:
            raise ConflictError(f"{delivery.id} is {delivery.state}; it cannot be redelivered")
        _, task = self.tenants.find_task(delivery.task_id)
        self.callbacks.redeliver(tenant, task, delivery)
        if tenant.clock.mode == "manual":
            await self.advance(tenant, 0)
        return tenant.delivery(delivery.id) or delivery

    async def finish(self, task_id: str, state: Literal["success", "failed"], fail_code: str | None) -> Task:
        """End a task now, by hand.

        Raises:
            NotFoundError: unknown task.
            ConflictError: it is finished already (TASK-1).
        """
        tenant, task = self.tenants.find_task(task_id)
        await self.wait_for_inspections(tenant)
        task = tenant.task(task_id) or task
        now = tenant.clock.now()
        if task.timeline.state(now) in ENDED:
            raise ConflictError(f"{task_id} is finished: {task.timeline.state(now)} is its last state (TASK-1)")
        ending = failure(fail_code or CONTENT_VIOLATION, BY_HAND) if state == "failed" else None
        self._creation.change(tenant, task._replace(timeline=task.timeline.finished_at(now, ending), cause=BY_HAND))
        if tenant.clock.mode == "manual":
            await self.advance(tenant, 0)
        return tenant.task(task_id) or task

    async def close(self) -> None:
        """Stop all that is under way."""
        self.observers.stopping()
        self.worker.close()
        self._inspections.cancel()
        await self.callbacks.close()
