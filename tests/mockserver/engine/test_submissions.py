"""A submission is what follows from a body alone, so one body is read once."""

from __future__ import annotations

import json

import pytest

from ltx_mock.core.failures import predicted_failure
from ltx_mock.core.timeline import result_fingerprint
from ltx_mock.engine.submissions import LONGEST_REPEATED, Submission
from support.bodies import IMAGE, IMAGE_LORA, LORAS, TEXT, request_body


def raw(**fields: object) -> bytes:
    return json.dumps(request_body(TEXT, **fields)).encode()


@pytest.mark.parametrize("body", [raw(), b"{", raw(resolution="4k")], ids=["valid", "no JSON", "invalid"])
def test_a_body_that_is_sent_again_is_not_read_again(body: bytes) -> None:
    assert Submission.of(body) is Submission.of(bytes(bytearray(body)))


def test_a_long_body_is_not_kept() -> None:
    body = raw(prompt="x" * LONGEST_REPEATED)
    first, second = Submission.of(body), Submission.of(body)
    assert first == second
    assert first is not second


def test_bodies_of_which_only_a_blank_differs_are_two() -> None:
    body = raw()
    assert Submission.of(body + b" ").raw == body + b" "
    assert Submission.of(body).raw == body


@pytest.mark.parametrize("seed", [1, 2**31 - 1])
def test_with_a_seed_the_picture_is_known_beforehand(seed: int) -> None:
    found = Submission.of(raw(seed=seed))
    assert found.request is not None
    assert found.picture == result_fingerprint(found.request, seed)


@pytest.mark.parametrize("fields", [{}, {"seed": -1}], ids=["none", "-1"])
def test_without_a_seed_the_picture_is_not(fields: dict[str, object]) -> None:
    assert Submission.of(raw(**fields)).picture is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (request_body(TEXT, prompt="a nude at dawn"), "CONTENT_VIOLATION"),
        (request_body(IMAGE, image_urls=["https://x.invalid/a.png"]), "INVALID_IMAGE_URL"),
        (request_body(TEXT), None),
    ],
)
def test_the_failure_that_the_request_causes_is_known_beforehand(body: dict[str, object], code: str | None) -> None:
    found = Submission.of(json.dumps(body).encode())
    assert found.request is not None
    assert found.failure == predicted_failure(found.request)
    assert (found.failure and found.failure.code) == code


@pytest.mark.parametrize(
    ("fields", "local"),
    [
        ({}, False),
        ({"image_urls": ["http://127.0.0.1:9/a.png"]}, True),
        ({"loras": [*LORAS, {"path": "http://app.localhost/b.bin"}]}, True),
    ],
)
def test_whether_an_asset_is_on_this_machine_is_known_beforehand(fields: dict[str, object], local: bool) -> None:
    assert Submission.of(json.dumps(request_body(IMAGE_LORA, **fields)).encode()).local is local
