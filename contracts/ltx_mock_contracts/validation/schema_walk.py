"""Walk a value and its schema side by side, and tell every keyword that the value breaks.

This knows the keywords that our schemas use and no others, and is lazy: whoever wants ten errors of a hostile body
pays for ten. What is specific to us is that the marks on the way (`x-rule`, `x-allowed`, `x-severity`) come along,
and that a `oneOf` is entered by its discriminator.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ltx_mock_contracts.validation.findings import Path, Severity

__all__ = ["ANNOTATIONS", "Broken", "Walker"]

Schema = dict[str, Any]

_ENOUGH: Final = 100
"""So many items are looked at in an array that has too many anyway."""


class Broken(NamedTuple):
    """A broken keyword.

    Attributes:
        keyword: Its name. `required` and `additionalProperties` come once for each field.
        asked: What the keyword asks for.
        value: What is there; for a missing field the object that lacks it.
        path: Where the value, or the missing field, is.
        trail: The schemas on the way, the one with the keyword last.
    """

    keyword: str
    asked: Any
    value: Any
    path: Path
    trail: tuple[Schema, ...]

    @property
    def schema(self) -> Schema:
        """The schema in which the keyword stands."""
        return self.trail[-1]

    def mark(self, name: str, default: str = "") -> str:
        """Return what an `x-` keyword says here; the nearer it stands to the broken keyword, the more it counts."""
        found: str = next((node[name] for node in reversed(self.trail) if name in node), default)
        return found

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return "advisory" if self.mark("x-severity") == "advisory" else "violation"

    @property
    def forbids(self) -> bool:
        """Tell whether the value must not be there, whatever it is."""
        return self.keyword == "not" and self.asked == {}


class Walker:
    """One schema, with its definitions at hand."""

    def __init__(self, schema: Schema) -> None:
        self._root = schema
        self._steps: Mapping[str, Callable[[Broken], Iterator[Broken]]] = {
            "$ref": self._ref,
            "properties": self._properties,
            "additionalProperties": self._additional,
            "required": self._required,
            "items": self._items,
            "allOf": self._all_of,
            "oneOf": self._one_of,
            "if": self._if,
            "not": self._not,
        }

    @property
    def keywords(self) -> frozenset[str]:
        """Every keyword that the walk understands."""
        return frozenset(self._steps) | frozenset(_CHECKS) | {"then"}

    def walk(self, value: object) -> Iterator[Broken]:
        """Give everything that is broken, in the order of the schema."""
        return self._walk(self._root, value, (), ())

    def _walk(self, node: Schema | bool, value: object, path: Path, trail: tuple[Schema, ...]) -> Iterator[Broken]:
        if isinstance(node, bool):
            return
        trail = (*trail, node)
        for keyword, asked in node.items():
            check = _CHECKS.get(keyword)
            if check is not None:
                if not check(asked, value):
                    yield Broken(keyword, asked, value, path, trail)
            elif keyword in self._steps:
                yield from self._steps[keyword](Broken(keyword, asked, value, path, trail))

    def _within(self, at: Broken, node: Schema | bool) -> Iterator[Broken]:
        return self._walk(node, at.value, at.path, at.trail)

    def _accepts(self, at: Broken, node: Schema) -> bool:
        return next(self._within(at, node), None) is None

    def _definition(self, reference: str) -> Schema:
        definition: Schema = self._root["$defs"][reference.removeprefix("#/$defs/")]
        return definition

    def _ref(self, at: Broken) -> Iterator[Broken]:
        return self._within(at, self._definition(at.asked))

    def _properties(self, at: Broken) -> Iterator[Broken]:
        if isinstance(at.value, dict):
            for field, node in at.asked.items():
                if field in at.value:
                    yield from self._walk(node, at.value[field], (*at.path, field), at.trail)

    def _additional(self, at: Broken) -> Iterator[Broken]:
        if isinstance(at.value, dict):
            known = at.schema["properties"]
            for field, value in at.value.items():
                if field not in known:
                    yield at._replace(value=value, path=(*at.path, field))

    def _required(self, at: Broken) -> Iterator[Broken]:
        if isinstance(at.value, dict):
            for field in at.asked:
                if field not in at.value:
                    yield at._replace(path=(*at.path, field), trail=_to_missing(at, field))

    def _items(self, at: Broken) -> Iterator[Broken]:
        if isinstance(at.value, (list, tuple)):
            too_long = len(at.value) > at.schema.get("maxItems", len(at.value))
            for index, item in enumerate(at.value[:_ENOUGH] if too_long else at.value):
                yield from self._walk(at.asked, item, (*at.path, index), at.trail)

    def _all_of(self, at: Broken) -> Iterator[Broken]:
        for node in at.asked:
            yield from self._within(at, node)

    def _one_of(self, at: Broken) -> Iterator[Broken]:
        """Enter the branch that the discriminator chooses; when it chooses none, the schema beside `oneOf` says so."""
        discriminator = at.schema["discriminator"]
        chosen = at.value.get(discriminator["propertyName"]) if isinstance(at.value, dict) else None
        if isinstance(chosen, str) and chosen in discriminator["mapping"]:
            yield from self._within(at, self._definition(discriminator["mapping"][chosen]))

    def _if(self, at: Broken) -> Iterator[Broken]:
        if self._accepts(at, at.asked):
            yield from self._within(at, at.schema["then"])

    def _not(self, at: Broken) -> Iterator[Broken]:
        if self._accepts(at, at.asked):
            yield at


def _to_missing(at: Broken, field: str) -> tuple[Schema, ...]:
    """Go on to the schema of a field that is not there; another rule than its own may want its presence."""
    node = at.schema.get("properties", {}).get(field, {})
    rule = at.schema.get("x-rule-required")
    return (*at.trail, node, {"x-rule": rule} if rule else {})


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


def _same(value: object, other: object) -> bool:
    return value == other and isinstance(value, bool) is isinstance(other, bool)


@cache
def _finder(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """Return the search for a pattern. An anchored one is tried at the start only, where `search` tries everywhere."""
    compiled = re.compile(pattern)
    return compiled.match if pattern.startswith("^") and "|^" not in pattern else compiled.search


_TYPES: Final[Mapping[str, Callable[[object], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, (list, tuple)),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": _is_integer,
    "null": lambda value: value is None,
}

_CHECKS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "type": lambda asked, value: any(_TYPES[one](value) for one in ([asked] if isinstance(asked, str) else asked)),
    "enum": lambda asked, value: any(_same(value, one) for one in asked),
    "const": lambda asked, value: _same(value, asked),
    "minLength": lambda asked, value: not isinstance(value, str) or len(value) >= asked,
    "maxLength": lambda asked, value: not isinstance(value, str) or len(value) <= asked,
    "pattern": lambda asked, value: not isinstance(value, str) or _finder(asked)(value) is not None,
    "minimum": lambda asked, value: not _is_number(value) or value >= asked,
    "maximum": lambda asked, value: not _is_number(value) or value <= asked,
    "minItems": lambda asked, value: not isinstance(value, (list, tuple)) or len(value) >= asked,
    "maxItems": lambda asked, value: not isinstance(value, (list, tuple)) or len(value) <= asked,
}

ANNOTATIONS: Final = frozenset(
    {
        *("$schema", "$defs", "title", "description", "default", "examples"),
        *("discriminator", "contentMediaType", "contentSchema"),
        *("x-rule", "x-rule-required", "x-allowed", "x-severity", "x-expected", "x-extensible-enum"),
    }
)
"""Keywords that say something about a value and ask nothing of it."""
