"""Read the bytes of a body as JSON, and refuse all that other readers of JSON might read in another way."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import chain
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
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
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
    if raw.count(b"{") + raw.count(b"[") > DEPTH_LIMIT and _too_deep(text):
        raise _malformed(_TOO_DEEP)
    body = _decode(text)
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


def _decode(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _malformed(_syntax(text, error)) from None


def _syntax(text: str, error: json.JSONDecodeError) -> str:
    if not text.strip():
        return "it is empty"
    if text.startswith("\ufeff"):
        return "it starts with a byte order mark"
    return f"it is not JSON: {error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}"


def _too_deep(text: str) -> bool:
    depth = 0
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            if depth > DEPTH_LIMIT:
                return True
        elif first in "]}":
            depth -= 1
    return False


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
    level: list[Any] = [value]
    for _ in range(DEPTH_LIMIT):
        if not _PLAIN.issuperset(map(type, level)) or not all(map(isfinite, _of_type(float, level))):
            return False
        if any(abs(number) >= _TOO_BIG for number in _of_type(int, level)):
            return False
        objects, arrays = _of_type(dict, level), _of_type(list, level)
        if not {str}.issuperset(map(type, chain.from_iterable(objects))):
            return False
        level = [*chain.from_iterable(arrays), *chain.from_iterable(map(dict.values, objects))]
        if not level:
            return True
    return False


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
