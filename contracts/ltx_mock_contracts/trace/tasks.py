"""What was seen of one task: its states in order, its times, its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.trace.recorder import Recorder, describe_response, differing, seconds
from ltx_mock_contracts.trace.states import RANK, RULES_OF_STATE
from ltx_mock_contracts.validation import validate_request
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["TaskHistories", "TaskHistory", "group_by_task", "judge_task"]


@dataclass(slots=True, eq=False, repr=False)
class TaskHistory:
    """All that was recorded of one task, each kind in the order of time; every response in it is sound by itself.

    Attributes:
        id: The id of the task.
        made: The exchange that made it, where it was recorded.
        request: What was asked for, where that was recorded and breaks no rule.
        polls: The responses of statusTask about it.
        callbacks: Its callbacks.
        ended_by_hand: Whether somebody ended it by hand, so that its times are not those of a generation.
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
        """The polls that show its end."""
        return [poll for poll in self.polls if _rank(poll) == 2]

    @property
    def end(self) -> Exchange | None:
        """The poll or callback that showed its end first."""
        return min(self.ends + self.callbacks, key=lambda end: end.over, default=None)

    @property
    def window(self) -> tuple[int, int] | None:
        """The moments of its earliest success and of its latest end by the server's clock, in Unix milliseconds.

        None where the clock is not known or the times of a generation do not apply.
        """
        if self.made is None or self.request is None or self.made.clock != "server" or self.ended_by_hand:
            return None
        shortest, longest = self.request.generation_ms
        return self.made.at + shortest, self.made.over + longest


class TaskHistories:
    """The histories of all tasks, each by its id. Exchanges are added in the order of time.

    Attributes:
        by_id: The histories.
        repeated: The ids that were given to more than one task.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.by_id: dict[str, TaskHistory] = {}
        self.repeated: set[str] = set()
        self._recorder = recorder

    def add(self, exchange: Exchange) -> TaskHistory | None:
        """Add a sound exchange and return the history of its task, if it is about one.

        What shows without the other exchanges of the task is judged here.
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
        else:
            self.repeated.add(task_id)
            title, both = "a taskId is given twice", (history.made, exchange)
            self._recorder.depart("GEN-17", title, both, expected="a new one", actual=show(task_id))
        return history


def group_by_task(recorder: Recorder, sound: Iterable[Exchange]) -> dict[str, TaskHistory]:
    """Return the history of each task whose id is its own, from the sound exchanges of a recording in any order."""
    histories = TaskHistories(recorder)
    for exchange in sorted(sound, key=lambda each: (each.operation != "generateTask", each.at)):
        histories.add(exchange)
    return {task_id: each for task_id, each in histories.by_id.items() if task_id not in histories.repeated}


def judge_task(recorder: Recorder, history: TaskHistory) -> None:
    """Judge what the polls and callbacks of a task show together."""
    _judge_order(recorder, history)
    _judge_end_is_final(recorder, history)
    _judge_times(recorder, history)
    _judge_generation(recorder, history)


def _request(exchange: Exchange) -> GenerateRequest | None:
    findings = validate_request(exchange.request)
    bad = "request" in exchange.gaps or any(finding.severity == "violation" for finding in findings)
    return None if bad else GenerateRequest.from_body(exchange.request)


def _judge_access(recorder: Recorder, history: TaskHistory, poll: Exchange) -> bool:
    """Judge who sees a task, and which; tell whether the poll shows something of it."""
    made, found = history.made, poll.status == 200
    if made is not None and made.key and poll.key and made.key != poll.key:
        recorder.saw("AUTH-4")
        if found:
            title, actual = "a task is seen with another key than the one that made it", describe_response(poll)
            recorder.depart("AUTH-4", title, (made, poll), expected="404", actual=actual)
        return found
    if made is not None and poll.at >= made.over and _is_about_task(made, poll):
        recorder.saw("TASK-11")
        if not found:
            title, actual = "a task that was made is not found", describe_response(poll)
            recorder.depart("TASK-11", title, (made, poll), expected="200 and its state", actual=actual)
    if found and poll.data["taskId"] != history.id:
        rule, *_ = RULES_OF_STATE[poll.data["state"]]
        title = "the answer is about another task"
        recorder.depart(rule, title, (poll,), expected=show(history.id), actual=show(poll.data["taskId"]))
        return False
    return found


def _is_about_task(made: Exchange, poll: Exchange) -> bool:
    """Tell whether the response is about the task, and not about access to it or a scenario of a fake."""
    without_key = bool(made.key) and not poll.key
    return poll.status in {200, 400, 404} and poll.cause is None and not without_key


def _judge_order(recorder: Recorder, history: TaskHistory) -> None:
    """Compare each poll with those that were over before it was made; others may have been on the way together."""
    over = sorted(history.polls + history.callbacks, key=lambda each: (each.over, each.number))
    furthest, index = None, 0
    for poll in history.polls:
        while index < len(over) and _is_before(over[index], poll):
            if furthest is None or _rank(over[index]) > _rank(furthest):
                furthest = over[index]
            index += 1
        if furthest is not None and _rank(poll) < _rank(furthest):
            state = furthest.data["state"]
            title, expected = "a state moved back", f"{state}" + ", or a later state" * (_rank(furthest) < 2)
            recorder.depart("TASK-1", title, (furthest, poll), expected=expected, actual=poll.data["state"])


def _is_before(one: Exchange, other: Exchange) -> bool:
    """Tell whether one was over before the other was made; at one moment the recording's order decides."""
    return (one.over, one.number) < (other.at, other.number)


def _rank(exchange: Exchange) -> int:
    return RANK[exchange.data["state"]]


def _judge_end_is_final(recorder: Recorder, history: TaskHistory) -> None:
    """A finished task answers the same for ever."""
    ends = history.ends
    for end in ends[1:]:
        if end.data != ends[0].data:
            title = "a finished task changed its answer"
            expected, actual = differing(ends[0].data, end.data)
            recorder.depart("TASK-1", title, (ends[0], end), expected=expected, actual=actual)


def _judge_times(recorder: Recorder, history: TaskHistory) -> None:
    """Of a task there is one createTime, when it was made; completeTime is when it was seen to end (TASK-5)."""
    timed = [each for each in history.polls + history.callbacks if "createTime" in each.data]
    if not timed:
        return
    recorder.saw("TASK-5")
    first = timed[0]
    created = first.data["createTime"]
    for each in timed[1:]:
        both_ends = _rank(each) == _rank(first) == 2  # which are compared as a whole, elsewhere
        if each.data["createTime"] != created and each.operation == "statusTask" and not both_ends:
            title, actual = "createTime changed", str(each.data["createTime"])
            recorder.depart("TASK-5", title, (first, each), expected=str(created), actual=actual)
            return
    if all(each.clock == "server" for each in timed) and _judge_creation(recorder, history.made, timed):
        _judge_completion(recorder, history)


def _judge_creation(recorder: Recorder, made: Exchange | None, timed: list[Exchange]) -> bool:
    """Compare createTime with when the task was submitted and first seen; tell whether it fits."""
    created, earliest = timed[0].data["createTime"], min(timed, key=lambda each: each.over)
    if made is not None and made.clock == "server":
        if created < made.at:
            title, expected = "createTime is before the request", f"{made.at} or later"
            recorder.depart("TASK-5", title, (made, timed[0]), expected=expected, actual=str(created))
            return False
        if made.ended is not None and created > made.ended:
            title, expected = "createTime is after the task was made", f"{made.ended} or earlier"
            recorder.depart("TASK-5", title, (made, timed[0]), expected=expected, actual=str(created))
            return False
    if created > earliest.over:
        title, expected = "createTime is after the task was seen", f"{earliest.over} or earlier"
        recorder.depart("TASK-5", title, (earliest,), expected=expected, actual=str(created))
        return False
    return True


def _judge_completion(recorder: Recorder, history: TaskHistory) -> None:
    ended = [each for each in history.ends + history.callbacks if "completeTime" in each.data]
    if not ended:
        return
    end = min(ended, key=lambda each: each.over)
    latest = end.over
    earliest = max((poll.at for poll in history.polls if _rank(poll) < 2 and poll.at <= latest), default=0)
    completed = end.data["completeTime"]
    if not earliest <= completed <= latest:
        title = "completeTime is not when the task ended"
        expected = f"from {earliest}, when it was not finished, to {latest}, when it was"
        recorder.depart("TASK-5", title, (end,), expected=expected, actual=str(completed))


def _judge_generation(recorder: Recorder, history: TaskHistory) -> None:
    """Generation takes as long as the documents say (TASK-8)."""
    made, end, window = history.made, history.end, history.window
    if made is None or history.request is None or history.ended_by_hand:
        return
    span = history.request.generation_ms
    if end is not None and end.data["state"] == "success":
        _judge_duration(recorder, made, end, span, window)
    for poll in history.polls:
        late = window is not None and poll.clock == "server" and poll.at > window[1]
        if late and _rank(poll) < 2 and (end is None or poll.at < end.over):
            title = "a task is not finished after the longest time that it may take"
            actual = f"{poll.data['state']} after {seconds(poll.at - made.over)}"
            recorder.depart("TASK-8", title, (made, poll), expected=_range(span), actual=actual)


def _judge_duration(
    recorder: Recorder, made: Exchange, end: Exchange, span: tuple[int, int], window: tuple[int, int] | None
) -> None:
    recorder.saw("TASK-8")
    cost = end.data["costTime"]
    if window is not None and end.clock == "server" and end.over < window[0]:
        title, actual = "a task succeeded sooner than it can", f"success after {seconds(end.over - made.at)}"
        recorder.depart("TASK-8", title, (made, end), expected=_range(span), actual=actual)
    elif not span[0] <= cost <= span[1]:
        title = "costTime is out of its range"
        recorder.depart("TASK-8", title, (made, end), expected=_range(span), actual=seconds(cost))


def _range(span: tuple[int, int]) -> str:
    return f"{seconds(span[0])} to {seconds(span[1])}"
