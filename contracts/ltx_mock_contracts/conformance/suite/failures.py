"""Checks of failures: tasks that must fail, each with its code (FAIL)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.conformance.harness.checks import Check, check
from ltx_mock_contracts.conformance.harness.expectations import codes_of, judge_acceptance
from ltx_mock_contracts.conformance.suite.bodies import varied, with_files
from ltx_mock_contracts.conformance.suite.follow_task import follow, run_task
from ltx_mock_contracts.model import IMAGE_MODES, LORA_MODES, MODEL
from ltx_mock_contracts.trace.expected import judge_failure, judge_refused_at_once
from ltx_mock_contracts.trace.recorder import describe_response
from ltx_mock_contracts.trace.requests import is_about_credits
from ltx_mock_contracts.validation.findings import show
from ltx_mock_fixtures import oversize_jpeg, read

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext

_PROMPT_CODE, _IMAGE_CODE, _LORA_CODE = (MODEL.fail_code_of(field) for field in ("prompt", "image_urls", "loras"))
FAILED = ("TASK-6", "TASK-7")
IMAGES = ("missing", "GIF", "not an image", "over 10 MB")


@check("FAIL-1", *FAILED, tasks=1, rank=4, needs=["violating prompt"], seconds=75)
def violating_prompt(context: CheckContext) -> None:
    """A prompt that violates the content rules."""
    expect_failure(context, "FAIL-1", _PROMPT_CODE, varied(context, prompt=context.target.violating_prompt))


def invalid_image(context: CheckContext, what: str) -> None:
    """An invalid reference image."""
    receiver = context.target.receiver
    url = {
        "missing": lambda: receiver.missing("reference.jpg"),
        "GIF": lambda: receiver.file("reference.gif", "image/gif", read("images/animation.gif")),
        "not an image": lambda: receiver.file("reference.jpg", "image/jpeg", read("images/not-an-image.jpg")),
        "over 10 MB": lambda: receiver.file("reference.jpg", "image/jpeg", oversize_jpeg()),
    }[what]()
    expect_failure(context, "FAIL-2", _IMAGE_CODE, varied(context, IMAGE_MODES[0], image_urls=[url]))


def valid_image(context: CheckContext, kind: str) -> None:
    """A valid reference image."""
    url = context.target.receiver.file(f"reference.{kind}", f"image/{kind}", read(f"images/reference.{kind}"))
    end = run_task(context, varied(context, IMAGE_MODES[0], image_urls=[url]))
    context.checked("FAIL-2")
    if end.data.get("failCode") == _IMAGE_CODE:
        title = f"a valid image of type {kind} is refused"
        context.add_deviation("FAIL-2", title, end, expected="success", actual=show(end.data))


@check(*FAILED, refuses=["FAIL-3"], tasks=1, rank=6, needs=["callbacks"], seconds=85)
def missing_lora(context: CheckContext) -> None:
    """A LoRA that cannot be downloaded."""
    url = context.target.receiver.missing("style.safetensors?download=true")
    body = varied(context, LORA_MODES[0], loras=[{"path": url, "scale": 1.0}])
    expect_failure(context, "FAIL-3", _LORA_CODE, body)


@check(accepts=["FAIL-3"], tasks=1, rank=12, needs=["callbacks"], seconds=85)
def valid_lora(context: CheckContext) -> None:
    """A LoRA that can be downloaded."""
    end = run_task(context, with_files(context, varied(context, LORA_MODES[0])))
    context.checked("FAIL-3")
    if end.data.get("failCode") == _LORA_CODE:
        context.add_deviation("FAIL-3", "a valid LoRA is refused", end, expected="success", actual=show(end.data))


def expect_failure(context: CheckContext, rule: str, code: str, body: dict[str, Any]) -> None:
    """Check that a task fails with a code. A server that refuses the request instead is observed."""
    context.tenant.clock.require_time(context.target.options.first_poll)
    exchange = context.tenant.generate(body)
    if codes_of(exchange) & {400, 422} and not exchange.data.get("taskId") and not is_about_credits(exchange):
        context.ignore_request(exchange)
        judge_refused_at_once(context.recorder, exchange, rule, code)
        return
    if not judge_acceptance(context, exchange, "GEN-17"):
        context.stop(f"a valid request created no task: {describe_response(exchange)}")
    judge_failure(context.recorder, follow(context, str(exchange.data["taskId"]), body), rule, code)


CHECKS: Final[tuple[Check, ...]] = (
    violating_prompt,
    *(
        Check(
            f"image {what}",
            FAILED,
            partial(invalid_image, what=what),
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
            f"valid image {kind}",
            (),
            partial(valid_image, kind=kind),
            accepts=("FAIL-2",),
            tasks=1,
            rank=(12, 40, 41)[number],
            needs=("callbacks",),
            seconds=75,
        )
        for number, kind in enumerate(("jpg", "png", "webp"))
    ),
    missing_lora,
    valid_lora,
)
