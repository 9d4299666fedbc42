"""Walking a value and its schema: an independent validator finds the same, and hostile bodies cost little."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

import ltx_mock_schemas
from ltx_mock_contracts import validate_request
from ltx_mock_contracts.validation import validate_parsed_request
from ltx_mock_contracts.validation.schema_walk import ANNOTATIONS, SchemaWalker
from support.counting import calls_of

OURS = {
    "check-report",
    "client-report",
    "fuzz-case",
    "fuzz-index",
    "recorded-exchange",
    "recording",
    "model",
    "timings",
}
MESSAGES = [name for name in ltx_mock_schemas.names() if name not in OURS]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    SCALARS | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=4,
)


def properties_of(node: Any) -> dict[str, Any]:
    """Every field that is named anywhere in a schema, with the values that are named for it."""
    found: dict[str, list[Any]] = {}
    for part in nodes_of(node):
        for name, child in part.get("properties", {}).items():
            values = found.setdefault(name, [])
            if isinstance(child, dict):
                values += child.get("enum", []) + [child[mark] for mark in ("const", "minimum") if mark in child]
    return found


def nodes_of(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes_of(child)


def lookalikes(name: str) -> st.SearchStrategy[Any]:
    """Values of any form whose objects have the fields of the schema, often with values that it names."""
    fields = properties_of(ltx_mock_schemas.schema(name))
    named = st.sampled_from([*(value for values in fields.values() for value in values), "https://a/b.mp4", 10.0, ""])
    return st.recursive(
        named | JSON,
        lambda children: (
            st.lists(children, max_size=4) | st.dictionaries(st.sampled_from([*fields, "x"]), children, max_size=8)
        ),
        max_leaves=20,
    )


def leaves(error: ValidationError) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The errors that an error of jsonschema stands for: of a `oneOf` those of the branch of the discriminator."""
    path, keyword = tuple(error.absolute_path), str(error.validator)
    value: Any = error.instance
    asked: Any = error.validator_value
    schema: Any = error.schema
    if keyword == "required":
        yield from ((keyword, (*path, name)) for name in asked if name not in value)
    elif keyword == "additionalProperties":
        yield from ((keyword, (*path, name)) for name in value if name not in schema["properties"])
    elif keyword == "oneOf":
        state = value.get("state") if isinstance(value, dict) else None
        branches: dict[Any, list[ValidationError]] = {}
        for child in error.context or ():
            branches.setdefault(child.relative_schema_path[0], []).append(child)
        for children in branches.values():
            if state is not None and not any(list(child.relative_path) == ["state"] for child in children):
                yield from (leaf for child in children for leaf in leaves(child))
    else:
        yield keyword, path


@pytest.mark.sample
@pytest.mark.parametrize("name", MESSAGES)
@settings(max_examples=50)
@given(data=st.data())
def test_the_walk_breaks_the_keywords_that_jsonschema_breaks(name: str, data: st.DataObject) -> None:
    schema = ltx_mock_schemas.schema(name)
    value = data.draw(lookalikes(name))
    walked = {(error.keyword, error.path) for error in SchemaWalker(schema).walk(value)}
    judged = {leaf for error in Draft202012Validator(schema).iter_errors(value) for leaf in leaves(error)}
    assert walked == judged


@pytest.mark.parametrize("name", MESSAGES)
def test_the_walk_knows_every_keyword_of_the_schema(name: str) -> None:
    schema = ltx_mock_schemas.schema(name)
    walker = SchemaWalker(schema)

    def unknown_keywords(node: Any) -> Iterator[str]:
        if isinstance(node, bool):
            return
        for keyword, value in node.items():
            if keyword not in walker.keywords | ANNOTATIONS:
                yield keyword
            if keyword in {"properties", "$defs"}:
                yield from (found for child in value.values() for found in unknown_keywords(child))
            elif keyword in {"items", "additionalProperties", "if", "then", "not"}:
                yield from unknown_keywords(value)
            elif keyword in {"allOf", "oneOf"}:
                yield from (found for child in value for found in unknown_keywords(child))

    assert not list(unknown_keywords(schema))


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else []


INPUT = {"mode": "image-to-video-LoRA", "prompt": "x", "resolution": "480p", "duration": 5}
HOSTILE = {
    "100,000 unknown fields": {f"x{n}": 1 for n in range(100_000)},
    "100,000 unknown fields of input": {"input": {f"x{n}": 1 for n in range(100_000)}},
    "half a million numbers for an image": {"input": INPUT | {"image_urls": [1] * 500_000}},
    "300,000 objects for LoRAs": {"input": INPUT | {"loras": [{}] * 300_000}},
    "URLs that are nearly right": {"input": INPUT | {"image_urls": ["http://a:b"] * 80_000}},
    "URLs that are right": {"input": INPUT | {"image_urls": ["http://a/"] * 80_000}},
    "one long URL": {"callback_url": "http://" + "a@" * 500_000, "input": INPUT},
    "a long prompt": {"input": INPUT | {"prompt": "x" * 1_000_000}},
    "deep arrays": {"input": [nested(55)] * 9000},
    "too deep": {"input": nested(70), "x": [0] * 400_000},
}


MOST_CALLS = 30_000
"""A hundred findings, the most there are, take 23,223 calls where each is an unknown field (CPython 3.11)."""


@pytest.mark.sample(2)
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_mebibyte_is_explained_with_little_work(body: object) -> None:
    validate_parsed_request({})  # the schema is compiled once
    assert calls_of(lambda: validate_parsed_request(body)) < MOST_CALLS
    assert validate_request(body)
