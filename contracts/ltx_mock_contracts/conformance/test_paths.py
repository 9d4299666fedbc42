"""What is no endpoint (ENV-5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ltx_mock_contracts.conformance.checks import check
from ltx_mock_contracts.conformance.exam import codes_of
from ltx_mock_contracts.trace.notes import told

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.exam import Exam
    from ltx_mock_contracts.trace.exchange import Operation

LARGE = b'{"input": {"prompt": "' + b"x" * (2 * 1024 * 1024) + b'"}}'


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing-here"),
        ("GET", "/statusTask/no-such-model?taskId=task_12345678"),
        ("POST", "/generateTask/no-such-model"),
    ],
    ids=["path", "model of statusTask", "model of generateTask"],
)
@check("ENV-5")
def test_unknown(exam: Exam, method: str, path: str) -> None:
    exchange = exam.world.ask(method, path, content=b"{}" if method == "POST" else None)
    exam.saw("ENV-5")
    if (exchange.status or 0) < 400:
        title = "what is no endpoint is not answered with an error"
        exam.depart("ENV-5", title, exchange, expected="404", actual=told(exchange))


@pytest.mark.parametrize(("method", "operation"), [("PUT", "generateTask"), ("DELETE", "statusTask")])
@check("ENV-5")
def test_wrong_method(exam: Exam, method: str, operation: Operation) -> None:
    exam.world.ask(method, f"/{operation}/ltx-2-19b", operation)


@check("ENV-5", needs=["world"])
def test_large_body(exam: Exam) -> None:
    exchange = exam.world.generate(LARGE, free=True)
    exam.aside_from_the_request(exchange)
    exam.saw("ENV-5")
    if 413 not in codes_of(exchange):
        title = "a body that is too large is not answered with 413"
        exam.depart("ENV-5", title, exchange, expected="413", actual=told(exchange))
