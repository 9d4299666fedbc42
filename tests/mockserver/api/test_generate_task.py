"""generateTask over HTTP: which bodies it takes, which it refuses, and what a refusal leaves behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.testing.tenant import World
from support.bodies import IMAGE, IMAGE_LORA, LORAS, TEXT, TEXT_LORA, data_of, message_of, post
from support.bodies import request_body as body

HOOK = "http://127.0.0.1:9/hook"
NO_OBJECTS: list[object] = [[], "text", 5, None, True]


def called_back(**outer: Any) -> dict[str, Any]:
    return {"request_type": "callback", **outer, **body()}


ACCEPTED = [
    pytest.param(body(TEXT), id="text", marks=pytest.mark.rule("GEN-1", "GEN-6", "GEN-7")),
    pytest.param(body(IMAGE), id="image", marks=pytest.mark.rule("GEN-7", "GEN-12")),
    pytest.param(body(TEXT_LORA), id="text and LoRA", marks=pytest.mark.rule("GEN-7", "GEN-14")),
    pytest.param(body(IMAGE_LORA), id="image and LoRA", marks=pytest.mark.rule("GEN-7", "GEN-12", "GEN-14")),
    pytest.param({"request_type": "async", **body()}, id="async", marks=pytest.mark.rule("GEN-2")),
    pytest.param(called_back(callback_url=HOOK), id="callback", marks=pytest.mark.rule("GEN-2", "GEN-4")),
    pytest.param(called_back(callback_url="https://a.example/h?x=1"), id="https", marks=pytest.mark.rule("GEN-4")),
    pytest.param({"callback_url": HOOK, **body()}, id="unused callback_url", marks=pytest.mark.rule("GEN-3")),
    *(
        pytest.param({"provider": provider, **body()}, id=provider, marks=pytest.mark.rule("GEN-5"))
        for provider in ("auto", "value", "official")
    ),
    *(
        pytest.param(body(prompt=prompt), id=f"prompt of {len(prompt.encode())} bytes", marks=pytest.mark.rule("GEN-8"))
        for prompt in ("x", "é" * 5000, "𝄞" * 5000)
    ),
    *(
        pytest.param(body(resolution=size), id=size, marks=pytest.mark.rule("GEN-9"))
        for size in ("480p", "720p", "1080p")
    ),
    *(
        pytest.param(body(duration=seconds), id=f"{seconds} seconds", marks=pytest.mark.rule("GEN-10"))
        for seconds in (5, 20, 7.0)
    ),
    *(
        pytest.param(body(source, aspect_ratio=ratio), id=f"{ratio} {source['mode']}", marks=pytest.mark.rule("GEN-11"))
        for ratio in ("16:9", "9:16")
        for source in (TEXT, TEXT_LORA)
    ),
    *(
        pytest.param(body(seed=seed), id=f"seed {seed}", marks=pytest.mark.rule("GEN-13"))
        for seed in (1, 2147483647, -1)
    ),
    pytest.param(body(TEXT_LORA, loras=LORAS * 3), id="three LoRAs", marks=pytest.mark.rule("GEN-14")),
]

REFUSED = [
    *(pytest.param(value, "the body", id=f"body {value!r}", marks=pytest.mark.rule("GEN-1")) for value in NO_OBJECTS),
    pytest.param({"request_type": "sync", **body()}, "request_type", id="sync", marks=pytest.mark.rule("GEN-2")),
    pytest.param(called_back(), "callback_url", id="no callback_url", marks=pytest.mark.rule("GEN-3")),
    *(
        pytest.param(called_back(callback_url=url), "callback_url", id=f"hook {url}", marks=pytest.mark.rule("GEN-4"))
        for url in ("", "/hook", "ftp://a.example/", "http://", "http://a b/", 5, None, ["http://a.example"])
    ),
    pytest.param({"provider": "Auto", **body()}, "provider", id="Auto", marks=pytest.mark.rule("GEN-5")),
    pytest.param({}, "input", id="no input", marks=pytest.mark.rule("GEN-6")),
    *(
        pytest.param({"input": value}, "input", id=f"input {value!r}", marks=pytest.mark.rule("GEN-6"))
        for value in NO_OBJECTS
    ),
    *(
        pytest.param(body(mode=mode), "input.mode", id=f"mode {mode}", marks=pytest.mark.rule("GEN-7"))
        for mode in (..., "", "text-to-video-lora", "Text-to-video", None, 1)
    ),
    *(
        pytest.param(body(prompt=prompt), "input.prompt", id=f"prompt {name}", marks=pytest.mark.rule("GEN-8"))
        for name, prompt in {"none": ..., "empty": "", "long": "x" * 5001, "null": None, "list": ["x"]}.items()
    ),
    *(
        pytest.param(body(resolution=size), "input.resolution", id=f"size {size}", marks=pytest.mark.rule("GEN-9"))
        for size in (..., "360p", "1080P", 1080, None)
    ),
    *(
        pytest.param(body(duration=length), "input.duration", id=f"{length!r} s", marks=pytest.mark.rule("GEN-10"))
        for length in (..., 4, 21, 5.5, "10", True, None, 10**200, -5)
    ),
    pytest.param(body(aspect_ratio="1:1"), "input.aspect_ratio", id="1:1", marks=pytest.mark.rule("GEN-11")),
    *(
        pytest.param(
            body(source, aspect_ratio="16:9"), "input.aspect_ratio", id=source["mode"], marks=pytest.mark.rule("GEN-11")
        )
        for source in (IMAGE, IMAGE_LORA)
    ),
    *(
        pytest.param(body(IMAGE, image_urls=urls), "input.image_urls", id=name, marks=pytest.mark.rule("GEN-12"))
        for name, urls in {
            "no image": ...,
            "an empty array": [],
            "two images": ["http://a.example/1.png"] * 2,
            "a bare string": "http://a.example/1.png",
            "a path": ["/1.png"],
            "a data URL": ["data:image/png;base64,AA=="],
            "not text": [7],
        }.items()
    ),
    *(
        pytest.param(body(seed=seed), "input.seed", id=f"seed {seed!r}", marks=pytest.mark.rule("GEN-13"))
        for seed in (0, -2, 2147483648, 1.5, "1", True, None)
    ),
    *(
        pytest.param(body(TEXT_LORA, loras=loras), "input.loras", id=f"LoRA {name}", marks=pytest.mark.rule("GEN-14"))
        for name, loras in {
            "times four": LORAS * 4,
            "object": LORAS[0],
            "text": ["http://a.example/l"],
            "without path": [{"scale": 1}],
            "relative": [{"path": "l.safetensors", "scale": 1}],
            "scale text": [{**LORAS[0], "scale": "1"}],
            "scale true": [{**LORAS[0], "scale": True}],
            "null": None,
        }.items()
    ),
    *(
        pytest.param(
            body(source, loras=LORAS), "input.loras", id=f"LoRA {source['mode']}", marks=pytest.mark.rule("GEN-14")
        )
        for source in (TEXT, IMAGE)
    ),
]

ADVISED = [
    pytest.param({"colour": "red", **body()}, id="unknown field"),
    pytest.param(body(negative_prompt="rain"), id="unknown field of input"),
    pytest.param(body(image_urls=["https://a.example/1.png"]), id="image in a text mode"),
    pytest.param(body(image_urls=[]), id="empty image_urls in a text mode"),
    pytest.param(body(TEXT_LORA, loras=...), id="LoRA mode without loras"),
    pytest.param(body(TEXT_LORA, loras=[]), id="LoRA mode with no LoRA"),
    pytest.param(body(TEXT_LORA, loras=[{"path": LORAS[0]["path"]}]), id="no scale"),
    pytest.param(body(TEXT_LORA, loras=[{**LORAS[0], "scale": 2.1}]), id="strong scale"),
    pytest.param(body(TEXT_LORA, loras=[{**LORAS[0], "scale": -1}]), id="negative scale"),
    pytest.param(body(TEXT_LORA, loras=[{"path": "https://a.example/l", "scale": 1}]), id="no download parameter"),
]

BROKEN = {
    "empty": b"",
    "cut off": b'{"input": {',
    "not UTF-8": b'{"input": "\xff"}',
    "UTF-16": json.dumps(body()).encode("utf-16"),
    "NaN": b'{"input": NaN}',
    "Infinity": b'{"input": {"duration": Infinity}}',
    "too large for a double": b'{"input": 1e999}',
    "five thousand digits": b'{"input": ' + b"9" * 5000 + b"}",
    "very deep": b'{"input":' * 50_000 + b"1" + b"}" * 50_000,
    "key twice": b'{"input": {}, "input": {}}',
    "lone surrogate": b'{"input": "\\ud800"}',
    "NUL": b"\0",
    "two documents": b"{}{}",
}


@pytest.mark.rule("ENV-2", "GEN-17")
@pytest.mark.parametrize("sent", ACCEPTED)
def test_what_the_contract_allows_makes_a_task(client: httpx.Client, world: World, sent: object) -> None:
    told = data_of(post(client, sent))
    assert [task.id for task in world.tasks] == [told["taskId"]]
    assert not world.requests[-1].findings


@pytest.mark.rule("ENV-1", "ENV-3", "ENV-4", "GEN-18")
@pytest.mark.parametrize(("sent", "field"), REFUSED)
def test_what_breaks_a_rule_is_a_400_that_names_the_field(
    client: httpx.Client, world: World, sent: object, field: str, request: pytest.FixtureRequest
) -> None:
    answer = post(client, json.dumps(sent).encode())
    assert field in message_of(answer, 400)
    told = {finding.rule for finding in world.requests[-1].findings if finding.severity == "violation"}
    assert told & {rule for mark in request.node.iter_markers("rule") for rule in mark.args}
    assert not world.tasks


@pytest.mark.rule("GEN-1", "ENV-3")
@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_bytes_that_are_no_json_are_a_400_in_the_envelope(client: httpx.Client, raw: bytes) -> None:
    assert "JSON" in message_of(post(client, raw), 400)


def test_all_that_is_wrong_is_told_at_once_up_to_five_things(client: httpx.Client) -> None:
    message = message_of(post(client, body(duration="10", resolution="8k", seed=0)), 400)
    assert all(field in message for field in ("input.duration", "input.resolution", "input.seed"))
    long = message_of(post(client, body(TEXT_LORA, loras=[{"path": 1, "scale": "x"}] * 3)), 400)
    assert long.count("; ") == 5
    assert long.endswith("and 1 more")


def test_a_message_stays_short_and_printable_whatever_is_in_the_body(client: httpx.Client) -> None:
    message = message_of(post(client, body(mode="\x1b[2J" + "x" * 100_000)), 400)
    assert len(message) < 500
    assert message.isprintable()


@pytest.mark.rule("GEN-16")
@pytest.mark.parametrize("sent", ADVISED)
def test_what_is_only_advised_against_is_accepted_and_noted(client: httpx.Client, world: World, sent: object) -> None:
    data_of(post(client, sent))
    assert {(each.rule, each.severity) for each in world.requests[-1].findings} == {("GEN-16", "advisory")}


@pytest.fixture(scope="module")
def strict() -> Iterator[MockServer]:
    with MockServer(clock="manual", strict=True) as running:
        yield running


@pytest.mark.rule("GEN-16")
@pytest.mark.parametrize("sent", ADVISED)
def test_strict_mode_refuses_what_is_advised_against(strict: MockServer, sent: object) -> None:
    world = strict.tenant()
    with world.client(verify=False) as client:
        assert message_of(post(client, sent), 400)
        assert not world.tasks
        data_of(post(client, body(IMAGE_LORA)))


@pytest.mark.rule("GEN-15")
def test_without_enough_credits_the_message_is_the_documented_one_and_price_is_per_second() -> None:
    with MockServer(clock="manual", credits=20) as mock, mock.client(verify=False) as client:
        data_of(post(client, body(resolution="720p", duration=6)))  # 12 credits
        assert message_of(post(client, body(duration=9)), 400) == "Insufficient credits"
        data_of(post(client, body(duration=8)))
        assert message_of(post(client, body(duration=5)), 400) == "Insufficient credits"


@pytest.mark.rule("GEN-17")
def test_task_ids_are_new_every_time_and_look_like_the_samples(client: httpx.Client) -> None:
    ids = [data_of(post(client, body()))["taskId"] for _ in range(50)]
    assert len(set(ids)) == 50
    assert all(each.startswith("task_") and each[5:].isalnum() and each.islower() for each in ids)


@pytest.mark.rule("GEN-18")
def test_nothing_is_left_of_a_refused_request_but_its_line_in_the_journal() -> None:
    with MockServer(clock="manual", credits=20, max_concurrent=2) as mock, mock.client(verify=False) as client:
        kept = [data_of(post(client, body()))["taskId"] for _ in range(2)]

        def state() -> object:
            return mock.account._replace(requests_in_window=0)

        before = state(), mock.tasks, mock.callbacks
        for sent, status in ((called_back(), 400), (called_back(callback_url=HOOK), 429), (body(duration=20), 400)):
            message_of(post(client, sent), status)
            assert (state(), mock.tasks, mock.callbacks) == before
        assert {event["taskId"] for event in mock.clock.advance(3600)} == set(kept)
        assert not mock.callbacks
        assert [entry.status for entry in mock.requests] == [200, 200, 400, 429, 400]
