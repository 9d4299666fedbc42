"""Callbacks: that they come, what they say, and that they come again when they were refused (CB)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ltx_mock_contracts.conformance.bodies import plain
from ltx_mock_contracts.conformance.checks import check
from ltx_mock_contracts.conformance.following import lived
from ltx_mock_contracts.request import GenerateRequest

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.exam import Exam
    from ltx_mock_contracts.conformance.receiver import Inbox
    from ltx_mock_contracts.trace.exchange import Exchange

DAY: Final = 24 * 3600
COME_SECONDS: Final = 40
UNTIL_THE_NEXT: Final = ((1,) * 25 + (5,) * 12, (28.9, *(0.3,) * 10, *(10,) * 30), (30.9, *(10,) * 60))
"""Steps of time in which the first, the second, and each later attempt is awaited: small where it matters, which is
whether the first retry comes sooner than after 30 s, and another no later than the first."""


@check("CB-1", "CB-2", "CB-4", tasks=1, rank=3, needs=["callbacks"])
def test_success_calls_back(exam: Exam) -> None:
    calls_back(exam, plain())


@check("CB-1", "CB-4", tasks=1, rank=6, needs=["callbacks", "violating prompt"])
def test_failure_calls_back(exam: Exam) -> None:
    calls_back(exam, plain(prompt=exam.target.violating_prompt))


@check("CB-3", tasks=1, rank=6, needs=["callbacks"])
def test_async_calls_nobody(exam: Exam) -> None:
    inbox = exam.target.receiver.inbox()
    body = plain() | {"request_type": "async", "callback_url": inbox.url}
    lived(exam, body)
    exam.world.wait(1)
    exam.world.read(inbox)
    exam.saw("CB-3")


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param((500, 200), marks=check("CB-2", tasks=1, rank=8, needs=["callbacks"])),
        pytest.param((404, 503, 200), marks=check("CB-2", tasks=1, needs=["callbacks", "world"])),
        pytest.param((204, 202, 201, 200), marks=check("CB-2", tasks=1, needs=["callbacks", "world"])),
        pytest.param((500, 500, 500, 500), marks=check("CB-2", tasks=1, needs=["callbacks", "world"])),
    ],
    ids=str,
)
def test_comes_again(exam: Exam, answers: tuple[int, ...]) -> None:
    inbox = exam.target.receiver.inbox(*answers)
    body = plain() | {"request_type": "callback", "callback_url": inbox.url}
    exam.submit(body)
    shortest, _ = GenerateRequest.from_body(body).generation_ms
    exam.world.wait(shortest / 1000 - 1)
    came: list[Exchange] = []
    for _ in answers:
        for wait in UNTIL_THE_NEXT[min(len(came), 2)]:
            exam.world.wait(wait)
            new = well_formed(exam, inbox)
            came += new
            if new:
                break
    afterwards(exam, inbox)
    exam.saw("CB-2")
    if came and len(came) < len(answers):
        title = "a callback that was refused does not come again often enough"
        expected, actual, binding = f"{len(answers)} attempts", str(len(came)), len(came) < 2
        exam.depart("CB-2", title, came[-1], expected=expected, actual=actual, binding=binding)


def calls_back(exam: Exam, body: dict[str, Any]) -> None:
    """See that the end of a task is told once, and that polls agree."""
    inbox = exam.target.receiver.inbox()
    body = body | {"request_type": "callback", "callback_url": inbox.url}
    end = lived(exam, body)
    came = well_formed(exam, inbox)
    if not came:
        exam.world.wait(COME_SECONDS)
        came = well_formed(exam, inbox)
    exam.saw("CB-1")
    if not came:
        title, expected = "a callback task ended and did not call back", "its final status, POSTed to callback_url"
        exam.depart("CB-1", title, end, expected=expected, actual="nothing")
    afterwards(exam, inbox)


def afterwards(exam: Exam, inbox: Inbox) -> None:
    """See that nothing more comes, where nobody has to wait for that."""
    if exam.target.control is not None:
        exam.world.wait(DAY)
        well_formed(exam, inbox)


def well_formed(exam: Exam, inbox: Inbox) -> list[Exchange]:
    """Read the callbacks that are new, and see that they are POSTs of JSON."""
    new = exam.world.read(inbox)
    for call in new:
        if call.method != "POST":
            exam.depart("CB-1", "a callback is no POST", call, expected="POST", actual=call.method)
        content_type = (call.headers or {})["content-type"]
        if not content_type.partition(";")[0].strip().endswith("json"):
            title, actual = "a callback is no JSON by its type", content_type or "none"
            exam.depart("CB-1", title, call, expected="application/json", actual=actual)
    return new
