"""Checks of the envelope: code, message and data (ENV). The responses of every check are judged; these get errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.api import UNKNOWN_TASK_ID
from ltx_mock_contracts.conformance.harness.checks import Check, check
from ltx_mock_contracts.conformance.suite.bodies import plain

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext

__all__ = ["CHECKS"]

ERRORS = ("ENV-3", "ENV-4")


@check(*ERRORS, refuses=["ENV-1"])
def errors_of_status_task(context: CheckContext) -> None:
    """Errors of statusTask."""
    for exchange in (
        context.tenant.status(UNKNOWN_TASK_ID, authorization=None),
        context.tenant.status(UNKNOWN_TASK_ID),
        context.tenant.status(None),
    ):
        context.ignore_request(exchange)


@check(*ERRORS, refuses=["ENV-1"], risky=True, rank=18)
def errors_of_generate_task(context: CheckContext) -> None:
    """Errors of generateTask for different kinds of invalid bodies."""
    for body in (b"", b"{", {}, plain(duration=21)):
        exchange = context.tenant.generate(body, free=True)
        context.ignore_request(exchange)
        if exchange.data.get("taskId") and context.bounded:
            context.stop("an invalid request was accepted, so there is no error")


CHECKS: Final[tuple[Check, ...]] = (errors_of_status_task, errors_of_generate_task)
