"""The credits that are left (BAL-1), where a server tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.conformance.checks import check
from ltx_mock_contracts.conformance.target import CheckStoppedError
from ltx_mock_contracts.trace.notes import told

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.exam import Exam


@check("BAL-1")
def test_balance(exam: Exam) -> None:
    exchange = exam.world.ask("GET", "/apikeys/current-balance", "balance")
    if exchange.status != 200:
        raise CheckStoppedError(f"the server does not tell the balance: {told(exchange)}")
