"""Requests that are only just invalid: the first value beyond each edge, and common mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.conformance.suite.bodies import plain
from ltx_mock_contracts.dialects import may_accept
from ltx_mock_contracts.model import IMAGE_MODES, LORA_MODES, MODEL, MODES, RESOLUTIONS
from ltx_mock_contracts.request_fields import LARGEST_SEED, LONGEST_PROMPT
from ltx_mock_contracts.validation import validate_request

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NEAR_MISSES", "dialect_of"]

_MODE: Final = MODES[0]
_TOO_LONG: Final = LONGEST_PROMPT + 1
_SHORTEST, _LONGEST = MODEL.durations
_LORA: Final[dict[str, Any]] = plain(LORA_MODES[0])["input"]["loras"][0]
_URL: Final = "https://example.com/reference.jpg"
_CALLBACK: Final = "https://example.com/callback"


def _without(name: str, mode: str = _MODE) -> dict[str, Any]:
    body = plain(mode)
    del body["input"][name]
    return body


def _top_fields() -> Iterator[tuple[str, str, Any]]:
    value: Any
    with_callback = plain() | {"request_type": "callback"}
    yield "GEN-1", "an array around the request", [plain()]
    for value in ("sync", "Callback", "", None, True):
        yield "GEN-2", f"request_type {value!r}", plain() | {"request_type": value, "callback_url": _CALLBACK}
    yield "GEN-3", "callback without callback_url", with_callback
    for value in ("", "/callback", "example.com/callback", "ftp://example.com/callback", 1, None):
        yield "GEN-4", f"callback_url {value!r}", with_callback | {"callback_url": value}
    for value in ("cheap", "AUTO", "", None):
        yield "GEN-5", f"provider {value!r}", plain() | {"provider": value}
    yield "GEN-6", "no input", {}
    for value in (None, [], _MODE, [plain()["input"]]):
        yield "GEN-6", f"input {value!r:.20}", {"input": value}


def _input_fields() -> Iterator[tuple[str, str, Any]]:
    value: Any
    for rule, name in (("GEN-7", "mode"), ("GEN-8", "prompt"), ("GEN-9", "resolution"), ("GEN-10", "duration")):
        yield rule, f"no {name}", _without(name)
        yield rule, f"{name} null", {"input": plain()["input"] | {name: None}}
    similar = (_MODE.title(), _MODE.replace("-", "_"), f"{_MODE} ", LORA_MODES[0].lower())
    for value in (*similar, "video-to-video", ""):
        yield "GEN-7", f"mode {value!r}", plain(value)
    for what, value in (
        ("empty", ""),
        (f"of {_TOO_LONG} characters", "x" * _TOO_LONG),
        ("1", 1),
        ("in an array", ["a sea"]),
    ):
        yield "GEN-8", f"prompt {what}", plain(prompt=value)
    for value in ("4k", *map(str.upper, RESOLUTIONS), "720", "", 720):
        yield "GEN-9", f"resolution {value!r}", {"input": plain()["input"] | {"resolution": value}}
    for value in (_SHORTEST - 1, _LONGEST + 1, _LONGEST + 0.5, _SHORTEST + 0.5, 0, -5, "10", True):
        yield "GEN-10", f"duration {value!r}", plain(duration=value)
    for value in ("1:1", "16/9", "", None, 1):
        yield "GEN-11", f"aspect_ratio {value!r}", plain(aspect_ratio=value)
    yield (
        "GEN-11",
        "aspect_ratio in an image mode",
        plain(MODEL.modes_without("aspect_ratio")[0], aspect_ratio=MODEL.aspect_ratio),
    )
    for value in (0, -2, LARGEST_SEED + 1, 1.5, "1", True, None):
        yield "GEN-13", f"seed {value!r}", plain(seed=value)


def _file_fields() -> Iterator[tuple[str, str, Any]]:
    value: Any
    yield "GEN-12", "no image_urls", _without("image_urls", IMAGE_MODES[0])
    for what, value in (
        ("empty", []),
        ("with two images", [_URL, _URL]),
        ("as text", _URL),
        ("without a scheme", ["example.com/reference.jpg"]),
        ("of ftp", ["ftp://example.com/reference.jpg"]),
        ("with a number", [1]),
    ):
        yield "GEN-12", f"image_urls {what}", plain(IMAGE_MODES[0], image_urls=value)
    yield "GEN-14", "loras in a mode without them", plain(loras=[_LORA])
    for what, loras in (
        ("with four", [_LORA] * 4),
        ("as an object", _LORA),
        ("as URLs", [_LORA["path"]]),
        ("without path", [{"scale": 1.0}]),
        ("with a relative path", [{"path": "style.safetensors", "scale": 1.0}]),
        ("with scale as text", [_LORA | {"scale": "1"}]),
    ):
        yield "GEN-14", f"loras {what}", plain(LORA_MODES[0], loras=loras)


NEAR_MISSES: Final = (*_top_fields(), *_input_fields(), *_file_fields())
"""The broken rule, the kind of violation, and the body. A server may accept those with a dialect; see `dialect_of`."""


def dialect_of(rule: str, body: Any) -> str | None:
    """Return the id of the dialect that allows a server to accept a near miss; None if the rule is binding."""
    broken = [each for each in validate_request(body) if each.severity == "violation"]
    dialects = [may_accept(rule, each.pointer, body) for each in broken]
    return next((each.id for each in dialects if each is not None), None) if all(dialects) else None
