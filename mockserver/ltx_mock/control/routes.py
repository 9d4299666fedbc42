"""The routes of the control plane under `/__admin`. Guarded by `ltx_mock.control.guard`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

import ltx_mock_schemas
from ltx_mock.asgi.json_response import JSONResponse
from ltx_mock.asgi.messages import forwarded_url
from ltx_mock.asgi.streamed_response import StreamedResponse
from ltx_mock.asgi.turns import drained, in_turns, serve_others
from ltx_mock.control.bodies import Advance, Finish, SetClock
from ltx_mock.control.event_stream import EventStream
from ltx_mock.control.events import Events
from ltx_mock.control.history import task_history
from ltx_mock.control.journal import Journal
from ltx_mock.control.journal_filter import Filter, matching
from ltx_mock.control.listing import VIEW_SIZE, in_pieces, listing
from ltx_mock.control.metrics import CONTENT_TYPE, exposition, measured
from ltx_mock.control.params import body_of, json_body, limit_of, tenant_of_query
from ltx_mock.control.proxied import FAKE_ONLY, Refused
from ltx_mock.control.refusals import refusal
from ltx_mock.control.spending import Statement
from ltx_mock.control.task_lists import newest_deliveries, newest_tasks
from ltx_mock.control.tenants import TenantRoutes
from ltx_mock.control.to_json import account_view, delivery_text, delivery_view, task_text, task_view
from ltx_mock.core.clock import SECOND
from ltx_mock.core.records import Task
from ltx_mock.engine.engine import Engine
from ltx_mock.errors import LtxMockError, NotFoundError, SettingsError
from ltx_mock.fields import choice, unknown
from ltx_mock.store.interface import Store
from ltx_mock.store.tenant import Tenant
from ltx_mock.version import VERSION
from ltx_mock_contracts.api import STATES
from ltx_mock_contracts.io.json_text import write_json

MAX_WASTED = 100
"""The default number of prompts and wasted charges in a statement."""
EVENT_SIZE = 150
"""The approximate JSON size of an event of an advance in bytes."""
STATELESS = frozenset({"/health", "/version", "/openapi.json", "/model.json", "/schemas", "/schemas/{name}"})
"""Paths that are answered also while the store is away or slow."""

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[dict[str, Any] | Response]]


class ControlPlane:
    """The handlers. Each returns data for JSON, or raises an `LtxMockError` that says what to change.

    Args:
        engine: The engine of the server.
        upstream: The host of the real API, if requests go there.
        replays: Whether the fake answers those that are recorded.
    """

    def __init__(self, engine: Engine, upstream: str | None = None, *, replays: bool = False) -> None:
        self._engine, self._feed = engine, Events.of(engine).feed
        self._upstream = upstream
        self._only_api = None if replays else upstream

    def table(self) -> list[tuple[str, str, Handler]]:
        """Return method, path below `/__admin` and handler of each route, without the events."""
        return [
            ("GET", "/health", self.health),
            ("GET", "/version", self.version),
            ("GET", "/settings", self.settings),
            ("POST", "/settings", self.extend_settings),
            ("DELETE", "/settings", self.reduce_settings),
            ("GET", "/tenants", self.tenants),
            ("POST", "/reset", self.reset),
            ("GET", "/clock", self.clock),
            ("POST", "/clock", self.set_clock),
            ("POST", "/clock/advance", self.advance),
            ("GET", "/tasks", self.tasks),
            ("GET", "/tasks/{id}", self.task),
            ("POST", "/tasks/{id}/finish", self.finish),
            ("GET", "/callbacks", self.callbacks),
            ("POST", "/callbacks/{id}/redeliver", self.redeliver),
            ("GET", "/metrics", self.metrics),
            ("GET", "/spend", self.spend),
            ("GET", "/openapi.json", self.openapi),
            ("GET", "/model.json", self.model),
            ("GET", "/schemas", self.schemas),
            ("GET", "/schemas/{name}", self.schema),
            *TenantRoutes(self._engine, self._only_api).table(),
            *Journal(self._engine).table(),
        ]

    def routes(self) -> list[Route]:
        """Return the routes, relative to `/__admin`."""
        by_path: dict[str, dict[str, Handler]] = {}
        for method, path, handler in self.table():
            reason = FAKE_ONLY.get((method, path))
            refused = Refused(self._only_api, reason) if self._only_api and reason else None
            by_path.setdefault(path, {})[method] = refused or handler
        routes = [
            Route(path, _as_json(None if path in STATELESS else self._engine.store, handlers), methods=list(handlers))
            for path, handlers in by_path.items()
        ]
        return [*routes, Route("/events", EventStream(self._engine, self._feed), methods=["GET"])]

    async def health(self, _: Request) -> dict[str, Any]:
        """Return name and version of the server."""
        return {"status": "ok", "name": "ltx-mock", "version": VERSION}

    async def version(self, request: Request) -> dict[str, Any]:
        """Return the same, and the host of the API if this is a proxy."""
        return await self.health(request) | ({"upstream": self._upstream} if self._upstream else {})

    async def settings(self, request: Request) -> dict[str, Any]:
        """Return the current settings, without secrets."""
        tenant = await tenant_of_query(self._engine, request)
        return (tenant.settings if tenant else self._engine.settings).as_dict()

    async def extend_settings(self, request: Request) -> dict[str, Any]:
        """Allow more callback hosts, or add rewrites."""
        body = await json_body(self._engine, request)
        settings = await self._engine.tenants.extend_settings(await tenant_of_query(self._engine, request), body)
        return settings.as_dict()

    async def reduce_settings(self, request: Request) -> dict[str, Any]:
        """Remove callback hosts, or rewrites of URL prefixes."""
        body = await json_body(self._engine, request)
        settings = await self._engine.tenants.reduce_settings(await tenant_of_query(self._engine, request), body)
        return settings.as_dict()

    async def tenants(self, request: Request) -> Response:
        """Return the counters of all keys, the newest last."""
        tenants, limit = await self._tenants(request), limit_of(request)
        rows = ((VIEW_SIZE, partial(_account_text, tenant)) for tenant in tenants[max(0, len(tenants) - limit) :])
        return listing(self._engine.worker, "tenants", rows, truncated=len(tenants) > limit)

    async def reset(self, request: Request) -> dict[str, Any]:
        """Reset one tenant, or everything."""
        tenant = await tenant_of_query(self._engine, request)
        await self._engine.tenants.reset(tenant)
        return {"reset": True}

    async def clock(self, request: Request) -> dict[str, Any]:
        """Return the clock."""
        tenant = await tenant_of_query(self._engine, request)
        return (tenant or self._engine).clock.as_dict()

    async def set_clock(self, request: Request) -> dict[str, Any]:
        """Change mode or speed."""
        wanted = await body_of(SetClock, self._engine, request)
        if wanted.mode is None and wanted.speed is None:
            raise SettingsError("give mode, speed or both")
        tenant = await tenant_of_query(self._engine, request)
        await self._engine.set_clock(tenant, wanted.mode, wanted.speed)
        return (tenant or self._engine).clock.as_dict()

    async def advance(self, request: Request) -> Response:
        """Advance the clock and return the events."""
        seconds = (await body_of(Advance, self._engine, request)).seconds
        tenant = await tenant_of_query(self._engine, request)
        fired = await self._engine.advance(tenant, round(seconds * SECOND))
        rows = ((EVENT_SIZE, partial(write_json, event)) for event in fired)
        now = (tenant or self._engine).clock.now()
        return listing(self._engine.worker, "fired", rows, now=now, advanced=seconds)

    async def tasks(self, request: Request) -> Response:
        """Return the newest tasks, newest last."""
        given, limit = request.query_params.get("state"), limit_of(request)
        state = None if given is None else choice(*STATES)("state", given)
        tasks, truncated = await newest_tasks(await self._tenants(request), state, limit)
        rows = ((VIEW_SIZE + len(task.body), partial(_task_text, tenant, task)) for tenant, task in drained(tasks))
        return listing(self._engine.worker, "tasks", rows, truncated=truncated)

    async def task(self, request: Request) -> dict[str, Any]:
        """Return one task with its deliveries and its history."""
        tenant, task = await self._task(request)
        wanted = Filter(kind="all", task=task.id)
        entries = [entry async for several in matching([tenant], wanted) for entry in several]
        task = tenant.task(task.id) or task  # it may have been changed meanwhile
        history = task_history(tenant, task, entries[::-1])
        return await self._view(tenant, task) | history

    async def finish(self, request: Request) -> dict[str, Any]:
        """End a task now."""
        wanted = await body_of(Finish, self._engine, request)
        if wanted.fail_code is not None and wanted.state != "failed":
            raise SettingsError("failCode goes with state failed only")
        _, task = await self._task(request)
        await self._engine.finish(task.id, wanted.state, wanted.fail_code)
        tenant, task = await self._engine.tenants.find_task(task.id)
        return await self._view(tenant, task)

    async def _view(self, tenant: Tenant, task: Task) -> dict[str, object]:
        view = partial(task_view, tenant, now=tenant.clock.now())
        return await self._engine.worker.run(view, task, len(task.body))

    async def callbacks(self, request: Request) -> Response:
        """Return the newest deliveries: made, scheduled, given up and withheld."""
        deliveries, truncated = await newest_deliveries(await self._tenants(request), limit_of(request))
        rows = (
            (VIEW_SIZE + len(each.url), partial(delivery_text, tenant, each)) for tenant, each in drained(deliveries)
        )
        return listing(self._engine.worker, "callbacks", rows, truncated=truncated)

    async def metrics(self, request: Request) -> Response:
        """Return counters and gauges for Prometheus."""
        families = measured(self._engine, await self._tenants(request), len(self._feed.readers))
        return StreamedResponse(in_pieces(self._engine.worker, exposition(families)), CONTENT_TYPE)

    async def spend(self, request: Request) -> Response:
        """Return what the tasks cost, and what of it was wasted."""
        statement = Statement(limit_of(request, MAX_WASTED))
        tenants = await self._tenants(request)
        adding = chain.from_iterable(statement.add(tenant) for tenant in tenants if tenant.key)
        async for _ in in_turns(chain(adding, statement.rank())):
            pass
        return StreamedResponse(in_pieces(self._engine.worker, statement.parts()), "application/json")

    async def redeliver(self, request: Request) -> dict[str, Any]:
        """Deliver a callback once more."""
        delivery = await self._engine.redeliver(request.path_params["id"])
        tenant, _ = await self._engine.tenants.find_task(delivery.task_id)
        return delivery_view(tenant, delivery)

    async def openapi(self, request: Request) -> dict[str, Any]:
        """Return the OpenAPI document; its first server is the address of this request."""
        return ltx_mock_schemas.openapi(self._engine.settings.public_url or forwarded_url(request.scope))

    async def model(self, _: Request) -> dict[str, Any]:
        """Return the facts of the model, as `schemas/model` describes them."""
        return ltx_mock_schemas.model()

    async def schemas(self, _: Request) -> dict[str, Any]:
        """Return the names of the schemas."""
        return {"schemas": list(ltx_mock_schemas.names())}

    async def schema(self, request: Request) -> dict[str, Any]:
        """Return one schema; `.json` after its name is allowed."""
        name = request.path_params["name"].removesuffix(".json")
        known = ltx_mock_schemas.names()
        if name not in known:
            raise NotFoundError(str(unknown("schema", name, known)))
        return ltx_mock_schemas.schema(name)

    async def _task(self, request: Request) -> tuple[Tenant, Task]:
        """Return the task of the path; with `?key=`, only if it belongs to that key."""
        wanted = await tenant_of_query(self._engine, request)
        tenant, task = await self._engine.tenants.find_task(request.path_params["id"])
        if wanted not in {None, tenant}:
            raise NotFoundError(f"no task {task.id!r} of this key")
        return tenant, task

    async def _tenants(self, request: Request) -> list[Tenant]:
        """Return the tenants that a request asks for, with all their ended tasks settled."""
        tenant = await tenant_of_query(self._engine, request)
        tenants = [tenant] if tenant else list(self._engine.store.tenants())
        async for each in in_turns(tenants):
            while not each.settle(each.clock.now()):
                await serve_others()
        return tenants


def _account_text(tenant: Tenant) -> str:
    return write_json(account_view(tenant))


def _task_text(tenant: Tenant, task: Task) -> str:
    return task_text(tenant, task, tenant.clock.now())


def _as_json(store: Store | None, handlers: dict[str, Handler]) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that answers with what a handler returns, once the store is up to date."""

    async def endpoint(request: Request) -> Response:
        handler = handlers["GET" if request.method == "HEAD" else request.method]
        try:
            if store is not None:
                await store.refresh()
            result = await handler(request)
            return result if isinstance(result, Response) else JSONResponse(result)
        except LtxMockError as error:
            return refusal(error)
        except ClientDisconnect:
            return Response(status_code=400)  # the client has disconnected

    return endpoint
