"""Judge the states, the times and the end of one task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.trace.recorder import Recorder, first_difference, seconds
from ltx_mock_contracts.trace.states import RANK

if TYPE_CHECKING:
    from ltx_mock_contracts.trace.exchange import Exchange
    from ltx_mock_contracts.trace.histories import TaskHistory

__all__ = ["judge_task"]


def judge_task(recorder: Recorder, history: TaskHistory) -> None:
    """Judge the polls and callbacks of a task together."""
    _judge_order(recorder, history)
    _judge_end_is_final(recorder, history)
    _judge_times(recorder, history)
    _judge_generation(recorder, history)


def _judge_order(recorder: Recorder, history: TaskHistory) -> None:
    """Compare each poll with those completed before it was sent; others may have overlapped."""
    completed = sorted(history.polls + history.callbacks, key=lambda each: (each.completed, each.number))
    furthest, index = None, 0
    for poll in history.polls:
        while index < len(completed) and _is_before(completed[index], poll):
            if furthest is None or _rank(completed[index]) > _rank(furthest):
                furthest = completed[index]
            index += 1
        if furthest is not None and _rank(poll) < _rank(furthest):
            state = furthest.data["state"]
            title, expected = (
                "a task moved back to an earlier state",
                f"{state}" + ", or a later state" * (_rank(furthest) < 2),
            )
            recorder.add_deviation("TASK-1", title, (furthest, poll), expected=expected, actual=poll.data["state"])


def _is_before(first: Exchange, second: Exchange) -> bool:
    """Tell whether the first was complete before the second was sent; at equal times the recording's order decides."""
    return (first.completed, first.number) < (second.at, second.number)


def _rank(exchange: Exchange) -> int:
    return RANK[exchange.data["state"]]


def _judge_end_is_final(recorder: Recorder, history: TaskHistory) -> None:
    """Judge that a finished task never changes. Other signatures in the URLs of a result are observed."""
    ends = history.ends
    for end in ends[1:]:
        if end.data != ends[0].data:
            same = end.unsigned_data == ends[0].unsigned_data
            title = f"{'a URL in the result' if same else 'the status'} of a finished task changed"
            expected, actual = first_difference(ends[0].data, end.data)
            recorder.add_deviation("TASK-1", title, (ends[0], end), expected=expected, actual=actual, binding=not same)


def _judge_times(recorder: Recorder, history: TaskHistory) -> None:
    """Judge that createTime is constant and the moment of creation, and completeTime the moment of the end (TASK-5)."""
    with_times = [each for each in history.polls + history.callbacks if "createTime" in each.data]
    if not with_times:
        return
    recorder.checked("TASK-5")
    first = with_times[0]
    created = first.data["createTime"]
    for each in with_times[1:]:
        both_ends = _rank(each) == _rank(first) == 2  # these are compared as a whole, elsewhere
        if each.data["createTime"] != created and each.operation == "statusTask" and not both_ends:
            title, actual = "createTime changed", str(each.data["createTime"])
            recorder.add_deviation("TASK-5", title, (first, each), expected=str(created), actual=actual)
            return
    if all(each.clock == "server" for each in with_times) and _judge_creation(recorder, history.made, with_times):
        _judge_completion(recorder, history)


def _judge_creation(recorder: Recorder, made: Exchange | None, with_times: list[Exchange]) -> bool:
    """Compare createTime with the times of submission and of the first poll; tell whether it agrees."""
    created, earliest = with_times[0].data["createTime"], min(with_times, key=lambda each: each.completed)
    if made is not None and made.clock == "server":
        if created < made.at:
            title, expected = "createTime is before the request", f"{made.at} or later"
            recorder.add_deviation("TASK-5", title, (made, with_times[0]), expected=expected, actual=str(created))
            return False
        if made.ended is not None and created > made.ended:
            title, expected = "createTime is after the task was created", f"{made.ended} or earlier"
            recorder.add_deviation("TASK-5", title, (made, with_times[0]), expected=expected, actual=str(created))
            return False
    if created > earliest.completed:
        title, expected = "createTime is after the first response about the task", f"{earliest.completed} or earlier"
        recorder.add_deviation("TASK-5", title, (earliest,), expected=expected, actual=str(created))
        return False
    return True


def _judge_completion(recorder: Recorder, history: TaskHistory) -> None:
    ended = [each for each in history.ends + history.callbacks if "completeTime" in each.data]
    if not ended:
        return
    end = min(ended, key=lambda each: each.completed)
    latest = end.completed
    earliest = max((poll.at for poll in history.polls if _rank(poll) < 2 and poll.at <= latest), default=0)
    completed = end.data["completeTime"]
    if not earliest <= completed <= latest:
        title = "completeTime is not the time of the end"
        expected = f"from {earliest}, when it was not finished, to {latest}, when it was"
        recorder.add_deviation("TASK-5", title, (end,), expected=expected, actual=str(completed))


def _judge_generation(recorder: Recorder, history: TaskHistory) -> None:
    """Judge the generation time against the documents (TASK-8)."""
    made, end, window = history.made, history.end, history.window
    if made is None or history.request is None or history.ended_by_hand:
        return
    allowed = history.request.generation_ms
    if end is not None and end.data["state"] == "success":
        _judge_duration(recorder, made, end, allowed, window)
    for poll in history.polls:
        late = window is not None and poll.clock == "server" and poll.at > window[1]
        if late and _rank(poll) < 2 and (end is None or poll.at < end.completed):
            title = "a task is not finished after the longest generation time"
            actual = f"{poll.data['state']} after {seconds(poll.at - made.completed)}"
            recorder.add_deviation("TASK-8", title, (made, poll), expected=_as_range(allowed), actual=actual)


def _judge_duration(
    recorder: Recorder, made: Exchange, end: Exchange, allowed: tuple[int, int], window: tuple[int, int] | None
) -> None:
    recorder.checked("TASK-8")
    cost = end.data["costTime"]
    if window is not None and end.clock == "server" and end.completed < window[0]:
        title, actual = (
            "a task succeeded before the shortest generation time",
            f"success after {seconds(end.completed - made.at)}",
        )
        recorder.add_deviation("TASK-8", title, (made, end), expected=_as_range(allowed), actual=actual)
    elif not allowed[0] <= cost <= allowed[1]:
        title = "costTime is out of range"
        recorder.add_deviation("TASK-8", title, (made, end), expected=_as_range(allowed), actual=seconds(cost))


def _as_range(allowed: tuple[int, int]) -> str:
    return f"{seconds(allowed[0])} to {seconds(allowed[1])}"
