"""Judge the callbacks of one task: whether there may be one, whether they agree with the polls, and the retries."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.trace.histories import TaskHistory
from ltx_mock_contracts.trace.recorder import Recorder, first_difference, seconds
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["judge_callbacks"]

_FIRST_DELAY_MS: Final = 30_000
_ENDLESS_MS: Final = 10**15
_MAX_ATTEMPTS: Final = 4
_TOLERANCE_MS: Final = 1_000


def judge_callbacks(recorder: Recorder, history: TaskHistory, *, received: bool) -> None:
    """Judge the callbacks of a task; `received` tells whether the recording contains callbacks at all."""
    request_type = history.request.request_type if history.request else None
    if (
        request_type == "async"
        and (history.ends or history.callbacks)
        and (received or (history.request and history.request.callback_url))
    ):
        recorder.checked("CB-3")
    if not history.callbacks:
        return
    if request_type == "async":
        title, actual = "an async task sent a callback", f"POST {show(history.callbacks[0].target)}"
        recorder.add_deviation("CB-3", title, (history.callbacks[0],), expected="no callback", actual=actual)
        return
    recorder.checked("CB-1")
    _compare_with_status(recorder, history)
    _judge_retries(recorder, [callback for callback in history.callbacks if callback.cause_kind != "manual"])


def _compare_with_status(recorder: Recorder, history: TaskHistory) -> None:
    """Compare the callbacks with the final status, or with the first callback if no poll shows one."""
    reference = (history.ends or history.callbacks)[0]
    different = [callback for callback in history.callbacks if callback.data != reference.data]
    for callback in different:
        title = "callback and status differ" if history.ends else "a callback was sent again with another body"
        same = callback.unsigned_data == reference.unsigned_data
        title += " in the queries of their URLs" if same else ""
        expected, actual = first_difference(reference.data, callback.data)
        recorder.add_deviation("CB-1", title, (reference, callback), expected=expected, actual=actual, binding=not same)
    if history.ends and not different:
        recorder.checked("CB-4")


def _judge_retries(recorder: Recorder, attempts: list[Exchange]) -> None:
    """Judge the retries (CB-2): up to three after failures, with growing delays, the first after 30 s."""
    if len(attempts) < 2:
        return
    recorder.checked("CB-2")
    confirmed = next((index for index, callback in enumerate(attempts) if callback.status == 200), None)
    if confirmed is not None and confirmed + 1 < len(attempts):
        title = "a callback was sent again after a response with 200"
        recorder.add_deviation(
            "CB-2",
            title,
            tuple(attempts[confirmed : confirmed + 2]),
            expected="one callback",
            actual=str(len(attempts)),
        )
    elif len(attempts) > _MAX_ATTEMPTS:
        title = "a callback has too many attempts"
        recorder.add_deviation(
            "CB-2", title, tuple(attempts), expected=f"up to {_MAX_ATTEMPTS} attempts", actual=str(len(attempts))
        )
    elif not any("time" in callback.gaps for callback in attempts):
        _judge_delays(recorder, attempts)


def _judge_delays(recorder: Recorder, attempts: list[Exchange]) -> None:
    """Judge the delays from the end of one attempt to the start of the next. An attempt may be late, but not early.

    After a late attempt, a delay can be as long as the next one. So delays count as not growing only if one is as short
    as the first may be, or if all are equal. An attempt whose end is unknown may have lasted 30 s.
    """
    delays = [second.at - first.completed for first, second in pairwise(attempts)]
    if delays[0] < _FIRST_DELAY_MS - _TOLERANCE_MS:
        title, actual = "the first retry comes too soon", f"after {seconds(delays[0])}"
        recorder.add_deviation(
            "CB-2", title, tuple(attempts[:2]), expected=f"after {seconds(_FIRST_DELAY_MS)}", actual=actual
        )
    elif min(delays[1:], default=_ENDLESS_MS) <= _FIRST_DELAY_MS + _TOLERANCE_MS or (
        len(delays) > 2 and _are_equal(delays, attempts)
    ):
        title, actual = "the delays of the retries do not grow", ", ".join(map(seconds, delays))
        recorder.add_deviation(
            "CB-2", title, tuple(attempts), expected="each longer than the one before", actual=actual
        )


def _are_equal(delays: list[int], attempts: list[Exchange]) -> bool:
    return max(delays) - min(delays) <= _TOLERANCE_MS and all(callback.ended is not None for callback in attempts)
