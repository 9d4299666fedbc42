"""Checks of failures: tasks that must fail, each with its code (FAIL)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.conformance.harness.checks import Check, check
from ltx_mock_contracts.conformance.harness.context import codes_of
from ltx_mock_contracts.conformance.suite.bodies import varied, with_files
from ltx_mock_contracts.conformance.suite.follow_task import follow, run_task
from ltx_mock_contracts.model import IMAGE_MODES, LORA_MODES, MODEL
from ltx_mock_contracts.trace.expected import judge_failure, judge_refused_at_once
from ltx_mock_contracts.trace.recorder import describe_response
from ltx_mock_contracts.trace.requests import tells_of_credits
from ltx_mock_contracts.validation.findings import show
from ltx_mock_fixtures import oversize_jpeg, read

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext

_PROMPT, _IMAGE, _LORA = (MODEL.fail_code_of(field) for field in ("prompt", "image_urls", "loras"))
FAILED = ("TASK-6", "TASK-7")
IMAGES = ("missing", "GIF", "no image", "over 10 MB")


@check("FAIL-1", *FAILED, tasks=1, rank=4, needs=["violating prompt"], seconds=75)
def violating_prompt(context: CheckContext) -> None:
    """A prompt that violates the content rules."""
    expect_failure(context, "FAIL-1", _PROMPT, varied(context, prompt=context.target.violating_prompt))


def image(context: CheckContext, what: str) -> None:
    """An invalid reference image."""
    receiver = context.target.receiver
    url = {
        "missing": lambda: receiver.missing("reference.jpg"),
        "GIF": lambda: receiver.file("reference.gif", "image/gif", read("images/animation.gif")),
        "no image": lambda: receiver.file("reference.jpg", "image/jpeg", read("images/not-an-image.jpg")),
        "over 10 MB": lambda: receiver.file("reference.jpg", "image/jpeg", oversize_jpeg()),
    }[what]()
    expect_failure(context, "FAIL-2", _IMAGE, varied(context, IMAGE_MODES[0], image_urls=[url]))


def good_image(context: CheckContext, kind: str) -> None:
    """A valid reference image."""
    url = context.target.receiver.file(f"reference.{kind}", f"image/{kind}", read(f"images/reference.{kind}"))
    end = run_task(context, varied(context, IMAGE_MODES[0], image_urls=[url]))
    context.checked("FAIL-2")
    if end.data.get("failCode") == _IMAGE:
        title = f"a valid image of type {kind} is refused"
        context.add_deviation("FAIL-2", title, end, expected="success", actual=show(end.data))


@check(*FAILED, refuses=["FAIL-3"], tasks=1, rank=6, needs=["callbacks"], seconds=85)
def missing_lora(context: CheckContext) -> None:
    """A LoRA that cannot be downloaded."""
    url = context.target.receiver.missing("style.safetensors?download=true")
    body = varied(context, LORA_MODES[0], loras=[{"path": url, "scale": 1.0}])
    expect_failure(context, "FAIL-3", _LORA, body)


@check(accepts=["FAIL-3"], tasks=1, rank=12, needs=["callbacks"], seconds=85)
def good_lora(context: CheckContext) -> None:
    """A LoRA that can be downloaded."""
    end = run_task(context, with_files(context, varied(context, LORA_MODES[0])))
    context.checked("FAIL-3")
    if end.data.get("failCode") == _LORA:
        context.add_deviation("FAIL-3", "a valid LoRA is refused", end, expected="success", actual=show(end.data))


def expect_failure(context: CheckContext, rule: str, code: str, body: dict[str, Any]) -> None:
    """Check that a task fails with a code. A server that refuses the request instead is observed."""
    context.tenant.clock.allow(context.target.options.first_poll)
    made = context.tenant.generate(body)
    if codes_of(made) & {400, 422} and not made.data.get("taskId") and not tells_of_credits(made):
        context.ignore_request(made)
        judge_refused_at_once(context.recorder, made, rule, code)
        return
    if not context.judge_response(made, "GEN-17"):
        context.stop(f"a valid request created no task: {describe_response(made)}")
    judge_failure(context.recorder, follow(context, str(made.data["taskId"]), body), rule, code)


CHECKS: Final[tuple[Check, ...]] = (
    violating_prompt,
    *(
        Check(
            f"image {what}",
            FAILED,
            partial(image, what=what),
            refuses=("FAIL-2",),
            tasks=1,
            rank=(6, 14, 15, 16)[number],
            needs=("callbacks",),
            seconds=75,
        )
        for number, what in enumerate(IMAGES)
    ),
    *(
        Check(
            f"good image {kind}",
            (),
            partial(good_image, kind=kind),
            accepts=("FAIL-2",),
            tasks=1,
            rank=(12, 40, 41)[number],
            needs=("callbacks",),
            seconds=75,
        )
        for number, kind in enumerate(("jpg", "png", "webp"))
    ),
    missing_lora,
    good_lora,
)
