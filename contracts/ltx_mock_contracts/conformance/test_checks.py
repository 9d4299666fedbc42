"""Each check as a pytest test. `conftest.py` registers the options, the plan and the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ltx_mock_contracts.conformance.suite import CHECKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltx_mock_contracts.conformance.harness.checks import Check


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_check(check: Check, run_one: Callable[[Check], None]) -> None:
    run_one(check)
