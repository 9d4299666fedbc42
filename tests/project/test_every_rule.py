"""No rule of the contract is without a test that names it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ltx_mock_contracts import RULES

TESTS = Path(__file__).parents[1]


def rules_named_in(source: str) -> Iterator[str]:
    """Give the ids in every `pytest.mark.rule("…", …)`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule":
            for argument in node.args:
                yield ast.literal_eval(argument)


NAMED = {rule for path in TESTS.rglob("test_*.py") for rule in rules_named_in(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("rule", [rule.id for rule in RULES.values() if rule.group != "CLI"])
def test_a_test_names_this_rule(rule: str) -> None:
    assert rule in NAMED, f"no test is marked with @pytest.mark.rule({rule!r})"


def test_tests_name_only_rules_that_there_are() -> None:
    assert set(RULES) >= NAMED
