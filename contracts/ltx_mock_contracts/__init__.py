"""What the LTX-2-19b API promises: rules, findings, validation, and strategies that generate what it speaks of."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltx_mock_contracts import strategies
    from ltx_mock_contracts.failures import ContractFailure
    from ltx_mock_contracts.findings import Finding
    from ltx_mock_contracts.machine import TaskMachine
    from ltx_mock_contracts.request import GenerateRequest, Lora
    from ltx_mock_contracts.rules import RULES, Rule
    from ltx_mock_contracts.validation import (
        MalformedBody,
        parse_body,
        validate_callback,
        validate_request,
        validate_response,
    )

__all__ = [
    "RULES",
    "ContractFailure",
    "Finding",
    "GenerateRequest",
    "Lora",
    "MalformedBody",
    "Rule",
    "TaskMachine",
    "parse_body",
    "strategies",
    "validate_callback",
    "validate_request",
    "validate_response",
]

_HOMES = {
    "RULES": "rules",
    "ContractFailure": "failures",
    "Finding": "findings",
    "GenerateRequest": "request",
    "Lora": "request",
    "MalformedBody": "validation",
    "Rule": "rules",
    "TaskMachine": "machine",
    "parse_body": "validation",
    "validate_callback": "validation",
    "validate_request": "validation",
    "validate_response": "validation",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name == "strategies":  # needs Hypothesis, which takes its time to import
        return import_module(f"{__name__}.strategies")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
