"""Dialects: the points that the documents leave open, where servers may differ.

A rule states what the fake does. Most of it is **binding**: a document says so clearly. The rest is **dialect**: the
fake's own interpretation of JSON, of URLs or of an ambiguous sentence. A server with another interpretation is
observed, never broken. Everything that judges a server uses this module: the live checks, the checks of recordings, the
strategies and the task machine.
"""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ltx_mock_contracts.model import IMAGE_MODES, MODEL, MODES
from ltx_mock_contracts.request_fields import LONGEST_PROMPT, WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DIALECTS", "Dialect", "may_accept", "may_refuse", "may_refuse_id", "readable_json"]


class Dialect(NamedTuple):
    """One point that servers may interpret in different ways.

    Attributes:
        id: Its name.
        rules: The ids of the rules that it interprets.
        text: The other interpretation, and why it is possible.
    """

    id: str
    rules: tuple[str, ...]
    text: str


_WORDS: Final = ("GEN-2", "GEN-5", "GEN-7", "GEN-9", "GEN-11")
_CATALOGUE: Final = (
    Dialect(
        "json-extension",
        ("GEN-1",),
        "JSON on which parsers differ: a byte order mark, UTF-16, invalid UTF-8, comments, a trailing comma, text "
        "after the end, duplicate keys, `NaN`, very large numbers, lone surrogates, control characters, deep nesting. "
        "RFC 8259 lets a parser accept more than JSON and set its own limits",
    ),
    Dialect(
        "null-as-absent",
        ("GEN-2", "GEN-4", "GEN-5", "GEN-7", "GEN-11", "GEN-12", "GEN-13", "GEN-14"),
        "the server treats `null` in an optional field as absent",
    ),
    Dialect(
        "empty-as-absent",
        ("GEN-2", "GEN-4", "GEN-5", "GEN-7", "GEN-11", "GEN-12", "GEN-13", "GEN-14"),
        "the server treats an empty text, array or object in an optional field as absent",
    ),
    Dialect("trimmed-words", _WORDS, "the server ignores white space around an enum value"),
    Dialect(
        "default-mode",
        ("GEN-7",),
        f"a missing `mode` is `{MODES[0]}`: the model's page calls the field required and gives it this default",
    ),
    Dialect(
        "unused-field",
        ("GEN-4", "GEN-12"),
        "the server ignores an unused field: `callback_url` with `async`, `image_urls` in a text mode",
    ),
    Dialect(
        "url-syntax",
        ("GEN-4", "GEN-12", "GEN-14"),
        "whether a text that begins like an http(s) URL is a URL: parsers differ on spaces, ports, hosts and user"
        " names. No document says whether `data:` URLs are accepted",
    ),
    Dialect("true-as-number", ("GEN-13", "GEN-14"), "in many languages `true` is 1"),
    Dialect("float-as-integer", ("GEN-10", "GEN-13"), "whether `10.0` is a whole number: JSON has only numbers"),
    Dialect(
        "unusual-url",
        ("GEN-4", "GEN-12", "GEN-14"),
        "the server may refuse a URL that is not plain https with the name of a public host: another scheme or port, a"
        " user name, an IP address, characters outside ASCII",
    ),
    Dialect(
        "unusual-prompt",
        ("GEN-8",),
        "the server may refuse a prompt of white space or with control characters, and may count UTF-16 code units,"
        " which are two for an emoji",
    ),
    Dialect(
        "unusual-id",
        ("TASK-11",),
        "for a `taskId` that the server can never have created, 400 is allowed instead of 404",
    ),
)

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType({each.id: each for each in _CATALOGUE})
"""Every dialect by its id."""

_MISSING: Final = object()
_OPTIONAL: Final = re.compile(
    r"/(?:request_type|provider|callback_url|input/(?:mode|aspect_ratio|seed|image_urls|loras|loras/\d+/scale))"
)
_NUMBER: Final = re.compile(r"/input/(?:seed|loras/\d+/scale)")
_URL: Final = re.compile(r"/callback_url|/input/(?:image_urls/\d+|loras/\d+/path)")
_LIKE_A_URL: Final = re.compile(r"\s*(?:https?:|https?//|data:|//)", re.IGNORECASE)
_PLAIN_URL: Final = re.compile(
    r"https://[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?:/[\w.~!$&'()*+,;=:@/-]*)?(?:\?[\w.~=&-]*)?", re.ASCII
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\ufeff\ud800-\udfff]")
_SAMPLE_ID: Final = re.compile(r"task_[0-9a-z]{4,32}")
_COMMENT: Final = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_LAST_COMMA: Final = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)


def may_accept(rule: str, pointer: str, body: object) -> Dialect | None:
    """Return the dialect that allows a server to accept a request with this violation; None if the rule is binding.

    Args:
        rule: The id of the violated rule.
        pointer: The place of the violation, as a JSON pointer.
        body: The decoded body; text if it is not JSON.
    """
    if isinstance(body, str):
        return DIALECTS["json-extension"] if rule == "GEN-1" and readable_json(body) else None
    value = _value_at(body, pointer)
    absent = _reading_of_absence(pointer, value, body)
    if absent is not None:
        return absent
    if isinstance(value, str):
        return _reading_of_text(pointer, value)
    return DIALECTS["true-as-number"] if value is True and _NUMBER.fullmatch(pointer) else None


def may_refuse(body: object) -> Dialect | None:
    """Return the dialect that allows a server to refuse a request without violations; None if it must be accepted."""
    if not isinstance(body, dict) or not isinstance(body.get("input"), dict):
        return None
    given: dict[str, Any] = body["input"]
    if any(isinstance(given.get(name), float) for name in ("duration", "seed")):
        return DIALECTS["float-as-integer"]
    if not all(isinstance(url, str) and _PLAIN_URL.fullmatch(url) for url in _urls(body)):
        return DIALECTS["unusual-url"]
    prompt = given.get("prompt")
    if isinstance(prompt, str) and _is_unusual(prompt):
        return DIALECTS["unusual-prompt"]
    return None


def may_refuse_id(task_id: str) -> Dialect | None:
    """Return the dialect that allows 400 for an unknown `taskId`; None if the response must be 404."""
    return None if _SAMPLE_ID.fullmatch(task_id) else DIALECTS["unusual-id"]


def readable_json(text: str) -> bool:
    """Tell whether some JSON parser may read an object from a text that is not strict JSON."""
    text = text.replace("\x00", "").lstrip("\ufeff\ufffd \t\r\n")
    for form in (text, _LAST_COMMA.sub(r"\1", _COMMENT.sub(lambda found: found[1] or "", text)).lstrip()):
        try:
            found, _ = json.JSONDecoder(strict=False, parse_int=float).raw_decode(form)
        except RecursionError:
            return text.startswith("{")
        except ValueError:
            continue
        if isinstance(found, dict):
            return bool(found)
    return False


def _reading_of_absence(pointer: str, value: object, body: object) -> Dialect | None:
    if _is_unused(pointer, body):
        return DIALECTS["unused-field"]
    if not _OPTIONAL.fullmatch(pointer) or _is_needed(pointer, body):
        return None
    if value is None:
        return DIALECTS["null-as-absent"]
    if value in ("", [], {}):
        return DIALECTS["empty-as-absent"]
    return DIALECTS["default-mode"] if pointer == "/input/mode" and value is _MISSING else None


def _reading_of_text(pointer: str, value: str) -> Dialect | None:
    if value != value.strip() and value.strip() in WORDS.get(pointer, ()):
        return DIALECTS["trimmed-words"]
    return DIALECTS["url-syntax"] if _URL.fullmatch(pointer) and _LIKE_A_URL.match(value) else None


def _is_unused(pointer: str, body: object) -> bool:
    """Tell whether the documents give a field no use in this request."""
    if not isinstance(body, dict):
        return False
    if pointer == "/callback_url":
        return bool(body.get("request_type", "async") != "callback")
    given = body.get("input")
    if isinstance(given, dict) and pointer.startswith("/input/image_urls"):
        return given.get("mode") in MODEL.modes_without("image_urls")
    return False


def _is_needed(pointer: str, body: object) -> bool:
    """Tell whether an optional field is required in this request."""
    given = body.get("input") if isinstance(body, dict) else None
    if pointer == "/callback_url":
        return True
    return pointer == "/input/image_urls" and isinstance(given, dict) and given.get("mode") in IMAGE_MODES


def _urls(body: dict[str, Any]) -> list[object]:
    """Return the URLs that a request uses, and its `callback_url` even if unused."""
    given = body["input"]
    images, loras = given.get("image_urls"), given.get("loras")
    found = [body["callback_url"]] if "callback_url" in body else []
    found += images if isinstance(images, list) else []
    return found + [lora.get("path") for lora in (loras if isinstance(loras, list) else []) if isinstance(lora, dict)]


def _is_unusual(prompt: str) -> bool:
    units = len(prompt.encode("utf-16-le", "surrogatepass")) // 2
    return not prompt.strip() or units > LONGEST_PROMPT or _CONTROL.search(prompt) is not None


def _value_at(body: object, pointer: str) -> object:
    value = body
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return _MISSING
    return value
