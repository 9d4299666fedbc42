"""Checks of unknown paths, wrong methods and bodies that are too large (ENV-5)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.api import UNKNOWN_TASK_ID
from ltx_mock_contracts.conformance.harness.checks import Check, check
from ltx_mock_contracts.conformance.harness.expectations import codes_of
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.trace.recorder import describe_response

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext
    from ltx_mock_contracts.trace.exchange import Operation

__all__ = ["CHECKS"]

LARGE_BODY: Final = b'{"input": {"prompt": "' + b"x" * (2 * 1024 * 1024) + b'"}}'


def unknown_path(context: CheckContext, method: str, path: str) -> None:
    """An unknown path or model."""
    exchange = context.tenant.send(method, path, content=b"{}" if method == "POST" else None)
    context.checked("ENV-5")
    if (exchange.status or 0) < 400:
        title = "an unknown path does not get an error"
        context.add_deviation("ENV-5", title, exchange, expected="404", actual=describe_response(exchange))


def wrong_method(context: CheckContext, method: str, operation: Operation) -> None:
    """A method that an endpoint does not have."""
    context.tenant.send(method, f"/{operation}/{MODEL.id}", operation)


@check("ENV-5", needs=["tenant"])
def large_body(context: CheckContext) -> None:
    """A body of two megabytes."""
    exchange = context.tenant.generate(LARGE_BODY, free=True)
    context.ignore_request(exchange)
    context.checked("ENV-5")
    if 413 not in codes_of(exchange):
        title = "a body that is too large does not get 413"
        context.add_deviation("ENV-5", title, exchange, expected="413", actual=describe_response(exchange))


CHECKS: Final[tuple[Check, ...]] = (
    Check("unknown path", ("ENV-5",), partial(unknown_path, method="GET", path="/nothing-here")),
    Check(
        "unknown model of statusTask",
        ("ENV-5",),
        partial(unknown_path, method="GET", path=f"/statusTask/no-such-model?taskId={UNKNOWN_TASK_ID}"),
    ),
    Check(
        "unknown model of generateTask",
        ("ENV-5",),
        partial(unknown_path, method="POST", path="/generateTask/no-such-model"),
        risky=True,
        rank=30,
    ),
    Check(
        "wrong method of generateTask",
        ("ENV-5",),
        partial(wrong_method, method="PUT", operation="generateTask"),
        risky=True,
        rank=30,
    ),
    Check(
        "wrong method of statusTask",
        ("ENV-5",),
        partial(wrong_method, method="DELETE", operation="statusTask"),
        risky=True,
        rank=30,
    ),
    large_body,
)
