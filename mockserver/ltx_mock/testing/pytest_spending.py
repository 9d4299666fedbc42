"""The line about credits at the end of a test run, over all tests and all processes of pytest-xdist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from ltx_mock.control.from_json import REASONS
from ltx_mock.errors import LtxMockError
from ltx_mock_contracts.control_client import ControlError
from ltx_mock_contracts.io.http_client import NoAnswerError

if TYPE_CHECKING:
    from ltx_mock_contracts.control_client import ControlClient

SPENT = pytest.StashKey[Counter[str]]()
"""What the tests of this process have spent."""


def note_spending(config: pytest.Config, admin: ControlClient) -> None:
    """Add what the tenants of a control plane client have spent. Does nothing if the server is gone."""
    try:
        total = admin.get("/spend", limit=0)["total"]
    except (LtxMockError, ControlError, NoAnswerError, KeyError):
        return
    amounts = {name: total[name] for name in ("tasks", "spent", "wasted")}
    add_spending(config, amounts | {reason: total[reason]["tasks"] for reason in REASONS})


def add_spending(config: pytest.Config, spent: Mapping[str, int]) -> None:
    """Add amounts: `tasks`, credits that were `spent` and `wasted`, and the number of tasks for each reason."""
    config.stash.setdefault(SPENT, Counter()).update(spent)


def spending_line(config: pytest.Config) -> str | None:
    """Return the line for the end of the run; None if no test has created a task."""
    spent = config.stash.get(SPENT, Counter())
    if not spent["tasks"]:
        return None
    reasons = ", ".join(f"{words} {spent[reason]}" for reason, words in REASONS.items() if spent[reason])
    wasted = f", {spent['wasted']} wasted" + (f" ({reasons})" if reasons else "")
    return f"ltx-mock: {spent['tasks']} tasks, {spent['spent']} credits spent{wasted}"
