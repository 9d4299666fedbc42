"""Parse the bytes of a body as JSON, and refuse everything that other JSON parsers may read differently."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import chain, islice
from json.decoder import JSONArray, JSONObject, scanstring  # type: ignore[attr-defined]
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.validation.findings import Finding, Path, malformed, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DEPTH_LIMIT", "LARGE", "MalformedBody", "PythonDecoder", "check_json", "parse_body"]

DEPTH_LIMIT: Final = 64
"""The maximum nesting of arrays and objects; the documented request needs four levels."""

LARGE: Final = 16 * 1024
"""Bodies with more bytes than this are decoded with `PythonDecoder`, so that other threads can run meanwhile."""

_DIGITS_LIMIT: Final = 300
_TOO_BIG: Final = 10**_DIGITS_LIMIT
_TOO_DEEP: Final = f"it is nested deeper than {DEPTH_LIMIT} levels"
_LONE_SURROGATE: Final = "it has a lone surrogate"
_TOO_BIG_TEXT: Final = "it has a number that is too large for a double"
_PLAIN: Final = frozenset({dict, list, str, int, float, bool, type(None)})
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


class MalformedBody(ValueError):  # noqa: N818  a public name
    """The bytes are not JSON, or JSON that parsers read in different ways (GEN-1).

    Attributes:
        finding: The problem, as a finding of GEN-1.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def parse_body(raw: bytes) -> object:
    """Decode the body of a request.

    Besides invalid JSON this refuses a byte order mark, `NaN` and `Infinity`, numbers beyond the range of a double,
    duplicate keys, lone surrogates, and nesting deeper than `DEPTH_LIMIT`.

    Args:
        raw: The bytes of the body.

    Raises:
        MalformedBody: The bytes cannot be read; its `finding` says why and where.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise _malformed(f"it is not UTF-8: byte {error.start} is 0x{raw[error.start]:02x}") from None
    if len(raw) > LARGE:
        return _decode(text, _Strict(reject_surrogates=_SURROGATE.search(raw) is not None))
    is_flat = raw.count(b"{") + raw.count(b"[") <= DEPTH_LIMIT
    body = _decode(text, _DECODER if is_flat else _Strict(reject_surrogates=False))
    if b"\\" in raw and _SURROGATE.search(raw) and not _encodable(json.dumps(body, ensure_ascii=False)):
        raise _malformed(_LONE_SURROGATE, _first_surrogate(body))
    return body


def check_json(value: object) -> None:
    """Check that JSON can represent a Python value for every parser.

    Raises:
        MalformedBody: It contains a type that JSON does not have, a key that is not a string, a number that is not
            finite or too large for a double, or nesting deeper than `DEPTH_LIMIT`.
    """
    if _is_plain(value):
        return
    for path, part in _walk(value):
        problem = _problem(part, len(path))
        if problem:
            raise _malformed(problem, path)


def _decode(text: str, decoder: json.JSONDecoder) -> object:
    try:
        return _decode_once(text, decoder)
    except json.JSONDecodeError as error:
        raise _malformed(_syntax(text, error)) from None
    except RecursionError:
        raise _malformed(_TOO_DEEP) from None


def _decode_once(text: str, decoder: json.JSONDecoder) -> object:
    """Do what `decoder.decode` does, without its two searches for white space where an object begins at once."""
    if not text.startswith("{"):
        return decoder.decode(text)
    value, end = decoder.raw_decode(text)
    if rest := text[end:].lstrip(" \t\n\r"):
        raise json.JSONDecodeError("Extra data", text, len(text) - len(rest))
    return value


def _syntax(text: str, error: json.JSONDecodeError) -> str:
    if not text.strip():
        return "it is empty"
    if text.startswith("\ufeff"):
        return "it starts with a byte order mark"
    return f"it is not JSON: {error.msg.removesuffix(' at')}{_position(text, error.pos)}"


def _position(text: str, index: int) -> str:
    return f" at line {text.count(chr(10), 0, index) + 1}, column {index - text.rfind(chr(10), 0, index)}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise _malformed(f"it has the key {show(twice)} twice in one object")
    return result


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > _DIGITS_LIMIT:
        raise _malformed(_TOO_BIG_TEXT)
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise _malformed(_TOO_BIG_TEXT)
    return value


def _of_ascii(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def parse_ascii(digits: str) -> Any:
        if not digits.isascii():
            raise _malformed(f"it is not JSON: {show(digits)} is no number")
        return parse(digits)

    return parse_ascii


def _constant(name: str) -> float:
    raise _malformed(f"it has {name}, which is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_number, parse_constant=_constant
)


class PythonDecoder(json.JSONDecoder):
    """A JSON decoder in Python instead of C, so that other threads can run during decoding.

    The C decoder holds the GIL to its end: some tenths of a second for an array of 300,000 arrays. Use an instance
    for one text only.

    Raises:
        RecursionError: The text is nested deeper than `levels`.
        MalformedBody: A number has a digit of another script, which Python's scanner takes for one.
    """

    def __init__(self, levels: int = DEPTH_LIMIT, **hooks: Any) -> None:
        super().__init__(**hooks)
        self._left = levels
        self.parse_array = self._nested(JSONArray)
        self.parse_object = self._nested(JSONObject)
        self.parse_int, self.parse_float = _of_ascii(self.parse_int), _of_ascii(self.parse_float)
        self.scan_once = py_make_scanner(self)

    def _nested(self, parse: Callable[..., Any]) -> Callable[..., Any]:
        def parse_nested(*args: Any) -> Any:
            if not self._left:
                raise RecursionError
            self._left -= 1
            value = parse(*args)
            self._left += 1
            return value

        return parse_nested


class _Strict(PythonDecoder):
    """A decoder that refuses what `parse_body` refuses; lone surrogates only if `reject_surrogates`."""

    def __init__(self, *, reject_surrogates: bool) -> None:
        super().__init__(
            object_pairs_hook=_encodable_keys if reject_surrogates else _unique,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
        if reject_surrogates:
            self.parse_string = _encodable_string
            self.scan_once = py_make_scanner(self)


def _encodable_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if not _encodable("".join(key for key, _ in pairs)):
        raise _malformed(_LONE_SURROGATE)
    return _unique(pairs)


def _encodable_string(text: str, start: int, strict: bool) -> tuple[str, int]:
    value, end = scanstring(text, start, strict)
    if not _encodable(value):
        raise _malformed(f"{_LONE_SURROGATE}{_position(text, start - 1)}")
    return value, end


def _walk(value: object) -> Iterator[tuple[Path, object]]:
    """Yield every value with its path, in document order, down to one level below the limit."""
    stack: list[tuple[Path, object]] = [((), value)]
    while stack:
        path, part = stack.pop()
        yield path, part
        if len(path) > DEPTH_LIMIT:
            continue
        if isinstance(part, dict):
            stack.extend(((*path, key), part[key]) for key in reversed(part))
        elif isinstance(part, (list, tuple)):
            stack.extend(((*path, index), part[index]) for index in range(len(part) - 1, -1, -1))


def _is_plain(value: object) -> bool:
    """Check quickly, level by level, whether a value is certainly valid. If not, `_walk` finds out."""
    for level in islice(_levels(value), DEPTH_LIMIT + 1):
        if not _PLAIN.issuperset(level) or not _all_finite(level):
            return False
        if not {str}.issuperset(map(type, chain.from_iterable(level.get(dict, ())))):
            return False
    return dict not in level and list not in level


def _levels(value: object) -> Iterator[dict[type, list[Any]]]:
    """Yield the values of each nesting level, grouped by type."""
    level: list[Any] = [value]
    while level:
        kinds = set(map(type, level))
        by_type = {kinds.pop(): level} if len(kinds) == 1 else {kind: _of_type(kind, level) for kind in kinds}
        yield by_type
        arrays, objects = by_type.get(list, ()), by_type.get(dict, ())
        level = [*chain.from_iterable(arrays), *chain.from_iterable(map(dict.values, objects))]


def _all_finite(level: dict[type, list[Any]]) -> bool:
    whole = level.get(int, [0])
    return all(map(isfinite, level.get(float, ()))) and min(whole) > -_TOO_BIG and max(whole) < _TOO_BIG


def _of_type(kind: type, values: list[Any]) -> list[Any]:
    return [value for value in values if type(value) is kind]


def _problem(part: object, depth: int) -> str | None:
    if isinstance(part, (dict, list, tuple)) and depth >= DEPTH_LIMIT:
        return _TOO_DEEP
    if isinstance(part, dict) and not all(isinstance(key, str) for key in part):
        return "it has a key that is not a string"
    if (isinstance(part, int) and abs(part) >= _TOO_BIG) or (isinstance(part, float) and not isfinite(part)):
        return "it has a number that is not finite or too large for a double"
    if part is None or isinstance(part, (str, int, float, dict, list, tuple)):
        return None
    return f"it has {show(part)}, which is not a JSON value"


def _first_surrogate(body: object) -> Path:
    """Return the path of the first string with a lone surrogate; for a key, the path of its object."""
    for path, part in _walk(body):
        if any(not _encodable(text) for text in (part if isinstance(part, dict) else [part]) if isinstance(text, str)):
            return path
    return ()


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _malformed(problem: str, path: Path = ()) -> MalformedBody:
    return MalformedBody(malformed(problem, path))
