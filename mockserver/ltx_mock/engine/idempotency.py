"""Repeated requests with an `Idempotency-Key`, as `--idempotency` honours them. Our choice: no document has the header.

The statuses are those of the IETF's draft on the header, the response header is Stripe's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ltx_mock.core.cause import Cause
from ltx_mock.core.clock import DAY
from ltx_mock.core.records import Task
from ltx_mock.core.replay import replay_of
from ltx_mock.engine import replays, responses
from ltx_mock.engine.responses import ApiResponse
from ltx_mock.engine.submissions import Submission
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts import MalformedBody, parse_body
from ltx_mock_contracts.api import REPLAYED
from ltx_mock_contracts.validation.findings import Finding

KEPT_MS = DAY
"""How long after the creation of its task a key means that task."""
MAX_LENGTH = 255

_KEY = re.compile(rf"[ -~]{{1,{MAX_LENGTH}}}")


def repeated(tenant: Tenant, key: str, submitted: Submission, now: int) -> ApiResponse | None:
    """Return the response to a request whose key was used before, or cannot be one; None if a task is to be made."""
    if not _KEY.fullmatch(key):
        message = f"Idempotency-Key must be 1 to {MAX_LENGTH} printable ASCII characters"
        return responses.error(400, message, cause=Cause("request", "header Idempotency-Key"))
    task = tenant.task_of_idempotency_key(key)
    if task is None or now - task.timeline.created >= KEPT_MS:
        return None
    if not _is_same(task, submitted):
        message = f"Idempotency-Key {key!r} belongs to {task.id}, which has another body; use a new key for a new task"
        return responses.error(422, message, cause=Cause("request", "Idempotency-Key of another body"))
    response = _created(task, submitted.findings)
    return response._replace(
        state=task.timeline.state(now),
        headers=(*response.headers, (REPLAYED.encode(), b"true")),
        cause=Cause("request", "the same Idempotency-Key: no new task"),
    )


def _created(task: Task, findings: Sequence[Finding]) -> ApiResponse:
    if not task.recording:
        return responses.created(task, findings)
    return replays.created(task, replay_of(task.recording).recording, findings)


def _is_same(task: Task, submitted: Submission) -> bool:
    """Tell whether a body is that of a task, or the same JSON."""
    try:
        return task.body == submitted.raw or _canonical(task.body) == _canonical(submitted.raw)
    except MalformedBody:
        return False


def _canonical(body: bytes) -> str:
    return json.dumps(parse_body(body), sort_keys=True)
