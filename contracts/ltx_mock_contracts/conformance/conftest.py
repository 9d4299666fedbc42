"""Register the checks if `plugin` could not detect that they are selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltx_mock_contracts.conformance import adapter

if TYPE_CHECKING:
    import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the adapter."""
    if not config.pluginmanager.hasplugin(adapter.NAME):
        config.pluginmanager.register(adapter, adapter.NAME)
