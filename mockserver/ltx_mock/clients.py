"""The former name of `ltx_mock.client_checks`, for one release."""

from __future__ import annotations

from ltx_mock.client_checks import CASES, FUNCTION_CASES, Case, ClientMachine, check_client, run_client_machine

__all__ = ["CASES", "FUNCTION_CASES", "Case", "ClientMachine", "check_client", "run_client_machine"]
