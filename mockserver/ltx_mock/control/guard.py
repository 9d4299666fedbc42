"""Access control of the control plane, against foreign pages in the developer's browser and against the network."""

from __future__ import annotations

import hmac

from starlette.types import ASGIApp, Receive, Scope, Send

from ltx_mock.asgi.json_response import JSONResponse
from ltx_mock.asgi.messages import header
from ltx_mock.core.hosts import host_of, is_loopback
from ltx_mock.core.settings import Settings
from ltx_mock.engine.outbound import MARK

OPEN_PATH = "/__admin/health"
PAGES = ("/__admin", "/__admin/", "/__admin/model.json", "/__admin/schemas/generate-request")
"""The paths of the page and of its data."""
PAGE_FILES = "/__admin/dashboard/"


class Guard:
    """Middleware before `/__admin`: passes a request on, or responds with 401 or 403. Attaches nothing.

    With an admin token, the request must have it. Without one, the server must listen on loopback and the request must
    use a loopback host name, against DNS rebinding. Requests of foreign pages are refused in both cases, and so are
    requests of an ltx-mock, so that no callback reaches a control plane.

    The files of the dashboard and the facts of the model need no token, since a browser cannot send one when it opens
    them, and other sites may link to the page. The page requests its data with the token.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._token = settings.admin_token
        self._on_loopback = is_loopback(settings.host.lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request or pass it on."""
        problem = self._never(scope) or (None if scope["path"] == OPEN_PATH else self._problem(scope))
        if problem is None:
            await self.app(scope, receive, send)
            return
        status, message = problem
        await JSONResponse({"error": message}, status)(scope, receive, send)

    def _never(self, scope: Scope) -> tuple[int, str] | None:
        if header(scope, MARK.encode()) is None:
            return None
        return 403, "the control plane refuses requests that an ltx-mock sends, such as callbacks"

    def _problem(self, scope: Scope) -> tuple[int, str] | None:
        host = header(scope, b"host") or ""
        origin = header(scope, b"origin")
        foreign = origin is not None and origin.partition("://")[2].lower() != host.lower()
        if foreign or (header(scope, b"sec-fetch-site") in {"cross-site", "same-site"} and not _followed_link(scope)):
            return 403, "the control plane refuses requests from pages of other sites"
        if self._token is not None:
            if _is_page(scope):
                return None
            scheme, _, given = (header(scope, b"authorization") or "").strip().partition(" ")
            right = hmac.compare_digest(given.strip().encode(), self._token.encode()) and scheme.lower() == "bearer"
            return None if right else (401, 'the control plane needs "Authorization: Bearer <admin token>" here')
        if not self._on_loopback:
            return 403, "the control plane is closed on this address; start the server with --admin-token"
        if not is_loopback(host_of(f"http://{host}")):
            return 403, f"the control plane accepts only a loopback host such as localhost, not {host[:80]!r}"
        return None


def _is_page(scope: Scope) -> bool:
    """Tell whether the request is for the dashboard's files, not for its data."""
    path: str = scope["path"]
    return scope["method"] in {"GET", "HEAD"} and (path in PAGES or path.startswith(PAGE_FILES))


def _followed_link(scope: Scope) -> bool:
    """Tell whether a person has followed a link to the dashboard, which takes the place of the page that has it."""
    aims = header(scope, b"sec-fetch-mode"), header(scope, b"sec-fetch-dest")
    return _is_page(scope) and aims == ("navigate", "document")
