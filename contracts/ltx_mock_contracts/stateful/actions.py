"""One run against a target: what is done, what is known of it, and what must come of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.dialects import may_refuse, may_refuse_id
from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.stateful.callbacks import Mail
from ltx_mock_contracts.stateful.client import Exchange, Wire
from ltx_mock_contracts.stateful.invariants import Witness
from ltx_mock_contracts.stateful.log import Story
from ltx_mock_contracts.stateful.task import SeenTask
from ltx_mock_contracts.strategies import MalformedBytes

if TYPE_CHECKING:
    import httpx

    from ltx_mock_contracts.stateful.target import Target
    from ltx_mock_contracts.strategies import Body, InvalidRequest

__all__ = ["RUNNING", "Run"]

RUNNING: Final = ("pending", "processing")


class Run:
    """Does things to the target and judges each answer.

    Attributes:
        tasks: Every task that was made, by its id.
    """

    def __init__(self, target: Target) -> None:
        self.tasks: dict[str, SeenTask] = {}
        self._target = target
        self._strangers = 0  # tasks that the server made of requests that it may read in another way
        self._story = Story(target.clock)
        self._wire = Wire(self._story)
        self._witness = Witness(self._story, choices=target.choices)
        self._mail = Mail(target.callbacks, self._story, self._witness)

    def submit(self, second_key: bool, body: Body, rule: str, *, must_fail: bool = False) -> SeenTask | None:
        """Submit what must be accepted unless the slots are full, and return the task if there is one.

        Args:
            second_key: Whether to use the second key.
            body: A request without violations.
            rule: The rule that a refusal breaks.
            must_fail: Whether its prompt breaks the content rules.
        """
        second_key = second_key and self._target.other_client is not None  # else one key has all the tasks
        body = self._mail.addressed(body)
        request = GenerateRequest.from_body(body)
        before = self._unfinished({second_key} if self._target.choices else {True, False})
        what = f"{request.mode}, {request.resolution}, {request.request_type}{', second key' * second_key}"
        exchange = self._wire.generate(self._client(second_key), _encoded(body), what)
        if exchange.status == 429:
            self._no_slot(exchange, before)
        elif exchange.status != 200:
            self._refused(exchange, rule, body, must_fail=must_fail)
        else:
            self._had_slot(second_key, exchange)
            return self._new(exchange, request, second_key, must_fail)
        return None

    def submit_wrong(self, second_key: bool, invalid: InvalidRequest | MalformedBytes) -> None:
        """Submit what must be refused."""
        raw = invalid.raw if isinstance(invalid, MalformedBytes) else _encoded(self._mail.redirected(invalid))
        exchange = self._wire.generate(self._client(second_key), raw, f"{invalid.rule}, {invalid.family}")
        self._strangers += exchange.status == 200
        if exchange.status != invalid.status:
            title = f"a request that must be refused is answered with {exchange.status}: {invalid.family}"
            failure = self._story.failure(invalid.rule, title, expected=f"{invalid.status}", actual=exchange.quoted)
            if invalid.binding:
                raise failure
            self._witness.depart(failure)

    def poll(self, task: SeenTask) -> str:
        """Ask how a task does with its own key, and return its state."""
        return self._witness.looked(task, self._wire.status(self._client(task.second_key), task.id))

    def poll_with_the_other_key(self, task: SeenTask) -> None:
        """Ask with the key that did not make the task."""
        exchange = self._wire.status(self._client(not task.second_key), task.id, who=" with the other key")
        if exchange.status != 404:
            title = "a task is seen with another key than the one that made it"
            failure = self._story.failure("AUTH-4", title, expected="404", actual=exchange.quoted, about=task.id)
            self._witness.depart(failure)

    def poll_nobodys(self, second_key: bool, task_id: str | None) -> None:
        """Ask for a task that there is not, or without `taskId`."""
        who = " without taskId" if task_id is None else f" of {task_id!r}"
        exchange = self._wire.status(self._client(second_key), task_id, who=who)
        status = 400 if task_id is None else 404
        if exchange.status != status:
            title = f"statusTask{who}, which nobody made" if task_id else "statusTask without taskId"
            failure = self._story.failure("TASK-11", title, expected=f"{status}", actual=exchange.quoted)
            if task_id is None or exchange.status != 400 or may_refuse_id(task_id) is None:
                raise failure
            self._witness.depart(failure)

    def finish(self, task: SeenTask, state: str) -> None:
        """End a task by hand, if it has not ended."""
        if self._target.finish is not None and not task.by_hand and self.poll(task) in RUNNING:
            task.by_hand, task.last = True, None
            self._story.tell(f"finished by hand: {state}", task.id)
            self._target.finish(task.id, state)

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        if self._target.clock is not None:
            self._target.clock.advance(milliseconds / 1000)

    def advance_to(self, moment: int) -> None:
        """Let time pass until a moment, Unix milliseconds; one that has passed changes nothing."""
        now = self._story.now()
        if now is not None:
            self.advance(max(0, moment - now))

    def read_callbacks(self) -> None:
        """Judge the callbacks that came, and miss those that did not."""
        self._mail.read(self.tasks)

    def _new(self, exchange: Exchange, request: GenerateRequest, second_key: bool, must_fail: bool) -> SeenTask:
        task_id = exchange.body["data"]["taskId"]
        if task_id in self.tasks:
            title = "a taskId was given twice"
            raise self._story.failure("GEN-17", title, expected="a new one", actual=task_id, about=task_id)
        task = SeenTask(id=task_id, request=request, second_key=second_key, made=exchange.span, must_fail=must_fail)
        self.tasks[task_id] = task
        return task

    def _refused(self, exchange: Exchange, rule: str, body: Body, *, must_fail: bool) -> None:
        if exchange.body["message"] == "Insufficient credits":
            title = "the credits did not last; the machine needs a key with enough of them"
            raise self._story.failure("GEN-15", title, expected="a taskId", actual=exchange.quoted)
        title = "a request that breaks no rule is refused"
        failure = self._story.failure(rule, title, expected="a taskId", actual=exchange.quoted)
        looked_first = must_fail and exchange.status == 400
        if rule != "GEN-16" and may_refuse(body) is None and not looked_first:
            raise failure
        self._witness.depart(failure)

    def _no_slot(self, exchange: Exchange, unfinished: int) -> None:
        actual, most = f"{exchange.quoted}, with {unfinished} unfinished", self._target.max_concurrent
        if unfinished + self._strangers < most:
            title, expected = "a task is refused though there is room", f"a taskId, for {most} may be unfinished"
            raise self._story.failure("LIM-2", title, expected=expected, actual=actual)
        wait = exchange.headers.get("retry-after", "")
        if not (wait.isascii() and wait.isdigit()):
            title, actual = "a 429 does not say when to try again", f"{wait!r}"
            failure = self._story.failure("LIM-3", title, expected="Retry-After in seconds", actual=actual)
            self._witness.depart(failure)

    def _had_slot(self, second_key: bool, exchange: Exchange) -> None:
        """Check that there was room: what is unfinished now was so when the new task was accepted."""
        unfinished, most = self._unfinished({second_key}), self._target.max_concurrent
        if unfinished >= most:
            title, expected = "a task is accepted though there is no room", f"429, for only {most} may be unfinished"
            actual = f"{exchange.quoted}, with {unfinished} others unfinished"
            raise self._story.failure("LIM-2", title, expected=expected, actual=actual)

    def _unfinished(self, keys: set[bool]) -> int:
        """Count the unfinished tasks of some keys: exactly where they may fill the slots, else at most."""
        tasks = [task for task in self.tasks.values() if task.second_key in keys and task.end is None]
        if len(tasks) < self._target.max_concurrent:
            return len(tasks)
        return sum(self._state(task) in RUNNING for task in tasks)

    def _state(self, task: SeenTask) -> str:
        """Return the state of a task at this moment; it need not be asked for again while time stands."""
        last = task.last
        if last is not None and last.span is not None and last.span.before == self._story.now():
            return str(last.body["data"]["state"])
        return self.poll(task)

    def _client(self, second_key: bool) -> httpx.Client:
        other = self._target.other_client
        return other if second_key and other is not None else self._target.client


def _encoded(body: Any) -> bytes:
    return json.dumps(body).encode()
