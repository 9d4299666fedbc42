"""Checks of values at an edge: one task for many fields (TASK, GEN)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.conformance.harness.checks import Check
from ltx_mock_contracts.conformance.harness.expectations import codes_of, judge_acceptance
from ltx_mock_contracts.conformance.suite.bodies import needs_files, plain, with_files
from ltx_mock_contracts.conformance.suite.follow_task import follow
from ltx_mock_contracts.conformance.suite.results import judge_result
from ltx_mock_contracts.conformance.suite.tasks import REQUEST_RULES, TASK_RULES, generation_seconds
from ltx_mock_contracts.model import IMAGE_MODES, LORA_MODES, MODEL, MODES, RESOLUTIONS
from ltx_mock_contracts.request_fields import LARGEST_SEED, LONGEST_PROMPT, RULE_OF
from ltx_mock_contracts.trace.recorder import describe_response

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["CHECKS"]

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


def values_at_edges(
    context: CheckContext,
    mode: str,
    input_fields: dict[str, Any],
    top_fields: dict[str, Any],
    *,
    unused_url: bool = False,
) -> None:
    """A task whose fields all have values at an edge. If it is refused, find the refused field."""
    inbox = None
    if unused_url and context.is_selected("CB-3", "GEN-3") and context.target.can_receive_callbacks:
        inbox = context.tenants.inbox()
        top_fields = top_fields | {"callback_url": inbox.url}
    body = plain(mode, **input_fields) | top_fields
    if needs_files(mode):
        body = with_files(context, body)
    exchange = context.tenant.generate(body)
    if not exchange.data.get("taskId"):
        find_refused_field(context, exchange, mode, input_fields, top_fields)
        judge_acceptance(context, exchange, "GEN-17")
        context.stop(f"a valid request created no task: {describe_response(exchange)}")
    task_id = str(exchange.data["taskId"])
    context.checked(
        *(RULE_OF[name] for name in (*input_fields, *top_fields) if name in RULE_OF and name != "callback_url")
    )
    end = follow(context, task_id, body)
    judge_result(context, end, body)
    if inbox is not None:
        context.tenant.wait(1)
        context.tenant.read_callbacks(inbox)
        context.checked("CB-3", "GEN-3")


def find_refused_field(
    context: CheckContext, refused: Exchange, mode: str, input_fields: dict[str, Any], top_fields: dict[str, Any]
) -> None:
    """Bisect the fields of a refused request, and report the one that is refused by itself.

    Raises:
        CheckStoppedError: The field was found.
    """

    def send(names: list[str]) -> Exchange:
        body = plain(mode, **{name: input_fields[name] for name in names if name in input_fields})
        body |= {name: top_fields[name] for name in names if name in top_fields}
        return context.tenant.generate(with_files(context, body) if needs_files(mode) else body)

    if not codes_of(refused) & {400, 422}:
        return
    names = [*input_fields, *top_fields]
    while len(names) > 1:
        half = len(names) // 2
        names = names[half:] if send(names[:half]).data.get("taskId") else names[:half]
    alone = send(names)
    if not alone.data.get("taskId"):
        context.ignore_request(refused)
        judge_acceptance(context, alone, RULE_OF.get(names[0], "GEN-17"))
        context.stop(f"a request with {names[0]} at its limit is refused")


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "highest values",
        (*TASK_RULES, "CB-3"),
        partial(
            values_at_edges,
            mode=MODES[0],
            input_fields=_HIGHEST,
            top_fields={"request_type": "async", "provider": "official"},
            unused_url=True,
        ),
        accepts=(*REQUEST_RULES, "GEN-5", "GEN-8", "GEN-10", "GEN-13", "GEN-2", "GEN-3", "GEN-11"),
        tasks=1,
        rank=2,
        seconds=generation_seconds(MODES[0], RESOLUTIONS[0]),
    ),
    Check(
        "lowest values",
        TASK_RULES,
        partial(values_at_edges, mode=IMAGE_MODES[0], input_fields=_LOWEST, top_fields={"provider": "value"}),
        accepts=(*REQUEST_RULES, "GEN-5", "GEN-12"),
        tasks=1,
        rank=5,
        needs=("callbacks",),
        seconds=generation_seconds(IMAGE_MODES[0], _LOWEST["resolution"]),
    ),
    Check(
        "three LoRAs",
        TASK_RULES,
        partial(
            values_at_edges,
            mode=LORA_MODES[0],
            input_fields=_OTHERS | {"loras": plain(LORA_MODES[0])["input"]["loras"] * 3},
            top_fields={"request_type": "async", "provider": "auto"},
        ),
        accepts=(*REQUEST_RULES, "GEN-2", "GEN-5", "GEN-11", "GEN-14"),
        tasks=1,
        rank=7,
        needs=("callbacks",),
        seconds=generation_seconds(LORA_MODES[0], _OTHERS["resolution"]),
    ),
)
