"""The fields of a generateTask body, read from the request schema: their rules and their allowed words."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_schemas import schema

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "LARGEST_SEED",
    "LONGEST_PROMPT",
    "PROVIDERS",
    "REQUEST_TYPES",
    "RULES_OF_EVERY_REQUEST",
    "RULES_OF_FIELDS",
    "RULE_OF",
    "WORDS",
]

_REQUEST: Final = schema("generate-request")
_INPUT: Final[dict[str, Any]] = _REQUEST["$defs"]["modelInput"]
_FIELDS: Final[dict[str, Any]] = _REQUEST["properties"] | _INPUT["properties"]
_REQUIRED: Final = (*_REQUEST["required"], *_INPUT["required"])
_ON_CONDITION: Final = dict.fromkeys(_REQUEST["then"]["required"], _REQUEST["then"]["x-rule"])

RULES_OF_EVERY_REQUEST: Final[tuple[str, ...]] = (_REQUEST["x-rule"], *(_FIELDS[name]["x-rule"] for name in _REQUIRED))
"""The rules that apply to every request: those of the body and of its required fields."""

RULES_OF_FIELDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        name: (*([_ON_CONDITION[name]] if name in _ON_CONDITION else []), field["x-rule"])
        for name, field in _FIELDS.items()
        if name not in _REQUIRED
    }
)
"""The rules that apply only to requests with the field."""

RULE_OF: Final[Mapping[str, str]] = MappingProxyType(
    {name: _ON_CONDITION.get(name, field["x-rule"]) for name, field in _FIELDS.items()}
)
"""The rule that allows or requires each field."""

WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        f"{place}/{name}": tuple(field["enum"])
        for place, node in (("", _REQUEST), ("/input", _INPUT))
        for name, field in node["properties"].items()
        if "enum" in field
    }
)
"""The allowed words of enumerated fields, by JSON pointer."""

LONGEST_PROMPT: Final[int] = _FIELDS["prompt"]["maxLength"]
"""Characters."""

LARGEST_SEED: Final[int] = _FIELDS["seed"]["maximum"]
REQUEST_TYPES: Final = WORDS["/request_type"]
PROVIDERS: Final = WORDS["/provider"]
