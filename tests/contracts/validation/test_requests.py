"""Judging requests: every rule of generateTask from both sides, and the words of the findings."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from importlib.resources import files
from typing import Any

import pytest

import ltx_mock_contracts
from ltx_mock_contracts import Finding, GenerateRequest, Lora, validate_request
from ltx_mock_contracts.validation.explain import FINDINGS_LIMIT

MODES = ["text-to-video", "image-to-video", "text-to-video-LoRA", "image-to-video-LoRA"]
IMAGE = "https://example.com/ref.jpg"
LORA: dict[str, Any] = {"path": "https://huggingface.co/u/m.safetensors?download=true", "scale": 1.2}
ABSENT = object()
"""A value that stands for a field that is not there."""


def body(mode: str = "text-to-video", **changes: Any) -> dict[str, Any]:
    """A request without fault in this mode, then changed; what is no field of the request belongs to `input`."""
    given: dict[str, Any] = {"mode": mode, "prompt": "a fox", "resolution": "720p", "duration": 8}
    if mode.startswith("image"):
        given["image_urls"] = [IMAGE]
    if mode.endswith("LoRA"):
        given["loras"] = [copy.deepcopy(LORA)]
    request: dict[str, Any] = {"input": given}
    for name, value in changes.items():
        place = request if name in {"request_type", "callback_url", "provider", "input"} else given
        place[name] = value
    return {
        key: {k: v for k, v in value.items() if v is not ABSENT} if isinstance(value, dict) else value
        for key, value in request.items()
        if value is not ABSENT
    }


def rules(request: object) -> list[tuple[str, str]]:
    return [(finding.rule, finding.pointer) for finding in validate_request(request)]


def advisories(request: object) -> list[str]:
    findings = validate_request(request)
    assert {(finding.rule, finding.severity) for finding in findings} <= {("GEN-16", "advisory")}
    return [finding.pointer for finding in findings]


@pytest.mark.parametrize("mode", MODES)
def test_a_request_without_fault_has_no_finding(mode: str) -> None:
    assert validate_request(body(mode)) == []


EXCHANGES = sorted((files("ltx_mock_fixtures") / "exchanges").iterdir(), key=lambda file: file.name)


@pytest.mark.parametrize("file", [file for file in EXCHANGES if file.name.startswith("generate")], ids=lambda f: f.name)
def test_the_examples_of_the_documents_have_no_finding(file: Any) -> None:
    exchange = json.loads(file.read_text("utf-8"))
    assert validate_request(exchange["request"]["body"]) == []


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "{}", [], [{}]])
def test_gen_1_the_body_is_an_object(value: object) -> None:
    assert rules(value) == [("GEN-1", "")]


@pytest.mark.parametrize("value", ["async", ABSENT])
def test_gen_2_request_type_is_async_by_default(value: object) -> None:
    assert rules(body(request_type=value)) == []


@pytest.mark.parametrize("value", ["Async", "poll", "", None, 1, ["async"]])
def test_gen_2_request_type_is_async_or_callback(value: object) -> None:
    assert rules(body(request_type=value)) == [("GEN-2", "/request_type")]


def test_gen_3_a_callback_needs_its_url() -> None:
    assert rules(body(request_type="callback")) == [("GEN-3", "/callback_url")]
    assert rules(body(request_type="callback", callback_url="https://example.com/hook")) == []


@pytest.mark.parametrize("request_type", ["async", ABSENT])
def test_gen_3_a_polled_task_may_carry_a_callback_url(request_type: object) -> None:
    assert rules(body(request_type=request_type, callback_url="https://example.com/hook")) == []


@pytest.mark.parametrize("request_type", ["async", "callback"])
@pytest.mark.parametrize("value", ["", "example.com", "ftp://example.com", "https://", None, 5, "https://a b/"])
def test_gen_4_callback_url_is_absolute(request_type: str, value: object) -> None:
    assert rules(body(request_type=request_type, callback_url=value)) == [("GEN-4", "/callback_url")]


@pytest.mark.parametrize("value", ["http://127.0.0.1:9/hook", "HTTPS://EXAMPLE.com"])
def test_gen_4_http_is_good_enough_for_a_local_receiver(value: str) -> None:
    assert rules(body(callback_url=value)) == []


@pytest.mark.parametrize(
    ("value", "good"), [("auto", 1), ("value", 1), ("official", 1), ("Auto", 0), (None, 0), (1, 0)]
)
def test_gen_5_provider(value: object, good: int) -> None:
    assert rules(body(provider=value)) == ([] if good else [("GEN-5", "/provider")])


@pytest.mark.parametrize("value", [ABSENT, None, [], "text", 1])
def test_gen_6_input_is_an_object(value: object) -> None:
    assert rules(body(input=value)) == [("GEN-6", "/input")]


@pytest.mark.parametrize(
    "value", [ABSENT, None, "", "text-to-video-lora", "Text-To-Video", "video", 1, ["text-to-video"]]
)
def test_gen_7_a_wrong_mode_is_the_only_thing_said_about_the_mode(value: object) -> None:
    request = body(mode="text-to-video", image_urls=[], loras=[], aspect_ratio="9:16")
    request["input"] |= {"mode": value}
    if value is ABSENT:
        del request["input"]["mode"]
    assert rules(request) == [("GEN-7", "/input/mode")]


def test_gen_7_a_wrong_mode_does_not_hide_what_is_wrong_in_every_mode() -> None:
    request = body(duration=4, aspect_ratio="4:3", loras=[{}], image_urls=None)
    request["input"]["mode"] = "video"
    assert [rule for rule, _ in rules(request)] == ["GEN-14", "GEN-7", "GEN-10", "GEN-11", "GEN-12", "GEN-16"]


@pytest.mark.parametrize(
    ("value", "good"),
    [("a", 1), (" ", 1), ("é" * 5000, 1), ("😀" * 5000, 1), ("", 0), ("a" * 5001, 0), (ABSENT, 0), (None, 0), (5, 0)],
)
def test_gen_8_prompt_is_counted_in_characters(value: object, good: int) -> None:
    assert rules(body(prompt=value)) == ([] if good else [("GEN-8", "/input/prompt")])


@pytest.mark.parametrize(
    ("value", "good"),
    [("480p", 1), ("720p", 1), ("1080p", 1), ("1080P", 0), ("4k", 0), (720, 0), (ABSENT, 0), (None, 0)],
)
def test_gen_9_resolution(value: object, good: int) -> None:
    assert rules(body(resolution=value)) == ([] if good else [("GEN-9", "/input/resolution")])


@pytest.mark.parametrize("value", [5, 20, 10.0])
def test_gen_10_duration_is_good(value: object) -> None:
    assert rules(body(duration=value)) == []


@pytest.mark.parametrize("value", [4, 21, -8, 7.5, 4.999, 1e300, 10**299, "10", True, None, [10], ABSENT])
def test_gen_10_duration_is_bad(value: object) -> None:
    assert rules(body(duration=value)) == [("GEN-10", "/input/duration")]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("value", ["16:9", "9:16"])
def test_gen_11_aspect_ratio_is_for_text_modes(mode: str, value: str) -> None:
    expected = [] if mode.startswith("text") else [("GEN-11", "/input/aspect_ratio")]
    assert rules(body(mode, aspect_ratio=value)) == expected


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("value", ["1:1", "16/9", "", None, 1.78])
def test_gen_11_a_wrong_aspect_ratio_is_wrong_once(mode: str, value: object) -> None:
    assert rules(body(mode, aspect_ratio=value)) == [("GEN-11", "/input/aspect_ratio")]


@pytest.mark.parametrize("mode", ["image-to-video", "image-to-video-LoRA"])
@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        ([IMAGE], []),
        (ABSENT, ["/input/image_urls"]),
        ([], ["/input/image_urls"]),
        ([IMAGE, IMAGE], ["/input/image_urls"]),
        (IMAGE, ["/input/image_urls"]),
        (None, ["/input/image_urls"]),
        (["ref.jpg"], ["/input/image_urls/0"]),
        ([None], ["/input/image_urls/0"]),
        ([IMAGE, "ref.jpg"], ["/input/image_urls/1", "/input/image_urls"]),
    ],
)
def test_gen_12_an_image_mode_needs_exactly_one_image(mode: str, value: object, pointers: list[str]) -> None:
    assert rules(body(mode, image_urls=value)) == [("GEN-12", pointer) for pointer in pointers]


@pytest.mark.parametrize("value", [1, 2147483647, -1, 54248617.0, ABSENT])
def test_gen_13_seed_is_good(value: object) -> None:
    assert rules(body(seed=value)) == []


@pytest.mark.parametrize("value", [0, -2, 2147483648, 1.5, "1", None, False, True, -0.0, 10**299])
def test_gen_13_seed_is_bad(value: object) -> None:
    assert rules(body(seed=value)) == [("GEN-13", "/input/seed")]


@pytest.mark.parametrize("mode", ["text-to-video", "image-to-video"])
@pytest.mark.parametrize("value", [[LORA], [], [{}], [LORA] * 4, "x", None])
def test_gen_14_loras_are_only_for_lora_modes_and_that_says_it_all(mode: str, value: object) -> None:
    assert rules(body(mode, loras=value)) == [("GEN-14", "/input/loras")]


@pytest.mark.parametrize("mode", ["text-to-video-LoRA", "image-to-video-LoRA"])
@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        ([LORA] * 3, []),
        ([LORA] * 4, ["/input/loras"]),
        (LORA, ["/input/loras"]),
        (None, ["/input/loras"]),
        ([LORA, "x"], ["/input/loras/1"]),
        ([{"scale": 1}], ["/input/loras/0/path"]),
        ([{"path": "m.safetensors", "scale": 1}], ["/input/loras/0/path"]),
        ([LORA | {"scale": "1.2"}], ["/input/loras/0/scale"]),
        ([LORA | {"scale": True}], ["/input/loras/0/scale"]),
        ([LORA | {"scale": None}], ["/input/loras/0/scale"]),
    ],
)
def test_gen_14_at_most_three_models_with_path_and_scale(mode: str, value: object, pointers: list[str]) -> None:
    assert rules(body(mode, loras=value)) == [("GEN-14", pointer) for pointer in pointers]


@pytest.mark.parametrize(
    ("request_body", "pointers"),
    [
        (body() | {"model": "ltx", "a/b~c": 1}, ["/model", "/a~1b~0c"]),
        (body(negative_prompt="x"), ["/input/negative_prompt"]),
        (body("text-to-video-LoRA", loras=[LORA | {"weight": 1}]), ["/input/loras/0/weight"]),
        (body(image_urls=[IMAGE]), ["/input/image_urls"]),
        (body(image_urls=[]), ["/input/image_urls"]),
        (body("text-to-video-LoRA", image_urls=["a", "b"]), ["/input/image_urls"]),
        (body("text-to-video-LoRA", loras=ABSENT), ["/input/loras"]),
        (body("image-to-video-LoRA", loras=[]), ["/input/loras"]),
        (body("text-to-video-LoRA", loras=[{"path": LORA["path"]}]), ["/input/loras/0/scale"]),
        (body("text-to-video-LoRA", loras=[LORA | {"scale": 0.49}]), ["/input/loras/0/scale"]),
        (body("text-to-video-LoRA", loras=[LORA | {"scale": 2.01}]), ["/input/loras/0/scale"]),
        (body("text-to-video-LoRA", loras=[LORA | {"scale": -1}]), ["/input/loras/0/scale"]),
        (body("text-to-video-LoRA", loras=[LORA | {"scale": 0.5}, LORA | {"scale": 2}]), []),
    ],
)
def test_gen_16_what_nobody_forbids_is_an_advisory(request_body: object, pointers: list[str]) -> None:
    assert advisories(request_body) == pointers


@pytest.mark.parametrize(
    ("query", "good"),
    [
        ("?download=true", 1),
        ("?download", 1),
        ("?a=b&download=1#x", 1),
        ("", 0),
        ("?a=b", 0),
        ("?downloads=1", 0),
        ("#?download=true", 0),
        ("/download", 0),
    ],
)
def test_gen_16_a_lora_url_should_ask_for_the_download(query: str, good: int) -> None:
    request = body("text-to-video-LoRA", loras=[{"path": f"https://example.com/m.safetensors{query}", "scale": 1}])
    assert advisories(request) == ([] if good else ["/input/loras/0/path"])


MESSAGES = [
    ([1, 2], "the body must be a JSON object, but is an array of 2 items"),
    ({}, "input is missing; it must be an object with the parameters of the model"),
    (body(duration=25), "input.duration must be a whole number of seconds from 5 to 20, but is 25"),
    (body(duration="10"), 'input.duration must be a whole number of seconds from 5 to 20, but is "10"'),
    (body(duration=True), "input.duration must be a whole number of seconds from 5 to 20, but is true"),
    (
        body(duration=10**299),
        "input.duration must be a whole number of seconds from 5 to 20, but is a very large number",
    ),
    (body(seed=None), "input.seed must be a whole number from 1 to 2147483647, or -1, but is null"),
    (body(prompt=ABSENT), "input.prompt is missing; it must be a string of 1 to 5000 characters"),
    (body(prompt=""), 'input.prompt must be a string of 1 to 5000 characters, but is ""'),
    (
        body(prompt="ab" * 3000),
        f'input.prompt must be a string of 1 to 5000 characters, but is "{"ab" * 36}…" (6000 characters)',
    ),
    (
        body(resolution="720P"),
        'input.resolution must be "480p", "720p" or "1080p", but is "720P"; did you mean "720p"?',
    ),
    (body(resolution={"a": 1}), 'input.resolution must be "480p", "720p" or "1080p", but is an object of 1 field'),
    (
        body(provider="offical"),
        'provider must be "auto", "value" or "official", but is "offical"; did you mean "official"?',
    ),
    (
        body(request_type="callback"),
        'callback_url is missing; it must be an absolute http or https URL when request_type is "callback"',
    ),
    (body(callback_url="a\u202eb"), 'callback_url must be an absolute http or https URL, but is "a\\u202eb"'),
    (body("image-to-video", aspect_ratio="16:9"), "input.aspect_ratio is allowed only in the two text-to-video modes"),
    (
        body("image-to-video", image_urls=[]),
        "input.image_urls must be an array of exactly one absolute http or https URL, but is an empty array",
    ),
    (
        body("image-to-video", image_urls=ABSENT),
        "input.image_urls is missing; it must be an array of exactly one absolute http or https URL",
    ),
    (
        body("image-to-video", image_urls=["片.jpg"]),
        'input.image_urls[0] must be an absolute http or https URL, but is "片.jpg"',
    ),
    (body(image_urls=[IMAGE]), "input.image_urls is used only in the two image-to-video modes"),
    (body(loras=[LORA]), "input.loras is allowed only in the two LoRA modes"),
    (
        body("text-to-video-LoRA", loras=ABSENT),
        "input.loras is missing; it should be an array of 1 to 3 LoRA models in this mode",
    ),
    (
        body("text-to-video-LoRA", loras=[LORA | {"scale": 3}]),
        "input.loras[0].scale should be a number from 0.5 to 2.0, but is 3",
    ),
    (
        body("text-to-video-LoRA", loras=[LORA | {"path": "https://a/m"}]),
        'input.loras[0].path should be a URL with a download parameter, as in ?download=true, but is "https://a/m"',
    ),
    (body(promt="x"), 'input.promt is not a field that the API knows; did you mean "input.prompt"?'),
    (
        body() | {"callbackUrl": "x"},
        'callbackUrl is not a field that the API knows; did you mean "callback_url"? As it is, no callback is sent',
    ),
    (body() | {"a b\n": "x"}, '["a b\\n"] is not a field that the API knows'),
    (body() | {"k" * 99: "x"}, f'["{"k" * 40}…" (99 characters)] is not a field that the API knows'),
    (
        body(seed=float("nan")),
        "the body must be a JSON object in UTF-8, but it has a number that is not finite or too large for a double",
    ),
    (body(seed=b"1"), "the body must be a JSON object in UTF-8, but it has a Python bytes, which is not a JSON value"),
]


@pytest.mark.parametrize(("request_body", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_the_words_of_a_finding(request_body: object, message: str) -> None:
    assert [finding.message for finding in validate_request(request_body)] == [message]


@pytest.mark.parametrize(
    ("change", "meant", "lost"),
    [
        *(
            ({name: "https://a/hook"}, "callback_url", "no callback is sent")
            for name in (
                "webhook",
                "webhook_url",
                "webhookUrl",
                "callBackUrl",
                "callback",
                "callback-url",
                "notify_url",
            )
        ),
        ({"Provider": "value"}, "provider", "the provider is chosen automatically"),
        ({"requestType": "callback"}, "request_type", "the task is async"),
        ({"aspect_ratio": "9:16"}, "input.aspect_ratio", "the video is 16:9"),
        ({"image": "https://a/b.jpg"}, "input.image_urls", "no image is used"),
    ],
)
def test_gen_16_an_unknown_field_says_which_was_meant_and_what_is_lost(
    change: dict[str, Any], meant: str, lost: str
) -> None:
    [finding] = validate_request(body() | change)
    assert (finding.rule, finding.severity) == ("GEN-16", "advisory")
    assert finding.message.endswith(f'; did you mean "{meant}"? As it is, {lost}')


@pytest.mark.parametrize(
    ("name", "meant", "lost"),
    [
        *(
            (name, "input.image_urls", "no image is used")
            for name in ("image_url", "imageUrls", "images", "firstFrame")
        ),
        *((name, "input.aspect_ratio", "the video is 16:9") for name in ("aspectRatio", "ratio", "aspect-ratio")),
        *((name, "input.loras", "no LoRA is applied") for name in ("lora", "Loras", "lora_url")),
        ("random_seed", "input.seed", "the seed is chosen automatically"),
        ("webhook", "callback_url", "no callback is sent"),
    ],
)
def test_gen_16_so_does_an_unknown_field_of_input(name: str, meant: str, lost: str) -> None:
    [finding] = validate_request(body(**{name: "x"}))
    assert finding.message.endswith(f'; did you mean "{meant}"? As it is, {lost}')


@pytest.mark.parametrize(
    ("name", "meant"), [("length", "duration"), ("size", "resolution"), ("text", "prompt"), ("Mode", "mode")]
)
def test_gen_16_a_required_field_under_another_name_is_missing_and_unknown(name: str, meant: str) -> None:
    given = body()["input"]
    given[name] = given.pop(meant)
    absent, unknown = validate_request({"input": given})
    assert (absent.pointer, absent.severity) == (f"/input/{meant}", "violation")
    assert f'did you mean "input.{meant}"? As it is, the value is ignored' in unknown.message


def test_gen_16_a_lora_has_its_own_fields() -> None:
    lora = {"path": "https://a/m?download=true", "strength": 0.8}
    messages = {
        finding.pointer: finding.message for finding in validate_request(body("text-to-video-LoRA", loras=[lora]))
    }
    assert list(messages) == ["/input/loras/0/scale", "/input/loras/0/strength"]
    assert messages["/input/loras/0/strength"].endswith('; did you mean "scale"? As it is, the scale is 1.0')


@pytest.mark.parametrize("name", ["negative_prompt", "fps", "x", "", "camera", "user", "metadata"])
def test_gen_16_nothing_is_guessed_for_a_field_that_has_no_counterpart(name: str) -> None:
    for request in (body() | {name: 1}, {"input": body()["input"] | {name: 1}}):
        [finding] = validate_request(request)
        assert finding.message.endswith("is not a field that the API knows")


def test_gen_16_nothing_is_lost_where_the_field_is_given_too() -> None:
    [finding] = validate_request(body() | {"callback_url": "https://a/", "webhook": "https://b/"})
    assert finding.message == 'webhook is not a field that the API knows; did you mean "callback_url"?'


def test_the_vendors_own_client_sends_source_which_is_known() -> None:
    assert validate_request(body() | {"source": "mcp"}) == []
    assert [finding.pointer for finding in validate_request(body(source="mcp"))] == ["/input/source"]


def test_a_finding_as_data() -> None:
    [finding] = validate_request(body(duration=25))
    assert finding == Finding(
        rule="GEN-10",
        severity="violation",
        pointer="/input/duration",
        got="25",
        allowed="a whole number of seconds from 5 to 20",
        message="input.duration must be a whole number of seconds from 5 to 20, but is 25",
    )
    assert json.loads(json.dumps(finding.as_dict())) == {
        name: getattr(finding, name) for name in ("rule", "severity", "pointer", "got", "allowed", "message")
    }


def test_violations_come_first_then_what_is_deeper_then_the_order_of_the_rules() -> None:
    request = body("image-to-video-LoRA", duration=1, prompt="", loras=[{"path": "x"}], image_urls=[1], extra=1)
    assert rules(request | {"provider": "x"}) == [
        ("GEN-14", "/input/loras/0/path"),
        ("GEN-12", "/input/image_urls/0"),
        ("GEN-8", "/input/prompt"),
        ("GEN-10", "/input/duration"),
        ("GEN-5", "/provider"),
        ("GEN-16", "/input/loras/0/scale"),
        ("GEN-16", "/input/extra"),
    ]


def test_the_order_of_the_keys_does_not_change_the_order_of_the_findings() -> None:
    request = body(duration=1, prompt="", seed=0, resolution="")
    turned = {"input": dict(reversed(request["input"].items()))}
    assert validate_request(request) == validate_request(turned)


@pytest.mark.parametrize("wide", [{f"x{n}": n for n in range(5000)}, body("image-to-video", image_urls=[1] * 5000)])
def test_a_hostile_body_does_not_buy_findings_without_end(wide: object) -> None:
    assert 0 < len(validate_request(wide)) <= FINDINGS_LIMIT


def test_nothing_that_python_can_hold_makes_it_raise() -> None:
    loop: list[Any] = []
    loop.append(loop)
    for value in [
        10**5000,
        -(10**5000),
        float("inf"),
        float("nan"),
        "\ud800",
        {"\ud800": 1},
        {1: 2},
        {1, 2},
        b"",
        loop,
    ]:
        for request in (
            value,
            body(seed=value),
            body(prompt=value),
            {"input": {"mode": value}},
            body(extra=value),
            [value],
        ):
            assert all(finding.as_dict() for finding in validate_request(request))
        assert validate_request(body(seed=value))


def test_a_tuple_is_an_array() -> None:
    assert validate_request(body("image-to-video", image_urls=(IMAGE,), seed=0)) == validate_request(body(seed=0))
    assert validate_request(body("image-to-video", image_urls=(IMAGE,))) == []


def test_the_smallest_request_gets_every_default() -> None:
    request = GenerateRequest.from_body(body(duration=8.0))
    assert request == GenerateRequest(mode="text-to-video", prompt="a fox", resolution="720p", duration=8)
    assert isinstance(request.duration, int)
    assert (request.request_type, request.provider, request.aspect_ratio) == ("async", "auto", "16:9")
    assert (request.callback_url, request.image_urls, request.seed, request.loras) == (None, (), None, ())


def test_a_full_request_is_read_as_it_is_written() -> None:
    given = body("image-to-video-LoRA", request_type="callback", callback_url=IMAGE, provider="official", seed=7.0)
    given["input"]["loras"].append({"path": IMAGE})
    assert GenerateRequest.from_body(given) == GenerateRequest(
        request_type="callback",
        callback_url=IMAGE,
        provider="official",
        mode="image-to-video-LoRA",
        prompt="a fox",
        resolution="720p",
        duration=8,
        image_urls=(IMAGE,),
        seed=7,
        loras=(Lora(LORA["path"], 1.2), Lora(IMAGE, 1.0)),
    )


def test_minus_one_is_no_seed_and_an_unused_image_is_no_image() -> None:
    plain = GenerateRequest.from_body(body())
    assert GenerateRequest.from_body(body(seed=-1, image_urls=[IMAGE], aspect_ratio="16:9")) == plain


@pytest.mark.parametrize("mode", MODES)
def test_a_request_knows_what_its_mode_means(mode: str) -> None:
    request = GenerateRequest.from_body(body(mode))
    assert (request.is_image, request.is_lora) == (mode.startswith("image"), mode.endswith("LoRA"))
    assert (bool(request.image_urls), bool(request.loras)) == (request.is_image, request.is_lora)


def test_the_public_names_are_there_and_sorted() -> None:
    names = ltx_mock_contracts.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert all(getattr(ltx_mock_contracts, name) is not None for name in names)
    assert set(names) <= set(dir(ltx_mock_contracts))
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        ltx_mock_contracts.nope  # noqa: B018


def test_a_good_request_does_not_wait_for_the_explaining_validator() -> None:
    script = f"import sys, ltx_mock_contracts as c; c.validate_request({body()!r}); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "jsonschema_rs" in loaded
    assert not {"jsonschema", "difflib", "hypothesis", "pytest", "ltx_mock"} & set(loaded)


def test_importing_the_package_loads_no_validator() -> None:
    script = "import sys, ltx_mock_contracts; ltx_mock_contracts.validate_request; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "ltx_mock_contracts.validation" in loaded
    assert not {"jsonschema", "jsonschema_rs"} & set(loaded)
