"""Create the task of a valid generateTask: its timeline, its callback, and the check of its assets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ltx_mock.core.caller import Caller
from ltx_mock.core.cause import Cause
from ltx_mock.core.failures import predicted_failure
from ltx_mock.core.origins import refusal
from ltx_mock.core.records import Task
from ltx_mock.core.seeding import between, digest
from ltx_mock.core.timeline import build_timeline, earliest_failure, result_fingerprint
from ltx_mock.engine import deliveries, replays, responses
from ltx_mock.engine.assets import NOTHING, Inspector
from ltx_mock.engine.inspections import Inspections
from ltx_mock.engine.responses import ApiResponse
from ltx_mock.engine.scenario_effects import PlannedTask, apply_to_response, apply_to_task, take_scenario
from ltx_mock.engine.submissions import Submission
from ltx_mock.scenarios.matching import ActiveScenario, MatchPoint, RequestFacts, for_later_requests
from ltx_mock.store.interface import Store
from ltx_mock.store.observers import Observer
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.request import GenerateRequest

if TYPE_CHECKING:
    from ltx_mock_contracts.recordings import Recording

MAX_SEED = 2**31 - 1
ID_BYTES = 6


class TaskCreation(Observer):
    """Creates tasks, and starts the checks of their assets."""

    def __init__(self, store: Store, inspector: Inspector, inspections: Inspections) -> None:
        self._store = store
        self._inspector = inspector
        self._inspections = inspections

    def create(
        self,
        tenant: Tenant,
        submitted: Submission,
        request: GenerateRequest,
        caller: Caller,
        now: int,
        requested: tuple[ActiveScenario, ...],
        recording: Recording | None = None,
    ) -> tuple[ApiResponse, PlannedTask | None]:
        """Create a task or refuse it, and return the response. A unit of work; see `Engine.generate`.

        With a recording the task lives its life, and the response is the recorded one.
        """
        task = self._task(tenant, submitted, request, caller, now, requested)
        if recording is not None:
            task = replays.replaying(task, recording)
        refused = tenant.refusal(task, now)
        if refused is not None:
            return responses.no_slot(tenant.settings, refused, now), None
        planned = (
            self._planned(tenant, task, request, requested) if tenant.scenarios or requested else PlannedTask(task)
        )
        task = planned.task
        if self._inspects(task, submitted, request):
            if task.page is None:
                task = task._replace(inspecting=True)
            else:
                task = task._replace(cause=Cause("asset", f"assets not fetched: {refusal(task.page)}"))
            planned = planned._replace(task=task)
        tenant.add_task(task)
        if request.request_type == "callback" and request.callback_url:
            deliveries.plan(tenant, planned, request.callback_url)
        if recording is None:
            response = responses.created(task, submitted.findings)
        else:
            response = replays.created(task, recording, submitted.findings)
        if planned.scenario and not planned.fails_only:
            response = apply_to_response(tenant, planned.scenario, response)
        return response, planned

    def workers_ended(self) -> None:
        """See `Observer`: check what another process has begun to check."""
        for tenant in self._store.tenants():
            self.begin_missing(tenant)

    def begin_missing(self, tenant: Tenant) -> None:
        """Start the checks that are not under way in this process."""
        for task_id in tenant.inspecting:
            task = tenant.task(task_id)
            if task is not None and not self._inspections.has(tenant, task_id):
                self.begin(tenant, task)

    def begin(self, tenant: Tenant, task: Task) -> None:
        """Start the check of a task's assets."""
        earliest = earliest_failure(task.timeline, tenant.settings.timings)
        self._inspections.begin(tenant, task.id, earliest, self._inspect(tenant, task))

    def _inspects(self, task: Task, submitted: Submission, request: GenerateRequest) -> bool:
        line = task.timeline
        known = line.failure is not None or line.endless or task.recording
        return not known and self._inspector.concerns(request, local=submitted.local)

    def _task(
        self,
        tenant: Tenant,
        submitted: Submission,
        request: GenerateRequest,
        caller: Caller,
        now: int,
        requested: tuple[ActiveScenario, ...],
    ) -> Task:
        settings = tenant.settings
        number = tenant.next_number()
        task_id, random_bytes = self._new_id(tenant, number)
        seed = request.seed or between(1, MAX_SEED, random_bytes[ID_BYTES:])
        picture = submitted.picture or result_fingerprint(request, seed)
        failure = submitted.failure if submitted.request else predicted_failure(request)
        return Task(
            task_id,
            tenant.key,
            number,
            submitted.raw,
            seed,
            build_timeline(request, picture, settings.seed, now, failure, settings.timings),
            settings.price[request.resolution] * request.duration,
            settings.public_url or caller.root,
            for_later_requests(requested) if requested else (),
            None,
            caller.page,
            submitted.findings,
            idempotency_key=(settings.idempotency and caller.idempotency_key) or "",
            trace=caller.trace,
        )

    def _planned(
        self, tenant: Tenant, task: Task, request: GenerateRequest, requested: tuple[ActiveScenario, ...]
    ) -> PlannedTask:
        """Return the new task, changed by a scenario if one applies."""
        subject = RequestFacts.of(request)
        chosen = take_scenario(tenant, requested, MatchPoint("generateTask", "task", subject))
        if chosen is None:
            return PlannedTask(task)
        settings, created = tenant.settings, task.timeline.created
        picture = result_fingerprint(request, task.seed)
        redraw = partial(build_timeline, request, picture, settings.seed, created, timings=settings.timings)
        return apply_to_task(
            task._replace(cause=Cause("scenario", chosen.cause)), chosen, tenant.next_random_bytes, redraw
        )

    def _new_id(self, tenant: Tenant, number: int) -> tuple[str, bytes]:
        """Return an id that no task had before (GEN-17), and its digest for the random choices of the task."""
        random_bytes = digest("task", tenant.settings.seed, tenant.key, number)
        while self._store.owner(task_id := f"task_{random_bytes[:ID_BYTES].hex()}") is not None:
            random_bytes = digest("again", random_bytes)
        return task_id, random_bytes

    async def _inspect(self, tenant: Tenant, task: Task) -> None:
        found = await self._inspector.inspect(task.request)

        def conclude(tenant: Tenant) -> None:
            current = tenant.task(task.id)
            if current is None or not current.inspecting:
                return
            current = current._replace(inspecting=False)
            if found == NOTHING or current.timeline != task.timeline:
                tenant.replace_task(current)
            elif found.failure is None:
                tenant.replace_task(current._replace(cause=found.doubt))
            else:
                settings, created, request = tenant.settings, task.timeline.created, task.request
                picture = result_fingerprint(request, task.seed)
                failed = build_timeline(request, picture, settings.seed, created, found.failure, settings.timings)
                change_task(tenant, current._replace(timeline=failed))

        await self._store.run_in_background(tenant, conclude)


def change_task(tenant: Tenant, task: Task) -> None:
    """Store a task with another end, and move its callback there. A unit of work."""
    tenant.replace_task(task)
    deliveries.reschedule(tenant, task)
