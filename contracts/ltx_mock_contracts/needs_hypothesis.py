"""Import this before Hypothesis: if Hypothesis is missing, the error says how to install it."""

from __future__ import annotations

from importlib.util import find_spec

from ltx_mock_contracts.extras import MissingExtraError

if find_spec("hypothesis") is None:
    raise MissingExtraError("Hypothesis", "test")
