"""The lines at the end of a test run, over all tests and all processes of pytest-xdist: recordings, and credits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from ltx_mock.control.from_json import amounts_of, amounts_text
from ltx_mock.errors import LtxMockError
from ltx_mock_contracts.control_client import ControlError
from ltx_mock_contracts.io.reply import NoReplyError
from ltx_mock_contracts.reporting.text import printable

if TYPE_CHECKING:
    from ltx_mock_contracts.control_client import ControlClient

SPENT = pytest.StashKey[Counter[str]]()
"""What the tests of this process have spent."""
NOTES = pytest.StashKey[list[str]]()
"""The lines about recordings of the tests of this process."""


def note_spending(config: pytest.Config, admin: ControlClient) -> None:
    """Add what the tenants of a control plane client have spent. Does nothing if the server is gone."""
    with suppress(LtxMockError, ControlError, NoReplyError, KeyError):
        add_spending(config, amounts_of(admin.get("/spend", limit=0)))


def add_spending(config: pytest.Config, amounts: Mapping[str, int]) -> None:
    """Add the `AMOUNTS` of `ltx_mock.control.from_json`."""
    config.stash.setdefault(SPENT, Counter()).update(amounts)


def add_notes(config: pytest.Config, lines: Iterable[str]) -> None:
    """Add lines for the end of the run; each is printed once."""
    known = config.stash.setdefault(NOTES, [])
    known += [line for line in lines if line not in known]


def summary(config: pytest.Config) -> list[str]:
    """Return the lines for the end of the run."""
    notes = [f"ltx-mock: {printable(each)}" for each in config.stash.get(NOTES, [])]
    spent = spending_line(config)
    return [*notes, *([spent] if spent else ())]


def spending_line(config: pytest.Config) -> str | None:
    """Return the line for the end of the run; None if no test has created a task."""
    amounts = config.stash.get(SPENT, Counter())
    recorded = f"; {amounts['recorded']} recorded from the real API" if amounts["recorded"] else ""
    return f"ltx-mock: {amounts_text(amounts)}{recorded}" if amounts["tasks"] or recorded else None
