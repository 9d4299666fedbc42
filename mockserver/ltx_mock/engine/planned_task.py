"""Plan a new task: as requested, or as a scenario changes it. Pure, except for the given source of random bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ltx_mock.core.cause import Cause
from ltx_mock.core.failures import Failure, failure
from ltx_mock.core.records import Task
from ltx_mock.core.seeding import digest
from ltx_mock.core.timeline import NEVER, Timeline, plan
from ltx_mock.scenarios.matching import ActiveScenario
from ltx_mock.scenarios.model import Callback
from ltx_mock.scenarios.sampling import milliseconds
from ltx_mock_contracts.request import GenerateRequest

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


def result_fingerprint(request: GenerateRequest, seed: int) -> bytes:
    """Return a digest of everything that determines the result of a task (TASK-9), with the seed in use."""
    loras = tuple(map(tuple, request.loras))
    look = (request.mode, request.prompt, request.resolution, request.duration, request.aspect_ratio)
    return digest("picture", look, request.image_urls, loras, seed)


def build_timeline(
    request: GenerateRequest, task_seed: int, seed: int, created: int, ending: Failure | None
) -> Timeline:
    """Draw a task's timeline with the seed of the fake; the task's own seed determines only its picture."""
    return plan(
        request.resolution,
        lora=request.is_lora,
        picture=result_fingerprint(request, task_seed),
        seed=seed,
        created=created,
        failure=ending,
    )


def apply_to_task(
    task: Task, claimed: ActiveScenario, random_bytes: Callable[[], bytes], redraw: Callable[[Failure], Timeline]
) -> PlannedTask:
    """Return a new task as a scenario changes it.

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
    return PlannedTask(task._replace(timeline=line), callback, wait, claimed)
