"""Create the task of a valid generateTask: its timeline, its callback, and the check of its assets."""

from __future__ import annotations

from functools import partial

from ltx_mock.core.cause import Cause
from ltx_mock.core.failures import predicted_failure
from ltx_mock.core.origins import refusal
from ltx_mock.core.records import Task
from ltx_mock.core.seeding import between, digest
from ltx_mock.core.timeline import EARLIEST_FAILURE_MS, build_timeline
from ltx_mock.engine import responses
from ltx_mock.engine.assets import NOTHING, InspectionResult, Inspector
from ltx_mock.engine.callbacks import Callbacks
from ltx_mock.engine.inspections import Inspections
from ltx_mock.engine.observers import Observer
from ltx_mock.engine.responses import ApiResponse
from ltx_mock.engine.scenario_effects import PlannedTask, apply_to_response, apply_to_task, take_scenario
from ltx_mock.engine.submissions import Submission
from ltx_mock.scenarios.matching import ActiveScenario, MatchPoint, RequestFacts, for_later_requests
from ltx_mock.store.interface import Store, Tenant
from ltx_mock_contracts.request import GenerateRequest

MAX_SEED = 2**31 - 1
ID_BYTES = 6


class TaskCreation:
    """Creates tasks, and starts their background work."""

    def __init__(
        self, store: Store, callbacks: Callbacks, inspector: Inspector, inspections: Inspections, observer: Observer
    ) -> None:
        self._store = store
        self._callbacks = callbacks
        self._inspector = inspector
        self._inspections = inspections
        self._observer = observer

    def create(
        self,
        tenant: Tenant,
        submitted: Submission,
        request: GenerateRequest,
        root: str,
        now: int,
        requested: tuple[ActiveScenario, ...],
        page: str | None,
    ) -> tuple[ApiResponse, PlannedTask | None]:
        """Create a task or refuse it, and return the response. See `Engine.generate`."""
        findings = submitted.findings
        task = self._task(tenant, submitted.raw, request, root, now, requested)._replace(page=page, findings=findings)
        refused = tenant.add_task(task, now)
        if refused is not None:
            return responses.no_slot(tenant.settings, refused, now), None
        planned = (
            self._planned(tenant, task, request, requested) if tenant.scenarios or requested else PlannedTask(task)
        )
        self._begin(tenant, request, planned)
        response = responses.created(planned.task, findings)
        if planned.scenario and not planned.fails_only:
            response = apply_to_response(tenant, planned.scenario, response)
        return response, planned

    def change(self, tenant: Tenant, task: Task) -> None:
        """Store a task with another end, and move its callback there."""
        tenant.replace_task(task)
        self._observer.task_changed(tenant, task, "changed")
        self._callbacks.reschedule(tenant, task)

    def _task(
        self,
        tenant: Tenant,
        raw: bytes,
        request: GenerateRequest,
        root: str,
        now: int,
        requested: tuple[ActiveScenario, ...],
    ) -> Task:
        settings = tenant.settings
        number = tenant.next_number()
        random_bytes = self._new_task(tenant, number)
        seed = request.seed or between(1, MAX_SEED, random_bytes[ID_BYTES:])
        return Task(
            _task_id(random_bytes),
            tenant.key,
            number,
            raw,
            request,
            seed,
            build_timeline(request, seed, settings.seed, now, predicted_failure(request)),
            settings.price[request.resolution] * request.duration,
            settings.public_url or root,
            for_later_requests(requested),
        )

    def _planned(
        self, tenant: Tenant, task: Task, request: GenerateRequest, requested: tuple[ActiveScenario, ...]
    ) -> PlannedTask:
        """Return the new task, changed by a scenario if one applies."""
        subject = RequestFacts.of(request)
        chosen = take_scenario(tenant, requested, MatchPoint("generateTask", "task", subject))
        if chosen is None:
            return PlannedTask(task)
        redraw = partial(build_timeline, request, task.seed, tenant.settings.seed, task.timeline.created)
        planned = apply_to_task(
            task._replace(cause=Cause("scenario", chosen.cause)), chosen, tenant.next_random_bytes, redraw
        )
        tenant.replace_task(planned.task)
        return planned

    def _begin(self, tenant: Tenant, request: GenerateRequest, planned: PlannedTask) -> None:
        """Start the background work: the callback, and the check of assets."""
        task, line = planned.task, planned.task.timeline
        if line.failure is None and not line.endless and self._inspector.concerns(request):
            if task.page is None:
                self._inspect(tenant, task, request)
            else:
                task = task._replace(cause=Cause("asset", f"assets not fetched: {refusal(task.page)}"))
                tenant.replace_task(task)
        self._observer.task_changed(tenant, task, "made")
        if request.request_type == "callback" and request.callback_url:
            self._callbacks.plan(tenant, planned, request.callback_url)

    def _new_task(self, tenant: Tenant, number: int) -> bytes:
        """Return a digest for the id of a task (not used before, GEN-17) and for its random choices."""
        random_bytes = digest("task", tenant.settings.seed, tenant.key, number)
        while self._store.owner(_task_id(random_bytes)) is not None:
            random_bytes = digest("again", random_bytes)
        return random_bytes

    def _inspect(self, tenant: Tenant, task: Task, request: GenerateRequest) -> None:
        def conclude(found: InspectionResult) -> None:
            current = tenant.task(task.id)
            if current is None:
                return
            if found == NOTHING or current.timeline != task.timeline:
                self._observer.task_changed(tenant, current, "changed")  # its end is final now
            elif found.failure is not None:
                failed = build_timeline(request, task.seed, tenant.settings.seed, task.timeline.created, found.failure)
                self.change(tenant, current._replace(timeline=failed))
            else:
                self.change(tenant, current._replace(cause=found.doubt))

        earliest = task.timeline.started + EARLIEST_FAILURE_MS
        self._inspections.begin(tenant, task.id, earliest, self._inspector.inspect(request), conclude)


def _task_id(random_bytes: bytes) -> str:
    return f"task_{random_bytes[:ID_BYTES].hex()}"
