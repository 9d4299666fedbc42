"""The ASGI application and its routes."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ltx_mock.api.endpoints import Balance, GenerateTask, NotAnEndpoint, StatusTask
from ltx_mock.api.files import Preview, ResultFile, SampleFile
from ltx_mock.api.landing import Landing
from ltx_mock.asgi.json_response import JSONResponse
from ltx_mock.asgi.messages import header
from ltx_mock.control.guard import Guard
from ltx_mock.core.journal_entry import RequestEntry
from ltx_mock.core.keys import bearer_key
from ltx_mock.core.settings import Settings
from ltx_mock.engine import responses
from ltx_mock.engine.engine import Engine
from ltx_mock.engine.outbound import Sender
from ltx_mock.engine.responses import ApiResponse
from ltx_mock.errors import UnavailableError
from ltx_mock.store.choose import new_store
from ltx_mock_contracts.api import BALANCE_PATH, BASE_PATH
from ltx_mock_contracts.model import MODEL

# Clients set the base URL with or without /api/v1; both work.
PREFIXES = (BASE_PATH, "")
MIDDLEWARE_HEADERS = frozenset({b"origin", b"x-forwarded-for", b"x-forwarded-proto"})
RESULT = f"/files/results/{{task_id}}{MODEL.result.suffix}"


class Failsafe:
    """Middleware that answers in the envelope what fails.

    It answers 503 while the store cannot be reached. With a `crash` it also answers an internal error, and raises it
    again, so that it is logged.
    """

    def __init__(self, app: ASGIApp, crash: Crash | None = None) -> None:
        self._app, self._crash = app, crash

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        try:
            await self._app(scope, receive, send)
        except UnavailableError as problem:
            status, body, headers, *_ = responses.unavailable(str(problem))
            answer = Response(body, status, media_type="application/json")
            answer.raw_headers += headers
            await answer(scope, receive, send)
        except Exception as error:
            if self._crash is not None:
                await (await self._crash(Request(scope), error))(scope, receive, send)
            raise


class Forwarded:
    """Middleware that believes a proxy on this machine about the client and the scheme (`FORWARDED_ALLOW_IPS`)."""

    def __init__(self, app: ASGIApp) -> None:
        trusted = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")  # uvicorn's variable, and its default
        self._app = cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), trusted))

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on."""
        return self._app(scope, receive, send)


class OpenToBrowsers:
    """CORS middleware for the API and its files, for pages of any origin; not for the control plane.

    Requests without `Origin` and without headers of a proxy pass through unchanged.
    """

    def __init__(self, app: ASGIApp, crash: Crash | None = None) -> None:
        self._app = Failsafe(app, crash)
        self._full = Forwarded(
            CORSMiddleware(
                self._app,
                allow_origins=["*"],
                allow_methods=["*"],
                allow_headers=["*"],
                allow_private_network=True,
                expose_headers=["Retry-After", "ETag", "Accept-Ranges", "Content-Range", "Content-Length"],
            )
        )

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Respond to a preflight, or pass the request on."""
        for name, _ in scope["headers"]:
            if name in MIDDLEWARE_HEADERS:
                return self._full(scope, receive, send)
        return self._app(scope, receive, send)


class ByPath:
    """An application that has other applications at some exact paths, in front of one for all other paths."""

    def __init__(self, apps: Mapping[str, ASGIApp], others: ASGIApp) -> None:
        self._apps, self._others = apps, others

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on."""
        app = self._apps.get(scope["path"], self._others) if scope["type"] == "http" else self._others
        return app(scope, receive, send)


class OnFirstUse:
    """An application that is made when its first request comes."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make

    @cached_property
    def _app(self) -> ASGIApp:
        return self._make()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on."""
        return self._app(scope, receive, send)


def new_engine(settings: Settings) -> Engine:
    """Return an engine with these settings and their store."""
    return Engine(settings, new_store(settings), Sender(settings.ca_file))


class Endpoints(NamedTuple):
    """What answers instead of the fake.

    Attributes:
        by_path: The endpoints by their paths without `/api/v1`. Pages of other origins may read them if they say so.
        more: More routes.
        others: What answers at all other paths; None for a 404.
        close: Called when the server ends.
        upstream: The host that they forward to, if they do.
        replays: Whether the fake answers what is recorded, so that only other requests are forwarded.
    """

    by_path: Mapping[str, ASGIApp]
    more: tuple[Route, ...] = ()
    others: ASGIApp | None = None
    close: Callable[[], Awaitable[None]] | None = None
    upstream: str | None = None
    replays: bool = False


def build(engine: Engine, endpoints: Endpoints | None = None) -> ASGIApp:
    """Return the application around an engine, with the endpoints of the fake unless others are given."""
    by_path, more, others, _, upstream, replays = endpoints or Endpoints(_endpoints(engine))
    nothing, crash = others or OpenToBrowsers(NotAnEndpoint(engine)), Crash(engine)
    guard = OpenToBrowsers if endpoints is None else Failsafe  # an API says itself whether pages may read it
    open_ = [Middleware(OpenToBrowsers)]
    control = OnFirstUse(lambda: _control_plane(engine, upstream, replays=replays))
    routes = [
        *more,
        Route("/", Landing(nothing)),
        Route("/favicon.ico", Response(status_code=204)),  # browsers request it by themselves, so it is not recorded
        Route(RESULT, ResultFile(engine), middleware=open_),
        Route("/files/{path:path}", SampleFile(), middleware=open_),
        Route("/__admin", RedirectResponse("/__admin/"), middleware=[Middleware(Guard, engine.settings)]),
        Mount("/__admin", app=control, middleware=[Middleware(Guard, engine.settings)]),
    ]
    _match_whole_paths(routes)
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refuse, Exception: crash})
    app.router.redirect_slashes = False
    # A last route would not work: the pattern of its path does not match line breaks.
    app.router.default = nothing
    apps = {path: guard(endpoint, crash) for path, endpoint in by_path.items()}
    return ByPath({f"{prefix}{path}": each for path, each in apps.items() for prefix in PREFIXES}, Forwarded(app))


def _endpoints(engine: Engine) -> dict[str, ASGIApp]:
    return {
        MODEL.status_path: StatusTask(engine),
        MODEL.generate_path: GenerateTask(engine),
        BALANCE_PATH: Balance(engine),
    }


def _control_plane(engine: Engine, upstream: str | None, *, replays: bool) -> ASGIApp:
    """Return what answers under `/__admin`."""
    from ltx_mock import dashboard  # noqa: PLC0415 - the first answer of the API does without
    from ltx_mock.control.routes import ControlPlane  # noqa: PLC0415

    routes = [*ControlPlane(engine, upstream, replays=replays).routes(), *dashboard.routes(Failsafe(Preview(engine)))]
    _match_whole_paths(routes)
    return Router(routes, redirect_slashes=False)


def _match_whole_paths(routes: Iterable[BaseRoute]) -> None:
    """Make no route match a path with a trailing line break: Starlette ends its patterns with `$`."""
    for route in routes:
        if isinstance(route, (Route, Mount)):
            route.path_regex = re.compile(route.path_regex.pattern.removesuffix("$") + r"\Z", re.DOTALL)
            _match_whole_paths(route.routes if isinstance(route, Mount) else ())


class Crash:
    """Handler of internal errors: the client gets the envelope, the journal the error and its place.

    Starlette raises the error again after the response, so that the server logs it too.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, request: Request, error: Exception) -> Response:
        """Answer 500."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        response = responses.crashed(f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})")
        with suppress(UnavailableError):
            await self._record(request, response)
        return Response(response.body, response.status, media_type="application/json")

    async def _record(self, request: Request, response: ApiResponse) -> None:
        key = bearer_key(header(request.scope, b"authorization") or "")
        tenant = self._engine.store.find(key or "") or await self._engine.tenants.anonymous()
        await self._engine.store.run(
            tenant,
            lambda tenant: tenant.record(
                lambda number: RequestEntry(
                    number=number,
                    at=tenant.clock.now(),
                    operation="other",
                    method=request.method,
                    target=request.url.path,
                    status=response.status,
                    request=b"",
                    response=response.body,
                    request_headers=tuple(request.headers.raw),
                    cause=response.cause,
                )
            ),
        )


async def _refuse(request: Request, error: Exception) -> JSONResponse:
    """Respond to requests that no route of the control plane matches."""
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    message = "no such path under /__admin" if status == 404 else str(getattr(error, "detail", error))
    if status == 405 and headers:
        message = f"method {request.method[:20]} is not allowed here; use {headers['Allow']}"
    return JSONResponse({"error": message}, status, headers=headers)
