"""Judge a recording by all rules that need no new request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.request_fields import RULES_OF_EVERY_REQUEST, RULES_OF_FIELDS
from ltx_mock_contracts.rules import RULES
from ltx_mock_contracts.trace.callbacks import judge_callbacks
from ltx_mock_contracts.trace.exchange import Exchange, Trace
from ltx_mock_contracts.trace.histories import group_by_task
from ltx_mock_contracts.trace.missing import describe_gaps
from ltx_mock_contracts.trace.recorder import Recorder
from ltx_mock_contracts.trace.requests import judge_request
from ltx_mock_contracts.trace.responses import judge_response
from ltx_mock_contracts.trace.tasks import judge_task
from ltx_mock_contracts.verdicts import BINDING, Report, VerdictCollector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ltx_mock_contracts.rules import Source

__all__ = ["check_trace", "judge_all"]

Progress = Callable[[int, int], None]
"""Takes how many exchanges are judged, and of how many."""

_RULES: Final = tuple(rule.id for rule in RULES.values() if rule.group != "CLI")

_NOT_CHECKED: Final = {
    **{rule: f"no request had {name}" for name, rules in RULES_OF_FIELDS.items() for rule in rules},
    "AUTH-1": "a recording does not show keys",
    "AUTH-2": "a recording does not show keys",
    "AUTH-3": "a recording does not show keys",
    "AUTH-4": "no task was polled with another key",
    "ENV-3": "there is no error in the recording",
    "ENV-5": "there is no request to another path",
    **dict.fromkeys(RULES_OF_EVERY_REQUEST, "there is no generateTask with its body in the recording"),
    "GEN-15": "no task was refused for lack of credits",
    "GEN-16": "no request has an advisory",
    "GEN-18": "only new requests can show the effects of a refused request",
    "TASK-1": "there is no status of a task in the recording",
    "TASK-8": "no task is in the recording with its request and its end",
    "TASK-9": "a recording has the URLs of results, not the results",
    "TASK-10": "a recording does not show how long results last",
    "TASK-11": "there is no statusTask without taskId, and no poll of a task that was created in the recording",
    "TASK-12": "only new requests can read a status twice at the same time",
    "FAIL-1": "a recording does not show which prompts break the content rules",
    "FAIL-2": "a recording does not show images",
    "FAIL-3": "a recording does not show LoRAs",
    "BAL-1": "there is no request for the balance",
    "CB-1": "there is no callback in the recording",
    "CB-2": "there is no retry of a callback in the recording",
    "CB-3": "there is no finished async task with a callback_url in the recording",
    "CB-4": "there is no callback of a task that was polled to its end in the recording",
    "LIM-1": "a recording does not show the limit",
    "LIM-2": "a recording does not show the limit",
    "LIM-3": "there is no 429 with its headers in the recording",
}
"""Why a rule was not checked, if no exchange shows it."""


def check_trace(
    exchanges: Iterable[Exchange],
    *,
    sources: Sequence[Source] = BINDING,
    progress: Progress = lambda _done, _all: None,
) -> Report:
    """Judge exchanges by the rules that can be judged without new requests.

    A response that breaks a rule by itself is reported and then not compared with others. Times of an observer's clock
    are not compared with those of the server.

    Args:
        exchanges: The recording, in any order.
        sources: The rules of these sources have to be kept. Deviations from others are observed.
        progress: Is called with the number of exchanges that are judged, and of all.

    Returns:
        A verdict for each rule that is about a server.
    """
    recording = exchanges if isinstance(exchanges, Trace) else Trace((), counted_in="exchange")
    trace = [each if each.number else replace(each, number=number) for number, each in enumerate(exchanges, 1)]
    collector = VerdictCollector()
    judge_all(trace, collector, progress)
    verdicts = collector.verdicts(_RULES, sources, _NOT_CHECKED)
    return Report(
        verdicts=verdicts,
        sources=tuple(sources),
        exchanges=len(trace),
        counted_in=recording.counted_in,
        skipped=len(recording.skipped),
        notes=tuple(describe_gaps(trace, recording)),
    )


def judge_all(
    trace: Sequence[Exchange], collector: VerdictCollector, progress: Progress = lambda _done, _all: None
) -> None:
    """Judge exchanges as `check_trace` does, and add the results to a collector."""
    recorder = Recorder(collector)
    valid, count = [], len(trace)
    for number, each in enumerate(trace, 1):
        if judge_response(recorder, each):
            valid.append(each)
        progress(number // 2, count)
    for number, each in enumerate(trace, 1):
        judge_request(recorder, each)
        progress((count + number) // 2, count)
    received = any(each.operation == "callback" for each in trace)
    for history in group_by_task(recorder, valid).values():
        judge_task(recorder, history)
        judge_callbacks(recorder, history, received=received)
