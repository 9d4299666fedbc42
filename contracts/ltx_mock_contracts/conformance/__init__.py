"""Checks that hold a live server to the contract: plain functions, and a runner that yields what they find.

`check_server` runs them from Python. `pytest --pyargs ltx_mock_contracts.conformance --ltx-base-url URL` runs them in
pytest; `ltx-mock check` is a friendlier face.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

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

_HOMES = {
    "CHECKS": "suite",
    "Check": "harness.checks",
    "Options": "harness.options",
    "Pace": "harness.clocks",
    "Plan": "harness.checks",
    **dict.fromkeys(
        ("CannotRun", "CheckFinished", "CheckStarted", "Listener", "Planned", "check_server", "run_checks"), "runner"
    ),
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562): pytest loads this package at each start."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
