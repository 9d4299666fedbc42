"""What is read of the schema of requests: which rule a field comes from, and the words that it allows."""

from __future__ import annotations

import pytest

from ltx_mock_contracts import validate_request
from ltx_mock_contracts.model import MODEL, MODES, RESOLUTIONS
from ltx_mock_contracts.request_fields import (
    LARGEST_SEED,
    LONGEST_PROMPT,
    RULE_OF,
    RULES_OF_EVERY_REQUEST,
    RULES_OF_FIELDS,
    WORDS,
)


def test_the_rules_of_every_request_and_of_some() -> None:
    assert RULES_OF_EVERY_REQUEST == ("GEN-1", "GEN-6", "GEN-7", "GEN-8", "GEN-9", "GEN-10")
    assert RULES_OF_FIELDS == {
        "request_type": ("GEN-2",),
        "callback_url": ("GEN-3", "GEN-4"),
        "provider": ("GEN-5",),
        "aspect_ratio": ("GEN-11",),
        "image_urls": ("GEN-12",),
        "seed": ("GEN-13",),
        "loras": ("GEN-14",),
    }
    assert {name: rules[0] for name, rules in RULES_OF_FIELDS.items()} | dict(
        zip(["input", "mode", "prompt", "resolution", "duration"], RULES_OF_EVERY_REQUEST[1:], strict=True)
    ) == RULE_OF


def test_the_words_are_those_of_the_schema() -> None:
    assert {
        "/request_type": ("async", "callback"),
        "/provider": ("auto", "value", "official"),
        "/input/mode": MODES,
        "/input/resolution": RESOLUTIONS,
        "/input/aspect_ratio": MODEL.aspect_ratios,
    } == WORDS


@pytest.mark.parametrize("pointer", WORDS)
def test_another_word_breaks_the_rule_of_its_field(pointer: str) -> None:
    name = pointer.rpartition("/")[2]
    body = MODEL.example()
    place = body["input"] if pointer.startswith("/input/") else body
    place[name] = "another"
    found = [(finding.rule, finding.pointer) for finding in validate_request(body)]
    assert found == [(RULE_OF[name], pointer)]


def test_the_bounds_are_those_of_the_schema() -> None:
    assert (LONGEST_PROMPT, LARGEST_SEED) == (5000, 2**31 - 1)
    given = MODEL.example()["input"]
    assert validate_request({"input": {**given, "prompt": "x" * LONGEST_PROMPT, "seed": LARGEST_SEED}}) == []
    found = validate_request({"input": {**given, "prompt": "x" * (LONGEST_PROMPT + 1), "seed": LARGEST_SEED + 1}})
    assert [finding.rule for finding in found] == ["GEN-8", "GEN-13"]
