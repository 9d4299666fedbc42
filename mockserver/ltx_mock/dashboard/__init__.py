"""The dashboard at `/__admin/`: static files, which get all data from the control plane."""

from __future__ import annotations

import pkgutil
import re
from functools import lru_cache

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ltx_mock.asgi.byte_ranges import BytesResponse
from ltx_mock.asgi.json_response import JSONResponse
from ltx_mock_contracts.model import MODEL

INDEX = "index.html"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
NAME = re.compile(r"[a-z][a-z0-9-]*\.[a-z]+")
"""A valid name of a file of the page: no slash and no `..`."""
# The page shows untrusted text. Even if it became markup, nothing in it would run or be fetched.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def routes(videos: ASGIApp) -> list[Route]:
    """Return the routes, relative to `/__admin`; `videos` serves results to the page."""
    return [
        Route("/", PageFile()),
        Route(f"/dashboard/videos/{{task_id}}{MODEL.result.suffix}", videos),
        Route("/dashboard/{name:path}", PageFile()),
    ]


class PageFile:
    """A file of the page; the page itself without a name."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        name = scope["path_params"].get("name", INDEX)
        await _response(scope["method"], name)(scope, receive, send)


def _response(method: str, name: str) -> BytesResponse | JSONResponse:
    if method not in {"GET", "HEAD"}:
        problem = f"method {method[:20]} is not allowed here; use GET, HEAD"
        return JSONResponse({"error": problem}, 405, {"allow": "GET, HEAD"})
    media_type = MEDIA_TYPES.get(name[name.rfind(".") :])
    content = read(name) if media_type and NAME.fullmatch(name) else None
    if media_type is None or content is None:
        return JSONResponse({"error": "no such path under /__admin"}, 404)
    return BytesResponse(content, media_type=media_type, headers=HEADERS)


@lru_cache(maxsize=128)
def read(name: str) -> bytes | None:
    """Return a file of the page, or None if there is none of this name.

    Reading through the import system also works from a zip file, and while a test has replaced the file system.
    """
    try:
        return pkgutil.get_data(__name__, f"page/{name}")
    except OSError:
        return None
