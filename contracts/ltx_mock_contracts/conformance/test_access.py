"""Who may ask: the header and the key (AUTH)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from ltx_mock_contracts.conformance.bodies import plain
from ltx_mock_contracts.conformance.checks import check
from ltx_mock_contracts.conformance.exam import codes_of
from ltx_mock_contracts.conformance.target import CheckStoppedError
from ltx_mock_contracts.trace.notes import told

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.exam import Exam

NOBODYS: Final = "task_12345678"
MALFORMED: Final = {
    "another scheme": "Basic {key}",
    "a scheme of its own": "Token {key}",
    "no scheme": "{key}",
    "no space after the scheme": "Bearer{key}",
    "only the scheme": "Bearer",
    "an empty header": "",
}
"""The key in these is a good one."""


@check("AUTH-1")
def test_no_header(exam: Exam) -> None:
    title = "a request without Authorization is not refused with 401"
    exam.refused(exam.world.status(NOBODYS, authorization=None), 401, "AUTH-1", title)
    exam.refused(exam.world.generate(plain(), free=True, authorization=None), 401, "AUTH-1", title)


@pytest.mark.parametrize("what", MALFORMED)
@check("AUTH-2")
def test_malformed_header(exam: Exam, what: str) -> None:
    title = f"{what} in Authorization is not refused with 401"
    header = MALFORMED[what].format(key=exam.world.key)
    exam.refused(exam.world.status(NOBODYS, authorization=header), 401, "AUTH-2", title)
    exam.refused(exam.world.generate(plain(), free=True, authorization=header), 401, "AUTH-2", title)


@check("AUTH-2")
def test_unknown_key(exam: Exam) -> None:
    control = exam.target.control
    if control is not None and control.takes_any_key():
        raise CheckStoppedError("this ltx-mock was started without --api-key and takes any key")
    title, header = "a key that nobody has is not refused with 401", "Bearer a-key-that-nobody-has"
    exam.refused(exam.world.status(NOBODYS, authorization=header), 401, "AUTH-2", title)
    exam.refused(exam.world.generate(plain(), free=True, authorization=header), 401, "AUTH-2", title)


@check("AUTH-3")
def test_access_comes_first(exam: Exam) -> None:
    for what, exchange in (
        ("a body that is no JSON", exam.world.generate(b"{", free=True, authorization=None)),
        ("a body without input", exam.world.generate({}, free=True, authorization=None)),
        ("no taskId", exam.world.status(None, authorization=None)),
    ):
        exam.aside_from_the_request(exchange)
        exam.saw("AUTH-3")
        if 401 not in codes_of(exchange):
            title = f"{what} is looked at before the key"
            exam.depart("AUTH-3", title, exchange, expected="401", actual=told(exchange))


@check("AUTH-4", "GEN-17", tasks=2, rank=6)
def test_keys_are_apart(exam: Exam) -> None:
    other = exam.another()
    task_id = exam.submit(plain())
    exchange = other.status(task_id)
    exam.submit(plain(), world=other)
    exam.saw("AUTH-4")
    if 404 not in codes_of(exchange):
        title = "a task is seen with another key than the one that made it"
        exam.depart("AUTH-4", title, exchange, expected="404", actual=told(exchange))
