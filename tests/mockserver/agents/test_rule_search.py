"""The search of rules finds what an agent means."""

from __future__ import annotations

import pytest

from ltx_mock.agents.rule_search import search
from ltx_mock_contracts import RULES


def ids(query: str, limit: int = 5) -> list[str]:
    return [rule["id"] for rule in search(query, limit)["rules"]]


@pytest.mark.parametrize("query", ["GEN-10", "gen-10", " GEN-10 "])
def test_an_id_finds_this_rule_alone(query: str) -> None:
    assert search(query, 5) == {
        "found": 1,
        "rules": [
            {
                "id": "GEN-10",
                "group": "generateTask",
                "text": RULES["GEN-10"].text,
                "sources": list(RULES["GEN-10"].sources),
            }
        ],
    }


def test_a_group_finds_its_rules() -> None:
    assert ids("CB") == ["CB-1", "CB-2", "CB-3", "CB-4"]
    assert search("GEN", 2)["found"] > len(ids("GEN", 2)) == 2


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("callback retry", "CB-2"),
        ("how long is a result URL valid days", "TASK-10"),
        ("Insufficient credits", "GEN-15"),
        ("requests per minute", "LIM-1"),
        ("aspect_ratio", "GEN-11"),
    ],
)
def test_words_find_the_rule_that_has_most_of_them(query: str, first: str) -> None:
    assert ids(query)[0] == first


def test_what_finds_nothing_says_what_there_is() -> None:
    found = search("xyzzy", 5)
    assert (found["found"], found["rules"]) == (0, [])
    assert "GEN (generateTask)" in found["hint"]
    assert "did you mean 'GEN-10'" in search("GENN-10", 5)["hint"]
