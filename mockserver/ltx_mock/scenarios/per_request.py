"""Scenarios requested by headers, or by the prompt for clients that cannot set headers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ltx_mock.errors import SettingsError
from ltx_mock.fields import listed, value_text
from ltx_mock.scenarios.library import NAMED, find_scenario
from ltx_mock.scenarios.matching import ActiveScenario, activate
from ltx_mock.scenarios.model import MESSAGES
from ltx_mock.scenarios.parse import parse_scenario
from ltx_mock_contracts.request_fields import LONGEST_PROMPT

BY_NAME = b"x-mock-scenario"
BY_CODE = b"prefer"
DIRECTIVE = "[["
"""The start of a directive in a prompt."""

_HEADERS = frozenset({BY_NAME, BY_CODE})
_directive = re.compile(r"\[\[([a-z][a-z-]*)\]\]")
_code = re.compile(r'(?:^|[,;])\s*code\s*=\s*"?([^\s",;]*)', re.IGNORECASE)

Headers = Iterable[tuple[bytes, bytes]]


def may_request_scenarios(names: Iterable[bytes]) -> bool:
    """Tell whether one of the headers with these names may request a scenario."""
    return not _HEADERS.isdisjoint(names)


def requested_scenarios(headers: Headers, prompt: str = "") -> tuple[ActiveScenario, ...]:
    """Return the scenarios that a request asks for.

    `X-Mock-Scenario: NAME, …` and `[[name]]` in the prompt name scenarios, `Prefer: code=429` an error. Other
    preferences and unknown words in brackets are ignored.

    Raises:
        SettingsError: the header has an unknown scenario or an undocumented code.
    """
    found: list[ActiveScenario] = []
    for header, raw in headers:
        if header == BY_NAME:
            found += _named(raw.decode("latin-1"))
        elif header == BY_CODE:
            found += _coded(raw.decode("latin-1"))
    # A longer prompt is refused anyway (GEN-8), so the rest is not searched.
    for name in dict.fromkeys(_directive.findall(prompt, 0, LONGEST_PROMPT)):
        if name in NAMED:
            found.append(activate(NAMED[name], f"directive [[{name}]] in the prompt"))
    return tuple(found)


def _named(value: str) -> list[ActiveScenario]:
    try:
        return [
            activate(find_scenario(name.strip()), f"X-Mock-Scenario: {name.strip()}")
            for name in dict.fromkeys(value.split(","))
        ]
    except SettingsError as error:
        raise SettingsError(f"X-Mock-Scenario: {error}", "X-Mock-Scenario") from None


def _coded(value: str) -> list[ActiveScenario]:
    found = _code.search(value)
    if found is None or found[1] == "200":
        return []
    code = found[1]
    if code not in map(str, MESSAGES):
        raise SettingsError(f"Prefer: code must be one of {listed(MESSAGES)}, not {value_text(code)}", "Prefer")
    return [activate(parse_scenario({"status": int(code)}), f"Prefer: code={code}")]
