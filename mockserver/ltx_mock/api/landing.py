"""The root of the server: the dashboard for browsers, a page of links for others."""

from __future__ import annotations

import re

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ltx_mock.asgi.messages import header, root_url
from ltx_mock.version import VERSION

DASHBOARD = "/__admin/"
_WEIGHT = re.compile(r"[01](?:\.\d{0,3})?", re.ASCII)


class Landing:
    """`GET /`: browsers are redirected to the dashboard; programs that wait for the server get 200 and links."""

    def __init__(self, otherwise: ASGIApp) -> None:
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request; methods other than GET and HEAD go to the handler of unknown paths."""
        if scope["method"] not in {"GET", "HEAD"}:
            await self._otherwise(scope, receive, send)
            return
        page = _wants_page(header(scope, b"accept") or "")
        response: Response = RedirectResponse(DASHBOARD) if page else JSONResponse(_links(root_url(scope)))
        response.headers["vary"] = "Accept"
        await response(scope, receive, send)


def _wants_page(accept: str) -> bool:
    """Tell whether an `Accept` header contains HTML and does not prefer JSON (RFC 9110, 12.5.1)."""
    weights = {}
    for item in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in item.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        weights[kind] = float(weight) if _WEIGHT.fullmatch(weight) else 0.0
    return weights.get("text/html", 0.0) > 0 and weights["text/html"] >= weights.get("application/json", 0.0)


def _links(root: str) -> dict[str, str]:
    return {
        "name": "ltx-mock",
        "version": VERSION,
        "baseUrl": f"{root}/api/v1",
        "dashboard": f"{root}{DASHBOARD}",
        "openapi": f"{root}/__admin/openapi.json",
        "health": f"{root}/__admin/health",
        "files": f"{root}/files/",
    }
