"""Match requests against expected fields, and find the nearest one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias, get_args

from ltx_mock.control.from_json import Exchange
from ltx_mock.core.journal_entry import RequestOperation
from ltx_mock.fields import check_names
from ltx_mock_contracts.rules import RULES
from ltx_mock_contracts.validation.findings import Finding, show

OF_EXCHANGE = ("operation", "method", "status", "task_id", "state", "cause", "idempotency_key")
FINDING = "finding"
OPERATIONS: tuple[str, ...] = get_args(RequestOperation)
OF_BODY = ("request_type", "callback_url", "provider")
OF_INPUT = ("mode", "prompt", "resolution", "duration", "aspect_ratio", "image_urls", "seed", "loras")
FIELDS = (*OF_EXCHANGE, FINDING, *OF_BODY, *OF_INPUT)


class Absent:
    """A marker for a missing field of a request."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = Absent()


class Mismatch(NamedTuple):
    """A field of a request that does not match."""

    field: str
    expected: str
    got: str


Distance: TypeAlias = tuple[bool, int, int]
"""How far a request is from an expectation, as a sort key: of another operation, mismatches, the newer first."""


class Expectation:
    """Expected values of some fields of a request.

    A value is compared with `==`; a compiled regular expression is searched in a string; a function is called with the
    value and returns whether it matches. Errors in the function are raised.

    Args:
        fields: expected values by names from `FIELDS`.

    Raises:
        SettingsError: unknown field, operation or rule.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        check_names("field", fields, FIELDS)
        for what, name, known in (("operation", "operation", OPERATIONS), ("rule", FINDING, RULES)):
            check_names(what, [fields[name]] if isinstance(fields.get(name), str) else [], known)
        self.fields = dict(fields)

    def difference(self, request: Exchange) -> list[Mismatch]:
        """Return every field of a request that does not match; empty if all match."""
        return [
            Mismatch(name, describe_expected(self.fields[name]), describe_value(value_of(request, name)))
            for name in self._different(request)
        ]

    def nearest(self, requests: list[Exchange]) -> Exchange | None:
        """Return the request with the fewest mismatches, the later of equals; operation and outcome weigh more."""
        return min(requests, key=self.distance, default=None)

    def distance(self, request: Exchange) -> Distance:
        """Return the distance of a request from the expectation."""
        fields = list(self._different(request))
        return "operation" in fields, len(fields), -request.number

    def _different(self, request: Exchange) -> Iterator[str]:
        for name, expected in self.fields.items():
            value = value_of(request, name)
            if not (has_finding(expected, value) if name == FINDING else matches(expected, value)):
                yield name

    def explain(self, request: Exchange) -> str:
        """Return a line for each expected field: the expected value and, for a mismatch, the actual one."""
        wrong = {each.field: each.got for each in self.difference(request)}
        rows = [(name, describe_expected(expected)) for name, expected in self.fields.items()]
        first = max((len(name) for name, _ in rows), default=0)
        second = max((len(expected) for _, expected in rows), default=0)
        return "\n".join(
            f"    {name:<{first}}  {expected:<{second}}  {f'got {wrong[name]}' if name in wrong else 'ok'}"
            for name, expected in rows
        )

    def __str__(self) -> str:
        return ", ".join(f"{name} {describe_expected(value)}" for name, value in self.fields.items()) or "any request"


def value_of(request: Exchange, field: str) -> Any:
    """Return a field of a request, or `ABSENT`."""
    if field == FINDING:
        return request.findings
    if field in OF_EXCHANGE:
        return getattr(request, field)
    if field in OF_BODY:
        return request.body.get(field, ABSENT) if isinstance(request.body, dict) else ABSENT
    return request.input.get(field, ABSENT)


def matches(expected: Any, value: Any) -> bool:
    """Tell whether a value matches."""
    if isinstance(expected, re.Pattern):
        return isinstance(value, str) and expected.search(value) is not None
    if callable(expected):
        return value is not ABSENT and bool(expected(value))
    return bool(type(value) is type(expected) and value == expected)


def has_finding(expected: Any, findings: tuple[Finding, ...]) -> bool:
    """Tell whether one of a request's findings matches by its rule, its text or a function; None expects none."""
    if expected is None:
        return not findings
    if isinstance(expected, re.Pattern):
        return any(expected.search(each.message) for each in findings)
    if callable(expected):
        return any(expected(each) for each in findings)
    return any(each.rule == expected for each in findings)


def describe_expected(expected: Any) -> str:
    """Return an expected value as text."""
    if isinstance(expected, re.Pattern):
        return f"matching /{expected.pattern}/"
    if callable(expected):
        return f"accepted by {_name(expected)}"
    return describe_value(expected)


def describe_value(value: Any) -> str:
    """Return a value as short text."""
    if value is ABSENT:
        return repr(value)
    if isinstance(value, tuple):
        return ", ".join(f"{each.rule} ({each.message})" for each in value) or "no finding"
    if isinstance(value, list | dict) and len(text := repr(value)) <= 100:
        return text
    return show(value)


def _name(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return "a function" if name == "<lambda>" else f"{name}()"
