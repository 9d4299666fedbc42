"""Judging documents of people's own: the verdict is jsonschema's, and what is wrong is one line."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import ltx_mock_schemas
from ltx_mock_contracts.trace.exchange import Operation
from ltx_mock_contracts.validation.documents import document_schema

JUDGE = document_schema("recorded-exchange")
GOOD: dict[str, Any] = {"at": 1, "method": "GET", "target": "/x"}
FIELDS = list(ltx_mock_schemas.schema("recorded-exchange")["properties"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda children: st.lists(children, max_size=2) | st.dictionaries(st.text(max_size=3), children, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"at": None}, "at must be a time in Unix milliseconds, but is null"),
        ({"at": 10**15}, "at must be a time in Unix milliseconds, but is 1000000000000000"),
        ({"ended": True}, "ended must be a time in Unix milliseconds or null, but is true"),
        ({"operation": "x"}, 'operation must be one of generateTask, statusTask, balance, callback, other, but is "x"'),
        ({"status": 99}, "status must be an HTTP status or null, but is 99"),
        ({"causeKind": []}, "causeKind must be a string or null, but is an empty array"),
        ({"headers": [1]}, "headers must be an object of strings or null, but is an array of 1 item"),
        ({"headers": {"etag": 1}}, "headers.etag must be a string, but is 1"),
        ({"gaps": ["x"]}, 'gaps[0] must be request, answer or time, but is "x"'),
    ],
)
def test_what_is_wrong_is_one_line_with_place_allowed_and_got(changes: dict[str, Any], problem: str) -> None:
    assert JUDGE.problem(GOOD | changes) == problem


def test_a_field_that_is_missing_is_named() -> None:
    assert JUDGE.problem({"at": 1}) == "method must be an HTTP method, but is missing"


@pytest.mark.parametrize("changes", [{}, {"ended": None, "key": None, "gaps": None}, {"more": 1}, {"target": "\ud800"}])
def test_a_good_document_has_no_problem(changes: dict[str, Any]) -> None:
    assert JUDGE.problem(GOOD | changes) is None


def test_the_schema_has_the_operations_of_an_exchange() -> None:
    operation = ltx_mock_schemas.schema("recorded-exchange")["properties"]["operation"]
    assert operation["enum"] == [*get_args(Operation), None]


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4), st.booleans())
def test_the_verdict_is_that_of_jsonschema(changes: dict[str, Any], whole: bool) -> None:
    value = GOOD | changes if whole else changes
    problem = JUDGE.problem(value)
    assert (problem is None) is Draft202012Validator(ltx_mock_schemas.schema("recorded-exchange")).is_valid(value)
    assert problem is None or problem.isprintable()
