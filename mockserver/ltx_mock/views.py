"""Tasks, journal entries and accounts as plain data, for the control plane and for people. No secret gets through."""

from __future__ import annotations

from urllib.parse import quote

from ltx_mock import answers
from ltx_mock.records import Entry, Task
from ltx_mock.store import Tenant
from ltx_mock_contracts import MalformedBody, parse_body

MIN_SECRET = 6


def task_view(tenant: Tenant, task: Task) -> dict[str, object]:
    """Return all that is known of a task, what lies ahead of it included. Times in Unix milliseconds."""
    now, line = tenant.clock.now(), task.timeline
    state = line.state(now)
    failure = line.failure
    return {
        "id": task.id,
        "key": tenant.label,
        "number": task.number,
        "state": state,
        "createTime": line.created,
        "processingTime": line.started,
        "endTime": line.ended,
        "endState": line.state(line.ended),
        "failCode": failure.code if failure else None,
        "failMsg": failure.message if failure else None,
        "cause": failure.cause if failure else None,
        "nextTransition": line.next_transition(now),
        "cost": task.cost,
        "seed": task.seed,
        "resultUrl": answers.result_url(task) if state == "success" else None,
        "request": _body(hide(tenant, task.body.decode())),
    }


def entry_view(tenant: Tenant, entry: Entry) -> dict[str, object]:
    """Return a journal entry; bodies that are JSON as JSON, others as text."""
    return {
        "number": entry.number,
        "at": entry.at,
        "key": tenant.label,
        "operation": entry.operation,
        "method": entry.method,
        "target": hide(tenant, entry.target),
        "status": entry.status,
        "taskId": entry.task_id,
        "state": entry.state,
        "findings": [finding.as_dict() for finding in entry.findings],
        "cause": entry.cause,
        "request": _body(hide(tenant, entry.request.decode("utf-8", "replace"))),
        "answer": _body(hide(tenant, entry.answer.decode("utf-8", "replace"))),
    }


def account_view(tenant: Tenant) -> dict[str, object]:
    """Return a tenant's counters beside its limits."""
    account, settings = tenant.account(tenant.clock.now()), tenant.settings
    return {
        "key": tenant.label,
        "clock": tenant.clock.as_dict(),
        "tasks": {"made": account.made, "active": account.active, "limit": settings.max_concurrent},
        "credits": {"left": account.credits, "spent": account.spent},
        "requests": {
            "inWindow": account.requests_in_window,
            "windowEnds": account.window_ends,
            "limit": str(settings.rate_limit),
        },
    }


def hide(tenant: Tenant, text: str) -> str:
    """Take the tenant's key out of a text, where a client put it into a URL or a body by mistake."""
    if len(tenant.key) < MIN_SECRET:
        return text
    return text.replace(tenant.key, tenant.label).replace(quote(tenant.key, safe=""), tenant.label)


def _body(text: str) -> object:
    try:
        return parse_body(text.encode()) if text else None
    except MalformedBody:
        return text
