"""Walk a value and its schema together, and yield every keyword that the value breaks.

It supports only the keywords that our schemas use. It is lazy: the first ten violations of a hostile body cost the time
of ten. Each broken keyword has the `x-` keywords on its path (`x-rule`, `x-allowed`, `x-severity`), and the
discriminator selects the branch of a `oneOf`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ltx_mock_contracts.validation.findings import Path, Severity

__all__ = ["ANNOTATIONS", "BrokenKeyword", "SchemaWalker"]

Schema = dict[str, Any]

_MAX_ITEMS: Final = 100
"""If an array has too many items, only this many are validated."""


class BrokenKeyword(NamedTuple):
    """A broken keyword.

    Attributes:
        keyword: Its name. There is one `required` or `additionalProperties` for each field.
        constraint: The value of the keyword in the schema.
        value: The invalid value; for a missing field the object without it.
        path: The path of the value or of the missing field.
        trail: The schema nodes from the root to the one with the keyword.
    """

    keyword: str
    constraint: Any
    value: Any
    path: Path
    trail: tuple[Schema, ...]

    @property
    def schema(self) -> Schema:
        """The schema node with the keyword."""
        return self.trail[-1]

    def annotation(self, name: str, default: str = "") -> str:
        """Return the value of an `x-` keyword from the nearest schema node that has it."""
        found: str = next((node[name] for node in reversed(self.trail) if name in node), default)
        return found

    @property
    def severity(self) -> Severity:
        """The severity of the violation."""
        return "advisory" if self.annotation("x-severity") == "advisory" else "violation"

    @property
    def forbids(self) -> bool:
        """Whether every value, or every one but null, is forbidden here (`not: {}`, `type: null`)."""
        return (self.keyword, self.constraint) in (("not", {}), ("type", "null"))


class SchemaWalker:
    """Walks values along one schema."""

    def __init__(self, schema: Schema) -> None:
        self._root = schema
        self._steps: Mapping[str, Callable[[BrokenKeyword], Iterator[BrokenKeyword]]] = {
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
        """All supported keywords."""
        return frozenset(self._steps) | frozenset(_CHECKS) | {"then"}

    def walk(self, value: object) -> Iterator[BrokenKeyword]:
        """Yield the broken keywords, in the order of the schema."""
        return self._walk(self._root, value, (), ())

    def _walk(
        self, node: Schema | bool, value: object, path: Path, trail: tuple[Schema, ...]
    ) -> Iterator[BrokenKeyword]:
        if isinstance(node, bool):
            return
        trail = (*trail, node)
        for keyword, constraint in node.items():
            check = _CHECKS.get(keyword)
            if check is not None:
                if not check(constraint, value):
                    yield BrokenKeyword(keyword, constraint, value, path, trail)
            elif keyword in self._steps:
                yield from self._steps[keyword](BrokenKeyword(keyword, constraint, value, path, trail))

    def _within(self, at: BrokenKeyword, node: Schema | bool) -> Iterator[BrokenKeyword]:
        return self._walk(node, at.value, at.path, at.trail)

    def _accepts(self, at: BrokenKeyword, node: Schema) -> bool:
        return next(self._within(at, node), None) is None

    def _definition(self, reference: str) -> Schema:
        definition: Schema = self._root["$defs"][reference.removeprefix("#/$defs/")]
        return definition

    def _ref(self, at: BrokenKeyword) -> Iterator[BrokenKeyword]:
        return self._within(at, self._definition(at.constraint))

    def _properties(self, at: BrokenKeyword) -> Iterator[BrokenKeyword]:
        if isinstance(at.value, dict):
            for field, node in at.constraint.items():
                if field in at.value:
                    yield from self._walk(node, at.value[field], (*at.path, field), at.trail)

    def _additional(self, at: BrokenKeyword) -> Iterator[BrokenKeyword]:
        if isinstance(at.value, dict):
            known = at.schema["properties"]
            for field, value in at.value.items():
                if field not in known:
                    yield at._replace(value=value, path=(*at.path, field))

    def _required(self, at: BrokenKeyword) -> Iterator[BrokenKeyword]:
        if isinstance(at.value, dict):
            for field in at.constraint:
                if field not in at.value:
                    yield at._replace(path=(*at.path, field), trail=_trail_to_missing(at, field))

    def _items(self, at: BrokenKeyword) -> Iterator[BrokenKeyword]:
        if isinstance(at.value, (list, tuple)):
            too_long = len(at.value) > at.schema.get("maxItems", len(at.value))
            for index, item in enumerate(at.value[:_MAX_ITEMS] if too_long else at.value):
                yield from self._walk(at.constraint, item, (*at.path, index), at.trail)

    def _all_of(self, at: BrokenKeyword) -> Iterator[BrokenKeyword]:
        for node in at.constraint:
            yield from self._within(at, node)

    def _one_of(self, at: BrokenKeyword) -> Iterator[BrokenKeyword]:
        """Enter the branch that the discriminator selects; without one, the schema beside `oneOf` reports it."""
        discriminator = at.schema["discriminator"]
        branch = at.value.get(discriminator["propertyName"]) if isinstance(at.value, dict) else None
        if isinstance(branch, str) and branch in discriminator["mapping"]:
            yield from self._within(at, self._definition(discriminator["mapping"][branch]))

    def _if(self, at: BrokenKeyword) -> Iterator[BrokenKeyword]:
        if self._accepts(at, at.constraint):
            yield from self._within(at, at.schema["then"])

    def _not(self, at: BrokenKeyword) -> Iterator[BrokenKeyword]:
        if self._accepts(at, at.constraint):
            yield at


def _trail_to_missing(at: BrokenKeyword, field: str) -> tuple[Schema, ...]:
    """Extend the trail by the schema of a missing field, and by `x-rule-required` if there is one."""
    node = at.schema.get("properties", {}).get(field, {})
    rule = at.schema.get("x-rule-required")
    return (*at.trail, node, {"x-rule": rule} if rule else {})


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


def _are_equal(value: object, other: object) -> bool:
    return value == other and isinstance(value, bool) is isinstance(other, bool)


@cache
def _finder(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """Return the search function of a pattern: `match` for an anchored one, since `search` would try every position."""
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
    "type": lambda constraint, value: any(
        _TYPES[one](value) for one in ([constraint] if isinstance(constraint, str) else constraint)
    ),
    "enum": lambda constraint, value: any(_are_equal(value, one) for one in constraint),
    "const": lambda constraint, value: _are_equal(value, constraint),
    "minLength": lambda constraint, value: not isinstance(value, str) or len(value) >= constraint,
    "maxLength": lambda constraint, value: not isinstance(value, str) or len(value) <= constraint,
    "pattern": lambda constraint, value: not isinstance(value, str) or _finder(constraint)(value) is not None,
    "minimum": lambda constraint, value: not _is_number(value) or value >= constraint,
    "maximum": lambda constraint, value: not _is_number(value) or value <= constraint,
    "minItems": lambda constraint, value: not isinstance(value, (list, tuple)) or len(value) >= constraint,
    "maxItems": lambda constraint, value: not isinstance(value, (list, tuple)) or len(value) <= constraint,
}

ANNOTATIONS: Final = frozenset(
    {
        *("$schema", "$defs", "title", "description", "default", "examples"),
        *("discriminator", "contentMediaType", "contentSchema"),
        *("x-rule", "x-rule-required", "x-allowed", "x-severity", "x-expected", "x-extensible-enum"),
    }
)
"""Keywords that describe a value without constraining it."""
