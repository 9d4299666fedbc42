"""Where the documents leave room: every case that the strategies make is binding or in a dialect of the catalogue."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ltx_mock_contracts import RULES, check_trace, validate_request
from ltx_mock_contracts.conformance.suite.near_misses import NEAR_MISSES, dialect_of
from ltx_mock_contracts.dialects import DIALECTS, may_refuse, may_refuse_id
from ltx_mock_contracts.fuzzing.deterministic import draw
from ltx_mock_contracts.strategies import (
    DIALECT_FAMILIES,
    INVALID_FAMILIES,
    MALFORMED_FAMILIES,
    invalid_requests,
    malformed_bodies,
)
from support.bodies import IMAGE, TEXT, TEXT_LORA, request_body
from support.traces import generate, trace

GUIDE = (Path(__file__).parents[2] / "docs" / "check-in-ci.md").read_text(encoding="utf-8")


def outcome_of(rule: str, body: Any) -> str:
    """Return the verdict of a recording in which a request is accepted."""
    return check_trace(trace([generate(1, "task_1", body)])).of(rule).outcome


@pytest.mark.parametrize("rule", INVALID_FAMILIES)
def test_each_drawn_case_is_binding_or_of_a_dialect_of_its_rule(rule: str) -> None:
    for invalid in draw(invalid_requests(rule), 12, rule):
        if invalid.binding:
            assert outcome_of(rule, invalid.body) == "broken"
        else:
            assert rule in DIALECTS[invalid.dialect or ""].rules
            assert outcome_of(rule, invalid.body) == "observed"


@pytest.mark.parametrize("family", MALFORMED_FAMILIES)
def test_each_family_of_bytes_is_wholly_binding_or_wholly_dialect(family: str) -> None:
    assert {each.binding for each in draw(malformed_bodies(family=family), 8, family)} == {
        family not in DIALECT_FAMILIES
    }


@pytest.mark.parametrize(
    ("rule", "body", "dialect"),
    [
        ("GEN-12", request_body(TEXT, image_urls=None), "unused-field"),
        ("GEN-4", request_body(TEXT) | {"callback_url": "not a url"}, "unused-field"),
        ("GEN-4", request_body(TEXT) | {"request_type": "callback", "callback_url": "x"}, None),
        ("GEN-7", request_body(TEXT, mode=...), "default-mode"),
        ("GEN-7", request_body(TEXT, mode="Text-To-Video"), None),
        ("GEN-13", request_body(TEXT, seed=True), "true-as-number"),
        ("GEN-13", request_body(TEXT, seed="7"), None),
        ("GEN-10", request_body(TEXT, duration=True), None),
        ("GEN-12", request_body(IMAGE, image_urls=None), None),
        ("GEN-12", request_body(IMAGE, image_urls=["data:image/png;base64,AA=="]), "url-syntax"),
        ("GEN-14", request_body(TEXT_LORA, loras=None), "null-as-absent"),
        ("GEN-14", request_body(TEXT, loras=[]), "empty-as-absent"),
    ],
)
def test_what_may_be_accepted_is_told_from_what_may_not(rule: str, body: Any, dialect: str | None) -> None:
    assert any(finding.severity == "violation" for finding in validate_request(body))
    assert dialect_of(rule, body) == dialect
    assert outcome_of(rule, body) == ("broken" if dialect is None else "observed")


@pytest.mark.parametrize(
    ("body", "dialect"),
    [
        (request_body(TEXT, duration=10.0), "float-as-integer"),
        (request_body(TEXT, prompt="😀" * 5000), "unusual-prompt"),
        (request_body(TEXT, prompt="é" * 5000), None),
        (request_body(TEXT, prompt=" "), "unusual-prompt"),
        (request_body(IMAGE, image_urls=["http://user@[::1]/a.png"]), "unusual-url"),
        (request_body(TEXT), None),
    ],
)
def test_what_may_be_refused_is_told_from_what_may_not(body: Any, dialect: str | None) -> None:
    found = may_refuse(body)
    assert (found.id if found else None) == dialect
    refused = generate(1, "", body, status=400, answer={"code": 400, "message": "No", "data": None})
    assert check_trace(trace([refused])).ok is (dialect is not None)


def test_an_id_that_looks_like_the_samples_must_be_a_404() -> None:
    assert may_refuse_id("task_12345678") is None
    assert may_refuse_id("../task") is not None


def test_the_near_misses_are_mostly_binding() -> None:
    binding = [what for rule, what, body in NEAR_MISSES if dialect_of(rule, body) is None]
    assert len(binding) > 0.75 * len(NEAR_MISSES)
    assert {rule for rule, _, body in NEAR_MISSES if dialect_of(rule, body) is None} >= {
        f"GEN-{number}" for number in range(1, 15)
    }


def test_the_guide_has_the_catalogue() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([A-Z0-9, -]+) \| (.+) \|$", GUIDE, re.MULTILINE)
    assert [(name, tuple(rules.split(", ")), text) for name, rules, text in rows] == list(DIALECTS.values())
    assert all(rule in RULES for each in DIALECTS.values() for rule in each.rules)
