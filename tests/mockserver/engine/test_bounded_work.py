"""What one legal body may cost everybody else. Work is counted in calls of functions, not in time."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from ltx_mock import MockServer
from ltx_mock.engine import responses
from ltx_mock.testing.tenant import World
from ltx_mock_contracts import MalformedBody, parse_body, validate_request
from ltx_mock_contracts.validation import validate_parsed_request
from ltx_mock_contracts.validation.json_body import LARGE
from support.bodies import TEXT, message_in, request_body
from support.counting import calls_of

MANY = 100_000
MOST_CALLS = 30_000
"""A hundred findings, the most there are, take 24,075 calls where each is an unknown field (CPython 3.11)."""
INPUT = {"mode": "image-to-video-LoRA", "prompt": "x", "resolution": "480p", "duration": 5}
VALID = json.dumps(request_body()).encode()[:-1]


def many(item: str, count: int = MANY) -> bytes:
    return VALID + b', "x": [' + b",".join([item.encode()] * count) + b"]}"


def unknown_fields() -> dict[str, int]:
    return {f"x{number}": 1 for number in range(90_000)}


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nested arrays": lambda: many("[" * 55 + "]" * 55, 9000),
    "nested objects": lambda: many('{"a":' * 30 + "1" + "}" * 30, 4000),
    "empty arrays": lambda: many("[]", 300_000),
    "empty objects": lambda: many("{}", 300_000),
    "small objects": lambda: many('{"a":{}}'),
    "whole numbers": lambda: many("1", 400_000),
    "numbers": lambda: many("1.5", 200_000),
    "long numbers": lambda: many("9" * 299, 3000),
    "brackets in strings": lambda: many('"[{\\"["'),
    "unknown fields": lambda: json.dumps(unknown_fields()).encode(),
    "unknown fields of input": lambda: json.dumps({"input": TEXT | unknown_fields()}).encode(),
    "URLs of images": lambda: json.dumps({"input": INPUT | {"image_urls": ["http://a/"] * 80_000}}).encode(),
    "no URLs of images": lambda: json.dumps({"input": INPUT | {"image_urls": [1] * 400_000}}).encode(),
    "LoRAs": lambda: json.dumps({"input": INPUT | {"loras": [{}] * 250_000}}).encode(),
    "a deep end": lambda: b"[" * 1_000_000,
    "a long number": lambda: b"9" * 1_000_000,
    "an array of objects": lambda: b"[" + b",".join([b"{}"] * 300_000) + b"]",
}
NO_JSON = {"a deep end", "a long number"}
OBJECTS = list(HOSTILE)[8:14]


def judge(body: object) -> None:
    findings = validate_parsed_request(body)
    assert len(findings) <= 100
    assert len(responses.invalid(findings).body) < 5000


judge({})  # schemas are compiled once


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in NO_JSON])
def test_a_mebibyte_is_judged_without_a_call_for_each_of_its_parts(name: str) -> None:
    body = json.loads(HOSTILE[name]())
    assert calls_of(lambda: judge(body)) < MOST_CALLS


@pytest.mark.parametrize("item", ["[]", "{}", "1", "1.5", '"a"', '{"a":1}', "[[[]]]"])
def test_no_single_call_of_c_code_reads_more_than_one_part(item: str) -> None:
    raw = many(item, LARGE // len(item))
    assert calls_of(lambda: parse_body(raw)) >= LARGE // len(item)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_large_body_is_read_like_a_small_one(name: str) -> None:
    short = HOSTILE[name]()[:9000]
    for each in (short, short + b" " * LARGE):
        try:
            told: object = parse_body(each)
        except MalformedBody as problem:
            told = problem.finding.message.partition(" at line")[0]
        if each is short:
            expected = told
    assert told == expected


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ('"a": 1, "a": 2', 'it has the key "a" twice in one object'),
        ('"a": [{"b": {"c": 1, "c": 1}}]', 'it has the key "c" twice in one object'),
        ('"a": 1e999', "too large for a double"),
        ('"a": -1E+400', "too large for a double"),
        (f'"a": [[{"9" * 301}]]', "too large for a double"),
        (f'"a": {"9" * 5000}', "too large for a double"),
        ('"a": NaN', "NaN, which is not JSON"),
        ('"a": ' + "[" * 64 + "]" * 64, "nested deeper than 64 levels"),
        (r'"a": "\\", "b": ' + "[" * 64 + "]" * 64, "nested deeper than 64 levels"),
        (r'"a\"": {"[": 1, "[": 2}', 'it has the key "[" twice in one object'),
    ],
)
def test_what_is_wrong_in_a_large_body_is_found(end: str, message: str) -> None:
    for filling in ("", "x" * 20_000):
        raw = b'{"filling": "%b", %b}' % (filling.encode(), end.encode())
        with pytest.raises(MalformedBody, match=message.replace("[", r"\[")):
            parse_body(raw)


@pytest.mark.parametrize(
    "text",
    [r'"\\", "[[" , "\"]"', r'{"a\\": ["\\\"{"], ":": "::"}', '"", "", {"": ""}', "1e100, 1E308, 0.1e-999", '"9e999"'],
)
def test_what_is_right_in_a_large_body_is_let_through(text: str) -> None:
    raw = b'["%b", %b, %b]' % (b"x" * 20_000, text.encode(), b"[" * 63 + b"]" * 63)
    assert parse_body(raw) == json.loads(raw)


@pytest.mark.sample
@pytest.mark.parametrize("name", OBJECTS)
def test_a_parsed_body_gets_the_findings_of_any_other(name: str) -> None:
    raw = HOSTILE[name]()
    body = parse_body(raw)
    parsed, other = validate_parsed_request(body), validate_request(body)
    assert {(each.rule, each.pointer) for each in parsed} == {(each.rule, each.pointer) for each in other}


def test_one_request_brings_at_most_a_hundred_scenarios(server: MockServer, world: World) -> None:
    scenarios = [{"name": "stuck"}] * 15_000
    with world.client(verify=False) as client:
        answer = client.post(f"{server.url}/__admin/tenants", json={"key": "full", "settings": {"scenario": scenarios}})
    assert answer.status_code == 400
    assert "at most 100, not of 15000" in answer.json()["error"]


def test_a_refusal_says_how_many_more_there_are() -> None:
    findings = validate_parsed_request(parse_body(HOSTILE["LoRAs"]()))
    message = message_in(responses.invalid(findings).body, 400)
    assert message.endswith(f"and {len(findings) - 5} more")
