"""The facts of the model, as typed values: modes, resolutions, times, fail codes, the kind of result.

They are read from `ltx_mock_schemas` and written nowhere else. Times are spans in milliseconds.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from ltx_mock_schemas import model

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FAIL_CODES",
    "IMAGE_MODES",
    "LORA_MODES",
    "MODEL",
    "MODES",
    "RATIO_MODES",
    "RESOLUTIONS",
    "SPEC_FAIL_CODES",
    "VENDOR_FAIL_CODES",
    "FailCode",
    "Mode",
    "Model",
    "Resolution",
    "ResultFile",
    "Span",
]


class Span(NamedTuple):
    """A range, both ends included."""

    low: int
    high: int


class Mode(NamedTuple):
    """One value of `input.mode`, with fields of `input` that differ from mode to mode.

    Attributes:
        requires: Without these a request is refused.
        recommends: Without these a request is accepted, with an advisory.
        takes: These have an effect; in other modes they are refused or not used.
    """

    name: str
    requires: tuple[str, ...]
    recommends: tuple[str, ...]
    takes: tuple[str, ...]


class Resolution(NamedTuple):
    """One value of `input.resolution`.

    Attributes:
        sizes: Width and height in pixels, by aspect ratio.
        generation_ms: The generation time without LoRAs (TASK-8).
        price: Credits per second of video; the prices are a choice of the fake.
    """

    name: str
    sizes: Mapping[str, tuple[int, int]]
    generation_ms: Span
    price: int


class FailCode(NamedTuple):
    """A documented reason for a failure (TASK-7).

    Attributes:
        source: `spec` if the model's own page lists it, `vendor` if the vendor's page on errors does, for the whole
            API.
        message: A sentence for people.
        field: The field of `input` that causes it; None if no field does.
        fails_after_ms: How long after the start of processing the task fails.
    """

    code: str
    source: Literal["spec", "vendor"]
    message: str
    field: str | None
    fails_after_ms: Span


class ResultFile(NamedTuple):
    """The result of a task: its media type, and the suffix of its URL with the dot."""

    media_type: str
    suffix: str


class Model(NamedTuple):
    """A model of the API.

    Attributes:
        id: Its name in the paths.
        modes: By name, the simplest first.
        resolutions: By name, the smallest first.
        aspect_ratios: The first is the default.
        durations: Of a video, in seconds.
        lora_ms: The additional time in a mode with LoRAs.
        result: The kind of file that a task produces.
        fail_codes: By code, the model's own first.
        other_failure: The message and time of failures with an undocumented code.
        examples: Bodies of generateTask by name; `{root}` is a placeholder for the root URL of a fake.
    """

    id: str
    modes: Mapping[str, Mode]
    resolutions: Mapping[str, Resolution]
    aspect_ratios: tuple[str, ...]
    durations: Span
    lora_ms: Span
    result: ResultFile
    fail_codes: Mapping[str, FailCode]
    other_failure: FailCode
    examples: Mapping[str, dict[str, Any]]

    @property
    def generate_path(self) -> str:
        """The path of generateTask, after `/api/v1`."""
        return f"/generateTask/{self.id}"

    @property
    def status_path(self) -> str:
        """The path of statusTask, after `/api/v1`."""
        return f"/statusTask/{self.id}"

    def generation_ms(self, mode: str, resolution: str) -> Span:
        """Return the generation time of a successful task (TASK-8).

        Raises:
            KeyError: There is no such mode or resolution.
        """
        low, high = self.resolutions[resolution].generation_ms
        extra = self.lora_ms if "loras" in self.modes[mode].takes else Span(0, 0)
        return Span(low + extra.low, high + extra.high)

    def any_generation_ms(self) -> Span:
        """Return the shortest and the longest generation time of all requests."""
        spans = [self.generation_ms(mode, size) for mode in self.modes for size in self.resolutions]
        return Span(min(span.low for span in spans), max(span.high for span in spans))

    @property
    def aspect_ratio(self) -> str:
        """The aspect ratio of a request that names none."""
        return self.aspect_ratios[0]

    def modes_with(self, field: str) -> tuple[str, ...]:
        """Return the names of the modes in which a field of `input` has an effect."""
        return tuple(mode.name for mode in self.modes.values() if field in mode.takes)

    def modes_without(self, field: str) -> tuple[str, ...]:
        """Return the names of the other modes."""
        return tuple(mode.name for mode in self.modes.values() if field not in mode.takes)

    def fail_code_of(self, field: str) -> str:
        """Return the fail code that a field of `input` can cause (FAIL-1 to FAIL-3).

        Raises:
            LookupError: The field causes no failure.
        """
        for each in self.fail_codes.values():
            if each.field == field:
                return each.code
        raise LookupError(f"{field} brings about no failure")

    def example(self, name: str | None = None, *, root: str = "") -> dict[str, Any]:
        """Return a new copy of an example body of generateTask.

        Args:
            name: A key of `examples`; the simplest example by default.
            root: The root URL of the fake that serves its sample files.
        """
        key = next(iter(self.examples)) if name is None else name
        body: dict[str, Any] = json.loads(json.dumps(self.examples[key]).replace("{root}", root))
        return body

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Model:
        """Read what `ltx_mock_schemas.model` returns."""
        other = facts["otherFailure"]
        return cls(
            id=facts["id"],
            modes=MappingProxyType({name: _mode(name, each) for name, each in facts["modes"].items()}),
            resolutions=MappingProxyType(
                {name: _resolution(name, each) for name, each in facts["resolutions"].items()}
            ),
            aspect_ratios=tuple(facts["aspectRatios"]),
            durations=Span(*facts["durations"]),
            lora_ms=Span(*facts["loraMs"]),
            result=ResultFile(facts["result"]["mediaType"], facts["result"]["suffix"]),
            fail_codes=MappingProxyType(
                {code: _fail_code(code, {**other, **each}) for code, each in facts["failCodes"].items()}
            ),
            other_failure=_fail_code("", {"source": "vendor", **other}),
            examples=MappingProxyType(facts["examples"]),
        )


def _mode(name: str, facts: Mapping[str, Any]) -> Mode:
    return Mode(name=name, **{kind: tuple(fields) for kind, fields in facts.items()})


def _resolution(name: str, facts: Mapping[str, Any]) -> Resolution:
    sizes = {ratio: (width, height) for ratio, (width, height) in facts["sizes"].items()}
    return Resolution(
        name=name,
        sizes=MappingProxyType(sizes),
        generation_ms=Span(*facts["generationMs"]),
        price=facts["price"],
    )


def _fail_code(code: str, facts: Mapping[str, Any]) -> FailCode:
    return FailCode(
        code=code,
        source=facts["source"],
        message=facts["message"],
        field=facts.get("field"),
        fails_after_ms=Span(*facts["failsAfterMs"]),
    )


MODEL: Final = Model.from_facts(model())
"""The model of the API."""

MODES: Final = tuple(MODEL.modes)
RATIO_MODES: Final = MODEL.modes_with("aspect_ratio")
IMAGE_MODES: Final = MODEL.modes_with("image_urls")
LORA_MODES: Final = MODEL.modes_with("loras")
RESOLUTIONS: Final = tuple(MODEL.resolutions)

SPEC_FAIL_CODES: Final = tuple(each.code for each in MODEL.fail_codes.values() if each.source == "spec")
"""The codes of this model, from its own page."""

VENDOR_FAIL_CODES: Final = tuple(each.code for each in MODEL.fail_codes.values() if each.source == "vendor")
"""Further codes from the vendor's page on errors, for the whole API."""

FAIL_CODES: Final = SPEC_FAIL_CODES + VENDOR_FAIL_CODES
"""Every documented code. A server may use others; these are observed, never broken."""
