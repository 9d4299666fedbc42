"""Requests from both sides: what breaks a rule is refused and leaves nothing, and nothing else is refused (GEN)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ltx_mock_contracts.conformance.bodies import EDGES, MODES, Edge, blamed, changed, plain, with_files
from ltx_mock_contracts.conformance.checks import check
from ltx_mock_contracts.conformance.exam import codes_of
from ltx_mock_contracts.conformance.near_misses import NEAR_MISSES
from ltx_mock_contracts.conformance.target import CheckStoppedError
from ltx_mock_contracts.strategies import (
    ADVISORY_FAMILIES,
    INVALID_FAMILIES,
    MALFORMED_FAMILIES,
    advisory_requests,
    invalid_requests,
    malformed_bodies,
    valid_requests,
)
from ltx_mock_contracts.trace.notes import told

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.exam import Exam
    from ltx_mock_contracts.strategies import AdvisedRequest, InvalidRequest, MalformedBytes


PRICE = {"480p": 1, "720p": 1, "1080p": 1}
WRONG: tuple[dict[str, Any], ...] = (
    *({"duration": 21}, {"prompt": ""}, {"resolution": "4k"}),
    *({"mode": "text_to_video"}, {"seed": 0}, {"aspect_ratio": "1:1"}),
)


@pytest.mark.parametrize("family", MALFORMED_FAMILIES)
@check("GEN-1")
def test_refuses_bytes(exam: Exam, family: str) -> None:
    def attempt(malformed: MalformedBytes) -> None:
        exam.refuse(malformed.raw, "GEN-1", family)

    exam.examine(malformed_bodies(family=family), attempt)


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, marks=check(rule)) for rule in dict.fromkeys(rule for rule, _, _ in NEAR_MISSES)]
)
def test_refuses_near_misses(exam: Exam, rule: str) -> None:
    for broken, what, body in NEAR_MISSES:
        if broken == rule:
            exam.refuse(body, rule, what)


@pytest.mark.parametrize(
    ("rule", "family"),
    [
        pytest.param(rule, family, marks=check(rule), id=f"{rule} {family}")
        for rule, families in INVALID_FAMILIES.items()
        for family in families
    ],
)
def test_refuses(exam: Exam, rule: str, family: str) -> None:
    def attempt(invalid: InvalidRequest) -> None:
        exam.refuse(invalid.body, rule, family)

    exam.examine(invalid_requests(rule, family=family), attempt)


@pytest.mark.parametrize(
    "edge",
    [
        pytest.param(edge, marks=check(edge.rule, tasks=1), id=f"{edge.rule} {edge.name}")
        for edge in sorted(EDGES, key=lambda edge: edge.inside.get("duration", 0) * len(edge.inside))
    ],
)
def test_accepts(exam: Exam, edge: Edge) -> None:
    exam.submit(changed(edge), edge.rule)


@check("GEN-12", tasks=1, needs=["callbacks"])
def test_accepts_an_image(exam: Exam) -> None:
    exam.submit(with_files(exam, plain("image-to-video")), "GEN-12")


@pytest.mark.parametrize("count", [1, 2, 3])
@check("GEN-14", tasks=1, needs=["callbacks"])
def test_accepts_loras(exam: Exam, count: int) -> None:
    body = plain("text-to-video-LoRA")
    body["input"]["loras"] *= count
    exam.submit(with_files(exam, body), "GEN-14")


@pytest.mark.parametrize("mode", MODES)
@check("GEN-7", "GEN-17", tasks=None)
def test_accepts_all_that_is_valid(exam: Exam, mode: str) -> None:
    def attempt(body: Any) -> None:
        exchange = exam.world.generate(body)
        if exam.accepted(exchange, "GEN-17"):
            exam.saw("GEN-7")

    exam.examine(valid_requests(mode=mode), attempt, blame=lambda body: blamed(exam, body))


@pytest.mark.parametrize("family", ADVISORY_FAMILIES)
@check("GEN-16", tasks=None)
def test_accepts_what_is_only_advised_against(exam: Exam, family: str) -> None:
    def attempt(advised: AdvisedRequest) -> None:
        exam.accepted(exam.world.generate(advised.body), "GEN-16")

    exam.examine(advisory_requests(family=family), attempt)


@check("GEN-15", tasks=1, needs=["world"])
def test_credits_end(exam: Exam) -> None:
    poor = exam.open(credits=5, price=PRICE)
    exam.submit(plain(), "GEN-15", world=poor)
    exchange = poor.generate(plain(), free=True)
    exam.aside_from_the_request(exchange)
    exam.saw("GEN-15")
    message = exchange.answer.get("message") if isinstance(exchange.answer, dict) else None
    if message != "Insufficient credits" or 400 not in codes_of(exchange):
        title, expected = "want of credits is told in another way", '400, "Insufficient credits"'
        binding = exchange.status != 402
        exam.depart("GEN-15", title, exchange, expected=expected, actual=told(exchange), binding=binding)


@check("GEN-18", tasks=1, needs=["world"])
def test_refused_requests_cost_nothing(exam: Exam) -> None:
    poor = exam.open(credits=5, price=PRICE)
    for wrong in WRONG:
        exchange = poor.generate(plain(**wrong), free=True)
        exam.aside_from_the_request(exchange)
        if exchange.data.get("taskId"):
            raise CheckStoppedError("a bad request is not refused")
    exchange = poor.generate(plain())
    exam.aside_from_the_request(exchange)
    exam.saw("GEN-18")
    if 200 not in codes_of(exchange):
        title = "refused requests have used up the credits"
        exam.depart("GEN-18", title, exchange, expected="200 and a taskId", actual=told(exchange))


@check("GEN-18", needs=["world", "callbacks"])
def test_refused_requests_leave_nothing(exam: Exam) -> None:
    inbox = exam.target.receiver.inbox()
    calling = {"request_type": "callback", "callback_url": inbox.url}
    made = set()
    for wrong in WRONG:
        exchange = exam.world.generate(plain(**wrong) | calling, free=True)
        exam.aside_from_the_request(exchange)
        made.add(exchange.data.get("taskId"))
    exam.world.wait(200)
    exam.saw("GEN-18")
    for exchange in exam.world.read(inbox):
        if exchange.data.get("taskId") not in made:
            title = "a refused request made a task, which calls back"
            exam.depart("GEN-18", title, exchange, expected="nothing", actual=told(exchange))
