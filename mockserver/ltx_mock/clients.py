"""The former name of `ltx_mock.client_checks`, for one release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.lazy import lazy_names

if TYPE_CHECKING:
    from ltx_mock.client_checks import CASES, FUNCTION_CASES, Case, ClientMachine, check_client, run_client_machine

__all__ = ["CASES", "FUNCTION_CASES", "Case", "ClientMachine", "check_client", "run_client_machine"]

__getattr__, __dir__ = lazy_names(__name__, {"ltx_mock.client_checks": __all__})
