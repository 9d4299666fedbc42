"""Which ltx-mock this is."""

from __future__ import annotations


def version() -> str:
    """Return the installed version."""
    from importlib.metadata import version as installed  # noqa: PLC0415 - slow to import, seldom needed

    return installed("ltx-mock")
