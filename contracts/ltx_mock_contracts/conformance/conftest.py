"""Registers the checks in pytest where `plugin` could not see that they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.conformance import adapter

if TYPE_CHECKING:
    import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register what the tests of this folder are run with."""
    if not config.pluginmanager.hasplugin(adapter.NAME):
        config.pluginmanager.register(adapter, adapter.NAME)
