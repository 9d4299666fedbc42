"""What strategies are like to use: small examples, edges, no surprises between runs, clear refusals, a cheap import."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, find, settings
from hypothesis import strategies as st

import ltx_mock_contracts
from ltx_mock_contracts import strategies
from ltx_mock_contracts.model import MODES
from ltx_mock_contracts.strategies import InvalidRequest
from support.sampling import examples_of

pytestmark = pytest.mark.hypothesis  # whose plugin marks what has `@given` alone

SMALLEST = {"mode": "text-to-video", "prompt": "0", "resolution": "480p", "duration": 5}
IMAGE = "https://example.com/"
LORA = {"path": "https://example.com/?download=true", "scale": 1}


def smallest(strategy: st.SearchStrategy[Any], condition: Callable[[Any], object] = lambda _: True) -> Any:
    no_more = settings(database=None, max_examples=1000, phases=[Phase.generate, Phase.shrink])
    return find(strategy, lambda example: bool(condition(example)), settings=no_more)


@pytest.mark.parametrize(
    ("mode", "fields"),
    [
        ("text-to-video", {}),
        ("image-to-video", {"image_urls": [IMAGE]}),
        ("text-to-video-LoRA", {"loras": [LORA]}),
        ("image-to-video-LoRA", {"image_urls": [IMAGE], "loras": [LORA]}),
    ],
)
def test_a_valid_request_shrinks_to_the_smallest_of_its_mode(mode: str, fields: dict[str, Any]) -> None:
    expected = {"input": SMALLEST | {"mode": mode} | fields}
    assert smallest(strategies.valid_requests(), lambda body: body["input"]["mode"] == mode) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (lambda body: "seed" in body["input"], {"input": SMALLEST | {"seed": 1}}),
        (lambda body: body["input"]["duration"] > 5, {"input": SMALLEST | {"duration": 6}}),
        (lambda body: "aspect_ratio" in body["input"], {"input": SMALLEST | {"aspect_ratio": "16:9"}}),
        (lambda body: body.get("provider"), {"provider": "auto", "input": SMALLEST}),
        (
            lambda body: body.get("request_type") == "callback",
            {"request_type": "callback", "callback_url": IMAGE, "input": SMALLEST},
        ),
        (
            lambda body: len(body["input"].get("loras", ())) == 3,
            {"input": SMALLEST | {"mode": "text-to-video-LoRA", "loras": [LORA] * 3}},
        ),
        (lambda body: len(body["input"]["prompt"]) == 5000, {"input": SMALLEST | {"prompt": "x" * 5000}}),
    ],
)
def test_a_valid_request_shrinks_to_what_matters(condition: Callable[[Any], object], expected: Any) -> None:
    assert smallest(strategies.valid_requests(), condition) == expected


@pytest.mark.parametrize(
    ("rule", "family", "body"),
    [
        ("GEN-1", "no object", None),
        ("GEN-3", "missing", {"request_type": "callback", "input": SMALLEST}),
        ("GEN-8", "empty", {"input": SMALLEST | {"prompt": ""}}),
        ("GEN-10", "too short", {"input": SMALLEST | {"duration": 4}}),
        ("GEN-10", "too long", {"input": SMALLEST | {"duration": 21}}),
        ("GEN-12", "missing", {"input": SMALLEST | {"mode": "image-to-video"}}),
        ("GEN-14", "four", {"input": SMALLEST | {"mode": "text-to-video-LoRA", "loras": [LORA] * 4}}),
    ],
)
def test_an_invalid_request_shrinks_to_the_mistake(rule: str, family: str, body: Any) -> None:
    found: InvalidRequest = smallest(strategies.invalid_requests(rule, family=family), lambda one: one.rule == rule)
    assert found.body == body


def test_answers_and_stories_shrink_to_something_readable() -> None:
    created = 1767965610929
    pending = {"taskId": "task_0", "state": "pending", "createTime": created}
    assert smallest(strategies.status_envelopes(), lambda body: body["data"])["data"] == pending
    assert smallest(strategies.callbacks(), lambda body: body["data"]["state"] == "success")["data"] == {
        "taskId": "task_0",
        "state": "success",
        "resultJson": '{"resultUrls":["https://example.com/"]}',
        "createTime": created,
        "completeTime": created + 40_000,
        "costTime": 40_000,
    }
    story = smallest(strategies.task_stories(), lambda story: story[-1].state == "success")
    assert [look.state for look in story] == ["success"]
    drift = smallest(strategies.drifted(drift="unknown state"), lambda drift: drift.findings)
    assert drift.body["data"] == pending | {"state": "processing_r2"}


@cache
def requests_drawn() -> list[dict[str, Any]]:
    return [body["input"] for seed in range(3) for body in examples_of(strategies.valid_requests(), 500, seed_=seed)]


@pytest.mark.slow
def test_the_edges_come_up() -> None:
    drawn = requests_drawn()
    lengths = {len(given["prompt"]) for given in drawn}
    assert {1, 4999, 5000} <= lengths
    assert any(ord(max(given["prompt"])) > 0xFFFF for given in drawn)
    assert {"x" * 5000, "😀" * 5000} <= {given["prompt"] for given in drawn}
    assert {5, 20} <= {given["duration"] for given in drawn}
    assert any(isinstance(given["duration"], float) for given in drawn)
    assert {-1, 1, 2147483647} <= {given.get("seed") for given in drawn}
    assert {len(given.get("loras", ())) for given in drawn} == {0, 1, 2, 3}
    assert {0.5, 2} <= {lora["scale"] for given in drawn for lora in given.get("loras", ())}
    urls = " ".join(url for given in drawn for url in given.get("image_urls", ()))
    assert all(part in urls for part in ("[2001:db8::1]", "HTTPS://", "例え", "user:p%40ss@", ":8443", "😀"))


@pytest.mark.slow
def test_common_values_stay_common() -> None:
    drawn = requests_drawn()
    assert sum(len(given["prompt"]) < 100 for given in drawn) > len(drawn) * 0.6
    assert min(sum(given["mode"] == mode for given in drawn) for mode in {given["mode"] for given in drawn}) > 20


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [strategies.valid_requests(), strategies.minimal_requests()])
def test_each_mode_is_drawn_about_as_often(strategy: st.SearchStrategy[Any]) -> None:
    modes = [body["input"]["mode"] for seed in range(4) for body in examples_of(strategy, 150, seed_=seed)]
    shares = {mode: modes.count(mode) / len(modes) for mode in MODES}
    assert all(0.15 < share < 0.38 for share in shares.values()), shares


@pytest.mark.sample(2)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("number", [1, 2, 3])
def test_loras_shrink_to_the_text_mode(number: int, seed: int) -> None:
    found = find(
        strategies.valid_requests(),
        lambda body: len(body["input"].get("loras", ())) == number,
        settings=settings(database=None, max_examples=1000, phases=[Phase.generate, Phase.shrink]),
        random=Random(seed),
    )
    assert found == {"input": SMALLEST | {"mode": "text-to-video-LoRA", "loras": [LORA] * number}}


@pytest.mark.slow
def test_no_example_names_a_host_that_is_somebodys() -> None:
    documentation = ("example", "EXAMPLE", "192.0.2.", "[2001:db8::")
    for given in requests_drawn():
        for url in [*given.get("image_urls", ()), *(lora["path"] for lora in given.get("loras", ()))]:
            assert any(name in url.split("/")[2] for name in documentation), url


def test_changing_an_example_changes_no_other() -> None:
    strategy = strategies.advisory_requests() | strategies.invalid_requests("GEN-12")
    before = [repr(example) for example in examples_of(strategy.map(lambda example: example), 60)]
    examples_of(strategy.map(spoil), 60)
    assert [repr(example) for example in examples_of(strategy.map(lambda example: example), 60)] == before


def spoil(example: Any) -> Any:
    """Put something into every object and array of an example."""
    waiting = [example.body]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part.values()
            part["spoiled"] = 1
        elif isinstance(part, list):
            waiting += part
            part.append("spoiled")
    return example


SCRIPT = """
import hashlib, sys
sys.path.insert(0, "tests")
from ltx_mock_contracts.model import MODES
from support.sampling import examples_of
from ltx_mock_contracts import strategies as s
everything = (s.valid_requests() | s.minimal_requests() | s.advisory_requests() | s.invalid_requests()
              | s.malformed_bodies() | s.status_envelopes() | s.error_envelopes() | s.drifted() | s.task_stories())
print(hashlib.sha256(repr(examples_of(everything, 100, seed_=int(sys.argv[1]))).encode()).hexdigest())
"""


def digest(seed: int, hash_seed: int) -> str:
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, "-c", SCRIPT, str(seed)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


@pytest.mark.slow
def test_the_same_seed_gives_the_same_examples_in_another_process() -> None:
    first = digest(seed=1, hash_seed=1)
    assert first == digest(seed=1, hash_seed=2)
    assert first != digest(seed=2, hash_seed=1)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: strategies.valid_requests(mode="text-to-video-lora"),
            "image-to-video-LoRA, not 'text-to-video-lora' (did you mean 'text-to-video-LoRA'?)",
        ),
        (
            lambda: strategies.valid_requests(request_type="webhook"),
            "request_type must be one of async, callback, not 'webhook'",
        ),
        (lambda: strategies.minimal_requests(mode="image"), "mode must be one of"),
        (lambda: strategies.advisory_requests(mode="Text-to-video"), "(did you mean 'text-to-video'?)"),
        (lambda: strategies.invalid_requests(rule="GEN-15"), "rule must be one of GEN-1, GEN-2"),
        (
            lambda: strategies.invalid_requests(rule="GEN-3", family="mising"),
            "family must be one of missing, not 'mising' (did you mean 'missing'?)",
        ),
        (lambda: strategies.malformed_bodies(family="Empty"), "(did you mean 'empty'?)"),
        (lambda: strategies.status_envelopes(state="succes"), "(did you mean 'success'?)"),
        (lambda: strategies.callbacks(state="pending"), "state must be one of success, failed, not 'pending'"),
        (lambda: strategies.error_envelopes(status=200), "status must be from 400 to 599, not 200"),
        (lambda: strategies.drifted(drift="unknown fields"), "(did you mean 'unknown field'?)"),
        (
            lambda: strategies.drifted(drift="unknown state", state="success"),
            "state must be one of pending, processing, not 'success'",
        ),
        (lambda: strategies.task_stories(end="fail"), "end must be one of success, failed, not 'fail'"),
    ],
)
def test_a_wrong_argument_is_refused_at_once(ask: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011  the message is compared below
        ask()
    assert message in str(refused.value)


def test_the_public_names_are_there_and_sorted() -> None:
    names = strategies.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name.islower(), name))
    assert all(getattr(strategies, name) is not None for name in names)
    assert ltx_mock_contracts.strategies is strategies


def test_hypothesis_is_imported_only_when_strategies_are_used() -> None:
    script = (
        "import sys, ltx_mock_contracts as c; c.validate_request({}); before = 'hypothesis' in sys.modules;"
        "c.strategies.valid_requests(); print(before, 'hypothesis' in sys.modules, 'jsonschema' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["False", "True", "False"]


def test_a_first_text_does_not_make_hypothesis_encode_every_character() -> None:
    # The table of a codec costs Hypothesis more than all else that the first example needs.
    code = (
        "from hypothesis.internal.charmap import intervals_from_codec\n"
        "from ltx_mock_contracts.strategies._values import PROMPTS, TEXT\n"
        "PROMPTS.validate(), TEXT.validate()\n"
        "assert not intervals_from_codec.cache_info().currsize\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
