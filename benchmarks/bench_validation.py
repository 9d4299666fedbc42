"""What judging a request costs: the validators that exist, and ours; then the worst that can be sent.

Run: python benchmarks/bench_validation.py
"""

from __future__ import annotations

import copy
import json
import timeit
from functools import partial
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING, Any

import jsonschema
import jsonschema_rs

import ltx_mock_schemas
from ltx_mock_contracts import GenerateRequest, parse_body, validate_request
from ltx_mock_contracts.validation import validate_parsed_request
from ltx_mock_contracts.validation.explain import FINDINGS_LIMIT
from ltx_mock_contracts.validation.schema_walk import SchemaWalker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

STRICT = ltx_mock_schemas.schema("generate-request-strict")
EXCHANGE = files("ltx_mock_fixtures") / "exchanges" / "generate-image-to-video-lora.json"


def microseconds(work: Callable[[], object]) -> float:
    """Return the time of one call, the best of five rounds of about a tenth of a second."""
    work()
    timer = timeit.Timer(work)
    loops = max(1, round(timer.autorange()[0] / 2))
    return min(timer.repeat(repeat=5, number=loops)) / loops * 1e6


def rows(body: Any, raw: bytes, bad: Any) -> dict[str, Callable[[], object]]:
    explaining = jsonschema.Draft202012Validator(STRICT)
    compiled = jsonschema_rs.Draft202012Validator(STRICT)
    walker = SchemaWalker(STRICT)
    return {
        "jsonschema, is_valid": lambda: explaining.is_valid(body),
        "jsonschema-rs, is_valid": lambda: compiled.is_valid(body),
        "validate_request, no finding": lambda: validate_request(body),
        "json.loads": lambda: json.loads(raw),
        "parse_body": lambda: parse_body(raw),
        "GenerateRequest.from_body": lambda: GenerateRequest.from_body(body),
        "parse + validate + from_body": lambda: (
            parse_body(raw),
            validate_request(body),
            GenerateRequest.from_body(body),
        ),
        "jsonschema, all errors (3 wrong)": lambda: list(explaining.iter_errors(bad)),
        "our walker, all errors (3 wrong)": lambda: list(walker.walk(bad)),
        "jsonschema-rs, all errors (3 wrong)": lambda: list(compiled.iter_errors(bad)),
        "validate_request, 3 findings": lambda: validate_request(bad),
    }


def hostile(body: Any) -> dict[str, Any]:
    """Return bodies of about a mebibyte that are as wrong as they can be."""
    given = body["input"]
    return {
        "100,000 unknown fields": {f"x{number}": 1 for number in range(100_000)},
        "500,000 numbers for an image": {"input": given | {"image_urls": [1] * 500_000}},
        "80,000 URLs that are nearly right": {"input": given | {"image_urls": ["http://a:b"] * 80_000}},
        "300,000 empty LoRAs": {"input": given | {"loras": [{}] * 300_000}},
        "an array of 300,000 objects": [{}] * 300_000,
        "9,000 deep arrays for the input": {"input": [_nested(55)] * 9000},
    }


def _nested(depth: int) -> list[Any]:
    return [_nested(depth - 1)] if depth else []


def errors(judge: Callable[[Any], Iterable[object]], body: Any) -> Callable[[], object]:
    """Return what looks for as many errors as a refusal tells."""
    return lambda: list(islice(judge(body), FINDINGS_LIMIT))


def once(work: Callable[[], object]) -> float:
    """Return the best time of three calls, in milliseconds."""
    return min(timeit.repeat(work, repeat=3, number=1)) * 1e3


def main() -> None:
    body = json.loads(EXCHANGE.read_text("utf-8"))["request"]["body"]
    bad = copy.deepcopy(body)
    bad["input"] |= {"duration": 25, "aspect_ratio": "16:9", "extra": 1}
    assert validate_request(body) == []
    assert len(validate_request(bad)) == 3
    raw = json.dumps(body).encode()
    print(f"A request of {len(raw)} bytes, with one image and one LoRA")
    print(f"{'':36}{'µs':>10}{'ratio':>10}")
    base = None
    for name, work in rows(body, raw, bad).items():
        took = microseconds(work)
        base = base or took
        print(f"{name:36}{took:10.2f}{took / base:10.3f}")
    print(f"\n{'hostile bodies, ms':36}{'a refusal':>12}{'our walker':>12}{'jsonschema':>12}")
    walker, explaining = SchemaWalker(STRICT), jsonschema.Draft202012Validator(STRICT)
    for name, worst in hostile(body).items():
        ways = (
            partial(validate_parsed_request, worst),
            errors(walker.walk, worst),
            errors(explaining.iter_errors, worst),
        )
        print(f"{name:36}" + "".join(f"{once(way):12.1f}" for way in ways))


if __name__ == "__main__":
    main()
