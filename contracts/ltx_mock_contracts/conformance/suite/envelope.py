"""Checks of the envelope: code, message and data (ENV). Responses of all checks are judged; these cover all kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.conformance.harness.checks import Check, check
from ltx_mock_contracts.conformance.suite.bodies import plain

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext

__all__ = ["CHECKS"]

ERRORS = ("ENV-3", "ENV-4")


@check(*ERRORS, refuses=["ENV-1"])
def errors_of_status_task(context: CheckContext) -> None:
    """Errors of statusTask."""
    for answer in (
        context.tenant.status("task_12345678", authorization=None),
        context.tenant.status("task_12345678"),
        context.tenant.status(None),
    ):
        context.ignore_request(answer)


@check(*ERRORS, refuses=["ENV-1"], risky=True, rank=18)
def errors_of_generate_task(context: CheckContext) -> None:
    """Errors of generateTask for different kinds of invalid bodies."""
    for body in (b"", b"{", {}, plain(duration=21)):
        answer = context.tenant.generate(body, free=True)
        context.ignore_request(answer)
        if answer.data.get("taskId") and context.bounded:
            context.stop("an invalid request was accepted, so there is no error")


CHECKS: Final[tuple[Check, ...]] = (errors_of_status_task, errors_of_generate_task)
