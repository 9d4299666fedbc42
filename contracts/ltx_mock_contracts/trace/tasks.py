"""What was seen of one task: its states in order, its times, its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.trace.recorder import RANK, Recorder, describe_response, differing, seconds
from ltx_mock_contracts.validation import validate_request
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["TaskHistory", "group_by_task", "judge_task"]

_CARRIES: Final = {"success": "TASK-3", "failed": "TASK-6"}


@dataclass(slots=True)
class TaskHistory:
    """All that a trace has of one task, each kind in the order of time; no answer in it is wrong in itself.

    Attributes:
        id: The id of the task.
        made: The exchange that made it, where it is in the trace.
        request: What was asked for, where that is in the trace and breaks no rule.
        polls: What statusTask told of it.
        callbacks: What its callbacks told.
    """

    id: str
    made: Exchange | None = None
    request: GenerateRequest | None = None
    polls: list[Exchange] = field(default_factory=list)
    callbacks: list[Exchange] = field(default_factory=list)

    @property
    def ends(self) -> list[Exchange]:
        """The polls that told of its end."""
        return [poll for poll in self.polls if RANK[poll.data["state"]] == 2]


def group_by_task(recorder: Recorder, sound: Iterable[Exchange]) -> dict[str, TaskHistory]:
    """Sort good answers by task. What shows without a look at the others is judged on the way."""
    histories: dict[str, TaskHistory] = {}
    twice: set[str] = set()
    ordered = sorted(sound, key=lambda exchange: (exchange.operation != "generateTask", exchange.at))
    for exchange in ordered:
        task_id = _task_of(exchange)
        if not task_id:
            continue
        history = histories.setdefault(task_id, TaskHistory(task_id))
        if exchange.operation == "generateTask":
            if history.made is not None:
                twice.add(task_id)
                title = "a taskId is given twice"
                recorder.depart("GEN-17", title, (history.made, exchange), expected="a new one", actual=show(task_id))
            else:
                history.made, history.request = exchange, _request(exchange)
        elif exchange.operation == "callback":
            history.callbacks.append(exchange)
        elif _own(recorder, history, exchange):
            history.polls.append(exchange)
    return {task_id: history for task_id, history in histories.items() if task_id not in twice}


def judge_task(recorder: Recorder, history: TaskHistory) -> None:
    """Note what the polls of a task show together."""
    _moves_forward(recorder, history)
    _stays(recorder, history)
    _times(recorder, history)
    _generation(recorder, history)


def _task_of(exchange: Exchange) -> str:
    if exchange.operation == "statusTask":
        return exchange.asked
    task_id = exchange.data.get("taskId")
    return task_id if isinstance(task_id, str) else ""


def _request(exchange: Exchange) -> GenerateRequest | None:
    findings = validate_request(exchange.request)
    bad = "request" in exchange.gaps or any(finding.severity == "violation" for finding in findings)
    return None if bad else GenerateRequest.from_body(exchange.request)


def _own(recorder: Recorder, history: TaskHistory, poll: Exchange) -> bool:
    """Judge who is told of a task, and which; tell whether the poll says something of it."""
    made, found = history.made, poll.status == 200
    if made is not None and made.key and poll.key and made.key != poll.key:
        recorder.saw("AUTH-4")
        if found:
            title = "a task is seen with another key than the one that made it"
            recorder.depart("AUTH-4", title, (made, poll), expected="404", actual=describe_response(poll))
        return found
    if made is not None and poll.at >= made.over and _shows_task(made, poll):
        recorder.saw("TASK-11")
        if not found:
            title = "a task that was made is not told of"
            recorder.depart(
                "TASK-11", title, (made, poll), expected="200 and its state", actual=describe_response(poll)
            )
    if found and poll.data["taskId"] != history.id:
        rule, title = _CARRIES.get(poll.data["state"], "TASK-2"), "the answer is about another task"
        recorder.depart(rule, title, (poll,), expected=show(history.id), actual=show(poll.data["taskId"]))
        return False
    return found


def _shows_task(made: Exchange, poll: Exchange) -> bool:
    """Tell whether the answer is about the task, and not about access to it or a scenario of a fake."""
    without_key = bool(made.key) and not poll.key
    return poll.status in {200, 400, 404} and poll.cause is None and not without_key


def _moves_forward(recorder: Recorder, history: TaskHistory) -> None:
    """Compare each poll with those that were over before it was made; others may have been on the way together."""
    sights = history.polls + history.callbacks
    over = sorted(sights, key=lambda sight: (sight.over, sight.number))
    furthest, index = None, 0
    for poll in history.polls:
        while index < len(over) and _before(over[index], poll):
            if furthest is None or _rank(over[index]) > _rank(furthest):
                furthest = over[index]
            index += 1
        if furthest is not None and _rank(poll) < _rank(furthest):
            state = furthest.data["state"]
            title, expected = "a state moved back", f"{state}" + ", or a later state" * (_rank(furthest) < 2)
            recorder.depart("TASK-1", title, (furthest, poll), expected=expected, actual=poll.data["state"])


def _before(one: Exchange, other: Exchange) -> bool:
    """Tell whether one was over before the other was made; at one moment the recording's order decides."""
    return (one.over, one.number) < (other.at, other.number)


def _rank(exchange: Exchange) -> int:
    return RANK[exchange.data["state"]]


def _stays(recorder: Recorder, history: TaskHistory) -> None:
    """A finished task answers the same for ever."""
    ends = history.ends
    for end in ends[1:]:
        if end.data != ends[0].data:
            title = "a finished task changed its answer"
            expected, actual = differing(ends[0].data, end.data)
            recorder.depart("TASK-1", title, (ends[0], end), expected=expected, actual=actual)


def _times(recorder: Recorder, history: TaskHistory) -> None:
    """Of a task there is one createTime, when it was made; completeTime is when it was seen to end (TASK-5)."""
    sights = [sight for sight in history.polls + history.callbacks if "createTime" in sight.data]
    if not sights:
        return
    recorder.saw("TASK-5")
    first = sights[0]
    created = first.data["createTime"]
    for sight in sights[1:]:
        both_ends = _rank(sight) == _rank(first) == 2  # which are compared as a whole, elsewhere
        if sight.data["createTime"] != created and sight.operation == "statusTask" and not both_ends:
            title, actual = "createTime changed", str(sight.data["createTime"])
            recorder.depart("TASK-5", title, (first, sight), expected=str(created), actual=actual)
            return
    if any(sight.clock != "server" for sight in sights):
        return
    earliest = min(sights, key=lambda sight: sight.over)
    if history.made is not None and history.made.clock == "server" and created < history.made.at:
        title, expected = "createTime is before the request", f"{history.made.at} or later"
        recorder.depart("TASK-5", title, (history.made, first), expected=expected, actual=str(created))
    elif created > earliest.over:
        title, expected = "createTime is after the task was seen", f"{earliest.over} or earlier"
        recorder.depart("TASK-5", title, (earliest,), expected=expected, actual=str(created))
    else:
        _completed(recorder, history)


def _completed(recorder: Recorder, history: TaskHistory) -> None:
    ended = [sight for sight in history.ends + history.callbacks if "completeTime" in sight.data]
    if not ended:
        return
    end = min(ended, key=lambda sight: sight.over)
    latest = end.over
    earliest = max((poll.at for poll in history.polls if _rank(poll) < 2 and poll.at <= latest), default=0)
    completed = end.data["completeTime"]
    if not earliest <= completed <= latest:
        title = "completeTime is not when the task ended"
        expected = f"from {earliest}, when it was not finished, to {latest}, when it was"
        recorder.depart("TASK-5", title, (end,), expected=expected, actual=str(completed))


def _generation(recorder: Recorder, history: TaskHistory) -> None:
    """Generation takes as long as the documents say (TASK-8)."""
    if history.made is None or history.request is None or not history.polls + history.callbacks:
        return
    shortest, longest = history.request.generation_ms
    expected = f"{seconds(shortest)} to {seconds(longest)}"
    ends = sorted(history.ends + history.callbacks, key=lambda end: end.over)
    if ends and ends[0].data["state"] == "success":
        _took(recorder, history.made, ends[0], (shortest, longest), expected)
    for poll in history.polls:
        late = poll.at - history.made.over > longest and (not ends or poll.at < ends[0].over)
        if late and _rank(poll) < 2 and "server" == poll.clock == history.made.clock:
            title = "a task is not finished after the longest time that it may take"
            actual = f"{poll.data['state']} after {seconds(poll.at - history.made.over)}"
            recorder.depart("TASK-8", title, (history.made, poll), expected=expected, actual=actual)


def _took(recorder: Recorder, made: Exchange, end: Exchange, span: tuple[int, int], expected: str) -> None:
    recorder.saw("TASK-8")
    cost = end.data["costTime"]
    if "server" == end.clock == made.clock and end.over - made.at < span[0]:
        title, actual = "a task succeeded sooner than it can", f"success after {seconds(end.over - made.at)}"
        recorder.depart("TASK-8", title, (made, end), expected=expected, actual=actual)
    elif not span[0] <= cost <= span[1]:
        title = "costTime is out of its range"
        recorder.depart("TASK-8", title, (made, end), expected=expected, actual=seconds(cost))
