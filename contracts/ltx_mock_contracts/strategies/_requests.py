"""Valid requests: without findings, minimal ones, and ones with advisories."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from ltx_mock_contracts.model import IMAGE_MODES, LORA_MODES, MODEL, MODES, RATIO_MODES
from ltx_mock_contracts.request_fields import PROVIDERS, REQUEST_TYPES
from ltx_mock_contracts.strategies._choose import choose
from ltx_mock_contracts.strategies._values import (
    DOWNLOADS,
    DURATIONS,
    FIELD_VALUES,
    PROMPTS,
    SCALES,
    SEEDS,
    SIZES,
    URLS,
    objects,
)
from ltx_mock_contracts.validation.findings import Path, pointer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ADVISORY_FAMILIES",
    "LORAS",
    "AdvisedRequest",
    "Body",
    "advisory_requests",
    "bodies",
    "minimal_requests",
    "valid_requests",
]

Body = dict[str, Any]
"""A decoded body of generateTask."""

LORAS: Final = objects(path=DOWNLOADS, scale=SCALES)
_SOME_LORAS: Final = st.lists(LORAS, min_size=1, max_size=3)
_ONE_LORA: Final = LORAS.map(lambda lora: [lora])
_SOME_SEED: Final = st.none() | SEEDS
_RATIOS: Final = st.sampled_from([None, *MODEL.aspect_ratios])
_TOP_NAMES: Final = st.sampled_from(["x", "model", "callbackUrl", "prompt", "Input", "a/b~c", "", "é", "__proto__"])
_INPUT_NAMES: Final = st.sampled_from(["x", "negative_prompt", "Prompt", "callback_url", "fps", "a/b~c", "", "é", "0"])
_UNUSED_IMAGES: Final = st.lists(URLS | st.sampled_from(["", "ref.jpg"]), max_size=3)
_PROVIDERS: Final = st.sampled_from([None, *PROVIDERS])
_CALLBACK_FORMS: Final[dict[str, list[tuple[str | None, bool]]]] = {
    "async": [(None, False), ("async", False), (None, True), ("async", True)],
    "callback": [("callback", True), ("callback", True)],
}
"""The forms of a request type: the value of the field, and whether there is a callback URL."""
_WEIGHTS: Final = {mode: 2 if mode in LORA_MODES else 4 if mode in IMAGE_MODES else 5 for mode in MODES}
"""The weights of the modes. Hypothesis draws examples with many parts more often; the weights compensate for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisedRequest:
    """A valid request with advisories (GEN-16).

    Attributes:
        body: The decoded body.
        pointers: The sorted JSON pointers of all advisories.
        families: The kinds of advisories, from `ADVISORY_FAMILIES`.
    """

    body: Body
    pointers: tuple[str, ...]
    families: tuple[str, ...]


def valid_requests(*, mode: str | None = None, request_type: str | None = None) -> st.SearchStrategy[Body]:
    """Generate bodies of generateTask without violations and advisories.

    Args:
        mode: One of the four modes; any of them by default.
        request_type: `async` (spelled out or left out) or `callback`.

    Raises:
        ValueError: An argument is not one of these.
    """
    return bodies(choose("mode", mode, MODES), choose("request_type", request_type, REQUEST_TYPES))


def minimal_requests(*, mode: str | None = None) -> st.SearchStrategy[Body]:
    """Generate bodies with exactly the required fields of a mode.

    Args:
        mode: One of the four modes; any of them by default.

    Raises:
        ValueError: The mode is not one of these.
    """
    return _minimal(st.sampled_from(choose("mode", mode, MODES)))


@st.composite
def _minimal(draw: st.DrawFn, modes: st.SearchStrategy[str]) -> Body:
    return {"input": _required(draw, draw(modes), _ONE_LORA)}


@cache  # a strategy is validated when it is used for the first time
def bodies(modes: tuple[str, ...], request_types: tuple[str, ...]) -> st.SearchStrategy[Body]:
    """Generate valid bodies in one of these modes and of one of these types."""
    return _bodies(
        st.sampled_from([mode for mode in modes for _ in range(_WEIGHTS[mode])]),
        st.sampled_from([each for kind in request_types for each in _CALLBACK_FORMS[kind]]),
    )


@st.composite
def _bodies(
    draw: st.DrawFn, modes: st.SearchStrategy[str], callback_forms: st.SearchStrategy[tuple[str | None, bool]]
) -> Body:
    mode = draw(modes)
    request_type, has_url = draw(callback_forms)
    provider = draw(_PROVIDERS)
    seed = draw(_SOME_SEED)
    given = _required(draw, mode, _SOME_LORAS)
    given["aspect_ratio"] = draw(_RATIOS) if mode in RATIO_MODES else None
    given["seed"] = seed
    optional = {"request_type": request_type, "callback_url": draw(URLS) if has_url else None, "provider": provider}
    return _present(optional) | {"input": _present(given)}


def _required(draw: st.DrawFn, mode: str, loras: st.SearchStrategy[list[Body]]) -> Body:
    """Draw the required fields of a mode.

    Fields of some modes only come last: an example can then shrink to another mode without a change of the earlier
    choices.
    """
    given: Body = {"mode": mode, "prompt": draw(PROMPTS), "resolution": draw(SIZES), "duration": draw(DURATIONS)}
    if mode in LORA_MODES:
        given["loras"] = draw(loras)
    if mode in IMAGE_MODES:
        given["image_urls"] = [draw(URLS)]
    return given


def _present(fields: Body) -> Body:
    return {name: value for name, value in fields.items() if value is not None}


def advisory_requests(*, mode: str | None = None, family: str | None = None) -> st.SearchStrategy[AdvisedRequest]:
    """Generate valid requests with one to three advisories (GEN-16).

    Args:
        mode: One of the four modes; any of them by default.
        family: One of `ADVISORY_FAMILIES`, as the only advisory; by default one to three of any.

    Raises:
        ValueError: The mode or the family is not one of these, or the mode has no such family.
    """
    modes, families = choose("mode", mode, MODES), choose("family", family, _FAMILIES)
    possible = {each: [name for name in families if each in _FAMILIES[name][0]] for each in modes}
    possible = {each: names for each, names in possible.items() if names}
    if not possible:
        raise ValueError(f"{mode} has no family {family!r}")
    most = 3 if family is None else 1
    return _advised(
        bodies(tuple(possible), REQUEST_TYPES),
        {
            each: st.lists(st.sampled_from(names), min_size=1, max_size=most, unique=True)
            for each, names in possible.items()
        },
    )


@st.composite
def _advised(
    draw: st.DrawFn, valid: st.SearchStrategy[Body], selections: dict[str, st.SearchStrategy[list[str]]]
) -> AdvisedRequest:
    body = draw(valid)
    selected = draw(selections[body["input"]["mode"]])
    places = {family: change(draw, body) for family, (_, change) in _FAMILIES.items() if family in selected}
    pointers = {pointer(place) for place in places.values() if place}
    families = tuple(family for family, place in places.items() if place)
    return AdvisedRequest(body=body, pointers=tuple(sorted(pointers)), families=families)


def _unknown_top(draw: st.DrawFn, body: Body) -> Path:
    name = draw(_TOP_NAMES)
    body[name] = draw(FIELD_VALUES)
    return (name,)


def _unknown_input(draw: st.DrawFn, body: Body) -> Path:
    name = draw(_INPUT_NAMES)
    body["input"][name] = draw(FIELD_VALUES)
    return ("input", name)


def _unused_image(draw: st.DrawFn, body: Body) -> Path:
    body["input"]["image_urls"] = draw(_UNUSED_IMAGES)
    return ("input", "image_urls")


def _no_loras(draw: st.DrawFn, body: Body) -> Path:  # noqa: ARG001  the same signature for every family
    body["input"].pop("loras", None)
    return ("input", "loras")


def _empty_loras(draw: st.DrawFn, body: Body) -> Path:  # noqa: ARG001
    body["input"]["loras"] = []
    return ("input", "loras")


def _in_a_lora(field: str, values: st.SearchStrategy[Any] | None) -> Callable[[st.DrawFn, Body], Path]:
    def change(draw: st.DrawFn, body: Body) -> Path:
        loras = body["input"].get("loras")
        if not loras:  # another family has removed them
            return ()
        index = draw(st.integers(0, len(loras) - 1))
        loras[index].pop(field, None)
        if values is not None:
            loras[index][field] = draw(values)
        return ("input", "loras", index, field)

    return change


_FAR_SCALES: Final = st.sampled_from([0, 0.49, 2.01, -1, 3, 1e300, 0.4999999999999999]) | st.floats(2.1, 100)

# Families that remove the LoRAs come before those that change one.
_FAMILIES: Final[dict[str, tuple[tuple[str, ...], Callable[[st.DrawFn, Body], Path]]]] = {
    "unknown field": (MODES, _unknown_top),
    "unknown field of input": (MODES, _unknown_input),
    "image in a text mode": (MODEL.modes_without("image_urls"), _unused_image),
    "no loras in a LoRA mode": (LORA_MODES, _no_loras),
    "empty loras in a LoRA mode": (LORA_MODES, _empty_loras),
    "unknown field of a LoRA": (LORA_MODES, _in_a_lora("weight", FIELD_VALUES)),
    "missing scale": (LORA_MODES, _in_a_lora("scale", None)),
    "scale out of range": (LORA_MODES, _in_a_lora("scale", _FAR_SCALES)),
    "no download parameter": (LORA_MODES, _in_a_lora("path", URLS)),
}
ADVISORY_FAMILIES: Final = tuple(_FAMILIES)
"""The kinds of advisories of `advisory_requests`."""
