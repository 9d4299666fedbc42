"""What every answer is: code, message and data (ENV). Each answer of each check is looked at; these have all kinds."""

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
    """Errors that no server can mistake for a task."""
    for answer in (
        context.world.status("task_12345678", authorization=None),
        context.world.status("task_12345678"),
        context.world.status(None),
    ):
        context.aside_from_the_request(answer)


@check(*ERRORS, refuses=["ENV-1"], risky=True, rank=11)
def errors_of_generate_task(context: CheckContext) -> None:
    """Errors for bodies that are wrong in different ways."""
    for answer in (
        context.world.generate(b"", free=True),
        context.world.generate(b"{", free=True),
        context.world.generate({}, free=True),
        context.world.generate(plain(duration=21), free=True),
    ):
        context.aside_from_the_request(answer)


CHECKS: Final[tuple[Check, ...]] = (errors_of_status_task, errors_of_generate_task)
