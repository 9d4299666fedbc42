"""Callbacks: where they are asked to go, and what must have come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ltx_mock_contracts.stateful.client import quoted
from ltx_mock_contracts.validation.json_body import MalformedBody, parse_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltx_mock_contracts.stateful.invariants import Witness
    from ltx_mock_contracts.stateful.log import Story
    from ltx_mock_contracts.stateful.target import CallbackInbox
    from ltx_mock_contracts.stateful.task import SeenTask
    from ltx_mock_contracts.strategies import Body, InvalidRequest

__all__ = ["Mail"]


class Mail:
    """The inbox of a run, if it has one."""

    def __init__(self, inbox: CallbackInbox | None, story: Story, witness: Witness) -> None:
        self._inbox = inbox
        self._story = story
        self._witness = witness
        self._read = 0

    def addressed(self, body: Body) -> Body:
        """Return a good request with our `callback_url`, where it has one. Without an inbox it asks for none."""
        if self._inbox is None:
            return {name: value for name, value in body.items() if name not in {"request_type", "callback_url"}}
        return {**body, "callback_url": self._inbox.url} if "callback_url" in body else body

    def redirected(self, invalid: InvalidRequest) -> Any:
        """Return the body of a bad request, with our `callback_url` unless that is what is bad."""
        body = invalid.body
        if self._inbox is None or not isinstance(body, dict) or invalid.pointer == "/callback_url":
            return body
        return self.addressed(body)

    def read(self, tasks: Mapping[str, SeenTask]) -> None:
        """Judge the callbacks that are new, and ask for those of tasks that have ended.

        Args:
            tasks: Every task that was made, by its id.
        """
        if self._inbox is None:
            return
        now, bodies = self._story.now(), self._inbox.bodies()
        for raw in bodies[self._read :]:
            self._open(raw, tasks, now)
        self._read = len(bodies)
        if now is not None:
            for task in tasks.values():
                self._has_come(task, now)

    def _open(self, raw: bytes, tasks: Mapping[str, SeenTask], now: int | None) -> None:
        task_id = _task_of(raw)
        self._story.tell("a callback comes", task_id)
        if task_id is not None and task_id in tasks:
            self._witness.called_back(tasks[task_id], raw, now)
        else:
            title = "a callback is about a task that nobody was told of"
            failure = self._story.failure("GEN-18", title, expected="none", actual=quoted(raw))
            self._witness.depart(failure)

    def _has_come(self, task: SeenTask, now: int) -> None:
        if task.request.request_type == "callback" and not task.callbacks and task.has_ended(now):
            title, expected = "a callback task ended and did not call back", "its final status, POSTed to callback_url"
            raise self._story.failure("CB-1", title, expected=expected, actual="nothing", about=task.id)


def _task_of(raw: bytes) -> str | None:
    try:
        body = parse_body(raw)
    except MalformedBody:
        return None
    data = body.get("data") if isinstance(body, dict) else None
    task_id = data.get("taskId") if isinstance(data, dict) else None
    return task_id if isinstance(task_id, str) else None
