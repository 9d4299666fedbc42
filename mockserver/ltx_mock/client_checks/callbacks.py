"""Judge how a client handles callbacks (CLI-8), and forged ones (CLI-11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ltx_mock.client_checks.case_judge import is_whole, seconds
from ltx_mock.client_checks.outcome import RESULT_BYTES
from ltx_mock.engine.outbound import CONNECTION_REFUSED

if TYPE_CHECKING:
    from ltx_mock.client_checks.case_judge import CaseJudge
    from ltx_mock.client_checks.outcome import CaseRun
    from ltx_mock.core.records import Attempt

__all__ = ["asks_to_be_called", "receives", "refuses_forgeries"]

_ANSWER_WITHIN_MS: Final = 30_000
_TOLERANCE_MS: Final = 300_000
"""How far the time of a signature may be from the receiver's (Standard Webhooks)."""


def asks_to_be_called(judge: CaseJudge, run: CaseRun) -> None:
    """Judge whether a client in a case about callbacks asks for one."""
    if run.case.callback and run.tasks and not run.deliveries:
        title, expected = "it requests no callback", "request_type callback, and a callback_url"
        judge.wrong("CLI-8", title, *run.of("generateTask")[:1], expected=expected, actual="a task without a callback")


def receives(judge: CaseJudge, run: CaseRun) -> None:
    """Judge the responses of a receiver, and whether a repeated callback repeats the work."""
    attempts = [attempt for delivery in run.deliveries for attempt in delivery.attempts]
    before = [each for each in attempts if run.case.calls_first and each.number == 1]
    attempts = [each for each in attempts if each not in before or not _need_not_answer(each)]
    attempts = [each for each in attempts if not _is_ahead(run, each)]
    if not attempts or run.case.forged:
        return
    judge.checked("CLI-8")
    for attempt in attempts:
        late = attempt.ended - attempt.at > _ANSWER_WITHIN_MS
        judged = attempt.status is not None or run.receiver_unreachable or attempt in before
        wrong = attempt.status != 200 if judged else late
        if wrong or late:
            title, expected = "a callback is not accepted", "200 within 30 s"
            actual = f"{attempt.status or attempt.error} after {seconds(attempt.ended - attempt.at)}"
            judge.wrong("CLI-8", title, expected=expected, actual=actual)
            return
    sent = sum(each.answer.get("sent", 0) for each in run.downloads if is_whole(each))
    if len(run.deliveries) > 1 and sent >= 2 * RESULT_BYTES:
        title, expected = "it processes a duplicate callback twice", "one download"
        actual = f"{sent / RESULT_BYTES:.0f} times the file, in {len(run.downloads)} downloads"
        judge.wrong("CLI-8", title, *run.downloads[:2], expected=expected, actual=actual)


def refuses_forgeries(judge: CaseJudge, run: CaseRun) -> None:
    """Judge whether a receiver refuses callbacks with a flawed signature."""
    statuses = {attempt.status for delivery in run.deliveries for attempt in delivery.attempts} - {None}
    if not run.case.forged or not statuses:
        return
    judge.checked("CLI-11")
    if 200 in statuses:
        title, expected = "it accepts a forged callback", "a status other than 200, such as 401"
        judge.wrong("CLI-11", title, expected=expected, actual="200")


def _is_ahead(run: CaseRun, attempt: Attempt) -> bool:
    """Tell whether a signature seems to come from the future, since the fake's clock was ahead of the client's."""
    is_real = run.timing.scale == 1
    return run.signed and not is_real and attempt.at - run.requests[0].at > _TOLERANCE_MS


def _need_not_answer(attempt: Attempt) -> bool:
    """Tell whether a missing response to a callback during generateTask is acceptable.

    The receiver may not listen yet, or run in the thread that waits for the response of generateTask.
    """
    silent = attempt.ended - attempt.at >= _ANSWER_WITHIN_MS
    return attempt.status is None and (silent or CONNECTION_REFUSED in (attempt.error or ""))
