"""No rule of the contract is without a test that names it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ltx_mock_contracts import RULES

TESTS = Path(__file__).parents[1]
MARK = re.compile(r"pytest\.mark\.rule\(([^)]*)\)")
NAMED = {
    rule
    for path in TESTS.rglob("test_*.py")
    for mark in MARK.findall(path.read_text(encoding="utf-8"))
    for rule in re.findall(r'"([^"]*)"', mark)
}


@pytest.mark.parametrize("rule", [rule.id for rule in RULES.values() if rule.group != "CLI"])
def test_a_test_names_this_rule(rule: str) -> None:
    assert rule in NAMED, f"no test is marked with @pytest.mark.rule({rule!r})"


def test_tests_name_only_rules_that_there_are() -> None:
    assert set(RULES) >= NAMED
