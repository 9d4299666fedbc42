"""The OpenAPI document."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ltx_mock_schemas
from ltx_mock_contracts import strategies
from ltx_mock_contracts.model import FAIL_CODES
from ltx_mock_contracts.validation.urls import is_http_url

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = ltx_mock_schemas.openapi()
GENERATE = DOCUMENT["paths"]["/api/v1/generateTask/ltx-2-19b"]["post"]
STATUS = DOCUMENT["paths"]["/api/v1/statusTask/ltx-2-19b"]["get"]
CALLBACK = GENERATE["callbacks"]["taskEnded"]["{$request.body#/callback_url}"]["post"]
EXCHANGES = [json.loads(file.read_text("utf-8")) for file in (files("ltx_mock_fixtures") / "exchanges").iterdir()]


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Follow one reference; a reference that leads nowhere is a KeyError."""
    target: dict[str, Any] = DOCUMENT
    if "$ref" not in node:
        return node
    for step in node["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    return target


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(child)


def examples() -> Iterator[tuple[str, Any]]:
    """Give every example with the schema it must fit."""
    for node in nodes(DOCUMENT):
        for media in node.get("content", {}).values() if isinstance(node.get("content"), dict) else ():
            values = [example["value"] for example in media.get("examples", {}).values()]
            for value in [*values, *([media["example"]] if "example" in media else [])]:
                yield media["schema"]["$ref"], value


EXAMPLES = list(examples())
VALIDATORS = {
    name: jsonschema_rs.Draft202012Validator({**DOCUMENT, "$ref": f"#/components/schemas/{name}"})
    for name in ("GenerateRequest", "StatusResponse")
}


def test_the_document_is_valid_openapi() -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator  # takes as long to import as all of ours

    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["jsonSchemaDialect"] == ltx_mock_schemas.DIALECT


def test_every_reference_leads_somewhere_inside_the_document() -> None:
    references = [node for node in nodes(DOCUMENT) if "$ref" in node]
    assert len(references) > 30
    for node in references:
        assert node["$ref"].startswith("#/components/")
        assert resolve(node)


def test_every_mapping_of_a_discriminator_is_a_branch() -> None:
    unions = [node for node in nodes(DOCUMENT) if "discriminator" in node]
    assert len(unions) == 1
    for union in unions:
        assert list(union["discriminator"]["mapping"].values()) == [branch["$ref"] for branch in union["oneOf"]]


def test_the_fake_is_named_first_and_the_real_service_last_as_what_it_is() -> None:
    assert [server["url"] for server in DOCUMENT["servers"]] == ["http://127.0.0.1:8219", "https://api.apixo.ai"]
    assert "real, paid" in DOCUMENT["servers"][-1]["description"]
    assert ltx_mock_schemas.openapi("http://fake.test:80/x")["servers"][0]["url"] == "http://fake.test:80/x"


def test_every_request_carries_a_bearer_key() -> None:
    assert DOCUMENT["security"] == [{"bearer": []}]
    assert DOCUMENT["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert "security" not in GENERATE
    assert "security" not in STATUS
    assert CALLBACK["security"] == []


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        (GENERATE, "200 400 401 403 404 405 408 413 414 415 429 431 500 503"),
        (STATUS, "200 400 401 403 404 405 408 414 429 431 500 503"),
        (CALLBACK, "200 4XX"),
    ],
)
def test_every_status_is_documented(operation: dict[str, Any], statuses: str) -> None:
    assert list(operation["responses"]) == statuses.split()


@pytest.mark.parametrize("operation", [GENERATE, STATUS])
def test_every_error_is_an_envelope_with_its_own_status(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if status != "200":
            content = resolve(response)["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/ErrorResponse"}
            examples = [each["value"] for each in content.get("examples", {}).values()] or [content["example"]]
            assert {example["code"] for example in examples} == {int(status)}


@pytest.mark.parametrize(("reference", "value"), EXAMPLES)
def test_every_example_fits_its_schema(reference: str, value: Any) -> None:
    jsonschema_rs.Draft202012Validator({**DOCUMENT, "$ref": reference}).validate(value)


def test_the_examples_are_those_of_the_documents() -> None:
    submitted = [
        example["value"] for example in GENERATE["requestBody"]["content"]["application/json"]["examples"].values()
    ]
    bodies = [exchange["request"]["body"] for exchange in EXCHANGES if exchange["operation"] == "generateTask"]
    assert len(submitted) == 3
    assert all(body in bodies for body in submitted)
    answered = [value for _, value in EXAMPLES]
    assert all(exchange["response"]["body"] in answered for exchange in EXCHANGES)


OURS = {
    "generate-request-strict",
    "check-report",
    "client-report",
    "fuzz-case",
    "fuzz-index",
    "recorded-exchange",
    "recording",
    "timings",
    "model",
}


@pytest.mark.parametrize("name", sorted({*ltx_mock_schemas.names()} - OURS))
def test_every_schema_is_a_component(name: str) -> None:
    title = ltx_mock_schemas.schema(name)["title"]
    assert DOCUMENT["components"]["schemas"][title]["title"] == title


def test_nothing_in_the_document_is_what_generators_stumble_over() -> None:
    for node in nodes(DOCUMENT["components"]["schemas"]):
        assert node.get("type") != "null"
        assert node.get("not") != {}
        assert "default" not in node
        assert "$ref" not in node or list(node) == ["$ref"]
        assert "allOf" not in node


def responses_of(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    names = ("GenerateResponse", "StatusResponse", "BalanceResponse", "ErrorResponse", "Callback", "Task", "EndedTask")
    yield from (document["components"]["schemas"][name] for name in names)


def test_responses_are_open() -> None:
    closing = {"const", "enum", "additionalProperties", "minimum", "maximum", "pattern", "oneOf", "discriminator"}
    for node in (each for schema in responses_of(DOCUMENT) for each in nodes(schema)):
        assert not closing & set(node)
    task = DOCUMENT["components"]["schemas"]["Task"]
    assert task["required"] == ["taskId", "state"]
    assert task["properties"]["state"]["x-extensible-enum"] == ["pending", "processing", "success", "failed"]
    assert task["properties"]["failCode"]["x-extensible-enum"] == list(FAIL_CODES)


@given(st.one_of(strategies.status_envelopes(), strategies.drifted().map(lambda drifted: drifted.body)))
def test_every_response_documented_or_drifted_fits_the_document(body: dict[str, Any]) -> None:
    VALIDATORS["StatusResponse"].validate(body)


@given(strategies.valid_requests() | strategies.advisory_requests().map(lambda advised: advised.body))
def test_the_document_accepts_every_request_that_the_api_accepts(body: dict[str, Any]) -> None:
    assert VALIDATORS["GenerateRequest"].is_valid(body)


@given(strategies.invalid_requests())
def test_the_document_refuses_every_request_that_the_api_refuses(invalid: strategies.InvalidRequest) -> None:
    forbidden = invalid.pointer in {"/input/aspect_ratio", "/input/loras"}
    assert forbidden or not VALIDATORS["GenerateRequest"].is_valid(invalid.body)


HOSTS = st.from_regex(
    r"\[[0-9A-Fa-f:.]{0,24}\]|[0-9]{1,3}(\.[0-9]{1,4}){0,4}|[a-z.\u00a8\u3002-]{0,70}", fullmatch=True
)
URLS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["http://", "HTTPS://", "ftp://", "http:/"]),
    HOSTS,
    st.sampled_from(["", "/", ":1", "?", ":x"]),
)


@given(URLS)
@example("HTTP://[0]?")
@example("http://[40:EB04E0]:1#")
@example("http://[::1]/")
def test_the_document_knows_an_absolute_url_as_the_api_does(url: str) -> None:
    body = {"callback_url": url, "input": {"mode": "text-to-video", "prompt": "x", "resolution": "480p", "duration": 5}}
    assert VALIDATORS["GenerateRequest"].is_valid(body) is is_http_url(url)


def test_what_a_caller_does_to_the_document_stays_with_the_caller() -> None:
    ltx_mock_schemas.openapi().clear()
    assert ltx_mock_schemas.openapi() == DOCUMENT
