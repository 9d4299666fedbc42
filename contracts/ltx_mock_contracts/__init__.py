"""The contract of the LTX-2-19b API: rules, findings, validation, and Hypothesis strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.lazy import lazy_names

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
    from ltx_mock_contracts.verdicts import Departure, Deviation, Report, Verdict

__all__ = [
    "RULES",
    "ContractFailure",
    "Departure",
    "Deviation",
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

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".failure": ["ContractFailure"],
        ".fuzzing": ["fuzz_responses"],
        ".request": ["GenerateRequest", "Lora"],
        ".rules": ["RULES", "Rule"],
        ".stateful": ["TaskMachine"],
        ".strategies": ["strategies"],
        ".trace": [
            "Exchange",
            "Trace",
            "TraceError",
            "check_trace",
            "read_har",
            "read_ndjson",
            "read_trace",
            "write_ndjson",
        ],
        ".validation": ["MalformedBody", "parse_body", "validate_callback", "validate_request", "validate_response"],
        ".validation.findings": ["Finding"],
        ".verdicts": ["Departure", "Deviation", "Report", "Verdict"],
    },
)
