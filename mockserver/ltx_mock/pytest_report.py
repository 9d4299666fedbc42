"""The story of a world as text, for the report of a failed test."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable
from typing import Any

from ltx_mock.clock import SECOND
from ltx_mock.seen import Exchange, Task
from ltx_mock.settings import key_label
from ltx_mock.world import World
from ltx_mock_contracts.json_io import escaped
from ltx_mock_contracts.reporting.text import fitting, printable, shortened
from ltx_mock_contracts.reporting.workflow import disarmed
from ltx_mock_contracts.trace.curl import octal

MAX_LINES = 60
MAX_BODY = 2000
MAX_HEADERS = 500
USUAL = {
    *("accept", "accept-encoding", "authorization", "connection"),
    *("content-length", "content-type", "host", "user-agent"),
}
STEPS = {"generateTask", "statusTask"}

Moment = tuple[int, int, str]
"""Unix milliseconds, an order for things of the same moment, a line."""


def story(world: World) -> str:
    """Return seed, key and clock, then everything in order of virtual time, then the last request for curl."""
    seed = world._admin.get("/settings")["seed"]  # noqa: SLF001 - a module of the same house
    requests, tasks, now = world.requests, world.tasks, world.clock.now
    start = min([entry.at for entry in requests] + [task.create_time for task in tasks], default=now)
    head = (
        f"seed {seed}, key {key_label(world.api_key)}, clock {world.clock.mode}, "
        f"{len(tasks)} tasks, {(now - start) / SECOND:.3f} s after the first request"
    )
    lines = [_line(at - start, text) for at, _, text in sorted(_moments(requests, tasks, now))]
    if len(lines) > MAX_LINES:
        lines[:-MAX_LINES] = [f"{'':>12}… {len(lines) - MAX_LINES} earlier lines"]
    last = [entry for entry in requests if entry.operation in STEPS][-1:]
    return _shown([head, *lines, *(f"again:\n{curl(world, entry)}{_headers(entry)}" for entry in last)])


def findings(requests: list[Exchange]) -> str:
    """Return a line for each thing that was wrong with requests, or an empty string."""
    return _shown(
        f"request {request.number}, {request}: {finding.message} ({finding.rule}, {finding.severity})"
        for request in requests
        for finding in request.findings
    )


def curl(world: World, request: Exchange) -> str:
    """Return the command that sends a request again; the key stays in the environment."""
    parts = ["curl", "-X", request.method, world.url + request.target]
    line = f'{shlex.join(parts)} -H "Authorization: Bearer $APIXO_API_KEY"'
    if request.body is None:
        return line
    body = request.body if isinstance(request.body, str) else escaped(json.dumps(request.body, ensure_ascii=False))
    if len(body) > MAX_BODY:
        return f"{line}  # and a body of {len(body)} characters"
    line += " -H 'Content-Type: application/json'"
    if not body.isprintable():
        return f"printf '{octal(body.encode(errors='replace'))}' | {line} --data-binary @-"
    return f"{line} -d {shlex.quote(body)}"


def _shown(lines: Iterable[str]) -> str:
    """Return lines in which nothing moves a cursor or drives a CI, and which the terminal can hold."""
    told = "\n".join(printable(part) for line in lines for part in line.split("\n"))
    return disarmed(fitting(told, getattr(sys.__stdout__, "encoding", None)))


def _headers(request: Exchange) -> str:
    """Return a line with the headers of a request but for those that every request has, or nothing."""
    told = "; ".join(f"{name}: {value}" for name, value in request.request_headers.items() if name not in USUAL)
    return shortened(f"\nits own headers: {printable(told)}", MAX_HEADERS) if told else ""


def _moments(requests: list[Exchange], tasks: list[Task], now: int) -> list[Moment]:
    moments = [(request.at, request.number, _told(request)) for request in requests]
    for task in tasks:
        how = f" with {task.fail_code}" if task.end_state == "failed" else ""
        changes = [(task.processing_time, "processing"), (task.end_time, task.end_state + how)]
        moments += [(at, 0, f"{task.id} is {state}") for at, state in changes if at <= now]
    return moments


def _told(request: Exchange) -> str:
    if request.operation == "callback":
        return f"callback to {request.target} -> {request.status or 'no answer'}, {request.cause}"
    text = f"{request.method} {request.operation} -> {request.status}"
    text += f" after {request.latency} ms" if request.latency else ""
    about = [request.task_id, request.state if request.operation == "statusTask" else None, _message(request)]
    told = " ".join(str(part) for part in [*about, request.cause and f"({request.cause})"] if part)
    text += f"  {told}" if told else ""
    for finding in request.findings:
        text += f"\n{'':>12}  ! {finding.message} ({finding.rule})"
    return text


def _message(request: Exchange) -> Any:
    if request.status == 200 or request.findings or not isinstance(request.answer, dict):
        return None  # the findings below say the same
    return request.answer.get("message")


def _line(after: int, text: str) -> str:
    return f"{f'+{after / SECOND:.3f} s':>12}  {text}"
