"""The facts of the model: they keep their form, agree with the schema of its requests, and are read as typed values."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

import ltx_mock_schemas
from ltx_mock_contracts import GenerateRequest, validate_request
from ltx_mock_contracts.model import FAIL_CODES, MODEL, MODES, RESOLUTIONS, SPEC_FAIL_CODES, VENDOR_FAIL_CODES, Model

INPUT = ltx_mock_schemas.schema("generate-request")["$defs"]["modelInput"]
FIELDS: dict[str, Any] = INPUT["properties"]
FILES: dict[str, Any] = {
    "image_urls": ["https://example.com/reference.jpg"],
    "loras": [{"path": "https://example.com/style.safetensors?download=true", "scale": 1}],
    "aspect_ratio": MODEL.aspect_ratio,
}


def body(mode: str, *fields: str) -> dict[str, Any]:
    """Return a request of a mode with these fields, beside those of every mode."""
    plain = {"mode": mode, "prompt": "a", "resolution": RESOLUTIONS[0], "duration": MODEL.durations.low}
    return {"input": plain | {name: FILES[name] for name in fields}}


def severities(request: dict[str, Any]) -> list[str]:
    return [finding.severity for finding in validate_request(request)]


@pytest.mark.parametrize("name", ltx_mock_schemas.models())
def test_the_facts_of_each_model_keep_their_form(name: str) -> None:
    facts = ltx_mock_schemas.model(name)
    jsonschema.validate(facts, ltx_mock_schemas.schema("model"))
    assert facts["id"] == name
    assert Model.from_facts(facts).id == name


def test_the_first_model_is_the_model_of_the_api() -> None:
    assert ltx_mock_schemas.models()[0] == MODEL.id


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    with pytest.raises(LookupError, match=f"no model is called 'nope'; there are {MODEL.id}"):
        ltx_mock_schemas.model("nope")


def test_what_a_caller_does_to_the_facts_stays_with_the_caller() -> None:
    ltx_mock_schemas.model().clear()
    assert ltx_mock_schemas.model()["id"] == MODEL.id
    MODEL.example()["input"].clear()
    assert MODEL.example()["input"]["mode"] == MODES[0]


def test_they_name_the_values_that_the_schema_of_requests_allows() -> None:
    assert list(MODES) == FIELDS["mode"]["enum"]
    assert list(RESOLUTIONS) == FIELDS["resolution"]["enum"]
    assert list(MODEL.aspect_ratios) == FIELDS["aspect_ratio"]["enum"]
    assert MODEL.durations == (FIELDS["duration"]["minimum"], FIELDS["duration"]["maximum"])
    for resolution in MODEL.resolutions.values():
        assert set(resolution.sizes) == set(MODEL.aspect_ratios)


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_needs_what_the_schema_of_requests_asks_for(mode: str) -> None:
    facts = MODEL.modes[mode]
    assert {*facts.requires, *facts.recommends} <= set(facts.takes) <= set(FIELDS)
    assert severities(body(mode, *facts.takes)) == []
    for field in facts.requires:
        assert severities(body(mode, *{*facts.takes} - {field})) == ["violation"]
    for field in facts.recommends:
        assert severities(body(mode, *{*facts.takes} - {field})) == ["advisory"]
    for field in set(FILES) - set(facts.takes):
        assert severities(body(mode, *facts.takes, field)) in (["violation"], ["advisory"])


@pytest.mark.rule("TASK-8")
@pytest.mark.parametrize(("resolution", "seconds"), [("480p", (40, 60)), ("720p", (60, 90)), ("1080p", (90, 120))])
@pytest.mark.parametrize("mode", MODES)
def test_a_generation_takes_the_documented_time(mode: str, resolution: str, seconds: tuple[int, int]) -> None:
    extra = (10, 20) if mode in {"text-to-video-LoRA", "image-to-video-LoRA"} else (0, 0)
    expected = tuple(1000 * (least + more) for least, more in zip(seconds, extra, strict=True))
    assert MODEL.generation_ms(mode, resolution) == expected
    assert GenerateRequest(mode=mode, prompt="x", resolution=resolution, duration=5).generation_ms == expected


def test_the_fail_codes_are_those_of_the_schema_of_statuses() -> None:
    failed = ltx_mock_schemas.schema("status-response")["$defs"]["failedTask"]["properties"]["failCode"]
    assert failed["x-extensible-enum"] == list(FAIL_CODES)
    assert (*SPEC_FAIL_CODES, *VENDOR_FAIL_CODES) == FAIL_CODES


@pytest.mark.parametrize("field", ["prompt", "image_urls", "loras"])
def test_what_fails_by_itself_is_a_code_of_the_models_own_page(field: str) -> None:
    assert MODEL.fail_code_of(field) in SPEC_FAIL_CODES
    assert field in FIELDS


def test_a_field_that_brings_about_no_failure_has_no_code() -> None:
    with pytest.raises(LookupError, match="seed brings about no failure"):
        MODEL.fail_code_of("seed")


@pytest.mark.parametrize("name", MODEL.examples)
def test_the_examples_are_good_but_for_the_invalid_one(name: str) -> None:
    request = MODEL.example(name, root="http://127.0.0.1:8219")
    assert bool(severities(request)) is (name == "invalid")
    assert "{" not in str(request["input"].get("image_urls", ""))


def test_another_model_is_read_from_facts_of_its_own() -> None:
    span = [1000, 2000]
    facts = {
        "id": "tiny-images",
        "modes": {"text-to-image": {"requires": [], "recommends": [], "takes": []}},
        "resolutions": {"64p": {"sizes": {"1:1": [64, 64]}, "generationMs": span, "price": 0}},
        "aspectRatios": ["1:1"],
        "durations": [1, 1],
        "loraMs": [0, 0],
        "result": {"mediaType": "image/png", "suffix": ".png"},
        "failCodes": {"NO_IDEA": {"source": "spec", "field": "prompt", "message": "No.", "failsAfterMs": [1, 2]}},
        "otherFailure": {"message": "It failed", "failsAfterMs": [3, 4]},
        "examples": {"text": {"input": {"mode": "text-to-image"}}},
    }
    jsonschema.validate(facts, ltx_mock_schemas.schema("model"))
    model = Model.from_facts(facts)
    assert (model.status_path, model.aspect_ratio, model.result.suffix) == ("/statusTask/tiny-images", "1:1", ".png")
    assert model.generation_ms("text-to-image", "64p") == model.any_generation_ms() == (1000, 2000)
    assert model.modes_without("loras") == ("text-to-image",)
    assert model.fail_codes[model.fail_code_of("prompt")].fails_after_ms == (1, 2)
    assert model.other_failure.fails_after_ms == (3, 4)
