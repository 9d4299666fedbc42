"""Fields of bodies as people name them: JSON pointers such as `/input/seed`, or dotted names such as `input.seed`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

__all__ = ["REMOVED", "change_field", "parse_field", "values_of"]

REMOVED: Final = object()
"""What a change returns to remove a field."""

_INDEX: Final = re.compile(r"\[(\d+)\]")


def parse_field(text: str) -> tuple[str, ...]:
    """Return the keys and indexes that lead to a field.

    Raises:
        ValueError: The text names no field.
    """
    if text.startswith("/"):
        parts = [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]
    else:
        parts = _INDEX.sub(r".\1", text).split(".")
    if not all(parts):
        raise ValueError("must be the name of a field, such as input.seed or /input/seed")
    return tuple(parts)


def change_field(value: Any, field: tuple[str, ...], change: Callable[[Any], Any]) -> Any:
    """Return a value with a field of it changed.

    In a list, a name in place of an index leads to the field of each item.

    Args:
        value: Decoded JSON.
        field: A field, as `parse_field` returns it. If there is none, nothing changes.
        change: Returns the new value of the field, or `REMOVED`.
    """
    if not field:
        return change(value)
    name, rest = field[0], field[1:]
    if isinstance(value, dict) and name in value:
        changed = change_field(value[name], rest, change)
        if changed is REMOVED:
            return {each: item for each, item in value.items() if each != name}
        return value | {name: changed}
    if isinstance(value, list):
        if not name.isdecimal():
            return [change_field(item, field, change) for item in value]
        index = int(name)
        items = [change_field(item, rest, change) if at == index else item for at, item in enumerate(value)]
        return [item for item in items if item is not REMOVED]
    return value


def values_of(value: Any, field: tuple[str, ...]) -> list[Any]:
    """Return the values of a field."""
    found = list[Any]()

    def keep(each: Any) -> Any:
        found.append(each)
        return each

    change_field(value, field, keep)
    return found
