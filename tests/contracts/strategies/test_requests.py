"""Requests from the strategies: schemas, findings and the served fake agree on every one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import ltx_mock_schemas
from ltx_mock import MockServer
from ltx_mock.testing.tenant import World
from ltx_mock_contracts import GenerateRequest, MalformedBody, parse_body, strategies, validate_request
from ltx_mock_contracts.strategies import (
    ADVISORY_FAMILIES,
    INVALID_FAMILIES,
    MALFORMED_FAMILIES,
    AdvisedRequest,
    InvalidRequest,
    MalformedBytes,
)
from support.bodies import data_of, message_of, post
from support.independent import from_schema
from support.sampling import drawn, examples_of

BASE = ltx_mock_schemas.schema("generate-request")
STRICT = ltx_mock_schemas.schema("generate-request-strict")
VALIDATORS = {
    "base": (Draft202012Validator(BASE), jsonschema_rs.Draft202012Validator(BASE)),
    "strict": (Draft202012Validator(STRICT), jsonschema_rs.Draft202012Validator(STRICT)),
}
FEW = settings(max_examples=settings().max_examples // 5)
MODES = ["text-to-video", "image-to-video", "text-to-video-LoRA", "image-to-video-LoRA"]


class Fake(NamedTuple):
    """A world of the served fake, and a client of it."""

    world: World
    client: httpx.Client


@pytest.fixture(scope="module")
def fake(server: MockServer) -> Iterator[Fake]:
    world = server.tenant()
    with world.client(verify=False) as client:
        yield Fake(world, client)


@pytest.fixture(scope="module")
def strict() -> Iterator[Fake]:
    with MockServer(clock="manual", strict=True) as server, server.client(verify=False) as client:
        yield Fake(server, client)


def accepted(body: Any, schema: str) -> bool:
    """What both validators say; they must not differ."""
    [verdict] = {validator.is_valid(body) for validator in VALIDATORS[schema]}
    return verdict


def found(body: Any) -> list[tuple[str, str, str]]:
    return [(finding.rule, finding.pointer, finding.severity) for finding in validate_request(body)]


@given(body=strategies.valid_requests() | strategies.minimal_requests())
def test_a_valid_request_has_nothing_wrong(body: Any, fake: Fake, strict: Fake) -> None:
    assert accepted(body, "base")
    assert accepted(body, "strict")
    assert found(body) == []
    assert parse_body(json.dumps(body).encode()) == body
    assert data_of(post(fake.client, body))["taskId"]
    assert data_of(post(strict.client, body))["taskId"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("request_type", ["async", "callback"])
@FEW
@given(data=st.data())
def test_a_valid_request_is_of_the_mode_and_type_that_was_asked_for(
    mode: str, request_type: str, data: st.DataObject
) -> None:
    body = data.draw(strategies.valid_requests(mode=mode, request_type=request_type))
    request = GenerateRequest.from_body(body)
    assert (request.mode, request.request_type) == (mode, request_type)


@pytest.mark.parametrize("mode", MODES)
@FEW
@given(data=st.data())
def test_a_minimal_request_can_do_without_nothing(mode: str, data: st.DataObject) -> None:
    body = data.draw(strategies.minimal_requests(mode=mode))
    assert body["input"]["mode"] == mode
    for field in body["input"]:
        less = {"input": {name: value for name, value in body["input"].items() if name != field}}
        assert found(less)


@pytest.mark.rule("GEN-16")
@given(advised=strategies.advisory_requests())
def test_an_advisory_is_accepted_and_told_and_refused_in_strict_mode(
    advised: AdvisedRequest, fake: Fake, strict: Fake
) -> None:
    assert accepted(advised.body, "base")
    assert not accepted(advised.body, "strict")
    assert sorted(found(advised.body)) == [("GEN-16", pointer, "advisory") for pointer in advised.pointers]
    assert data_of(post(fake.client, advised.body))["taskId"]
    made = len(strict.world.tasks)
    told = message_of(post(strict.client, advised.body), 400)
    assert validate_request(advised.body)[0].message in told
    assert len(strict.world.tasks) == made


@pytest.mark.rule("GEN-1", "GEN-2", "GEN-3", "GEN-4", "GEN-5", "GEN-6", "GEN-7", "GEN-18")
@pytest.mark.rule("GEN-8", "GEN-9", "GEN-10", "GEN-11", "GEN-12", "GEN-13", "GEN-14")
@pytest.mark.parametrize("rule", INVALID_FAMILIES)
@FEW
@given(data=st.data())
def test_an_invalid_request_breaks_exactly_its_rule(rule: str, data: st.DataObject) -> None:
    invalid = data.draw(strategies.invalid_requests(rule))
    check_refused(invalid)
    assert invalid.rule == rule


def check_refused(invalid: InvalidRequest) -> None:
    assert not accepted(invalid.body, "base")
    assert not accepted(invalid.body, "strict")
    assert found(invalid.body) == [(invalid.rule, invalid.pointer, "violation")]
    assert found(parse_body(json.dumps(invalid.body).encode())) == found(invalid.body)


@pytest.mark.rule("GEN-18")
@given(invalid=strategies.invalid_requests())
def test_the_fake_refuses_an_invalid_request_and_makes_no_task(invalid: InvalidRequest, refusing: Fake) -> None:
    told = message_of(post(refusing.client, json.dumps(invalid.body).encode()), invalid.status)
    assert validate_request(invalid.body)[0].message in told
    assert refusing.world.tasks == []


@pytest.fixture(scope="module")
def refusing(server: MockServer) -> Iterator[Fake]:
    """A world in which no task is ever made."""
    world = server.tenant()
    with world.client(verify=False) as client:
        yield Fake(world, client)
    assert (world.tasks, world.callbacks) == ([], [])


@pytest.mark.rule("GEN-1")
@given(malformed=strategies.malformed_bodies())
def test_malformed_bytes_are_refused_and_make_no_task(malformed: MalformedBytes, refusing: Fake) -> None:
    if malformed.family == "no object":
        assert found(parse_body(malformed.raw)) == [(malformed.rule, "", "violation")]
    else:
        with pytest.raises(MalformedBody) as refused:
            parse_body(malformed.raw)
        assert refused.value.finding.rule == malformed.rule
    message_of(post(refusing.client, malformed.raw), malformed.status)
    assert refusing.world.tasks == []


REQUEST_RULES = [f"GEN-{number}" for number in range(1, 15)]


def test_every_rule_of_the_request_has_a_family() -> None:
    assert list(INVALID_FAMILIES) == REQUEST_RULES
    assert all(INVALID_FAMILIES.values())


@pytest.mark.sample
@pytest.mark.parametrize("rule", REQUEST_RULES)
def test_every_family_of_a_rule_is_drawn(rule: str) -> None:
    families = set(INVALID_FAMILIES[rule])
    assert drawn(strategies.invalid_requests(rule), lambda invalid: [invalid.family], families) == families


@pytest.mark.slow
def test_every_rule_malformation_and_advisory_is_drawn() -> None:
    rules, malformations, advisories = set(REQUEST_RULES), set(MALFORMED_FAMILIES), set(ADVISORY_FAMILIES)
    assert drawn(strategies.invalid_requests(), lambda invalid: [invalid.rule], rules) == rules
    assert drawn(strategies.malformed_bodies(), lambda bad: [bad.family], malformations) == malformations
    assert drawn(strategies.advisory_requests(), lambda advised: advised.families, advisories) == advisories
    assert drawn(strategies.advisory_requests(), lambda advised: [len(advised.pointers)], {1, 2, 3}) == {1, 2, 3}


@pytest.mark.parametrize(
    ("rule", "family"), [(rule, family) for rule, families in INVALID_FAMILIES.items() for family in families]
)
def test_every_family_breaks_exactly_its_rule(rule: str, family: str) -> None:
    for invalid in examples_of(strategies.invalid_requests(rule, family=family), 6):
        assert (invalid.rule, invalid.family, invalid.status) == (rule, family, 400)
        check_refused(invalid)


@pytest.mark.parametrize("family", MALFORMED_FAMILIES)
def test_every_malformation_can_be_asked_for(family: str) -> None:
    assert {bad.family for bad in examples_of(strategies.malformed_bodies(family=family), 5)} == {family}


def outline(node: Any) -> Any:
    """A schema without its limits: fields and types only, and which fields are required."""
    kept = {key: node[key] for key in ("type", "required") if key in node}
    if "enum" in node:
        kept |= {"enum": [*node["enum"], node["enum"][0].upper(), ""]}
    if "$ref" in node:
        return kept | outline(BASE["$defs"][node["$ref"].removeprefix("#/$defs/")])
    if "properties" in node:
        kept["properties"] = {name: outline(child) for name, child in node["properties"].items()}
    if "items" in node:
        kept |= {"items": outline(node["items"]), "maxItems": 5}
    return kept


INDEPENDENT = {
    "url": from_schema(BASE["$defs"]["httpUrl"]),
    "input": from_schema(outline(BASE["$defs"]["modelInput"])),
    "lora": from_schema(outline(BASE["$defs"]["lora"])),
}
FILTERED = [HealthCheck.filter_too_much, HealthCheck.too_slow]  # it draws URLs by a pattern and throws most away


def check_agreement(body: Any) -> None:
    findings = found(body)
    assert accepted(body, "base") is all(severity == "advisory" for _, _, severity in findings)
    assert accepted(body, "strict") is (not findings)


@pytest.mark.slow
@settings(max_examples=30, suppress_health_check=FILTERED)
@given(url=INDEPENDENT["url"])
def test_urls_of_an_independent_generator_are_urls(url: str) -> None:
    body = {"request_type": "callback", "callback_url": url, "input": MINIMAL}
    assert accepted(body, "base")
    assert found(body) == []


@pytest.mark.slow
@settings(max_examples=50, suppress_health_check=FILTERED)
@given(given_input=INDEPENDENT["input"], lora=INDEPENDENT["lora"])
def test_schema_and_findings_agree_on_what_an_independent_generator_makes(given_input: Any, lora: Any) -> None:
    check_agreement({"input": given_input})
    check_agreement({"input": MINIMAL | {"mode": "text-to-video-LoRA", "loras": [lora]}})


@pytest.mark.slow
def test_what_an_independent_generator_makes_of_the_whole_schema_has_no_violation() -> None:
    for body in examples_of(from_schema(BASE), 2):
        assert accepted(body, "base")
        check_agreement(body)


MINIMAL = {"mode": "text-to-video", "prompt": "a", "resolution": "480p", "duration": 5}
