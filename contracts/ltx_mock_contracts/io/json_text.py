"""Read untrusted JSON and TOML, and write any value as JSON, without crashing on their content."""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, Final, NoReturn

from ltx_mock_contracts.validation.findings import show

__all__ = ["LEVELS", "DeepNestingError", "escaped", "read_json", "read_toml", "write_json"]

LEVELS: Final = 100
"""The maximum nesting of a document: a recording contains bodies of up to 64 levels, plus a few of its own."""

_DIGITS: Final = 300
_TOO_LARGE: Final = 10**_DIGITS
_compact: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_ESCAPABLE: Final = re.compile(r"[^\n -~]|#(?=#\[)")


class DeepNestingError(ValueError):
    """A document is nested deeper than `LEVELS`."""

    def __init__(self) -> None:
        super().__init__(f"it is nested deeper than {LEVELS} levels")


def read_json(text: str | bytes) -> Any:
    """Decode a JSON document.

    Args:
        text: The document; bytes are UTF-8, UTF-16 or UTF-32.

    Raises:
        json.JSONDecodeError: It is not JSON. DeepNestingError: It is nested deeper than `LEVELS`. ValueError: It has
        `NaN`, `Infinity` or a number too large for a double, or its bytes cannot be decoded.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite, parse_int=_integer)
    except RecursionError:
        raise DeepNestingError from None
    return _require_shallow(value)


def read_toml(text: str) -> dict[str, Any]:
    """Decode a TOML document.

    Raises:
        tomllib.TOMLDecodeError: It is not TOML. DeepNestingError: It is nested deeper than `LEVELS`. ValueError: It has
        a number with thousands of digits, or an impossible date.
    """
    import tomllib  # noqa: PLC0415 - most commands read none

    try:
        value = tomllib.loads(text)
    except RecursionError:
        raise DeepNestingError from None
    return _require_shallow(value)  # type: ignore[no-any-return]


def write_json(value: object, *, indent: int | None = None, encoding: str = "utf-8") -> str:
    """Return a value as JSON that is valid for every parser, safe on every terminal and encodable; it never fails.

    Unprintable characters, such as controls that move the cursor or change the text direction, are escaped, and so are
    characters that `encoding` lacks. Parts that JSON cannot represent become text: `NaN`, numbers with more than 300
    digits, Python objects, and values deeper than `LEVELS`. Lone surrogates become U+FFFD.
    """
    write = _compact if indent is None else json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=indent).encode
    try:
        text = write(value)
        text.encode()
    except (ValueError, TypeError, RecursionError, OverflowError):
        text = write(_plain(value))
    return escaped(text, encoding=encoding)


def escaped(text: str, *, encoding: str = "utf-8") -> str:
    """Return JSON with unprintable characters, those that `encoding` lacks, and workflow commands (`##[`) escaped."""
    if text.isprintable() and (encoding == "utf-8" or text.isascii()) and "##[" not in text:
        return text  # nearly always, and the pattern takes longer than to write the JSON
    return _ESCAPABLE.sub(lambda found: _escaped_character(found[0], encoding), text)


def _escaped_character(letter: str, encoding: str) -> str:
    if letter == "#":
        return "\\u0023"
    if letter.isprintable():
        try:
            letter.encode(encoding)
        except (UnicodeEncodeError, LookupError):
            pass
        else:
            return letter
    return "\\u007f" if letter == "\x7f" else json.dumps(letter)[1:-1]


def _require_shallow(value: Any) -> Any:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(LEVELS):
        level = [
            child
            for each in level
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return value
    raise DeepNestingError


def _finite(digits: str) -> float:
    value = float(digits)
    return value if isfinite(value) else _too_large()


def _integer(digits: str) -> int:
    return int(digits) if len(digits) <= _DIGITS else _too_large()


def _too_large() -> NoReturn:
    raise ValueError("it has a number that is too large for a double")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"it has {name}, which is not JSON")


def _plain(value: object, depth: int = 0) -> object:
    """Return a value that `json.dumps` can serialize and that can be encoded."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) < _TOO_LARGE):
        return value
    if depth <= LEVELS and isinstance(value, dict):
        return {_name(name): _plain(item, depth + 1) for name, item in value.items()}
    if depth <= LEVELS and isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    return show(value)


def _name(name: object) -> str:
    return str(_plain(name if isinstance(name, str) else show(name)))
