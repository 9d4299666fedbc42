"""The tasks of the upstream, as far as they are known from its responses, kept like the fake's own."""

from __future__ import annotations

from typing import Any

from ltx_mock.core.cause import Cause
from ltx_mock.core.failures import Failure
from ltx_mock.core.records import Task
from ltx_mock.core.timeline import NEVER, Timeline
from ltx_mock.engine.submissions import Submission
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.api import ENDED, result_urls


def note_task(tenant: Tenant, submitted: Submission, task_id: str, root: str, price: int) -> None:
    """Keep a new task, whose end is not known yet. A unit of work."""
    request = submitted.request
    if request is None or tenant.task(task_id) is not None:
        return
    timeline = Timeline(tenant.clock.now(), NEVER, NEVER)
    number, seed = tenant.next_number(), request.seed or 0
    cause = Cause("upstream", "seen in a response of the API")
    tenant.add_task(Task(task_id, tenant.key, number, submitted.raw, seed, timeline, price, root, cause=cause))


def note_state(tenant: Tenant, task_id: str, data: dict[str, Any], host: str) -> None:
    """Keep what a status tells about a task. A unit of work. Undocumented states tell nothing."""
    task, state, now = tenant.task(task_id), data.get("state"), tenant.clock.now()
    if task is None or task.timeline.state(now) == state:
        return
    line = task.timeline
    if state == "processing" and line.started == NEVER:
        tenant.replace_task(task._replace(timeline=line._replace(started=now)))
    elif state in ENDED and line.endless:
        code, message = str(data.get("failCode", "")), str(data.get("failMsg", ""))
        failure = Failure(code, message, Cause("upstream", f"from {host}")) if state == "failed" else None
        results = result_urls(data) if state == "success" else ()
        tenant.replace_task(task._replace(timeline=line.finished_at(now, failure), results=results))
