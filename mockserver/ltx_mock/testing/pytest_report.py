"""The history of a tenant as text, for the report of a failed test."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable
from typing import Any

from ltx_mock.control.from_json import Exchange, Task
from ltx_mock.core.clock import SECOND
from ltx_mock.core.keys import key_label
from ltx_mock.core.timeline import NEVER
from ltx_mock.testing.tenant import World
from ltx_mock_contracts.reporting.github import escape_workflow_commands
from ltx_mock_contracts.reporting.text import counted, fitting, printable, shortened
from ltx_mock_contracts.trace.curl import curl_command

MAX_LINES = 60
MAX_TO_COME = 10
MAX_BODY = 2000
MAX_HEADERS = 500
USUAL = {
    *("accept", "accept-encoding", "authorization", "connection"),
    *("content-length", "content-type", "host", "user-agent"),
}
STEPS = {"generateTask", "statusTask"}
SERVED = "http://127.0.0.1:8219"
"""The default URL of `ltx-mock serve`."""
WAITS_FOR = {
    "manual": "the clock is stopped until you advance it",
    "auto": "the clock jumps ahead when a status is read",
    "real": "the clock runs",
    "scaled": "the clock runs",
}

Moment = tuple[int, int, str]
"""Unix milliseconds, an order for things of the same moment, a line."""


def history(world: World) -> str:
    """Return seed, key and clock, all events in order of virtual time, future events, and a curl command."""
    seed = world._admin.get("/settings")["seed"]  # noqa: SLF001 - a module of the same house
    requests, tasks, now = world.requests, world.tasks, world.clock.now
    start = min([entry.at for entry in requests] + [task.create_time for task in tasks], default=now)
    head = (
        f"seed {seed}, key {key_label(world.api_key)}, clock {world.clock.mode}, "
        f"{counted(len(tasks), 'task')}, {(now - start) / SECOND:.3f} s after the first request"
    )
    lines = _folded([(at - start, text) for at, _, text in sorted(_moments(requests, tasks, now))])
    if len(lines) > MAX_LINES:
        lines[:-MAX_LINES] = [f"{'':>12}… {len(lines) - MAX_LINES} earlier lines"]
    return _shown([head, *lines, *_to_come(world, tasks, now), *_still_active(world), *_again(world, requests)])


def unkeyed(requests: list[Exchange]) -> str:
    """Return the requests without a valid key, which belong to no tenant, or an empty string."""
    lines = [f"  {request}  {_message(request) or ''}".rstrip() for request in requests[-MAX_TO_COME:]]
    more = [f"  and {len(requests) - MAX_TO_COME} before them"] if len(requests) > MAX_TO_COME else []
    return _shown(["came without a valid API key:", *lines, *more]) if requests else ""


def findings(requests: list[Exchange]) -> str:
    """Return a line for each finding of requests, or an empty string."""
    return _shown(
        f"request {request.number}, {request}: {finding.message} ({finding.rule}, {finding.severity})"
        for request in requests
        for finding in request.findings
    )


def curl(root: str, request: Exchange) -> str:
    """Return the command that sends a request again to a server; the key stays in the environment."""
    body = request.body if request.body is None or isinstance(request.body, str) else json.dumps(request.body)
    left_out = f"  # and a body of {len(body)} characters" if body is not None and len(body) > MAX_BODY else ""
    sent = None if left_out else body
    return curl_command(request.method, root + request.target, sent, "Bearer $APIXO_API_KEY") + left_out


def _shown(lines: Iterable[str]) -> str:
    """Return lines without control characters and workflow commands, in the encoding of the terminal."""
    shown_text = "\n".join(printable(part) for line in lines for part in line.split("\n"))
    return escape_workflow_commands(fitting(shown_text, getattr(sys.__stdout__, "encoding", None)))


def _headers(request: Exchange) -> str:
    """Return a line with the unusual headers of a request, if any."""
    shown_text = "; ".join(f"{name}: {value}" for name, value in request.request_headers.items() if name not in USUAL)
    return shortened(f"its own headers: {printable(shown_text)}", MAX_HEADERS) if shown_text else ""


def _again(world: World, requests: list[Exchange]) -> list[str]:
    """Return a command that sends the last request again, to a server that still runs after the tests."""
    last = [entry for entry in requests if entry.operation in STEPS][-1:]
    headers = [text for entry in last if (text := _headers(entry))]
    if not world.in_process:
        return [*(f"again:\n{curl(world.url, entry)}" for entry in last), *headers]
    submissions = [entry for entry in requests if entry.operation == "generateTask"][-1:]
    commands = [f"again, once `ltx-mock serve` runs:\n{curl(SERVED, entry)}" for entry in submissions]
    return [*commands, *headers]


def _to_come(world: World, tasks: list[Task], now: int) -> list[str]:
    """Return the future events, in order, with what they wait for."""
    ahead = [
        (at, f"{task.id} {change}")
        for task in tasks
        for at, change in [
            (task.processing_time, "is processing"),
            (task.end_time, "fails" if task.end_state == "failed" else f"is {task.end_state}"),
        ]
        if now < at < NEVER
    ]
    ahead += [
        (call.due, f"callback of {call.task_id} to {call.target}")
        for call in world.callbacks
        if call.state == "scheduled" and call.due is not None
    ]
    stuck = [f"{task.id} never ends" for task in tasks if not task.finished and task.end_time >= NEVER]
    lines = [f"{text} in {max(0, at - now) / SECOND:.3f} s" for at, text in sorted(ahead)] + stuck
    if not lines:
        return []
    if len(lines) > MAX_TO_COME:
        lines[MAX_TO_COME:] = [f"and {len(lines) - MAX_TO_COME} more"]
    return [f"next; {WAITS_FOR[world.clock.mode]}:", *(f"  {line}" for line in lines)]


def _still_active(world: World) -> list[str]:
    """Return the scenarios that are still active."""
    active = world._admin.get("/scenarios")["scenarios"]  # noqa: SLF001 - a module of the same house
    lines = [
        f"  {each['name']}{_whom(each)}: {'never applied' if not each['seen'] else 'would apply ' + _times(each)}"
        for each in active
        if each["times"] != "forever" or not each["seen"]
    ]
    return ["still active:", *lines] if lines else []


def _whom(active: dict[str, Any]) -> str:
    return f" ({active['operation']})" if active.get("operation") else ""


def _times(active: dict[str, Any]) -> str:
    return "once more" if active["times"] == 1 else f"{active['times']} times more"


def _folded(moments: list[tuple[int, str]]) -> list[str]:
    """Return a line for each moment; of more than two equal ones, the first and the number of repetitions."""
    lines: list[str] = []
    for text, same in itertools.groupby(moments, lambda moment: moment[1]):
        first, *rest = [at for at, _ in same]
        lines.append(_line(first, text))
        if len(rest) == 1:
            lines.append(_line(rest[0], text))
        elif rest:
            lines.append(_line(rest[-1], f"… and {len(rest)} times more, the last one here"))
    return lines


def _moments(requests: list[Exchange], tasks: list[Task], now: int) -> list[Moment]:
    moments = [(request.at, request.number, _told(request)) for request in requests]
    for task in tasks:
        end = f"failed with {task.fail_code}" if task.end_state == "failed" else f"is {task.end_state}"
        changes = [(task.processing_time, "is processing"), (task.end_time, end)]
        moments += [(at, 0, f"{task.id} {change}") for at, change in changes if at <= now]
    return moments


def _told(request: Exchange) -> str:
    if request.operation == "callback":
        return f"callback to {request.target} -> {request.status or 'no response'}, {request.cause}"
    text = f"{request.method} {request.operation} -> {request.status}"
    text += f" after {request.latency} ms" if request.latency else ""
    message, cause = _message(request), request.cause
    if cause and str(message).casefold().startswith(cause.casefold()):
        cause = None  # the message has said it
    about = [request.task_id, request.state if request.operation == "statusTask" else None, message]
    shown_text = " ".join(str(part) for part in [*about, cause and f"({cause})"] if part)
    text += f"  {shown_text}" if shown_text else ""
    for finding in request.findings:
        text += f"\n{'':>12}  ! {finding.message} ({finding.rule})"
    return text


def _message(request: Exchange) -> Any:
    if request.status == 200 or request.findings or not isinstance(request.answer, dict):
        return None  # the findings below repeat this
    return request.answer.get("message")


def _line(after: int, text: str) -> str:
    return f"{f'+{after / SECOND:.3f} s':>12}  {text}"
