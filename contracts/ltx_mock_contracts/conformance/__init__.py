"""Checks that hold a live server to the contract: a pytest suite that takes its target from the command line.

`pytest --pyargs ltx_mock_contracts.conformance --ltx-base-url URL` runs it; `ltx-mock check` is a friendlier face.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.options import Options
    from ltx_mock_contracts.conformance.run import CannotRun, Listener, check_server

__all__ = ["CannotRun", "Listener", "Options", "check_server"]

_HOMES = {"CannotRun": "run", "Listener": "run", "Options": "options", "check_server": "run"}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562): pytest loads this package at each start."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
