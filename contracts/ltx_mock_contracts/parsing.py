"""Read the bytes of a body as JSON, and refuse all that other readers of JSON might read in another way."""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from itertools import accumulate, chain, islice
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.findings import Finding, Path, malformed, show

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DEPTH_LIMIT", "MalformedBody", "check_json", "parse_body"]

DEPTH_LIMIT: Final = 64
"""How deep arrays and objects may be nested; the documented request needs four levels."""

_DIGITS_LIMIT: Final = 300
_TOO_BIG: Final = 10**_DIGITS_LIMIT
_TOO_DEEP: Final = f"it is nested deeper than {DEPTH_LIMIT} levels"
_TOO_BIG_TEXT: Final = "it has a number that is too large for a double"
_SMALL: Final = 10_000
"""Up to so many bytes each object and number may be looked at by a function of ours; beyond, only whole levels."""
_LONG_NUMBER: Final = re.compile(rb"[0-9]{300}")
_EXPONENT: Final = re.compile(rb"[eE]\+?0*[1-9][0-9]{2}")
_MARKS: Final = bytes.maketrans(b"{}", b"[]")
_STEPS: Final = bytes.maketrans(b"[]", b"\x01\xff")
"""One level down and one up, as signed bytes."""
_NO_MARK: Final = bytes(each for each in range(256) if each not in b'"[]{}:')
_PLAIN: Final = frozenset({dict, list, str, int, float, bool, type(None)})
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


class MalformedBody(ValueError):  # noqa: N818  it names what came in, not what we did wrong
    """The bytes are not a JSON document that every reader understands alike (GEN-1).

    Attributes:
        finding: What is wrong, as a finding of the rule GEN-1.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def parse_body(raw: bytes) -> object:
    """Decode the body of a request.

    Besides what is no JSON at all this refuses a byte order mark, `NaN` and `Infinity`, numbers beyond the range of
    a double, keys that occur twice in an object, lone surrogates, and nesting deeper than `DEPTH_LIMIT`.

    Args:
        raw: The bytes as they came.

    Raises:
        MalformedBody: The bytes cannot be read; its `finding` says why and where.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise _malformed(f"it is not UTF-8: byte {error.start} is 0x{raw[error.start]:02x}") from None
    if len(raw) <= _SMALL and raw.count(b"{") + raw.count(b"[") <= DEPTH_LIMIT:
        body = _decode(text, _DECODER)
    else:
        body = _decode_large(raw, text)
    if _SURROGATE.search(raw) and not _encodable(json.dumps(body, ensure_ascii=False)):
        raise _malformed("it has a lone surrogate", _first_surrogate(body))
    return body


def check_json(value: object) -> None:
    """Check that a Python value is something that JSON can carry to any reader.

    Raises:
        MalformedBody: Somewhere in it there is a type that JSON does not have, a key that is not a string, a number
            that is not finite or too large for a double, or nesting deeper than `DEPTH_LIMIT`.
    """
    if _is_plain(value):
        return
    for path, part in _walk(value):
        problem = _problem(part, len(path))
        if problem:
            raise _malformed(problem, path)


def _decode(text: str, decoder: json.JSONDecoder) -> object:
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        raise _malformed(_syntax(text, error)) from None


def _decode_large(raw: bytes, text: str) -> object:
    """Decode without a call for each object and number, and look at whole levels instead."""
    marks = _marks(raw)
    if _too_deep(marks):
        raise _malformed(_TOO_DEEP)
    try:
        body = _decode(text, _PLAIN_DECODER)
    except MalformedBody:
        raise
    except ValueError:  # a number of more digits than Python reads
        raise _malformed(_TOO_BIG_TEXT) from None
    if (_EXPONENT.search(raw) or _LONG_NUMBER.search(raw)) and not all(map(_all_finite, _levels(body))):
        raise _malformed(_TOO_BIG_TEXT)
    fields = marks.count(b":")
    for level in _levels(body):
        if not fields:
            return body
        fields -= sum(map(len, level.get(dict, ())))
    return _decode(text, _DECODER) if fields else body  # which raises: a key is there twice


def _syntax(text: str, error: json.JSONDecodeError) -> str:
    if not text.strip():
        return "it is empty"
    if text.startswith("\ufeff"):
        return "it starts with a byte order mark"
    return f"it is not JSON: {error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}"


def _marks(raw: bytes) -> bytes:
    """Return the brackets, all as square ones, and the colons of a JSON text, without those in its strings."""
    escapes = raw.replace(rb"\\", b"").replace(rb"\"", b"") if b"\\" in raw else raw
    marks = escapes.translate(_MARKS, _NO_MARK).replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2])


def _too_deep(marks: bytes) -> bool:
    steps = array("b", marks.translate(_STEPS, b":"))
    return max(accumulate(steps), default=0) > DEPTH_LIMIT


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


def _constant(name: str) -> float:
    raise _malformed(f"it has {name}, which is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_number, parse_constant=_constant
)
_PLAIN_DECODER: Final = json.JSONDecoder(parse_constant=_constant)


def _walk(value: object) -> Iterator[tuple[Path, object]]:
    """Give every value with its path, in document order, and no deeper than one level below the limit."""
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
    """Tell, level by level and fast, whether there is surely nothing wrong; the walk decides what this doubts."""
    for level in islice(_levels(value), DEPTH_LIMIT + 1):
        if not _PLAIN.issuperset(level) or not _all_finite(level):
            return False
        if not {str}.issuperset(map(type, chain.from_iterable(level.get(dict, ())))):
            return False
    return dict not in level and list not in level


def _levels(value: object) -> Iterator[dict[type, list[Any]]]:
    """Give the values of each level of nesting, by their type."""
    level: list[Any] = [value]
    while level:
        kinds = set(map(type, level))
        sorted_ = {kinds.pop(): level} if len(kinds) == 1 else {kind: _of_type(kind, level) for kind in kinds}
        yield sorted_
        arrays, objects = sorted_.get(list, ()), sorted_.get(dict, ())
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
    return f"it has {show(part)}, which JSON does not know"


def _first_surrogate(body: object) -> Path:
    """Return where the first text with a lone surrogate is; for a key, where its object is."""
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
