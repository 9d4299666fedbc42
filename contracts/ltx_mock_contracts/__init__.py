"""What the LTX-2-19b API promises: rules, findings, validation, and strategies that generate what it speaks of."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltx_mock_contracts import strategies
    from ltx_mock_contracts.failure import ContractFailure
    from ltx_mock_contracts.fuzzing import fuzz_responses
    from ltx_mock_contracts.request import GenerateRequest, Lora
    from ltx_mock_contracts.rules import RULES, Rule
    from ltx_mock_contracts.stateful import TaskMachine
    from ltx_mock_contracts.trace import (
        Exchange,
        Trace,
        TraceError,
        check_trace,
        read_har,
        read_ndjson,
        read_trace,
        write_ndjson,
    )
    from ltx_mock_contracts.validation import (
        MalformedBody,
        parse_body,
        validate_callback,
        validate_request,
        validate_response,
    )
    from ltx_mock_contracts.validation.findings import Finding
    from ltx_mock_contracts.verdicts import Departure, Report, Verdict

__all__ = [
    "RULES",
    "ContractFailure",
    "Departure",
    "Exchange",
    "Finding",
    "GenerateRequest",
    "Lora",
    "MalformedBody",
    "Report",
    "Rule",
    "TaskMachine",
    "Trace",
    "TraceError",
    "Verdict",
    "check_trace",
    "fuzz_responses",
    "parse_body",
    "read_har",
    "read_ndjson",
    "read_trace",
    "strategies",
    "validate_callback",
    "validate_request",
    "validate_response",
    "write_ndjson",
]

_HOMES = {
    "RULES": "rules",
    "ContractFailure": "failure",
    "Departure": "verdicts",
    "Exchange": "trace",
    "Finding": "validation.findings",
    "GenerateRequest": "request",
    "Lora": "request",
    "MalformedBody": "validation",
    "Report": "verdicts",
    "Rule": "rules",
    "TaskMachine": "stateful",
    "Trace": "trace",
    "TraceError": "trace",
    "Verdict": "verdicts",
    "check_trace": "trace",
    "fuzz_responses": "fuzzing",
    "parse_body": "validation",
    "read_har": "trace",
    "read_ndjson": "trace",
    "read_trace": "trace",
    "validate_callback": "validation",
    "validate_request": "validation",
    "validate_response": "validation",
    "write_ndjson": "trace",
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
