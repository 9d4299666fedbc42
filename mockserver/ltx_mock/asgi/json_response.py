"""JSON responses for any values."""

from __future__ import annotations

from typing import Any

from starlette import responses

from ltx_mock_contracts.io.json_text import write_json


class JSONResponse(responses.JSONResponse):
    """Like Starlette's, but also for lone surrogates, `NaN` and huge numbers in data from clients."""

    def render(self, content: Any) -> bytes:
        """Serialize the body."""
        return write_json(content).encode()
