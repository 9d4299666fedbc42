"""Judge a client by its requests and their times, without assumptions about its implementation."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from ltx_mock.client_checks.callbacks import asks_to_be_called, receives, refuses_forgeries
from ltx_mock.client_checks.case_judge import (
    CaseJudge,
    is_whole,
    learned_the_end,
    obscured_by,
    result_urls,
    seconds,
    shows_the_end,
    unknown_requests,
)
from ltx_mock.client_checks.error_messages import message_of
from ltx_mock.client_checks.retries import fails_in_passing, pays_once, takes_no_for_an_answer, waits_longer_each_time
from ltx_mock_contracts.polling import FASTEST_SAMPLE_MS, FIRST_POLL_MS, POLL_EVERY_MS
from ltx_mock_contracts.reporting.text import counted
from ltx_mock_contracts.validation import validate_request
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltx_mock.client_checks.outcome import CaseRun
    from ltx_mock.control.from_json import Exchange
    from ltx_mock_contracts.verdicts import VerdictCollector

__all__ = ["judge_case", "waits_in_real_time"]

_CONTROL_FACTOR: Final = 10
_ASKS_AGAIN: Final = 5
"""How often a client may ask again for a result that is missing or cannot be downloaded."""


def judge_case(run: CaseRun, collector: VerdictCollector) -> CaseJudge:
    """Judge a run by the rules for clients.

    Returns:
        The judge, which knows the rules of the case that could not be judged, or only in part, and why.
    """
    judge = CaseJudge(run, collector)
    if not run.sent:
        title, expected = "the client did not request a video", "a generateTask"
        judge.wrong("CLI-1", title, expected=expected, actual=f"it sent nothing, and {_how(run)}")
        return judge
    for look in _LOOKS:
        look(judge, run)
    return judge


def waits_in_real_time(run: CaseRun) -> bool:
    """Tell whether a client seems to wait in real time although it should not wait.

    Its last request got a response, its task is unfinished, and it sends no more requests.
    """
    quiet = run.client.stop == "quiet" and not _waits_for_silence(run)
    return run.timing.scale is None and quiet and bool(run.tasks)


def _how(run: CaseRun) -> str:
    said = message_of(run.client.output)
    return f"{run.client.description}: {show(said)}" if said and not run.got_a_video else run.client.description


def _asks_for_a_video(judge: CaseJudge, run: CaseRun) -> None:
    judge.checked("CLI-1")
    if not run.tasks and not any("generateTask" in each.target for each in run.sent):
        actual = f"{counted(len(run.requests), 'other request')}; it {run.client.description}"
        judge.wrong("CLI-1", "the client did not request a video", expected="a generateTask", actual=actual)


def _has_its_key(judge: CaseJudge, run: CaseRun) -> None:
    for each in run.unauthenticated_requests:
        title, expected = "a request lacks the key", "Authorization: Bearer and the key"
        judge.wrong("CLI-1", title, each, expected=expected, actual=str(each))


def _asks_rightly(judge: CaseJudge, run: CaseRun) -> None:
    for each in run.of("generateTask"):
        for finding in validate_request(each.body):
            title = f"a request does not follow {finding.rule}: {finding.message}"
            judge.wrong("CLI-1", title, each, expected=finding.allowed, actual=finding.got)
        kind = each.request_headers.get("content-type")
        if kind is None or "json" not in kind.lower():
            title, expected = "a request does not declare its body as JSON", "Content-Type: application/json"
            judge.wrong("CLI-1", title, each, expected=expected, actual=kind or "no Content-Type", binding=False)
    for each in unknown_requests(run):
        title, expected = "a request is for an unknown endpoint or task", "the endpoints, and the id of its task"
        judge.wrong("CLI-1", title, each, expected=expected, actual=str(each))


def _polls_as_advised(judge: CaseJudge, run: CaseRun) -> None:
    """Compare polls with the documents' advice (CLI-2); the interval of the vendor's own samples is only observed."""
    made = [each for each in run.of("generateTask") if each.status == 200]
    polls = run.of("statusTask")
    enough = run.timing.enough
    if not run.timing.shows_waits or not made or not polls:
        return
    judge.checked("CLI-2")
    waited = polls[0].at - made[0].at
    if not enough(waited, FIRST_POLL_MS):
        title, actual = "the first poll comes sooner than advised", f"after {seconds(waited)}"
        expected = f"{seconds(FIRST_POLL_MS)} after the submission, or later"
        judge.wrong("CLI-2", title, made[0], polls[0], expected=expected, actual=actual, binding=False)
    # Waits after a failed poll are judged by CLI-6.
    pairs = [(two.at - one.at, one, two) for one, two in pairwise(polls) if not fails_in_passing(one)]
    wait, one, two = min(pairs, key=lambda pair: pair[0], default=(POLL_EVERY_MS, polls[0], polls[0]))
    if not enough(wait, POLL_EVERY_MS):
        faster = not enough(wait, FASTEST_SAMPLE_MS)
        title = "polls come too fast" if faster else "polls come faster than advised"
        expected = f"{seconds(POLL_EVERY_MS)} apart, or more"
        judge.wrong("CLI-2", title, one, two, expected=expected, actual=seconds(wait), binding=faster)


def _stops_at_the_end(judge: CaseJudge, run: CaseRun) -> None:
    polls = run.of("statusTask")
    end = next((index for index, each in enumerate(polls) if shows_the_end(each)), None)
    if end is None:
        return
    if run.case.name == "slow" and not run.timing.shows_waits:
        judge.hide(("CLI-3",), "the clock jumps over the ten minutes (--scale N or --real waits for them)")
    else:
        judge.checked("CLI-3")
    if more := polls[end + 1 :]:
        title, expected = "it polls after the end", f"no poll after {polls[end].state}"
        # A success without a usable result is not documented, and to ask again for one does no harm.
        excused = run.case.lacks_a_result and len(more) <= _ASKS_AGAIN
        actual = f"{len(more)} more"
        judge.wrong("CLI-3", title, polls[end], more[0], expected=expected, actual=actual, binding=not excused)


def _ends(judge: CaseJudge, run: CaseRun) -> None:
    case, ran = run.case, run.client
    if ran.exited:
        if case.endless and run.of("statusTask"):
            judge.checked("CLI-3")
        return
    why = _not_to_blame(run)
    if why is not None:
        judge.hide(case.rules, why)
    elif not judge.broken & {"CLI-3", "CLI-6", "CLI-7", "CLI-10"}:
        # A client that polls on, hammers or pays twice already has a deviation for it.
        endless = case.endless or ran.stop == "requests"
        expected = "it gives up" if case.end == "failure" else "it ends"
        rule = "CLI-3" if endless else case.rules[0]
        judge.wrong(rule, "the client does not end", expected=expected, actual=ran.description)


def _not_to_blame(run: CaseRun) -> str | None:
    """Return why it is not the client's fault that it had to be ended; None if it is."""
    if _waits_for_silence(run):
        return "it was still waiting for the response that the case withholds (--http-timeout S sets how long)"
    if run.client.stop == "requests":
        return None
    if run.case.endless and run.timing.scale is not None and run.client.stop == "time":
        return f"it {run.client.description} and was still polling: it may give up later (--timeout S gives it longer)"
    if run.timing.scale is None and not _took_far_longer(run):
        return f"it {run.client.description}: it waits in real time, or hangs (--timeout S gives it more time)"
    control = run.control
    return obscured_by(run) if control is not None and not control.got_a_video else None


def _took_far_longer(run: CaseRun) -> bool:
    """Tell whether the same client is much faster without faults, so that neither machine nor waits are the reason."""
    control = run.control
    return control is not None and control.got_a_video and control.client.seconds * _CONTROL_FACTOR < run.client.seconds


def _waits_for_silence(run: CaseRun) -> bool:
    last = max(run.requests, key=lambda each: each.number, default=None)
    return not run.client.exited and last is not None and last.fault == "NO_ANSWER"


def _says_how_it_went(judge: CaseJudge, run: CaseRun) -> None:
    if not run.client.exited:
        return
    happened = any(each.cause is not None for each in (*run.requests, *run.downloads))
    if run.case.end == "result":
        _says_that_it_has_a_video(judge, run)
    elif run.case.end == "failure":
        _says_that_it_has_none(judge, run, met=happened or learned_the_end(run))
    if happened and run.case.end in {"either", "result" if run.client.succeeded else "failure"}:
        judge.checked(*{"CLI-6", "CLI-9"}.intersection(run.case.rules))


def _says_that_it_has_a_video(judge: CaseJudge, run: CaseRun) -> None:
    if run.client.succeeded:
        if run.case.about_downloads and not run.downloads:
            judge.hide(run.case.rules, "it downloads no result; it prints the URL")
        return
    why = obscured_by(run)
    if why is not None:
        judge.hide(run.case.rules, why)
        return
    title, rule = f"it has no video in the case: {run.case.about}", run.case.rules[0]
    if run.case.name == "success":
        rule = "CLI-4" if learned_the_end(run) else "CLI-3"
    judge.wrong(rule, title, *run.sent[-1:], expected="the video", actual=_how(run))


def _says_that_it_has_none(judge: CaseJudge, run: CaseRun, *, met: bool) -> None:
    why = obscured_by(run) or (None if met or run.case.endless else "it did not encounter the failure of the case")
    if run.client.succeeded and not _got_a_result(run):
        rule = "CLI-4" if "CLI-4" in run.case.rules else "CLI-5"
        title, expected = "it treats a failure as a result", "it reports that there is no video"
        judge.wrong(rule, title, *run.sent[-1:], expected=expected, actual=run.client.description)
    elif why is not None:
        judge.hide(run.case.rules, why)
    elif run.client.succeeded and run.case.about_downloads and not run.downloads:
        judge.hide(run.case.rules, "it downloads no result; it prints the URL")
    elif run.case.says is not None and run.case.says not in run.client.output:
        title, expected = "it does not report the failCode", show(run.case.says)
        actual = show(message_of(run.client.output))
        judge.wrong("CLI-5", title, *run.requests[-1:], expected=expected, actual=actual)
    else:
        judge.checked("CLI-5")


def _has_the_result(judge: CaseJudge, run: CaseRun) -> None:
    urls = result_urls(run)
    if not run.got_a_video or run.case.end == "failure" or not urls:
        return
    judge.checked("CLI-4")
    if _got_a_result(run):
        return
    if run.results == "url":
        title, expected = "it returns something other than the URL of the result", urls[0]
        judge.wrong("CLI-4", title, expected=expected, actual=f"it {run.client.description}")
    elif run.results == "either" and not run.downloads:
        title = "it reports a video, but has neither downloaded it nor printed its URL"
        judge.wrong("CLI-4", title, expected=f"a download, or {urls[0]} in its output", actual="neither")
    else:
        title, expected = "it reports a video, but has not downloaded it completely", "one complete download"
        actual = "; ".join(_download(each) for each in run.downloads) or "no download"
        judge.wrong("CLI-4", title, *run.downloads[-1:], expected=expected, actual=actual)


def _got_a_result(run: CaseRun) -> bool:
    """Tell whether a client has downloaded a result completely or, if it downloads none, printed its URL."""
    if run.results == "download" or (run.results == "either" and run.downloads):
        return any(is_whole(each) for each in run.downloads)
    returned_url = (run.client.url or "").partition("?")[0]
    return any(url == returned_url or url in run.client.output for url in result_urls(run))


def _download(download: Exchange) -> str:
    sent: Any = download.answer if isinstance(download.answer, dict) else {}
    return f"{download.status}, {sent.get('sent', 0)} of {sent.get('size', 0)} bytes"


_LOOKS: Final[tuple[Callable[[CaseJudge, CaseRun], None], ...]] = (
    _asks_for_a_video,
    asks_to_be_called,
    _has_its_key,
    _asks_rightly,
    _polls_as_advised,
    _stops_at_the_end,
    takes_no_for_an_answer,
    pays_once,
    waits_longer_each_time,
    _ends,
    _says_how_it_went,
    _has_the_result,
    receives,
    refuses_forgeries,
)
