"""All checks, in the order of reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.conformance.suite import (
    access,
    balance,
    callbacks,
    edges,
    envelope,
    failures,
    limits,
    paths,
    requests,
    tasks,
    unknown_tasks,
)

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.checks import Check

__all__ = ["CHECKS"]

CHECKS: Final[tuple[Check, ...]] = (
    *tasks.CHECKS,
    *edges.CHECKS,
    *unknown_tasks.CHECKS,
    *access.CHECKS,
    *envelope.CHECKS,
    *paths.CHECKS,
    *requests.CHECKS,
    *failures.CHECKS,
    *callbacks.CHECKS,
    *limits.CHECKS,
    *balance.CHECKS,
)
"""Every check of a server: a plain function of a context, with metadata."""
