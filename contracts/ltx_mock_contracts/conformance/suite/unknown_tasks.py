"""Checks of polls of unknown tasks (TASK-11)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.api import UNKNOWN_TASK_IDS
from ltx_mock_contracts.conformance.harness.checks import Check, check
from ltx_mock_contracts.conformance.harness.expectations import judge_refusal, submit
from ltx_mock_contracts.conformance.suite.bodies import varied
from ltx_mock_contracts.dialects import may_refuse_id

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext

__all__ = ["CHECKS"]

_TITLE: Final = "an unknown taskId does not get 404"


@check("TASK-11")
def missing_task_id(context: CheckContext) -> None:
    """A poll without `taskId`."""
    judge_refusal(
        context, context.tenant.status(None), 400, "TASK-11", "statusTask without taskId is not refused with 400"
    )


def unknown_task(context: CheckContext, task_id: str) -> None:
    """An unknown id. One that the server can never have created may also get 400."""
    also = {400, 422} if may_refuse_id(task_id) else ()
    judge_refusal(context, context.tenant.status(task_id), 404, "TASK-11", _TITLE, also=also)


@check("TASK-11", tasks=1, rank=46)
def similar_task_ids(context: CheckContext) -> None:
    """Ids that are similar to that of a task."""
    task_id = submit(context, varied(context))
    for similar in (f"{task_id}0", task_id[:-1]):
        judge_refusal(context, context.tenant.status(similar), 404, "TASK-11", _TITLE, also={400, 422})
    judge_refusal(context, context.tenant.status(f" {task_id}"), 404, "TASK-11", _TITLE, also={200, 400, 422})


CHECKS: Final[tuple[Check, ...]] = (
    missing_task_id,
    *(
        Check(f"unknown task {task_id[:24]}", ("TASK-11",), partial(unknown_task, task_id=task_id))
        for task_id in UNKNOWN_TASK_IDS
    ),
    similar_task_ids,
)
