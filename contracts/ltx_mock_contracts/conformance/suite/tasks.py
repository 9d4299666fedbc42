"""Checks of tasks: states and their fields, times, and results (TASK)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.conformance.harness.checks import Check, Need, check
from ltx_mock_contracts.conformance.harness.expectations import judge_acceptance, submit
from ltx_mock_contracts.conformance.suite.bodies import needs_files, varied, with_files
from ltx_mock_contracts.conformance.suite.callbacks import expect_callback, expect_no_more
from ltx_mock_contracts.conformance.suite.follow_task import follow, run_task
from ltx_mock_contracts.conformance.suite.results import fetch_again, fetch_result, judge_result, result_url, same_video
from ltx_mock_contracts.model import IMAGE_MODES, LORA_MODES, MODEL, MODES, RESOLUTIONS
from ltx_mock_contracts.request_fields import RULES_OF_EVERY_REQUEST
from ltx_mock_contracts.trace.expected import judge_unchanged

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext

__all__ = ["CHECKS"]

DAY: Final = 24 * 3600
TASK_RULES: Final = ("ENV-2", "GEN-17", "TASK-1", "TASK-2", "TASK-3", "TASK-4", "TASK-5", "TASK-8", "TASK-10")
REQUEST_RULES: Final = ("ENV-1", *RULES_OF_EVERY_REQUEST)
_MARGIN: Final = 15


def generation_seconds(mode: str, resolution: str) -> float:
    """Return the approximate generation time in seconds."""
    return MODEL.generation_ms(mode, resolution).high / 1000 + _MARGIN


@check(
    *TASK_RULES,
    *("CB-1", "CB-4"),
    accepts=[*REQUEST_RULES, "GEN-2", "GEN-3", "GEN-4", "GEN-13"],
    tasks=1,
    rank=0,
    seconds=generation_seconds(MODES[0], RESOLUTIONS[0]),
)
def complete_task(context: CheckContext) -> None:
    """One task that shows as much as possible: states, times, result, length, size, and the callback if possible."""
    body = varied(context, seed=54248617)
    if not (context.target.can_receive_callbacks and context.is_selected("CB-1", "CB-4", "GEN-2", "GEN-3", "GEN-4")):
        follow_to_result(context, body)
        return
    inbox = context.tenants.inbox()
    with_callback = body | {"request_type": "callback", "callback_url": inbox.url}
    made = context.tenant.generate(with_callback)
    if not judge_acceptance(context, made, "GEN-17"):
        follow_to_result(context, body)
        return
    context.checked("GEN-2", "GEN-3", "GEN-4", "GEN-13")
    end = follow(context, str(made.data["taskId"]), with_callback)
    expect_callback(context, inbox, end)
    judge_result(context, end, body)
    fetch_again(context, end)
    expect_no_more(context, inbox)


def follow_to_result(context: CheckContext, body: dict[str, Any]) -> None:
    """Submit a request, poll its task to the end, and judge its result."""
    end = run_task(context, body)
    if "seed" in body["input"]:
        context.checked("GEN-13")
    judge_result(context, end, body)


@check("TASK-9", "GEN-17", tasks=2, rank=3, seconds=generation_seconds(MODES[0], RESOLUTIONS[0]))
def same_seed_same_result(context: CheckContext) -> None:
    """Two tasks of equal requests."""
    body = varied(context, seed=12345)
    context.tenant.clock.require_time(context.target.options.first_poll)
    ids = [submit(context, body) for _ in range(2)]
    ends = [follow(context, task_id, body) for task_id in ids]
    urls = [result_url(end) for end in ends]
    if urls[0] != urls[1]:
        first, second = (fetch_result(context, end, url) for end, url in zip(ends, urls, strict=True))
        if not same_video(first.body, second.body):
            title = "the same seed, prompt and parameters give another result"
            context.add_deviation(
                "TASK-9", title, *ends, expected=f"as at {urls[0]}", actual=f"another video at {urls[1]}"
            )
    context.checked("TASK-9")


def task_of_mode(context: CheckContext, mode: str, resolution: str) -> None:
    """A task of a mode at a resolution."""
    body = varied(context, mode, resolution=resolution)
    follow_to_result(context, with_files(context, body) if needs_files(mode) else body)


def video_of_ratio(context: CheckContext, ratio: str | None) -> None:
    """A task with an aspect ratio, or without one."""
    body = varied(context, duration=6, **({} if ratio is None else {"aspect_ratio": ratio}))
    judge_result(context, run_task(context, body), body)


@check("GEN-17", tasks=3, rank=45)
def task_ids_are_unique(context: CheckContext) -> None:
    """Three tasks."""
    for _ in range(3):
        submit(context, varied(context))


@check(lasts=["TASK-10"], tasks=1, needs=["tenant"])
def result_works_for_fifteen_days(context: CheckContext) -> None:
    """Downloads of a result after nearly one and nearly fifteen days."""
    body = varied(context)
    end = run_task(context, body)
    judge_result(context, end, body)
    context.tenant.wait(DAY - 2 * 3600)
    judge_result(context, end, body)
    context.tenant.wait(14 * DAY)
    reply = context.tenant.download(result_url(end))
    if reply.status != 200:
        title, actual = "a result works for a day, but not for 15 days", f"{reply.status} after 14 days 22 hours"
        context.add_deviation("TASK-10", title, end, expected="200 and a video", actual=actual, binding=False)


@check("TASK-12", tasks=1, needs=["tenant"])
def polling_changes_nothing(context: CheckContext) -> None:
    """Three polls at the same time."""
    task_id = submit(context, varied(context))
    for seconds in (0, 5, 20, 60):
        context.tenant.wait(seconds)
        polls = [context.tenant.status(task_id) for _ in range(3)]
        for poll in polls[1:]:
            judge_unchanged(context.recorder, polls[0], poll)


def _tasks_of_modes() -> tuple[Check, ...]:
    order = [(size, mode) for size in RESOLUTIONS for mode in MODES]
    return tuple(
        Check(
            f"task {mode} {size}",
            TASK_RULES,
            partial(task_of_mode, mode=mode, resolution=size),
            accepts=REQUEST_RULES + _fields_of(mode),
            tasks=1,
            rank=20 + number,
            needs=_needs(mode),
            seconds=generation_seconds(mode, size),
        )
        for number, (size, mode) in enumerate(order)
    )


def _needs(mode: str) -> tuple[Need, ...]:
    return ("callbacks",) if needs_files(mode) else ()


def _fields_of(mode: str) -> tuple[str, ...]:
    return ("GEN-12",) * (mode in IMAGE_MODES) + ("GEN-14",) * (mode in LORA_MODES)


CHECKS: Final[tuple[Check, ...]] = (
    complete_task,
    same_seed_same_result,
    *_tasks_of_modes(),
    *(
        Check(
            f"aspect ratio {ratio or 'by default'}",
            ("TASK-10",),
            partial(video_of_ratio, ratio=ratio),
            accepts=("GEN-10", "GEN-11"),
            tasks=1,
            rank=33,
            seconds=generation_seconds(MODES[0], RESOLUTIONS[0]),
        )
        for ratio in (None, *MODEL.aspect_ratios)
    ),
    task_ids_are_unique,
    result_works_for_fifteen_days,
    polling_changes_nothing,
)
