"""Validation of input: a reader for each kind of value, and `read` for tables of them.

Scenarios, settings, bodies and queries of the control plane and journal filters use it. Each error is one line with the
field, the allowed values, the given value and, for a near miss, a suggestion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Never, TypeGuard, TypeVar, dataclass_transform

from ltx_mock.errors import SettingsError

MAX_SHOWN = 60
MAX_COMPARED = 80
"""The number of characters of a name that are compared with known names."""
_NUMBER = re.compile(r"(\d{1,15})(\.\d{1,9})?", re.ASCII)

T = TypeVar("T")
AnyTable = TypeVar("AnyTable", bound="Table")
K = TypeVar("K")
Reader = Callable[[str, object], T]
"""Converts a given value, or raises `SettingsError`; the first argument is the path of the field."""


# ---- tables


def reads(reader: Reader[Any], default: Any = MISSING) -> Any:
    """Declare a field of a `Table`, with its reader and its default."""
    return field(default=default, metadata={"read": reader})


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Table:
    """Base of what is read: an immutable value with named fields, which is made by their names.

    Its subclasses are dataclasses. `@dataclass` would compile six methods for each of them, in a millisecond; they
    share those here. A `__post_init__` may check the values.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init_subclass__(cls) -> None:
        dataclass(init=False, repr=False, eq=False, kw_only=True)(cls)

    def __init__(self, **values: Any) -> None:
        names = [item.name for item in fields(self)]
        if strange := [name for name in values if name not in names]:
            raise TypeError(f"{type(self).__name__} has no {listed(strange)}")
        given = {item.name: item.default for item in fields(self)} | values
        if missing := [name for name in names if given[name] is MISSING]:
            raise TypeError(f"{type(self).__name__} needs {listed(missing)}")
        vars(self).update(given)
        self.__post_init__()

    def __post_init__(self) -> None:
        pass

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({listed(f'{name}={value!r}' for name, value in vars(self).items())})"

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    if not TYPE_CHECKING:  # for a type checker the fields are frozen already

        def __setattr__(self, name: str, value: object) -> Never:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")

        def __delattr__(self, name: str) -> Never:
            raise FrozenInstanceError(f"cannot delete field {name!r}")

    def _values(self) -> tuple[object, ...]:
        return tuple(vars(self).values())


def read(cls: type[AnyTable], given: object, where: str = "") -> AnyTable:
    """Make a `Table` from a mapping; names may be in camelCase or in snake_case.

    Args:
        cls: the class.
        given: names and values; None stands for "not given".
        where: the path of the mapping itself, empty at the top.

    Raises:
        SettingsError: it is not a mapping, or a name or a value in it is not allowed.
    """
    known = fields_of(cls)  # type: ignore[arg-type] # a class has a hash
    values: dict[str, Any] = {}
    for name, value in table(where or "this", given).items():
        wanted = camel(name)
        path = f"{where}.{wanted}".lstrip(".")
        if wanted not in known:
            raise unknown("field", name, known, where, path)
        if known[wanted].name in values:
            raise SettingsError(f"{path} is given twice", path)
        if value is not None:
            values[known[wanted].name] = known[wanted].metadata["read"](path, value)
    for name, item in known.items():
        if item.default is MISSING and item.name not in values:
            raise SettingsError(f"{where}.{name} is missing".lstrip("."), where or name)
    return cls(**values)


def plain(value: Table) -> dict[str, object]:
    """Return a `Table` as input for `read`, without default values."""
    shown: dict[str, object] = {}
    for name, item in fields_of(type(value)).items():  # type: ignore[arg-type] # a class has a hash
        given = getattr(value, item.name)
        if given != item.default:
            shown[name] = _plain(given)
    return shown


@cache
def fields_of(cls: type[Table]) -> dict[str, Field[Any]]:
    """Return the `reads` fields of a `Table` by their names in JSON."""
    return {camel(item.name): item for item in fields(cls) if "read" in item.metadata}


def _plain(value: object) -> object:
    if isinstance(value, Table):
        kind = getattr(type(value), "TYPE", None)
        return ({"type": kind} if kind else {}) | plain(value)
    return list(value) if isinstance(value, tuple) else value


# ---- readers of one value


def choice(*allowed: T) -> Reader[T]:
    """Return a reader of one of these texts or numbers."""

    def read_choice(path: str, value: object) -> T:
        for each in allowed:
            if isinstance(value, type(each)) and not isinstance(value, bool) and each == value:
                return each
        one_of = "one of " * (len(allowed) > 1)
        raise refused(path, f"{one_of}{listed(allowed)}", value, (each for each in allowed if isinstance(each, str)))

    return read_choice


def text(longest: int | None = None) -> Reader[str]:
    """Return a reader of a single-line text of 1 to `longest` characters."""
    span = "at least 1 printable character" if longest is None else f"1 to {longest} printable characters"

    def read_text(path: str, value: object) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= (longest or len(value)) or not value.isprintable():
            raise refused(path, f"a text of {span}", value)
        return value

    return read_text


def whole(low: int | None = None, high: int | None = None) -> Reader[int]:
    """Return a reader of an integer, both bounds included."""
    span = "" if low is None else f" of at least {low}" if high is None else f" from {low} to {high}"

    def read_whole(path: str, value: object) -> int:
        if not _is_whole(value) or (low is not None and value < low) or (high is not None and value > high):
            raise refused(path, f"a whole number{span}", value)
        return value

    return read_whole


def number(high: float, *, zero: bool, unit: str = "") -> Reader[float]:
    """Return a reader of a number from 0, or above 0, to `high`."""
    span = f"from 0 to {high:.15g}" if zero else f"more than 0 and at most {high:.15g}"

    def read_number(path: str, value: object) -> float:
        if not _is_number(value) or not 0 <= value <= high or not (zero or value):
            raise refused(path, f"a number{f' of {unit}' if unit else ''} {span}", value)
        return float(value)

    return read_number


def any_number(path: str, value: object) -> float:
    """Read a number."""
    if not _is_number(value):
        raise refused(path, "a number", value)
    return value


def switch(path: str, value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise refused(path, "true or false", value)
    return value


def table(path: str, value: object) -> Mapping[str, Any]:
    """Read a mapping."""
    if not isinstance(value, Mapping):
        raise refused(path, "a table of names and values", value)
    for name in value:
        if not isinstance(name, str):
            raise refused(f"a name in {path}", "a text", name)
    return value


def table_of(cls: type[AnyTable]) -> Reader[AnyTable]:
    """Return a reader of a nested `Table`."""
    return lambda path, value: read(cls, value, path)


# ---- readers made of readers


def in_digits(reader: Reader[T]) -> Reader[T]:
    """Return a reader of a number that may also be text, as in a query or in `480p=2`."""

    def read_digits(path: str, value: object) -> T:
        found = _NUMBER.fullmatch(value) if isinstance(value, str) else None
        return reader(path, value if found is None else float(found[0]) if found[2] else int(found[0]))

    return read_digits


def several(one: Reader[T]) -> Reader[tuple[T, ...]]:
    """Return a reader of a list; another value counts as its only item."""

    def read_several(path: str, value: object) -> tuple[T, ...]:
        is_list = isinstance(value, Iterable) and not isinstance(value, str | Mapping)
        return tuple(one(path, each) for each in (value if is_list else [value]))  # type: ignore[attr-defined]

    return read_several


def pairs(left: Reader[K], right: Reader[T]) -> Reader[dict[K, T]]:
    """Return a reader of a table, which may also be a list of `LEFT=RIGHT` texts."""

    def read_pairs(path: str, value: object) -> dict[K, T]:
        given = value.items() if isinstance(value, Mapping) else several(_pair)(path, value)
        found = {}
        for name, item in given:
            key = left(path, name)
            found[key] = right(f"{path} of {key}", item)
        return found

    return read_pairs


def _pair(path: str, value: object) -> tuple[str, str]:
    name, _, item = value.partition("=") if isinstance(value, str) else ("", "", "")
    if not name or not item:
        raise refused(path, "LEFT=RIGHT", value)
    return name, item


# ---- errors


def refused(path: str, allowed: str, value: object, known: Iterable[str] = ()) -> SettingsError:
    """Return the error for a value; `allowed` ends the sentence "it must be …", `known` are for a suggestion."""
    near = suggestion(value, known) if isinstance(value, str) else ""
    return SettingsError(f"{path} must be {allowed}, not {value_text(value)}{near}", path)


def unknown(what: str, name: object, known: Iterable[str], where: str = "", path: str = "") -> SettingsError:
    """Return the error for an unknown name, at `where` and `path`."""
    known, place = list(known), f" in {where}" if where else ""
    near = suggestion(name, known) if isinstance(name, str) else ""
    return SettingsError(f"unknown {what} {value_text(name)}{place}{near}; known are {listed(known)}", path)


def check_names(what: str, given: Iterable[object], known: Iterable[str], where: str = "") -> None:
    """Raise `SettingsError` for the first unknown name."""
    known = list(known)
    for name in given:
        if name not in known:
            raise unknown(what, name, known, where)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for a near miss, else an empty string."""
    from difflib import get_close_matches  # noqa: PLC0415 - seldom needed

    near = get_close_matches(name[:MAX_COMPARED], list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


@lru_cache(maxsize=256)
def camel(name: str) -> str:
    """Return a name in camelCase: `after_commit` is `afterCommit`."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def value_text(value: object) -> str:
    """Return a given value as one short line."""
    try:
        shown = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, a recursive table
        shown = f"a {type(value).__name__}"
    return " ".join((shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 1] + "…").split())


def listed(names: Iterable[object]) -> str:
    """Return names as a comma-separated list."""
    return ", ".join(map(str, names))


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
