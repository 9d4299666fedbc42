"""Check of the credit balance (BAL-1), if the server has the endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.api import BALANCE_PATH
from ltx_mock_contracts.conformance.harness.checks import Check, check
from ltx_mock_contracts.trace.recorder import describe_response

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext

__all__ = ["CHECKS"]


@check("BAL-1")
def balance(context: CheckContext) -> None:
    """A request for the balance."""
    exchange = context.tenant.send("GET", BALANCE_PATH, "balance")
    if exchange.status != 200:
        context.stop(f"the server does not return the balance: {describe_response(exchange)}")


CHECKS: Final[tuple[Check, ...]] = (balance,)
