"""Checks of a client: does it use the API as documented, and can it handle everything the API may do (CLI-1 to 10)?

`check_client` checks a Python function, `ClientMachine` an object, `ltx-mock check-client` any program. `cases` is the
table of cases, `trial` runs one, `runner` runs all; `programs` and `functions` run a client within `time_limits`.
`rules`, `retries` and `callbacks` judge the journal of a case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.lazy import lazy_names

if TYPE_CHECKING:
    from ltx_mock.client_checks.cases import CASES, Case
    from ltx_mock.client_checks.functions import FUNCTION_CASES, check_client
    from ltx_mock.client_checks.machine import ClientMachine, run_client_machine

__all__ = ["CASES", "FUNCTION_CASES", "Case", "ClientMachine", "check_client", "run_client_machine"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".cases": ["CASES", "Case"],
        ".functions": ["FUNCTION_CASES", "check_client"],
        ".machine": ["ClientMachine", "run_client_machine"],
    },
)
