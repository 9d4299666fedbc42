"""The ASGI application: which path leads where."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from ltx_mock.api import GenerateTask, NotAnEndpoint, StatusTask, header
from ltx_mock.control import ControlPlane
from ltx_mock.engine import Engine
from ltx_mock.files import ResultFile, SampleFile
from ltx_mock.guard import Guard

# Clients in the wild set the base URL with or without /api/v1; either way they find the endpoints.
PREFIXES = ("/api/v1", "")
MODEL = "ltx-2-19b"


class OpenToBrowsers:
    """Middleware that lets a page of any origin call the API and read its files; never part of the control plane.

    Requests that no browser sends across origins carry no `Origin` and go straight through.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["*"],
            allow_headers=["*"],
            allow_private_network=True,
            expose_headers=["Retry-After", "ETag", "Accept-Ranges", "Content-Range", "Content-Length"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request or hand it on."""
        app = self._app if header(scope, b"origin") is None else self._cors
        await app(scope, receive, send)


def build(engine: Engine) -> ASGIApp:
    """Return the application around an engine."""
    generate, status, nothing = GenerateTask(engine), StatusTask(engine), NotAnEndpoint(engine)
    open_ = [Middleware(OpenToBrowsers)]
    control = Router(ControlPlane(engine).routes(), redirect_slashes=False)
    routes: list[Route | Mount] = []
    for prefix in PREFIXES:
        routes.append(Route(f"{prefix}/statusTask/{MODEL}", status, middleware=open_))
        routes.append(Route(f"{prefix}/generateTask/{MODEL}", generate, middleware=open_))
    routes += [
        Route("/files/results/{task_id}.mp4", ResultFile(engine), middleware=open_),
        Route("/files/{path:path}", SampleFile(), middleware=open_),
        Route("/__admin", RedirectResponse("/__admin/"), middleware=[Middleware(Guard, engine.settings)]),
        Mount("/__admin", app=control, middleware=[Middleware(Guard, engine.settings)]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refuse})
    app.router.redirect_slashes = False
    # A last route would not do: the pattern of its path matches no line break.
    app.router.default = OpenToBrowsers(nothing)
    return app


async def _refuse(request: Request, error: Exception) -> JSONResponse:
    """Answer what no route of the control plane takes."""
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    message = "no such path under /__admin" if status == 404 else str(getattr(error, "detail", error))
    if status == 405 and headers:
        message = f"method {request.method[:20]} is not allowed here; use {headers['Allow']}"
    return JSONResponse({"error": message}, status, headers=headers)
