"""Check that a client polls as documented: first after a minute, then every five seconds, and not after the end."""

from __future__ import annotations

from urllib.parse import parse_qs

from ltx_mock.control.from_json import Exchange
from ltx_mock.core.clock import SECOND
from ltx_mock_contracts.api import ENDED


def polling_violations(requests: list[Exchange], *, first: float, every: float) -> list[str]:
    """Return a line for each poll that was too early or after the end (CLI-2, CLI-3). Times are virtual seconds."""
    submitted: dict[str, int] = {}
    polled: dict[str, int] = {}
    ended: dict[str, str] = {}
    found = []
    for request in requests:
        if request.operation == "generateTask" and request.task_id:
            submitted[request.task_id] = request.at
        if request.operation != "statusTask":
            continue
        task_id = request.task_id or _asked_for(request)
        problem = _problem(request.at, submitted.get(task_id), polled.get(task_id), ended.get(task_id), first, every)
        if problem:
            found.append(f"  request {request.number}: poll of {task_id} {problem}")
        polled[task_id] = request.at
        if request.state in ENDED:
            ended[task_id] = request.state
    return found


def _problem(
    at: int, submitted: int | None, polled: int | None, ended: str | None, first: float, every: float
) -> str | None:
    if ended is not None:
        return f"although its {ended} was known"
    if polled is not None:
        waited = (at - polled) / SECOND
        return f"{waited:g} s after the one before" if waited < every else None
    waited = (at - submitted) / SECOND if submitted is not None else first
    return f"{waited:g} s after submitting" if waited < first else None


def _asked_for(request: Exchange) -> str:
    """Return the task id of a poll, also if the response was an error."""
    return parse_qs(request.target.partition("?")[2]).get("taskId", [""])[0]
