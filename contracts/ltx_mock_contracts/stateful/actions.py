"""The actions of one run on a target, and what is expected of each."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.api import RUNNING
from ltx_mock_contracts.dialects import may_refuse_id
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.stateful.callbacks import CallbackLog
from ltx_mock_contracts.stateful.client import FIRST, SECOND, Client
from ltx_mock_contracts.stateful.judge import Judge
from ltx_mock_contracts.stateful.log import RunLog
from ltx_mock_contracts.strategies import MalformedBytes
from ltx_mock_contracts.trace.expected import judge_failure, judge_refused_at_once, judge_unchanged
from ltx_mock_contracts.trace.recorder import describe_response, summary
from ltx_mock_contracts.trace.requests import REFUSALS

if TYPE_CHECKING:
    from ltx_mock_contracts.stateful.target import Target
    from ltx_mock_contracts.strategies import Body, InvalidRequest
    from ltx_mock_contracts.trace.exchange import Exchange
    from ltx_mock_contracts.trace.histories import TaskHistory

__all__ = ["Actions", "own_key"]

_PROMPT_CODE: Final = MODEL.fail_code_of("prompt")


class Actions:
    """Performs actions on the target and judges each exchange.

    Attributes:
        tasks: The tasks of valid requests, by id.
    """

    def __init__(self, target: Target) -> None:
        self.tasks: dict[str, TaskHistory] = {}
        self._target = target
        self._log = RunLog(target.clock)
        self._client = Client(target, self._log)
        self._judge = Judge(self._log, choices=target.choices)
        self._callbacks = CallbackLog(target.callbacks, self._client, self._judge)
        self._accepted_invalid = 0  # tasks of invalid requests that a dialect allows the server to accept
        self._must_fail: set[str] = set()
        self._last_polls: dict[str, Exchange] = {}  # of each task that was not ended by hand

    def submit(self, key: str, body: Body, rule: str, *, must_fail: bool = False) -> TaskHistory | None:
        """Submit a valid request, and return its task, or None if it is refused.

        A refusal is a deviation, unless the limit of unfinished tasks is reached.

        Args:
            key: `FIRST` or `SECOND`; `FIRST` is used if the target has no second key.
            body: A valid request.
            rule: The rule that a refusal breaks.
            must_fail: Whether its prompt violates the content rules.
        """
        key, body = self._client.usable_key(key), self._callbacks.with_inbox_url(body)
        request = GenerateRequest.from_body(body)
        unfinished = self._unfinished({key} if self._target.choices else {FIRST, SECOND})
        what = f"{request.mode}, {request.resolution}, {request.request_type}{', second key' * (key == SECOND)}"
        exchange = self._client.generate(key, json.dumps(body).encode(), what)
        refused_early = must_fail and rule != "GEN-16" and exchange.status in {400, 422}
        if refused_early:
            exchange = replace(exchange, cause="the server checks a prompt before it creates a task")
        task = self._judge.judge(exchange)
        if exchange.status == 429:
            self._judge_limit_refusal(exchange, unfinished)
        elif task is None:
            self._judge_refusal(exchange, rule, refused_early=refused_early)
        else:
            self._judge_limit_acceptance(key, exchange)
            self.tasks[task.id] = task
            self._must_fail |= {task.id} if must_fail else set()
        return task

    def submit_invalid(self, key: str, invalid: InvalidRequest | MalformedBytes) -> None:
        """Submit an invalid request."""
        if isinstance(invalid, MalformedBytes):
            raw = invalid.raw
        else:
            raw = json.dumps(self._callbacks.invalid_body_with_inbox_url(invalid)).encode()
        exchange = self._client.generate(self._client.usable_key(key), raw, f"{invalid.rule}, {invalid.family}")
        self._accepted_invalid += exchange.status == 200
        self._judge.judge(exchange)
        if exchange.status != invalid.status:
            title = f"an invalid request gets {exchange.status}: {invalid.family}"
            self._add_deviation(invalid.rule, title, exchange, expected=f"{invalid.status}", binding=invalid.binding)

    def poll(self, task: TaskHistory) -> str:
        """Poll a task with its own key, and return its state."""
        exchange = self._client.status(own_key(task), task.id)
        self._judge.judge(exchange)
        if exchange.status != 200:
            rule = "LIM-1" if exchange.status == 429 else "TASK-11"
            self._add_deviation(rule, "a task that was created is not found", exchange, expected="its status")
        self._judge_unchanged(task, exchange)
        self._judge_end(task)
        return str(exchange.data["state"])

    def poll_with_the_other_key(self, task: TaskHistory) -> None:
        """Poll a task with the other key."""
        other = FIRST if own_key(task) == SECOND else SECOND
        exchange = self._client.status(other, task.id, "with the other key")
        self._judge.judge(exchange)
        if exchange.status not in {200, 404}:
            title = "a poll with another key than the one that created the task does not get 404"
            self._add_deviation("AUTH-4", title, exchange, expected="404")

    def poll_unknown(self, key: str, task_id: str | None) -> None:
        """Poll an unknown task, or poll without `taskId`."""
        what = "without taskId" if task_id is None else f"of {task_id!r}"
        exchange = self._client.status(self._client.usable_key(key), task_id, what)
        self._judge.judge(exchange)
        status = 400 if task_id is None else 404
        if exchange.status != status:
            title = f"statusTask {what}" + ", which does not exist" * (task_id is not None)
            allowed = task_id is not None and exchange.status == 400 and may_refuse_id(task_id) is not None
            self._add_deviation("TASK-11", title, exchange, expected=f"{status}", binding=not allowed)

    def finish(self, task: TaskHistory, state: str) -> None:
        """End a task by hand, if it has not ended."""
        if self._target.finish is not None and not task.ended_by_hand and self.poll(task) in RUNNING:
            task.ended_by_hand = True
            del self._last_polls[task.id]
            self._log.add(f"finished by hand: {state}", task.id)
            self._target.finish(task.id, state)

    def advance(self, milliseconds: int) -> None:
        """Advance the clock."""
        if self._target.clock is not None:
            self._target.clock.advance(milliseconds / 1000)

    def advance_to(self, time: int) -> None:
        """Advance the clock to a time in Unix milliseconds; do nothing if it has passed."""
        now = self._log.now()
        if now is not None:
            self.advance(max(0, time - now))

    def read_callbacks(self) -> None:
        """Judge new callbacks, and note missing ones."""
        for task in self._callbacks.read(self.tasks, self._log.now()):
            self._judge_end(task)

    def _add_deviation(self, rule: str, title: str, exchange: Exchange, *, expected: str, binding: bool = True) -> None:
        actual = describe_response(exchange)
        self._judge.recorder.add_deviation(rule, title, (exchange,), expected=expected, actual=actual, binding=binding)

    def _judge_refusal(self, exchange: Exchange, rule: str, *, refused_early: bool) -> None:
        """Judge the refusal of a valid request, unless the rules for recordings judge it."""
        if summary(exchange) == "Insufficient credits":
            title = "the credits are used up; the task machine needs a key with more credits"
            self._add_deviation("GEN-15", title, exchange, expected="a taskId")
        if refused_early:
            judge_refused_at_once(self._judge.recorder, exchange, "FAIL-1", _PROMPT_CODE)
        elif exchange.status not in REFUSALS:
            title, binding = "a valid request is refused", rule != "GEN-16"
            self._add_deviation(rule, title, exchange, expected="a taskId", binding=binding)

    def _judge_limit_refusal(self, exchange: Exchange, unfinished: int) -> None:
        """Judge a refusal with 429, given the number of unfinished tasks before the request (LIM-2)."""
        limit = self._target.max_concurrent
        if unfinished + self._accepted_invalid < limit:
            title = "a task is refused below the limit of unfinished tasks"
            expected = f"a taskId, because {limit} tasks may be unfinished"
            self._add_limit_deviation(title, exchange, expected, f"{unfinished} unfinished")

    def _judge_limit_acceptance(self, key: str, exchange: Exchange) -> None:
        """Judge that a task was accepted below the limit: those unfinished now were unfinished then (LIM-2)."""
        unfinished, limit = self._unfinished({key}), self._target.max_concurrent
        if unfinished >= limit:
            title = "a task is accepted above the limit of unfinished tasks"
            expected = f"429, because only {limit} tasks may be unfinished"
            self._add_limit_deviation(title, exchange, expected, f"{unfinished} others unfinished")

    def _add_limit_deviation(self, title: str, exchange: Exchange, expected: str, unfinished: str) -> None:
        actual = f"{describe_response(exchange)}, with {unfinished}"
        self._judge.recorder.add_deviation("LIM-2", title, (exchange,), expected=expected, actual=actual)

    def _judge_unchanged(self, task: TaskHistory, exchange: Exchange) -> None:
        """Judge that a status does not change while no time passes (TASK-12)."""
        last = self._last_polls.get(task.id)
        self._last_polls[task.id] = exchange
        if last is not None and last.clock == "server" and last.at == exchange.completed:
            judge_unchanged(self._judge.recorder, last, exchange)

    def _judge_end(self, task: TaskHistory) -> None:
        """Judge that a prompt that violates the content rules fails with their code (FAIL-1)."""
        end = task.end
        if end is not None and task.id in self._must_fail and not task.ended_by_hand:
            judge_failure(self._judge.recorder, end, "FAIL-1", _PROMPT_CODE)

    def _unfinished(self, keys: set[str]) -> int:
        """Count the unfinished tasks of some keys: exactly if the limit may be reached, else an upper bound."""
        tasks = [task for task in self.tasks.values() if own_key(task) in keys and task.end is None]
        if len(tasks) < self._target.max_concurrent:
            return len(tasks)
        return sum(self._state(task) in RUNNING for task in tasks)

    def _state(self, task: TaskHistory) -> str:
        """Return the current state of a task; while no time passes, it is not polled again."""
        last = self._last_polls.get(task.id)
        if last is not None and last.clock == "server" and last.at == self._log.now():
            return str(last.data["state"])
        return self.poll(task)


def own_key(task: TaskHistory) -> str:
    """Return the key of a task."""
    return SECOND if task.made is not None and task.made.key == SECOND else FIRST
