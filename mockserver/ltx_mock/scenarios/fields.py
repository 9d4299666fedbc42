"""How a scenario is read from plain data: a reader for each kind of value, and one for dataclasses made of them.

What is wrong is always told in one line: which field, what was given, what is allowed, and what was probably meant.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, field, fields
from functools import cache
from typing import Any, TypeVar

from ltx_mock.errors import SettingsError, suggestion

MAX_SHOWN = 60
MAX_JSON_BYTES = 128 * 1024
"""The longest JSON that a scenario adds: each response has it."""
FOREVER = "forever"

T = TypeVar("T")
Reader = Callable[[str, object], Any]
"""Takes the path of a field and what was given; returns the value, or raises `ScenarioError`."""


class ScenarioError(SettingsError):
    """A scenario is not what it should be. `field` is the path of what is wrong, empty for the whole."""

    def __init__(self, text: str, field_: str = "") -> None:
        super().__init__(text)
        self.field = field_


def reads(reader: Reader, default: Any = MISSING) -> Any:
    """Declare a field of a dataclass: how it is read, and what it is where nothing is given."""
    return field(default=default, metadata={"read": reader})


def read(cls: type[T], given: object, where: str = "") -> T:
    """Make a dataclass of `reads` fields from a mapping; names may be in camelCase or in snake_case.

    Args:
        cls: the dataclass.
        given: names and values; None stands for "not given".
        where: the path of the mapping itself, empty at the top.

    Raises:
        ScenarioError: it is no mapping, or a name or a value in it is not allowed.
    """
    if not isinstance(given, Mapping):
        raise ScenarioError(f"{where or 'a scenario'} must be a table of names and values, not {shown(given)}", where)
    known = fields_of(cls)  # type: ignore[arg-type] # a class has a hash
    values: dict[str, Any] = {}
    for name, value in given.items():
        wanted = camel(name) if isinstance(name, str) else ""
        path = f"{where}.{wanted}".lstrip(".")
        if wanted not in known:
            raise ScenarioError(
                f"unknown field {inside(where, name)}{_near(name, known)}; known are {listed(known)}", where
            )
        if known[wanted].name in values:
            raise ScenarioError(f"{path} is given twice", path)
        if value is not None:
            values[known[wanted].name] = known[wanted].metadata["read"](path, value)
    for item in known.values():
        if item.default is MISSING and item.name not in values:
            raise ScenarioError(f"{where}.{camel(item.name)} is missing", where)
    return cls(**values)


def plain(value: object) -> dict[str, object]:
    """Return a dataclass of `reads` fields as `read` takes it; what is as by default is left out."""
    told: dict[str, object] = {}
    for name, item in fields_of(type(value)).items():  # type: ignore[arg-type] # a class has a hash
        given = getattr(value, item.name)
        if given != item.default:
            told[name] = _plain(given)
    return told


@cache
def fields_of(cls: type[Any]) -> dict[str, Field[Any]]:
    """Return the fields of a dataclass by their names in JSON."""
    return {camel(item.name): item for item in fields(cls)}


def _plain(value: object) -> object:
    if hasattr(value, "__dataclass_fields__"):
        kind = getattr(type(value), "TYPE", None)
        return ({"type": kind} if kind else {}) | plain(value)
    return list(value) if isinstance(value, tuple) else value


# ---- readers


def choice(*allowed: str | int) -> Reader:
    """Return the reader of one of these."""

    def read_choice(path: str, value: object) -> str | int:
        for each in allowed:
            if isinstance(value, type(each)) and not isinstance(value, bool) and each == value:
                return each
        names = [each for each in allowed if isinstance(each, str)]
        raise ScenarioError(f"{path} must be one of {listed(allowed)}, not {shown(value)}{_near(value, names)}", path)

    return read_choice


def choices(*allowed: str) -> Reader:
    """Return the reader of a list of some of these."""
    one = choice(*allowed)

    def read_choices(path: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not value:
            raise ScenarioError(f"{path} must be a list of some of {listed(allowed)}, not {shown(value)}", path)
        return tuple(one(path, each) for each in value)

    return read_choices


def text(longest: int) -> Reader:
    """Return the reader of a text of 1 to so many characters, in one line."""

    def read_text(path: str, value: object) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
            span = f"1 to {longest} printable characters"
            raise ScenarioError(f"{path} must be a text of {span}, not {shown(value)}", path)
        return value

    return read_text


def header_value(path: str, value: object) -> str:
    """Read what can stand in a header."""
    found: str = text(200)(path, value)
    if not found.isascii():
        raise ScenarioError(f"{path} must be ASCII, not {shown(value)}", path)
    return found


def whole(low: int, high: int) -> Reader:
    """Return the reader of a whole number, both bounds included."""

    def read_whole(path: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ScenarioError(f"{path} must be a whole number from {low} to {high}, not {shown(value)}", path)
        return value

    return read_whole


def number(high: float, *, zero: bool) -> Reader:
    """Return the reader of a number up to `high`, and from 0 or more than 0."""

    def read_number(path: str, value: object) -> float:
        usable = isinstance(value, int | float) and not isinstance(value, bool)
        if not usable or not 0 <= value <= high or not (zero or value):  # type: ignore[operator]  # it is a number
            span = f"{'from' if zero else 'more than'} 0 {'to' if zero else 'and at most'} {high:g}"
            raise ScenarioError(f"{path} must be a number {span}, not {shown(value)}", path)
        return float(value)  # type: ignore[arg-type]  # it is a number

    return read_number


def switch(path: str, value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ScenarioError(f"{path} must be true or false, not {shown(value)}", path)
    return value


def count(high: int) -> Reader:
    """Return the reader of a number of times, or of `forever`."""
    number_of = whole(1, high)

    def read_count(path: str, value: object) -> int | str:
        if value == FOREVER:
            return FOREVER
        if isinstance(value, str):
            raise ScenarioError(f'{path} must be a whole number from 1 or "{FOREVER}", not {shown(value)}', path)
        return number_of(path, value)  # type: ignore[no-any-return]

    return read_count


def table(cls: type[object]) -> Reader:
    """Return the reader of a dataclass within a dataclass."""
    return lambda path, value: read(cls, value, path)


def json_object(path: str, value: object) -> dict[str, object]:
    """Read a JSON object of any fields."""
    size = 0
    if isinstance(value, Mapping) and value:
        with contextlib.suppress(TypeError, ValueError, RecursionError):
            size = len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    if size > MAX_JSON_BYTES:
        raise ScenarioError(f"{path} must be JSON of at most {MAX_JSON_BYTES} bytes, not of {size}", path)
    if size:
        return dict(value)  # type: ignore[call-overload,no-any-return]  # it has a size
    raise ScenarioError(f"{path} must be a JSON object with fields in it, not {shown(value)}", path)


# ---- words


def camel(name: str) -> str:
    """Return a name as JSON has it: `after_commit` is `afterCommit`."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def shown(value: object) -> str:
    """Return what was given, short and in one line."""
    try:
        told = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, a table without end
        told = f"a {type(value).__name__}"
    return " ".join((told if len(told) <= MAX_SHOWN else told[: MAX_SHOWN - 1] + "…").split())


def inside(where: str, name: object) -> str:
    """Return a field's name, with the table in which it stands."""
    return f"{shown(name)} in {where}" if where else shown(name)


def listed(names: Iterable[object]) -> str:
    """Return names one after the other."""
    return ", ".join(map(str, names))


def _near(value: object, known: Iterable[str]) -> str:
    return suggestion(value[:MAX_SHOWN], known) if isinstance(value, str) else ""
