"""The callbacks of a run: the URL that requests give, and the judgement of those that arrive or are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ltx_mock_contracts.trace.expected import judge_missing_callback
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltx_mock_contracts.stateful.client import Client
    from ltx_mock_contracts.stateful.judge import Judge
    from ltx_mock_contracts.stateful.target import CallbackInbox
    from ltx_mock_contracts.strategies import Body, InvalidRequest
    from ltx_mock_contracts.trace.histories import TaskHistory

__all__ = ["CallbackLog"]


class CallbackLog:
    """Reads and judges the callbacks of a run, if the target has an inbox."""

    def __init__(self, inbox: CallbackInbox | None, client: Client, judge: Judge) -> None:
        self._inbox = inbox
        self._client = client
        self._judge = judge
        self._read = 0

    def with_inbox_url(self, body: Body) -> Body:
        """Return a valid request with the URL of the inbox as its `callback_url`; without an inbox, an async one."""
        if self._inbox is None:
            return {name: value for name, value in body.items() if name not in {"request_type", "callback_url"}}
        return {**body, "callback_url": self._inbox.url} if "callback_url" in body else body

    def invalid_body_with_inbox_url(self, invalid: InvalidRequest) -> Any:
        """Return the body of an invalid request, with the URL of the inbox unless `callback_url` is what is invalid."""
        body = invalid.body
        if self._inbox is None or not isinstance(body, dict) or invalid.pointer == "/callback_url":
            return body
        return self.with_inbox_url(body)

    def read(self, tasks: Mapping[str, TaskHistory], now: int | None) -> list[TaskHistory]:
        """Judge new callbacks, and note missing callbacks of ended tasks.

        Args:
            tasks: All tasks, by id.
            now: The time in Unix milliseconds; with None no callback counts as missing.

        Returns:
            The tasks of the new callbacks.
        """
        if self._inbox is None:
            return []
        bodies = self._inbox.bodies()
        tasks_called = [self._judge_callback(self._inbox.url, raw, tasks) for raw in bodies[self._read :]]
        self._read = len(bodies)
        if now is not None:
            for task in tasks.values():
                self._note_missing(task)
        return [task for task in tasks_called if task is not None]

    def _judge_callback(self, url: str, raw: bytes, tasks: Mapping[str, TaskHistory]) -> TaskHistory | None:
        exchange = self._client.callback(url, raw)
        self._judge.judge(exchange)
        task = tasks.get(exchange.task_id)
        if task is None:
            title, actual = "a callback is about an unknown task", show(exchange.request)
            self._judge.recorder.add_deviation("GEN-18", title, (exchange,), expected="none", actual=actual)
        return task

    def _note_missing(self, task: TaskHistory) -> None:
        """Note a missing callback of a task whose end was observed; otherwise the task may be too slow (TASK-8)."""
        if task.request is None or task.request.request_type != "callback" or task.callbacks or task.made is None:
            return
        if task.ended_by_hand or task.end is not None:
            judge_missing_callback(self._judge.recorder, task.made)
