"""Servers that take what they must refuse, or refuse what they must take: one mistake about one field each."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from ltx_mock.asgi.in_process import Reply
from ltx_mock_contracts import validate_request
from mutants.base import NO_JSON, Ask, Behaviour, Broken, Mutant, Outcome, decoded, error, is_wrong, mistakes
from support.bodies import IMAGE, LORAS, TEXT, request_body

GOOD = request_body(TEXT)
OUTSIDE = ("request_type", "callback_url", "provider", "input")
MISSING = ...
MODES = ("text-to-video", "image-to-video", "text-to-video-LoRA", "image-to-video-LoRA")
Predicate = Callable[[Any], bool]


def home(body: Any, field: str) -> dict[str, Any] | None:
    """Return the object in which a field is, or should be."""
    place = body if field in OUTSIDE or not isinstance(body, dict) else body.get("input")
    return place if isinstance(place, dict) else None


def matches(wanted: object, value: object) -> bool:
    """Tell whether a value is one of those meant: by a predicate, or by being the same, and of the same type."""
    return bool(wanted(value)) if callable(wanted) else repr(value) == repr(wanted)


class Takes(Behaviour):
    """Takes a wrong value of a field for a right one."""

    def __init__(self, field: str, wrong: object, right: object) -> None:
        super().__init__()
        self.field, self.wrong, self.right = field, wrong, right

    def asks(self, body: Any) -> Any:
        place = home(body, self.field)
        if place is None or not matches(self.wrong, place.get(self.field, MISSING)):
            return body
        right = self.right(place) if callable(self.right) else self.right
        if right is MISSING:
            del place[self.field]
        else:
            place[self.field] = right
        return body


class Refuses(Behaviour):
    """Refuses a good request for a value that a field may have."""

    def __init__(self, field: str, right: object) -> None:
        super().__init__()
        self.field, self.right = field, right

    def asks(self, body: Any) -> Any:
        place = home(body, self.field)
        return {} if place is not None and matches(self.right, place.get(self.field, MISSING)) else body


class Advised(Behaviour):
    """Refuses what is only advised against, where the advice is about a pointer like this."""

    def __init__(self, pointer: str) -> None:
        super().__init__()
        self.pointer = re.compile(pointer)

    def asks(self, body: Any) -> Any:
        findings = [] if is_wrong(body) else validate_request(body)
        return {} if any(self.pointer.fullmatch(finding.pointer) for finding in findings) else body


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def takes(rule: str, text: str, field: str, wrong: object, right: object, outcome: Outcome = "broken") -> Mutant:
    return Mutant(slug(text), rule, f"{text}.", partial(Takes, field, wrong, right), outcome)


def refuses(rule: str, text: str, field: str, right: object) -> Mutant:
    return Mutant(slug(text), rule, f"{text}.", partial(Refuses, field, right), also=("GEN-17",))


def advised(text: str, pointer: str) -> Mutant:
    outcome: Outcome = "observed"
    return Mutant(slug(text), "GEN-16", f"{text}.", partial(Advised, pointer), outcome)


def text_of(low: int, high: int) -> Predicate:
    return lambda value: isinstance(value, str) and low <= len(value) <= high


def items(count: int) -> Predicate:
    return lambda value: isinstance(value, list) and len(value) == count


def in_capitals(value: Any) -> bool:
    return isinstance(value, str) and value not in MODES and value.lower() in [mode.lower() for mode in MODES]


def in_small_letters(place: dict[str, Any]) -> str:
    return next(mode for mode in MODES if mode.lower() == place["mode"].lower())


def is_fraction(value: Any) -> bool:
    return isinstance(value, float) and not value.is_integer() and 5 <= value <= 20


def is_digits(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit()


def is_path(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and "://" not in value


def is_ftp(value: Any) -> bool:
    return isinstance(value, str) and value.lower().startswith("ftp:")


def is_other_text(*known: str) -> Predicate:
    return lambda value: isinstance(value, str) and value not in known


def is_long_in_bytes(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 5000 < len(value.encode())


def has_path_alone(loras: Any) -> bool:
    """Tell whether a path of a LoRA is no absolute URL."""
    return isinstance(loras, list) and any(isinstance(lora, dict) and is_path(lora.get("path")) for lora in loras)


def has_text_scale(loras: Any) -> bool:
    return isinstance(loras, list) and any(
        isinstance(lora, dict) and isinstance(lora.get("scale"), str) for lora in loras
    )


FIELDS = [
    takes("GEN-2", "an unknown request_type is async", "request_type", is_other_text("async", "callback"), "async"),
    takes("GEN-2", "a request_type of null is async", "request_type", None, "async", "observed"),
    takes("GEN-4", "a callback_url may be a path", "callback_url", is_path, "https://example.com/"),
    takes("GEN-4", "a callback_url may be of FTP", "callback_url", is_ftp, "https://example.com/"),
    takes("GEN-5", "an unknown provider is auto", "provider", is_other_text("auto", "value", "official"), "auto"),
    refuses("GEN-5", "the provider value is refused", "provider", "value"),
    refuses("GEN-5", "the provider official is refused", "provider", "official"),
    takes("GEN-6", "a missing input is made up", "input", MISSING, GOOD["input"]),
    takes("GEN-6", "an input that is an array is made up", "input", lambda it: isinstance(it, list), GOOD["input"]),
    takes("GEN-7", "a mode may be in capitals", "mode", in_capitals, in_small_letters),
    takes("GEN-7", "a missing mode is text-to-video", "mode", MISSING, "text-to-video", "observed"),
    takes("GEN-8", "a prompt may have 5001 characters", "prompt", text_of(5001, 5001), lambda it: it["prompt"][:5000]),
    takes("GEN-8", "a prompt may have any length", "prompt", text_of(5001, 10**9), lambda it: it["prompt"][:5000]),
    takes("GEN-8", "a prompt may be empty", "prompt", "", "x"),
    takes("GEN-8", "a prompt may be a number", "prompt", lambda it: type(it) in {int, float}, "x"),
    takes("GEN-8", "a prompt may be missing", "prompt", MISSING, "x"),
    refuses("GEN-8", "a prompt of 5000 characters is refused", "prompt", text_of(5000, 5000)),
    refuses("GEN-8", "a prompt is counted in bytes", "prompt", is_long_in_bytes),
    refuses("GEN-8", "a prompt of one character is refused", "prompt", text_of(1, 1)),
    takes("GEN-9", "4k is 1080p", "resolution", lambda it: it in ["4k", "4K", "2160p"], "1080p"),
    takes("GEN-9", "a resolution may be in capitals", "resolution", "480P", "480p"),
    takes("GEN-9", "any text is a resolution", "resolution", is_other_text("480p", "720p", "1080p"), "480p"),
    takes("GEN-9", "a missing resolution is 720p", "resolution", MISSING, "720p"),
    takes("GEN-10", "a duration may be a fraction", "duration", is_fraction, lambda it: int(it["duration"])),
    takes("GEN-10", "a duration may be a text", "duration", is_digits, 10),
    takes("GEN-10", "a duration may be 21", "duration", 21, 20),
    takes("GEN-10", "a duration may be 4", "duration", 4, 5),
    takes("GEN-10", "a duration may be true", "duration", True, 5),
    takes("GEN-10", "a missing duration is 5", "duration", MISSING, 5),
    refuses("GEN-10", "a duration of 20 is refused", "duration", 20),
    takes("GEN-11", "an aspect_ratio may be 1:1", "aspect_ratio", "1:1", "16:9"),
    refuses("GEN-11", "an aspect_ratio of 9:16 is refused", "aspect_ratio", "9:16"),
    takes("GEN-12", "there may be two images", "image_urls", items(2), lambda it: it["image_urls"][:1]),
    takes("GEN-12", "there may be no image in the array", "image_urls", items(0), IMAGE["image_urls"]),
    takes(
        "GEN-12", "an image may be a text", "image_urls", lambda it: isinstance(it, str), lambda it: [it["image_urls"]]
    ),
    takes("GEN-13", "a seed may be 0", "seed", 0, 1),
    takes("GEN-13", "a seed may be minus 2", "seed", -2, -1),
    takes("GEN-13", "a seed may be 2 to the 31st", "seed", 2**31, 2**31 - 1),
    takes("GEN-13", "a seed may be a text", "seed", lambda it: isinstance(it, str), 7),
    refuses("GEN-13", "a seed of minus 1 is refused", "seed", -1),
    refuses("GEN-13", "the largest seed is refused", "seed", 2**31 - 1),
    takes("GEN-14", "there may be four LoRAs", "loras", items(4), lambda it: it["loras"][:3]),
    takes("GEN-14", "the path of a LoRA may be relative", "loras", has_path_alone, LORAS),
    takes("GEN-14", "the scale of a LoRA may be a text", "loras", has_text_scale, LORAS),
    refuses("GEN-14", "three LoRAs are refused", "loras", items(3)),
    advised("an unknown field is refused", r"(/input)?/(?!image_urls)\w+"),
    advised("a LoRA without a scale is refused", r"/input/loras/\d+(/scale)?"),
    advised("an image in a text mode is refused", r"/input/image_urls.*"),
]


class ArrayIsTaken(Broken):
    """A body that is an array is taken."""

    rule = "GEN-1"

    def asks(self, body: Any) -> Any:
        return GOOD if isinstance(body, list) else body


class NoJsonIsTaken(Broken):
    """A body that is no JSON is taken."""

    rule = "GEN-1"

    def asks(self, body: Any) -> Any:
        return GOOD if body is NO_JSON else body


class NoJsonIs500(Broken):
    """A body that is no JSON is answered with 500."""

    rule = "GEN-1"

    def fails(self, ask: Ask, reply: Reply) -> Reply:
        no_json = ask.operation == "generateTask" and decoded(ask.body) is NO_JSON
        return error(500, "Internal server error") if reply.status == 400 and no_json else reply


class CallbackNeedsNoUrl(Broken):
    """A callback without callback_url is taken."""

    rule = "GEN-3"

    def asks(self, body: Any) -> Any:
        if isinstance(body, dict) and body.get("request_type") == "callback" and "callback_url" not in body:
            body["request_type"] = "async"
        return body


class AsyncWithUrlIsRefused(Broken):
    """A callback_url is refused where the request_type is async."""

    rule = "GEN-3"
    also = ("GEN-4", "GEN-17")

    def asks(self, body: Any) -> Any:
        with_url = isinstance(body, dict) and "callback_url" in body
        return {} if with_url and body.get("request_type", "async") == "async" and not is_wrong(body) else body


class AsyncIsRefused(Broken):
    """A request_type of async is refused where it stands alone, for it is the default."""

    rule = "GEN-2"
    also = ("GEN-17",)

    def asks(self, body: Any) -> Any:
        alone = isinstance(body, dict) and body.get("request_type") == "async" and "callback_url" not in body
        return {} if alone and not is_wrong(body) else body


class AspectRatioOfImage(Broken):
    """An aspect_ratio is taken in an image mode."""

    rule = "GEN-11"

    def asks(self, body: Any) -> Any:
        given = home(body, "mode")
        if given is not None and given.get("mode") in ("image-to-video", "image-to-video-LoRA"):
            given.pop("aspect_ratio", None)
        return body


class ImageModeNeedsNone(Broken):
    """An image mode is taken without image_urls."""

    rule = "GEN-12"

    def asks(self, body: Any) -> Any:
        given = home(body, "mode")
        if given is not None and given.get("mode") in ("image-to-video", "image-to-video-LoRA"):
            given.setdefault("image_urls", IMAGE["image_urls"])
        return body


class ImageMayBeNoUrl(Broken):
    """A reference image need not be a URL."""

    rule = "GEN-12"

    def asks(self, body: Any) -> Any:
        given = home(body, "image_urls")
        urls = given.get("image_urls") if given is not None else None
        if given is not None and isinstance(urls, list) and len(urls) == 1 and is_path(urls[0]):
            given["image_urls"] = IMAGE["image_urls"]
        return body


class LorasInPlainMode(Broken):
    """LoRAs are taken in a mode without LoRA."""

    rule = "GEN-14"

    def asks(self, body: Any) -> Any:
        given = home(body, "mode")
        if given is not None and given.get("mode") in ("text-to-video", "image-to-video"):
            given.pop("loras", None)
        return body


class BadDurationIs422(Broken):
    """A bad duration is refused with 422."""

    rule = "GEN-10"
    status = 422

    def fails(self, ask: Ask, reply: Reply) -> Reply:
        body = decoded(ask.body)
        findings = [] if body is NO_JSON or ask.operation != "generateTask" else validate_request(body)
        rules = {finding.rule for finding in findings if finding.severity == "violation"}
        return error(self.status, findings[0].message) if reply.status == 400 and rules == {self.rule} else reply


class BadDurationIs500(BadDurationIs422):
    """A bad duration is answered with 500."""

    status = 500


class BadPromptIs422(BadDurationIs422):
    """A bad prompt is refused with 422."""

    rule = "GEN-8"


REQUESTS = [*FIELDS, *(kind.mutant() for kind in mistakes(__name__))]
"""The mistakes about what generateTask is given."""
