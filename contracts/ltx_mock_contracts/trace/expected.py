"""Rules that need the intention of the client: which task must fail, and how much time has passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.model import FAIL_CODES, SPEC_FAIL_CODES
from ltx_mock_contracts.trace.recorder import Recorder, describe_response, first_difference
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["judge_failure", "judge_missing_callback", "judge_refused_at_once", "judge_unchanged"]


def judge_failure(recorder: Recorder, end: Exchange, rule: str, code: str) -> None:
    """Judge the end of a task that must fail with a code.

    An undocumented or missing code is judged by TASK-7 and TASK-6.
    """
    recorder.checked(rule)
    failed, found = end.data["state"] == "failed", end.data.get("failCode")
    if not failed or (found != code and found in tuple(FAIL_CODES)):
        title, expected = f"a task that must fail with {code} has another end", f"failed, {code}"
        actual = f"failed, failCode {show(found)}" if failed else str(end.data["state"])
        binding = not failed or found in tuple(SPEC_FAIL_CODES)
        recorder.add_deviation(rule, title, (end,), expected=expected, actual=actual, binding=binding)


def judge_refused_at_once(recorder: Recorder, refused: Exchange, rule: str, code: str) -> None:
    """Note that a server refuses a request whose task should fail with a code."""
    recorder.checked(rule)
    title, expected = f"a request whose task must fail with {code} is refused", f"a task that fails with {code}"
    actual = describe_response(refused)
    recorder.add_deviation(rule, title, (refused,), expected=expected, actual=actual, binding=False)


def judge_missing_callback(recorder: Recorder, exchange: Exchange) -> None:
    """Note that a task ended without its callback (CB-1); the exchange shows the task."""
    title, expected = "a callback task ended without a callback", "its final status, POSTed to callback_url"
    recorder.add_deviation("CB-1", title, (exchange,), expected=expected, actual="nothing")


def judge_unchanged(recorder: Recorder, first: Exchange, again: Exchange) -> None:
    """Judge two polls of a task at one moment: polling changes nothing (TASK-12)."""
    recorder.checked("TASK-12")
    if again.data != first.data:
        title, (expected, actual) = "a status changed though no time passed", first_difference(first.data, again.data)
        recorder.add_deviation("TASK-12", title, (first, again), expected=expected, actual=actual)
