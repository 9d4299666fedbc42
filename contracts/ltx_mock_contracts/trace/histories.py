"""Group the exchanges of a recording by task, in order of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.api import REPLAYED
from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.trace.recorder import Recorder, describe_response
from ltx_mock_contracts.trace.states import RANK, RULES_OF_STATE
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["TaskHistories", "TaskHistory", "group_by_task"]

_KEPT_MS: Final = 24 * 60 * 60 * 1000
"""How long a server must know a task. No document says; a day is our choice."""


@dataclass(slots=True, eq=False, repr=False)
class TaskHistory:
    """The recorded exchanges of one task, in order of time. Every response in it is valid by itself.

    Attributes:
        id: The id of the task.
        made: The generateTask exchange; None if it was not recorded.
        request: The parsed request; None if it was not recorded or breaks a rule.
        polls: Its statusTask exchanges.
        callbacks: Its callbacks.
        ended_by_hand: Whether it was ended by hand, so that generation times do not apply.
    """

    id: str
    made: Exchange | None = None
    request: GenerateRequest | None = None
    polls: list[Exchange] = field(default_factory=list)
    callbacks: list[Exchange] = field(default_factory=list)
    ended_by_hand: bool = False

    def __repr__(self) -> str:
        return f"<task {self.id}>"

    @property
    def ends(self) -> list[Exchange]:
        """The polls that show a final state."""
        return [poll for poll in self.polls if RANK[poll.data["state"]] == 2]

    @property
    def end(self) -> Exchange | None:
        """The first poll or callback that shows a final state."""
        return min(self.ends + self.callbacks, key=lambda end: end.completed, default=None)

    @property
    def window(self) -> tuple[int, int] | None:
        """The earliest success and the latest end by the server's clock, in Unix milliseconds.

        None if the clock is unknown or generation times do not apply.
        """
        if self.made is None or self.request is None or self.made.clock != "server" or self.ended_by_hand:
            return None
        shortest, longest = self.request.generation_ms
        return self.made.at + shortest, self.made.completed + longest


class TaskHistories:
    """The histories of all tasks. Add exchanges in order of time.

    Attributes:
        by_id: The histories by task id.
        repeated: The ids of more than one task.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.by_id: dict[str, TaskHistory] = {}
        self.repeated: set[str] = set()
        self._recorder = recorder

    def add(self, exchange: Exchange) -> TaskHistory | None:
        """Add a valid exchange and return the history of its task, if any.

        This judges rules that need no other exchange of the task.
        """
        task_id = exchange.task_id
        if not task_id:
            return None
        history = self.by_id.setdefault(task_id, TaskHistory(task_id))
        if exchange.operation == "callback":
            history.callbacks.append(exchange)
        elif exchange.operation == "statusTask":
            if _judge_access(self._recorder, history, exchange):
                history.polls.append(exchange)
        elif history.made is None:
            history.made, history.request = exchange, _request(exchange)
        elif (exchange.headers or {}).get(REPLAYED) != "true":
            self.repeated.add(task_id)
            title, both = "two tasks have the same taskId", (history.made, exchange)
            self._recorder.add_deviation("GEN-17", title, both, expected="a new taskId", actual=show(task_id))
        return history


def group_by_task(recorder: Recorder, valid: Iterable[Exchange]) -> dict[str, TaskHistory]:
    """Return the histories of all tasks with unique ids, from valid exchanges in any order."""
    histories = TaskHistories(recorder)
    for exchange in sorted(valid, key=lambda each: (each.operation != "generateTask", each.at)):
        histories.add(exchange)
    return {task_id: each for task_id, each in histories.by_id.items() if task_id not in histories.repeated}


def _request(exchange: Exchange) -> GenerateRequest | None:
    invalid = "request" in exchange.gaps or any(finding.severity == "violation" for finding in exchange.findings)
    return None if invalid else GenerateRequest.from_body(exchange.request)


def _judge_access(recorder: Recorder, history: TaskHistory, poll: Exchange) -> bool:
    """Judge access to a task by key and id; tell whether the poll shows the task."""
    made, found = history.made, poll.status == 200
    if made is not None and made.key and poll.key and made.key != poll.key:
        recorder.checked("AUTH-4")
        if found:
            title, actual = "a task is visible to another key than the one that created it", describe_response(poll)
            recorder.add_deviation("AUTH-4", title, (made, poll), expected="404", actual=actual)
        return found
    if made is not None and poll.at >= made.completed and _is_about_task(made, poll):
        recorder.checked("TASK-11")
        if not found:
            title, actual = "a task that was created is not found", describe_response(poll)
            recorder.add_deviation(
                "TASK-11",
                title,
                (made, poll),
                expected="200 and its state",
                actual=actual,
                binding=poll.at - made.completed < _KEPT_MS,
            )
    if found and poll.data["taskId"] != history.id:
        rule, *_ = RULES_OF_STATE[poll.data["state"]]
        title = "the response is about another task"
        recorder.add_deviation(rule, title, (poll,), expected=show(history.id), actual=show(poll.data["taskId"]))
        return False
    return found


def _is_about_task(made: Exchange, poll: Exchange) -> bool:
    """Tell whether the response is about the task, not about access or a scenario of a fake."""
    without_key = bool(made.key) and not poll.key
    return poll.status in {200, 400, 404} and poll.cause is None and not without_key
