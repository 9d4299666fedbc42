"""Answers in JSON, whatever is in them."""

from __future__ import annotations

from typing import Any

from starlette import responses

from ltx_mock_contracts.io.json_text import write_json


class JSONResponse(responses.JSONResponse):
    """As Starlette's, for values that hold what somebody sent: lone surrogates, `NaN`, numbers without end."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return write_json(content).encode()
