"""What every answer is: code, message and data (ENV). Each answer of each check is looked at; these have all kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.conformance.bodies import plain
from ltx_mock_contracts.conformance.checks import check
from ltx_mock_contracts.conformance.following import lived

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.exam import Exam

ERRORS = ("ENV-1", "ENV-3", "ENV-4")
SUCCESSES = ("ENV-1", "ENV-2", "ENV-4")


@check(*ERRORS)
def test_errors(exam: Exam) -> None:
    for answer in (
        exam.world.status("task_12345678", authorization=None),
        exam.world.status("task_12345678"),
        exam.world.status(None),
        exam.world.generate(b"", free=True),
        exam.world.generate(b"{", free=True),
        exam.world.generate({}, free=True),
        exam.world.generate(plain(duration=21), free=True),
    ):
        exam.aside_from_the_request(answer)


@check(*SUCCESSES, tasks=1, rank=4)
def test_successes(exam: Exam) -> None:
    lived(exam, plain())
