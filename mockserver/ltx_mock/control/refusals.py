"""The control plane's answers to what it cannot do."""

from __future__ import annotations

from ltx_mock.asgi.json_response import JSONResponse
from ltx_mock.errors import ConflictError, LtxMockError, NotFoundError, UnavailableError
from ltx_mock_contracts.reporting.redaction import hide_url_secrets

STATUS_OF = {NotFoundError: 404, ConflictError: 409, UnavailableError: 503}


def refusal(error: LtxMockError) -> JSONResponse:
    """Return the response that says why a request failed."""
    headers = {"retry-after": "1"} if isinstance(error, UnavailableError) else None
    return JSONResponse({"error": hide_url_secrets(str(error))}, STATUS_OF.get(type(error), 400), headers)
