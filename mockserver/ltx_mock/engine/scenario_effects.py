"""Apply scenarios to new tasks, requests, responses, downloads and callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ltx_mock.core.cause import Cause
from ltx_mock.core.failures import Failure, failure
from ltx_mock.core.records import Task
from ltx_mock.core.timeline import NEVER, Timeline
from ltx_mock.engine import responses
from ltx_mock.engine.responses import ApiResponse, Effect
from ltx_mock.scenarios.drift import drifted
from ltx_mock.scenarios.matching import ActiveScenario, MatchPoint, RequestFacts, take_next
from ltx_mock.scenarios.model import Callback, Operation, Outcome
from ltx_mock.scenarios.sampling import milliseconds, noise
from ltx_mock.store.tenant import Tenant

AS_DOCUMENTED = Callback()


class PlannedTask(NamedTuple):
    """A task, its callback and the delay of that (`wait`, milliseconds), and the scenario that changed them, if any."""

    task: Task
    callback: Callback = AS_DOCUMENTED
    wait: int = 0
    scenario: ActiveScenario | None = None

    @property
    def fails_only(self) -> bool:
        """Whether the scenario only makes the task fail, so that its cause appears with the failure."""
        outcome = self.scenario.scenario.outcome if self.scenario else None
        return outcome is not None and outcome.fail_code is not None and outcome.delay is None


def apply_to_task(
    task: Task, claimed: ActiveScenario, random_bytes: Callable[[], bytes], redraw: Callable[[Failure], Timeline]
) -> PlannedTask:
    """Return a new task as a scenario changes it. One that ends otherwise no longer lives the life of a recording.

    Args:
        task: the task as requested.
        claimed: the active scenario.
        random_bytes: returns new random bytes.
        redraw: returns the timeline of the task with a failure.
    """
    outcome, line = claimed.scenario.outcome, task.timeline
    callback = outcome.callback or AS_DOCUMENTED
    if outcome.fail_code is not None:
        line = redraw(failure(outcome.fail_code, Cause("scenario", claimed.cause)))
    if outcome.generation is not None:
        line = line.finished_at(line.created + milliseconds(outcome.generation, random_bytes()), line.failure)
    if outcome.stuck:
        line = line.finished_at(NEVER, None)
    if callback.first:
        line = line.finished_at(line.created, line.failure)
    wait = milliseconds(callback.delay, random_bytes()) if callback.delay is not None else 0
    recording = task.recording if line == task.timeline else b""
    return PlannedTask(task._replace(timeline=line, recording=recording), callback, wait, claimed)


def take_scenario(
    tenant: Tenant, requested: tuple[ActiveScenario, ...], call: MatchPoint, task_id: str | None = None
) -> ActiveScenario | None:
    """Take the scenario that applies: one that the request asks for, else the task's, else the key's."""
    _, wish = take_next(requested, call, tenant.next_random_bytes)
    return wish or tenant.claim_scenario(call, task_id)


def run_with_scenarios(
    tenant: Tenant,
    operation: Operation,
    requested: tuple[ActiveScenario, ...],
    subject: RequestFacts,
    work: Callable[[], ApiResponse],
    task_id: str | None = None,
) -> ApiResponse:
    """Process a request under its scenarios, and return the response. A part of a unit of work.

    Args:
        tenant: the tenant of the request's key.
        operation: the operation of the request.
        requested: the scenarios that the request asks for.
        subject: the facts of the request or of its task.
        work: processes the request, unless a scenario replaces the response.
        task_id: the id of its task.
    """
    call = MatchPoint(operation, "request", subject)
    first = take_scenario(tenant, requested, call, task_id)
    if first is not None and first.scenario.outcome.replaces_work:
        return apply_to_response(tenant, first, responses.forced(first.scenario.outcome, tenant.clock.now()))
    response = work()
    if first is not None:
        response = apply_to_response(tenant, first, response)
    if response.status == 200:
        last = take_scenario(tenant, requested, call._replace(moment="answer", state=response.state), task_id)
        if last is not None:
            response = apply_to_response(tenant, last, response)
    return response


def apply_to_download(tenant: Tenant, requested: tuple[ActiveScenario, ...], task: Task) -> ApiResponse | None:
    """Return the response of a download changed by a scenario: an error, or 200 with an effect; None without one."""
    happening = take_scenario(
        tenant, requested, MatchPoint("download", "request", RequestFacts.of(task.request)), task.id
    )
    if happening is None:
        return None
    outcome = happening.scenario.outcome
    response = responses.forced(outcome, tenant.clock.now()) if outcome.replaces_work else ApiResponse(200, b"")
    return apply_to_response(tenant, happening, response._replace(task_id=task.id))


def apply_to_callback(tenant: Tenant, task: Task, body: bytes) -> tuple[bytes, Cause | None]:
    """Return the body of a callback as changed by a scenario, and the cause; unchanged without one."""
    if not tenant.scenarios and not task.scenarios:
        return body, None
    happening = take_scenario(tenant, (), MatchPoint("callback", "answer", RequestFacts.of(task.request)), task.id)
    if happening is None or happening.scenario.outcome.drift is None:
        return body, None
    return drifted(body, happening.scenario.outcome.drift), Cause("scenario", happening.cause)


def apply_to_response(tenant: Tenant, happening: ActiveScenario, response: ApiResponse) -> ApiResponse:
    """Return a response as changed by a scenario, with the cause."""
    outcome, before = happening.scenario.outcome, response.effect or Effect()
    late = milliseconds(outcome.delay, tenant.next_random_bytes()) if outcome.delay is not None else None
    if outcome.fault is not None:
        response = response._replace(body=b"")
    elif outcome.drift is not None:
        response = response._replace(body=drifted(response.body, outcome.drift))
    effect = Effect(
        before.wait_ms + (late or 0),
        outcome.fault or before.fault,
        noise(tenant.next_random_bytes()) if outcome.fault else before.noise,
        outcome.cut,
        outcome.bytes_per_second,
        outcome.close_after if outcome.fault else before.close_after_ms,
        before.restart_ms if outcome.restart is None else outcome.restart,
        before.media_type,
    )
    details = ", ".join(_details(outcome, late, waits=tenant.clock.flows))
    cause = Cause("scenario", f"{happening.cause}: {details}" if details else happening.cause)
    return response._replace(cause=response.cause.and_then(cause) if response.cause else cause, effect=effect)


def _details(outcome: Outcome, late: int | None, *, waits: bool) -> Iterator[str]:
    if late is not None:
        yield f"{late} ms late" if waits else f"{late} ms late (not delayed: the clock is stopped)"
    if outcome.fault is not None:
        yield f"{outcome.fault}, after processing" if outcome.after_commit else outcome.fault
    if outcome.restart is not None:
        yield "the server restarts" + (f", away for {outcome.restart} ms" if outcome.restart else "")
    if outcome.cut is not None:
        yield f"cut after {outcome.cut:.0%}"
    if outcome.bytes_per_second is not None:
        yield f"{outcome.bytes_per_second} bytes a second"
