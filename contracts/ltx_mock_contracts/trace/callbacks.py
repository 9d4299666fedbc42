"""Judge the callbacks of one task: whether there may be one, whether it agrees with the polls, and its retries."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.trace.histories import TaskHistory
from ltx_mock_contracts.trace.recorder import Recorder, differing, seconds
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["judge_callbacks"]

_RETRY: Final = 30_000
_LONG: Final = 10**15
_MOST: Final = 4
_ROUNDING: Final = 1_000


def judge_callbacks(recorder: Recorder, history: TaskHistory, *, received: bool) -> None:
    """Judge the callbacks of a task; `received` tells whether the recording contains callbacks at all."""
    asked = history.request.request_type if history.request else None
    if (
        asked == "async"
        and (history.ends or history.callbacks)
        and (received or (history.request and history.request.callback_url))
    ):
        recorder.checked("CB-3")
    if not history.callbacks:
        return
    if asked == "async":
        title, actual = "an async task sent a callback", f"POST {show(history.callbacks[0].target)}"
        recorder.add_deviation("CB-3", title, (history.callbacks[0],), expected="no callback", actual=actual)
        return
    recorder.checked("CB-1")
    _agree(recorder, history)
    _come_again(recorder, [call for call in history.callbacks if call.cause_kind != "manual"])


def _agree(recorder: Recorder, history: TaskHistory) -> None:
    """Compare the callbacks with the polls, or without polls with the first callback."""
    reference = (history.ends or history.callbacks)[0]
    different = [call for call in history.callbacks if call.data != reference.data]
    for call in different:
        title = "callback and status differ" if history.ends else "a callback was sent again with another body"
        expected, actual = differing(reference.data, call.data)
        recorder.add_deviation("CB-1", title, (reference, call), expected=expected, actual=actual)
    if history.ends and not different:
        recorder.checked("CB-4")


def _come_again(recorder: Recorder, calls: list[Exchange]) -> None:
    """Judge the retries (CB-2): up to three after failures, with growing delays, the first after 30 s."""
    if len(calls) < 2:
        return
    recorder.checked("CB-2")
    done = next((index for index, call in enumerate(calls) if call.status == 200), None)
    if done is not None and done + 1 < len(calls):
        title = "a callback was sent again after a response with 200"
        recorder.add_deviation(
            "CB-2", title, tuple(calls[done : done + 2]), expected="one callback", actual=str(len(calls))
        )
    elif len(calls) > _MOST:
        title = "a callback has too many attempts"
        recorder.add_deviation("CB-2", title, tuple(calls), expected=f"up to {_MOST} attempts", actual=str(len(calls)))
    elif not any("time" in call.gaps for call in calls):
        _spaced(recorder, calls)


def _spaced(recorder: Recorder, calls: list[Exchange]) -> None:
    """Judge the delays from the end of one attempt to the start of the next. One may be late, but none may be early.

    A late attempt can make a delay look as long as the next one. So delays count as not growing only if they are no
    longer than the first may be, or if all are equal. An attempt with an unknown end may have lasted 30 s.
    """
    delays = [two.at - one.over for one, two in pairwise(calls)]
    if delays[0] < _RETRY - _ROUNDING:
        title, actual = "the first retry comes too soon", f"after {seconds(delays[0])}"
        recorder.add_deviation("CB-2", title, tuple(calls[:2]), expected=f"after {seconds(_RETRY)}", actual=actual)
    elif min(delays[1:], default=_LONG) <= _RETRY + _ROUNDING or (len(delays) > 2 and _same(delays, calls)):
        title, actual = "the delays of the retries do not grow", ", ".join(map(seconds, delays))
        recorder.add_deviation("CB-2", title, tuple(calls), expected="each longer than the one before", actual=actual)


def _same(delays: list[int], calls: list[Exchange]) -> bool:
    return max(delays) - min(delays) <= _ROUNDING and all(call.ended is not None for call in calls)
