"""Checks of paths, methods and body sizes outside the endpoints (ENV-5)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.conformance.harness.checks import Check, check
from ltx_mock_contracts.conformance.harness.context import codes_of
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.trace.recorder import describe_response

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext
    from ltx_mock_contracts.trace.exchange import Operation

__all__ = ["CHECKS"]

LARGE = b'{"input": {"prompt": "' + b"x" * (2 * 1024 * 1024) + b'"}}'


def unknown(context: CheckContext, method: str, path: str) -> None:
    """An unknown path or model."""
    exchange = context.tenant.ask(method, path, content=b"{}" if method == "POST" else None)
    context.checked("ENV-5")
    if (exchange.status or 0) < 400:
        title = "an unknown path does not get an error"
        context.add_deviation("ENV-5", title, exchange, expected="404", actual=describe_response(exchange))


def wrong_method(context: CheckContext, method: str, operation: Operation) -> None:
    """A method that an endpoint does not have."""
    context.tenant.ask(method, f"/{operation}/{MODEL.id}", operation)


@check("ENV-5", needs=["tenant"])
def large_body(context: CheckContext) -> None:
    """A body of two megabytes."""
    exchange = context.tenant.generate(LARGE, free=True)
    context.ignore_request(exchange)
    context.checked("ENV-5")
    if 413 not in codes_of(exchange):
        title = "a body that is too large does not get 413"
        context.add_deviation("ENV-5", title, exchange, expected="413", actual=describe_response(exchange))


def _made() -> tuple[Check, ...]:
    return (
        Check("unknown path", ("ENV-5",), partial(unknown, method="GET", path="/nothing-here")),
        Check(
            "unknown model of statusTask",
            ("ENV-5",),
            partial(unknown, method="GET", path="/statusTask/no-such-model?taskId=task_12345678"),
        ),
        Check(
            "unknown model of generateTask",
            ("ENV-5",),
            partial(unknown, method="POST", path="/generateTask/no-such-model"),
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
    )


CHECKS: Final[tuple[Check, ...]] = (*_made(), large_body)
