"""The catalogue of rules."""

from __future__ import annotations

from itertools import groupby

import pytest

from ltx_mock_contracts import RULES, Rule
from ltx_mock_contracts.rules import GROUPS


def test_every_rule_is_filed_under_its_own_id() -> None:
    assert all(rule.id == rule_id for rule_id, rule in RULES.items())


def test_groups_come_in_order_and_their_rules_are_numbered_from_one() -> None:
    runs = [(group, [rule.id for rule in rules]) for group, rules in groupby(RULES.values(), lambda rule: rule.group)]
    assert [group for group, _ in runs] == list(GROUPS)
    for group, ids in runs:
        assert ids == [f"{group}-{number}" for number in range(1, len(ids) + 1)]


def test_the_catalogue_has_the_size_of_the_contract() -> None:
    sizes = {group: sum(rule.group == group for rule in RULES.values()) for group in GROUPS}
    assert sizes == {"ENV": 5, "AUTH": 4, "GEN": 18, "TASK": 12, "FAIL": 3, "BAL": 1, "CB": 4, "LIM": 3, "CLI": 11}


def test_every_rule_has_a_text_and_at_least_one_source() -> None:
    for rule in RULES.values():
        assert rule.text
        assert not rule.text.endswith(".")
        assert rule.sources
        assert set(rule.sources) <= {"spec", "vendor", "choice"}


def test_what_the_fake_chose_is_told_from_what_is_documented() -> None:
    choices = [rule.id for rule in RULES.values() if rule.sources == ("choice",)]
    assert choices == ["ENV-5", "AUTH-3", "AUTH-4", "GEN-18", "TASK-12", "CB-4", "LIM-3", "CLI-9", "CLI-11"]


def test_rules_and_their_catalogue_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        RULES["GEN-1"].text = ""  # type: ignore[misc]
    with pytest.raises(TypeError):
        RULES["NEW-1"] = Rule("NEW-1", "", ())  # type: ignore[index]
