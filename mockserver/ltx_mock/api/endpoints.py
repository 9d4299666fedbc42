"""The endpoints as plain ASGI callables, in front of the engine.

They check access, method, request limit and body, in this order; the engine does the rest.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import ClassVar, NamedTuple
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from ltx_mock.api.faults import deliver_with_effect
from ltx_mock.asgi.connection import connection_of
from ltx_mock.asgi.content_encoding import EncodingError, TooLargeError, decoded
from ltx_mock.asgi.messages import ClientGoneError, client_url, first_headers, read_body
from ltx_mock.core.caller import Caller
from ltx_mock.core.journal_entry import IDEMPOTENCY_KEY, ApiOperation, RequestEntry
from ltx_mock.core.keys import bearer_key
from ltx_mock.core.origins import foreign_page
from ltx_mock.core.trace_context import TraceContext
from ltx_mock.engine import responses
from ltx_mock.engine.engine import Created, Engine
from ltx_mock.engine.responses import ApiResponse
from ltx_mock.engine.scenario_effects import PlannedTask, run_with_scenarios
from ltx_mock.engine.submissions import Submission
from ltx_mock.errors import SettingsError
from ltx_mock.scenarios.matching import ActiveScenario, RequestFacts, for_operation
from ltx_mock.scenarios.per_request import DIRECTIVE, may_request_scenarios, requested_scenarios
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.api import BASE_PATH

MAX_BODY_BYTES = 1024 * 1024

NO_KEY = 'Authorization header is missing; send "Authorization: Bearer <your API key>"'
NOT_BEARER = 'Authorization header must be "Bearer <your API key>", with one key after it'
UNKNOWN_KEY = "API key is not accepted; use a key that is given with --api-key"

NOTHING = Submission(b"", (), RequestFacts(), None)
"""The submission of a request without a body."""
JSON = (b"content-type", b"application/json")
_PLAIN_TASK_ID = re.compile(rb"taskId=([\w.~-]+)", re.ASCII)
_JSON_BODY = re.compile(rb"application/(?:[\w.+-]+\+)?json\s*(?:;|$)", re.IGNORECASE)


class Call(NamedTuple):
    """A call of an endpoint: its scope, the first value of each header, and the parsed body."""

    scope: Scope
    headers: Mapping[bytes, bytes]
    submitted: Submission


class Endpoint(ABC):
    """The base of the endpoints: access, method, request limit, journal. Adds nothing to the scope."""

    operation: ClassVar[ApiOperation]
    methods: ClassVar[tuple[str, ...]]

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request, and record it in the journal of its key."""
        engine, store = self._engine, self._engine.store
        headers = first_headers(scope)
        tenant, refusal = await access(engine, headers)
        refusal = refusal or self._wrong_method(scope["method"])
        body, unreadable, submitted = b"", None, NOTHING
        counts = refusal is None
        waited = counts and "POST" in self.methods
        if waited:
            try:
                body, unreadable = _readable(scope, headers, await read_body(receive, MAX_BODY_BYTES))
            except ClientGoneError:
                return
            if unreadable is None:
                submitted = await engine.worker.read(Submission.of, body)
                body = submitted.raw
        call = Call(scope, headers, submitted)
        if counts and tenant.inspecting:
            waited = True
            await self._wait_for_inspections(tenant, call)
        # A reset meanwhile has put a new tenant in the place of this.
        if waited and store.find(tenant.key) != tenant:
            tenant, refusal = await access(engine, headers)

        def exchange(tenant: Tenant) -> Created:
            now = tenant.clock.now()
            refused = refusal or (_count(tenant, now) if counts else None) or unreadable
            created = Created(refused) if refused else self._handle(tenant, call, now)
            if not created.callback_first:
                record(tenant, self.operation, scope, body, created.response, now)
            return created

        created = await store.run(tenant, exchange)
        if not created.is_done:
            await engine.after_generate(tenant, created)
            if created.callback_first and created.planned is not None:
                now = created.planned.task.timeline.created
                await store.run(
                    tenant, lambda tenant: record(tenant, self.operation, scope, body, created.response, now)
                )
        await deliver(tenant, scope, created.response, receive, send)

    def _wrong_method(self, method: str) -> ApiResponse | None:
        return None if method in self.methods else responses.method_not_allowed(method, ", ".join(self.methods))

    async def _wait_for_inspections(self, tenant: Tenant, call: Call) -> None:  # noqa: ARG002
        """Wait for those on which the response depends; for none unless overridden."""
        return

    @abstractmethod
    def _handle(self, tenant: Tenant, call: Call, now: int) -> Created:
        """Return the response. A unit of work."""


class GenerateTask(Endpoint):
    """`POST generateTask/{model}`."""

    operation = "generateTask"
    methods = ("POST",)

    async def _wait_for_inspections(self, tenant: Tenant, call: Call) -> None:
        if call.submitted.request is not None:
            await self._engine.before_generate(tenant)

    def _handle(self, tenant: Tenant, call: Call, now: int) -> Created:
        subject = call.submitted.subject
        if not tenant.scenarios and DIRECTIVE not in subject.prompt and not may_request_scenarios(call.headers):
            return self._work(tenant, call, now)
        try:
            requested = requested_scenarios(call.scope["headers"], subject.prompt)
        except SettingsError as problem:
            return Created(responses.no_scenario(str(problem), problem.field))
        planned: PlannedTask | None = None

        def work() -> ApiResponse:
            nonlocal planned
            response, planned = self._work(tenant, call, now, requested)
            return response

        response = run_with_scenarios(tenant, "generateTask", requested, subject, work)
        return Created(response, planned)

    def _work(self, tenant: Tenant, call: Call, now: int, requested: tuple[ActiveScenario, ...] = ()) -> Created:
        content_type = call.headers.get(b"content-type", JSON[1])
        if content_type != JSON[1] and not _JSON_BODY.match(content_type):
            return Created(responses.wrong_content_type(content_type.decode("latin-1")))
        return self._engine.generate(tenant, call.submitted, _caller(tenant, call), now, requested)


class StatusTask(Endpoint):
    """`GET statusTask/{model}?taskId=…`."""

    operation = "statusTask"
    methods = ("GET", "HEAD")

    async def _wait_for_inspections(self, tenant: Tenant, call: Call) -> None:
        await self._engine.before_status(tenant, task_id_of(call.scope["query_string"]))

    def _handle(self, tenant: Tenant, call: Call, now: int) -> Created:
        return Created(self._response(tenant, call, task_id_of(call.scope["query_string"]), now))

    def _response(self, tenant: Tenant, call: Call, task_id: str, now: int) -> ApiResponse:
        task = tenant.task(task_id)
        if not tenant.scenarios and not (task and task.scenarios) and not may_request_scenarios(call.headers):
            return self._work(tenant, task_id, now)
        try:
            requested = requested_scenarios(call.scope["headers"])
        except SettingsError as problem:
            return responses.no_scenario(str(problem), problem.field)
        subject = RequestFacts.of(task.request) if task else RequestFacts()
        work = partial(self._work, tenant, task_id, now)
        return run_with_scenarios(tenant, "statusTask", requested, subject, work, task_id)

    def _work(self, tenant: Tenant, task_id: str, now: int) -> ApiResponse:
        return self._engine.status(tenant, task_id, now) if task_id else responses.missing_task_id()


class Balance(Endpoint):
    """`GET apikeys/current-balance`.

    Only scenarios for this operation, or from the request's own headers, apply, so that a client's connection test does
    not use up scenarios for the two endpoints.
    """

    operation = "balance"
    methods = ("GET", "HEAD")

    def _handle(self, tenant: Tenant, call: Call, now: int) -> Created:
        def work() -> ApiResponse:
            return responses.balance(None if tenant.settings.credits is None else tenant.account(now).credits)

        try:
            requested = for_operation(requested_scenarios(call.scope["headers"]), "balance")
        except SettingsError as problem:
            return Created(responses.no_scenario(str(problem), problem.field))
        return Created(run_with_scenarios(tenant, "balance", requested, RequestFacts(), work))


def _readable(scope: Scope, headers: Mapping[bytes, bytes], body: bytes | None) -> tuple[bytes, ApiResponse | None]:
    """Return the decoded body; or the raw or an empty body, and the error response. None means that it is too large."""
    if body is None:
        return b"", responses.too_large(MAX_BODY_BYTES)
    if b"content-encoding" not in headers:
        return body, None
    try:
        return decoded(scope["headers"], body, MAX_BODY_BYTES), None
    except TooLargeError:
        return body, responses.too_large(MAX_BODY_BYTES)
    except EncodingError as problem:
        return body, responses.wrong_encoding(problem)


def _caller(tenant: Tenant, call: Call) -> Caller:
    page = foreign_page(call.headers, tenant.settings.allow_origin)
    given = call.headers.get(IDEMPOTENCY_KEY)
    key = None if given is None else given.decode("latin-1")
    return Caller(client_url(call.scope, call.headers), page, key, TraceContext.of(call.headers))


def _count(tenant: Tenant, now: int) -> ApiResponse | None:
    """Count a request, and return the refusal if it is one too many (LIM-1)."""
    wait = tenant.take_request(now)
    return responses.too_many_requests(tenant.settings, wait) if wait else None


class NotAnEndpoint:
    """All other paths: the 404 of ENV-5 in the envelope; below the API's path a 401 comes first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond, and record the request in the journal of the key, where typos can be found."""
        tenant, refusal = await access(self._engine, first_headers(scope))
        if refusal is None or not f"{scope['path']}/".startswith(f"{BASE_PATH}/"):
            refusal = responses.not_found(scope["path"])
        await self._engine.store.run(
            tenant, lambda tenant: record(tenant, "other", scope, b"", refusal, tenant.clock.now())
        )
        await deliver(tenant, scope, refusal, receive, send)


async def access(engine: Engine, headers: Mapping[bytes, bytes]) -> tuple[Tenant, ApiResponse | None]:
    """Return the tenant of the request's key; or the anonymous tenant and the 401 (AUTH-1 to AUTH-3)."""
    given = headers.get(b"authorization")
    if given is None:
        return await engine.tenants.anonymous(), responses.unauthorized(NO_KEY)
    key = bearer_key(given.decode("latin-1"))
    if key is None:
        return await engine.tenants.anonymous(), responses.unauthorized(NOT_BEARER)
    tenant = engine.tenants.at_hand(key) or await engine.tenants.of_key(key)
    return (tenant, None) if tenant else (await engine.tenants.anonymous(), responses.unauthorized(UNKNOWN_KEY))


async def deliver(tenant: Tenant, scope: Scope, response: ApiResponse, receive: Receive, send: Send) -> None:
    """Send a response with its effect."""
    if response.effect is not None:
        way = await deliver_with_effect(response.effect, tenant.clock, scope, receive, send)
        if way is None:
            return
        send = way
    status, headers, content = response.status, response.headers, response.body
    connection, to_head = connection_of(scope), scope["method"] == "HEAD"
    if to_head or connection is None or not connection.respond(send, status, headers, content):
        all_headers = [JSON, (b"content-length", b"%d" % len(content)), *headers]
        await send({"type": "http.response.start", "status": status, "headers": all_headers})
        await send({"type": "http.response.body", "body": b"" if to_head else content})


def record(tenant: Tenant, operation: ApiOperation, scope: Scope, body: bytes, response: ApiResponse, now: int) -> None:
    """Record an exchange in the journal. A unit of work."""
    query, effect = scope["query_string"], response.effect
    late = effect.wait_ms if effect and tenant.clock.flows else 0
    tenant.record(
        lambda number: RequestEntry(
            number,
            now,
            operation,
            scope["method"],
            f"{scope['path']}?{query.decode('latin-1')}" if query else scope["path"],
            None if effect and effect.fault else response.status,
            body,
            response.body,
            tuple(scope["headers"]),
            response.headers,
            response.task_id,
            response.state,
            tuple(response.findings),
            response.cause,
            effect.fault if effect else None,
            now + late if late else None,
        )
    )


def task_id_of(query: bytes) -> str:
    """Return the `taskId` of a query string; empty if there is none."""
    if plain := _PLAIN_TASK_ID.fullmatch(query):
        return plain[1].decode()
    return parse_qs(query.decode("latin-1")).get("taskId", [""])[0]
