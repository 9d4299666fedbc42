"""The history of a task as text, for `ltx-mock tasks ID`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ltx_mock.core.clock import date_and_time, time_of_day
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.reporting.text import printable

View = Mapping[str, Any]


def story_lines(task: View) -> Iterator[str]:
    """Yield the lines of a task's history from `GET /__admin/tasks/{id}`, without control characters."""
    given = task["request"]["input"]
    ratio = given.get("aspect_ratio", MODEL.aspect_ratio)
    asked = f"{given['mode']} {given['resolution']} {ratio} {int(given['duration'])} s"
    created = date_and_time(task["createTime"])
    yield f"{task['id']}  {task['state']}  (key {task['key']}, task {task['number']}, {created})"
    yield f"  {asked}, seed {task['seed']}, {task['cost']} credits"
    yield f"  {printable(given['prompt'])}"
    for finding in task["findings"]:
        yield f"  ! {printable(finding['message'])} ({finding['rule']})"
    for step in task["story"]:
        yield f"{time_of_day(step['at'])}  {printable(_step(step))}"
    if task["polls"]:
        yield f"{'':>8}  status read {task['polls']} times"
    if task["resultUrl"]:
        yield f"{'':>8}  {printable(task['resultUrl'])}"
    yield from _next(task["next"])


def _next(steps: list[View]) -> Iterator[str]:
    if not steps:
        yield "next      nothing"
    for index, step in enumerate(steps):
        real = step["inRealSeconds"]
        wait = f"in {step['inSeconds']:g} s" + ("" if real in {None, step["inSeconds"]} else f", {real:g} s real")
        yield f"{'' if index else 'next':<8}  {time_of_day(step['at'])}  {printable(_step(step))}  ({wait})"


def _step(step: View) -> str:
    if step["event"] == "state":
        failed = f" {step['failCode']}" if "failCode" in step else ""
        return f"{step['state']}{failed}: {step['cause']}"
    if step["event"] == "request":
        return ", ".join(map(str, filter(None, [_request(step), step["cause"]])))
    return _callback(step)


def _request(step: View) -> str:
    entry = f"request {step['number']}, " if step["number"] else ""
    return f"{entry}{step['operation']}: {step['status'] or 'no response'} {step['state'] or ''}".rstrip()


def _callback(step: View) -> str:
    where = f"callback to {step['url']}"
    if "ended" in step:
        answer = step["error"] if step["status"] is None else f"HTTP {step['status']}"
        return f"{where}, attempt {step['number']}: {answer}"
    if "number" in step:
        return f"{where}, attempt {step['number']}: {step['cause']}"
    return f"{where} {step['state']}: {step['cause']}"
