"""Callbacks: where they are asked to go, and what must have come."""

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
    """The callbacks of a run, where there is an inbox for them."""

    def __init__(self, inbox: CallbackInbox | None, client: Client, judge: Judge) -> None:
        self._inbox = inbox
        self._client = client
        self._judge = judge
        self._read = 0

    def with_our_url(self, body: Body) -> Body:
        """Return a good request with our `callback_url`, where it has one. Without an inbox it asks for none."""
        if self._inbox is None:
            return {name: value for name, value in body.items() if name not in {"request_type", "callback_url"}}
        return {**body, "callback_url": self._inbox.url} if "callback_url" in body else body

    def wrong_body_with_our_url(self, invalid: InvalidRequest) -> Any:
        """Return the body of a bad request, with our `callback_url` unless that is what is bad."""
        body = invalid.body
        if self._inbox is None or not isinstance(body, dict) or invalid.pointer == "/callback_url":
            return body
        return self.with_our_url(body)

    def read(self, tasks: Mapping[str, TaskHistory], now: int | None) -> list[TaskHistory]:
        """Judge the callbacks that are new, and ask for those of tasks that have ended.

        Args:
            tasks: Every task that was made, by its id.
            now: The moment in Unix milliseconds; without one no callback is missed.

        Returns:
            The tasks that were called back.
        """
        if self._inbox is None:
            return []
        bodies = self._inbox.bodies()
        called = [self._judge_callback(self._inbox.url, raw, tasks) for raw in bodies[self._read :]]
        self._read = len(bodies)
        if now is not None:
            for task in tasks.values():
                self._note_missing(task, now)
        return [task for task in called if task is not None]

    def _judge_callback(self, url: str, raw: bytes, tasks: Mapping[str, TaskHistory]) -> TaskHistory | None:
        exchange = self._client.callback(url, raw)
        self._judge.judge(exchange)
        task = tasks.get(exchange.task_id)
        if task is None:
            title, actual = "a callback is about a task that nobody was told of", show(exchange.request)
            self._judge.recorder.add_deviation("GEN-18", title, (exchange,), expected="none", actual=actual)
        return task

    def _note_missing(self, task: TaskHistory, now: int) -> None:
        if task.request is None or task.request.request_type != "callback" or task.callbacks or task.made is None:
            return
        ended = task.ended_by_hand or task.end is not None or (task.window is not None and now > task.window[1])
        if ended:
            judge_missing_callback(self._judge.recorder, task.made)
