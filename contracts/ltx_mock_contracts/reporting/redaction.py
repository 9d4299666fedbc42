"""Keys have no place in a report, even where a server says them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltx_mock_contracts.verdicts import Departure, Report

__all__ = ["HIDDEN", "header_value", "text_without_keys", "without_keys"]

_SECRET: Final = 8
_SECRET_HEADER: Final = re.compile(
    r"auth|cookie|token|secret|passw|credential|session|signature|api-?key|(?<!idempotency)-key$"
)
_SCHEME: Final = re.compile(r"(?:basic|bearer|digest|token|apikey)(?= )", re.IGNORECASE)
HIDDEN: Final = "…"
"""What stands where a secret was."""
_SHOWN: Final = "$API_KEY"


def without_keys(report: Report, keys: Iterable[str]) -> Report:
    """Return the report with `$API_KEY` for each of these keys, as it is or as a URL has it.

    Keys of fewer than 8 characters stay: they hide nothing, and may be part of any word.
    """
    secrets = _secrets(keys)
    verdicts = tuple(
        replace(verdict, departures=tuple(_departure(each, secrets) for each in verdict.departures))
        for verdict in report.verdicts
    )
    return replace(
        report,
        verdicts=verdicts,
        target=_hidden(report.target, secrets),
        reproduce=_hidden(report.reproduce, secrets),
    )


def text_without_keys(text: str, keys: Iterable[str]) -> str:
    """Return a text with `$API_KEY` for each of these keys, as `without_keys` does."""
    return str(_hidden(text, _secrets(keys)))


def header_value(name: str, value: str) -> str:
    """Return what may be shown of a header's value: nothing where its name says that it is secret, else all.

    Of `Authorization` the scheme stays, since a wrong one is a common mistake.
    """
    if not _SECRET_HEADER.search(name.lower()) or not value:
        return value
    scheme = _SCHEME.match(value)
    return f"{scheme[0]} {HIDDEN}" if scheme else HIDDEN


def _secrets(keys: Iterable[str]) -> list[str]:
    """Return all that is to be hidden, the longest first, for one may be in another."""
    long = {form for key in keys if len(key) >= _SECRET for form in (key, quote(key, safe=""))}
    return sorted(long, key=len, reverse=True)


def _departure(departure: Departure, secrets: list[str]) -> Departure:
    texts = ("title", "expected", "actual", "task", "curl", "request")
    return replace(departure, **{name: _hidden(getattr(departure, name), secrets) for name in texts})


def _hidden(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, _SHOWN)
        return value
    if isinstance(value, dict):
        return {_hidden(name, secrets): _hidden(item, secrets) for name, item in value.items()}
    return [_hidden(item, secrets) for item in value] if isinstance(value, list) else value
