"""The failure of a contract: facts that can be had one by one, and a text made of them."""

from __future__ import annotations

import pickle

from ltx_mock_contracts import RULES, ContractFailure

FAILURE = ContractFailure(
    "the status of a finished task changed",
    rule="TASK-1",
    expected="success",
    actual="failed",
    story=["at 0 s: submitted", "at 60 s: success"],
)


def test_the_text_has_every_fact_and_the_rule() -> None:
    assert str(FAILURE).splitlines() == [
        "TASK-1: the status of a finished task changed",
        "  expected: success",
        "  actual:   failed",
        "  story:",
        "    at 0 s: submitted",
        "    at 60 s: success",
        f"  the rule: {RULES['TASK-1'].text}",
    ]


def test_without_facts_the_title_is_the_text() -> None:
    assert str(ContractFailure("3 requests, expected 2")) == "3 requests, expected 2"


def test_it_is_an_assertion_that_failed() -> None:
    assert isinstance(FAILURE, AssertionError)


def test_it_travels_between_processes() -> None:
    copy = pickle.loads(pickle.dumps(FAILURE))
    assert (str(copy), copy.story) == (str(FAILURE), FAILURE.story)
