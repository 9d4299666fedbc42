"""What people and programs find at the root of the server: the dashboard, or where everything is."""

from __future__ import annotations

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ltx_mock.api import header, root_url
from ltx_mock.version import VERSION

DASHBOARD = "/__admin/"


class Landing:
    """`GET /`: a browser is sent to the dashboard; who waits for the server gets 200 and a page of links."""

    def __init__(self, otherwise: ASGIApp) -> None:
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; other methods than GET and HEAD find nothing here."""
        if scope["method"] not in {"GET", "HEAD"}:
            await self._otherwise(scope, receive, send)
            return
        wants_page = "text/html" in (header(scope, b"accept") or "").lower()
        response: Response = RedirectResponse(DASHBOARD) if wants_page else JSONResponse(_links(root_url(scope)))
        response.headers["vary"] = "Accept"
        await response(scope, receive, send)


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
