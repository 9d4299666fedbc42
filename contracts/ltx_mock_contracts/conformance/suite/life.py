"""Checks of the life of a task: its states and their fields, its times, and its result (TASK)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.conformance.harness.checks import Check, Need, check
from ltx_mock_contracts.conformance.harness.context import codes_of
from ltx_mock_contracts.conformance.suite.bodies import needs_files, plain, varied, with_files
from ltx_mock_contracts.conformance.suite.callbacks import expect_callback, expect_no_more
from ltx_mock_contracts.conformance.suite.follow_task import follow, run_task
from ltx_mock_contracts.conformance.suite.results import fetch_again, fetch_result, judge_result, result_url, same_video
from ltx_mock_contracts.dialects import may_refuse_id
from ltx_mock_contracts.model import IMAGE_MODES, LORA_MODES, MODEL, MODES, RESOLUTIONS
from ltx_mock_contracts.request_fields import LARGEST_SEED, LONGEST_PROMPT, RULE_OF, RULES_OF_EVERY_REQUEST
from ltx_mock_contracts.trace.expected import judge_unchanged
from ltx_mock_contracts.trace.recorder import describe_response

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["CHECKS"]

DAY: Final = 24 * 3600
NOBODYS: Final = ("task_12345678", "task_abc123xyz789", "task_", "0", "../task", "é", "task_" + "0" * 200, "null")
TASK: Final = ("ENV-2", "GEN-17", "TASK-1", "TASK-2", "TASK-3", "TASK-4", "TASK-5", "TASK-8", "TASK-10")
ALWAYS: Final = ("ENV-1", *RULES_OF_EVERY_REQUEST)
_MARGIN: Final = 15


def generation_seconds(mode: str, resolution: str) -> float:
    """Return the approximate generation time in seconds."""
    return MODEL.generation_ms(mode, resolution).high / 1000 + _MARGIN


@check(
    *TASK,
    *("CB-1", "CB-4"),
    accepts=[*ALWAYS, "GEN-2", "GEN-3", "GEN-4", "GEN-13"],
    tasks=1,
    rank=0,
    seconds=generation_seconds(MODES[0], RESOLUTIONS[0]),
)
def whole_life(context: CheckContext) -> None:
    """Test as much as possible with one task: states, times, result, length, size, and the callback if possible."""
    body = varied(context, seed=54248617)
    if not (context.target.can_be_called and context.wants("CB-1", "CB-4", "GEN-2", "GEN-3", "GEN-4")):
        one_life(context, body)
        return
    inbox = context.inbox()
    calling = body | {"request_type": "callback", "callback_url": inbox.url}
    made = context.tenant.generate(calling)
    if not context.judge_response(made, "GEN-17"):
        one_life(context, body)
        return
    context.checked("GEN-2", "GEN-3", "GEN-4", "GEN-13")
    end = follow(context, str(made.data["taskId"]), calling)
    expect_callback(context, inbox, end)
    judge_result(context, end, body)
    fetch_again(context, end)
    expect_no_more(context, inbox)


def one_life(context: CheckContext, body: dict[str, Any]) -> None:
    """Follow a task from its creation to its result."""
    end = run_task(context, body)
    if "seed" in body["input"]:
        context.checked("GEN-13")
    judge_result(context, end, body)


@check("TASK-9", "GEN-17", tasks=2, rank=3, seconds=generation_seconds(MODES[0], RESOLUTIONS[0]))
def same_seed_same_result(context: CheckContext) -> None:
    """Two tasks of equal requests."""
    body = varied(context, seed=12345)
    context.tenant.clock.allow(context.target.options.first_poll)
    ids = [context.submit(body) for _ in range(2)]
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


def extremes(
    context: CheckContext, mode: str, inside: dict[str, Any], beside: dict[str, Any], *, unused_url: bool = False
) -> None:
    """Follow a task whose fields all have values at an edge. If it is refused, find the refused field."""
    inbox = None
    if unused_url and context.wants("CB-3", "GEN-3") and context.target.can_be_called:
        inbox = context.inbox()
        beside = beside | {"callback_url": inbox.url}
    body = plain(mode, **inside) | beside
    if needs_files(mode):
        body = with_files(context, body)
    made = context.tenant.generate(body)
    if not made.data.get("taskId"):
        find_refused_field(context, made, mode, inside, beside)
        context.judge_response(made, "GEN-17")
        context.stop(f"a valid request created no task: {describe_response(made)}")
    task_id = str(made.data["taskId"])
    context.checked(*(RULE_OF[name] for name in (*inside, *beside) if name in RULE_OF and name != "callback_url"))
    end = follow(context, task_id, body)
    judge_result(context, end, body)
    if inbox is not None:
        context.tenant.wait(1)
        context.tenant.read(inbox)
        context.checked("CB-3", "GEN-3")


def find_refused_field(
    context: CheckContext, refused: Exchange, mode: str, inside: dict[str, Any], beside: dict[str, Any]
) -> None:
    """Bisect the fields of a refused request, and report the field that is refused alone.

    Raises:
        CheckStoppedError: The field was found.
    """

    def ask(names: list[str]) -> Exchange:
        body = plain(mode, **{name: inside[name] for name in names if name in inside})
        body |= {name: beside[name] for name in names if name in beside}
        return context.tenant.generate(with_files(context, body) if needs_files(mode) else body)

    if not codes_of(refused) & {400, 422}:
        return
    names = [*inside, *beside]
    while len(names) > 1:
        half = len(names) // 2
        names = names[half:] if ask(names[:half]).data.get("taskId") else names[:half]
    alone = ask(names)
    if not alone.data.get("taskId"):
        context.ignore_request(refused)
        context.judge_response(alone, RULE_OF.get(names[0], "GEN-17"))
        context.stop(f"a request with {names[0]} at its limit is refused")


def life(context: CheckContext, mode: str, resolution: str) -> None:
    """Follow a task of each mode at each resolution."""
    body = varied(context, mode, resolution=resolution)
    one_life(context, with_files(context, body) if needs_files(mode) else body)


def picture(context: CheckContext, ratio: str | None) -> None:
    """Check the video of an aspect ratio."""
    body = varied(context, duration=6, **({} if ratio is None else {"aspect_ratio": ratio}))
    judge_result(context, run_task(context, body), body)


@check("GEN-17", tasks=3, rank=45)
def each_task_has_an_id_of_its_own(context: CheckContext) -> None:
    """Three tasks."""
    for _ in range(3):
        context.submit(varied(context))


@check(lasts=["TASK-10"], tasks=1, needs=["tenant"])
def result_works_for_fifteen_days(context: CheckContext) -> None:
    """Fetch a result after nearly fifteen days."""
    body = varied(context)
    end = run_task(context, body)
    judge_result(context, end, body)
    context.tenant.wait(DAY - 2 * 3600)
    judge_result(context, end, body)
    context.tenant.wait(14 * DAY)
    reply = context.tenant.fetch(result_url(end))
    if reply.status != 200:
        title, actual = "a result works for a day, but not for 15 days", f"{reply.status} after 14 days 22 hours"
        context.add_deviation("TASK-10", title, end, expected="200 and a video", actual=actual, binding=False)


@check("TASK-12", tasks=1, needs=["tenant"])
def asking_changes_nothing(context: CheckContext) -> None:
    """Poll three times at one moment."""
    task_id = context.submit(varied(context))
    for seconds in (0, 5, 20, 60):
        context.tenant.wait(seconds)
        looks = [context.tenant.status(task_id) for _ in range(3)]
        for look in looks[1:]:
            judge_unchanged(context.recorder, looks[0], look)


@check("TASK-11")
def no_task_id(context: CheckContext) -> None:
    """StatusTask without `taskId`."""
    context.judge_refusal(
        context.tenant.status(None), 400, "TASK-11", "statusTask without taskId is not refused with 400"
    )


def unknown_task(context: CheckContext, task_id: str) -> None:
    """An unknown id. The response to an id of a foreign format may also be 400."""
    title = "an unknown taskId does not get 404"
    also = {400, 422} if may_refuse_id(task_id) else ()
    context.judge_refusal(context.tenant.status(task_id), 404, "TASK-11", title, also=also)


@check("TASK-11", tasks=1, rank=46)
def nearly_a_task(context: CheckContext) -> None:
    """Ids that are similar to that of a task."""
    task_id = context.submit(varied(context))
    title = "an unknown taskId does not get 404"
    for near in (f"{task_id}0", task_id[:-1]):
        context.judge_refusal(context.tenant.status(near), 404, "TASK-11", title, also={400, 422})
    context.judge_refusal(context.tenant.status(f" {task_id}"), 404, "TASK-11", title, also={200, 400, 422})


def _lives() -> tuple[Check, ...]:
    order = [(size, mode) for size in RESOLUTIONS for mode in MODES]
    return tuple(
        Check(
            f"life {mode} {size}",
            TASK,
            partial(life, mode=mode, resolution=size),
            accepts=ALWAYS + _fields_of(mode),
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


_HIGHEST: Final[dict[str, Any]] = {
    "duration": MODEL.durations.high,
    "prompt": "é" * LONGEST_PROMPT,
    "seed": LARGEST_SEED,
    "aspect_ratio": MODEL.aspect_ratios[-1],
}
_LOWEST: Final[dict[str, Any]] = {
    "duration": MODEL.durations.low,
    "prompt": "x",
    "seed": 1,
    "resolution": RESOLUTIONS[1],
}
_OTHERS: Final[dict[str, Any]] = {"seed": -1, "aspect_ratio": MODEL.aspect_ratio, "resolution": RESOLUTIONS[-1]}


def _extremes() -> tuple[Check, ...]:
    edge = ("GEN-5", "GEN-8", "GEN-10", "GEN-13")
    return (
        Check(
            "all at the upper edge",
            (*TASK, "CB-3"),
            partial(
                extremes,
                mode=MODES[0],
                inside=_HIGHEST,
                beside={"request_type": "async", "provider": "official"},
                unused_url=True,
            ),
            accepts=(*ALWAYS, *edge, "GEN-2", "GEN-3", "GEN-11"),
            tasks=1,
            rank=2,
            seconds=generation_seconds(MODES[0], RESOLUTIONS[0]),
        ),
        Check(
            "all at the lower edge",
            TASK,
            partial(extremes, mode=IMAGE_MODES[0], inside=_LOWEST, beside={"provider": "value"}),
            accepts=(*ALWAYS, "GEN-5", "GEN-12"),
            tasks=1,
            rank=5,
            needs=("callbacks",),
            seconds=generation_seconds(IMAGE_MODES[0], _LOWEST["resolution"]),
        ),
        Check(
            "three LoRAs",
            TASK,
            partial(
                extremes,
                mode=LORA_MODES[0],
                inside=_OTHERS | {"loras": plain(LORA_MODES[0])["input"]["loras"] * 3},
                beside={"request_type": "async", "provider": "auto"},
            ),
            accepts=(*ALWAYS, "GEN-2", "GEN-5", "GEN-11", "GEN-14"),
            tasks=1,
            rank=7,
            needs=("callbacks",),
            seconds=generation_seconds(LORA_MODES[0], _OTHERS["resolution"]),
        ),
    )


CHECKS: Final[tuple[Check, ...]] = (
    whole_life,
    *_extremes(),
    same_seed_same_result,
    *_lives(),
    *(
        Check(
            f"picture {ratio}",
            ("TASK-10",),
            partial(picture, ratio=ratio),
            accepts=("GEN-10", "GEN-11"),
            tasks=1,
            rank=33,
            seconds=generation_seconds(MODES[0], RESOLUTIONS[0]),
        )
        for ratio in (None, *MODEL.aspect_ratios)
    ),
    each_task_has_an_id_of_its_own,
    result_works_for_fifteen_days,
    asking_changes_nothing,
    no_task_id,
    *(
        Check(f"unknown task {task_id[:24]}", ("TASK-11",), partial(unknown_task, task_id=task_id))
        for task_id in NOBODYS
    ),
    nearly_a_task,
)
