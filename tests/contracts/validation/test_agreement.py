"""Findings say what the schemas say: nothing more, nothing less."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema_rs
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import ltx_mock_schemas
from ltx_mock_contracts import RULES, Finding, GenerateRequest, parse_body, validate_request
from ltx_mock_contracts.validation.explain import sort_findings

BASE = ltx_mock_schemas.schema("generate-request")
STRICT = ltx_mock_schemas.schema("generate-request-strict")
EXPLAINING = {"base": Draft202012Validator(BASE), "strict": Draft202012Validator(STRICT)}
COMPILED = {"base": jsonschema_rs.Draft202012Validator(BASE), "strict": jsonschema_rs.Draft202012Validator(STRICT)}

URLS = st.sampled_from(
    [
        "https://example.com/a.jpg",
        "http://h/m?download=1",
        "HTTPS://h?download",
        "https://h/#?download",
        "h/a.jpg",
        "http://h\n",
        "",
    ]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
JSON = st.recursive(
    SCALARS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)
EDGES = [0, -1, 1, 4, 5, 20, 21, 10.0, 7.5, 0.5, 2.0, 2.01, 2147483647, 2147483648, -0.0, "", "a" * 5000, "a" * 5001]
WORDS = ["async", "callback", "Auto", "480p", "16:9", "9:16", "text-to-video", "image-to-video-LoRA", [], {}, [[]]]
NEAR = st.sampled_from([*EDGES, *WORDS])
LORAS = st.lists(st.fixed_dictionaries({"path": URLS}, optional={"scale": st.floats(-1, 3)}), max_size=4)
MODES = st.sampled_from(["text-to-video", "image-to-video", "text-to-video-LoRA", "image-to-video-LoRA"])
NEAR_VALID = st.fixed_dictionaries(
    {
        "input": st.fixed_dictionaries(
            {
                "mode": MODES,
                "prompt": st.text(min_size=1, max_size=9),
                "resolution": st.sampled_from(["480p", "720p", "1080p"]),
                "duration": st.integers(5, 20),
            },
            optional={
                "aspect_ratio": st.sampled_from(["16:9", "9:16"]),
                "image_urls": st.lists(URLS, max_size=2),
                "seed": st.integers(-1, 2),
                "loras": LORAS,
            },
        )
    },
    optional={
        "request_type": st.sampled_from(["async", "callback"]),
        "callback_url": URLS,
        "provider": st.just("auto"),
    },
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [deeper for key, child in items for deeper in paths(child, (*path, key))]


@st.composite
def requests(draw: st.DrawFn) -> Any:
    """A valid or nearly valid request, with up to two places changed, removed or renamed."""
    body = copy.deepcopy(draw(NEAR_VALID))
    for _ in range(draw(st.integers(0, 2))):
        *way, last = draw(st.sampled_from(paths(body) or [("input",)]))
        parent: Any = body
        for step in way:
            parent = parent[step]
        action = draw(st.sampled_from(["replace", "remove", "rename"]))
        old = parent.pop(last) if last in parent or isinstance(parent, list) else None
        if action == "replace":
            new = draw(NEAR | JSON)
            parent.insert(last, new) if isinstance(parent, list) else parent.update({last: new})
        if action == "rename" and isinstance(parent, dict):
            parent[draw(st.sampled_from([last.upper(), last + "s", "x/y", "~"]))] = old
    return body


def lookup(body: Any, pointer: str) -> tuple[bool, Any]:
    """Resolve a JSON pointer (RFC 6901); tell whether it leads to a value, and give it or what it is missing in."""
    value = body
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name not in value:
            return False, value
        value = value[int(name)] if isinstance(value, list) else value[name]
    return True, value


def check(body: Any) -> list[Finding]:
    findings = validate_request(body)
    violations = [finding for finding in findings if finding.severity == "violation"]
    for validators in (EXPLAINING, COMPILED):
        assert validators["base"].is_valid(body) is (not violations)
        assert validators["strict"].is_valid(body) is (not findings)
    for finding in findings:
        assert finding.rule in RULES
        assert (finding.rule == "GEN-16") is (finding.severity == "advisory")
        found, value = lookup(body, finding.pointer)
        assert found is (finding.got != "nothing")
        assert found or (isinstance(value, dict) and finding.message.partition(" is missing; it ")[2])
        assert all((finding.allowed, finding.got, finding.message))
        assert finding.message.isprintable()
        assert len(finding.got) <= 120
    assert len({(finding.pointer, finding.rule) for finding in findings}) == len(findings)
    assert findings == sort_findings(findings)
    assert "under any of the given schemas" not in str(findings)
    return findings


@given(JSON)
def test_findings_agree_with_the_schemas_on_any_json(body: Any) -> None:
    check(body)


@given(requests())
@example({"input": {"mode": "text-to-video", "prompt": "p", "resolution": "480p", "duration": 5, "image_urls": [None]}})
def test_findings_agree_with_the_schemas_on_nearly_valid_requests(body: Any) -> None:
    findings = check(body)
    if all(finding.severity == "advisory" for finding in findings):
        request = GenerateRequest.from_body(body)
        assert hash(request) == hash(GenerateRequest.from_body(copy.deepcopy(body)))


@given(requests())
def test_a_request_is_judged_alike_before_and_after_it_was_sent(body: Any) -> None:
    assert validate_request(parse_body(json.dumps(body).encode())) == validate_request(body)


@given(requests())
def test_judging_changes_nothing_in_the_request(body: Any) -> None:
    before = copy.deepcopy(body)
    validate_request(body)
    assert body == before
