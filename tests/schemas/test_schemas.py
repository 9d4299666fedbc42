"""The JSON Schema files and their loader."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

import ltx_mock_schemas
from ltx_mock_contracts import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ltx_mock_schemas.names()
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
"""What the API does not say: no rule is behind it."""
GOOD_URLS = [
    "https://example.com/ref.jpg",
    "HTTP://EXAMPLE.COM",
    "http://localhost:8000/callback?a=b#c",
    "http://127.0.0.1",
    "http://[::1]:8000/",
    "https://user:secret@example.com/",
    "https://例え.jp/画像.png",
    "https://example.com?x=1",
    "https://example.com/a/../b%20c?d=http://e",
]
BAD_URLS = [
    "",
    "example.com/ref.jpg",
    "/ref.jpg",
    "//example.com/",
    "ftp://example.com/a",
    "https:/example.com",
    "https://",
    "https:///path",
    "https://:443/",
    "https://user@/path",
    "https://?query",
    "https://a:port/",
    " https://example.com",
    "https://example.com/a b",
    "https://example.com\n",
    "https://example.com/\u0000",
    "https://example.com/\u2028",
    "https://example.com/\u3000",
    "https://exa\\mple.com/",
    "javascript:alert(1)//http://example.com",
]


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(child)


def test_the_names_are_those_of_the_files() -> None:
    folder = Path(ltx_mock_schemas.__file__).parent
    files = [*folder.glob("*.json"), *folder.glob("models/*/generate-*.json")]
    assert ltx_mock_schemas.names() == sorted({path.stem for path in files} - {"openapi"})


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(LookupError, match=r"no schema is called 'nope'; there are balance-response, callback, "):
        ltx_mock_schemas.schema("nope")


def test_the_openapi_document_is_not_taken_for_a_schema() -> None:
    with pytest.raises(LookupError):
        ltx_mock_schemas.schema("openapi")


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_valid_in_its_dialect(name: str) -> None:
    schema = ltx_mock_schemas.schema(name)
    assert schema["$schema"] == ltx_mock_schemas.DIALECT == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)
    jsonschema_rs.Draft202012Validator(schema)


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_stands_alone(name: str) -> None:
    schema = ltx_mock_schemas.schema(name)
    references = {node["$ref"] for node in nodes(schema) if "$ref" in node}
    assert references <= {f"#/$defs/{definition}" for definition in schema.get("$defs", {})}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_caller_does_to_a_schema_stays_with_the_caller(name: str) -> None:
    ltx_mock_schemas.schema(name).clear()
    assert ltx_mock_schemas.schema(name)["title"]


def test_a_mock_of_json_does_not_outlast_itself_in_a_schema_that_was_read_meanwhile() -> None:
    name = NAMES[0]
    ltx_mock_schemas._schema_text.cache_clear()  # as if it had not been read yet
    with mock.patch("json.dumps"):
        meanwhile = ltx_mock_schemas.schema(name)
    assert ltx_mock_schemas.schema(name) == meanwhile


@pytest.mark.parametrize("name", NAMES)
def test_every_mark_names_a_rule_of_the_catalogue(name: str) -> None:
    marks = [node[mark] for node in nodes(ltx_mock_schemas.schema(name)) for mark in node if mark.startswith("x-rule")]
    assert bool(marks) is (name not in OURS)
    assert set(marks) <= set(RULES)


def test_only_recommendations_are_advisory() -> None:
    for name in NAMES:
        advisory = [node for node in nodes(ltx_mock_schemas.schema(name)) if "x-severity" in node]
        assert [node["x-rule"] for node in advisory] == ["GEN-16"] * (name == "generate-request-strict")
    assert "GEN-16" not in json.dumps(ltx_mock_schemas.schema("generate-request"))


@pytest.mark.parametrize("state", ["pending", "processing", "success", "failed"])
def test_every_state_has_a_definition_of_its_own(state: str) -> None:
    definition = ltx_mock_schemas.schema("status-response")["$defs"][f"{state}Task"]
    assert definition["properties"]["state"]["const"] == state


@pytest.mark.parametrize("name", NAMES)
def test_patterns_use_only_what_python_rust_and_ecmascript_read_alike(name: str) -> None:
    patterns = {node["pattern"] for node in nodes(ltx_mock_schemas.schema(name)) if "pattern" in node}
    for pattern in patterns:
        assert not re.search(r"\\[sSdDwWbBAzZpP]|\(\?", pattern), pattern


@pytest.mark.parametrize(("url", "good"), [(url, True) for url in GOOD_URLS] + [(url, False) for url in BAD_URLS])
def test_both_validators_know_an_absolute_url(url: str, good: bool) -> None:
    schema = ltx_mock_schemas.schema("generate-request")["$defs"]["httpUrl"]
    assert Draft202012Validator(schema).is_valid(url) is good
    assert jsonschema_rs.Draft202012Validator(schema).is_valid(url) is good


@pytest.mark.sample
@pytest.mark.node
def test_ecmascript_knows_an_absolute_url_too() -> None:
    schema = ltx_mock_schemas.schema("generate-request")["$defs"]["httpUrl"]
    script = """
        const [must, not, urls] = JSON.parse(require("fs").readFileSync(0));
        const good = (url) => new RegExp(must, "u").test(url) && !new RegExp(not, "u").test(url);
        console.log(JSON.stringify(urls.map(good)));
    """
    question = json.dumps([schema["pattern"], schema["not"]["pattern"], GOOD_URLS + BAD_URLS])
    answer = subprocess.run(["node", "-e", script], input=question, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == [True] * len(GOOD_URLS) + [False] * len(BAD_URLS)


def test_importing_the_loader_imports_no_other_package() -> None:
    script = (
        "import sys, ltx_mock_schemas as s; s.schema('callback'); print(*{m.partition('.')[0] for m in sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "ltx_mock_schemas" in loaded
    assert not {"jsonschema", "jsonschema_rs", "referencing", "ltx_mock_contracts", "ltx_mock"} & set(loaded)
