"""The valid requests of the checks: plain ones, ones with a value at an edge, and the search for a refused field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zlib import crc32

from ltx_mock_contracts.conformance.harness.expectations import codes_of
from ltx_mock_contracts.conformance.harness.record import CheckRecord
from ltx_mock_contracts.model import IMAGE_MODES, LORA_MODES, MODEL, MODES, RESOLUTIONS
from ltx_mock_contracts.request_fields import LARGEST_SEED, LONGEST_PROMPT, PROVIDERS, RULE_OF
from ltx_mock_fixtures import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltx_mock_contracts.conformance.harness.context import CheckContext

__all__ = ["EDGES", "Edge", "body_of", "needs_files", "plain", "refused_rule", "varied", "with_files"]

_PROMPT: Final = "a calm sea at dawn"
_DURATION: Final = 7
_PROMPTS: Final = (_PROMPT, "a red kite over dunes", "snow falls on a quiet street", "two foxes play in tall grass")
_DURATIONS: Final = (6, 7, 8, 9)
_IMAGE: Final = "https://example.com/reference.jpg"
_LORA: Final[dict[str, Any]] = {"path": "https://example.com/style.safetensors?download=true", "scale": 1.0}


class Edge(NamedTuple):
    """A valid request with a value at the edge of a rule: fields of `input`, and top-level fields."""

    rule: str
    name: str
    input_fields: dict[str, Any]
    top_fields: dict[str, Any]
    mode: str = MODES[0]


def _edges() -> Iterator[Edge]:
    yield Edge("GEN-2", "async", {}, {"request_type": "async"})
    yield Edge("GEN-3", "async with a callback_url", {}, {"callback_url": "https://example.com/unused"})
    for provider in PROVIDERS:
        yield Edge("GEN-5", provider, {}, {"provider": provider})
    yield Edge("GEN-8", "one character", {"prompt": "x"}, {})
    most = f"{LONGEST_PROMPT} characters"
    yield Edge("GEN-8", most, {"prompt": "x" * LONGEST_PROMPT}, {})
    yield Edge("GEN-8", f"{most} that are two bytes each", {"prompt": "é" * LONGEST_PROMPT}, {})
    yield Edge("GEN-8", f"{most} that are two units in UTF-16", {"prompt": "🌊" * LONGEST_PROMPT}, {})
    for resolution in RESOLUTIONS:
        yield Edge("GEN-9", resolution, {"resolution": resolution}, {})
    shortest, longest = MODEL.durations
    for duration in (shortest, shortest + 1, longest):
        yield Edge("GEN-10", f"{duration} seconds", {"duration": duration}, {})
    for ratio in MODEL.aspect_ratios:
        yield Edge("GEN-11", ratio, {"aspect_ratio": ratio}, {})
    for seed in (1, LARGEST_SEED, -1):
        yield Edge("GEN-13", f"seed {seed}", {"seed": seed}, {})


EDGES: Final = tuple(_edges())
"""Requests that must be accepted; each costs a task."""


def plain(mode: str = MODES[0], *, resolution: str = RESOLUTIONS[0], **fields: Any) -> dict[str, Any]:
    """Return a simple request of a mode, with these fields of `input`."""
    given: dict[str, Any] = {"mode": mode, "prompt": _PROMPT, "resolution": resolution, "duration": _DURATION}
    if mode in IMAGE_MODES:
        given["image_urls"] = [_IMAGE]
    if mode in LORA_MODES:
        given["loras"] = [dict(_LORA)]
    return {"input": given | fields}


def needs_files(mode: str) -> bool:
    """Tell whether a request of a mode contains URLs that the server fetches."""
    return mode in IMAGE_MODES or mode in LORA_MODES


def varied(context: CheckContext, mode: str = MODES[0], **fields: Any) -> dict[str, Any]:
    """Return a simple request that differs between checks, so that one refused value does not fail all of them."""
    digest = crc32(context.name.encode())
    length, prompt = _DURATIONS[digest % len(_DURATIONS)], _PROMPTS[digest // 8 % len(_PROMPTS)]
    return plain(mode, **{"duration": length, "prompt": prompt, **fields})


def body_of(edge: Edge) -> dict[str, Any]:
    """Return the plain request with the fields of an edge."""
    return {**plain(edge.mode, **edge.input_fields), **edge.top_fields}


def with_files(context: CheckContext, body: dict[str, Any]) -> dict[str, Any]:
    """Return a request whose image and LoRAs our receiver serves."""
    given = dict(body["input"])
    receiver = context.target.receiver
    if "image_urls" in given:
        given["image_urls"] = [receiver.file("reference.jpg", "image/jpeg", read("images/reference.jpg"))]
    if "loras" in given:
        url = receiver.file(
            "style.safetensors?download=true", "application/octet-stream", read("loras/style.safetensors")
        )
        given["loras"] = [{**lora, "path": url} for lora in given["loras"]]
    return {**body, "input": given}


def refused_rule(context: CheckContext, body: Any) -> str:
    """Return the rule of the field for which a valid request is refused; GEN-17 if no single field is the reason.

    It sends more requests, so it is for servers without costs.
    """
    base = plain(body["input"]["mode"])
    if not _is_accepted(context, base):
        return "GEN-7"
    top_fields = {name: value for name, value in body.items() if name != "input"}
    for name, value in body["input"].items():
        if not _is_accepted(context, {"input": {**base["input"], name: value}}):
            return RULE_OF.get(name, "GEN-16")
    for name, value in top_fields.items():
        with_url = {"callback_url": "https://example.com/callback"} if name == "request_type" else {}
        if not _is_accepted(context, {**base, **with_url, name: value}):
            return RULE_OF.get(name, "GEN-16")
    return "GEN-17"


def _is_accepted(context: CheckContext, body: Any) -> bool:
    """Tell whether a request is accepted, without judging the exchange."""
    with context.use_record(CheckRecord()):
        return 200 in codes_of(context.tenant.generate(body))
