"""A valid request with its defaults filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ltx_mock_contracts.model import IMAGE_MODES, LORA_MODES, MODEL, MODES, RESOLUTIONS

if TYPE_CHECKING:
    from ltx_mock_contracts.model import Span

__all__ = ["GenerateRequest", "Lora"]

_IMAGE_MODES: Final = frozenset(IMAGE_MODES)
_LORA_MODES: Final = frozenset(LORA_MODES)
_GENERATION_MS: Final = {(mode, size): MODEL.generation_ms(mode, size) for mode in MODES for size in RESOLUTIONS}


class Lora(NamedTuple):
    """One LoRA model: where it is downloaded from, and how strong its influence is (GEN-14)."""

    path: str
    scale: float = 1.0


class GenerateRequest(NamedTuple):
    """A valid generateTask request.

    Two requests for the same video are equal, however they are written: missing fields have their defaults, `10.0`
    seconds are `10`, and fields that the mode does not use are left out.

    Attributes:
        request_type: `async` or `callback`.
        callback_url: Where the end of the task is announced; with `async` it is not used (GEN-3).
        provider: `auto`, `value` or `official`.
        mode: One of the four modes.
        prompt: What the video shows.
        resolution: `480p`, `720p` or `1080p`.
        duration: The length of the video in seconds.
        aspect_ratio: `16:9` or `9:16`; always `16:9` in the image-to-video modes, which do not take it.
        image_urls: The reference image, one URL; empty in the text-to-video modes, which do not use it.
        seed: None lets the service choose.
        loras: The LoRA models to apply, at most three.
    """

    mode: str
    prompt: str
    resolution: str
    duration: int
    request_type: str = "async"
    callback_url: str | None = None
    provider: str = "auto"
    aspect_ratio: str = MODEL.aspect_ratio
    image_urls: tuple[str, ...] = ()
    seed: int | None = None
    loras: tuple[Lora, ...] = ()

    @property
    def is_image(self) -> bool:
        """Tell whether the video is made from a reference image."""
        return self.mode in _IMAGE_MODES

    @property
    def is_lora(self) -> bool:
        """Tell whether the mode applies LoRA models."""
        return self.mode in _LORA_MODES

    @property
    def generation_ms(self) -> Span:
        """Return the shortest and the longest time that the generation takes, in milliseconds (TASK-8)."""
        return _GENERATION_MS[self.mode, self.resolution]

    @classmethod
    def from_body(cls, body: Any) -> GenerateRequest:
        """Read a decoded body in which `validate_request` finds no violation; advisories are no hindrance."""
        given = body["input"]
        seed = int(given.get("seed", -1))
        mode = given["mode"]
        return cls(
            request_type=body.get("request_type", "async"),
            callback_url=body.get("callback_url"),
            provider=body.get("provider", "auto"),
            mode=mode,
            prompt=given["prompt"],
            resolution=given["resolution"],
            duration=int(given["duration"]),
            aspect_ratio=given.get("aspect_ratio", MODEL.aspect_ratio),
            image_urls=tuple(given["image_urls"]) if mode in _IMAGE_MODES else (),
            seed=None if seed == -1 else seed,
            loras=tuple([Lora(lora["path"], float(lora.get("scale", 1.0))) for lora in given.get("loras", ())]),
        )
