"""What a request is expected to be, and how far one is from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ltx_mock.errors import SettingsError, suggestion
from ltx_mock.seen import Exchange
from ltx_mock_contracts.findings import show

OF_EXCHANGE = ("operation", "method", "status", "task_id", "state", "cause")
OF_BODY = ("request_type", "callback_url", "provider")
OF_INPUT = ("mode", "prompt", "resolution", "duration", "aspect_ratio", "image_urls", "seed", "loras")
FIELDS = (*OF_EXCHANGE, *OF_BODY, *OF_INPUT)


class Absent:
    """Stands for a field that a request does not have."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = Absent()


class Mismatch(NamedTuple):
    """One field of a request that is not as expected."""

    field: str
    expected: str
    got: str


class Expectation:
    """What some fields of a request are expected to be.

    A value is compared with `==`; a compiled regular expression is searched for in a string; a function is called
    with the value and says whether it will do. An error in the function is raised, never taken for a "no".

    Args:
        fields: values by the names of `FIELDS`.

    Raises:
        SettingsError: a field is not one of those.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        for name in fields:
            if name not in FIELDS:
                raise SettingsError(f"unknown field {name!r}{suggestion(name, FIELDS)}; known are {', '.join(FIELDS)}")
        self.fields = dict(fields)

    def difference(self, request: Exchange) -> list[Mismatch]:
        """Return every field of a request that is not as expected; none when it matches."""
        found = []
        for name, expected in self.fields.items():
            value = value_of(request, name)
            if not matches(expected, value):
                found.append(Mismatch(name, told(expected), shown(value)))
        return found

    def nearest(self, requests: list[Exchange]) -> Exchange | None:
        """Return the request with the fewest differences, the later of two; what it does comes before what it says."""
        return min(requests, key=self.distance, default=None)

    def distance(self, request: Exchange) -> tuple[bool, int, int]:
        """Return how far a request is from this, to be compared with that of others."""
        fields = [each.field for each in self.difference(request)]
        return "operation" in fields, len(fields), -request.number

    def explain(self, request: Exchange) -> str:
        """Return a line for each expected field: what was expected, and what it is where that differs."""
        wrong = {each.field: each.got for each in self.difference(request)}
        rows = [(name, told(expected)) for name, expected in self.fields.items()]
        first = max((len(name) for name, _ in rows), default=0)
        second = max((len(expected) for _, expected in rows), default=0)
        return "\n".join(
            f"    {name:<{first}}  {expected:<{second}}  {f'got {wrong[name]}' if name in wrong else 'ok'}"
            for name, expected in rows
        )

    def __str__(self) -> str:
        return ", ".join(f"{name} {told(value)}" for name, value in self.fields.items()) or "any request"


def value_of(request: Exchange, field: str) -> Any:
    """Return a field of a request, or `ABSENT`."""
    if field in OF_EXCHANGE:
        return getattr(request, field)
    if field in OF_BODY:
        return request.body.get(field, ABSENT) if isinstance(request.body, dict) else ABSENT
    return request.input.get(field, ABSENT)


def matches(expected: Any, value: Any) -> bool:
    """Tell whether a value is as expected."""
    if isinstance(expected, re.Pattern):
        return isinstance(value, str) and expected.search(value) is not None
    if callable(expected):
        return value is not ABSENT and bool(expected(value))
    return bool(type(value) is type(expected) and value == expected)


def told(expected: Any) -> str:
    """Return an expectation in words."""
    if isinstance(expected, re.Pattern):
        return f"matching /{expected.pattern}/"
    if callable(expected):
        return f"accepted by {_name(expected)}"
    return shown(expected)


def shown(value: Any) -> str:
    """Return a value in short."""
    if value is ABSENT:
        return repr(value)
    if isinstance(value, list | dict) and len(text := repr(value)) <= 100:
        return text
    return show(value)


def _name(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return "a function" if name == "<lambda>" else f"{name}()"
