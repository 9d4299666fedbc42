"""Checks of a live server against the contract: plain functions, and a runner that yields the results.

`check_server` runs them from Python, `pytest --pyargs ltx_mock_contracts.conformance --ltx-base-url URL` in pytest, and
`ltx-mock check` from the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.lazy import lazy_names

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.checks import Check, Plan
    from ltx_mock_contracts.conformance.harness.clocks import Pace
    from ltx_mock_contracts.conformance.harness.options import Options
    from ltx_mock_contracts.conformance.runner import (
        CannotRun,
        CheckFinished,
        CheckStarted,
        Listener,
        Planned,
        check_server,
        run_checks,
    )
    from ltx_mock_contracts.conformance.suite import CHECKS

__all__ = [
    "CHECKS",
    "CannotRun",
    "Check",
    "CheckFinished",
    "CheckStarted",
    "Listener",
    "Options",
    "Pace",
    "Plan",
    "Planned",
    "check_server",
    "run_checks",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".harness.checks": ["Check", "Plan"],
        ".harness.clocks": ["Pace"],
        ".harness.options": ["Options"],
        ".runner": ["CannotRun", "CheckFinished", "CheckStarted", "Listener", "Planned", "check_server", "run_checks"],
        ".suite": ["CHECKS"],
    },
)
