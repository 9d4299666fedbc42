"""Judge the retries of a client: whether it retries, how long it waits, and whether it pays once."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ltx_mock.client_checks.case_judge import seconds
from ltx_mock_contracts.reporting.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltx_mock.client_checks.case_judge import CaseJudge
    from ltx_mock.client_checks.outcome import CaseRun
    from ltx_mock.control.from_json import Exchange

__all__ = ["fails_in_passing", "pays_once", "takes_no_for_an_answer", "waits_longer_each_time"]

_HAMMERING: Final = 30
_AT_ONCE: Final = 100
_AT_ONCE_FOR_REAL: Final = 5
_GROWTH: Final = 1.2
_FASTEST_TO_JUDGE_GROWTH: Final = 120
_LISTED: Final = 20
_PASSING: Final = frozenset({429, 500, 502, 503, 504})


def fails_in_passing(exchange: Exchange) -> bool:
    """Tell whether a response is a temporary error, or missing."""
    return exchange.status is None or exchange.status in _PASSING


def takes_no_for_an_answer(judge: CaseJudge, run: CaseRun) -> None:
    """Judge that 400 and 401 are not retried (CLI-7)."""
    refused = [each for each in run.requests if each.status in {400, 401}]
    if refused:
        judge.checked("CLI-7")
    if len(refused) > 1:
        title, expected = f"it retries after {refused[0].status}", "one try"
        judge.wrong("CLI-7", title, *refused[:2], expected=expected, actual=f"{len(refused)} tries")


def pays_once(judge: CaseJudge, run: CaseRun) -> None:
    """Judge that one video costs one task (CLI-10)."""
    submitted = run.of("generateTask")
    unknown = next((index for index, each in enumerate(submitted) if each.status is None), None)
    if run.client.exited and (run.tasks or unknown is not None):
        judge.checked("CLI-10")
    if unknown is not None and submitted[unknown + 1 :]:
        title = "it submits again, though the first task may exist"
        tried = f"{counted(len(submitted), 'submission')}, {counted(len(run.tasks), 'task')}"
        again = submitted[unknown], submitted[unknown + 1]
        judge.wrong("CLI-10", title, *again, expected="one submission", actual=tried)
    elif len(run.tasks) > 1:
        title, expected = "it pays more than once: it creates more than one task for one video", "one task"
        made = [each for each in submitted if each.status == 200]
        judge.wrong("CLI-10", title, *made[:2], expected=expected, actual=f"{len(run.tasks)} tasks")


def waits_longer_each_time(judge: CaseJudge, run: CaseRun) -> None:
    """Judge the waits between retries of temporary errors (CLI-6)."""
    for operation in ("generateTask", "statusTask"):
        for attempts in _failures(run.of(operation)):
            _judge_waits(judge, run, attempts)
    failed = [each for each in run.downloads if _is_failed_download(each)]
    if len(failed) > _HAMMERING:
        _hammers(judge, failed)


def _is_failed_download(exchange: Exchange) -> bool:
    """Tell whether a scenario let a download fail. A client may fetch a file in any number of parts, and break off."""
    answer = exchange.answer if isinstance(exchange.answer, dict) else {}
    is_cut = exchange.cause_kind == "scenario" and answer.get("sent", 0) < answer.get("size", 0)
    return is_cut or exchange.status is None or exchange.status >= 400


def _failures(submitted: Sequence[Exchange]) -> list[list[Exchange]]:
    """Return each sequence of temporary errors, together with the next attempt."""
    runs: list[list[Exchange]] = []
    failing = False
    for each in submitted:
        if failing:
            runs[-1].append(each)
        fails = fails_in_passing(each)
        if fails and not failing:
            runs.append([each])
        failing = fails
    return runs


def _judge_waits(judge: CaseJudge, run: CaseRun, attempts: Sequence[Exchange]) -> None:
    """Judge a sequence of failed attempts and the next one."""
    if len(attempts) < 2:
        return
    judge.checked("CLI-6")
    waits = [two.at - one.at for one, two in pairwise(attempts)]
    if len(attempts) > _HAMMERING:
        _hammers(judge, attempts)
        return
    if not run.timing.shows_waits:
        if len(waits) > 1 or attempts[0].retry_after:
            judge.partly["CLI-6"] = f"only its retries are judged; {run.timing}"
        return
    for one, two in pairwise(attempts):
        advised = one.retry_after * 1000
        if advised and not run.timing.enough(two.at - one.at, advised):
            title, expected = "it retries sooner than Retry-After says", f"after {seconds(advised)}, or later"
            actual, in_seconds = f"after {seconds(two.at - one.at)}", one.headers["retry-after"].isdecimal()
            judge.wrong("CLI-6", title, one, two, expected=expected, actual=actual, binding=in_seconds)
            return
    scale = run.timing.scale or 1
    if len(waits) > 1 and max(waits) < max(_AT_ONCE, _AT_ONCE_FOR_REAL * scale):
        _hammers(judge, attempts)
    # A client that obeys Retry-After is right, even if its waits do not grow.
    elif len(waits) > 2 and not any(each.retry_after for each in attempts) and _do_not_grow(waits, scale):
        title, expected = "its waits between attempts do not grow", "each longer than the one before"
        judge.wrong("CLI-6", title, *attempts, expected=expected, actual=", ".join(map(seconds, waits[:_LISTED])))


def _do_not_grow(waits: Sequence[int], scale: float) -> bool:
    """Tell whether the waits do not grow, with a tolerance for jitter and for a busy machine.

    A slow machine lengthens some waits and never shortens one, so growing waits hardly ever look constant.
    """
    if scale > _FASTEST_TO_JUDGE_GROWTH:
        return False
    stay = all(two <= one * _GROWTH for one, two in pairwise(waits))
    return stay and max(waits[1:]) <= waits[0] * _GROWTH


def _hammers(judge: CaseJudge, tries: Sequence[Exchange]) -> None:
    title, expected = "it retries too fast", "a few attempts with growing waits"
    actual = f"{len(tries)} attempts in a row in {seconds(tries[-1].at - tries[0].at)}"
    judge.wrong("CLI-6", title, tries[0], tries[-1], expected=expected, actual=actual)
