"""How long tasks took, and whether that is what the documents say: judged as a distribution, never by one task."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import chain
from math import erfc, exp, lgamma, log, sqrt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ltx_mock_contracts.request import GenerateRequest
from ltx_mock_contracts.trace.states import RANK
from ltx_mock_contracts.validation import validate_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ltx_mock_contracts.recordings import Recording

__all__ = ["Interval", "Life", "are_too_many", "differ", "lives_of"]

_PROCESSING, _END = RANK["processing"], RANK["success"]
_TOLERATED: Final = 0.1
"""The share of tasks that may be outside of a documented range."""
_SURE: Final = 0.01
_VERY_SURE: Final = 0.001
_LEAST: Final = 8
"""The number of times that two distributions must have to be compared."""
_SLACK_MS: Final = 5_000
"""How far times of the service may be from those of the observer: a poll takes time, and its answer may be cached."""


class Interval(NamedTuple):
    """A time in milliseconds since creation that is only known to lie between two; the later is None if unknown."""

    low: int
    high: int | None

    @property
    def middle(self) -> int | None:
        """The best guess, if both ends are known."""
        return None if self.high is None else (self.low + self.high) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What a recording shows of the life of a task.

    Attributes:
        number: The number of the recording.
        task_id: The id of the task.
        request: Its request.
        state: Its last known state.
        fail_code: Its code if it failed.
        started: When processing started.
        ended: When it ended. Exact if the service says how long it took and the polls agree; if they do not, both
            are within it, since the clock of the service may be another.
        polled: When it ended by the polls and callbacks alone.
        cost_time: How long it took by the service.
        contradicts: Whether the polls do not agree with that.
    """

    number: int
    task_id: str
    request: GenerateRequest
    state: str
    fail_code: str | None
    started: Interval | None
    ended: Interval
    polled: Interval
    cost_time: int | None
    contradicts: bool


def lives_of(recordings: Sequence[Recording]) -> list[Life]:
    """Return the lives of the tasks with a valid request and a known state."""
    found = (_life(recording, number) for number, recording in enumerate(recordings, 1))
    return [life for life in found if life is not None]


def are_too_many(outside: int, of: int) -> bool:
    """Tell whether surely more than a tenth of all tasks is outside of a range, given how many of some tasks are."""
    if not outside:
        return False
    tail = (
        lgamma(of + 1) - lgamma(k + 1) - lgamma(of - k + 1) + k * log(_TOLERATED) + (of - k) * log(1 - _TOLERATED)
        for k in range(outside, of + 1)
    )
    return sum(map(exp, tail)) < _SURE


def differ(one: Sequence[int], other: Sequence[int]) -> bool:
    """Tell whether two samples surely come from different distributions (the rank test of Mann and Whitney)."""
    if min(len(one), len(other)) < _LEAST:
        return False
    ranked = sorted(other)
    wins = sum((bisect_left(ranked, each) + bisect_right(ranked, each)) / 2 for each in one)
    mean = len(one) * len(other) / 2
    deviation = sqrt(len(one) * len(other) * (len(one) + len(other) + 1) / 12)
    return erfc(max(0.0, abs(wins - mean) - 0.5) / deviation / sqrt(2)) < _VERY_SURE


class _Seen(NamedTuple):
    rank: int
    after: int
    until: int
    data: dict[str, Any]


def _life(recording: Recording, number: int) -> Life | None:
    body = recording.request.body.value
    seen = list(_seen(recording))
    if not seen or recording.task_id is None or any(each.severity == "violation" for each in validate_request(body)):
        return None
    last = max(seen, key=lambda each: (each.rank, -each.after))
    unfinished = max((each.until for each in seen if each.rank < _END), default=0)
    first_end = min((each.after for each in seen if each.rank == _END), default=None)
    cost = _cost_time(last.data)
    ended, contradicts = Interval(unfinished, first_end), False
    if cost is not None and first_end is not None:
        latest = first_end + recording.response.latency + _SLACK_MS
        contradicts = not unfinished - _SLACK_MS <= cost <= latest
        ended = Interval(min(cost, unfinished), max(cost, first_end)) if contradicts else Interval(cost, cost)
    return Life(
        number=number,
        task_id=recording.task_id,
        request=GenerateRequest.from_body(body),
        state=last.data["state"],
        fail_code=last.data.get("failCode") if last.data["state"] == "failed" else None,
        started=_started(seen),
        ended=ended,
        polled=Interval(unfinished, first_end),
        cost_time=cost,
        contradicts=contradicts,
    )


def _seen(recording: Recording) -> Iterator[_Seen]:
    """Yield the states of the task in answers and callbacks."""
    answers = ((each.after, each.until, each.body.data) for each in recording.answers if each.status == 200)
    callbacks = ((each.after, each.after, each.body.data) for each in recording.callbacks)
    for after, until, data in chain(answers, callbacks):
        state = data.get("state")
        if isinstance(state, str) and state in RANK:
            yield _Seen(RANK[state], after, until, data)


def _cost_time(data: dict[str, Any]) -> int | None:
    cost = data.get("costTime")
    return cost if isinstance(cost, int) and not isinstance(cost, bool) and data["state"] == "success" else None


def _started(seen: Iterable[_Seen]) -> Interval | None:
    """Return when processing started, if a poll showed the task while it was processed."""
    first = min((each.after for each in seen if each.rank == _PROCESSING), default=None)
    if first is None:
        return None
    return Interval(
        max((each.until for each in seen if each.rank < _PROCESSING and each.until <= first), default=0), first
    )
