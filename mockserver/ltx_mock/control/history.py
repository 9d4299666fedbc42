"""The history of a task as plain data: its request and findings, its events with causes, and the next ones.

It is computed from the task, its deliveries and the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from ltx_mock.control.to_json import hide_in
from ltx_mock.core.clock import LATEST, SECOND
from ltx_mock.core.journal_entry import Entry, RequestEntry
from ltx_mock.core.records import Delivery, Task, delivery_id
from ltx_mock.store.tenant import Tenant

DRAWN = "drawn from the request and the seed"
MADE, STATE, CALLBACK, REQUEST = range(4)
"""The order of events of one moment."""

Step = dict[str, Any]
Placed = tuple[int, int, int, Step]


def task_history(tenant: Tenant, task: Task, entries: Sequence[Entry]) -> dict[str, Any]:
    """Return the history of a task; `entries` are those of it in the journal, the oldest first.

    The fields are `findings` of its request; `callbacks`; `story`, the events in order; `next`, the future events; and
    `polls`, the number of statusTask responses in the journal. Times are Unix milliseconds.
    """
    now = tenant.clock.now()
    deliveries = [*_deliveries(tenant, task)]
    steps = [*_requests(entries), *_states(task), *_callbacks(task, deliveries)]
    if not any(step["event"] == "request" and step["operation"] == "generateTask" for *_, step in steps):
        steps.append(_made(task))  # its entry is no longer in the journal
    steps.sort(key=lambda placed: placed[:3])
    parts = {
        "findings": [finding.as_dict() for finding in task.findings],
        "callbacks": [delivery.as_dict() for delivery in deliveries],
        "story": [step for at, *_, step in steps if at <= now],
        "next": [step | _wait(tenant, at - now) for at, *_, step in steps if at > now],
        "polls": sum(entry.operation == "statusTask" for entry in entries),
    }
    return hide_in(tenant, parts)


def _deliveries(tenant: Tenant, task: Task) -> Iterator[Delivery]:
    for copy in count():
        delivery = tenant.delivery(delivery_id(task.id, copy))
        if delivery is None:
            return
        yield delivery


def _requests(entries: Sequence[Entry]) -> Iterator[Placed]:
    """Yield the first request, and those with another outcome than the one before."""
    before = None
    for entry in entries:
        if not isinstance(entry, RequestEntry):
            continue
        outcome = (entry.status, entry.state, entry.cause)
        if outcome == before:
            continue
        before = outcome
        step = {
            "at": entry.at,
            "event": "request",
            "number": entry.number,
            "operation": entry.operation,
            "status": entry.status,
            "state": entry.state,
            "cause": entry.cause and entry.cause.text,
        }
        yield entry.at, MADE if entry.operation == "generateTask" else REQUEST, entry.number, step


def _made(task: Task) -> Placed:
    at = task.timeline.created
    step = {"event": "request", "number": None, "operation": "generateTask", "status": None, "state": "pending"}
    return at, MADE, 0, {"at": at, **step, "cause": task.cause and task.cause.text}


def _states(task: Task) -> Iterator[Placed]:
    line = task.timeline
    for at, state in line.transitions(line.created - 1, LATEST):
        last = at == line.ended
        seen = task.cause is not None and task.cause.kind == "upstream"
        cause = line.failure.cause if last and line.failure else task.cause if last or seen else None
        step = {"at": at, "event": "state", "state": state, "cause": cause.text if cause else DRAWN}
        if state == "failed" and line.failure is not None:
            step |= {"failCode": line.failure.code, "failMsg": line.failure.message}
        yield at, STATE, 0, step


def _callbacks(task: Task, deliveries: list[Delivery]) -> Iterator[Placed]:
    """Yield past attempts, the next attempt, and callbacks that are not sent."""
    for order, delivery in enumerate(deliveries):
        base = {"event": "callback", "deliveryId": delivery.id, "url": delivery.target or delivery.url}
        for attempt in delivery.attempts:
            yield attempt.at, CALLBACK, order, {**base, **attempt._asdict(), "state": _outcome(attempt.status)}
        number = len(delivery.attempts) + 1
        if delivery.state in {"scheduled", "sending"} and delivery.due is not None:
            step = {**base, "at": delivery.due, "number": number, "state": delivery.state, "cause": _why(delivery)}
            yield delivery.due, CALLBACK, order, step
        elif delivery.reason is not None:
            at = delivery.attempts[-1].ended if delivery.attempts else task.timeline.created
            yield at, CALLBACK, order, {**base, "at": at, "state": delivery.state, "cause": delivery.reason}


def _outcome(status: int | None) -> str:
    return "unanswered" if status is None else "answered" if status == 200 else "refused"


def _why(delivery: Delivery) -> str:
    if not delivery.attempts:
        return "the task ends" + (f", and the callback is {delivery.wait / SECOND:g} s late" if delivery.wait else "")
    return "the previous attempt did not get 200 (CB-2)"


def _wait(tenant: Tenant, milliseconds: int) -> dict[str, float | None]:
    """Return the remaining time in virtual and in real seconds; None with a stopped clock."""
    clock = tenant.clock
    real = round(milliseconds / SECOND / clock.speed, 3) if clock.flows else None
    return {"inSeconds": milliseconds / SECOND, "inRealSeconds": real}
