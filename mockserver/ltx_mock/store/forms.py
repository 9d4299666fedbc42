"""How values of each type are written as JSON: derived from the types of their fields, so that no field is forgotten.

A NamedTuple or a dataclass is a list of its fields in order. A shorter list is from before a field was added, and
gets its default; so new fields come last, with a default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from json.encoder import c_make_encoder, encode_basestring  # type: ignore[attr-defined]
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from ltx_mock.core.journal_entry import Headers
from ltx_mock.errors import LtxMockError, SettingsError
from ltx_mock.fields import plain, read
from ltx_mock.scenarios.model import Match, Outcome, Scenario

T = TypeVar("T")
Convert: TypeAlias = Callable[[Any], Any]
PLAIN = {str, int, float, bool, NoneType, Literal, Mapping, os.PathLike}
"""Types whose values are the same in JSON. `Settings` contain no `os.PathLike`, though they can be given one."""
DAMAGED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading raises if JSON has another form."""

_encoder = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
_pieces: Callable[[object, Any], Iterable[str]] = _encoder.iterencode
if c_make_encoder is not None:
    # `iterencode` makes one anew for each value, which takes a quarter of the time of a journal entry.
    _pieces = c_make_encoder(None, _encoder.default, encode_basestring, None, ":", ",", False, False, True)
_decoded = json.JSONDecoder().raw_decode


class UnreadableRecord(LtxMockError):  # noqa: N818  it names what was found
    """A stored value cannot be read. The text says which kind and why, without any of its content."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"cannot read a stored {what}: {why}; it is damaged, or of another version of ltx-mock")


def to_json(value: object) -> bytes:
    """Write JSON in UTF-8, on one line. A lone surrogate is three bytes, so that every text can be read back."""
    return "".join(_pieces(value, 0)).encode("utf-8", "surrogatepass")


def from_json(written: bytes, what: str, convert: Callable[[Any], T]) -> T:
    """Read JSON, and convert its value.

    Args:
        written: what `to_json` returned.
        what: the kind of value, for the error.
        convert: makes the result of the value; it may raise what is in `DAMAGED`, or `SettingsError`.

    Raises:
        UnreadableRecord: it is not JSON, or has another form.
    """
    try:
        text = written.decode("utf-8", "surrogatepass")
        value, end = _decoded(text)
        if end != len(text):
            raise UnreadableRecord(what, "more follows its JSON")
        return convert(value)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise UnreadableRecord(what, "it is not JSON") from None
    except SettingsError as error:
        raise UnreadableRecord(what, f"{error.field.partition(' ')[0] or 'a field'} has no allowed value") from None
    except DAMAGED as error:
        raise UnreadableRecord(what, f"its form is unknown ({type(error).__name__})") from None


class Form(NamedTuple):
    """How values of a type become JSON, and JSON becomes values. None if they are the same."""

    write: Convert | None = None
    read: Convert | None = None

    def to_json(self, value: Any) -> Any:
        """Return a value as JSON."""
        return self.write(value) if self.write and value is not None else value

    def from_json(self, given: Any) -> Any:
        """Return the value of JSON."""
        return self.read(given) if self.read and given is not None else given


class RowForm(NamedTuple):
    """How values of a class become lists of their fields, and back.

    Attributes:
        make: makes a value from its fields in order.
        names: the names of the fields.
        types: their types.
        writes: the conversions to JSON, with the index of each field that needs one.
        reads: the conversions from JSON, likewise.
    """

    make: Callable[..., Any]
    names: tuple[str, ...]
    types: tuple[Any, ...]
    writes: tuple[tuple[int, Convert], ...]
    reads: tuple[tuple[int, Convert], ...]

    def to_row(self, value: Any) -> list[Any]:
        """Return the fields of a value as JSON."""
        row = list(value) if isinstance(value, tuple) else [getattr(value, name) for name in self.names]
        for index, write in self.writes:
            if row[index]:
                row[index] = write(row[index])
        return row

    def from_row(self, row: list[Any]) -> Any:
        """Return the value with these fields, which are converted in place."""
        length = len(row)
        for index, convert in self.reads:
            if index < length and row[index] is not None:
                row[index] = convert(row[index])
        return self.make(*row)


def row_form(cls: type[Any], given: str | None = None) -> RowForm:
    """Return the form of a NamedTuple or a dataclass.

    Args:
        cls: the class.
        given: the name of a field that is not converted, since the caller replaces it.
    """
    hints = get_type_hints(cls)
    names = tuple(item.name for item in fields(cls)) if is_dataclass(cls) else cls._fields
    forms = [Form() if name == given or hints[name] is bytes else form_of(hints[name]) for name in names]
    return RowForm(
        _maker(cls, names) if is_dataclass(cls) else cls,
        names,
        tuple(hints[name] for name in names),
        tuple((index, form.write) for index, form in enumerate(forms) if form.write),
        tuple((index, form.read) for index, form in enumerate(forms) if form.read),
    )


def form_of(hint: Any) -> Form:
    """Return the form of a type.

    Raises:
        TypeError: no form is known for it.
    """
    if hint == Headers:
        return Form(_headers_to_json, _headers_from_json)
    if hint is Scenario:
        return Form(_scenario_to_json, _scenario_from_json)
    origin = get_origin(hint) or hint
    if origin in {Union, UnionType}:
        forms = {form_of(each) for each in get_args(hint)} - {Form()}
        if len(forms) < 2:
            return forms.pop() if forms else Form()
    if origin in PLAIN:
        return Form()
    if origin is tuple and get_args(hint)[1:] == (...,):
        return _items(form_of(get_args(hint)[0]))
    if is_dataclass(origin) or hasattr(origin, "_fields"):
        form = row_form(origin)
        return Form(form.to_row if form.writes or is_dataclass(origin) else None, form.from_row)
    raise TypeError(f"no form for {hint}")


def _items(form: Form) -> Form:
    write, convert = form
    return Form(
        (lambda items: [write(each) for each in items]) if write else None,
        (lambda items: tuple([convert(each) for each in items]) if items else ()) if convert else tuple,
    )


def _maker(cls: type[Any], names: tuple[str, ...]) -> Callable[..., Any]:
    return lambda *values: cls(**dict(zip(names[: len(values)], values, strict=True)))


def _headers_to_json(headers: Headers) -> list[str]:
    """Return names and values in turn, as Latin-1."""
    return [part.decode("latin-1") for header in headers for part in header]


def _headers_from_json(parts: list[str]) -> Headers:
    each = iter([part.encode("latin-1") for part in parts])
    return tuple(zip(each, each, strict=True))


def _scenario_to_json(scenario: Scenario) -> dict[str, object]:
    """Return a scenario by its parts: that of `scenarios.as_dict` would be read by the library's present names."""
    return {"name": scenario.name, "match": plain(scenario.match), "outcome": plain(scenario.outcome)}


def _scenario_from_json(given: dict[str, Any]) -> Scenario:
    return Scenario(name=given["name"], match=read(Match, given["match"]), outcome=read(Outcome, given["outcome"]))
